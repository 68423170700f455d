"""/v1/media."""

from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.http import pagination, responses
from app.http.conditional import Versions, names_tag
from app.http.pagination import Page
from app.http.ranges import ByteRange
from app.http.requests import Request
from app.http.responses import EncodedResponse, StreamingResponse
from app.http.routes import CONDITIONAL
from app.media import orphans, repository, rules, uploads
from app.media.content import headers
from app.media.forms import Form
from app.media.schemas import Media, MediaForm, MediaPatch, MediaQuery
from app.problems.catalog import Problem
from app.problems.ownership import missing


@post("/", opt={"multipart": MediaForm, "problems": ["media_quota_exceeded", "not_found", "storage_unavailable"]})
async def create(request: Request) -> EncodedResponse[Media]:
    """Upload a file. It may be attached to a row of yours; its type is told from its bytes.

    Sent again with the same `id`: 200 with the file as it stands, and nothing new. Where the `id` comes before the file, that
    needs no room for it once more.
    """
    form = Form(request.scope["headers"], request.receive)
    media, replayed = await uploads.upload(request.database, request.storage, request.settings, request.caller, form)
    return responses.created(media, f"/v1/media/{media.id}", replayed=replayed)


@get("/{id:uuid}", opt=CONDITIONAL)
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[Media]:
    """Read what is known of a file."""
    media = await repository.get(request.database, request.caller.user_id, id)
    return responses.found(media)


@get("/{id:uuid}/content", media_type="*/*", opt=CONDITIONAL | {"problems": ["range_not_satisfiable", "storage_unavailable"]})
async def content(request: Request, id: FromPath[UUID], byte_range: ByteRange) -> EncodedResponse[bytes]:
    """Read the bytes of a file, or a range of them. What a browser could run comes as a download."""
    user_id = request.caller.user_id
    file = await repository.stored(request.database, user_id, id)
    if file is None:
        raise Problem("not_found")
    tag, size = f'"{file.sha256}"', file.size_bytes
    sent = (*headers(file.file_name, file.content_type), (b"accept-ranges", b"bytes"))
    if names_tag(request.scope, tag.encode()):
        # Nothing need be asked of the store.
        return EncodedResponse(b"", headers=sent, etag=tag.encode())
    asked = byte_range.within(size, tag)
    start, stop = asked or (0, size)
    sent += ((b"content-length", b"%d" % (stop - start)),)
    if asked:
        sent += ((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, size)),)
    # Of a HEAD nothing is sent: one byte tells whether the content is there.
    end = start + 1 if request.is_head else stop
    try:
        chunks = await request.storage.read(file.storage_key, start, end)
    except FileNotFoundError:
        raise await rules.absent_object(request.database, user_id, id) from None
    return StreamingResponse(chunks, 206 if asked else 200, sent, tag.encode())


@get("/")
async def page(request: Request, filters: FromQuery[MediaQuery]) -> EncodedResponse[Page[Media]]:
    """List files by the time they were uploaded, newest first or oldest first."""
    files = await rules.page(request.database, request.caller.user_id, filters)
    return pagination.answer(files, filters)


@patch("/{id:uuid}")
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
    key = await repository.delete(request.database, user_id, id, versions)
    if key is None:
        raise missing(await repository.get(request.database, user_id, id))
    await orphans.delete_object(request.database, request.storage, key)
    return responses.no_content()


router = Router("/v1/media", route_handlers=[create, read, content, page, change, remove], tags=["Media"])
