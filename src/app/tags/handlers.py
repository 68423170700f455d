"""/v1/tags, and what carries them."""

from uuid import UUID

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.http import idempotency, pagination, responses
from app.http.conditional import Versions
from app.http.pagination import Page
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, CONDITIONAL, FROM_REPLICA, HASHED_ETAG
from app.problems.ownership import missing
from app.problems.problem import Problem
from app.tags import repository, rules
from app.tags.schemas import Tag, TagCreate, Tagging, TaggingQuery, TagPatch, TagQuery
from app.tags.targets import Kind


@post("/")
async def create(request: Request, data: JSONBody[TagCreate]) -> EncodedResponse[Tag]:
    """Make a tag. Sent again with the same `id`: 200 with the tag as it stands, and nothing new."""
    tag, replayed = await idempotency.create_once(
        repository.create, repository.get, request.database, request.caller.user_id, data
    )
    return responses.created(tag, f"/v1/tags/{tag.id}", replayed=replayed)


@get("/{id:uuid}", opt=CONDITIONAL)
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[Tag]:
    """Read a tag."""
    tag = await repository.get(request.database, request.caller.user_id, id)
    return responses.found(tag)


@get("/")
async def page(request: Request, filters: FromQuery[TagQuery]) -> EncodedResponse[Page[Tag]]:
    """List tags by the time they were made, newest first or oldest first: all, or those of one row."""
    tags = await rules.page(request.database, request.caller.user_id, filters)
    return pagination.answer(tags, filters)


@patch("/{id:uuid}", opt={"problems": ["conflict"]})
async def change(request: Request, id: FromPath[UUID], data: JSONBody[TagPatch], versions: Versions) -> EncodedResponse[Tag]:
    """Change a tag by a merge patch. A new name makes a new slug; the rows that carry the tag keep it."""
    user_id = request.caller.user_id
    tag = await repository.patch(request.database, user_id, id, versions, data)
    if tag is None:
        raise missing(await repository.get(request.database, user_id, id))
    return responses.versioned(tag)


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], versions: Versions) -> EncodedResponse[None]:
    """Delete a tag for good; the rows that carried it stay."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, id, versions):
        raise missing(await repository.get(request.database, user_id, id))
    return responses.no_content()


@put("/{id:uuid}/{kind:str}/{target_id:uuid}", status_code=204)
async def attach(
    request: Request, id: FromPath[UUID], kind: FromPath[Kind], target_id: FromPath[UUID]
) -> EncodedResponse[None]:
    """Put a tag on a row. Done before: nothing changes."""
    await repository.put_tagging(request.database, request.caller.user_id, id, kind, target_id)
    return responses.no_content()


@delete("/{id:uuid}/{kind:str}/{target_id:uuid}", status_code=204)
async def detach(
    request: Request, id: FromPath[UUID], kind: FromPath[Kind], target_id: FromPath[UUID]
) -> EncodedResponse[None]:
    """Take a tag off a row."""
    if not await repository.delete_tagging(request.database, request.caller.user_id, id, kind, target_id):
        raise Problem("not_found")
    return responses.no_content()


@get("/{id:uuid}/taggings")
async def page_taggings(
    request: Request, id: FromPath[UUID], filters: FromQuery[TaggingQuery]
) -> EncodedResponse[Page[Tagging]]:
    """List the rows that carry a tag, the newest tagging first."""
    taggings = await rules.page_taggings(request.database, request.caller.user_id, id, filters)
    return pagination.answer(taggings, filters)


router = Router(
    "/v1/tags",
    route_handlers=[create, read, page, change, remove, attach, detach, page_taggings],
    tags=["Tags"],
    opt=HASHED_ETAG | BATCHED | FROM_REPLICA,
)
