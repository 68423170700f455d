"""The rules of goals that span several statements or are not SQL: recurrence, moves, and trees."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from msgspec import UnsetType

from app.accounts import repository as accounts
from app.database.queries import Executor, Json, Transactor
from app.goals import recurrence, repository
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
from app.http import idempotency
from app.http.conditional import Versions, fits
from app.http.pagination import check_range
from app.problems.catalog import FieldError
from app.problems.ownership import missing
from app.problems.problem import Problem, invalid

MOST_AHEAD = 2
"""Days from the date in UTC to tomorrow's in a user's time zone, at most."""

LARGEST_TREE = 10_000
"""The number of goals in one answer."""

LEVELS = 100
"""The levels of a tree in an answer; no new goal gets deeper, but one from before there was this limit may be."""

TREE_BYTES = 8 * 1024 * 1024
"""What the goals of one answer may be: 10,000 with usual texts are."""


async def create(database: Executor, user_id: UUID, new: GoalCreate) -> tuple[Goal, bool]:
    """Make a goal, or find the one that the same create made before; returns it, and whether it was there before.

    Raises Problem 422 for a recurrence rule that names no day.
    """
    recurrence.check(new.recurrence_pattern)
    return await idempotency.create_once(repository.create, repository.get, database, user_id, new)


async def change(database: Transactor, user_id: UUID, id: UUID, versions: Versions, changes: GoalPatch) -> Goal:
    """Change a goal by a merge patch. Raises Problem 404, 412, 422.

    It is one statement, except for two changes that need a transaction: a move under another goal first takes the lock of
    the user's moves, so that two concurrent moves cannot close a circle; completing a recurring goal makes its next
    occurrence.
    """
    recurrence.check(changes.recurrence_pattern)
    moves = isinstance(changes.parent_id, UUID)
    if not moves and changes.status != "completed":
        goal, _ = await _patch(database, user_id, id, versions, changes)
        return goal

    async def work(transaction: Executor) -> Goal:
        if moves:
            await accounts.lock(transaction, user_id)
        goal, is_completed = await _patch(transaction, user_id, id, versions, changes)
        if is_completed:
            await _recur(transaction, user_id, goal)
        return goal

    return await database.transaction(work)


async def _patch(database: Executor, user_id: UUID, id: UUID, versions: Versions, changes: GoalPatch) -> tuple[Goal, bool]:
    patched = await repository.patch(database, user_id, id, versions, changes)
    if patched is not None:
        return patched
    unchanged = await repository.get(database, user_id, id)
    if unchanged is not None and isinstance(changes.parent_id, UUID) and fits(versions, unchanged.version):
        raise Problem(
            "goals_cycle", errors=(FieldError("parent_id", "goals_cycle", "must not be this goal, nor one below it"),)
        )
    raise missing(unchanged)


async def _recur(transaction: Executor, user_id: UUID, goal: Goal) -> None:
    """Make the next occurrence of a recurring goal that was just completed.

    A goal has at most one, even if it is reopened and completed again; a deleted one is made again. It begins on the rule's
    next day after the goal's start_date, or after today where the goal has none. It has the goal's fields, parent and tags;
    it is active, without progress and without the goal's sub-goals.
    """
    if not goal.is_recurring or goal.recurrence_pattern is None:
        return
    start = goal.start_date or await repository.today(transaction, user_id)
    if start is None:
        return
    occurrence = recurrence.next_occurrence(goal.recurrence_pattern, start, goal.end_date)
    if occurrence is not None:
        await repository.recur(transaction, user_id, goal.id, occurrence)


async def page(database: Executor, user_id: UUID, filters: GoalQuery) -> list[Json[ListedGoal] | None]:
    """Read a page of goals, and one more, or None, if there is a next one.

    Raises Problem 422 for a bad cursor, and for a range that ends before it begins.
    """
    check_range(filters.range_from, filters.range_to)
    if filters.order == "priority":
        return await repository.page_priority(database, user_id, filters)
    if filters.order == "end_date":
        return await repository.page_end_date(database, user_id, filters)
    return await repository.page(database, user_id, filters)


async def create_progress(
    database: Executor, user_id: UUID, goal_id: UUID, new: GoalProgressCreate
) -> tuple[GoalProgress, bool]:
    """Make an entry of a goal's progress, or find the one that the same create made; returns it, and whether it was there.

    Raises Problem 422 for a day after tomorrow, and what `create_once` raises.
    """
    await _check_day(database, user_id, new.date)
    create, get = partial(repository.create_progress, goal_id=goal_id), partial(repository.get_progress, goal_id=goal_id)
    get_goal = partial(repository.get, database, user_id, goal_id)
    return await idempotency.create_once(create, get, database, user_id, new, get_parent=get_goal)


async def change_progress(  # noqa: PLR0917 - as every change, and the goal
    database: Executor, user_id: UUID, goal_id: UUID, id: UUID, versions: Versions, changes: GoalProgressPatch
) -> GoalProgress:
    """Change an entry of a goal's progress by a merge patch. Raises Problem 404, 412, and 422 for a day after tomorrow."""
    await _check_day(database, user_id, changes.date)
    entry = await repository.patch_progress(database, user_id, goal_id, id, versions, changes)
    if entry is None:
        raise missing(await repository.get_progress(database, user_id, id, goal_id=goal_id))
    return entry


