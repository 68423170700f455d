"""The rules of workouts that span several statements, and those of several fields."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import UnsetType

from app.database.executor import Database, Transaction
from app.problems.catalog import invalid
from app.workouts import repository
from app.workouts.schemas import Workout, WorkoutExerciseCreate, WorkoutPatch, WorkoutPut


def check_units(exercises: Sequence[WorkoutExerciseCreate] | UnsetType) -> None:
    """Raise Problem 422 for a weight or a distance without its unit: nobody could compare it."""
    if isinstance(exercises, UnsetType):
        return
    for place, exercise in enumerate(exercises):
        if exercise.weight is not None and exercise.weight_unit is None:
            raise invalid(f"exercises[{place}].weight_unit", "required", "is required with weight")
        if exercise.distance is not None and exercise.distance_unit is None:
            raise invalid(f"exercises[{place}].distance_unit", "required", "is required with distance")


async def change(
    database: Database, user_id: UUID, id: UUID, version: int | None, changes: WorkoutPatch | WorkoutPut
) -> Workout | None:
    """Change a workout; `exercises`, where sent, replaces all of them, and is a change of the workout if they differ.

    None: not this user's, or it has moved on from `version`. Of several at once each sees what the one before has left,
    so that two lists never mix. Raises Problem 422.
    """
    check_units(changes.exercises)

    async def work(transaction: Transaction) -> Workout | None:
        if await repository.lock(transaction, user_id, id, version) is None:
            return None
        changed = 0
        if not isinstance(changes.exercises, UnsetType):
            changed = await repository.replace_exercises(transaction, user_id, id, changes.exercises)
        return await repository.patch(transaction, user_id, id, changes, exercises_changed=changed > 0)

    return await database.transaction(work)
