"""Answers as ready bytes: the body is encoded once, where the row is read."""

from collections.abc import AsyncIterable
from typing import Generic, Protocol, TypeVar

import msgspec
from litestar import Response
from litestar.types import HTTPScope, Send

from app.problems.problem import Problem

T = TypeVar("T")

Headers = tuple[tuple[bytes, bytes], ...]

encode = msgspec.json.Encoder(decimal_format="number").encode

_JSON = (b"content-type", b"application/json")

PIECED_ABOVE, PIECE = 256 * 1024, 64 * 1024
"""Bytes: a larger answer is sent in pieces, because the server waits for the reader of a piece, and only of a piece."""


class EncodedResponse(Response[T], Generic[T]):
    """An answer whose body is there; `etag` is the whole tag with its quotes, b"" when it has none.

    It is a Response in name only, because Litestar's decorators ask for one where a handler answers without content.
    """

    def __init__(self, content: bytes = b"", status: int = 200, headers: Headers = (_JSON,), etag: bytes = b"") -> None:
        self.body = content
        self.status_code: int = status
        self.encoded_headers = headers
        self.etag = etag

    @property
    def waits_for_reader(self) -> bool:
        """Whether sending it can take as long as its reader does."""
        return len(self.body) > PIECED_ABOVE

    def close_connection(self) -> None:
        """Have the connection end with this answer."""
        self.encoded_headers = (*self.encoded_headers, (b"connection", b"close"))

    async def send(self, scope: HTTPScope, send: Send) -> None:
        """Send it as the answer to a request; to a HEAD without its body."""
        headers = self._headers(scope)
        if self.status_code not in {204, 304}:
            headers += ((b"content-length", b"%d" % len(self.body)),)
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        body = b"" if "head" in scope["state"] else self.body
        if len(body) > PIECED_ABOVE:
            await _send_pieces(send, body, more_body=False)
        else:
            await send({"type": "http.response.body", "body": body, "more_body": False})

    def _headers(self, scope: HTTPScope) -> Headers:
        request_id = (b"x-request-id", scope["state"]["request_id"].encode())
        if self.etag:
            return (*self.encoded_headers, (b"etag", self.etag), request_id)
        return (*self.encoded_headers, request_id)


class ReadInterruptedError(Exception):
    """What is sent while it is read was changed meanwhile: the rest belongs to something else."""


class StreamingResponse(EncodedResponse[bytes]):
    """An answer that is made while it is sent; `headers` name its type, and its length where that is known.

    What goes wrong on the way can only cut it off.
    """

    def __init__(self, chunks: AsyncIterable[bytes], status: int = 200, headers: Headers = (_JSON,), etag: bytes = b"") -> None:
        super().__init__(b"", status, headers, etag)
        self.chunks = chunks

    @property
    def waits_for_reader(self) -> bool:
        return True

    async def send(self, scope: HTTPScope, send: Send) -> None:
        """Send it as the answer to a request; of a HEAD's, no chunk is asked for."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self._headers(scope)})
        if "head" not in scope["state"]:
            async for chunk in self.chunks:
                await _send_pieces(send, chunk, more_body=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_pieces(send: Send, body: bytes, *, more_body: bool) -> None:
    """Send a body, or a part of one, so that the server holds only a piece of it."""
    for start in range(0, len(body), PIECE):
        piece, more = body[start : start + PIECE], more_body or start + PIECE < len(body)
        await send({"type": "http.response.body", "body": piece, "more_body": more})


class Versioned(Protocol):
    """A row with an ETag."""

    @property
    def version(self) -> int: ...


V = TypeVar("V", bound=Versioned)


def etag(version: int) -> bytes:
    """The strong tag of a version: it changes exactly when the row really changes."""
    return b'"%d"' % version


def row(content: T, status: int = 200, headers: Headers = (), etag: bytes = b"") -> EncodedResponse[T]:
    """Answer with one struct."""
    return EncodedResponse(encode(content), status, (_JSON, *headers), etag)


def found(content: V | None) -> EncodedResponse[V]:
    """Answer a read of one row. Raises Problem 404 when there is none."""
    if content is None:
        raise Problem("not_found")
    return versioned(content)


def versioned(content: V) -> EncodedResponse[V]:
    """Answer with a row and its ETag."""
    return row(content, etag=etag(content.version))


def created(content: V, location: str, *, replayed: bool = False) -> EncodedResponse[V]:
    """Answer a create: 201 with the new row, or 200 with the row as it stands when the same create came before."""
    return row(content, 200 if replayed else 201, ((b"location", location.encode()),), etag(content.version))


def replaced(content: V, *, made: bool) -> EncodedResponse[V]:
    """Answer a put: 201 when it made the row, 200 when it replaced it."""
    return row(content, 201 if made else 200, etag=etag(content.version))


def accepted() -> EncodedResponse[None]:
    """Answer with nothing, because it will be done."""
    return EncodedResponse(b"", 202, ())


def no_content() -> EncodedResponse[None]:
    """Answer with nothing, because it is done."""
    return EncodedResponse(b"", 204, ())


def redirected(location: str) -> EncodedResponse[None]:
    """Send a browser to another address, of ASCII: what is in it may be a secret, so its route says NO_STORE."""
    return EncodedResponse(b"", 302, ((b"location", location.encode("ascii")),))


_OF_A_304 = {b"accept-ranges", b"cache-control", b"content-location", b"expires", b"vary"}


def not_modified(answer: EncodedResponse[T]) -> EncodedResponse[T]:
    """Answer a read whose client has this answer already, by what RFC 9110, 15.4.5, wants of its headers."""
    kept = tuple(header for header in answer.encoded_headers if header[0] in _OF_A_304)
    return EncodedResponse(b"", 304, kept, answer.etag)
