"""The rules of media that span several statements, and the store.

No row without its object: the object is written first, the row last. No object without its row for long: before its first
byte an object is put down for deletion, and the insert of its row takes it out again. So an upload may end at any point, with
its worker even, and `delete_orphans` finds what it left.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from msgspec import UNSET
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.executor import Database
from app.database.queries import Executor
from app.http.decoding import announced_length, body_chunks, problem_for_validation
from app.http.requests import Request
from app.media import repository
from app.media.content import HEAD_BYTES, dimensions, sniff
from app.media.schemas import FileName, Media, MediaForm, MediaPatch, Upload, target_columns
from app.problems.catalog import Problem, invalid
from app.storage import Storage
from app.tags.targets import KINDS

log = structlog.get_logger()

UPLOAD_SECONDS = 6 * 3600
"""How long an upload may take: 1 GiB at 0.4 Mbit/s."""

DUE_SECONDS = UPLOAD_SECONDS + 3600
"""After so long an object without a row is one that was left behind."""

FORM_BYTES = 64 * 1024
"""What a form may have beside its file."""

BATCH = 100
"""Objects that are deleted in one transaction."""

POSTPONED_SECONDS = 3600
"""An object that cannot be deleted waits, so that it does not stand before the others for ever."""

Write = Callable[[bytes], Awaitable[int]]


async def upload(request: Request) -> Media:
    """Read the form of a request, put its file into the store while it arrives, and make its row.

    Raises Problem 400, 404 (the row to attach it to), 413 (too large, or beyond the user's quota), 415, 422, 503.
    """
    user_id, settings = request.caller.user_id, request.settings
    announced = announced_length(request.scope)
    _check_size(announced - FORM_BYTES, settings.media_max_bytes, None)
    boundary = _boundary(request)
    room = settings.media_quota_bytes - await repository.used_bytes(request.database, user_id)
    _check_size(max(announced - FORM_BYTES, 1), settings.media_max_bytes, room)
    key = f"{user_id}/{uuid4()}"
    await repository.remember_upload(request.database, key, DUE_SECONDS)
    try:
        async with asyncio.timeout(UPLOAD_SECONDS), request.storage.writing(key) as write:
            arrived = await _receive(request, boundary, write, room)
        return await _keep(request, key, arrived)
    except TimeoutError:
        await _give_up(request, key)
        raise Problem("bad_request", "The body did not arrive in time.") from None
    except BaseException:
        await _give_up(request, key)
        raise


def _check_size(size: int, most: int, room: int | None) -> None:
    if size > most:
        raise Problem("body_too_large", f"The file is larger than {most} bytes.")
    if room is not None and size > room:
        raise Problem("media_quota_exceeded")


def _boundary(request: Request) -> str:
    kind, options = parse_options_header(request.header(b"content-type") or "")
    if kind != "multipart/form-data":
        raise Problem("unsupported_media_type", "Send the file as `Content-Type: multipart/form-data`.")
    boundary: str = options.get("boundary", "")
    if not (boundary.isascii() and 1 <= len(boundary) <= 70):
        # RFC 2046, 5.1.1
        raise Problem("malformed_multipart", "The Content-Type has no boundary of 1 to 70 characters.")
    return boundary


class _File:
    """What is found out of a file while it passes."""

    def __init__(self, most: int, room: int) -> None:
        self.head = bytearray()
        self.size = 0
        self._most, self._room = most, room
        self._hash = hashlib.sha256()

    def take(self, chunk: bytes) -> None:
        self.size += len(chunk)
        _check_size(self.size, self._most, self._room)
        self.head += chunk[: HEAD_BYTES - len(self.head)]
        self._hash.update(chunk)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


async def _receive(request: Request, boundary: str, write: Write, room: int) -> Upload:
    """Read the form. Raises Problem 400, 413, 422 as soon as that is sure."""
    most = request.settings.media_max_bytes
    file, fields, name, text = _File(most, room), dict[str, str](), "", bytearray()
    async for event in _events(request, boundary, most + FORM_BYTES):
        if isinstance(event, MultipartSegment):
            name, text = _field_name(event, fields), bytearray()
            if name == "file":
                fields[name] = _file_name(event.filename)
        elif event is None:
            if name != "file":
                fields[name] = _decoded(name, text)
        elif name == "file":
            file.take(event)
            await write(event)
        else:
            text += event
            if len(text) > FORM_BYTES:
                raise invalid(name, "out_of_range", "is too long")
    form = _checked(fields)
    target = target_columns(form.taggable_type or None, form.taggable_id or None)
    if file.size == 0:
        raise invalid("file", "empty", "must not be empty")
    head = bytes(file.head)
    content_type = sniff(head)
    width, height = dimensions(content_type, head)
    return Upload(
        file_name=form.file,
        content_type=content_type,
        size_bytes=file.size,
        sha256=file.sha256,
        width=width,
        height=height,
        alt_text=form.alt_text or None,
        target=target,
    )


async def _events(request: Request, boundary: str, limit: int) -> AsyncIterator[MultipartSegment | bytes | None]:
    """The parts of a form as they arrive: a segment, its bytes, None. Raises Problem 400, 413."""
    arrived = 0
    try:
        with PushMultipartParser(boundary, max_segment_count=20) as parser:
            async for chunk in body_chunks(request.receive):
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


def _checked(fields: dict[str, str]) -> MediaForm:
    try:
        return msgspec.convert(fields, MediaForm)
    except msgspec.ValidationError as error:
        raise problem_for_validation(error) from None


async def _keep(request: Request, key: str, arrived: Upload) -> Media:
    """Make the row of an object that is in the store. Raises Problem 400, 413; a missing target is a broken constraint."""
    user_id, settings = request.caller.user_id, request.settings
    quota = settings.media_quota_bytes

    async def work(tx: Executor) -> Media:
        await repository.lock_owner(tx, user_id)
        media = await repository.create(tx, user_id, key, arrived, quota)
        if media is None:
            _check_size(arrived.size_bytes, settings.media_max_bytes, quota - await repository.used_bytes(tx, user_id))
            raise Problem("bad_request", "The body did not arrive in time.")
        return media

    return await request.database.transaction(work)


async def _give_up(request: Request, key: str) -> None:
    """Delete what there is of an upload that failed.

    Unless its row is there after all: when the connection is lost in a commit, nobody knows. What cannot be done now is left
    to `delete_orphans`.
    """
    try:
        is_due = await repository.set_due(request.database, key, 0)
        if is_due or not await repository.is_kept(request.database, request.caller.user_id, key):
            await delete_object(request.database, request.storage, key)
    except (DatabaseUnavailable, QueryTimeout) as error:
        log.warning("upload_left_behind", error=type(error).__name__)


async def delete_object(database: Database, storage: Storage, key: str) -> None:
    """Delete an object that has no row any more; what cannot be done now is left to `delete_orphans`."""
    try:
        await storage.delete(key)
        await repository.forget_deletion(database, key)
    except (Problem, DatabaseUnavailable, QueryTimeout) as error:
        log.warning("object_left_behind", error=type(error).__name__)


async def delete_orphans(database: Database, storage: Storage, limit: int = 10_000) -> int:
    """Delete up to `limit` objects that have no row; returns how many. For `maintain`.

    A store that fails ends the run; what it could not delete is tried again an hour later.
    """
    deleted = 0
    while deleted < limit:
        wanted = min(BATCH, limit - deleted)
        done = await database.transaction(lambda tx, wanted=wanted: _delete_batch(tx, storage, wanted))  # type: ignore[misc]
        deleted += done
        if done < wanted:
            break
    return deleted


async def _delete_batch(tx: Executor, storage: Storage, limit: int) -> int:
    # Its entries are locked for as long as it takes: an upload that is late does not get a row for what is deleted here.
    deleted = 0
    for key in await repository.due_deletions(tx, limit):
        try:
            await storage.delete(key)
        except Problem:
            await repository.set_due(tx, key, POSTPONED_SECONDS)
            break
        deleted += await repository.forget_deletion(tx, key)
    return deleted


def changed_columns(changes: MediaPatch) -> dict[str, Any]:
    """The columns that a merge patch sets. Raises Problem 422 when it names half a target."""
    columns: dict[str, Any] = msgspec.to_builtins(changes)
    kind, target_id = changes.taggable_type, changes.taggable_id
    if kind is UNSET and target_id is UNSET:
        return columns
    if kind is UNSET or target_id is UNSET:
        raise invalid("taggable_type" if kind is UNSET else "taggable_id", "required", "comes with the other of the two")
    del columns["taggable_type"], columns["taggable_id"]
    return columns | dict.fromkeys(KINDS.values()) | target_columns(kind, target_id)
