"""Typed calls of sql/queries/goals.sql."""

from datetime import date
from uuid import UUID

from app.database.queries import Executor, Json, load
from app.goals.recurrence import Occurrence
from app.goals.schemas import Goal, GoalCreate, GoalPatch, GoalProgress, GoalProgressCreate, TreeGoal
from app.http.responses import encode

queries = load("goals")


async def create(database: Executor, user_id: UUID, new: GoalCreate) -> Goal | None:
    """Make a goal. None: this user has one with the chosen id."""
    row = await queries.create(database, user_id=user_id, new=encode(new).decode())
    return Goal(*row) if row else None


async def get(database: Executor, user_id: UUID, id: UUID) -> Goal | None:
    """Read a goal of this user."""
    row = await queries.get(database, user_id=user_id, id=id)
    return Goal(*row) if row else None


async def page_newest(
    database: Executor,
    user_id: UUID,
    *,
    status: str | None,
    goal_type: str | None,
    parent_id: UUID | None,
    tag: str | None,
    after: UUID,
    limit: int,
) -> list[Json[Goal]]:
    """Read up to `limit` goals, newest first, that come behind `after`."""
    rows = await queries.page_newest(
        database,
        user_id=user_id,
        status=status,
        goal_type=goal_type,
        parent_id=parent_id,
        tag=tag,
        after=after,
        limit=limit,
    )
    return [row[0] for row in rows]


async def page_oldest(
    database: Executor,
    user_id: UUID,
    *,
    status: str | None,
    goal_type: str | None,
    parent_id: UUID | None,
    tag: str | None,
    after: UUID,
    limit: int,
) -> list[Json[Goal]]:
    """Read up to `limit` goals, oldest first, that come behind `after`."""
    rows = await queries.page_oldest(
        database,
        user_id=user_id,
        status=status,
        goal_type=goal_type,
        parent_id=parent_id,
        tag=tag,
        after=after,
        limit=limit,
    )
    return [row[0] for row in rows]


async def tree(database: Executor, user_id: UUID, id: UUID, limit: int) -> list[TreeGoal]:
    """Read up to `limit` goals out of a goal and everything below it, oldest first. None at all: not this user's."""
    return [TreeGoal(*row) for row in await queries.tree(database, user_id=user_id, id=id, limit=limit)]


async def lock_goals(database: Executor, user_id: UUID) -> UUID | None:
    """Let nobody else move a goal of this user until the transaction ends. None: there is no such user (any more)."""
    found: UUID | None = await queries.lock_goals(database, user_id=user_id)
    return found


async def patch(database: Executor, user_id: UUID, id: UUID, version: int | None, changes: GoalPatch) -> Goal | None:
    """Change a goal. None: not this user's, or it has moved on from `version`, or it would be below itself."""
    row = await queries.patch(
        database,
        user_id=user_id,
        id=id,
        version=version,
        parent_id=changes.parent_id if isinstance(changes.parent_id, UUID) else None,
        changes=encode(changes).decode(),
    )
    return Goal(*row) if row else None


async def today(database: Executor, user_id: UUID) -> date | None:
    """Which day it is in the user's time zone. None: there is no such user (any more)."""
    day: date | None = await queries.today(database, user_id=user_id)
    return day


async def recur(database: Executor, user_id: UUID, id: UUID, occurrence: Occurrence) -> int:
    """Make the next occurrence of a goal that was completed in this transaction. Gives how many tags went along."""
    count: int = await queries.recur(
        database,
        user_id=user_id,
        id=id,
        start_date=occurrence.start_date,
        end_date=occurrence.end_date,
        recurrence_pattern=occurrence.pattern,
    )
    return count


async def delete(database: Executor, user_id: UUID, id: UUID, version: int | None) -> int:
    """Delete a goal and everything below it. 0: not this user's, or it has moved on from `version`."""
    count: int = await queries.delete(database, user_id=user_id, id=id, version=version)
    return count


async def create_progress(database: Executor, user_id: UUID, new: GoalProgressCreate, *, goal_id: UUID) -> GoalProgress | None:
    """Note how far a goal is. None: this user has an entry with the chosen id."""
    row = await queries.create_progress(database, user_id=user_id, goal_id=goal_id, new=encode(new).decode())
    return GoalProgress(*row) if row else None


async def get_progress(database: Executor, user_id: UUID, id: UUID, *, goal_id: UUID) -> GoalProgress | None:
    """Read an entry of this goal."""
    row = await queries.get_progress(database, user_id=user_id, goal_id=goal_id, id=id)
    return GoalProgress(*row) if row else None


async def page_progress_newest(
    database: Executor,
    user_id: UUID,
    goal_id: UUID,
    *,
    far_date: date,
    after_date: date,
    after_id: UUID,
    limit: int,
) -> list[Json[GoalProgress]]:
    """Read up to `limit` entries of a goal, the latest first, that come behind (`after_date`, `after_id`)."""
    rows = await queries.page_progress_newest(
        database,
        user_id=user_id,
        goal_id=goal_id,
        from_date=far_date,
        after_date=after_date,
        after_id=after_id,
        limit=limit,
    )
    return [row[0] for row in rows]


async def page_progress_oldest(
    database: Executor,
    user_id: UUID,
    goal_id: UUID,
    *,
    far_date: date,
    after_date: date,
    after_id: UUID,
    limit: int,
) -> list[Json[GoalProgress]]:
    """Read up to `limit` entries of a goal, the earliest first, that come behind (`after_date`, `after_id`)."""
    rows = await queries.page_progress_oldest(
        database,
        user_id=user_id,
        goal_id=goal_id,
        to_date=far_date,
        after_date=after_date,
        after_id=after_id,
        limit=limit,
    )
    return [row[0] for row in rows]
