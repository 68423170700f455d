"""Typed calls of sql/queries/blog_entries.sql."""

from uuid import UUID

from app import slugs
from app.blog_entries.schemas import BlogEntry, BlogEntryCreate, BlogEntryPatch, FoundBlogEntry
from app.database.queries import Executor, Json, load
from app.http.responses import encode

queries = load("blog_entries")

SLUG_LENGTH = 255
"""The column takes 300: there is room for a number behind it."""


async def lock_slugs(database: Executor, user_id: UUID) -> UUID | None:
    """Hold back this user's other creates until the transaction ends. None: the user is gone."""
    locked: UUID | None = await queries.lock_slugs(database, user_id=user_id)
    return locked


async def create(database: Executor, user_id: UUID, new: BlogEntryCreate) -> BlogEntry | None:
    """Make an entry; its slug is free only under `lock_slugs`. None: this user has one with the chosen id."""
    slug = slugs.slug(new.title, SLUG_LENGTH) or "entry"
    row = await queries.create(database, user_id=user_id, new=encode(new).decode(), slug=slug)
    return BlogEntry(*row) if row else None


async def get(database: Executor, user_id: UUID, id: UUID) -> BlogEntry | None:
    """Read an entry of this user."""
    row = await queries.get(database, user_id=user_id, id=id)
    return BlogEntry(*row) if row else None


async def get_by_slug(database: Executor, user_id: UUID, slug: str) -> BlogEntry | None:
    """Read the entry of this user that has a slug."""
    row = await queries.get_by_slug(database, user_id=user_id, slug=slug)
    return BlogEntry(*row) if row else None


async def page_newest(
    database: Executor, user_id: UUID, *, status: str | None, tag: str | None, after: UUID, limit: int
) -> list[Json[BlogEntry]]:
    """Read up to `limit` entries, newest first, that come behind `after`."""
    rows = await queries.page_newest(database, user_id=user_id, status=status, tag=tag, after=after, limit=limit)
    return [row[0] for row in rows]


async def page_oldest(
    database: Executor, user_id: UUID, *, status: str | None, tag: str | None, after: UUID, limit: int
) -> list[Json[BlogEntry]]:
    """Read up to `limit` entries, oldest first, that come behind `after`."""
    rows = await queries.page_oldest(database, user_id=user_id, status=status, tag=tag, after=after, limit=limit)
    return [row[0] for row in rows]


async def find(
    database: Executor, user_id: UUID, *, q: str, status: str | None, tag: str | None, limit: int
) -> list[Json[FoundBlogEntry]]:
    """Read up to `limit` entries that match a search, best first."""
    rows = await queries.find(database, user_id=user_id, q=q, status=status, tag=tag, limit=limit)
    return [row[0] for row in rows]


async def patch(database: Executor, user_id: UUID, id: UUID, version: int | None, changes: BlogEntryPatch) -> BlogEntry | None:
    """Change an entry. None: not this user's, or it has moved on from `version`."""
    row = await queries.patch(database, user_id=user_id, id=id, version=version, changes=encode(changes).decode())
    return BlogEntry(*row) if row else None


async def delete(database: Executor, user_id: UUID, id: UUID, version: int | None) -> int:
    """Delete an entry. 0: not this user's, or it has moved on from `version`."""
    count: int = await queries.delete(database, user_id=user_id, id=id, version=version)
    return count
