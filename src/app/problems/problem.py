"""A problem as it is raised, and as it is answered."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.problems.catalog import KINDS, FieldError, ProblemCode


class ProblemDocument(msgspec.Struct, frozen=True, rename={"kind": "type"}, omit_defaults=True):
    """RFC 9457 problem details."""

    kind: Annotated[str, Meta(description="A path that explains it.", examples=["/problems/invalid"])]
    title: Annotated[str, Meta(examples=["Invalid input"])]
    status: Annotated[int, Meta(examples=[422])]
    detail: Annotated[str, Meta(examples=["title: is required"])]
    code: ProblemCode
    request_id: Annotated[str, Meta(description="Names the request in the server's log.", examples=["5f0c9a1b2d3e-1"])]
    errors: tuple[FieldError, ...] = ()
    operation: Annotated[
        int | UnsetType, Meta(description="Of a batch: which operation it is about, counted from 0.", examples=[2])
    ] = UNSET


class Problem(Exception):
    """Raised anywhere below a handler, answered as application/problem+json."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: tuple[tuple[bytes, bytes], ...] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.kind = KINDS[code]
        self.detail = detail or self.kind.explanation
        self.errors = errors
        self.headers = headers
        self.extra = extra
        """Members of the document that only this problem has."""

    def document(self, request_id: str) -> bytes:
        """The body of the answer, as JSON."""
        document = ProblemDocument(
            kind=f"/problems/{self.code}",
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail,
            code=self.code,
            request_id=request_id,
            errors=self.errors,
        )
        return msgspec.json.encode(msgspec.to_builtins(document) | self.extra if self.extra else document)


def invalid(field: str, code: str, message: str) -> Problem:
    """A 422 about one field."""
    return Problem("invalid", f"{field}: {message}" if field else message, errors=(FieldError(field, code, message),))


def conflict(field: str, message: str, detail: str | None = None) -> Problem:
    """A 409 about one field."""
    return Problem("conflict", detail, errors=(FieldError(field, "taken", message),))


def later(code: str, seconds: int) -> Problem:
    """A temporary problem, with Retry-After in seconds."""
    return Problem(code, headers=((b"retry-after", str(seconds).encode()),))
