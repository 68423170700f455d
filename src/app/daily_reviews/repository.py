"""Typed calls of sql/queries/daily_reviews.sql."""

import datetime as dt
from uuid import UUID

from app.daily_reviews.schemas import DailyReview, DailyReviewPatch, DailyReviewPut
from app.database.queries import Executor, Json, load
from app.http.responses import encode

queries = load("daily_reviews")


async def put(database: Executor, user_id: UUID, date: dt.date, new: DailyReviewPut) -> tuple[DailyReview, bool]:
    """Make or replace the review of a day; returns it, and whether it was made."""
    *row, made = await queries.put(database, user_id=user_id, date=date, new=encode(new).decode())
    return DailyReview(*row), made


async def get(database: Executor, user_id: UUID, date: dt.date) -> DailyReview | None:
    """Read this user's review of a day."""
    row = await queries.get(database, user_id=user_id, date=date)
    return DailyReview(*row) if row else None


async def page_newest(
    database: Executor,
    user_id: UUID,
    *,
    far_date: dt.date,
    tag: str | None,
    after_date: dt.date,
    after_id: UUID,
    limit: int,
) -> list[Json[DailyReview]]:
    """Read up to `limit` reviews of a range of days, latest first, that come behind `after_date`."""
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
    far_date: dt.date,
    tag: str | None,
    after_date: dt.date,
    after_id: UUID,
    limit: int,
) -> list[Json[DailyReview]]:
    """Read up to `limit` reviews of a range of days, earliest first, that come behind `after_date`."""
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


async def patch(
    database: Executor, user_id: UUID, date: dt.date, version: int | None, changes: DailyReviewPatch | DailyReviewPut
) -> DailyReview | None:
    """Change the review of a day. None: there is none, or it has moved on from `version`."""
    row = await queries.patch(database, user_id=user_id, date=date, version=version, changes=encode(changes).decode())
    return DailyReview(*row) if row else None


async def delete(database: Executor, user_id: UUID, date: dt.date, version: int | None) -> int:
    """Delete the review of a day. 0: there is none, or it has moved on from `version`."""
    count: int = await queries.delete(database, user_id=user_id, date=date, version=version)
    return count
