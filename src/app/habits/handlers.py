"""/v1/habits."""

import datetime as dt
from functools import partial
from uuid import UUID

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.auth.authentication import unauthenticated
from app.habits import overview as habits_overview
from app.habits import repository, rules
from app.habits.comments import HabitComment, HabitCommentCreate
from app.habits.computed import HabitsOverview, HabitsOverviewQuery, HabitStats, HabitsToday
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
from app.habits.several_days import HabitEntries, HabitEntriesPut
from app.http import date_ranges, idempotency, pagination, responses, totals
from app.http.conditional import Versions
from app.http.pagination import OrderedPageQuery, Page
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, CONDITIONAL, FROM_REPLICA, HASHED_ETAG, PUT
from app.http.totals import CountedPage
from app.problems.ownership import missing
from app.problems.problem import Problem


@post("/", opt={"problems": ["not_found"]})
async def create(request: Request, data: JSONBody[HabitCreate]) -> EncodedResponse[Habit]:
    """Make a habit. Sent again with the same `id`: 200 with the habit as it stands, and nothing new.

    A `related_habit_id` that does not exist, or is another user's: 404.
    """
    habit, replayed = await idempotency.create_once(
        repository.create, repository.get, request.database, request.caller.user_id, data
    )
    return responses.created(habit, f"/v1/habits/{habit.id}", replayed=replayed)


@get("/{id:uuid}", opt=CONDITIONAL)
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[Habit]:
    """Read a habit."""
    habit = await repository.get(request.database, request.caller.user_id, id)
    return responses.found(habit)


@get("/")
async def page(request: Request, filters: FromQuery[HabitQuery]) -> EncodedResponse[CountedPage[ListedHabit]]:
    """List habits by the time they were made, newest first or oldest first."""
    habits = await repository.page(request.database, request.caller.user_id, filters)
    page = pagination.answer(habits, filters)
    return await totals.counted(page, repository.total, request.database, request.caller.user_id, filters)


@patch("/{id:uuid}")
async def change(
    request: Request, id: FromPath[UUID], data: JSONBody[HabitPatch], versions: Versions
) -> EncodedResponse[Habit]:
    """Change a habit by a merge patch.

    With another `frequency` it gets the `target_days` of that, and loses what that has no use for, unless they are sent, too.
    """
    user_id = request.caller.user_id
    habit = await repository.patch(request.database, user_id, id, versions, data)
    if habit is None:
        raise missing(await repository.get(request.database, user_id, id))
    return responses.versioned(habit)


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], versions: Versions) -> EncodedResponse[None]:
    """Delete a habit with all its entries and comments, for good. Habits that name it in `related_habit_id` stay."""
    await rules.delete(request.database, request.caller.user_id, id, versions)
    return responses.no_content()


@get("/today")
async def today(request: Request) -> EncodedResponse[HabitsToday]:
    """List what is due today, in the user's order and time zone, each with its state.

    A daily habit is due every day, one with `weekdays` on these. A weekly or custom one is due until `target_days` days of this
    week are completed, a monthly one until those of this month are. One with an interval is due `interval_days` days after it
    was last done, days skipped since not counted, and until it is done. What was completed today stays on the list until
    the day is over. Archived habits are not due.
    """
    due = await repository.today(request.database, request.caller.user_id)
    if due is None:
        raise unauthenticated()
    return EncodedResponse(due.encode())


@get("/overview")
async def overview(request: Request, filters: FromQuery[HabitsOverviewQuery]) -> EncodedResponse[HabitsOverview]:
    """Read habits with their entries of a range and their statistics, a heat map of all, and totals by category: a dashboard.

    The habits are in the user's order, those of `is_archived=true` the archived ones. The entries are those of the list of
    entries, the statistics those of `stats`; see there for what is counted. Ranges have at most 366 days.
    """
    days = date_ranges.days(filters)
    found = await habits_overview.read(request.database, request.caller.user_id, days, is_archived=filters.is_archived)
    if found is None:
        raise unauthenticated()
    return EncodedResponse(found)


@get("/{id:uuid}/stats")
async def stats(request: Request, id: FromPath[UUID]) -> EncodedResponse[HabitStats]:
    """Read the statistics of a habit: streaks, rates and totals, up to today in the user's time zone.

    A skipped day neither breaks nor lengthens a streak, and what is not over yet does not break it.

    - Daily habits count days, those with `weekdays` such days.
    - Weekly and custom habits count weeks, Monday to Sunday, and monthly ones months, in which `target_days` days were
      completed (of a short month at most all); one with fewer is passed over when all its other days were skipped.
    - Habits with an interval count the days on which they were done, none more than `interval_days` days after the one before.

    A rate divides the completed days by those that were due since the habit began (when it was made, or its first entry),
    without skipped days: all days, its `weekdays`, `target_days` of seven days or of a month, or one of `interval_days`.
    """
    found = await repository.stats(request.database, request.caller.user_id, id)
    if found is None:
        raise Problem("not_found")
    return EncodedResponse(found.encode())


@get("/{id:uuid}/entries")
async def page_entries(
    request: Request, id: FromPath[UUID], filters: FromQuery[HabitEntryQuery]
) -> EncodedResponse[Page[HabitEntry]]:
    """List a habit's entries by date, newest first or oldest first."""
    user_id = request.caller.user_id
    entries = await repository.page_entries(request.database, user_id, id, filters)
    if not entries and await repository.get(request.database, user_id, id) is None:
        raise Problem("not_found")
    return pagination.answer_dated(entries, filters)


