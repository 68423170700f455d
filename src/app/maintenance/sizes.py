"""How large the database and each of its tables are: for the metrics, looked up now and then, and not at each scrape."""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import asyncpg
import structlog

from app.background import beside
from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.executor import Database
from app.database.queries import Executor
from app.maintenance.repository import TableSize, database_size, table_sizes, wait_briefly
from app.telemetry import metrics

log = structlog.get_logger()

FIRST = 2.0
"""Seconds from the start of a worker until it looks, if it is the one that does."""

EVERY = 300.0


async def look(database: Database) -> None:
    """Set the metrics. Raises as a statement does, also when a table stays locked, as by a migration."""

    async def work(transaction: Executor) -> tuple[int, list[TableSize]]:
        await wait_briefly(transaction)
        return await database_size(transaction), await table_sizes(transaction)

    total, tables = await database.transaction(work)
    metrics.database_bytes.set(total)
    for table in tables:
        metrics.table_bytes.labels(table.name, "rows").set(table.rows)
        metrics.table_bytes.labels(table.name, "indexes").set(table.indexes)


@asynccontextmanager
async def regularly(database: Database) -> AsyncIterator[None]:
    """Look every five minutes for as long as the block runs, in one of the workers. What fails is logged, and tried again."""
    with ExitStack() as ending:

        async def look_for_ever() -> None:
            await asyncio.sleep(FIRST)
            while not _is_mine(ending):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(EVERY)
            while True:
                try:
                    await look(database)
                except (DatabaseUnavailable, QueryTimeout, asyncpg.PostgresError) as error:
                    log.warning("sizes_not_seen", error=type(error).__name__)
                await asyncio.sleep(EVERY)

        async with beside(look_for_ever()):
            yield


def _is_mine(ending: ExitStack) -> bool:
    """Whether this worker is the one that looks: until it ends, whatever ends it."""
    folder = metrics.folder()
    if folder is None:
        return True
    with ExitStack() as giving_up:
        file = giving_up.enter_context((folder / "sizes").open("a"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        ending.push(giving_up.pop_all())
    return True
