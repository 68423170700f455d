"""The schema of the database that `holdfast serve` begins on: brought up to date, or looked at."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from app.database import migrations
from app.database.embedded import StartCancelledError
from app.server.signals import Signals
from app.settings import Settings

T = TypeVar("T")

log = structlog.get_logger()


def bring_up_to_date(url: str, settings: Settings, signals: Signals) -> None:
    """Apply what is pending, and say so in two lines: which migrations there were, `holdfast migrate history` tells."""
    found = asyncio.run(_unless_asked(migrations.status(url, patience=settings.connect_timeout), signals))
    before = [migration.version for migration in found if migration.applied]
    if pending := len(found) - len(before):
        log.info("migrating", migrations=pending)
    # In any case: it waits for another process that is at it, and warns of a database that is newer than the code.
    applied = asyncio.run(_unless_asked(migrations.up(url, patience=settings.connect_timeout), signals))
    if applied:
        fields = {"from": before[-1] if before else "empty", "to": migrations.expected_version()}
        log.info("migrated", migrations=len(applied), **fields)


def look(url: str, settings: Settings, signals: Signals) -> None:
    """See that the database is there, before the workers say so at greater length; and how old its schema is."""
    found = asyncio.run(_unless_asked(migrations.status(url, patience=settings.connect_timeout), signals))
    if pending := sum(not migration.applied for migration in found):
        log.warning("migrations_pending", migrations=pending, run="holdfast migrate up")


async def _unless_asked(work: Coroutine[Any, Any, T], signals: Signals) -> T:
    """Do the work, or raise StartCancelledError as soon as we are asked to stop."""
    task = asyncio.ensure_future(work)
    while not task.done():
        if signals.asked:
            task.cancel()
        await asyncio.wait({task}, timeout=0.1)
    if task.cancelled():
        raise StartCancelledError
    return task.result()
