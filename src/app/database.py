"""The pool, the statements of sql/queries/, transactions, and what happens when the database stumbles.

A repository calls `queries.get(database, user_id=..., id=...)`; `database` is the pool (`Database`, one connection per
statement) or a `Transaction`. Every statement passes `_execute`, the one place that times, labels and logs it.
"""

import asyncio
import random
import re
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import cache
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar, TypeVarTuple, Unpack, cast

import aiosql
import asyncpg
import structlog
from aiosql.adapters.asyncpg import AsyncPGAdapter
from aiosql.types import QueryDatum, SQLOperationType
from asyncpg.pool import PoolConnectionProxy

from app import metrics, resources
from app.settings import Settings

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = structlog.get_logger()

STARTUP_WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds between the attempts to reach the database at start."""

ATTEMPTS = 3
"""How often a transaction runs at most when it meets a deadlock or a serialization failure."""

KEEP = 10.0
"""Seconds between the times at which unused connections are handed back to the pool, which closes them after a while."""

SLOW_QUERY = 1.0
"""Seconds from which on a query is logged by name."""

_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""Whatever the driver and the network raise."""

_RETRY = {"40001", "40P01"}
_LOST = {"57P01", "57P02", "57P03", "57P05", "53300"}


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or the connection was lost. Nothing that was begun has happened."""

    code = "database_unavailable"


class PoolExhausted(DatabaseUnavailable):
    """No connection became free within DB_POOL_TIMEOUT."""

    code = "pool_exhausted"


class DatabaseBusy(DatabaseUnavailable):
    """Deadlocks or serialization failures, time after time."""

    code = "database_busy"


class DatabaseReadOnly(DatabaseUnavailable):
    """The server takes no writes: a full disk, or a read-only server."""

    code = "database_read_only"


class QueryTimeout(Exception):
    """A statement ran longer than DB_QUERY_TIMEOUT and was cancelled."""


class DatabaseRefused(Exception):
    """The server was reached and said no: wrong credentials, no such database. The text shows none of them."""


class Executor(Protocol):
    """What a query can be sent through: the pool or a transaction."""

    def run(self, query: "Query", values: list[Any]) -> Coroutine[Any, Any, Any]: ...


class Connection(asyncpg.Connection):
    """A connection that is handed on as it is.

    The reset query on release would cost 40 % of a one-row request; so no code may leave state in a session: `set local`
    and `pg_advisory_xact_lock` only, and a connection of its own for LISTEN. tests/test_style.py looks for that.
    """

    __slots__ = ("born", "itself", "lent_as")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.born = monotonic()
        self.itself = self
        """The way past the proxy that the pool lends: each call through it costs as much as a small query's decoding."""
        self.lent_as: PoolConnectionProxy[asyncpg.Record] | None = None
        """What the pool wants back."""

    def get_reset_query(self) -> str:
        return ""

    async def count(self, sql: str, *values: Any) -> int:
        """Run a statement; returns how many rows it touched."""
        # execute() with parameters is the call that keeps the status, such as "DELETE 1".
        status: str = await self.execute(sql, *values)
        return int(status.rpartition(" ")[2])


class Query:
    """One statement: called with an executor and its parameters by name.

    Returns what its name line says: `^` one row or None, `$` one value, `!` the number of rows, nothing: a list of rows.
    """

    __slots__ = ("call", "name", "note", "operation", "order", "reads_only", "sql")

    def __init__(self, name: str, sql: str, operation: SQLOperationType, order: list[str]) -> None:
        self.name = name
        self.sql = sql
        self.operation = operation
        self.call = _CALLS[operation]
        self.order = order
        self.reads_only = not re.search(r"\b(insert|update|delete|pg_advisory\w+)\b", sql)
        self.note = metrics.query_timer(name).note

    def __call__(self, on: Executor, **arguments: Any) -> Coroutine[Any, Any, Any]:
        try:
            values = [arguments[name] for name in self.order]
        except KeyError:
            values = []
        if not len(values) == len(arguments) == len(self.order):
            unknown = sorted(arguments.keys() ^ set(self.order))
            raise TypeError(f"{self.name}: unknown or missing parameters {unknown}")
        return on.run(self, values)


