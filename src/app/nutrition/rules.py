"""A day of foods, and a food that is eaten again."""

from functools import partial
from uuid import UUID

from app.database.queries import Executor, Json
from app.http import idempotency
from app.http.date_ranges import SummaryQuery
from app.http.idempotency import taken
from app.nutrition import repository
from app.nutrition.schemas import Food, FoodCopy, FoodQuery, FoodTotals, ListedFood
from app.problems.problem import Problem


async def day(database: Executor, user_id: UUID, query: FoodQuery) -> tuple[list[Json[ListedFood] | None], FoodTotals]:
    """Read the foods of the day from which `query` is, as `repository.page` does, and the totals of the day."""
    date = query.from_
    foods = await repository.page(database, user_id, query)
    totals = await repository.summary(database, user_id, SummaryQuery(from_=date, to=date))
    return foods, totals[0] if totals else FoodTotals(date, 0, None, None, None, None, None, None, None)


async def copy(database: Executor, user_id: UUID, id: UUID, new: FoodCopy) -> tuple[Food, bool]:
    """Make a food again on another day; returns it, and whether the same request made it before.

    Raises Problem 404 when there is no such food, and what `create_once` raises.
    """
    return await idempotency.create_once(partial(_copy, source_id=id), repository.get, database, user_id, new)


async def _copy(database: Executor, user_id: UUID, new: FoodCopy, *, source_id: UUID) -> Food | None:
    food = await repository.copy(database, user_id, new, source_id=source_id)
    if food is None:
        made = await repository.get(database, user_id, new.id) if new.id is not None else None
        if made is None:
            raise Problem("not_found")
        if not _may_be_copy(made, await repository.get(database, user_id, source_id)):
            raise taken()
    return food


def _may_be_copy(food: Food, source: Food | None) -> bool:
    """Whether a food may have been made of another, as far as both are as they were then."""
    if source is None or food.updated_at != food.created_at:
        return True
    if source.updated_at > food.created_at:
        return source.created_at <= food.created_at
    return all(getattr(food, name) == getattr(source, name) for name in Food.__struct_fields__ if name not in _OF_ITS_OWN)


_OF_ITS_OWN = {"id", "date", "created_at", "updated_at", "version"}
"""What a copy does not take over."""
