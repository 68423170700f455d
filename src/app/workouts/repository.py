"""Typed calls of sql/queries/workouts.sql."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import asyncpg
import msgspec

from app.database.queries import Executor, Json, load
from app.http.date_ranges import By
from app.http.responses import encode
from app.workouts.schemas import (
    Workout,
    WorkoutCreate,
    WorkoutExerciseCreate,
    WorkoutPatch,
    WorkoutPut,
    WorkoutTotals,
)

queries = load("workouts")


def _workout(row: asyncpg.Record) -> Workout:
    """A workout whose exercises stay the JSON that the database wrote, as in a page: nobody here looks into them."""
    columns = [*row[:-1], msgspec.Raw(row[-1])]
    return Workout(*columns)


async def create(database: Executor, user_id: UUID, new: WorkoutCreate) -> Workout | None:
    """Make a workout with its exercises. None: this user has one with the chosen id."""
    row = await queries.create(database, user_id=user_id, new=encode(new).decode())
    return _workout(row) if row else None


async def get(database: Executor, user_id: UUID, id: UUID) -> Workout | None:
    """Read a workout of this user, with its exercises."""
    row = await queries.get(database, user_id=user_id, id=id)
    return _workout(row) if row else None


async def page_newest(
    database: Executor,
    user_id: UUID,
    *,
    far_date: date,
    tag: str | None,
    after_date: date,
    after_id: UUID,
    limit: int,
) -> list[Json[Workout]]:
    """Read up to `limit` workouts from a day on, the latest first, that come behind `after`."""
    rows = await queries.page_newest(
        database,
        user_id=user_id,
        from_date=far_date,
        tag=tag,
        after_date=after_date,
        after_id=after_id,
        limit=limit,
    )
    return [row[0] for row in rows]


async def page_oldest(
    database: Executor,
    user_id: UUID,
    *,
    far_date: date,
    tag: str | None,
    after_date: date,
    after_id: UUID,
    limit: int,
) -> list[Json[Workout]]:
    """Read up to `limit` workouts up to a day, the earliest first, that come behind `after`."""
    rows = await queries.page_oldest(
        database,
        user_id=user_id,
        to_date=far_date,
        tag=tag,
        after_date=after_date,
        after_id=after_id,
        limit=limit,
    )
    return [row[0] for row in rows]


async def summary(
    database: Executor, user_id: UUID, *, from_date: date | None, to_date: date | None, by: By
) -> list[WorkoutTotals]:
    """Add up workouts by day or week, the earliest first; without dates those of the last 30 days of the user."""
    rows = await queries.summary(database, user_id=user_id, from_date=from_date, to_date=to_date, by=by)
    return [WorkoutTotals(*row) for row in rows]


async def lock(database: Executor, user_id: UUID, id: UUID, version: int | None) -> UUID | None:
    """Keep a workout from changing until the transaction ends. None: not this user's, or it has moved on from `version`."""
    locked: UUID | None = await queries.lock(database, user_id=user_id, id=id, version=version)
    return locked


async def replace_exercises(
    database: Executor, user_id: UUID, workout_id: UUID, exercises: Sequence[WorkoutExerciseCreate]
) -> int:
    """Make these the exercises of a locked workout. Returns how many are not as they were; 0: the list is the same."""
    changed: int = await queries.replace_exercises(
        database, user_id=user_id, workout_id=workout_id, exercises=encode(exercises).decode()
    )
    return changed


async def patch(
    database: Executor, user_id: UUID, id: UUID, changes: WorkoutPatch | WorkoutPut, *, exercises_changed: bool
) -> Workout | None:
    """Change a locked workout, and count its version on when its exercises have changed."""
    row = await queries.patch(
        database, user_id=user_id, id=id, changes=encode(changes).decode(), exercises_changed=exercises_changed
    )
    return _workout(row) if row else None


async def delete(database: Executor, user_id: UUID, id: UUID, version: int | None) -> int:
    """Delete a workout and its exercises. 0: not this user's, or it has moved on from `version`."""
    count: int = await queries.delete(database, user_id=user_id, id=id, version=version)
    return count
