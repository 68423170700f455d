"""Uploads: the object first, the row last.

No row without its object, because the object is written before. No object without its row for long: before its first byte an
object is put down for deletion, and the insert of its row takes it out again. So an upload may end at any point, with its
worker even, and app.media.orphans finds what it left.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

from msgspec import UNSET

from app.accounts import repository as accounts
from app.auth.token_cache import Caller
from app.database.queries import Executor, Transactor
from app.http import idempotency
from app.media import orphans, repository
from app.media.facts import Facts
from app.media.forms import Form
from app.media.schemas import FileFacts, Media, MediaForm
from app.problems.problem import Problem, conflict, invalid
from app.settings import Settings
from app.storage import Storage

UPLOAD_SECONDS = 6 * 3600
"""How long an upload may take: 1 GiB at 0.4 Mbit/s."""

DUE_SECONDS = UPLOAD_SECONDS + 3600
"""After so long an object without a row is one that was left."""


async def upload(database: Transactor, storage: Storage, settings: Settings, caller: Caller, form: Form) -> tuple[Media, bool]:
    """Put the file of a form into the store while it arrives, and make its row.

    Returns the row, and whether it was there before, because the same upload made it; then no second object is kept.
    Raises Problem 400, 404 (the row to attach it to), 409 (the id is that of another upload), 413 (too large, or beyond the
    user's quota), 415, 422, 503.
    """
    most, quota, user_id = settings.media_max_bytes, _quota(settings, caller), caller.user_id
    _check_size(form.announced_file_bytes, most, None)
    form.check_type()
    opened, is_kept = AsyncExitStack(), False
    file = _PassingFile(database, storage, opened, user_id, announced=form.announced_file_bytes, most=most, quota=quota)
    try:
        async with asyncio.timeout(UPLOAD_SECONDS), opened:
            sent = await form.read(most, file)
            facts = file.facts()
        media, replayed = await _keep(database, user_id, sent, facts, key=file.key, most=most, quota=quota)
        is_kept = not replayed
    except TimeoutError:
        raise Problem("bad_request", "The body did not arrive in time.") from None
    finally:
        if file.key is not None and not is_kept:
            await orphans.give_up(database, storage, user_id, file.key)
    return media, replayed


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
    """A file on its way into the store, and what is found out of it meanwhile.

    One that seems to be sent again is not stored: no object is made, and no room is needed.
    """

    key: str | None = None
    """Where it is stored; None: nowhere."""

    def __init__(
        self,
        database: Transactor,
        storage: Storage,
        opened: AsyncExitStack,
        user_id: UUID,
        *,
        announced: int,
        most: int,
        quota: int,
    ) -> None:
        """Take what is `opened` here, and closed by who made that: the object."""
        self._database, self._storage, self._opened, self._user_id = database, storage, opened, user_id
        self._announced, self._most, self._quota = announced, most, quota
        self._room: int | None = None
        self._write: Callable[[bytes], Awaitable[int]] | None = None
        self._facts = Facts()

    async def begin(self, id: UUID | None) -> None:
        """Open the object, unless a file has this id already. Raises Problem 413, 503."""
        # The room first: what an equal upload takes of it in between is seen as its row.
        room = self._quota - await repository.used_bytes(self._database, self._user_id)
        if id is not None and await repository.get(self._database, self._user_id, id) is not None:
            return
        _check_size(max(self._announced, 1), self._most, room)
        self._room = room
        self.key = f"{self._user_id}/{uuid4()}"
        await repository.remember_upload(self._database, self.key, DUE_SECONDS)
        self._write = await self._opened.enter_async_context(self._storage.writing(self.key))

    async def take(self, chunk: bytes) -> None:
        """Pass a piece on. Raises Problem 413, 503."""
        self._facts.take(chunk)
        _check_size(self._facts.size, self._most, self._room)
        if self._write is not None:
            await self._write(chunk)

    def facts(self) -> FileFacts:
        """What is known of it at its end. Raises Problem 422 when it is empty."""
        if self._facts.size == 0:
            raise invalid("file", "empty", "must not be empty")
        return self._facts.found()


async def _keep(
    database: Transactor, user_id: UUID, sent: MediaForm, facts: FileFacts, *, key: str | None, most: int, quota: int
) -> tuple[Media, bool]:
    """Make the row of an object that is in the store, or find the one with its id; returns it, and whether it was there.

    Raises Problem 400, 409, 413; a missing target is a broken constraint.
    """

    async def work(tx: Executor) -> tuple[Media, bool]:
        await accounts.lock(tx, user_id)
        # No other upload of this user makes a row with the id between these two statements: it would wait for the lock.
        if sent.id is not UNSET and (media := await repository.get(tx, user_id, sent.id)) is not None:
            return _replayed(sent, facts, media), True
        if key is None:
            raise conflict("id", "is that of a file which was deleted meanwhile")
        media = await repository.create(tx, user_id, sent, facts, storage_key=key, quota_bytes=quota)
        if media is None:
            room = quota - await repository.used_bytes(tx, user_id)
            _check_size(facts.size_bytes, most, room)
            raise Problem("bad_request", "The body did not arrive in time.")
        return media, False

    return await database.transaction(work)


def _replayed(sent: MediaForm, facts: FileFacts, media: Media) -> Media:
    """The file that has the id of an upload. Raises Problem 409 when another upload made it.

    Of what was changed since, no one can tell who sent it, but bytes never change: others are always another upload's.
    """
    said = (sent.file, sent.alt_text or None, sent.is_public or False, sent.taggable_type or None, sent.taggable_id or None)
    stands = (media.file_name, media.alt_text, media.is_public, media.taggable_type, media.taggable_id)
    if facts.sha256 != media.sha256 or (media.updated_at == media.created_at and said != stands):
        raise idempotency.taken()
    return media