class Queries(aiosql.queries.Queries):
    """The statements of one file, as attributes. aiosql parses and names; the calls go straight to asyncpg."""

    def load_from_list(self, query_data: list[QueryDatum]) -> "Queries":
        for datum in query_data:
            stem = re.sub(r".*/|\.sql$", "", str(datum.floc[0]))
            if datum.operation_type not in _CALLS:
                raise aiosql.SQLParseException(f"{stem}.{datum.query_name}: use ^, $, ! or no operator")
            order = cast("AsyncPGAdapter", self.driver_adapter).var_sorted[datum.query_name]
            query = Query(f"{stem}.{datum.query_name}", datum.sql.rstrip(";"), datum.operation_type, order)
            self.add_query(datum.query_name, query)
        return self

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Query: ...


@cache
def load(name: str) -> Queries:
    """Load sql/queries/<name>.sql. A missing file, a statement twice or an undeclared parameter stops the start."""
    path = resources.folder("sql") / "queries" / f"{name}.sql"
    queries = aiosql.from_path(path, AsyncPGAdapter, queries_cls=Queries, encoding="utf-8")
    if not isinstance(queries, Queries):
        raise TypeError(name)
    return queries


_CALLS = {
    SQLOperationType.SELECT: "fetch",
    SQLOperationType.SELECT_ONE: "fetchrow",
    SQLOperationType.SELECT_VALUE: "fetchval",
    SQLOperationType.INSERT_UPDATE_DELETE: "count",
}
"""The method of Connection for each operator of a name line."""


async def _execute(connection: Connection, query: Query, values: list[Any], echo: bool) -> Any:  # noqa: FBT001
    """Send one statement; time it, and translate what says that the database stumbled. Other errors pass."""
    started = perf_counter()
    try:
        return await getattr(connection, query.call)(query.sql, *values)
    except _FAULTS as error:
        _translate(error, query.name)
    finally:
        seconds = perf_counter() - started
        query.note(seconds)
        if seconds > SLOW_QUERY:
            log.warning("slow_query", query=query.name, seconds=round(seconds, 3))
        if echo:
            log.info("sql", query=query.name, sql=query.sql, seconds=round(seconds, 6))


def _translate(error: Exception, query: str) -> NoReturn:
    """Raise what the fault means to the caller. Logs and counts it; never with the error's text, which may carry a row."""
    sqlstate = str(getattr(error, "sqlstate", None) or "client")
    metrics.failed_queries.labels(sqlstate[:2]).inc()
    details = {
        key: getattr(error, f"{key}_name") for key in ("constraint", "table", "column") if getattr(error, f"{key}_name", None)
    }
    log.warning("query_failed", query=query, sqlstate=sqlstate, error=type(error).__name__, **details)
    # TimeoutError is an OSError: its place is before the lost connections.
    if isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
        raise QueryTimeout(query) from error
    if is_lost(error):
        raise DatabaseUnavailable from error
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError | asyncpg.DiskFullError):
        raise DatabaseReadOnly from error
    raise error


def is_lost(error: BaseException) -> bool:
    """Whether an error says that the connection is gone or cannot be made, rather than that the statement is wrong."""
    if isinstance(error, asyncpg.DataError):
        return False
    if isinstance(error, asyncpg.PostgresError):
        sqlstate = error.sqlstate or ""
        return sqlstate.startswith("08") or sqlstate in _LOST
    return isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError)


async def _transact(connection: Connection, work: Callable[["Transaction"], Awaitable[T]], echo: bool) -> T:  # noqa: FBT001
    try:
        async with connection.transaction():
            return await work(Transaction(connection, echo=echo))
    except _FAULTS as error:
        # Out of begin or commit; the statements' own faults were translated before.
        if is_lost(error):
            raise DatabaseUnavailable from error
        raise


class Transaction:
    """One connection inside a transaction: what `Database.transaction` gives to its work."""

    def __init__(self, connection: Connection, *, echo: bool) -> None:
        self._connection = connection
        self._echo = echo

    async def run(self, query: Query, values: list[Any]) -> Any:
        return await _execute(self._connection, query, values, self._echo)


