"""Typed calls of sql/queries/nutrition.sql."""

from datetime import date
from uuid import UUID

from app.database.queries import Executor, Json, load
from app.http.date_ranges import By
from app.http.responses import encode
from app.nutrition.schemas import Food, FoodCreate, FoodPatch, FoodTotals, MealType

queries = load("nutrition")


async def create(database: Executor, user_id: UUID, new: FoodCreate) -> Food | None:
    """Make a food. None: this user has one with the chosen id."""
    row = await queries.create(database, user_id=user_id, new=encode(new).decode())
    return Food(*row) if row else None


async def get(database: Executor, user_id: UUID, id: UUID) -> Food | None:
    """Read a food of this user."""
    row = await queries.get(database, user_id=user_id, id=id)
    return Food(*row) if row else None


async def page_newest(
    database: Executor,
    user_id: UUID,
    *,
    far_date: date,
    meal_type: MealType | None,
    is_favorite: bool | None,
    tag: str | None,
    after_date: date,
    after_id: UUID,
    limit: int,
) -> list[Json[Food]]:
    """Read up to `limit` foods from a day on, the latest first, that come behind `after`."""
    rows = await queries.page_newest(
        database,
        user_id=user_id,
        from_date=far_date,
        meal_type=meal_type,
        is_favorite=is_favorite,
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
    meal_type: MealType | None,
    is_favorite: bool | None,
    tag: str | None,
    after_date: date,
    after_id: UUID,
    limit: int,
) -> list[Json[Food]]:
    """Read up to `limit` foods up to a day, the earliest first, that come behind `after`."""
    rows = await queries.page_oldest(
        database,
        user_id=user_id,
        to_date=far_date,
        meal_type=meal_type,
        is_favorite=is_favorite,
        tag=tag,
        after_date=after_date,
        after_id=after_id,
        limit=limit,
    )
    return [row[0] for row in rows]


async def summary(
    database: Executor, user_id: UUID, *, from_date: date | None, to_date: date | None, by: By
) -> list[FoodTotals]:
    """Add up foods by day or week, the earliest first; without dates those of the last 30 days of the user."""
    rows = await queries.summary(database, user_id=user_id, from_date=from_date, to_date=to_date, by=by)
    return [FoodTotals(*row) for row in rows]


async def patch(database: Executor, user_id: UUID, id: UUID, version: int | None, changes: FoodPatch) -> Food | None:
    """Change a food. None: not this user's, or it has moved on from `version`."""
    row = await queries.patch(database, user_id=user_id, id=id, version=version, changes=encode(changes).decode())
    return Food(*row) if row else None


async def delete(database: Executor, user_id: UUID, id: UUID, version: int | None) -> int:
    """Delete a food. 0: not this user's, or it has moved on from `version`."""
    count: int = await queries.delete(database, user_id=user_id, id=id, version=version)
    return count
