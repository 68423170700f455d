"""Typed calls of sql/queries/habits.sql."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.database.queries import Executor, Json, load, to_json
from app.habits.comments import HabitComment, HabitCommentCreate
from app.habits.computed import HabitStats, HabitsToday
from app.habits.schemas import (
    Habit,
    HabitCreate,
    HabitEntry,
    HabitEntryPatch,
    HabitEntryPut,
    HabitEntryQuery,
    HabitPatch,
    HabitQuery,
    ListedHabit,
)
from app.habits.several_days import HabitEntryOfDay
from app.http import totals
from app.http.conditional import Versions
from app.http.pagination import PAGE_BYTES, OrderedPageQuery, days_parameters, parameters
from app.http.totals import Total

queries = load("habits")


async def create(database: Executor, user_id: UUID, new: HabitCreate) -> Habit | None:
    """Make a habit. None: this user has one with the chosen id."""
    return await queries.create.created(database, Habit, user_id=user_id, id=new.id, new=to_json(new))


async def get(database: Executor, user_id: UUID, id: UUID) -> Habit | None:
    """Read a habit of this user."""
    return await queries.get.coalesced(database, Habit, user_id=user_id, id=id)


async def page(database: Executor, user_id: UUID, filters: HabitQuery) -> list[Json[ListedHabit] | None]:
    """Read a page of habits, and one more, or None, if there is a next one. Raises Problem 422 for a bad cursor."""
    return await queries.ordered("page", filters.order).values(
        database, user_id=user_id, bytes=PAGE_BYTES, **parameters(filters)
    )


async def total(database: Executor, user_id: UUID, filters: HabitQuery) -> Total:
    """Count the habits of a list over all of its pages."""
    return await queries.total.only(database, Total, user_id=user_id, **totals.parameters(filters))


async def patch(database: Executor, user_id: UUID, id: UUID, versions: Versions, changes: HabitPatch) -> Habit | None:
    """Change a habit. None: not this user's, or not at one of `versions`."""
    return await queries.patch.coalesced(database, Habit, user_id=user_id, id=id, versions=versions, changes=to_json(changes))


