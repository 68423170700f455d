"""The form of an upload as it arrives: multipart/form-data, its fields checked, its file handed on piece by piece."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol
from uuid import UUID

import msgspec
from litestar.types import Receive
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from app.http import idempotency
from app.http.decoding import announced_length, body_chunks, problem_for_validation
from app.media.schemas import FileName, MediaForm
from app.problems.problem import Problem, invalid
from app.tags.targets import check_pair

FORM_BYTES = 64 * 1024
"""What a form may have beside its file."""


class File(Protocol):
    """Where the file of a form goes."""

    async def begin(self, id: UUID | None) -> None:
        """Its bytes come next. `id` is the one that was chosen for it, if that came before."""

    async def take(self, chunk: bytes) -> None:
        """Some of its bytes."""


class Form:
    """A form that was announced by the headers of a request, and is read from `receive`."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> None:
        self._headers = [*headers]
        self._receive = receive

    @property
    def announced_file_bytes(self) -> int:
        """What the file has at least, by Content-Length; 0 or less when that says nothing. Raises Problem 400."""
        return announced_length(self._headers) - FORM_BYTES

    def check_type(self) -> None:
        """Raise Problem 415 when it is no multipart/form-data, 400 when nothing says where its parts begin."""
        self._boundary()

    def _boundary(self) -> str:
        header = next((value for name, value in self._headers if name == b"content-type"), b"")
        kind, options = parse_options_header(header.decode("latin-1"))
        if kind != "multipart/form-data":
            raise Problem("unsupported_media_type", "Send the file as `Content-Type: multipart/form-data`.")
        boundary: str = options.get("boundary", "")
        if not (boundary.isascii() and 1 <= len(boundary) <= 70):
            # RFC 2046, 5.1.1
            raise Problem("malformed_multipart", "The Content-Type has no boundary of 1 to 70 characters.")
        return boundary

    async def read(self, most: int, file: File) -> MediaForm:
        """Read it to its end, with a file of `most` bytes. Raises Problem 400, 413, 415, 422 as soon as that is sure."""
        fields, name, text, chosen = dict[str, str](), "", bytearray(), None
        async for event in self._events(most + FORM_BYTES):
            if isinstance(event, MultipartSegment):
                name, text = _field_name(event, fields), bytearray()
                if name == "file":
                    fields[name] = _file_name(event.filename)
                    await file.begin(chosen)
            elif event is None:
                if name != "file":
                    fields[name] = _decoded(name, text)
                if name == "id":
                    chosen = _chosen_id(fields[name])
            elif name == "file":
                await file.take(event)
            else:
                text += event
                if len(text) > FORM_BYTES:
                    raise invalid(name, "out_of_range", "is too long")
        return _checked(fields)

    async def _events(self, limit: int) -> AsyncIterator[MultipartSegment | bytes | None]:
        """The parts as they arrive: a segment, its bytes, None."""
        arrived = 0
        try:
            with PushMultipartParser(self._boundary(), max_segment_count=20) as parser:
                async for chunk in body_chunks(self._receive):
                    arrived += len(chunk)
                    if arrived > limit:
                        raise Problem("body_too_large")
                    for event in parser.parse(chunk):
                        yield event
        except MultipartError:
            raise Problem("malformed_multipart") from None


def _field_name(segment: MultipartSegment, fields: dict[str, str]) -> str:
    name: str = segment.name or ""
    if name not in MediaForm.__struct_fields__:
        raise invalid(name[:100], "unknown_field", "is not a field of this form")
    if name in fields:
        raise invalid(name, "repeated", "is given more than once")
    return name


def _file_name(sent: str | None) -> str:
    """The name of a file, without the folders that some clients send along (RFC 7578, 4.2)."""
    if not sent:
        raise invalid("file", "required", "must be a file with a name")
    name = sent.replace("\\", "/").rpartition("/")[2]
    try:
        return msgspec.convert(name, FileName)
    except msgspec.ValidationError:
        raise invalid("file", "form", "its name must be 1 to 255 characters, not blank, no control characters") from None


def _decoded(name: str, text: bytearray) -> str:
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        raise invalid(name, "form", "must be text in UTF-8") from None
    if "\0" in decoded:
        raise invalid(name, "nul_character", "must not contain U+0000")
    return decoded


def _chosen_id(sent: str) -> UUID:
    try:
        chosen = msgspec.convert(sent, UUID)
    except msgspec.ValidationError:
        raise invalid("id", "form", "must be a UUID") from None
    idempotency.check(chosen)
    return chosen


def _checked(fields: dict[str, str]) -> MediaForm:
    if not fields.get("alt_text"):
        # A form of HTML sends a field that was left empty.
        fields.pop("alt_text", None)
    try:
        # Not strict: in a form true and false are texts.
        form = msgspec.convert(fields, MediaForm, strict=False)
    except msgspec.ValidationError as error:
        raise problem_for_validation(error) from None
    check_pair(form.taggable_type, form.taggable_id)
    return form
