"""Typed calls of sql/queries/habits.sql."""

import datetime as dt
from uuid import UUID

from app.database.queries import Executor, Json, load
from app.habits.schemas import Habit, HabitCreate, HabitEntry, HabitEntryPut, HabitPatch, HabitStats, HabitsToday
from app.http.responses import encode

queries = load("habits")


async def create(database: Executor, user_id: UUID, new: HabitCreate) -> Habit | None:
    """Make a habit. None: this user has one with the chosen id."""
    row = await queries.create(database, user_id=user_id, new=encode(new).decode())
    return Habit(*row) if row else None


async def get(database: Executor, user_id: UUID, id: UUID) -> Habit | None:
    """Read a habit of this user."""
    row = await queries.get(database, user_id=user_id, id=id)
    return Habit(*row) if row else None


async def page_newest(
    database: Executor, user_id: UUID, *, is_archived: bool | None, tag: str | None, after: UUID, limit: int
) -> list[Json[Habit]]:
    """Read up to `limit` habits, newest first, that come behind `after`."""
    rows = await queries.page_newest(database, user_id=user_id, is_archived=is_archived, tag=tag, after=after, limit=limit)
    return [row[0] for row in rows]


async def page_oldest(
    database: Executor, user_id: UUID, *, is_archived: bool | None, tag: str | None, after: UUID, limit: int
) -> list[Json[Habit]]:
    """Read up to `limit` habits, oldest first, that come behind `after`."""
    rows = await queries.page_oldest(database, user_id=user_id, is_archived=is_archived, tag=tag, after=after, limit=limit)
    return [row[0] for row in rows]


async def patch(database: Executor, user_id: UUID, id: UUID, version: int | None, changes: HabitPatch) -> Habit | None:
    """Change a habit. None: not this user's, or it has moved on from `version`."""
    row = await queries.patch(database, user_id=user_id, id=id, version=version, changes=encode(changes).decode())
    return Habit(*row) if row else None


async def delete(database: Executor, user_id: UUID, id: UUID, version: int | None) -> int:
    """Delete a habit with its entries. 0: not this user's, or it has moved on from `version`."""
    count: int = await queries.delete(database, user_id=user_id, id=id, version=version)
    return count


async def put_entry(
    database: Executor, user_id: UUID, habit_id: UUID, date: dt.date, *, version: int | None, new: HabitEntryPut
) -> tuple[HabitEntry, bool] | None:
    """Make or replace the entry of a day; returns it, and whether it was made.

    Where `completed` is not sent, a numeric habit's entry is completed when it has a value that reaches the target (any
    above 0 where there is none) and is not skipped; any other entry is not.
    None: no such habit of this user, or the entry has moved on from `version` or is not there.
    """
    row = await queries.put_entry(
        database, user_id=user_id, habit_id=habit_id, date=date, version=version, new=encode(new).decode()
    )
    return (HabitEntry(*row[:-1]), row[-1]) if row else None


async def get_entry(database: Executor, user_id: UUID, habit_id: UUID, date: dt.date) -> HabitEntry | None:
    """Read the entry of a day."""
    row = await queries.get_entry(database, user_id=user_id, habit_id=habit_id, date=date)
    return HabitEntry(*row) if row else None


async def page_entries_newest(
    database: Executor, user_id: UUID, habit_id: UUID, *, from_date: dt.date, to_date: dt.date, limit: int
) -> list[Json[HabitEntry]]:
    """Read up to `limit` entries of a range of days, newest first."""
    rows = await queries.page_entries_newest(
        database,
        user_id=user_id,
        habit_id=habit_id,
        from_date=from_date,
        to_date=to_date,
        limit=limit,
    )
    return [row[0] for row in rows]


async def page_entries_oldest(
    database: Executor, user_id: UUID, habit_id: UUID, *, from_date: dt.date, to_date: dt.date, limit: int
) -> list[Json[HabitEntry]]:
    """Read up to `limit` entries of a range of days, oldest first."""
    rows = await queries.page_entries_oldest(
        database,
        user_id=user_id,
        habit_id=habit_id,
        from_date=from_date,
        to_date=to_date,
        limit=limit,
    )
    return [row[0] for row in rows]


async def delete_entry(database: Executor, user_id: UUID, habit_id: UUID, date: dt.date, version: int | None) -> int:
    """Delete the entry of a day. 0: there is none, or it has moved on from `version`."""
    count: int = await queries.delete_entry(database, user_id=user_id, habit_id=habit_id, date=date, version=version)
    return count


async def stats(database: Executor, user_id: UUID, id: UUID) -> Json[HabitStats] | None:
    """Read what the entries of a habit come to. None: no such habit of this user.

    Entries up to today count, in the user's time zone and by the habit's frequency and target of now; weeks go from Monday
    to Sunday.

    Streaks count periods: days of a daily habit, weeks of the others. A day is met when it is completed and excused when it
    is skipped; a week is met when it has `target_days` completed days, and excused when it has fewer and all of its other
    days are skipped. An excused period neither breaks nor lengthens a streak, any other that is not met breaks it. The
    current period is not over: met it lengthens the current streak, open it does not break it.

    The rate of the last n days, today included, is completed days by days that were due. A habit begins on the day it was
    made, or on its first entry when that was filled in for an earlier day; skipped days are not due. Of a weekly or custom
    habit `target_days` of each seven such days are due, pro rata; more than that is 1 all the same. Null: nothing was due.

    The best weekday is that of most completed days, 1 for Monday; null: none yet.
    """
    row = await queries.stats(database, user_id=user_id, id=id)
    return row[0] if row else None


async def today(database: Executor, user_id: UUID) -> Json[HabitsToday] | None:
    """Read what is due today in the user's time zone: up to 1,000 habits by position, with the state of today.

    A daily habit is due every day; a weekly or custom one while the other days of this week, from Monday on, have fewer
    completed ones than `target_days`: so what was completed today stays on the list until the day is over. Archived habits
    are not due. None: the user went away.
    """
    row = await queries.today(database, user_id=user_id)
    return row[0] if row else None
