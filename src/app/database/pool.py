"""The connections of one worker: asyncpg's pool, and a short way for a connection from one request to the next."""

import asyncio
from contextlib import suppress
from math import inf
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, TypeAlias, cast

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from app.database.breaker import Breaker
from app.database.connection import Connection
from app.database.errors import DRIVER_ERRORS, DatabaseUnreachable, PoolExhausted
from app.database.hosts import Hosts
from app.database.line import Line
from app.database.opening import open_pool
from app.database.startup import connect_with_retry
from app.database.time_limit import TimeLimit
from app.settings import Settings
from app.telemetry import metrics

if TYPE_CHECKING:
    LentConnection: TypeAlias = PoolConnectionProxy[asyncpg.Record]

log = structlog.get_logger()

KEEP = 10.0
"""Seconds between the times at which connections beyond DB_POOL_SIZE that no request uses are released to asyncpg's pool, which
closes them after five minutes."""

MOST_WAITING = 300
"""Requests that may wait for a connection; one more is refused at once. With 15 connections each has 20 before it then."""

PRESSED = 50
"""Requests that wait for a connection from which on what is not vital is left out."""

PROBE_WITHIN = 1.0
"""Seconds that the breaker's probe gets to make a connection; more where making those of the start took long."""

CONFIRM_WITHIN = 0.5
"""Seconds that the server gets to confirm a cancel, a rollback or a goodbye. One that hangs never does."""


