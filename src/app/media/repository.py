"""Typed calls of sql/queries/media.sql."""

from typing import Any
from uuid import UUID

from msgspec import structs

from app.database.queries import Executor, Json, load
from app.http.responses import encode
from app.media.schemas import Media, Stored, Upload
from app.tags.targets import KINDS

queries = load("media")


async def remember_upload(database: Executor, storage_key: str, seconds: float) -> int:
    """Write down that an upload begins, whose object is to be deleted after so many seconds unless it gets a row."""
    count: int = await queries.remember_upload(database, storage_key=storage_key, seconds=seconds)
    return count


async def used_bytes(database: Executor, user_id: UUID) -> int:
    """How many bytes a user has stored."""
    used: int = await queries.used_bytes(database, user_id=user_id)
    return used


async def lock_owner(database: Executor, user_id: UUID) -> UUID | None:
    """Lock a user until the end of the transaction; others may still read and point at them."""
    locked: UUID | None = await queries.lock_owner(database, user_id=user_id)
    return locked


async def create(database: Executor, user_id: UUID, storage_key: str, new: Upload, quota_bytes: int) -> Media | None:
    """Make the row of an object. None: the quota would be exceeded, or the object was given up meanwhile."""
    columns = structs.asdict(new)
    columns |= {"storage_key": storage_key} | columns.pop("target")
    row = await queries.create(database, user_id=user_id, new=encode(columns).decode(), quota_bytes=quota_bytes)
    return Media(*row) if row else None


async def get(database: Executor, user_id: UUID, id: UUID) -> Media | None:
    """Read what is known of a file of this user."""
    row = await queries.get(database, user_id=user_id, id=id)
    return Media(*row) if row else None


async def stored(database: Executor, user_id: UUID, id: UUID) -> Stored | None:
    """Read where the bytes of a file of this user lie, and how to serve them."""
    row = await queries.stored(database, user_id=user_id, id=id)
    return Stored(*row) if row else None


async def page_newest(database: Executor, user_id: UUID, *, after: UUID, limit: int) -> list[Json[Media]]:
    """Read up to `limit` files, newest first, that come behind `after`."""
    return [row[0] for row in await queries.page_newest(database, user_id=user_id, after=after, limit=limit)]


async def page_oldest(database: Executor, user_id: UUID, *, after: UUID, limit: int) -> list[Json[Media]]:
    """Read up to `limit` files, oldest first, that come behind `after`."""
    return [row[0] for row in await queries.page_oldest(database, user_id=user_id, after=after, limit=limit)]


async def page_attached(
    database: Executor, user_id: UUID, target: dict[str, UUID], *, newest: bool, after: UUID, limit: int
) -> list[Json[Media]]:
    """Read up to `limit` files that are attached to one row, in either order, that come behind `after`."""
    columns = dict.fromkeys(KINDS.values()) | target
    rows = await queries.page_attached(database, user_id=user_id, **columns, newest=newest, after=after, limit=limit)
    return [row[0] for row in rows]


async def patch(database: Executor, user_id: UUID, id: UUID, version: int | None, changes: dict[str, Any]) -> Media | None:
    """Change columns of a file. None: not this user's, or it has moved on from `version`."""
    row = await queries.patch(database, user_id=user_id, id=id, version=version, changes=encode(changes).decode())
    return Media(*row) if row else None


async def delete(database: Executor, user_id: UUID, id: UUID, version: int | None) -> str | None:
    """Delete the row of a file; returns the key of its object. None: not this user's, or it has moved on from `version`."""
    key: str | None = await queries.delete(database, user_id=user_id, id=id, version=version)
    return key


async def due_deletions(database: Executor, limit: int) -> list[str]:
    """Read and lock the keys of up to `limit` objects that have to go."""
    return [row[0] for row in await queries.due_deletions(database, limit=limit)]


async def set_due(database: Executor, storage_key: str, seconds: float) -> int:
    """Have an object deleted in so many seconds. 0: it was taken out by the insert of its row, or by somebody who deletes."""
    count: int = await queries.set_due(database, storage_key=storage_key, seconds=seconds)
    return count


async def is_kept(database: Executor, user_id: UUID, storage_key: str) -> bool:
    """Whether a row of this user has this object."""
    kept: bool = await queries.is_kept(database, user_id=user_id, storage_key=storage_key)
    return kept


async def forget_deletion(database: Executor, storage_key: str) -> int:
    """Write down that an object is gone. 0: somebody else did."""
    count: int = await queries.forget_deletion(database, storage_key=storage_key)
    return count
