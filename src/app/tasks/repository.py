"""Typed calls of sql/queries/tasks.sql."""

from typing import Any
from uuid import UUID

from msgspec.structs import asdict

from app.database.queries import Executor, Json, load, to_json
from app.http import totals
from app.http.conditional import Versions
from app.http.fields import LAST_DAY
from app.http.keyed_pages import after_day
from app.http.pagination import limit_and_filters, parameters
from app.http.totals import Total
from app.tasks.schemas import ORDERS, ListedTask, Task, TaskCreate, TaskPatch, TaskQuery

queries = load("tasks")


async def create(database: Executor, user_id: UUID, new: TaskCreate) -> Task | None:
    """Make a task. None: this user has one with the chosen id."""
    return await queries.create.created(database, Task, user_id=user_id, **asdict(new))


async def get(database: Executor, user_id: UUID, id: UUID) -> Task | None:
    """Read a task of this user."""
    return await queries.get.coalesced(database, Task, user_id=user_id, id=id)


async def owner(database: Executor, user_id: UUID, id: UUID) -> UUID | None:
    """The owner of a task, this user if both own one with this id. None: there is no such task."""
    return await queries.owner.value(database, UUID, user_id=user_id, id=id)


async def page(database: Executor, user_id: UUID, filters: TaskQuery) -> list[Json[ListedTask]]:
    """Read a page of tasks, and one task more if there is a next page. Raises Problem 422 for a bad cursor."""
    values = await _with_ids(database, user_id, parameters(filters))
    return await queries.ordered("page", filters.order).values(database, user_id=user_id, **values)


async def page_due(database: Executor, user_id: UUID, filters: TaskQuery) -> list[Json[ListedTask]]:
    """Read a page of open tasks by due date, as `page` does."""
    after_date, after_id = after_day(filters, "due", filters.due_from)
    values = limit_and_filters(filters)
    del values["completed"], values["due_from"], values["due_to"]
    values = await _with_ids(database, user_id, values)
    return await queries.page_due.values(
        database,
        user_id=user_id,
        # Tasks without a due date are in no range, whichever end it has.
        due_to=filters.due_to or (LAST_DAY if filters.due_from else None),
        after_date=after_date,
        after_id=after_id,
        **values,
    )


async def total(database: Executor, user_id: UUID, filters: TaskQuery) -> Total:
    """Count the tasks of a list over all of its pages."""
    values = totals.parameters(filters)
    if filters.order in ORDERS:
        # It has only open ones.
        values["completed"] = False
    values = await _with_ids(database, user_id, values)
    return await queries.total.only(database, Total, user_id=user_id, **values)


async def imported(database: Executor, user_id: UUID, source_id: str) -> list[UUID]:
    """The tasks that had this id in the app that they came from."""
    return await queries.imported.values(database, user_id=user_id, source_id=source_id)


async def _with_ids(database: Executor, user_id: UUID, values: dict[str, Any]) -> dict[str, Any]:
    """A list's parameters with the tasks of a `source_id` in its place.

    What imports remember is asked by itself: in a cluster it lies on another server than tasks do.
    """
    source_id = values.pop("source_id")
    return values | {"ids": None if source_id is None else await imported(database, user_id, source_id)}


async def patch(database: Executor, user_id: UUID, id: UUID, versions: Versions, changes: TaskPatch) -> Task | None:
    """Change a task. None: not this user's, or not at one of `versions`."""
    return await queries.patch.coalesced(database, Task, user_id=user_id, id=id, versions=versions, changes=to_json(changes))


async def delete(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> int:
    """Delete a task. 0: not this user's, or not at one of `versions`."""
    return await queries.delete.count(database, user_id=user_id, id=id, versions=versions)
