"""Answers as ready bytes: the body is encoded where the row is at hand, and nothing is worked out per request twice."""

from collections.abc import AsyncIterator
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from litestar import Response
from litestar.types import HTTPResponseStartEvent, Receive, Scope, Send

T = TypeVar("T")


Headers = tuple[tuple[bytes, bytes], ...]


encode = msgspec.json.Encoder(decimal_format="number").encode


_JSON = (b"content-type", b"application/json")


class EncodedResponse(Response[T], Generic[T]):
    """A response that is its own ASGI application. Handlers are annotated `EncodedResponse[Task]`: so the document knows."""

    def __init__(self, content: bytes = b"", status: int = 200, headers: Headers = (_JSON,)) -> None:
        self.ready = content
        self.status_code: int = status
        self.ready_headers = headers

    def to_asgi_response(self, *_: Any, **__: Any) -> "EncodedResponse[T]":  # type: ignore[override]
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        state = scope["state"]
        request_id = (b"x-request-id", state["request_id"].encode())
        if self.status_code in {204, 304}:
            headers = (*self.ready_headers, request_id)
        else:
            headers = (*self.ready_headers, (b"content-length", b"%d" % len(self.ready)), request_id)
        start: HTTPResponseStartEvent = {"type": "http.response.start", "status": self.status_code, "headers": headers}
        await send(start)
        body = b"" if state.get("head") else self.ready
        await send({"type": "http.response.body", "body": body, "more_body": False})


class StreamingResponse(EncodedResponse[bytes]):
    """An answer that is made while it is sent; `headers` name its type, and its length where that is known.

    What goes wrong on the way can only cut it off.
    """

    def __init__(self, chunks: AsyncIterator[bytes], status: int = 200, headers: Headers = (_JSON,)) -> None:
        super().__init__(b"", status, headers)
        self.chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        state = scope["state"]
        headers = (*self.ready_headers, (b"x-request-id", state["request_id"].encode()))
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        if not state.get("head"):
            async for chunk in self.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Versioned(Protocol):
    """A row with an ETag."""

    @property
    def version(self) -> int: ...


def etag(version: int) -> tuple[bytes, bytes]:
    """The strong tag of a version: it changes exactly when the row really changes."""
    return (b"etag", b'"%d"' % version)


def row(content: T, status: int = 200, headers: Headers = ()) -> EncodedResponse[T]:
    """Answer with one struct."""
    return EncodedResponse(encode(content), status, (_JSON, *headers))


V = TypeVar("V", bound=Versioned)


def versioned(content: V) -> EncodedResponse[V]:
    """Answer with a row and its ETag."""
    return row(content, headers=(etag(content.version),))


def created(content: V, location: str, *, replayed: bool = False) -> EncodedResponse[V]:
    """Answer a create: 201 with the new row, or 200 with the row as it stands when the same create came before."""
    return row(content, 200 if replayed else 201, headers=(etag(content.version), (b"location", location.encode())))


def replaced(content: V, *, made: bool) -> EncodedResponse[V]:
    """Answer a put: 201 when it made the row, 200 when it replaced it."""
    return row(content, 201 if made else 200, headers=(etag(content.version),))


def no_content() -> EncodedResponse[None]:
    """Answer with nothing, because it is done."""
    return EncodedResponse(b"", 204, ())


def not_modified(version: int) -> EncodedResponse[Any]:
    """Answer a conditional GET whose client has the row already."""
    return EncodedResponse(b"", 304, (etag(version),))
