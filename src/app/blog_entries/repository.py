"""Typed calls of sql/queries/blog_entries.sql."""

from collections.abc import Mapping
from uuid import UUID

from app.blog_entries.schemas import (
    BlogEntry,
    BlogEntryCreate,
    BlogEntryPatch,
    BlogEntryQuery,
    BlogEntrySummary,
    FoundBlogEntry,
)
from app.database.queries import Executor, Json, load, to_json
from app.http import totals
from app.http.conditional import Versions
from app.http.pagination import PAGE_BYTES, PageQuery, limit_and_filters, parameters
from app.http.totals import Total

queries = load("blog_entries")


async def create(database: Executor, user_id: UUID, new: BlogEntryCreate, *, slug: str) -> BlogEntry | None:
    """Make an entry with the first free slug of `slug`, `slug`-2, ...: call `accounts.lock` first.

    None: this user has an entry with the chosen id.
    """
    return await queries.create.created(database, BlogEntry, user_id=user_id, id=new.id, new=to_json(new), slug=slug)


async def get(database: Executor, user_id: UUID, id: UUID) -> BlogEntry | None:
    """Read an entry of this user."""
    return await queries.get.one(database, BlogEntry, user_id=user_id, id=id)


async def get_by_slug(database: Executor, user_id: UUID, slug: str) -> BlogEntry | None:
    """Read the entry of this user that has a slug."""
    return await queries.get_by_slug.one(database, BlogEntry, user_id=user_id, slug=slug)


async def page(database: Executor, user_id: UUID, filters: BlogEntryQuery) -> list[Json[BlogEntrySummary] | None]:
    """Read a page of entries, and one more, or None, if there is a next one; `filters.q` is ignored.

    Raises Problem 422 for a bad cursor.
    """
    values = parameters(filters)
    del values["q"]
    return await queries.ordered("page", filters.order).values(database, user_id=user_id, bytes=PAGE_BYTES, **values)


async def total(database: Executor, user_id: UUID, filters: BlogEntryQuery) -> Total:
    """Count the entries of a list over all of its pages; `filters.q` is ignored."""
    values = totals.parameters(filters)
    del values["q"]
    return await queries.total.only(database, Total, user_id=user_id, **values)


async def get_public(database: Executor, user_id: UUID, slug: str) -> BlogEntry | None:
    """Read the entry of a user that has a slug, if anybody may read it."""
    return await queries.get_public.one(database, BlogEntry, user_id=user_id, slug=slug)


async def page_public(database: Executor, user_id: UUID | None, query: PageQuery) -> list[Json[BlogEntrySummary] | None]:
    """Read a page of the entries of a user that anybody may read, as `page` does; None: of nobody, an empty one."""
    return await queries.page_public.values(database, user_id=user_id, bytes=PAGE_BYTES, **parameters(query))


async def find(database: Executor, user_id: UUID, filters: BlogEntryQuery) -> list[Json[FoundBlogEntry]]:
    """Read up to `filters.limit` entries that match `filters.q`, best first, fewer once they have PAGE_BYTES."""
    values = limit_and_filters(filters) | {"limit": filters.limit}
    return await queries.find.values(database, user_id=user_id, bytes=PAGE_BYTES, **values)


async def patch(database: Executor, user_id: UUID, id: UUID, versions: Versions, changes: BlogEntryPatch) -> BlogEntry | None:
    """Change an entry. None: not this user's, or not at one of `versions`."""
    return await queries.patch.one(database, BlogEntry, user_id=user_id, id=id, versions=versions, changes=to_json(changes))


async def delete(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> int:
    """Delete an entry. 0: not this user's, or not at one of `versions`."""
    return await queries.delete.count(database, user_id=user_id, id=id, versions=versions)


async def add_views(database: Executor, views: Mapping[tuple[UUID, UUID], int]) -> int:
    """Add numbers of views to entries, which are named by their users and their ids.

    Returns how many of the entries are still there.
    """
    user_ids, ids = zip(*views, strict=True)
    return await queries.add_views.count(database, user_id=[*user_ids], id=[*ids], views=[*views.values()])
