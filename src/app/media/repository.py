"""Typed calls of sql/queries/media.sql."""

from uuid import UUID

from app.database.queries import Executor, Json, load, to_json
from app.http.conditional import Versions
from app.http.pagination import PAGE_BYTES, after, parameters
from app.media.schemas import (
    FileFacts,
    Linked,
    LinkEnd,
    Media,
    MediaForm,
    MediaLinkCreate,
    MediaPatch,
    MediaQuery,
    NoThumbnail,
    Stored,
    Thumbnail,
    ThumbnailFacts,
)

queries = load("media")


async def remember_upload(database: Executor, storage_key: str, seconds: float) -> int:
    """Write down that an upload begins, whose object is to be deleted after so many seconds unless it gets a row."""
    return await queries.remember_upload.count(database, storage_key=storage_key, seconds=seconds)


async def used_bytes(database: Executor, user_id: UUID) -> int:
    """How many bytes a user has stored."""
    return await queries.used_bytes.value(database, int, user_id=user_id) or 0


async def create(
    database: Executor, user_id: UUID, form: MediaForm, facts: FileFacts, *, storage_key: str, quota_bytes: int
) -> Media | None:
    """Make the row of an object. None: the quota would be exceeded, or the object was given up meanwhile."""
    sent = {"form": to_json(form), "facts": to_json(facts)}
    return await queries.create.one(database, Media, user_id=user_id, storage_key=storage_key, quota_bytes=quota_bytes, **sent)


async def get(database: Executor, user_id: UUID, id: UUID) -> Media | None:
    """Read what is known of a file of this user."""
    return await queries.get.coalesced(database, Media, user_id=user_id, id=id)


async def stored(database: Executor, user_id: UUID, id: UUID) -> Stored | None:
    """Read where the bytes of a file of this user lie, and how to serve them."""
    return await queries.stored.one(database, Stored, user_id=user_id, id=id)


async def page(database: Executor, user_id: UUID, filters: MediaQuery) -> list[Json[Media] | None]:
    """Read a page of all files, and one more, or None, if there is a next one. Raises Problem 422 for a bad cursor."""
    start, limit = after(filters, filters.order), filters.limit + 1
    return await queries.ordered("page", filters.order).values(
        database, user_id=user_id, after=start, limit=limit, bytes=PAGE_BYTES
    )


async def page_attached(database: Executor, user_id: UUID, filters: MediaQuery) -> list[Json[Media] | None]:
    """Read a page of the files that are attached to one row, as `page` does."""
    newest = filters.order == "newest"
    return await queries.page_attached.values(database, user_id=user_id, newest=newest, bytes=PAGE_BYTES, **parameters(filters))


async def lock(database: Executor, user_id: UUID, id: UUID) -> UUID | None:
    """Lock a file until the end of the transaction, also against new links. None: it is not this user's."""
    return await queries.lock.value(database, UUID, user_id=user_id, id=id)


async def patch(database: Executor, user_id: UUID, id: UUID, versions: Versions, changes: MediaPatch) -> Media | None:
    """Change a file; call `lock` before it becomes private. None: not this user's, or not at one of `versions`."""
    return await queries.patch.one(database, Media, user_id=user_id, id=id, versions=versions, changes=to_json(changes))


async def delete(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> list[str]:
    """Delete the row of a file; returns the keys of its objects. []: not this user's, or not at one of `versions`."""
    return await queries.delete.values(database, user_id=user_id, id=id, versions=versions)


async def gather_deletions(database: Executor) -> int:
    """In a cluster: bring what lost its row on a worker to what has to go; returns how many objects."""
    return await queries.gather_deletions.count(database)


async def due_deletions(database: Executor, limit: int) -> list[str]:
    """Read and lock the keys of up to `limit` objects that have to go."""
    return await queries.due_deletions.values(database, limit=limit)


async def set_due(database: Executor, storage_key: str, seconds: float) -> int:
    """Have an object deleted in so many seconds. 0: it was taken out by the insert of its row, or by another deletion."""
    return await queries.set_due.count(database, storage_key=storage_key, seconds=seconds)


async def is_kept(database: Executor, user_id: UUID, storage_key: str) -> bool:
    """Whether a row of this user has this object."""
    return await queries.is_kept.value(database, bool, user_id=user_id, storage_key=storage_key) or False


async def forget_deletion(database: Executor, storage_key: str) -> int:
    """Write down that an object is gone. 0: another deletion did."""
    return await queries.forget_deletion.count(database, storage_key=storage_key)


async def create_link(database: Executor, user_id: UUID, id: UUID, new: MediaLinkCreate, token_hash: bytes) -> LinkEnd | None:
    """Make a link to a file. None: it is not this user's, or it is not public and the link would have no end."""
    return await queries.create_link.one(
        database, LinkEnd, user_id=user_id, id=id, token_hash=token_hash, expires_in=new.expires_in
    )


async def linked(database: Executor, token_hash: bytes) -> Linked | None:
    """Read which file a link leads to. None: to none, or not any more."""
    return await queries.linked.one(database, Linked, token_hash=token_hash)


async def delete_links(database: Executor, user_id: UUID, id: UUID) -> int:
    """End every link to a file; returns how many there were."""
    return await queries.delete_links.count(database, user_id=user_id, id=id)


async def delete_expired_links(database: Executor, limit: int) -> int:
    """Remove up to `limit` links that have expired; returns how many."""
    return await queries.delete_expired_links.count(database, limit=limit)


async def thumbnail(database: Executor, user_id: UUID, id: UUID, width: int) -> Thumbnail | None:
    """Read what is known of a thumbnail. None: it is to be made."""
    return await queries.thumbnail.one(database, Thumbnail, user_id=user_id, id=id, width=width)


async def keep_thumbnail(
    database: Executor, user_id: UUID, id: UUID, width: int, *, storage_key: str, facts: ThumbnailFacts
) -> str | None:
    """Make the row of a thumbnail's object. None: there is one already, or the object was given up meanwhile."""
    return await queries.keep_thumbnail.value(
        database, str, user_id=user_id, id=id, width=width, storage_key=storage_key, facts=to_json(facts)
    )


async def note_no_thumbnail(database: Executor, user_id: UUID, id: UUID, width: int, outcome: NoThumbnail) -> int:
    """Write down that there is no thumbnail, so that none is made for a while."""
    return await queries.note_no_thumbnail.count(database, user_id=user_id, id=id, width=width, outcome=outcome)
