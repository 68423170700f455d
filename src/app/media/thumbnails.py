"""Thumbnails: made when they are first asked for, and kept beside their file.

Their objects have rows, so that they end with the file's: as in app.media.uploads the object is put down for deletion first,
then written, and the insert of its row takes it out again.
"""

import hashlib
from collections.abc import AsyncIterator
from pathlib import PurePath
from uuid import UUID, uuid4

from app.http.services import Services
from app.media import orphans, repository, rules
from app.media.content import sniff
from app.media.schemas import ContentQuery, NoThumbnail, Stored, Thumbnail, ThumbnailFacts
from app.problems.problem import Problem, invalid
from app.thumbnails.process import MOST_IMAGE_BYTES, MOST_PIXELS

_TYPES = {"image/gif", "image/jpeg", "image/png", "image/webp"}
_ENDINGS = {"image/jpeg": ".jpg", "image/webp": ".webp"}

DUE_SECONDS = 600
"""After so long the object of a thumbnail without a row is one that was left."""


async def wanted(services: Services, user_id: UUID, id: UUID, file: Stored, query: ContentQuery) -> Stored:
    """What of a file is asked for: the file itself, or its thumbnail, which is made when there is none.

    The file, too, where it is no wider, or where its thumbnail has more bytes. Raises Problem 404 (deleted meanwhile), 422 when
    no thumbnail can be made, 503.
    """
    if query.width is None:
        return file
    width = int(query.width)
    if file.content_type not in _TYPES:
        raise invalid("width", "no_thumbnail", "is for JPEG, PNG, GIF and WebP")
    # Which of the two is the width of an image that is to be turned, its process finds out.
    if file.width is not None and file.height is not None and max(file.width, file.height) <= width:
        return file
    is_too_large = file.size_bytes > MOST_IMAGE_BYTES or (file.width or 0) * (file.height or 0) > MOST_PIXELS
    found = Thumbnail("failed") if is_too_large else await repository.thumbnail(services.database, user_id, id, width)
    if found is None:
        services.database.check_pressure("thumbnails")
        async with services.thumbnail_maker.turn(user_id):
            # Who had the turn before may have made it.
            found = await repository.thumbnail(services.database, user_id, id, width)
            found = found or await _make(services, user_id, id, file, width)
    if found.outcome == "larger":
        return file
    if found.content_type is None or found.size_bytes is None or found.sha256 is None or found.storage_key is None:
        raise invalid("width", "no_thumbnail", "no thumbnail can be made of this file: it is damaged or too large")
    name = PurePath(file.file_name).stem + _ENDINGS.get(found.content_type, "")
    return Stored(name, found.content_type, found.size_bytes, found.sha256, found.storage_key, None, None)


async def _make(services: Services, user_id: UUID, id: UUID, file: Stored, width: int) -> Thumbnail:
    try:
        chunks: AsyncIterator[bytes] = await services.storage.read(file.storage_key, 0, file.size_bytes)
        made = await services.thumbnail_maker.make(chunks, width)
    except FileNotFoundError:
        raise await rules.absent_object(services.database, user_id, id) from None
    if not made or len(made) >= file.size_bytes:
        outcome: NoThumbnail = "failed" if made is None else "larger"
        await repository.note_no_thumbnail(services.database, user_id, id, width, outcome)
        return Thumbnail(outcome)
    return await _keep(services, user_id, id, width, made)


async def _keep(services: Services, user_id: UUID, id: UUID, width: int, made: bytes) -> Thumbnail:
    """Store a thumbnail and make its row, or find the one that another worker made. Raises Problem 404, 503."""
    database, storage, key = services.database, services.storage, f"{user_id}/{uuid4()}"
    facts = ThumbnailFacts(sniff(made), len(made), hashlib.sha256(made).hexdigest())
    await repository.remember_upload(database, key, DUE_SECONDS)
    is_kept = False
    try:
        async with storage.writing(key) as write:
            await write(made)
        is_kept = await repository.keep_thumbnail(database, user_id, id, width, storage_key=key, facts=facts) is not None
    finally:
        if not is_kept:
            await orphans.give_up(database, storage, user_id, key)
    found = await repository.thumbnail(database, user_id, id, width)
    if found is None:
        raise Problem("not_found")
    return found
