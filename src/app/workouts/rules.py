"""The rules of workouts that span several statements or several fields."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import UnsetType

from app.database.queries import Executor, Json, Transactor
from app.http import idempotency
from app.http.conditional import Versions
from app.http.date_ranges import SummaryQuery
from app.problems.problem import invalid
from app.workouts import repository
from app.workouts.schemas import (
    ListedWorkout,
    Workout,
    WorkoutCreate,
    WorkoutExerciseCreate,
    WorkoutPatch,
    WorkoutPut,
    WorkoutQuery,
    WorkoutTotals,
)


async def day(database: Executor, user_id: UUID, query: WorkoutQuery) -> tuple[list[Json[ListedWorkout] | None], WorkoutTotals]:
    """Read the workouts of the day from which `query` is, as `repository.page` does, and the totals of the day."""
    date = query.from_
    workouts = await repository.page(database, user_id, query)
    totals = await repository.summary(database, user_id, SummaryQuery(from_=date, to=date))
    return workouts, totals[0] if totals else WorkoutTotals(date, 0, None, None, None, None, 0, 0, 0)


async def create(database: Executor, user_id: UUID, new: WorkoutCreate) -> tuple[Workout, bool]:
    """Make a workout, or find the one that the same create made before; returns it, and whether it was there before.

    Raises Problem 422 for a weight or a distance without its unit.
    """
    _check_units(new.exercises)
    return await idempotency.create_once(repository.create, repository.get, database, user_id, new)


async def change(
    database: Transactor, user_id: UUID, id: UUID, versions: Versions, changes: WorkoutPatch | WorkoutPut
) -> Workout | None:
    """Change a workout; `exercises`, where sent, replaces all of them, and counts as a change if they differ.

    None: not this user's, or not at one of `versions`. Concurrent changes run one after the other, so that two lists of
    exercises never mix. Raises Problem 422 for a weight or a distance without its unit.
    """
    exercises = changes.exercises
    if not isinstance(exercises, UnsetType):
        _check_units(exercises)

    async def work(transaction: Executor) -> Workout | None:
        if await repository.lock(transaction, user_id, id, versions) is None:
            return None
        changed = None
        if not isinstance(exercises, UnsetType):
            changed = await repository.replace_exercises(transaction, user_id, id, exercises)
        return await repository.patch(transaction, user_id, id, changes, exercises_changed=bool(changed))

    return await database.transaction(work)


def _check_units(exercises: Sequence[WorkoutExerciseCreate]) -> None:
    for place, exercise in enumerate(exercises):
        if exercise.weight is not None and exercise.weight_unit is None:
            raise invalid(f"exercises[{place}].weight_unit", "required", "is required with weight")
        if exercise.distance is not None and exercise.distance_unit is None:
            raise invalid(f"exercises[{place}].distance_unit", "required", "is required with distance")
