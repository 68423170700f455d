"""Typed calls of sql/queries/progress.sql."""

from datetime import date as Date  # noqa: N812 - the parameters are called date
from uuid import UUID

from app.database.queries import Executor, Json, load
from app.http.responses import encode
from app.progress.schemas import ProgressSnapshot, ProgressSnapshotPut

queries = load("progress")


async def put(
    database: Executor, user_id: UUID, period: str, date: Date, *, version: int | None, given: ProgressSnapshotPut
) -> tuple[ProgressSnapshot, bool] | None:
    """Compute a snapshot and keep it. Returns it, and whether it was made; None: it is not at `version`, or not there."""
    row = await queries.put(database, user_id=user_id, period=period, date=date, version=version, given=encode(given).decode())
    if row is None:
        return None
    *columns, made = row
    return ProgressSnapshot(*columns), made


async def get(database: Executor, user_id: UUID, period: str, date: Date) -> ProgressSnapshot | None:
    """Read a snapshot of this user, as it was computed last."""
    row = await queries.get(database, user_id=user_id, period=period, date=date)
    return ProgressSnapshot(*row) if row else None


async def page_newest(
    database: Executor,
    user_id: UUID,
    *,
    period: str | None,
    far_date: Date,
    after_date: Date,
    after_id: UUID,
    limit: int,
) -> list[Json[ProgressSnapshot]]:
    """Read up to `limit` snapshots from the latest day back, of both days and between, that come behind `after`."""
    rows = await queries.page_newest(
        database,
        user_id=user_id,
        period=period,
        from_date=far_date,
        after_date=after_date,
        after_id=after_id,
        limit=limit,
    )
    return [row[0] for row in rows]


async def page_oldest(
    database: Executor,
    user_id: UUID,
    *,
    period: str | None,
    far_date: Date,
    after_date: Date,
    after_id: UUID,
    limit: int,
) -> list[Json[ProgressSnapshot]]:
    """Read up to `limit` snapshots from the earliest day on, of both days and between, that come behind `after`."""
    rows = await queries.page_oldest(
        database,
        user_id=user_id,
        period=period,
        to_date=far_date,
        after_date=after_date,
        after_id=after_id,
        limit=limit,
    )
    return [row[0] for row in rows]


async def delete(database: Executor, user_id: UUID, period: str, date: Date, version: int | None) -> int:
    """Delete a snapshot. 0: there is none, or it has moved on from `version`."""
    count: int = await queries.delete(database, user_id=user_id, period=period, date=date, version=version)
    return count
