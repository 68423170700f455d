"""A food that is eaten again."""

from functools import partial
from uuid import UUID

from app.database.queries import Executor
from app.http import idempotency
from app.nutrition import repository
from app.nutrition.schemas import Food, FoodCopy
from app.problems.catalog import Problem


async def copy(database: Executor, user_id: UUID, id: UUID, new: FoodCopy) -> tuple[Food, bool]:
    """Make a food again on another day; returns it, and whether the same request made it before.

    Raises Problem 404 when there is no such food, and what `create_once` raises.
    """
    return await idempotency.create_once(partial(_copy, source_id=id), repository.get, database, user_id, new)


async def _copy(database: Executor, user_id: UUID, new: FoodCopy, *, source_id: UUID) -> Food | None:
    food = await repository.copy(database, user_id, new, source_id=source_id)
    if food is None and (new.id is None or await repository.get(database, user_id, new.id) is None):
        raise Problem("not_found")
    return food
