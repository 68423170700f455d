"""Typed calls of sql/queries/workouts.sql."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.database.queries import Executor, Json, load, to_json
from app.http import date_ranges, totals
from app.http.conditional import Versions
from app.http.date_ranges import SummaryQuery
from app.http.pagination import PAGE_BYTES, dated_parameters
from app.http.totals import Total
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

queries = load("workouts")


def _workout(*columns: Any) -> Workout:
    """A workout whose exercises, the last column, stay the JSON that the database wrote: they are only sent on."""
    fields = [*columns[:-1], msgspec.Raw(columns[-1])]
    return Workout(*fields)


async def create(database: Executor, user_id: UUID, new: WorkoutCreate) -> Workout | None:
    """Make a workout with its exercises. None: this user has one with the chosen id."""
    return await queries.create.created(database, _workout, user_id=user_id, id=new.id, new=to_json(new))


async def get(database: Executor, user_id: UUID, id: UUID) -> Workout | None:
    """Read a workout of this user, with its exercises."""
    return await queries.get.coalesced(database, _workout, user_id=user_id, id=id)


async def page(database: Executor, user_id: UUID, filters: WorkoutQuery) -> list[Json[ListedWorkout] | None]:
    """Read a page of workouts, and one more, or None, if there is a next one. Raises Problem 422 for a bad cursor or range."""
    return await queries.ordered("page", filters.order).values(
        database, user_id=user_id, bytes=PAGE_BYTES, **dated_parameters(filters)
    )


async def total(database: Executor, user_id: UUID, filters: WorkoutQuery) -> Total:
    """Count the workouts of a list over all of its pages."""
    return await queries.total.only(database, Total, user_id=user_id, **totals.parameters(filters))


async def summary(database: Executor, user_id: UUID, filters: SummaryQuery) -> list[WorkoutTotals]:
    """Add up workouts by day or week, earliest first. Raises Problem 422 for a bad range."""
    return await queries.summary.many(database, WorkoutTotals, user_id=user_id, **date_ranges.parameters(filters))


async def lock(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> UUID | None:
    """Lock a workout until the transaction ends. None: not this user's, or not at one of `versions`."""
    return await queries.lock.value(database, UUID, user_id=user_id, id=id, versions=versions)


async def replace_exercises(
    database: Executor, user_id: UUID, workout_id: UUID, exercises: Sequence[WorkoutExerciseCreate]
) -> int | None:
    """Replace the exercises of a locked workout. Returns how many were changed; 0: the list is the same."""
    return await queries.replace_exercises.value(
        database, int, user_id=user_id, workout_id=workout_id, exercises=to_json(exercises)
    )


async def patch(
    database: Executor, user_id: UUID, id: UUID, changes: WorkoutPatch | WorkoutPut, *, exercises_changed: bool
) -> Workout | None:
    """Change a locked workout, and raise its version when its exercises have changed. None: not this user's."""
    return await queries.patch.one(
        database, _workout, user_id=user_id, id=id, changes=to_json(changes), exercises_changed=exercises_changed
    )


async def delete(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> int:
    """Delete a workout and its exercises. 0: not this user's, or not at one of `versions`."""
    return await queries.delete.count(database, user_id=user_id, id=id, versions=versions)
