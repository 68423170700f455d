"""How old the newest backup is: for the metrics, and for the log where it is older than it may be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from app.background import beside
from app.backups import repository
from app.backups.repository import Last
from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.executor import Database
from app.settings import Settings
from app.telemetry import metrics

log = structlog.get_logger()

FIRST = 2.0
"""Seconds from the start of a worker until it looks."""

EVERY = 600.0


def is_too_old(last: Last | None, settings: Settings) -> bool:
    """Whether there should be a newer backup, or one at all, by BACKUP_MAX_AGE_HOURS."""
    most = settings.backup_max_age_hours
    return most is not None and (last is None or last.age_seconds > most * 3600)


async def look(database: Database, settings: Settings) -> None:
    """Set the metrics, and warn in the log. Raises as a statement does."""
    if not await repository.can_be_recorded(database):
        return
    last = await repository.last(database)
    metrics.backup_time.set(0 if last is None else last.made_at.timestamp())
    metrics.backup_bytes.set(0 if last is None else last.size_bytes)
    metrics.backup_verified.set(last is not None and last.is_verified)
    if is_too_old(last, settings):
        hours = None if last is None else round(last.age_seconds / 3600, 1)
        log.warning("backup_too_old", hours=hours, most=settings.backup_max_age_hours, run="holdfast backup")


@asynccontextmanager
async def regularly(database: Database, settings: Settings) -> AsyncIterator[None]:
    """Look every ten minutes for as long as the block runs. What goes wrong is logged, and tried again."""

    async def look_for_ever() -> None:
        await asyncio.sleep(FIRST)
        while True:
            try:
                await look(database, settings)
            except (DatabaseUnavailable, QueryTimeout, asyncpg.PostgresError) as error:
                log.warning("backups_not_seen", error=type(error).__name__)
            await asyncio.sleep(EVERY)

    async with beside(look_for_ever()):
        yield
