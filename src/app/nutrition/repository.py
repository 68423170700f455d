"""Typed calls of sql/queries/nutrition.sql."""

from uuid import UUID

from app.database.queries import Executor, Json, load, to_json
from app.http import date_ranges, totals
from app.http.conditional import Versions
from app.http.date_ranges import SummaryQuery
from app.http.pagination import PAGE_BYTES, dated_parameters
from app.http.totals import Total
from app.nutrition.schemas import Food, FoodCopy, FoodCreate, FoodPatch, FoodQuery, FoodTotals, ListedFood

queries = load("nutrition")


async def create(database: Executor, user_id: UUID, new: FoodCreate) -> Food | None:
    """Make a food. None: this user has one with the chosen id."""
    return await queries.create.created(database, Food, user_id=user_id, id=new.id, new=to_json(new))


async def copy(database: Executor, user_id: UUID, new: FoodCopy, *, source_id: UUID) -> Food | None:
    """Make a food again on another day. None: there is no such food, or this user has one with the chosen id."""
    return await queries.copy.created(database, Food, user_id=user_id, id=new.id, source_id=source_id, date=new.date)


async def get(database: Executor, user_id: UUID, id: UUID) -> Food | None:
    """Read a food of this user."""
    return await queries.get.coalesced(database, Food, user_id=user_id, id=id)


async def page(database: Executor, user_id: UUID, filters: FoodQuery) -> list[Json[ListedFood] | None]:
    """Read a page of foods, and one more, or None, if there is a next one. Raises Problem 422 for a bad cursor or range."""
    return await queries.ordered("page", filters.order).values(
        database, user_id=user_id, bytes=PAGE_BYTES, **dated_parameters(filters)
    )


async def total(database: Executor, user_id: UUID, filters: FoodQuery) -> Total:
    """Count the foods of a list over all of its pages."""
    return await queries.total.only(database, Total, user_id=user_id, **totals.parameters(filters))


async def summary(database: Executor, user_id: UUID, filters: SummaryQuery) -> list[FoodTotals]:
    """Add up foods by day or week, earliest first. Raises Problem 422 for a bad range."""
    return await queries.summary.many(database, FoodTotals, user_id=user_id, **date_ranges.parameters(filters))


async def patch(database: Executor, user_id: UUID, id: UUID, versions: Versions, changes: FoodPatch) -> Food | None:
    """Change a food. None: not this user's, or not at one of `versions`."""
    return await queries.patch.coalesced(database, Food, user_id=user_id, id=id, versions=versions, changes=to_json(changes))


async def delete(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> int:
    """Delete a food. 0: not this user's, or not at one of `versions`."""
    return await queries.delete.count(database, user_id=user_id, id=id, versions=versions)
