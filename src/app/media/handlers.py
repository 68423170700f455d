"""/v1/media, and /v1/public/media."""

from time import monotonic
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.http import pagination, responses
from app.http.conditional import Versions
from app.http.pagination import Page
from app.http.ranges import ByteRange
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BATCHED, CONDITIONAL, FROM_REPLICA, NO_STORE, OWN_CACHING, PUBLIC
from app.media import links, orphans, repository, rules, serving, thumbnails, uploads
from app.media.forms import Form
from app.media.schemas import ContentQuery, Media, MediaForm, MediaLink, MediaLinkCreate, MediaPatch, MediaQuery
from app.problems.ownership import missing
from app.problems.problem import Problem

_PROBLEMS_OF_CONTENT = ["range_not_satisfiable", "storage_unavailable", "thumbnail_queue_full"]


@post("/", opt={"multipart": MediaForm, "problems": ["media_quota_exceeded", "not_found", "storage_unavailable"]})
async def create(request: Request) -> EncodedResponse[Media]:
    """Upload a file. It may be attached to a row of yours; its type is told from its bytes.

    Sent again with the same `id`: 200 with the file as it stands, and nothing new. Where the `id` comes before the file, that
    needs no room for it once more.
    """
    form = Form(request.scope["headers"], request.receive)
    media, replayed = await uploads.upload(request.database, request.storage, request.settings, request.caller, form)
    return responses.created(media, f"/v1/media/{media.id}", replayed=replayed)


@get("/{id:uuid}", opt=CONDITIONAL | BATCHED)
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[Media]:
    """Read what is known of a file."""
    media = await repository.get(request.database, request.caller.user_id, id)
    return responses.found(media)


@get("/{id:uuid}/content", media_type="*/*", opt=CONDITIONAL | {"problems": _PROBLEMS_OF_CONTENT})
async def content(
    request: Request, id: FromPath[UUID], filters: FromQuery[ContentQuery], byte_range: ByteRange
) -> EncodedResponse[bytes]:
    """Read the bytes of a file or of its thumbnail, or a range of them. What a browser could run comes as a download."""
    user_id = request.caller.user_id
    file = await repository.stored(request.database, user_id, id)
    if file is None:
        raise Problem("not_found")
    file = await thumbnails.wanted(request.services, user_id, id, file, filters)
    return await serving.answer(request, user_id, id, file, byte_range)


@get("/", opt=BATCHED)
async def page(request: Request, filters: FromQuery[MediaQuery]) -> EncodedResponse[Page[Media]]:
    """List files by the time they were uploaded, newest first or oldest first."""
    files = await rules.page(request.database, request.caller.user_id, filters)
    return pagination.answer(files, filters)


@patch("/{id:uuid}", opt=BATCHED)
async def change(
    request: Request, id: FromPath[UUID], data: JSONBody[MediaPatch], versions: Versions
) -> EncodedResponse[Media]:
    """Change a file's name, its description, and what it is attached to. The bytes stay."""
    media = await rules.patch(request.database, request.caller.user_id, id, versions, data)
    if media is None:
        raise missing(await repository.get(request.database, request.caller.user_id, id))
    return responses.versioned(media)


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], versions: Versions) -> EncodedResponse[None]:
    """Delete a file for good."""
    user_id = request.caller.user_id
    keys = await repository.delete(request.database, user_id, id, versions)
    if not keys:
        raise missing(await repository.get(request.database, user_id, id))
    for key in keys:
        await orphans.delete_object(request.database, request.storage, key)
    return responses.no_content()


@post("/{id:uuid}/links", status_code=201, opt=NO_STORE)
async def create_link(request: Request, id: FromPath[UUID], data: JSONBody[MediaLinkCreate]) -> EncodedResponse[MediaLink]:
    """Make an address at which the content of a file is read without a token, as by `<img>`.

    Whoever has the address may read; it is answered this once. It ends after `expires_in` seconds, or when the file is no
    longer public, and with all others of the file by `DELETE`.
    """
    link = await links.create(request.database, request.caller.user_id, id, data)
    return responses.row(link, 201)


@delete("/{id:uuid}/links", status_code=204)
async def remove_links(request: Request, id: FromPath[UUID]) -> EncodedResponse[None]:
    """End every link to a file."""
    await links.end_all(request.database, request.caller.user_id, id)
    return responses.no_content()


@get(
    "/{token:str}",
    media_type="*/*",
    opt=PUBLIC | OWN_CACHING | CONDITIONAL | {"problems": _PROBLEMS_OF_CONTENT},
)
async def linked_content(
    request: Request, token: FromPath[str], filters: FromQuery[ContentQuery], byte_range: ByteRange
) -> EncodedResponse[bytes]:
    """Read the bytes of a file or of its thumbnail at the address of a link, or a range of them.

    Caches keep them for a minute at most.
    """
    began = monotonic()
    file = await links.follow(request.database, token)
    wanted = await thumbnails.wanted(request.services, file.user_id, file.id, file, filters)
    caching = serving.shared(file, monotonic() - began)
    return await serving.answer(request, file.user_id, file.id, wanted, byte_range, caching=caching)


router = Router(
    "/v1/media",
    route_handlers=[create, read, content, page, change, remove, create_link, remove_links],
    tags=["Media"],
    opt=FROM_REPLICA,
)
public_router = Router("/v1/public/media", route_handlers=[linked_content], tags=["Media"], opt={"operations": "media"})