@get("/{id:uuid}/entries/{date:date}", opt=CONDITIONAL)
async def read_entry(request: Request, id: FromPath[UUID], date: FromPath[dt.date]) -> EncodedResponse[HabitEntry]:
    """Read the entry of a day."""
    entry = await repository.get_entry(request.database, request.caller.user_id, id, date)
    return responses.found(entry)


@put("/{id:uuid}/entries/{date:date}", opt=PUT)
async def put_entry(
    request: Request, id: FromPath[UUID], date: FromPath[dt.date], data: JSONBody[HabitEntryPut], versions: Versions
) -> EncodedResponse[HabitEntry]:
    """Write the entry of a day: made, or replaced where there is one.

    An omitted field gets its default; `completed` of a numeric habit is then decided by the value. A day after tomorrow
    can only be skipped.
    """
    rules.check_day(date, request.caller.timezone, is_skipped=data.skipped)
    user_id = request.caller.user_id
    put = await repository.put_entry(request.database, user_id, id, date, versions=versions, new=data)
    if put is None:
        raise missing(await repository.get(request.database, user_id, id))
    entry, made = put
    return responses.replaced(entry, made=made)


@put("/{id:uuid}/entries")
async def put_entries(request: Request, id: FromPath[UUID], data: JSONBody[HabitEntriesPut]) -> EncodedResponse[HabitEntries]:
    """Write the entries of several days at once, each as the PUT of its day does: all of them, or none.

    The fields that only the server sets are taken when they are equal to what stands.
    """
    entries = await rules.put_entries(request.database, request.caller.user_id, id, data.entries, request.caller.timezone)
    return responses.row(HabitEntries(entries))


@patch("/{id:uuid}/entries/{date:date}")
async def change_entry(
    request: Request, id: FromPath[UUID], date: FromPath[dt.date], data: JSONBody[HabitEntryPatch], versions: Versions
) -> EncodedResponse[HabitEntry]:
    """Change the entry of a day by a merge patch.

    Where `completed` is not sent, a changed `value` or `skipped` of a numeric habit decides it; `completed_at` goes with it.
    """
    rules.check_day(date, request.caller.timezone, is_skipped=data.skipped is not False)
    user_id = request.caller.user_id
    entry = await repository.patch_entry(request.database, user_id, id, date, versions=versions, changes=data)
    if entry is None:
        raise missing(await repository.get_entry(request.database, user_id, id, date))
    return responses.versioned(entry)


@delete("/{id:uuid}/entries/{date:date}", status_code=204)
async def remove_entry(
    request: Request, id: FromPath[UUID], date: FromPath[dt.date], versions: Versions
) -> EncodedResponse[None]:
    """Delete the entry of a day."""
    user_id = request.caller.user_id
    if not await repository.delete_entry(request.database, user_id, id, date, versions):
        raise missing(await repository.get_entry(request.database, user_id, id, date))
    return responses.no_content()


@post("/{id:uuid}/entries/{date:date}/comments")
async def create_comment(
    request: Request, id: FromPath[UUID], date: FromPath[dt.date], data: JSONBody[HabitCommentCreate]
) -> EncodedResponse[HabitComment]:
    """Make a comment on a day of a habit; the day needs no entry. Sent again with the same `id`: 200, and nothing new."""
    comment, replayed = await idempotency.create_once(
        partial(repository.create_comment, habit_id=id, date=date),
        partial(repository.get_comment, habit_id=id, date=date),
        request.database,
        request.caller.user_id,
        data,
        get_parent=partial(repository.get, request.database, request.caller.user_id, id),
    )
    return responses.created(comment, f"/v1/habits/{id}/entries/{date}/comments/{comment.id}", replayed=replayed)


@get("/{id:uuid}/entries/{date:date}/comments")
async def page_comments(
    request: Request, id: FromPath[UUID], date: FromPath[dt.date], filters: FromQuery[OrderedPageQuery]
) -> EncodedResponse[Page[HabitComment]]:
    """List the comments on a day by the time they were made, newest first or oldest first."""
    user_id = request.caller.user_id
    comments = await repository.page_comments(request.database, user_id, id, date, filters)
    if not comments and await repository.get(request.database, user_id, id) is None:
        raise Problem("not_found")
    return pagination.answer(comments, filters)


@get("/{id:uuid}/entries/{date:date}/comments/{comment_id:uuid}", opt=CONDITIONAL)
async def read_comment(
    request: Request, id: FromPath[UUID], date: FromPath[dt.date], comment_id: FromPath[UUID]
) -> EncodedResponse[HabitComment]:
    """Read a comment on a day of a habit."""
    comment = await repository.get_comment(request.database, request.caller.user_id, comment_id, habit_id=id, date=date)
    return responses.found(comment)


@delete("/{id:uuid}/entries/{date:date}/comments/{comment_id:uuid}", status_code=204)
async def remove_comment(
    request: Request, id: FromPath[UUID], date: FromPath[dt.date], comment_id: FromPath[UUID], versions: Versions
) -> EncodedResponse[None]:
    """Delete a comment for good."""
    user_id = request.caller.user_id
    if not await repository.delete_comment(request.database, user_id, comment_id, versions, habit_id=id, date=date):
        raise missing(await repository.get_comment(request.database, user_id, comment_id, habit_id=id, date=date))
    return responses.no_content()


router = Router(
    "/v1/habits",
    route_handlers=[
        create,
        read,
        page,
        change,
        remove,
        today,
        overview,
        stats,
        page_entries,
        read_entry,
        put_entry,
        put_entries,
        change_entry,
        remove_entry,
        create_comment,
        page_comments,
        read_comment,
        remove_comment,
    ],
    tags=["Habits"],
    opt=HASHED_ETAG | BATCHED | FROM_REPLICA,
)
