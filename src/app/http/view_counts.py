"""How often public entries are read: counted in the memory of each worker, written once a minute.

A read of an entry costs no write then. What a worker has counted is lost when it is killed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias
from uuid import UUID

import asyncpg
import structlog

from app.background import beside
from app.database.errors import DatabaseUnavailable, QueryTimeout

log = structlog.get_logger()

Write: TypeAlias = Callable[[Mapping[tuple[UUID, UUID], int]], Awaitable[object]]
"""Adds numbers of views to entries, which are named by their users and their ids."""

EVERY = 60.0
"""Seconds between two writes."""

BATCH = 1000
"""Entries whose counts are written at once."""


class ViewCounts:
    """The entries that were read since the last `settle`."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[UUID, UUID]] = Counter()

    def note(self, user_id: UUID, id: UUID) -> None:
        """Count a read of an entry of this user."""
        self._seen[user_id, id] += 1

    async def settle(self, write: Write) -> None:
        """Write what was counted. Raises as `write` does, and keeps the rest."""
        seen, self._seen = self._seen, Counter()
        try:
            while seen:
                batch = dict(seen.most_common(BATCH))
                await write(batch)
                for each in batch:
                    del seen[each]
        finally:
            self._seen.update(seen)


@asynccontextmanager
async def regularly(counts: ViewCounts, write: Write) -> AsyncIterator[None]:
    """Write once a minute for as long as the block runs, and at its end. What goes wrong is logged, and tried again."""

    async def settle() -> None:
        try:
            await counts.settle(write)
        except (DatabaseUnavailable, QueryTimeout, asyncpg.PostgresError) as error:
            log.warning("views_not_written", error=type(error).__name__)

    async def settle_for_ever() -> None:
        while True:
            await asyncio.sleep(EVERY)
            await settle()

    try:
        async with beside(settle_for_ever()):
            yield
    finally:
        await settle()
