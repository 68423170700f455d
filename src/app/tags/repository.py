"""Typed calls of sql/queries/tags.sql."""

from uuid import UUID

from app.database.queries import Executor, Json, load
from app.http.responses import encode
from app.slugs import slug
from app.tags.schemas import SLUG_LENGTH, Tag, TagCreate, Tagging, TagPatch
from app.tags.targets import columns

queries = load("tags")


async def create(database: Executor, user_id: UUID, new: TagCreate) -> Tag | None:
    """Make a tag. None: this user has one with the chosen id."""
    row = await queries.create(
        database,
        user_id=user_id,
        id=new.id,
        name=new.name,
        slug=slug(new.name, SLUG_LENGTH),
        category=new.category,
        color=new.color,
    )
    return Tag(*row) if row else None


async def get(database: Executor, user_id: UUID, id: UUID) -> Tag | None:
    """Read a tag of this user."""
    row = await queries.get(database, user_id=user_id, id=id)
    return Tag(*row) if row else None


async def page_newest(
    database: Executor, user_id: UUID, *, taggable_type: str | None, taggable_id: UUID | None, after: UUID, limit: int
) -> list[Json[Tag]]:
    """Read up to `limit` tags, newest first, that come behind `after`: all, or those of one row."""
    rows = await queries.page_newest(
        database, user_id=user_id, taggable_type=taggable_type, taggable_id=taggable_id, after=after, limit=limit
    )
    return [row[0] for row in rows]


async def page_oldest(
    database: Executor, user_id: UUID, *, taggable_type: str | None, taggable_id: UUID | None, after: UUID, limit: int
) -> list[Json[Tag]]:
    """Read up to `limit` tags, oldest first, that come behind `after`: all, or those of one row."""
    rows = await queries.page_oldest(
        database, user_id=user_id, taggable_type=taggable_type, taggable_id=taggable_id, after=after, limit=limit
    )
    return [row[0] for row in rows]


async def patch(database: Executor, user_id: UUID, id: UUID, version: int | None, changes: TagPatch) -> Tag | None:
    """Change a tag, its slug with its name. None: not this user's, or it has moved on from `version`."""
    renamed = slug(changes.name, SLUG_LENGTH) if isinstance(changes.name, str) else None
    row = await queries.patch(database, user_id=user_id, id=id, version=version, changes=encode(changes).decode(), slug=renamed)
    return Tag(*row) if row else None


async def delete(database: Executor, user_id: UUID, id: UUID, version: int | None) -> int:
    """Delete a tag and take it off all rows. 0: not this user's, or it has moved on from `version`."""
    count: int = await queries.delete(database, user_id=user_id, id=id, version=version)
    return count


async def put_tagging(database: Executor, user_id: UUID, tag_id: UUID, kind: str, target_id: UUID) -> int:
    """Put a tag on a row. 0: it carries it already."""
    count: int = await queries.put_tagging(database, user_id=user_id, tag_id=tag_id, **columns(kind, target_id))
    return count


async def delete_tagging(database: Executor, user_id: UUID, tag_id: UUID, kind: str, target_id: UUID) -> int:
    """Take a tag off a row. 0: it does not carry it."""
    count: int = await queries.delete_tagging(database, user_id=user_id, tag_id=tag_id, **columns(kind, target_id))
    return count


async def page_taggings(
    database: Executor, user_id: UUID, tag_id: UUID, *, taggable_type: str | None, after: UUID, limit: int
) -> list[Json[Tagging]]:
    """Read up to `limit` of the rows that carry a tag, newest tagging first, that come behind `after`."""
    rows = await queries.page_taggings(
        database, user_id=user_id, tag_id=tag_id, taggable_type=taggable_type, after=after, limit=limit
    )
    return [row[0] for row in rows]