class Database:
    """The pool of one worker.

    A connection that was just used goes to whoever has waited longest, or is kept at hand, rather than given back: the
    pool's acquire and release, with their timers and tasks, cost as much as a one-row query. Kept connections count as used
    in the pool, and go back to it when something went wrong with them, when they are old, and every few seconds, so that
    those that nobody needs can be closed by the pool. Nobody ever waits inside the pool: it is asked only for what it has or
    may make, see `_lent`.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", settings: Settings) -> None:
        self.pool = pool
        self.waiting = 0
        """Requests that wait for a connection now."""
        self._settings = settings
        self._echo = settings.echo_sql
        self._kept: list[Connection] = []
        """While somebody is in `_queue`, there are none."""
        self._queue: deque[asyncio.Future[Connection | None]] = deque()
        """Who waits for a connection: gets one that works, or None for the right to ask the pool."""
        self._lent = 0
        """How many connections the pool has lent or is asked for; kept ones count."""
        self._closing = False
        self._giving_back = asyncio.create_task(self._give_back_regularly())

    @classmethod
    async def connect(cls, settings: Settings) -> "Database":
        """Open the pool, patiently. Raises DatabaseUnavailable or DatabaseRefused when that comes to nothing."""

        async def attempt() -> "asyncpg.Pool[asyncpg.Record]":
            return await asyncpg.create_pool(
                settings.database_url,
                connection_class=Connection,
                min_size=settings.pool_size,
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
                    # One plan for good: the default plans a page anew for every request once the table has grown. The
                    # plans of all lists are tested this way, at 100,000 rows.
                    "plan_cache_mode": "force_generic_plan",
                },
            )

        return cls(await patiently(attempt), settings)

    async def close(self) -> None:
        """Wait for the statements under way, then close. What still hangs after ten seconds is cut off."""
        self._giving_back.cancel()
        # From now on nothing is kept: the pool waits for every connection to come back.
        self._closing = True
        try:
            async with asyncio.timeout(10):
                await self._give_back()
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()

    @property
    def size(self) -> int:
        """How many connections there are."""
        return self.pool.get_size()

    @property
    def idle(self) -> int:
        """How many of them nobody uses now."""
        return self.pool.get_idle_size() + len(self._kept)

    @property
    def exhausted(self) -> bool:
        """Whether every connection that the pool may have is taken."""
        return self.idle == 0 and self.size == self.pool.get_max_size()

    async def run(self, query: Query, values: list[Any]) -> Any:
        """Run one statement as its own transaction.

        A deadlock or a serialization failure runs it again. A lost connection does so once, and only for a statement that
        reads: of a write nobody knows whether it happened.
        Raises DatabaseUnavailable (and its kinds), QueryTimeout; asyncpg's errors about data and constraints pass.
        """
        try:
            return await self._with_connection(_execute, query, values)
        except DatabaseUnavailable as error:
            if not query.reads_only or type(error) is not DatabaseUnavailable:
                raise
        return await self._with_connection(_execute, query, values)

    async def transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` in one transaction: all of it or nothing. `work` may run up to three times: no effects beside SQL.

        Raises as `run` does; what `work` raises rolls back and passes.
        """
        return await self._with_connection(_transact, work)

    async def _with_connection(self, work: Callable[[Connection, Unpack[Ts], bool], Awaitable[T]], *arguments: *Ts) -> T:
        """Take a connection, do the work, again after a deadlock, and give it back."""
        attempt = 1
        while True:
            connection = self._kept.pop() if self._kept else await self._acquire()
            if connection.is_closed():
                # Lost while it was kept: the pool replaces it.
                await self._release(connection)
                continue
            try:
                result = await work(connection, *arguments, self._echo)
            except asyncpg.PostgresError as error:
                await self._release(connection)
                if error.sqlstate not in _RETRY:
                    raise
                if attempt == ATTEMPTS:
                    raise DatabaseBusy from error
            except DatabaseUnavailable:
                # Lost: the others may be as dead without anybody having noticed, so all of them are made anew.
                await self.pool.expire_connections()
                await self._release(connection)
                await self._give_back()
                raise
            except BaseException:
                await self._release(connection)
                raise
            else:
                if self._closing or connection.is_closed() or self._is_old(connection):
                    await self._release(connection)
                else:
                    self._pass_on(connection)
                return result
            await asyncio.sleep(random.uniform(0.005, 0.02) * 2**attempt)  # noqa: S311 - jitter, no secret
            attempt += 1

    async def _acquire(self) -> Connection:
        # A circuit breaker belongs here: the one place where it shows that no connection can be made.
        started = perf_counter()
        self.waiting += 1
        try:
            if self._lent == self.pool.get_max_size():
                handed = await self._wait_in_queue()
                if handed is not None:
                    return handed
            else:
                self._lent += 1
            return await self._borrow(self._settings.pool_timeout - (perf_counter() - started))
        except TimeoutError as error:
            # A bare TimeoutError says either: every connection is taken, or the host does not answer.
            log.warning("pool_exhausted" if self.exhausted else "database_unreachable", waiting=self.waiting)
            raise (PoolExhausted if self.exhausted else DatabaseUnavailable) from error
        except _FAULTS as error:
            metrics.connection_errors.inc()
            log.warning("connection_failed", error=type(error).__name__, sqlstate=getattr(error, "sqlstate", None))
            raise DatabaseUnavailable from error
        finally:
            self.waiting -= 1
            metrics.acquiring.note(perf_counter() - started)

    async def _wait_in_queue(self) -> Connection | None:
        """Wait to be handed a connection, or the right to borrow one. Raises TimeoutError after DB_POOL_TIMEOUT."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Connection | None] = loop.create_future()
        self._queue.append(turn)
        # What `asyncio.timeout` does would cost more than the handing on.
        timer = loop.call_later(self._settings.pool_timeout, _time_is_up, turn)
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

    def _pass_on(self, connection: Connection | None) -> None:
        """Give a connection, or the right to borrow one, to who has waited longest; keep it when nobody waits."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._lent -= 1
        else:
            self._kept.append(connection)

    def _is_old(self, connection: Connection) -> bool:
        # asyncpg knows no maximum age.
        return monotonic() - connection.born > self._settings.pool_recycle

    async def _borrow(self, seconds: float) -> Connection:
        """Take a connection from the pool, which has one or may make one."""
        try:
            lent = await self.pool.acquire(timeout=seconds)
        except BaseException:
            self._pass_on(None)
            raise
        connection = cast("Connection", lent).itself
        connection.lent_as = lent
        return connection

    async def _release(self, connection: Connection) -> None:
        try:
            # A closed connection is replaced by the pool at the next acquire.
            if not connection.is_closed() and self._is_old(connection):
                await connection.close()
            # Lost at this very moment, it has freed its place in the pool by itself, and release() would complain.
            with suppress(asyncpg.InternalClientError):
                await self.pool.release(cast("PoolConnectionProxy[asyncpg.Record]", connection.lent_as))
        finally:
            self._pass_on(None)

    async def _give_back(self) -> None:
        # One by one: what is not given back when this is cancelled is still kept.
        for _ in range(len(self._kept)):
            if self._kept:
                await self._release(self._kept.pop(0))

    async def _give_back_regularly(self) -> None:
        while True:
            await asyncio.sleep(KEEP)
            await self._give_back()


