"""Typed calls of sql/queries/daily_reviews.sql."""

import datetime as dt
from uuid import UUID

from app.daily_reviews.schemas import DailyReview, DailyReviewPatch, DailyReviewPut, DailyReviewQuery, ListedDailyReview
from app.database.queries import Executor, Json, load, to_json
from app.http import totals
from app.http.conditional import Versions
from app.http.pagination import PAGE_BYTES, dated_parameters
from app.http.totals import Total

queries = load("daily_reviews")


async def put(
    database: Executor, user_id: UUID, date: dt.date, versions: Versions, new: DailyReviewPut
) -> tuple[DailyReview, bool] | None:
    """Make or replace the review of a day; returns it, and whether it was made.

    None: it is not at one of `versions`, or there is none and they do not allow that.
    """
    return await queries.put.upserted(database, DailyReview, user_id=user_id, date=date, versions=versions, new=to_json(new))


async def get(database: Executor, user_id: UUID, date: dt.date) -> DailyReview | None:
    """Read this user's review of a day."""
    return await queries.get.coalesced(database, DailyReview, user_id=user_id, date=date)


async def get_by_id(database: Executor, user_id: UUID, id: UUID) -> DailyReview | None:
    """Read this user's review that has an id."""
    return await queries.get_by_id.coalesced(database, DailyReview, user_id=user_id, id=id)


async def page(database: Executor, user_id: UUID, filters: DailyReviewQuery) -> list[Json[ListedDailyReview] | None]:
    """Read a page of reviews, and one more, or None, if there is a next one. Raises Problem 422 for a bad cursor or range."""
    return await queries.ordered("page", filters.order).values(
        database, user_id=user_id, bytes=PAGE_BYTES, **dated_parameters(filters)
    )


async def total(database: Executor, user_id: UUID, filters: DailyReviewQuery) -> Total:
    """Count the reviews of a list over all of its pages."""
    return await queries.total.only(database, Total, user_id=user_id, **totals.parameters(filters))


async def patch(
    database: Executor,
    user_id: UUID,
    versions: Versions,
    changes: DailyReviewPatch,
    *,
    date: dt.date | None = None,
    id: UUID | None = None,
) -> DailyReview | None:
    """Change the review of a day, or with an id. None: there is none, or it is not at one of `versions`."""
    return await queries.patch.one(
        database, DailyReview, user_id=user_id, date=date, id=id, versions=versions, changes=to_json(changes)
    )


async def delete(
    database: Executor, user_id: UUID, versions: Versions, *, date: dt.date | None = None, id: UUID | None = None
) -> int:
    """Delete the review of a day, or with an id. 0: there is none, or it is not at one of `versions`."""
    return await queries.delete.count(database, user_id=user_id, date=date, id=id, versions=versions)
