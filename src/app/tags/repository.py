"""Typed calls of sql/queries/tags.sql."""

from uuid import UUID

from msgspec.structs import asdict

from app.database.queries import Executor, Json, load, to_json
from app.http.conditional import Versions
from app.http.pagination import parameters
from app.slugs import slug
from app.tags.schemas import SLUG_LENGTH, Tag, TagCreate, Tagging, TaggingQuery, TagPatch, TagQuery

queries = load("tags")


async def create(database: Executor, user_id: UUID, new: TagCreate) -> Tag | None:
    """Make a tag, its slug out of its name. None: this user has one with the chosen id."""
    return await queries.create.created(database, Tag, user_id=user_id, slug=slug(new.name, SLUG_LENGTH), **asdict(new))


async def get(database: Executor, user_id: UUID, id: UUID) -> Tag | None:
    """Read a tag of this user."""
    return await queries.get.coalesced(database, Tag, user_id=user_id, id=id)


async def page(database: Executor, user_id: UUID, filters: TagQuery) -> list[Json[Tag]]:
    """Read a page of tags, of all or of those of one row, and one tag more if there is a next page. Raises Problem 422."""
    return await queries.ordered("page", filters.order).values(database, user_id=user_id, **parameters(filters))


async def patch(database: Executor, user_id: UUID, id: UUID, versions: Versions, changes: TagPatch) -> Tag | None:
    """Change a tag, its slug with its name. None: not this user's, or not at one of `versions`."""
    renamed = slug(changes.name, SLUG_LENGTH) if isinstance(changes.name, str) else None
    return await queries.patch.one(
        database, Tag, user_id=user_id, id=id, versions=versions, changes=to_json(changes), slug=renamed
    )


async def delete(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> int:
    """Delete a tag and take it off all rows. 0: not this user's, or not at one of `versions`."""
    return await queries.delete.count(database, user_id=user_id, id=id, versions=versions)


async def put_tagging(database: Executor, user_id: UUID, tag_id: UUID, kind: str, target_id: UUID) -> int:
    """Put a tag on a row. 0: it carries it already."""
    return await queries.put_tagging.count(database, user_id=user_id, tag_id=tag_id, taggable_type=kind, taggable_id=target_id)


async def delete_tagging(database: Executor, user_id: UUID, tag_id: UUID, kind: str, target_id: UUID) -> int:
    """Take a tag off a row. 0: it does not carry it."""
    return await queries.delete_tagging.count(
        database, user_id=user_id, tag_id=tag_id, taggable_type=kind, taggable_id=target_id
    )


async def page_taggings(database: Executor, user_id: UUID, tag_id: UUID, filters: TaggingQuery) -> list[Json[Tagging]]:
    """Read a page of the rows that carry a tag, newest tagging first, and one more if there is a next page.

    Raises Problem 422 for a bad cursor.
    """
    return await queries.page_taggings.values(database, user_id=user_id, tag_id=tag_id, **parameters(filters))