def _time_is_up(turn: "asyncio.Future[Any]") -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Reach the database at start: again after 1, 2, 4 and 8 s while it is not there, each logged.

    Raises DatabaseUnavailable at the end; DatabaseRefused at once when the server says no for good.
    """
    for wait in (*STARTUP_WAITS, None):
        try:
            return await attempt()
        except (
            asyncpg.InvalidAuthorizationSpecificationError,
            asyncpg.InvalidCatalogNameError,
            asyncpg.InsufficientPrivilegeError,
        ) as error:
            raise DatabaseRefused(
                "The database server refused the connection: check the user, the password and the database's name in "
                f"DATABASE_URL (SQLSTATE {error.sqlstate})."
            ) from None
        except (asyncpg.ClientConfigurationError, ValueError):
            raise DatabaseRefused("DATABASE_URL cannot be used: check its form and its options.") from None
        except _FAULTS as error:
            if isinstance(error, asyncpg.PostgresError) and not is_lost(error):
                raise DatabaseRefused(
                    "The database server refused the connection: check the options of DATABASE_URL "
                    f"(SQLSTATE {error.sqlstate})."
                ) from None
            metrics.connection_errors.inc()
            log.warning("database_not_there", error=type(error).__name__, next_attempt_in=wait)
            if wait is None:
                break
            await asyncio.sleep(wait)
    raise DatabaseUnavailable(
        "The database could not be reached. Check that the server of DATABASE_URL runs and takes connections from here."
    )


async def on_connection(url: str, work: Callable[[Executor], Awaitable[T]]) -> T:
    """Do a command's work on a connection of its own. Raises DatabaseUnavailable or DatabaseRefused."""
    connection = await patiently(lambda: asyncpg.connect(url, connection_class=Connection, timeout=30))
    try:
        return await work(Transaction(connection, echo=False))
    finally:
        await connection.close(timeout=5)
