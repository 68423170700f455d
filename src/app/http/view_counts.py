"""How often public entries are read: counted in the memory of each worker, written once a minute.

A read of an entry costs no write then. What a worker has counted is lost when it is killed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import asyncpg
import structlog

from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.queries import Executor, load

log = structlog.get_logger()

queries = load("view_counts")

EVERY = 60.0
"""Seconds between two writes."""

BATCH = 1000
"""Entries whose counts one statement writes."""


class ViewCounts:
    """The entries that were read since the last `settle`."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[UUID, UUID]] = Counter()

    def note(self, user_id: UUID, id: UUID) -> None:
        """Count a read of an entry of this user."""
        self._seen[user_id, id] += 1

    async def settle(self, database: Executor) -> None:
        """Write what was counted, of entries that are still there. Raises as the database does, and keeps the rest."""
        seen, self._seen = self._seen, Counter()
        try:
            while seen:
                batch = dict(seen.most_common(BATCH))
                await add(database, batch)
                for each in batch:
                    del seen[each]
        finally:
            self._seen.update(seen)


async def add(database: Executor, views: Mapping[tuple[UUID, UUID], int]) -> int:
    """Add views to entries, which are named by their users and their ids. Returns of how many entries there are any."""
    user_ids, ids = zip(*views, strict=True)
    return await queries.add.count(database, user_id=[*user_ids], id=[*ids], views=[*views.values()])


@asynccontextmanager
async def regularly(counts: ViewCounts, database: Executor) -> AsyncIterator[None]:
    """Write once a minute for as long as the block runs, and at its end. What goes wrong is logged, and tried again."""

    async def settle() -> None:
        try:
            await counts.settle(database)
        except (DatabaseUnavailable, QueryTimeout, asyncpg.PostgresError) as error:
            log.warning("views_not_written", error=type(error).__name__)

    async def settle_for_ever() -> None:
        while True:
            await asyncio.sleep(EVERY)
            await settle()

    task = asyncio.create_task(settle_for_ever())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await settle()
