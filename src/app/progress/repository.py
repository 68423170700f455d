"""Typed calls of sql/queries/progress.sql."""

import datetime as dt
from uuid import UUID

from app.database.queries import Executor, Json, load, to_json
from app.http.conditional import Versions
from app.http.pagination import PAGE_BYTES, dated_parameters
from app.progress.schemas import ProgressPeriod, ProgressSnapshot, ProgressSnapshotPut, ProgressSnapshotQuery

queries = load("progress")


async def put(
    database: Executor, user_id: UUID, period: ProgressPeriod, date: dt.date, *, versions: Versions, new: ProgressSnapshotPut
) -> tuple[ProgressSnapshot, bool] | None:
    """Compute the snapshot of the period that begins on `date`, and keep it; returns it, and whether it was made.

    None: it is not at one of `versions`, or there is none and they do not allow that.
    """
    return await queries.put.upserted(
        database, ProgressSnapshot, user_id=user_id, period=period, date=date, versions=versions, new=to_json(new)
    )


async def get(database: Executor, user_id: UUID, period: ProgressPeriod, date: dt.date) -> ProgressSnapshot | None:
    """Read a snapshot of this user, as it was last computed."""
    return await queries.get.coalesced(database, ProgressSnapshot, user_id=user_id, period=period, date=date)


async def page(database: Executor, user_id: UUID, filters: ProgressSnapshotQuery) -> list[Json[ProgressSnapshot] | None]:
    """Read a page of snapshots, and one more, or None, if there is a next one. Raises Problem 422 for a bad cursor or range."""
    return await queries.ordered("page", filters.order).values(
        database, user_id=user_id, bytes=PAGE_BYTES, **dated_parameters(filters)
    )


async def delete(database: Executor, user_id: UUID, period: ProgressPeriod, date: dt.date, versions: Versions) -> int:
    """Delete a snapshot. 0: there is none, or it is not at one of `versions`."""
    return await queries.delete.count(database, user_id=user_id, period=period, date=date, versions=versions)
