"""How a habit is deleted while others are related to it, which days can have an entry, and how several are written at once."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from msgspec import UNSET

from app.database.queries import Executor, Transactor
from app.habits import repository
from app.habits.schemas import HabitEntry
from app.habits.several_days import HabitEntryOfDay
from app.http.conditional import Versions
from app.problems.catalog import FieldError
from app.problems.ownership import missing
from app.problems.problem import Problem, invalid, later

ATTEMPTS = 3
"""How often a habit is deleted anew while others become related to it."""

READ_ONLY = ("habit_id", "created_at", "updated_at", "version")
"""Fields of an entry that only the server sets."""


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


async def put_entries(
    database: Transactor, user_id: UUID, habit_id: UUID, entries: Sequence[HabitEntryOfDay], timezone: str
) -> list[HabitEntry]:
    """Make or replace the entries of several days, all of them or none; returns them as they stand, in the same order.

    Raises Problem 404, and 422 for a day that is there twice, or that `check_day` refuses, and for a field that only the server
    sets which differs from what stands.
    """
    by_date = dict[dt.date, HabitEntryOfDay]()
    for place, entry in enumerate(entries):
        field = f"entries[{place}].date"
        if entry.date in by_date:
            raise invalid(field, "repeated", "is there a second time")
        check_day(entry.date, timezone, is_skipped=entry.skipped, field=field)
        by_date[entry.date] = entry

    async def work(transaction: Executor) -> list[HabitEntry]:
        if any(_read_only(entry) for entry in entries):
            await _check_read_only(transaction, user_id, habit_id, entries)
        return await repository.put_entries(transaction, user_id, habit_id, by_date)

    written = {entry.date: entry for entry in await database.transaction(work)}
    if not written:
        raise Problem("not_found")
    return [written[date] for date in by_date]


async def _check_read_only(transaction: Executor, user_id: UUID, habit_id: UUID, entries: Sequence[HabitEntryOfDay]) -> None:
    """Compare what only the server sets with what stands. A day without an entry has none of it but the habit."""
    if await repository.get(transaction, user_id, habit_id) is None:
        raise Problem("not_found")
    found = await repository.lock_entries(transaction, user_id, habit_id, [entry.date for entry in entries])
    standing = {entry.date: entry for entry in found}
    errors = [
        FieldError(f"entries[{place}].{name}", "read_only", "is set by the server, and differs from what stands")
        for place, entry in enumerate(entries)
        for name, value in _read_only(entry).items()
        if value != (habit_id if name == "habit_id" else getattr(standing.get(entry.date), name, None))
    ]
    if errors:
        raise Problem("read_only", f"{errors[0].field}: {errors[0].message}", errors=tuple(errors[:100]))


def _read_only(entry: HabitEntryOfDay) -> dict[str, Any]:
    """The fields of an entry that were sent, though only the server sets them."""
    return {name: value for name in READ_ONLY if (value := getattr(entry, name)) is not UNSET}


def check_day(date: dt.date, timezone: str, *, is_skipped: bool, field: str = "date") -> None:
    """Raise Problem 422 for an entry of a day that cannot have happened yet, in the user's time zone.

    Tomorrow is accepted: a phone may be in another time zone than its account. So is any later day that is skipped:
    holidays are planned.
    """
    tomorrow = dt.datetime.now(ZoneInfo(timezone)).date() + dt.timedelta(days=1)
    if date > tomorrow and not is_skipped:
        raise invalid(field, "in_future", "lies ahead: such a day can only be skipped")
