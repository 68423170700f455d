"""The rules of goals that span several statements."""

from collections import defaultdict
from uuid import UUID

from app.database.executor import Database
from app.database.queries import Executor
from app.goals import recurrence, repository
from app.goals.schemas import Goal, GoalPatch, GoalTree, TreeGoal
from app.http.responses import EncodedResponse
from app.problems.catalog import FieldError, Problem
from app.problems.ownership import missing

LARGEST_TREE = 10_000
"""Goals in one answer."""


async def change(database: Database, user_id: UUID, id: UUID, version: int | None, changes: GoalPatch) -> Goal:
    """Change a goal by a merge patch. Raises Problem 404, 412, 422.

    One statement, but for two changes that need a transaction: a move under another goal takes the lock of the user's
    moves first, so that two moves at once cannot close a circle; completing a recurring goal makes its next occurrence.
    """
    moves = isinstance(changes.parent_id, UUID)
    if not moves and changes.status != "completed":
        return await _patch(database, user_id, id, version, changes)

    async def work(transaction: Executor) -> Goal:
        if moves:
            await repository.lock_goals(transaction, user_id)
        goal = await _patch(transaction, user_id, id, version, changes)
        if changes.status == "completed":
            await _recur(transaction, user_id, goal)
        return goal

    return await database.transaction(work)


async def _patch(database: Executor, user_id: UUID, id: UUID, version: int | None, changes: GoalPatch) -> Goal:
    goal = await repository.patch(database, user_id, id, version, changes)
    if goal is not None:
        return goal
    there = await repository.get(database, user_id, id)
    if there is not None and isinstance(changes.parent_id, UUID) and version in {None, there.version}:
        raise Problem(
            "goals_cycle", errors=(FieldError("parent_id", "goals_cycle", "must not be this goal, nor one below it"),)
        )
    raise missing(there)


async def _recur(transaction: Executor, user_id: UUID, goal: Goal) -> None:
    """Make the next occurrence of a recurring goal that was completed just now.

    There is one at most, though the goal be reopened and completed again; only when it was deleted it is made anew. It begins
    on the rule's next day after the goal's start_date, or after today where it has none. It has the goal's fields, parent and
    tags; it is active, without progress, and without the goal's sub-goals.
    """
    if not goal.is_recurring or goal.recurrence_pattern is None:
        return
    start = goal.start_date or await repository.today(transaction, user_id)
    if start is None:
        return
    occurrence = recurrence.next_occurrence(goal.recurrence_pattern, start, goal.end_date)
    if occurrence is not None:
        await repository.recur(transaction, user_id, goal.id, occurrence)


def tree(root: UUID, goals: list[TreeGoal]) -> EncodedResponse[GoalTree]:
    """Answer with a goal and everything below it, put together out of their rows, oldest first. Raises Problem 404, 422.

    A goal's rolled-up percentage is the mean of those of its sub-goals; cancelled ones do not count, or a plan that was
    given up would hold its goal down for ever. Without any that counts it is the goal's own percentage.
    No step calls itself, and the rows stay the JSON that they are: a chain may be as deep as a tree may be large.
    """
    if not goals:
        raise Problem("not_found")
    if len(goals) > LARGEST_TREE:
        raise Problem("goals_tree_too_large")
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
        # What is no deeper than the goal before it ends that one, and those around it.
        written.append("" if depth > last else "]}" * (last - depth + 1) + ",")
        written.append(f'{{"goal":{goal.json},"rolled_up_percentage":{round(rolled_up[goal.id], 2)},"children":[')
        last = depth
    return EncodedResponse(("".join(written) + "]}" * (last + 1)).encode())
