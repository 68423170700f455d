"""How the bytes of a file are answered: whole or a range of them, or not at all when the client has them."""

from math import ceil
from uuid import UUID

from app.http.conditional import names_tag
from app.http.ranges import RequestedRange
from app.http.requests import Request
from app.http.responses import EncodedResponse, Headers, StreamingResponse
from app.media import rules
from app.media.content import headers
from app.media.schemas import Linked, Stored

SHARED_SECONDS = 60
"""How long caches may keep what a link leads to without asking: so long it is read after its file became private."""


async def answer(
    request: Request, user_id: UUID, id: UUID, file: Stored, byte_range: RequestedRange, *, caching: Headers = ()
) -> EncodedResponse[bytes]:
    """Answer with what lies under the key of `file`. Raises Problem 404 (deleted meanwhile), 416, 503."""
    tag, size = f'"{file.sha256}"', file.size_bytes
    sent = (*headers(file.file_name, file.content_type), (b"accept-ranges", b"bytes"), *caching)
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


def shared(file: Linked, waited: float) -> Headers:
    """What caches are told of a linked file: to keep it for everybody, but not for long and never beyond the link's end.

    `waited` is how many seconds ago the link was followed.
    """
    seconds = SHARED_SECONDS
    if file.seconds_left is not None:
        seconds = max(0, min(seconds, file.seconds_left - ceil(waited)))
    return ((b"cache-control", b"public, max-age=%d, must-revalidate" % seconds),)
