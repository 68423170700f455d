"""/v1/tasks. A handler reads like the route's sentence: decode, call the repository, answer."""

from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from app import answers, ids, paging
from app.answers import Ready
from app.paging import Page
from app.policy import refusal
from app.problems import Problem
from app.requests import Request, expected_version, has_version
from app.tasks import repository
from app.tasks.schemas import Task, TaskCreate, TaskPatch, TaskQuery

FOREIGN = {"problems": ["forbidden"]}
"""A task of somebody else answers 403 where other resources answer 404."""


@post("/")
async def create(request: Request, data: JSONBody[TaskCreate]) -> Ready[Task]:
    """Make a task. Sent again with the same `id`: 200 with the task as it stands, and nothing new."""
    task, replayed = await ids.create_once(repository.create, repository.get, request.database, request.caller.user_id, data)
    return answers.created(task, f"/v1/tasks/{task.id}", replayed=replayed)


@get("/{id:uuid}", opt=FOREIGN)
async def read(request: Request, id: FromPath[UUID]) -> Ready[Task]:
    """Read a task."""
    task = await repository.get(request.database, request.caller.user_id, id)
    if task is None:
        raise await absent(request, id)
    if has_version(request, task.version):
        return answers.not_modified(task.version)
    return answers.versioned(task)


@get("/")
async def page(request: Request, filters: FromQuery[TaskQuery]) -> Ready[Page[Task]]:
    """List tasks by the time they were made, newest first or oldest first."""
    read_page = repository.page_newest if filters.order == "newest" else repository.page_oldest
    tasks = await read_page(
        request.database,
        request.caller.user_id,
        completed=filters.completed,
        tag=filters.tag,
        after=paging.after(filters, filters.order),
        limit=filters.limit + 1,
    )
    return paging.answer(tasks, filters, filters.order)


@patch("/{id:uuid}", opt=FOREIGN)
async def change(request: Request, id: FromPath[UUID], data: JSONBody[TaskPatch]) -> Ready[Task]:
    """Change a task by a merge patch."""
    task = await repository.patch(request.database, request.caller.user_id, id, expected_version(request), data)
    if task is None:
        raise await absent(request, id)
    return answers.versioned(task)


@delete("/{id:uuid}", status_code=204, opt=FOREIGN)
async def remove(request: Request, id: FromPath[UUID]) -> Ready[None]:
    """Delete a task for good."""
    if not await repository.delete(request.database, request.caller.user_id, id, expected_version(request)):
        raise await absent(request, id)
    return answers.no_content()


async def absent(request: Request, id: UUID) -> Problem:
    """Why nothing was found: 403 for a foreign task, 412 for one that has moved on, 404 for none."""
    user_id = request.caller.user_id
    return refusal(user_id, await repository.owner(request.database, user_id, id), shows_foreign=True)


router = Router("/v1/tasks", route_handlers=[create, read, page, change, remove], tags=["Tasks"])
