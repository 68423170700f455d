"""How a habit is deleted while others are related to it, and which days can have an entry."""

import datetime as dt
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from app.database.queries import Executor
from app.habits import repository
from app.http.conditional import Versions
from app.problems.catalog import invalid, later
from app.problems.ownership import missing

ATTEMPTS = 3
"""How often a habit is deleted anew while others become related to it."""


async def delete(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> None:
    """Delete a habit; those that name it as related no longer do. Raises Problem 404, 412, 503.

    For one that began to name it after the statement had looked, the foreign key refuses to delete it: seen anew, it is found.
    Inside of a transaction it needs savepoints (app.database.inside): a refused statement would end it.
    """
    for _ in range(ATTEMPTS):
        try:
            if not await repository.delete(database, user_id, id, versions):
                raise missing(await repository.get(database, user_id, id))
        except asyncpg.ForeignKeyViolationError:
            continue
        return
    raise later("database_busy", 1)


def check_day(date: dt.date, timezone: str, *, is_skipped: bool) -> None:
    """Raise Problem 422 for an entry of a day that cannot have happened yet, in the user's time zone.

    Tomorrow is accepted: a phone may be in another time zone than its account. So is any later day that is skipped:
    holidays are planned.
    """
    tomorrow = dt.datetime.now(ZoneInfo(timezone)).date() + dt.timedelta(days=1)
    if date > tomorrow and not is_skipped:
        raise invalid("date", "in_future", "lies ahead: such a day can only be skipped")
