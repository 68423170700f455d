"""The callers of the tokens seen lately, kept in memory for seconds: the look-up that every request would begin with.

A cache must never know a token longer than the database does. So: an entry lives five seconds and never past its token's
end; a notice (NOTIFY out of a trigger, whatever way a token ended) drops it; a look-up is kept only if no notice came since
it began; and without a live listener nothing is kept at all. tests/test_token_cache.py tries each of these with two workers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import UUID

import msgspec
import structlog

from app.background import beside
from app.database.errors import DRIVER_ERRORS, DatabaseRefused
from app.database.hosts import Hosts
from app.database.pooler import connect_directly
from app.settings import Settings

log = structlog.get_logger()


LIFE = 5.0
"""Seconds an entry lives at most."""


SIZE = 10_000
"""Entries at most; one more empties the cache first."""


CHANNEL = "tokens_ended"


QUIET = 60.0
"""Seconds between two lines of the log about a database that cannot be listened to."""


class Caller(msgspec.Struct, frozen=True):
    """Who is calling, as the token says."""

    user_id: UUID
    token_id: UUID
    scopes: list[str] | None
    """None: a session, which may do everything."""
    role: str
    is_guest: bool
    timezone: str
    stale: bool
    fresh_for: float | None
    """Seconds until the token expires when it was looked up, at most an hour; None: it never does."""
    actor_id: UUID | None
    """The service or admin that acts for this user; None: the user calls for themself."""
    stored_bytes: int = 0
    """What the user's rows take, as it was written down last."""
    is_measured: bool = False
    """Whether they were measured within the last day."""


class TokenCache:
    """The cache of one worker."""

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[float, Caller]] = {}
        self._listening = False
        self.notices = 0
        """How many notices came so far: a look-up notes it when it begins, see `keep`."""

    def __len__(self) -> int:
        """How many callers it holds, those that have expired since included."""
        return len(self._entries)

    def get(self, token_hash: bytes) -> Caller | None:
        """The caller of a token, if it is known and fresh."""
        entry = self._entries.get(token_hash)
        return entry[1] if entry is not None and entry[0] > monotonic() else None

    def keep(self, token_hash: bytes, caller: Caller, notices: int) -> None:
        """Keep what a look-up found, unless a notice came since it began."""
        if not self._listening or notices != self.notices:
            return
        if len(self._entries) >= SIZE:
            self._entries.clear()
        life = LIFE if caller.fresh_for is None else min(LIFE, caller.fresh_for)
        self._entries[token_hash] = (monotonic() + life, caller)

    def forget(self, token_hash: bytes | None = None) -> None:
        """Forget the caller of a token, or all of them. What this worker ends itself, it forgets before it answers."""
        self.notices += 1
        if token_hash is None:
            self._entries.clear()
        else:
            self._entries.pop(token_hash, None)

    def listen(self, *, listening: bool) -> None:
        """Begin or cease to keep callers; either way, with none."""
        self._listening = listening
        self.forget()


@asynccontextmanager
async def listening(callers: TokenCache, settings: Settings, hosts: Hosts) -> AsyncIterator[None]:
    """Listen for ended tokens for as long as the block runs, on a connection of its own: to `hosts`, or DATABASE_LISTEN_URL."""
    async with beside(_listen_for_ever(callers, settings, hosts)):
        yield


async def _listen_for_ever(callers: TokenCache, settings: Settings, hosts: Hosts) -> None:
    def on_notice(_: Any, __: int, ___: str, payload: object) -> None:
        callers.forget(bytes.fromhex(str(payload)) or None)

    if settings.listen_url is not None:
        hosts = Hosts(settings.listen_url)
    quiet_until = 0.0
    while True:
        lost = asyncio.Event()

        def on_lost(_: Any, lost: asyncio.Event = lost) -> None:
            # At once, not when the task gets its turn: the next request may be faster.
            callers.listen(listening=False)
            lost.set()

        try:
            connection = await connect_directly(
                hosts,
                timeout=settings.connect_timeout,
                # Or it would wait for LISTEN for ever, when the server swallows it.
                command_timeout=settings.query_timeout,
                server_settings={"application_name": "holdfast listener"},
            )
            try:
                connection.add_termination_listener(on_lost)
                await connection.add_listener(CHANNEL, on_notice)
                callers.listen(listening=not connection.is_closed())
                await lost.wait()
            finally:
                callers.listen(listening=False)
                connection.terminate()
            log.warning("listener_lost")
        except (DatabaseRefused, *DRIVER_ERRORS) as error:
            # It tries twice a second for as long as the database is away.
            if monotonic() >= quiet_until:
                log.warning("listener_failed", error=type(error).__name__)
                quiet_until = monotonic() + QUIET
        await asyncio.sleep(0.5)