async def _check_day(database: Executor, user_id: UUID, day: date | UnsetType | None) -> None:
    """Raise Problem 422 for a day after tomorrow in the user's time zone.

    Tomorrow is allowed, because the clock of a client may be ahead. The time zone is asked for only where it matters: none is a
    whole day away from UTC, so that a day up to UTC's is never after tomorrow.
    """
    if not isinstance(day, date):
        return
    ahead = (day - datetime.now(UTC).date()).days
    if ahead <= 0:
        return
    today = await repository.today(database, user_id) if ahead <= MOST_AHEAD else None
    if today is None or day > today + timedelta(days=1):
        raise invalid("date", "after_tomorrow", "must not lie after tomorrow")


async def tree(database: Executor, user_id: UUID, id: UUID) -> bytes:
    """Read a goal with its sub-goals of LEVELS levels, as the JSON of a GoalTree.

    Raises Problem 404, and 422 for more than LARGEST_TREE goals.
    """
    goals = await repository.tree(database, user_id, id, LARGEST_TREE + 1, TREE_BYTES)
    if not goals:
        raise Problem("not_found")
    if len(goals) > LARGEST_TREE:
        raise Problem("goals_tree_too_large")
    placed = _placed(id, goals)
    # The parts take 20 to 30 ms each for the largest tree: other requests have their turn in between.
    await asyncio.sleep(0)
    rolled_up = _rolled_up(placed)
    await asyncio.sleep(0)
    return _written(placed, rolled_up)


class _Placed(NamedTuple):
    """A goal of a tree, how many are above it (LEVELS or more: it is not shown), and its sub-goals."""

    goal: TreeGoal
    depth: int
    children: Sequence[TreeGoal]


def _placed(root: UUID, goals: list[TreeGoal]) -> list[_Placed]:
    """The goals, which are sorted oldest first, each followed by those below it.

    Goals below LEVELS levels, those without JSON, and those below them are not shown. No function is recursive: a chain may be
    as deep as a tree may be large.
    """
    children: dict[UUID | None, list[TreeGoal]] = defaultdict(list)
    for goal in goals:
        children[None if goal.id == root else goal.parent_id].append(goal)
    downwards, left = list[_Placed](), [(goal, 0) for goal in children[None]]
    while left:
        goal, depth = left.pop()
        below = children.get(goal.id, ())
        downwards.append(_Placed(goal, depth, below))
        left += [(child, depth + 1 if child.json else LEVELS) for child in reversed(below)]
    return downwards


def _rolled_up(downwards: list[_Placed]) -> dict[UUID, float]:
    """The rolled-up percentage of each goal, by id.

    It is the mean of those of its sub-goals; cancelled ones do not count, or a plan that was given up would lower its goal for
    ever, nor does the next occurrence of a completed one, which would lower it each time. Without any that counts, and when it
    is completed, it is the goal's own percentage. Those that are not shown count.
    """
    rolled_up: dict[UUID, float] = {}
    for goal, _, children in reversed(downwards):
        parts = [rolled_up[child.id] for child in children if _counts(child)]
        is_own = goal.status == "completed" or not parts
        rolled_up[goal.id] = float(goal.percentage) if is_own else sum(parts) / len(parts)
    return rolled_up


def _counts(goal: TreeGoal) -> bool:
    """Whether a goal is a part of what the percentage of its parent is the mean of."""
    return goal.status == "completed" or (goal.status != "cancelled" and goal.previous_id is None)


def _written(downwards: list[_Placed], rolled_up: dict[UUID, float]) -> bytes:
    """The JSON of a GoalTree. The goals stay JSON, and become bytes one by one.

    A text takes four bytes for each character once one of its characters needs them.
    """
    written, last = list[bytes](), -1
    for goal, depth, children in downwards:
        if depth >= LEVELS:
            continue
        # A goal that is not deeper than the previous one ends it, and the goals around it down to its own depth.
        ended = "" if depth > last else "]}" * (last - depth + 1) + ","
        left_out = sum(depth == LEVELS - 1 or not child.json for child in children)
        written.append(
            f'{ended}{{"goal":{goal.json},"rolled_up_percentage":{round(rolled_up[goal.id], 2)},'
            f'"children_left_out":{left_out},"children":['.encode()
        )
        last = depth
    return b"".join((*written, b"]}" * (last + 1)))
