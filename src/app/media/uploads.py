"""Uploads: the object first, the row last.

No row without its object, because the object is written before. No object without its row for long: before its first byte an
object is put down for deletion, and the insert of its row takes it out again. So an upload may end at any point, with its
worker even, and app.media.orphans finds what it left.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import structlog

from app.auth.token_cache import Caller
from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.executor import Database
from app.database.queries import Executor
from app.media import orphans, repository
from app.media.content import HEAD_BYTES, dimensions, sniff
from app.media.forms import Form
from app.media.schemas import FileFacts, Media, MediaForm
from app.problems.catalog import Problem, invalid
from app.settings import Settings
from app.storage import Storage

log = structlog.get_logger()

UPLOAD_SECONDS = 6 * 3600
"""How long an upload may take: 1 GiB at 0.4 Mbit/s."""

DUE_SECONDS = UPLOAD_SECONDS + 3600
"""After so long an object without a row is one that was left."""


async def upload(database: Database, storage: Storage, settings: Settings, caller: Caller, form: Form) -> Media:
    """Put the file of a form into the store while it arrives, and make its row.

    Raises Problem 400, 404 (the row to attach it to), 413 (too large, or beyond the user's quota), 415, 422, 503.
    """
    most, quota, user_id = settings.media_max_bytes, _quota(settings, caller), caller.user_id
    _check_size(form.announced_file_bytes, most, None)
    form.check_type()
    room = quota - await repository.used_bytes(database, user_id)
    _check_size(max(form.announced_file_bytes, 1), most, room)
    key = f"{user_id}/{uuid4()}"
    await repository.remember_upload(database, key, DUE_SECONDS)
    try:
        async with asyncio.timeout(UPLOAD_SECONDS), storage.writing(key) as write:
            file = _PassingFile(write, most, room)
            sent = await form.read(most, file.take)
            facts = file.facts()
        return await _keep(database, user_id, sent, facts, key=key, most=most, quota=quota)
    except TimeoutError:
        await _give_up(database, storage, user_id, key)
        raise Problem("bad_request", "The body did not arrive in time.") from None
    except BaseException:
        await _give_up(database, storage, user_id, key)
        raise


def _quota(settings: Settings, caller: Caller) -> int:
    """How many bytes of files a caller may store. What bounds the rows of a guest bounds their files, too."""
    quota = settings.media_quota_bytes
    return min(quota, settings.guest_max_bytes) if caller.is_guest and settings.rate_limits else quota


def _check_size(size: int, most: int, room: int | None) -> None:
    if size > most:
        raise Problem("body_too_large", f"The file is larger than {most} bytes.")
    if room is not None and size > room:
        raise Problem("media_quota_exceeded")


class _PassingFile:
    """A file on its way into the store, and what is found out of it meanwhile."""

    def __init__(self, write: Callable[[bytes], Awaitable[int]], most: int, room: int) -> None:
        self._write, self._most, self._room = write, most, room
        self._head, self._size, self._hash = bytearray(), 0, hashlib.sha256()

    async def take(self, chunk: bytes) -> None:
        """Pass a piece on. Raises Problem 413."""
        self._size += len(chunk)
        _check_size(self._size, self._most, self._room)
        self._head += chunk[: HEAD_BYTES - len(self._head)]
        self._hash.update(chunk)
        await self._write(chunk)

    def facts(self) -> FileFacts:
        """What is known of it at its end. Raises Problem 422 when it is empty."""
        if self._size == 0:
            raise invalid("file", "empty", "must not be empty")
        head = bytes(self._head)
        content_type = sniff(head)
        width, height = dimensions(content_type, head)
        return FileFacts(content_type, self._size, self._hash.hexdigest(), width, height)


async def _keep(
    database: Database, user_id: UUID, sent: MediaForm, facts: FileFacts, *, key: str, most: int, quota: int
) -> Media:
    """Make the row of an object that is in the store. Raises Problem 400, 413; a missing target is a broken constraint."""

    async def work(tx: Executor) -> Media:
        await repository.lock_owner(tx, user_id)
        media = await repository.create(tx, user_id, sent, facts, storage_key=key, quota_bytes=quota)
        if media is None:
            room = quota - await repository.used_bytes(tx, user_id)
            _check_size(facts.size_bytes, most, room)
            raise Problem("bad_request", "The body did not arrive in time.")
        return media

    return await database.transaction(work)


async def _give_up(database: Database, storage: Storage, user_id: UUID, key: str) -> None:
    """Delete what there is of an upload that failed.

    Unless its row is there after all: when the connection is lost in a commit, only the database knows. What cannot be done
    now is left to app.media.orphans.
    """
    try:
        is_due = await repository.set_due(database, key, 0)
        if is_due or not await repository.is_kept(database, user_id, key):
            await orphans.delete_object(database, storage, key)
    except (DatabaseUnavailable, QueryTimeout) as error:
        log.warning("upload_left_behind", error=type(error).__name__)
