"""The rules of goals that span several statements or are not SQL: recurrence, moves, and trees."""

from collections import defaultdict
from uuid import UUID

from app.database.executor import Database
from app.database.queries import Executor, Json
from app.goals import recurrence, repository
from app.goals.schemas import Goal, GoalCreate, GoalPatch, GoalTree, TreeGoal
from app.http import idempotency
from app.http.conditional import Versions, fits
from app.problems.catalog import FieldError, Problem
from app.problems.ownership import missing

LARGEST_TREE = 10_000
"""The number of goals in one answer."""

LEVELS = 100
"""The levels of a tree in an answer; no new goal gets deeper, but one from before there was this limit may be."""


async def create(database: Executor, user_id: UUID, new: GoalCreate) -> tuple[Goal, bool]:
    """Make a goal, or find the one that the same create made before; returns it, and whether it was there before.

    Raises Problem 422 for a recurrence rule that names no day.
    """
    recurrence.check(new.recurrence_pattern)
    return await idempotency.create_once(repository.create, repository.get, database, user_id, new)


async def change(database: Database, user_id: UUID, id: UUID, versions: Versions, changes: GoalPatch) -> Goal:
    """Change a goal by a merge patch. Raises Problem 404, 412, 422.

    It is one statement, except for two changes that need a transaction: a move under another goal first takes the lock of
    the user's moves, so that two concurrent moves cannot close a circle; completing a recurring goal makes its next
    occurrence.
    """
    recurrence.check(changes.recurrence_pattern)
    moves = isinstance(changes.parent_id, UUID)
    if not moves and changes.status != "completed":
        return await _patch(database, user_id, id, versions, changes)

    async def work(transaction: Executor) -> Goal:
        if moves:
            await repository.lock_goals(transaction, user_id)
        goal = await _patch(transaction, user_id, id, versions, changes)
        if changes.status == "completed":
            await _recur(transaction, user_id, goal)
        return goal

    return await database.transaction(work)


async def _patch(database: Executor, user_id: UUID, id: UUID, versions: Versions, changes: GoalPatch) -> Goal:
    goal = await repository.patch(database, user_id, id, versions, changes)
    if goal is not None:
        return goal
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


async def tree(database: Executor, user_id: UUID, id: UUID) -> Json[GoalTree]:
    """Read a goal with its sub-goals of LEVELS levels. Raises Problem 404, and 422 for more than LARGEST_TREE goals."""
    goals = await repository.tree(database, user_id, id, LARGEST_TREE + 1)
    if not goals:
        raise Problem("not_found")
    if len(goals) > LARGEST_TREE:
        raise Problem("goals_tree_too_large")
    return _nested(id, goals)


def _nested(root: UUID, goals: list[TreeGoal]) -> Json[GoalTree]:
    """The tree of the goals, which are sorted oldest first.

    A goal's rolled-up percentage is the mean of those of its sub-goals; cancelled ones do not count, or a plan that was
    given up would lower its goal for ever. Without any that counts it is the goal's own percentage.
    Goals below LEVELS levels count, and are left out.
    No function is recursive, and the goals stay JSON: a chain may be as deep as a tree may be large.
    """
    children: dict[UUID | None, list[TreeGoal]] = defaultdict(list)
    for goal in goals:
        children[None if goal.id == root else goal.parent_id].append(goal)
    downwards: list[tuple[TreeGoal, int]] = []
    left = [(goal, 0) for goal in children[None]]
    while left:
        goal, depth = left.pop()
        downwards.append((goal, depth))
        left += [(child, depth + 1) for child in reversed(children[goal.id])]
    rolled_up: dict[UUID, float] = {}
    for goal, _ in reversed(downwards):
        parts = [rolled_up[child.id] for child in children[goal.id] if child.status != "cancelled"]
        rolled_up[goal.id] = sum(parts) / len(parts) if parts else float(goal.percentage)
    written, last = [], -1
    for goal, depth in downwards:
        if depth >= LEVELS:
            continue
        # A goal that is not deeper than the previous one ends it, and the goals around it down to its own depth.
        written.append("" if depth > last else "]}" * (last - depth + 1) + ",")
        left_out = len(children[goal.id]) if depth == LEVELS - 1 else 0
        written.append(
            f'{{"goal":{goal.json},"rolled_up_percentage":{round(rolled_up[goal.id], 2)},"children_left_out":{left_out},'
            '"children":['
        )
        last = depth
    return Json("".join(written) + "]}" * (last + 1))
