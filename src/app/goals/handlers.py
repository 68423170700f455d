"""/v1/goals, their progress and their trees."""

from functools import partial
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.goals import recurrence, repository, rules
from app.goals.schemas import Goal, GoalCreate, GoalPatch, GoalProgress, GoalProgressCreate, GoalQuery, GoalTree
from app.http import idempotency, pagination, responses
from app.http.conditional import IfMatch
from app.http.pagination import DatedPageQuery, Page
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.problems.ownership import missing


@post("/", opt={"problems": ["not_found", "goals_cycle"]})
async def create(request: Request, data: JSONBody[GoalCreate]) -> EncodedResponse[Goal]:
    """Make a goal. Sent again with the same `id`: 200 with the goal as it stands, and nothing new.

    A `parent_id` that is not there, or not yours: 404.
    """
    recurrence.check(data.recurrence_pattern)
    goal, replayed = await idempotency.create_once(
        repository.create, repository.get, request.database, request.caller.user_id, data
    )
    return responses.created(goal, f"/v1/goals/{goal.id}", replayed=replayed)


@get("/{id:uuid}")
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[Goal]:
    """Read a goal with its current value and percentage."""
    goal = await repository.get(request.database, request.caller.user_id, id)
    if goal is None:
        raise missing(goal)
    return responses.versioned(goal)


@get("/")
async def page(request: Request, filters: FromQuery[GoalQuery]) -> EncodedResponse[Page[Goal]]:
    """List goals by the time they were made, newest first or oldest first."""
    read_page = repository.page_newest if filters.order == "newest" else repository.page_oldest
    goals = await read_page(
        request.database,
        request.caller.user_id,
        status=filters.status,
        goal_type=filters.goal_type,
        parent_id=filters.parent_id,
        tag=filters.tag,
        after=pagination.after(filters, filters.order),
        limit=filters.limit + 1,
    )
    return pagination.answer(goals, filters)


@patch("/{id:uuid}", opt={"problems": ["goals_cycle"]})
async def change(request: Request, id: FromPath[UUID], data: JSONBody[GoalPatch], if_match: IfMatch) -> EncodedResponse[Goal]:
    """Change a goal by a merge patch: with `parent_id` it moves, with everything below it.

    Completing a recurring goal makes its next occurrence, once: an active goal with the same fields and tags, without
    progress and sub-goals, that begins on the rule's next day after `start_date` (or after today). Its `previous_id` is
    this goal.
    """
    recurrence.check(data.recurrence_pattern)
    goal = await rules.change(request.database, request.caller.user_id, id, if_match, data)
    return responses.versioned(goal)


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], if_match: IfMatch) -> EncodedResponse[None]:
    """Delete a goal for good, and its sub-goals with it."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, id, if_match):
        raise missing(await repository.get(request.database, user_id, id))
    return responses.no_content()


@get("/{id:uuid}/tree", opt={"problems": ["goals_tree_too_large"]})
async def tree(request: Request, id: FromPath[UUID]) -> EncodedResponse[GoalTree]:
    """Read a goal with everything below it and how far that is as a whole.

    A goal's `rolled_up_percentage` is the mean of those of its sub-goals, cancelled ones left out; without any it is the
    goal's own `percentage`. Sub-goals are nested as deep as they are; a tree of more than 10,000 goals is refused.
    """
    goals = await repository.tree(request.database, request.caller.user_id, id, rules.LARGEST_TREE + 1)
    return rules.tree(id, goals)


@post("/{id:uuid}/progress")
async def create_progress(
    request: Request, id: FromPath[UUID], data: JSONBody[GoalProgressCreate]
) -> EncodedResponse[GoalProgress]:
    """Note how far a goal is on a day. The newest entry by date, then by id, is its current value.

    Sent again with the same `id`: 200 with the entry as it stands. `Location` is the list in which the entry is.
    """
    entry, replayed = await idempotency.create_once(
        partial(repository.create_progress, goal_id=id),
        partial(repository.get_progress, goal_id=id),
        request.database,
        request.caller.user_id,
        data,
    )
    return responses.created(entry, f"/v1/goals/{id}/progress", replayed=replayed)


@get("/{id:uuid}/progress")
async def page_progress(
    request: Request, id: FromPath[UUID], filters: FromQuery[DatedPageQuery]
) -> EncodedResponse[Page[GoalProgress]]:
    """List how far a goal was, by date."""
    user_id = request.caller.user_id
    read_page = repository.page_progress_newest if filters.order == "newest" else repository.page_progress_oldest
    after_date, after_id = pagination.after_dated(filters)
    entries = await read_page(
        request.database,
        user_id,
        id,
        far_date=pagination.range_bound(filters),
        after_date=after_date,
        after_id=after_id,
        limit=filters.limit + 1,
    )
    if not entries and (goal := await repository.get(request.database, user_id, id)) is None:
        raise missing(goal)
    return pagination.answer_dated(entries, filters)


router = Router(
    "/v1/goals", route_handlers=[create, read, page, change, remove, tree, create_progress, page_progress], tags=["Goals"]
)