class Pool:
    """Hands connections on.

    A connection that was just used goes to the request that has waited longest, or is kept for the next one, instead of
    being released: the acquire and release of asyncpg's pool, with their timers and tasks, cost as much as a one-row query.
    Kept connections count as used there. They are released when they are lost or old, and every few seconds those beyond
    DB_POOL_SIZE are, so that asyncpg's pool can close what is not needed. No request ever waits inside asyncpg's pool: that is
    asked only for what it has or may open, see `_lent`.

    The breaker counts what says that the database cannot be reached: a connection that cannot be made, one that is lost, a
    cancel that is not confirmed. While it is not closed no request waits here, and one a second tries to make a connection.
    """

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", settings: Settings, hosts: Hosts, probe_within: float = PROBE_WITHIN
    ) -> None:
        self.breaker = Breaker()
        self.hosts = hosts
        self.generation = 0
        """How often all connections were given up so far: a connection is as old as this was when it was acquired."""
        self.is_distributed = False
        """Whether tables may be spread over several servers."""
        self.waiting = 0
        """Requests that wait for a connection now."""
        self._pool = pool
        self._size = settings.pool_size
        self._recycle = settings.pool_recycle
        self._probe_within = probe_within
        self._kept: list[LentConnection] = []
        """Empty while a request waits in `_line`."""
        self._line: Line[LentConnection | None] = Line(self._pass_on)
        """Requests that wait: each gets a connection, or None for the right to ask asyncpg's pool."""
        self._lent = 0
        """How many connections asyncpg's pool has lent or is asked for; kept ones count."""
        self._closing = False
        self._releasing = asyncio.create_task(self._release_regularly())

    @classmethod
    async def connect(cls, settings: Settings) -> "Pool":
        """Open the pool, with retries. Raises DatabaseUnavailable or DatabaseRefused when that comes to nothing."""
        hosts = Hosts(settings.database_url or "")

        async def attempt() -> "Pool":
            started = monotonic()
            pool = await open_pool(settings, hosts)
            opened = cls(pool, settings, hosts, max(PROBE_WITHIN, 2 * (monotonic() - started)))
            async with pool.acquire() as connection:
                opened.is_distributed = cast("Connection", connection).is_distributed
            return opened

        return await connect_with_retry(attempt, settings.database_url or "", settings.start_retries)

    async def close(self) -> None:
        """Wait for the statements under way, then close. What still runs after ten seconds is cut off."""
        self._releasing.cancel()
        # From now on nothing is kept: asyncpg's pool waits for every connection to come back.
        self._closing = True
        try:
            async with asyncio.timeout(10):
                await self._release_kept()
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @property
    def size(self) -> int:
        """How many connections there are."""
        return self._pool.get_size()

    @property
    def idle(self) -> int:
        """How many of them are not in use."""
        return self._pool.get_idle_size() + len(self._kept)

    @property
    def exhausted(self) -> bool:
        """Whether every connection that the pool may have is taken."""
        return self.idle == 0 and self.size == self._pool.get_max_size()

    @property
    def breaker_state(self) -> str:
        """closed, open or half_open."""
        return self.breaker.state

    @property
    def is_pressed(self) -> bool:
        """Whether what is not vital is to be left out: the database cannot be reached, or too many wait for a connection."""
        return self.breaker.state != "closed" or len(self._line) >= PRESSED

    async def acquire(self, limit: TimeLimit) -> "LentConnection":
        """Take a connection that works, within the time left for it; give it to `hand_on` or `release` in the end.

        Raises PoolExhausted or DatabaseUnreachable: at once while the breaker is not closed, unless this is its probe.
        """
        if self.breaker.state != "closed":
            return await self._probe(limit)
        while True:
            connection = self._kept.pop() if self._kept else await self._acquire(limit)
            if _works(connection):
                return connection
            # Lost while it was kept: asyncpg's pool replaces it.
            await self.release(connection)

    async def hand_on(self, connection: "LentConnection") -> None:
        """Give back a connection that has answered: the next request gets it, unless it is lost or too old."""
        if self.breaker.failures:
            self._note_success()
        # asyncpg knows no maximum age.
        if self._closing or not _works(connection) or monotonic() - cast("Connection", connection).born > self._recycle:
            await self.release(connection, close=True)
        else:
            self._pass_on(connection)

    async def release(self, connection: "LentConnection", *, close: bool = False) -> None:
        """Give a connection back to asyncpg's pool, which replaces one that is lost, or that is closed here."""
        try:
            if close and _works(connection):
                await connection.close(timeout=CONFIRM_WITHIN)
            # Lost at this very moment, it has freed its place in the pool by itself, and release() would complain.
            with suppress(asyncpg.InternalClientError):
                # Waits for the cancel of a statement that ran too long, or was given up.
                await self._pool.release(connection, timeout=CONFIRM_WITHIN)
        except TimeoutError:
            # It was ended, and the others may be as dead.
            log.warning("cancel_not_confirmed")
            self._note_failure()
            await self._end_kept()
        finally:
            self._pass_on(None)

    async def expire(self, connection: "LentConnection") -> None:
        """Have all connections replaced, beginning with this one: a new one may lead to a server that takes writes."""
        self._end(connection)
        await self._end_kept()

    async def lose(self, lost: "LentConnection", generation: int) -> None:
        """Have all connections replaced after one was lost: the others may be as dead without a sign of it.

        Those of one generation are lost by one event, such as a restart of the server: they count as one failure.
        """
        if generation == self.generation:
            self._note_failure()
        await self.expire(lost)

    async def give_up(self) -> None:
        """Have all connections replaced when the server gives no answer, which is a failure. What is under way goes on."""
        self._note_failure()
        await self._end_kept()

    async def _end_kept(self) -> None:
        """End the connections that are kept, and have those in use replaced when they come back."""
        self.generation += 1
        await self._pool.expire_connections()
        kept, self._kept = self._kept, []
        for connection in kept:
            self._end(connection)

    def _end(self, connection: "LentConnection") -> None:
        """End a connection without a word: the server may hang, and would not answer."""
        # Lost before, and taken back by asyncpg's pool already.
        with suppress(asyncpg.InterfaceError):
            connection.terminate()
        self._pass_on(None)

    async def _probe(self, limit: TimeLimit) -> "LentConnection":
        """Try to make a connection, if it is time to; nothing else does meanwhile. Raises DatabaseUnreachable."""
        probe = self.breaker.begin(monotonic())
        if probe is None:
            raise DatabaseUnreachable
        try:
            connection = await self._acquire(limit, self._probe_within)
        except BaseException:
            # Given up by its caller, for one.
            self._note_failure(probe)
            raise
        self._note_success()
        return connection

    def _note_success(self) -> None:
        if self.breaker.state != "closed":
            log.warning("breaker_closed")
        self.breaker.succeeded()

    def _note_failure(self, probe: int = 0) -> None:
        """Count a failure. When it opens the breaker, who waits for a connection hears so now."""
        if not self.breaker.failed(monotonic(), probe):
            return
        if not probe:
            log.warning("breaker_opened", waiting=len(self._line))
        self._line.refuse(DatabaseUnreachable)

    async def _acquire(self, limit: TimeLimit, within: float = inf) -> "LentConnection":
        started = perf_counter()
        self.waiting += 1
        try:
            if self._lent == self._pool.get_max_size():
                if len(self._line) >= MOST_WAITING:
                    raise PoolExhausted
                handed = await self._line.wait(min(limit.for_waiting(), within))
                if handed is not None:
                    return handed
            else:
                self._lent += 1
            seconds = limit.for_waiting() - (perf_counter() - started)
            return await self._borrow(min(seconds, within))
        except TimeoutError as error:
            # A bare TimeoutError says either: every connection is taken, or the host does not answer.
            log.warning("pool_exhausted" if self.exhausted else "database_unreachable", waiting=self.waiting)
            raise (PoolExhausted if self.exhausted else DatabaseUnreachable) from error
        except DRIVER_ERRORS as error:
            metrics.connection_errors.inc()
            log.warning("connection_failed", error=type(error).__name__, sqlstate=getattr(error, "sqlstate", None))
            raise DatabaseUnreachable from error
        finally:
            self.waiting -= 1
            seconds = perf_counter() - started
            limit.waited += seconds
            metrics.acquiring.note(seconds)

    def _pass_on(self, connection: "LentConnection | None") -> None:
        """Give a connection, or the right to borrow one, to the request that has waited longest; keep it when none waits."""
        if self._line.hand(connection):
            return
        if connection is None:
            self._lent -= 1
        else:
            self._kept.append(connection)

    async def _borrow(self, seconds: float) -> "LentConnection":
        """Take a connection from asyncpg's pool, which has one or may open one."""
        try:
            return await self._pool.acquire(timeout=seconds)
        except BaseException as error:
            if isinstance(error, DRIVER_ERRORS):
                self._note_failure()
            self._pass_on(None)
            raise

    async def _release_kept(self, *, down_to: int = 0) -> None:
        # One by one: what is not released when this is cancelled is still kept.
        for _ in range(len(self._kept) - down_to):
            if len(self._kept) > down_to:
                await self.release(self._kept.pop(0))

    async def _release_regularly(self) -> None:
        while True:
            await asyncio.sleep(KEEP)
            await self._release_kept(down_to=self._size)


def _works(connection: "LentConnection") -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # Lost, and taken back by asyncpg's pool already.
        return False