async def delete(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> int:
    """Delete a habit with its entries, and clear `related_habit_id` where it is named.

    0: not this user's, or not at one of `versions`.
    """
    return await queries.delete.count(database, user_id=user_id, id=id, versions=versions)


async def put_entry(
    database: Executor, user_id: UUID, habit_id: UUID, date: dt.date, *, versions: Versions, new: HabitEntryPut
) -> tuple[HabitEntry, bool] | None:
    """Make or replace the entry of a day; returns it, and whether it was made.

    Where `completed` is not sent, a numeric habit's entry is completed when it has a value that reaches the target (any
    above 0 where there is none) and is not skipped; any other entry is not. Where `completed_at` is not sent, an entry that
    stays completed keeps its own, and one that becomes completed gets the present time.
    None: not this user's habit, an entry that is not at one of `versions`, or none and they do not allow that.
    """
    return await queries.put_entry.upserted(
        database, HabitEntry, user_id=user_id, habit_id=habit_id, date=date, versions=versions, new=to_json(new)
    )


async def lock_entries(database: Executor, user_id: UUID, habit_id: UUID, dates: Sequence[dt.date]) -> list[HabitEntry]:
    """Read the entries of these days, which stay as they are until the transaction ends."""
    return await queries.lock_entries.many(database, HabitEntry, user_id=user_id, habit_id=habit_id, dates=dates)


async def put_entries(
    database: Executor, user_id: UUID, habit_id: UUID, new: Mapping[dt.date, HabitEntryOfDay]
) -> list[HabitEntry]:
    """Make or replace the entries of several days, each as by `put_entry`: all, or none of them. Nothing: no such habit."""
    sent = to_json({str(date): entry for date, entry in new.items()})
    return await queries.put_entries.many(database, HabitEntry, user_id=user_id, habit_id=habit_id, new=sent)


async def patch_entry(
    database: Executor, user_id: UUID, habit_id: UUID, date: dt.date, *, versions: Versions, changes: HabitEntryPatch
) -> HabitEntry | None:
    """Change the entry of a day.

    A changed `value` or `skipped` decides `completed` of a numeric habit as in `put_entry`, unless `completed` is sent, too;
    `completed_at` goes with `completed`, unless it is sent. None: no such entry of this user's, or not at one of `versions`.
    """
    return await queries.patch_entry.one(
        database, HabitEntry, user_id=user_id, habit_id=habit_id, date=date, versions=versions, changes=to_json(changes)
    )


async def get_entry(database: Executor, user_id: UUID, habit_id: UUID, date: dt.date) -> HabitEntry | None:
    """Read the entry of a day."""
    return await queries.get_entry.coalesced(database, HabitEntry, user_id=user_id, habit_id=habit_id, date=date)


async def page_entries(
    database: Executor, user_id: UUID, habit_id: UUID, filters: HabitEntryQuery
) -> list[Json[HabitEntry] | None]:
    """Read a page of a habit's entries, and one more, or None, if there is a next one. Raises Problem 422 for a bad cursor."""
    return await queries.ordered("page_entries", filters.order).values(
        database, user_id=user_id, habit_id=habit_id, bytes=PAGE_BYTES, **days_parameters(filters)
    )


async def delete_entry(database: Executor, user_id: UUID, habit_id: UUID, date: dt.date, versions: Versions) -> int:
    """Delete the entry of a day. 0: there is none, or it is not at one of `versions`."""
    return await queries.delete_entry.count(database, user_id=user_id, habit_id=habit_id, date=date, versions=versions)


async def create_comment(
    database: Executor, user_id: UUID, new: HabitCommentCreate, *, habit_id: UUID, date: dt.date
) -> HabitComment | None:
    """Make a comment on a day of a habit. None: this user has one with the chosen id."""
    return await queries.create_comment.created(
        database, HabitComment, user_id=user_id, id=new.id, habit_id=habit_id, date=date, new=to_json(new)
    )


async def get_comment(database: Executor, user_id: UUID, id: UUID, *, habit_id: UUID, date: dt.date) -> HabitComment | None:
    """Read a comment on a day of a habit."""
    return await queries.get_comment.coalesced(database, HabitComment, user_id=user_id, habit_id=habit_id, date=date, id=id)


async def page_comments(
    database: Executor, user_id: UUID, habit_id: UUID, date: dt.date, filters: OrderedPageQuery
) -> list[Json[HabitComment] | None]:
    """Read a page of the comments on a day, and one more, or None, if there is a next one.

    Raises Problem 422 for a bad cursor.
    """
    return await queries.ordered("page_comments", filters.order).values(
        database, user_id=user_id, habit_id=habit_id, date=date, bytes=PAGE_BYTES, **parameters(filters)
    )


async def delete_comment(
    database: Executor, user_id: UUID, id: UUID, versions: Versions, *, habit_id: UUID, date: dt.date
) -> int:
    """Delete a comment. 0: no such one on that day, or not at one of `versions`."""
    return await queries.delete_comment.count(database, user_id=user_id, habit_id=habit_id, date=date, id=id, versions=versions)


async def stats(database: Executor, user_id: UUID, id: UUID) -> Json[HabitStats] | None:
    """Read the streaks, rates and totals of a habit. None: no such habit of this user.

    Entries up to today count, in the user's time zone and by the habit's present frequency and what belongs to it; weeks go
    from Monday to Sunday.

    Streaks count periods: days of a daily habit; of one with `weekdays` these days; weeks of a weekly or custom one, months of
    a monthly one. A day is met when it is completed and excused when it is skipped; a week or month is met when it has
    `target_days` completed days (a short month needs no more than all of its days), and excused when it has fewer and all of
    its other days are skipped. An excused period neither breaks nor lengthens a streak, any other that is not met breaks it.
    The current period is not over: met, it lengthens the current streak; open, it does not break it.
    The streak of a habit with an interval counts the days on which it was done, none more than `interval_days` days after the
    one before; skipped days are not counted among these. Today is not over either.

    The rate of the last n days, today included, is completed days by days that were due. A habit begins on the day it was
    made, or on its first entry when that was filled in for an earlier day; skipped days are not due. Of a weekly or custom
    habit `target_days` of each seven such days are due, pro rata; of a monthly one `target_days` of the days of each month; of
    one with an interval one of each `interval_days`. Of one with `weekdays` these are due, and what was done on other days
    does not count. A rate is never more than 1. Null: nothing was due.

    The best weekday is that of most completed days, 1 for Monday; null: none yet.
    """
    return await queries.stats.json(database, user_id=user_id, id=id)


async def today(database: Executor, user_id: UUID) -> Json[HabitsToday] | None:
    """Read what is due today in the user's time zone: up to 1,000 habits or 1 MiB by position, with the state of today.

    A daily habit is due every day, one with `weekdays` on these. A weekly, custom or monthly one is due while the other days
    of this week or month, from its first day on, have fewer completed ones than `target_days`; one with an interval when it was
    never done before today, or last `interval_days` days ago or more, days skipped in between not counted. So what was
    completed today stays on the list until the day is over. Archived habits are not due. None: the user does not exist any
    more.
    """
    return await queries.today.json(database, user_id=user_id, bytes=PAGE_BYTES)


async def overview(
    database: Executor, user_id: UUID, *, is_archived: bool, from_date: dt.date | None, to_date: dt.date | None, bytes: int
) -> list[tuple[UUID | None, str | None, HabitEntry | None]]:
    """Read what the overview is made of, in one statement.

    First what all habits come to, as JSON of a HabitsOverview with the number of all `items` in their place; it has no id.
    Then up to 1,000 habits by position, each by its id and as JSON of a HabitWithEntries without entries. Then the
    entries, the newest of each habit first, of all these habits and perhaps of one or more that no longer fit: habits end
    with the one that reaches so many `bytes`. No row at all: the user does not exist any more.

    A habit's stats follow the rules of `stats`. The days of the range are those from `from_date` to `to_date`, after today
    included; without dates they are the 30 that end today in the user's time zone.
    """
    return await queries.overview.many(
        database,
        _part_of_overview,
        user_id=user_id,
        is_archived=is_archived,
        from_date=from_date,
        to_date=to_date,
        bytes=bytes,
    )


def _part_of_overview(id: UUID | None, json: str | None, *entry: Any) -> tuple[UUID | None, str | None, HabitEntry | None]:
    return id, json, None if json else HabitEntry(*entry)
