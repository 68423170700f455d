"""The schema of the database that `holdfast serve` begins on: brought up to date, or looked at."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from app.database import migrations
from app.database.embedded import StartCancelledError
from app.database.migrations import Migration
from app.database.pooler import direct_url
from app.server.signals import Signals
from app.settings import Settings

T = TypeVar("T")

log = structlog.get_logger()

MOST_SHOWN = 10
"""Migrations that are named; of more, how many they are."""


def reach(settings: Settings, signals: Signals) -> str:
    """Wait until the database of DATABASE_URL can be reached; returns the URL of a connection to it that is no pooler's."""
    url = direct_url(settings.database_url or "", settings.listen_url, settings.start_retries)
    return asyncio.run(_unless_asked(url, signals))


def bring_up_to_date(url: str, settings: Settings, signals: Signals) -> list[Migration]:
    """Apply what is pending, and say so in two lines: which migrations there were, `holdfast migrate history` tells.

    Returns what the database has then.
    """
    patience, retries = settings.connect_timeout, settings.start_retries
    found = asyncio.run(_unless_asked(migrations.status(url, patience=patience, retries=retries), signals))
    before = [migration.version for migration in found if migration.applied]
    if pending := len(found) - len(before):
        log.info("migrating", migrations=pending)
    # In any case: it waits for another process that is at it, and warns of a database that is newer than the code.
    applied = asyncio.run(_unless_asked(migrations.up(url, patience=patience, retries=retries), signals))
    if applied:
        fields = {"from": before[-1] if before else "empty", "to": migrations.expected_version()}
        log.info("migrated", migrations=len(applied), **fields)
    return [migration for migration in found if migration.path is None]


def look(url: str, settings: Settings, signals: Signals) -> list[Migration]:
    """See that the database is there, before the workers say so at greater length; and how old its schema is.

    Returns the migrations that it lacks, and those that only a newer holdfast knows.
    """
    patience, retries = settings.connect_timeout, settings.start_retries
    found = asyncio.run(_unless_asked(migrations.status(url, patience=patience, retries=retries), signals))
    if pending := sum(not migration.applied for migration in found):
        log.warning("migrations_pending", migrations=pending, run="holdfast migrate up")
    return [migration for migration in found if not migration.applied or migration.path is None]


def explain(amiss: list[Migration]) -> str:
    """Say which migrations do not fit, and what to do about them."""
    if all(migration.applied for migration in amiss):
        return "The database was migrated by a newer holdfast: install that one, and restart."
    pending = [migration.name for migration in amiss if not migration.applied]
    names = "".join(f"  {name}\n" for name in pending[:MOST_SHOWN])
    more = f"  and {len(pending) - MOST_SHOWN} more\n" if len(pending) > MOST_SHOWN else ""
    return (
        f"The database lacks {len(pending)} migration{'s' if len(pending) > 1 else ''}:\n\n{names}{more}\n"
        "Once this has run, it is ready, without a restart:\n\n  holdfast migrate up"
    )


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
