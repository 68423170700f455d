"""/v1/blog-entries: the journal's longer texts."""

from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.blog_entries import repository, rules
from app.blog_entries.schemas import (
    BlogEntry,
    BlogEntryCreate,
    BlogEntryPatch,
    BlogEntryQuery,
    BlogEntrySummary,
    ListedBlogEntry,
)
from app.http import pagination, responses, totals
from app.http.conditional import Versions
from app.http.pagination import Page, PageQuery
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, CONDITIONAL, FROM_REPLICA, HASHED_ETAG, PUBLIC, SHARED
from app.http.totals import CountedPage
from app.problems.ownership import missing

LARGE_BODY = {"body_limit": 1024 * 1024}
"""Bytes; the content may have 200,000 characters."""


@post("/", opt=LARGE_BODY)
async def create(request: Request, data: JSONBody[BlogEntryCreate]) -> EncodedResponse[BlogEntry]:
    """Make an entry. Sent again with the same `id`: 200 with the entry as it stands, and nothing new.

    Its `slug` is made from the title, or is `entry` for a title without letters and digits; if that is taken, -2, -3 and so on
    is appended. Bodies up to 1 MiB.
    """
    entry, replayed = await rules.create(request.database, request.caller.user_id, data)
    return responses.created(entry, f"/v1/blog-entries/{entry.id}", replayed=replayed)


@get("/{id:uuid}", opt=CONDITIONAL)
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[BlogEntry]:
    """Read an entry."""
    entry = await repository.get(request.database, request.caller.user_id, id)
    return responses.found(entry)


@get("/by-slug/{slug:str}", opt=CONDITIONAL)
async def read_by_slug(request: Request, slug: FromPath[str]) -> EncodedResponse[BlogEntry]:
    """Read the entry that has a slug."""
    entry = await repository.get_by_slug(request.database, request.caller.user_id, slug)
    return responses.found(entry)


@get("/")
async def page(request: Request, filters: FromQuery[BlogEntryQuery]) -> EncodedResponse[CountedPage[ListedBlogEntry]]:
    """List entries without their content, newest first or oldest first; with `q` those that match it, best first.

    `excerpt` is null where none is stored; `content_start` is how the content begins. With `q` each entry has a `snippet` and a
    `rank`, `order` is ignored, and there is one page: the best `limit` of the newest 1,000 matches, fewer if they reach 1 MiB.
    """
    entries = await rules.page(request.database, request.caller.user_id, filters)
    page = pagination.answer(entries, filters)
    return await totals.counted(page, repository.total, request.database, request.caller.user_id, filters)


@patch("/{id:uuid}", opt=LARGE_BODY | {"problems": ["conflict"]})
async def change(
    request: Request, id: FromPath[UUID], data: JSONBody[BlogEntryPatch], versions: Versions
) -> EncodedResponse[BlogEntry]:
    """Change an entry by a merge patch. Bodies up to 1 MiB.

    Publishing sets `published_at`; making it a draft or archiving it clears that. The `slug` changes only when it is sent; a
    slug that another entry has is a 409.
    """
    user_id = request.caller.user_id
    entry = await repository.patch(request.database, user_id, id, versions, data)
    if entry is None:
        raise missing(await repository.get(request.database, user_id, id))
    return responses.versioned(entry)


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], versions: Versions) -> EncodedResponse[None]:
    """Delete an entry for good."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, id, versions):
        raise missing(await repository.get(request.database, user_id, id))
    return responses.no_content()


@get("/{username:str}/blog-entries", opt=PUBLIC | SHARED)
async def page_public(
    request: Request, username: FromPath[str], filters: FromQuery[PageQuery]
) -> EncodedResponse[Page[BlogEntrySummary]]:
    """List the public entries of a user without their content, newest first. Needs no token.

    The list of a user who has none, or does not exist, is empty. Caches may keep it for a minute.
    """
    entries = await rules.page_public(request.database, username, filters)
    return pagination.answer(entries, filters)


@get("/{username:str}/blog-entries/{slug:str}", opt=PUBLIC | SHARED | CONDITIONAL)
async def read_public(request: Request, username: FromPath[str], slug: FromPath[str]) -> EncodedResponse[BlogEntry]:
    """Read a public entry of a user. Needs no token.

    An entry is public when it is published and `is_public`. Each read counts in `view_count`, within a minute. Caches may keep
    the answer for a minute; its ETag changes with the entry, not with the count.
    """
    user_id, entry = await rules.read_public(request.database, username, slug)
    if not request.is_head:
        request.services.view_counts.note(user_id, entry.id)
    return responses.versioned(entry)


router = Router(
    "/v1/blog-entries",
    route_handlers=[create, read, read_by_slug, page, change, remove],
    tags=["Journal"],
    opt=HASHED_ETAG | BATCHED | FROM_REPLICA,
)

public_router = Router(
    "/v1/public/users",
    route_handlers=[page_public, read_public],
    tags=["Journal"],
    opt=FROM_REPLICA | {"operations": "blog_entries"},
)
