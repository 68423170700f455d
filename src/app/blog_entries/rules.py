"""The rules of blog entries: how an entry gets its slug, how a list differs from a search, and who reads what is public."""

from functools import partial
from typing import cast
from uuid import UUID

from app import slugs
from app.accounts import repository as accounts
from app.blog_entries import repository
from app.blog_entries.schemas import BlogEntry, BlogEntryCreate, BlogEntryQuery, BlogEntrySummary, ListedBlogEntry
from app.database.queries import Executor, Json, Transactor
from app.http import idempotency
from app.http.pagination import PageQuery
from app.problems.problem import Problem, invalid

SLUG_LENGTH = 255
"""Characters of a slug made from a title; the column takes 300, so that a number can follow."""


async def create(database: Transactor, user_id: UUID, new: BlogEntryCreate) -> tuple[BlogEntry, bool]:
    """Make an entry, or find the one that the same create made before; returns it, and whether it was there before.

    Its slug is made from the title, or is "entry" for a title without letters and digits. Concurrent creates with equal
    titles get different slugs, because they run one after the other. Raises Problem 422.
    """
    slug = slugs.slug(new.title, SLUG_LENGTH) or "entry"

    async def work(transaction: Executor) -> tuple[BlogEntry, bool]:
        await accounts.lock(transaction, user_id)
        create_with_slug = partial(repository.create, slug=slug)
        return await idempotency.create_once(create_with_slug, repository.get, transaction, user_id, new)

    return await database.transaction(work)


async def page(database: Executor, user_id: UUID, filters: BlogEntryQuery) -> list[Json[ListedBlogEntry] | None]:
    """Read a page of entries, and one entry more if there is a next page; with `filters.q` its only page of matches.

    Raises Problem 422 for a bad cursor, and for a cursor or a count with `filters.q`.
    """
    if filters.q is None:
        return cast("list[Json[ListedBlogEntry] | None]", await repository.page(database, user_id, filters))
    if filters.cursor is not None:
        raise invalid("cursor", "not_with_q", "cannot be sent with q: a search has one page")
    if filters.count:
        raise invalid("count", "not_with_q", "cannot be sent with q: a search is not counted")
    return cast("list[Json[ListedBlogEntry] | None]", await repository.find(database, user_id, filters))


async def page_public(database: Executor, username: str, query: PageQuery) -> list[Json[BlogEntrySummary] | None]:
    """Read a page of the public entries of a user, as `page` does: an empty one where there is no such user.

    So it does not tell which user names are taken: a bad cursor is refused there, too. Raises Problem 422 for it.
    """
    return await repository.page_public(database, await accounts.id_of_username(database, username), query)


async def read_public(database: Executor, username: str, slug: str) -> tuple[UUID, BlogEntry]:
    """Read a public entry of a user, and whose it is. Raises Problem 404, for one that is not public as well."""
    user_id = await accounts.id_of_username(database, username)
    entry = await repository.get_public(database, user_id, slug) if user_id is not None else None
    if user_id is None or entry is None:
        raise Problem("not_found")
    return user_id, entry
