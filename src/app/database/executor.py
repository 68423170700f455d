"""Where statements run: `Database`, one connection and transaction per statement, and `Transaction`, one for several.

Every statement passes `_execute`, the one place that times, labels and logs it.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, TypeVar, TypeVarTuple, Unpack

import asyncpg
import structlog

from app.database.coalescing import Coalescer
from app.database.connection import AnyConnection, is_distributed, set_exact_dates, set_exact_times
from app.database.errors import (
    DRIVER_ERRORS,
    DatabaseBusy,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DatabaseUnreachable,
    LeftOut,
    NodeUnavailable,
    is_lost,
    is_refused_by_driver,
    lost,
    raise_translated,
)
from app.database.hosts import Hosts
from app.database.pool import CONFIRM_WITHIN, Pool
from app.database.pooler import connect_directly
from app.database.queries import Query
from app.database.startup import RETRIES, connect_with_retry
from app.database.time_limit import TimeLimit, time_limit
from app.settings import Settings
from app.telemetry import metrics, trace_context

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = structlog.get_logger()

SLOW_QUERY = 1.0
"""Seconds from which on a query is logged by name."""

RETRIED = {"40001", "40P01"}
"""The SQLSTATEs of a serialization failure and of a deadlock, after which a transaction is run again."""


async def _execute(
    connection: AnyConnection,
    query: Query,
    values: list[Any],
    echo: bool,  # noqa: FBT001
    limit: TimeLimit | None,
    *,
    is_served: bool = True,
) -> Any:
    """Send one statement; time it, and translate faults of the database. Other errors pass."""
    failure: str | None = None
    if query.distributed is not None and is_distributed(connection):
        query, values = query.where_distributed(values)
    started = perf_counter()
    try:
        result = await getattr(connection, query.call)(query.sql, *values, timeout=limit and limit.for_query())
    except DRIVER_ERRORS as error:
        failure = str(getattr(error, "sqlstate", None) or type(error).__name__)
        raise_translated(error, query.name, logs_constraints=is_served)
    finally:
        seconds = perf_counter() - started
        if limit is not None:
            limit.queried += seconds
        query.note(seconds)
        # Whoever typed a command sees that it takes long; an import may.
        if seconds > SLOW_QUERY and is_served:
            metrics.slow_queries.labels(query.name).inc()
            log.warning("slow_query", query=query.name, seconds=round(seconds, 3))
        if trace_context.spans is not None:
            trace_context.spans.note_query(query.name, seconds, failure)
        if echo:
            log.info("sql", query=query.name, sql=query.sql, seconds=round(seconds, 6))
    # execute() gives a status such as "DELETE 1".
    return int(result.rpartition(" ")[2]) if query.call == "execute" else result


async def _transact(
    connection: AnyConnection,
    work: Callable[["Transaction"], Awaitable[T]],
    echo: bool,  # noqa: FBT001
    limit: TimeLimit | None,
    *,
    is_served: bool = True,
    is_snapshot: bool = False,
) -> T:
    """Do the work in a transaction, or within one that is under way: then in a savepoint."""
    transaction = (
        connection.transaction(isolation="repeatable_read", readonly=True) if is_snapshot else connection.transaction()
    )
    try:
        async with asyncio.timeout(_time_to_say(limit)):
            await transaction.start()
        try:
            result = await work(Transaction(connection, echo=echo, limit=limit, is_served=is_served))
        except BaseException:
            # It waits for the cancel of the statement to be confirmed: by a server that hangs, never.
            async with asyncio.timeout(CONFIRM_WITHIN):
                await transaction.rollback()
            raise
        async with asyncio.timeout(_time_to_say(limit)):
            await transaction.commit()
    except DRIVER_ERRORS as error:
        # Out of begin, commit or rollback; the statements' own faults were translated before.
        if is_lost(error):
            raise lost(error) from error
        raise
    return result


def _time_to_say(limit: TimeLimit | None) -> float | None:
    """How long a begin or a commit may take: what is left, and no less than a server needs to confirm it."""
    left = None if limit is None else limit.for_query()
    return None if left is None else max(left, CONFIRM_WITHIN)


class Transaction:
    """One connection inside a transaction: what `Database.transaction` gives to its work."""

    def __init__(
        self, connection: AnyConnection, *, echo: bool, limit: TimeLimit | None = None, is_served: bool = True
    ) -> None:
        self._connection = connection
        self._echo = echo
        self._limit = limit
        self._is_served = is_served
        self.is_distributed = is_distributed(connection)
        """Whether tables may be spread over several servers."""

    async def run(self, query: Query, values: list[Any]) -> Any:
        return await _execute(self._connection, query, values, self._echo, self._limit, is_served=self._is_served)

    def coalesce(self, query: Query, values: list[Any]) -> Coroutine[Any, Any, Any]:
        """Run the statement alone: what is done in a transaction is done with nothing else."""
        return self.run(query, values)

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Send rows by COPY: many times as fast as inserts. Raises as a statement does."""
        try:
            await self._connection.copy_records_to_table(table, records=rows, columns=list(columns))
        except DRIVER_ERRORS as error:
            raise_translated(error, f"copy.{table}")

    async def copy_out(
        self, statement: str, output: Callable[[bytes], Coroutine[Any, Any, None]], seconds: float | None
    ) -> None:
        """Receive the one column of a statement's rows by COPY, each on a line, piece by piece as the server sends it.

        Neither line feeds nor U+0001 and U+0002 may be in it: nothing is escaped. The statement is one that the database has
        put together. seconds: for how long it may take; None: any time. Raises as a statement does, and what `output` raises,
        which must be no OSError: that would be taken for one of the connection.
        """
        try:
            await self._connection.copy_from_query(
                statement, output=output, timeout=seconds, format="csv", delimiter="\2", quote="\1"
            )
        except DRIVER_ERRORS as error:
            raise_translated(error, "copy_out")

    async def snapshot(self, work: Callable[["Transaction"], Awaitable[T]]) -> T:
        """Run `work`, which only reads, in a transaction of its own that sees everything as it was at the beginning."""
        return await _transact(self._connection, work, self._echo, self._limit, is_served=self._is_served, is_snapshot=True)

    async def transaction(self, work: Callable[["Transaction"], Awaitable[T]]) -> T:
        """Run `work` within a savepoint, once: what it raises rolls back to there, and passes."""
        return await _transact(self._connection, work, self._echo, self._limit, is_served=self._is_served)


