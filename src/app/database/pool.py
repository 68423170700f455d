"""The connections of one worker: asyncpg's pool, and a short way for a connection from one request to the next."""

import asyncio
from collections import deque
from contextlib import suppress
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from app.database.connection import Connection, set_exact_dates
from app.database.errors import DRIVER_ERRORS, DatabaseUnavailable, PoolExhausted
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

CONFIRM_WITHIN = 0.5
"""Seconds that the server gets to confirm a cancel, a rollback or a goodbye. One that hangs never does."""


PLANNING = {
    # One plan for good: the default plans a page anew for every request once the table has grown.
    "plan_cache_mode": "force_generic_plan",
    # A page of a disk that does not turn. By the default, 4, the planner sorts all rows of a user for one page as long as it
    # believes that there are few, which it does without statistics, and where most users have few (docs/decisions/0028).
    "random_page_cost": "1.1",
    # A plan whose cost is estimated at 100,000, as that of the overview of habits, would be compiled at each run: a server that
    # can do so takes longer for that than for any of our statements.
    "jit": "off",
}
"""How the server plans on our connections; the plans of all statements are tested this way."""


class Pool:
    """Hands connections on.

    A connection that was just used goes to the request that has waited longest, or is kept for the next one, instead of
    being released: the acquire and release of asyncpg's pool, with their timers and tasks, cost as much as a one-row query.
    Kept connections count as used there. They are released when they are lost or old, and every few seconds those beyond
    DB_POOL_SIZE are, so that asyncpg's pool can close what is not needed. No request ever waits inside asyncpg's pool: that is
    asked only for what it has or may open, see `_lent`.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", settings: Settings) -> None:
        self.waiting = 0
        """Requests that wait for a connection now."""
        self._pool = pool
        self._size = settings.pool_size
        self._recycle = settings.pool_recycle
        self._kept: list[LentConnection] = []
        """Empty while a request waits in `_queue`."""
        self._queue: deque[asyncio.Future[LentConnection | None]] = deque()
        """Requests that wait: each gets a connection, or None for the right to ask asyncpg's pool."""
        self._lent = 0
        """How many connections asyncpg's pool has lent or is asked for; kept ones count."""
        self._closing = False
        self._releasing = asyncio.create_task(self._release_regularly())

    @classmethod
    async def connect(cls, settings: Settings) -> "Pool":
        """Open the pool, with retries. Raises DatabaseUnavailable or DatabaseRefused when that comes to nothing."""

        async def attempt() -> "asyncpg.Pool[asyncpg.Record]":
            return await asyncpg.create_pool(
                settings.database_url,
                connection_class=Connection,
                init=set_exact_dates,
                init_size=settings.pool_size,
                # It would restore its least number by itself, and keep the place of each connection that it waits for: from
                # requests, for DB_CONNECT_TIMEOUT, when the server swallows everything.
                min_size=0,
                max_size=settings.pool_size + settings.max_overflow,
                timeout=settings.connect_timeout,
                command_timeout=settings.query_timeout,
                # Statements stay prepared for as long as their connection lives: there are not many, and none is built.
                statement_cache_size=1000,
                max_cached_statement_lifetime=0,
                server_settings={
                    "application_name": "holdfast",
                    # On both sides: the client's cancel may not arrive, the server's clock stops with the server.
                    "statement_timeout": str(int(settings.query_timeout * 1000)),
                    "timezone": "UTC",
                }
                | PLANNING,
            )

        return cls(await connect_with_retry(attempt, settings.database_url or ""), settings)

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

    async def acquire(self, limit: TimeLimit) -> "LentConnection":
        """Take a connection that works, within the time left for it; give it to `hand_on` or `release` in the end.

        Raises PoolExhausted or DatabaseUnavailable.
        """
        while True:
            connection = self._kept.pop() if self._kept else await self._acquire(limit)
            if _works(connection):
                return connection
            # Lost while it was kept: asyncpg's pool replaces it.
            await self.release(connection)

    async def hand_on(self, connection: "LentConnection") -> None:
        """Give back a connection after use: the next request gets it, unless it is lost or too old."""
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
            await self._end_kept()
        finally:
            self._pass_on(None)

    async def expire(self, lost: "LentConnection") -> None:
        """Have all connections replaced after one was lost: the others may be as dead without a sign of it."""
        self._end(lost)
        await self._end_kept()

    async def _end_kept(self) -> None:
        """End the connections that are kept, and have those in use replaced when they come back."""
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

    async def _acquire(self, limit: TimeLimit) -> "LentConnection":
        # A circuit breaker belongs here: the one place where it shows that no connection can be made.
        started = perf_counter()
        self.waiting += 1
        try:
            if self._lent == self._pool.get_max_size():
                handed = await self._wait_in_queue(limit.for_waiting())
                if handed is not None:
                    return handed
            else:
                self._lent += 1
            return await self._borrow(limit.for_waiting() - (perf_counter() - started))
        except TimeoutError as error:
            # A bare TimeoutError says either: every connection is taken, or the host does not answer.
            log.warning("pool_exhausted" if self.exhausted else "database_unreachable", waiting=self.waiting)
            raise (PoolExhausted if self.exhausted else DatabaseUnavailable) from error
        except DRIVER_ERRORS as error:
            metrics.connection_errors.inc()
            log.warning("connection_failed", error=type(error).__name__, sqlstate=getattr(error, "sqlstate", None))
            raise DatabaseUnavailable from error
        finally:
            self.waiting -= 1
            seconds = perf_counter() - started
            limit.waited += seconds
            metrics.acquiring.note(seconds)

    async def _wait_in_queue(self, seconds: float) -> "LentConnection | None":
        """Wait to be handed a connection, or the right to borrow one. Raises TimeoutError when the time is up."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[LentConnection | None] = loop.create_future()
        self._queue.append(turn)
        # What `asyncio.timeout` does would cost more than the handing on.
        timer = loop.call_later(seconds, _time_is_up, turn)
        try:
            return await turn
        except BaseException:
            if turn in self._queue:
                self._queue.remove(turn)
            elif not turn.cancelled() and turn.exception() is None:
                # Cancelled in the moment between being handed it and going on.
                self._pass_on(turn.result())
            raise
        finally:
            timer.cancel()

    def _pass_on(self, connection: "LentConnection | None") -> None:
        """Give a connection, or the right to borrow one, to the request that has waited longest; keep it when none waits."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._lent -= 1
        else:
            self._kept.append(connection)

    async def _borrow(self, seconds: float) -> "LentConnection":
        """Take a connection from asyncpg's pool, which has one or may open one."""
        try:
            return await self._pool.acquire(timeout=seconds)
        except BaseException:
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


def _time_is_up(turn: "asyncio.Future[Any]") -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())
