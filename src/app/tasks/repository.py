"""Typed calls of sql/queries/tasks.sql."""

from uuid import UUID

from app.database.queries import Executor, Json, load
from app.http.responses import encode
from app.tasks.schemas import Task, TaskCreate, TaskPatch

queries = load("tasks")


async def create(database: Executor, user_id: UUID, new: TaskCreate) -> Task | None:
    """Make a task. None: this user has one with the chosen id."""
    row = await queries.create(
        database, user_id=user_id, id=new.id, title=new.title, description=new.description, completed=new.completed
    )
    return Task(*row) if row else None


async def get(database: Executor, user_id: UUID, id: UUID) -> Task | None:
    """Read a task of this user."""
    row = await queries.get(database, user_id=user_id, id=id)
    return Task(*row) if row else None


async def owner(database: Executor, user_id: UUID, id: UUID) -> UUID | None:
    """Whose task this is, this user's own first; None: there is no such task."""
    found: UUID | None = await queries.owner(database, user_id=user_id, id=id)
    return found


async def page_newest(
    database: Executor, user_id: UUID, *, completed: bool | None, tag: str | None, after: UUID, limit: int
) -> list[Json[Task]]:
    """Read up to `limit` tasks, newest first, that come behind `after`."""
    rows = await queries.page_newest(database, user_id=user_id, completed=completed, tag=tag, after=after, limit=limit)
    return [row[0] for row in rows]


async def page_oldest(
    database: Executor, user_id: UUID, *, completed: bool | None, tag: str | None, after: UUID, limit: int
) -> list[Json[Task]]:
    """Read up to `limit` tasks, oldest first, that come behind `after`."""
    rows = await queries.page_oldest(database, user_id=user_id, completed=completed, tag=tag, after=after, limit=limit)
    return [row[0] for row in rows]


async def patch(database: Executor, user_id: UUID, id: UUID, version: int | None, changes: TaskPatch) -> Task | None:
    """Change a task. None: not this user's, or it has moved on from `version`."""
    row = await queries.patch(database, user_id=user_id, id=id, version=version, changes=encode(changes).decode())
    return Task(*row) if row else None


async def delete(database: Executor, user_id: UUID, id: UUID, version: int | None) -> int:
    """Delete a task. 0: not this user's, or it has moved on from `version`."""
    count: int = await queries.delete(database, user_id=user_id, id=id, version=version)
    return count
