"""/v1/goals, their progress and their trees."""

from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.goals import repository, rules
from app.goals.schemas import (
    ORDERS,
    Goal,
    GoalCreate,
    GoalPatch,
    GoalProgress,
    GoalProgressCreate,
    GoalProgressPatch,
    GoalQuery,
    GoalTree,
    ListedGoal,
)
from app.http import keyed_pages, pagination, responses, totals
from app.http.conditional import Versions
from app.http.pagination import DatedPageQuery, Page
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, CONDITIONAL, FROM_REPLICA, HASHED_ETAG
from app.http.totals import CountedPage
from app.problems.ownership import missing
from app.problems.problem import Problem


@post("/", opt={"problems": ["not_found", "goals_cycle", "goals_too_deep"]})
async def create(request: Request, data: JSONBody[GoalCreate]) -> EncodedResponse[Goal]:
    """Make a goal. Sent again with the same `id`: 200 with the goal as it stands, and nothing new.

    A `parent_id` that does not exist, or is another user's: 404.
    """
    goal, replayed = await rules.create(request.database, request.caller.user_id, data)
    return responses.created(goal, f"/v1/goals/{goal.id}", replayed=replayed)


@get("/{id:uuid}", opt=CONDITIONAL)
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[Goal]:
    """Read a goal with its current value and percentage."""
    goal = await repository.get(request.database, request.caller.user_id, id)
    return responses.found(goal)


@get("/")
async def page(request: Request, filters: FromQuery[GoalQuery]) -> EncodedResponse[CountedPage[ListedGoal]]:
    """List goals by the time they were made, newest first or oldest first, or by priority or end date."""
    goals = await rules.page(request.database, request.caller.user_id, filters)
    page = keyed_pages.answer(goals, filters, filters.order, ORDERS.get(filters.order))
    return await totals.counted(page, repository.total, request.database, request.caller.user_id, filters)


@patch("/{id:uuid}", opt={"problems": ["goals_cycle", "goals_too_deep"]})
async def change(request: Request, id: FromPath[UUID], data: JSONBody[GoalPatch], versions: Versions) -> EncodedResponse[Goal]:
    """Change a goal by a merge patch: with `parent_id` it moves, with all its sub-goals.

    Completing a recurring goal makes its next occurrence, once: an active goal with the same fields and tags, without
    progress and sub-goals, that begins on the rule's next day after `start_date` (or after today). Its `previous_id` is
    this goal.
    """
    goal = await rules.change(request.database, request.caller.user_id, id, versions, data)
    return responses.versioned(goal)


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], versions: Versions) -> EncodedResponse[None]:
    """Delete a goal and all its sub-goals for good."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, id, versions):
        raise missing(await repository.get(request.database, user_id, id))
    return responses.no_content()


@get("/{id:uuid}/tree", opt={"problems": ["goals_tree_too_large"]})
async def tree(request: Request, id: FromPath[UUID]) -> EncodedResponse[GoalTree]:
    """Read a goal with all its sub-goals, and how far they are together.

    A goal's `rolled_up_percentage` is the mean of those of its sub-goals, without cancelled ones and without the open
    occurrence of a recurring goal that was completed before; without any that counts, and when the goal is completed, it is
    the goal's own `percentage`. The answer has at most 100 levels (goals from before there was this limit may have more below),
    and at most 8 MiB of goals: where texts are so long, the oldest ones. What is left out counts, and `children_left_out`
    tells of it. A tree of more than 10,000 goals is refused.
    """
    tree = await rules.tree(request.database, request.caller.user_id, id)
    return EncodedResponse(tree)


@post("/{id:uuid}/progress")
async def create_progress(
    request: Request, id: FromPath[UUID], data: JSONBody[GoalProgressCreate]
) -> EncodedResponse[GoalProgress]:
    """Make an entry of a goal's progress on a day. The latest entry by date, then by id, is the goal's current value.

    Its day is tomorrow at the latest, in the user's time zone. Sent again with the same `id`: 200 with the entry as it stands.
    """
    entry, replayed = await rules.create_progress(request.database, request.caller.user_id, id, data)
    return responses.created(entry, f"/v1/goals/{id}/progress/{entry.id}", replayed=replayed)


@get("/{id:uuid}/progress")
async def page_progress(
    request: Request, id: FromPath[UUID], filters: FromQuery[DatedPageQuery]
) -> EncodedResponse[Page[GoalProgress]]:
    """List the entries of a goal's progress by date."""
    user_id = request.caller.user_id
    entries = await repository.page_progress(request.database, user_id, id, filters)
    if not entries and await repository.get(request.database, user_id, id) is None:
        raise Problem("not_found")
    return pagination.answer_dated(entries, filters)


@get("/{id:uuid}/progress/{entry_id:uuid}", opt=CONDITIONAL)
async def read_progress(request: Request, id: FromPath[UUID], entry_id: FromPath[UUID]) -> EncodedResponse[GoalProgress]:
    """Read an entry of a goal's progress."""
    entry = await repository.get_progress(request.database, request.caller.user_id, entry_id, goal_id=id)
    return responses.found(entry)


@patch("/{id:uuid}/progress/{entry_id:uuid}")
async def change_progress(
    request: Request, id: FromPath[UUID], entry_id: FromPath[UUID], data: JSONBody[GoalProgressPatch], versions: Versions
) -> EncodedResponse[GoalProgress]:
    """Change an entry of a goal's progress by a merge patch: the goal's current value may become another one."""
    entry = await rules.change_progress(request.database, request.caller.user_id, id, entry_id, versions, data)
    return responses.versioned(entry)


@delete("/{id:uuid}/progress/{entry_id:uuid}", status_code=204)
async def remove_progress(
    request: Request, id: FromPath[UUID], entry_id: FromPath[UUID], versions: Versions
) -> EncodedResponse[None]:
    """Delete an entry of a goal's progress for good."""
    user_id = request.caller.user_id
    if not await repository.delete_progress(request.database, user_id, id, entry_id, versions):
        raise missing(await repository.get_progress(request.database, user_id, entry_id, goal_id=id))
    return responses.no_content()


router = Router(
    "/v1/goals",
    route_handlers=[
        create,
        read,
        page,
        change,
        remove,
        tree,
        create_progress,
        page_progress,
        read_progress,
        change_progress,
        remove_progress,
    ],
    tags=["Goals"],
    opt=HASHED_ETAG | BATCHED | FROM_REPLICA,
)
