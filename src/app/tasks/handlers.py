"""/v1/tasks. A handler is decoding, one call of the repository, and the answer."""

from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.database.errors import NodeUnavailable
from app.http import idempotency, keyed_pages, responses, totals
from app.http.conditional import Versions
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, CONDITIONAL, FROM_REPLICA, INDEPENDENT
from app.http.totals import CountedPage
from app.problems.ownership import refusal
from app.problems.problem import Problem
from app.tasks import repository, rules
from app.tasks.schemas import ORDERS, ListedTask, Task, TaskCreate, TaskPatch, TaskQuery

FOREIGN = {"problems": ["forbidden"]}
"""Another user's task is a 403; other resources of another user are a 404."""


@post("/", opt=INDEPENDENT)
async def create(request: Request, data: JSONBody[TaskCreate]) -> EncodedResponse[Task]:
    """Make a task. Sent again with the same `id`: 200 with the task as it stands, and nothing new."""
    task, replayed = await idempotency.create_once(
        repository.create, repository.get, request.database, request.caller.user_id, data
    )
    return responses.created(task, f"/v1/tasks/{task.id}", replayed=replayed)


@get("/{id:uuid}", opt=CONDITIONAL | FOREIGN)
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[Task]:
    """Read a task."""
    task = await repository.get(request.database, request.caller.user_id, id)
    if task is None:
        raise await absent(request, id)
    return responses.versioned(task)


@get("/")
async def page(request: Request, filters: FromQuery[TaskQuery]) -> EncodedResponse[CountedPage[ListedTask]]:
    """List tasks by the time they were made, newest first or oldest first, or open tasks by the day they are due."""
    tasks = await rules.page(request.database, request.caller.user_id, filters)
    page = keyed_pages.answer(tasks, filters, filters.order, ORDERS.get(filters.order))
    return await totals.counted(page, repository.total, request.database, request.caller.user_id, filters)


@patch("/{id:uuid}", opt=FOREIGN)
async def change(request: Request, id: FromPath[UUID], data: JSONBody[TaskPatch], versions: Versions) -> EncodedResponse[Task]:
    """Change a task by a merge patch."""
    task = await repository.patch(request.database, request.caller.user_id, id, versions, data)
    if task is None:
        raise await absent(request, id)
    return responses.versioned(task)


@delete("/{id:uuid}", status_code=204, opt=FOREIGN)
async def remove(request: Request, id: FromPath[UUID], versions: Versions) -> EncodedResponse[None]:
    """Delete a task for good."""
    if not await repository.delete(request.database, request.caller.user_id, id, versions):
        raise await absent(request, id)
    return responses.no_content()


async def absent(request: Request, id: UUID) -> Problem:
    """Why nothing was found: 403 for another user's task, 412 for a version that the conditions do not allow, 404 for none."""
    user_id = request.caller.user_id
    try:
        owner = await repository.owner(request.database, user_id, id)
    except NodeUnavailable:
        # Whose it is, all servers were asked: one is away. Whether it is this user's, theirs knows.
        owner = user_id if await repository.get(request.database, user_id, id) is not None else None
    return refusal(user_id, owner)


router = Router("/v1/tasks", route_handlers=[create, read, page, change, remove], tags=["Tasks"], opt=BATCHED | FROM_REPLICA)
