"""Sends what lies in the table of outgoing mail: a loop in each worker, beside the requests.

At least once: a mail is removed after a server has taken it, so one that was taken when its worker died is sent again. While a
server is talked to nothing is held, neither a connection to the database nor a lock: what keeps other workers away from a mail
is that the one that claimed it has put it off.
"""

import asyncio
import random
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.errors import MessageError
from time import perf_counter

import asyncpg
import msgspec
import structlog

from app.background import beside
from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.executor import Database
from app.mail import messages, repository, servers, writing
from app.mail.repository import ClaimedMail
from app.mail.servers import MailRefused, MailServer, MailServerUnavailable
from app.mail.templating import KINDS, Templates
from app.mail.writing import Written
from app.settings import Mail, Settings
from app.telemetry import metrics

log = structlog.get_logger()

EVERY = 4.0
"""Seconds between two looks of a worker at the table, about; one that has written a mail looks at once."""

COUNT_EVERY = 60.0
"""Seconds between two counts of what lies there, for the metrics."""

BATCH = 5
"""Mails that one connection to a server sends."""

LEASE = servers.SEND_WITHIN * (BATCH + 1) + 60
"""Seconds that a claimed mail is kept from others: more than a batch can take."""

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds until a mail that was not taken is tried again: 1 minute, 2, 4, ..., an hour."""


for _kind in KINDS:
    # From 0 on: the first that is given up is a growth already.
    for _metric in (metrics.mails_sent, metrics.mail_failures, metrics.mails_given_up):
        _metric.labels(_kind)


def sends(settings: Settings) -> bool:
    """Whether mail goes anywhere: to the server of SMTP_URL, or, in development, where the person who runs this sees it."""
    return settings.smtp is not None or not settings.production


class Sender:
    """What one worker sends with."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Read the templates. Raises SettingsError for a broken one."""
        self._database = database
        self._settings = settings
        self._templates = Templates(settings)
        self._context: ssl.SSLContext | None = None

    async def send_due(self) -> bool:
        """Send some of the mails that are due. False: there are no more for now.

        Raises MailServerUnavailable after the mails were put off; and as statements do.
        """
        claimed = await repository.claim(self._database, limit=BATCH, lease_seconds=LEASE)
        metrics.mail_attempts.inc(len(claimed))
        left = list(claimed)
        try:
            written = [each for mail in claimed if (each := await self._write(mail, left)) is not None]
            if written and self._settings.smtp is None:
                await self._show(written, left)
            elif written and self._settings.smtp is not None:
                await self._send(self._settings.smtp, written, left)
        except asyncio.CancelledError:
            # A worker that ends. What it had not begun need not wait for the end of the lease.
            with suppress(DatabaseUnavailable, QueryTimeout, asyncpg.PostgresError):
                await repository.give_back(self._database, [mail.id for mail in left])
            raise
        return len(claimed) == BATCH

    async def _write(self, mail: ClaimedMail, left: list[ClaimedMail]) -> Written | None:
        """Fill in a mail, with its link. None: nobody is to get it, and it is gone."""
        try:
            written = await writing.write(self._database, self._settings, self._templates, mail)
        except (KeyError, ValueError, msgspec.MsgspecError):
            # Whatever is wrong with it, it must not keep those behind it.
            left.remove(mail)
            await self._not_taken(mail, "cannot be written", is_final=True)
            return None
        if written is None:
            left.remove(mail)
            await repository.delete_sent(self._database, mail.id)
        return written

    async def _show(self, written: list[Written], left: list[ClaimedMail]) -> None:
        """In development, without a server: to the terminal of `holdfast serve`."""
        for each in written:
            left.remove(each.mail)
            print(f"\n--- Mail to {each.address}: {each.said.subject}\n\n{each.said.text}---\n", file=sys.stderr, flush=True)  # noqa: T201
            await repository.delete_sent(self._database, each.mail.id)

    async def _send(self, to: Mail, written: list[Written], left: list[ClaimedMail]) -> None:
        if self._context is None:
            self._context = await asyncio.to_thread(servers.tls_context)
        waiting = list(written)
        try:
            async with servers.connected(to, self._context, writing.address_of(self._settings)) as server:
                while waiting:
                    left.remove(waiting[0].mail)
                    await self._send_one(server, waiting[0])
                    del waiting[0]
        except MailServerUnavailable as error:
            for each in waiting:
                await self._not_taken(each.mail, error.code, is_final=False)
            left.clear()
            raise

    async def _send_one(self, server: MailServer, written: Written) -> None:
        mail, started = written.mail, perf_counter()
        try:
            await server.send(messages.envelope(self._settings.mail_from or "", written.address, written.said))
        except MessageError:
            await self._not_taken(mail, "cannot be written", is_final=True)
            return
        except MailRefused as refused:
            await self._not_taken(mail, refused.code, is_final=refused.is_final)
            return
        await repository.delete_sent(self._database, mail.id)
        metrics.mails_sent.labels(mail.kind).inc()
        log.info("mail_sent", kind=mail.kind, attempts=mail.attempts, seconds=round(perf_counter() - started, 3))

    async def _not_taken(self, mail: ClaimedMail, code: str, *, is_final: bool) -> None:
        """Put a mail off, or give it up. The log names neither its reader nor what the server said."""
        given_up = is_final or mail.is_old
        metrics.mail_failures.labels(mail.kind).inc()
        log.warning("mail_not_sent", kind=mail.kind, mail_id=str(mail.id), why=code, attempts=mail.attempts, given_up=given_up)
        if given_up:
            metrics.mails_given_up.labels(mail.kind).inc()
            await repository.give_up(self._database, mail.id, failure=code)
        else:
            pause = min(FIRST_PAUSE * 2 ** min(mail.attempts - 1, 10), LONGEST_PAUSE)
            await repository.postpone(self._database, mail.id, seconds=pause * random.uniform(0.75, 1), failure=code)  # noqa: S311