class Database:
    """What a worker runs its statements on, over the connections of its pool."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool = pool
        self._settings = settings
        self._echo = settings.echo_sql
        self._coalescers: dict[Query, Coalescer] = {}

    @classmethod
    async def connect(cls, settings: Settings) -> "Database":
        """Open the pool, with retries. Raises DatabaseUnavailable or DatabaseRefused when that comes to nothing."""
        return cls(await Pool.connect(settings), settings)

    async def close(self) -> None:
        """Wait for the statements under way, then close the pool."""
        await self.pool.close()

    async def run(self, query: Query, values: list[Any]) -> Any:
        """Run one statement as its own transaction.

        A deadlock or a serialization failure runs it again. A lost connection does so once, and only for a statement that
        reads: whether a write has happened cannot be known. All of it is within the time that the request has left.
        Raises DatabaseUnavailable (and its kinds), QueryTimeout; asyncpg's errors about data and constraints pass.
        """
        if not query.is_vital:
            self.check_pressure(query.name)
        limit = time_limit(self._settings)
        try:
            return await self._with_connection(_execute, limit, query, values)
        except DatabaseUnavailable as error:
            if not query.reads_only or type(error) is not DatabaseUnavailable:
                raise
        return await self._with_connection(_execute, limit, query, values)

    def check_pressure(self, what: str) -> None:
        """Raise DatabaseUnreachable or LeftOut when this is not the time for `what`, which is in NOT_VITAL."""
        if self.pool.is_pressed:
            metrics.left_out.labels(what).inc()
            raise LeftOut if self.pool.breaker_state == "closed" else DatabaseUnreachable

    def coalesce(self, query: Query, values: list[Any]) -> Coroutine[Any, Any, Any]:
        """Run a statement of one row, together with calls of it that wait, if one server has all rows. Raises as `run` does."""
        if self.pool.is_distributed:
            return self.run(query, values)
        coalescer = self._coalescers.get(query)
        if coalescer is None:
            coalescer = self._coalescers[query] = Coalescer(query, self, self._settings)
        return coalescer.run(values)

    async def transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` in one transaction: all of it or nothing. `work` may run DB_RETRIES times more: no effects beside SQL.

        Raises as `run` does; what `work` raises rolls back and passes.
        """
        return await self._with_connection(_transact, time_limit(self._settings), work)

    async def snapshot(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work`, which only reads, in a transaction that sees everything as it was at its beginning.

        Raises as `run` does.
        """
        return await self._with_connection(partial(_transact, is_snapshot=True), time_limit(self._settings), work)

    async def _with_connection(
        self,
        work: Callable[[AnyConnection, Unpack[Ts], bool, TimeLimit], Awaitable[T]],
        limit: TimeLimit,
        *arguments: *Ts,
    ) -> T:
        """Take a connection, do the work, again after a deadlock, and give it back."""
        pool, attempt = self.pool, 1
        while True:
            connection = await pool.acquire(limit)
            generation = pool.generation
            try:
                result = await work(connection, *arguments, self._echo, limit)
            except asyncpg.PostgresError as error:
                await pool.release(connection, close=is_refused_by_driver(error))
                if error.sqlstate not in RETRIED:
                    raise
                if attempt > self._settings.retries:
                    raise DatabaseBusy from error
            except DatabaseReadOnly:
                await pool.expire(connection)
                raise
            except NodeUnavailable:
                # Our server has answered: neither this connection nor the breaker has anything to do with it.
                await pool.hand_on(connection)
                raise
            except DatabaseUnavailable:
                await pool.lose(connection, generation)
                raise
            except BaseException:
                await pool.release(connection)
                raise
            else:
                await pool.hand_on(connection)
                return result
            await asyncio.sleep(random.uniform(0.005, 0.02) * 2**attempt)  # noqa: S311 - jitter, no secret
            attempt += 1


async def on_connection(url: str, work: Callable[[Transaction], Awaitable[T]], *, retries: int = RETRIES) -> T:
    """Do a command's work on a connection, and in a session, of its own. Raises DatabaseUnavailable or DatabaseRefused.

    A broken constraint is an answer to whoever typed the command, who reads it there and not in a log.
    """
    name = {"application_name": f"holdfast command {os.getpid()}"}
    connection = await connect_with_retry(lambda: connect_directly(Hosts(url), timeout=30, server_settings=name), url, retries)
    try:
        await set_exact_dates(connection)
        await set_exact_times(connection)
        return await work(Transaction(connection, echo=False, is_served=False))
    finally:
        await connection.close(timeout=5)
