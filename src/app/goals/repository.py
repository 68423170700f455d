"""Typed calls of sql/queries/goals.sql."""

from datetime import date
from typing import Any
from uuid import UUID

from app.database.queries import Executor, Json, load, to_json
from app.goals.recurrence import Occurrence
from app.goals.schemas import (
    Goal,
    GoalCreate,
    GoalPatch,
    GoalProgress,
    GoalProgressCreate,
    GoalProgressPatch,
    GoalQuery,
    ListedGoal,
    TreeGoal,
)
from app.http import keyed_pages, totals
from app.http.conditional import Versions
from app.http.pagination import PAGE_BYTES, DatedPageQuery, dated_parameters, limit_and_filters, parameters
from app.http.totals import Total

queries = load("goals")


async def create(database: Executor, user_id: UUID, new: GoalCreate) -> Goal | None:
    """Make a goal. None: this user has one with the chosen id."""
    return await queries.create.created(database, Goal, user_id=user_id, id=new.id, new=to_json(new))


async def get(database: Executor, user_id: UUID, id: UUID) -> Goal | None:
    """Read a goal of this user."""
    return await queries.get.coalesced(database, Goal, user_id=user_id, id=id)


async def page(database: Executor, user_id: UUID, filters: GoalQuery) -> list[Json[ListedGoal] | None]:
    """Read a page of goals, and one more, or None, if there is a next one. Raises Problem 422 for a bad cursor."""
    return await queries.ordered("page", filters.order).values(
        database, user_id=user_id, bytes=PAGE_BYTES, **_packed(parameters(filters))
    )


async def page_priority(database: Executor, user_id: UUID, filters: GoalQuery) -> list[Json[ListedGoal] | None]:
    """Read a page of goals by priority, as `page` does."""
    after_rank, after_id = keyed_pages.after_number(filters, "priority")
    values = _packed(limit_and_filters(filters))
    return await queries.page_priority.values(
        database, user_id=user_id, bytes=PAGE_BYTES, after_rank=after_rank, after_id=after_id, **values
    )


async def page_end_date(database: Executor, user_id: UUID, filters: GoalQuery) -> list[Json[ListedGoal] | None]:
    """Read a page of goals by end date, as `page` does."""
    after_date, after_id = keyed_pages.after_day(filters, "end_date", None)
    values = _packed(limit_and_filters(filters))
    return await queries.page_end_date.values(
        database, user_id=user_id, bytes=PAGE_BYTES, after_date=after_date, after_id=after_id, **values
    )


def _packed(values: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a list with its words, and its range of days, as one of them each."""
    return values | {
        "words": [values.pop("status"), values.pop("goal_type"), values.pop("category")],
        "days": [values.pop("range_from"), values.pop("range_to")],
    }


async def total(database: Executor, user_id: UUID, filters: GoalQuery) -> Total:
    """Count the goals of a list over all of its pages."""
    return await queries.total.only(database, Total, user_id=user_id, **_packed(totals.parameters(filters)))


async def tree(database: Executor, user_id: UUID, id: UUID, limit: int, size: int) -> list[TreeGoal]:
    """Read up to `limit` goals of the tree below a goal, itself included, oldest first. Empty: not this user's.

    Their JSON is `size` bytes at most: that of the goal, then those of the oldest.
    """
    return await queries.tree.many(database, TreeGoal, user_id=user_id, id=id, limit=limit, bytes=size)


async def patch(
    database: Executor, user_id: UUID, id: UUID, versions: Versions, changes: GoalPatch
) -> tuple[Goal, bool] | None:
    """Change a goal; returns it, and whether this completed it.

    None: not this user's, or not at one of `versions`, or it would be a sub-goal of itself.
    """
    return await queries.patch.one(database, _patched, user_id=user_id, id=id, versions=versions, changes=to_json(changes))


async def today(database: Executor, user_id: UUID) -> date | None:
    """The date in the user's time zone. None: the user does not exist any more."""
    return await queries.today.value(database, date, user_id=user_id)


async def recur(database: Executor, user_id: UUID, id: UUID, occurrence: Occurrence) -> int:
    """Make the next occurrence of a goal that was just completed. Returns how many tags were copied."""
    return await queries.recur.count(database, user_id=user_id, id=id, **occurrence._asdict())


async def delete(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> int:
    """Delete a goal with all its sub-goals. 0: not this user's, or not at one of `versions`."""
    return await queries.delete.count(database, user_id=user_id, id=id, versions=versions)


async def create_progress(database: Executor, user_id: UUID, new: GoalProgressCreate, *, goal_id: UUID) -> GoalProgress | None:
    """Make an entry of a goal's progress. None: this user has one with the chosen id."""
    return await queries.create_progress.created(
        database, GoalProgress, user_id=user_id, id=new.id, goal_id=goal_id, new=to_json(new)
    )


async def get_progress(database: Executor, user_id: UUID, id: UUID, *, goal_id: UUID) -> GoalProgress | None:
    """Read an entry of a goal's progress."""
    return await queries.get_progress.coalesced(database, GoalProgress, user_id=user_id, goal_id=goal_id, id=id)


async def patch_progress(  # noqa: PLR0917 - as every patch, and the goal
    database: Executor, user_id: UUID, goal_id: UUID, id: UUID, versions: Versions, changes: GoalProgressPatch
) -> GoalProgress | None:
    """Change an entry of a goal's progress. None: not this user's, or not at one of `versions`."""
    return await queries.patch_progress.one(
        database, GoalProgress, user_id=user_id, goal_id=goal_id, id=id, versions=versions, changes=to_json(changes)
    )


async def delete_progress(database: Executor, user_id: UUID, goal_id: UUID, id: UUID, versions: Versions) -> int:
    """Delete an entry of a goal's progress. 0: not this user's, or not at one of `versions`."""
    return await queries.delete_progress.count(database, user_id=user_id, goal_id=goal_id, id=id, versions=versions)


async def page_progress(
    database: Executor, user_id: UUID, goal_id: UUID, filters: DatedPageQuery
) -> list[Json[GoalProgress] | None]:
    """Read a page of a goal's progress, and one more, or None, if there is a next one. Raises Problem 422 for a bad cursor."""
    return await queries.ordered("page_progress", filters.order).values(
        database, user_id=user_id, goal_id=goal_id, bytes=PAGE_BYTES, **dated_parameters(filters)
    )


def _patched(*columns: Any) -> tuple[Goal, bool]:
    *goal, is_completed = columns
    return Goal(*goal), is_completed