@asynccontextmanager
async def regularly(database: Database, settings: Settings, is_due: asyncio.Event) -> AsyncIterator[None]:
    """Send for as long as the block runs, where there is something to send with. What goes wrong is logged, and tried again.

    `is_due` is set after mail was written by this worker. Raises SettingsError for a broken template.
    """
    for gauge in (metrics.mails_waiting, metrics.mails_kept, metrics.mail_oldest_seconds):
        gauge.set(0)
    if not sends(settings):
        yield
    elif settings.smtp is None:
        async with beside(_show_for_ever(Sender(database, settings), is_due)):
            yield
    else:
        async with beside(_send_for_ever(Sender(database, settings), database, is_due)), beside(_count_for_ever(database)):
            yield


async def _show_for_ever(sender: Sender, is_due: asyncio.Event) -> None:
    """Show what is written, when it is written: with no server that could fail there is nothing else to look for."""
    while True:
        await is_due.wait()
        is_due.clear()
        await _send_all(sender, None)


async def _send_for_ever(sender: Sender, database: Database, is_due: asyncio.Event) -> None:
    failed = 0
    while True:
        if failed:
            # Whatever is written meanwhile: a server that cannot be reached is asked by and by.
            await asyncio.sleep(EVERY * 2 ** min(failed, 4))
        else:
            await _wait(is_due, EVERY * random.uniform(0.75, 1.25))  # noqa: S311 - so that workers do not come all at once
        failed = 0 if await _send_all(sender, database) else failed + 1


async def _send_all(sender: Sender, pressed: Database | None) -> bool:
    """Send everything that is due, unless the database is pressed. False: no server can be reached."""
    try:
        while True:
            if pressed is not None:
                pressed.check_pressure("mail")
            if not await sender.send_due():
                return True
    except MailServerUnavailable:
        return False
    except (DatabaseUnavailable, QueryTimeout, asyncpg.PostgresError) as error:
        log.warning("mail_waits", error=type(error).__name__)
        return True


async def count(database: Database) -> None:
    """Tell the metrics what lies in the table. Raises as a statement does."""
    state = await repository.state(database)
    metrics.mails_waiting.set(state.waiting)
    metrics.mails_kept.set(state.given_up)
    metrics.mail_oldest_seconds.set(state.oldest_seconds)


async def _count_for_ever(database: Database) -> None:
    while True:
        try:
            database.check_pressure("mail")
            await count(database)
        except (DatabaseUnavailable, QueryTimeout, asyncpg.PostgresError) as error:
            log.warning("mail_not_counted", error=type(error).__name__)
        await asyncio.sleep(COUNT_EVERY * random.uniform(0.75, 1.25))  # noqa: S311 - as above


async def _wait(is_due: asyncio.Event, seconds: float) -> None:
    """Wait until mail was written here, or so long."""
    try:
        async with asyncio.timeout(seconds):
            await is_due.wait()
    except TimeoutError:
        return
    is_due.clear()
