"""The objects of the store: copied once into a folder that all backups share, and brought back when they are missing."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from app.backups.counting import Object
from app.backups.destination import Destination, told
from app.backups.form import BackupDamaged, BackupFailed
from app.settings import Settings
from app.storage import Storage

AT_ONCE = 8
"""Objects that are copied at the same time: a bucket takes its time for each."""

_KEY = re.compile(r"(?!.*\.\.)[0-9A-Za-z][0-9A-Za-z_./-]{0,499}", re.ASCII)


class _Changed(Exception):
    """An object is not what its row says."""


class BackedUp(Storage):
    """The objects of a backup as a store to read from: each is brought into a folder here when it is asked for."""

    def __init__(self, settings: Settings, folder: Path, source: Destination, media: str, identity: Path | None) -> None:
        """media: the folder of the backup's files at its place."""
        super().__init__(msgspec.structs.replace(settings, media_url=folder.as_uri()))
        self._source, self._media, self._identity = source, media, identity

    async def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """As Storage does. What the backup has not, or not whole, is none."""
        try:
            async with self.writing(key) as write:
                async for piece in _pieces(self._source, self._media, key, self._identity):
                    await write(piece)
        except BackupDamaged:
            raise FileNotFoundError from None
        return await super().read(key, start, stop)


async def copy(
    objects: Iterable[Object], storage: Storage, to: Destination, folder: str, recipients: tuple[str, ...]
) -> tuple[int, int, list[str]]:
    """Copy those that are not there yet. Returns how many the backup has, their bytes, and the keys of those that are lost.

    Raises BackupFailed.
    """
    there = await to.sizes(folder)
    count = size = 0
    lost: list[str] = []

    async def one(each: Object) -> None:
        nonlocal count, size
        name = named(each.key, is_encrypted=bool(recipients))
        try:
            if name not in there or not (recipients or there[name] == each.bytes):
                await to.put(f"{folder}/{name}", _checked(storage, each), recipients)
        except (FileNotFoundError, _Changed):
            lost.append(each.key)
        else:
            count, size = count + 1, size + each.bytes

    await _each(objects, one)
    return count, size, sorted(lost)


async def bring_back(
    objects: Iterable[Object], source: Destination, folder: str, storage: Storage, identity: Path | None
) -> tuple[int, list[str]]:
    """Write those to the store that it has not. Returns how many, and the keys of those that the backup has not, or not whole.

    Raises BackupFailed.
    """
    brought = 0
    lost: list[str] = []

    async def one(each: Object) -> None:
        nonlocal brought
        with told("A file cannot be brought back"):
            if await _size(storage, each.key) == each.bytes:
                return
            try:
                async with storage.writing(each.key) as write:
                    await _copied(_pieces(source, folder, each.key, identity), each, write)
            except (BackupDamaged, _Changed):
                await storage.delete(each.key)
                lost.append(each.key)
            except BaseException:
                await storage.delete(each.key)
                raise
            else:
                brought += 1

    await _each(objects, one)
    return brought, sorted(lost)


def missing(objects: Iterable[Object], there: dict[str, int], *, is_encrypted: bool) -> list[str]:
    """The keys of those that a backup should have and has not, or has in another length."""
    lost = []
    for each in objects:
        size = there.get(named(each.key, is_encrypted=is_encrypted))
        if size is None or not (is_encrypted or size == each.bytes):
            lost.append(each.key)
    return lost


def named(key: str, *, is_encrypted: bool) -> str:
    """What an object is called in a backup. Raises BackupFailed for a key that is none of ours: it could lead elsewhere."""
    if not _KEY.fullmatch(key):
        raise BackupFailed("A file of the database has a key that is none of Holdfast's.")
    return f"{key}.age" if is_encrypted else key


def _pieces(source: Destination, folder: str, key: str, identity: Path | None) -> AsyncIterator[bytes]:
    """The bytes of an object, decrypted."""
    is_encrypted = folder != "media"
    path = f"{folder}/{named(key, is_encrypted=is_encrypted)}"
    pieces = source.pieces(path)
    return source.decrypted(path, pieces, identity) if is_encrypted else pieces


async def _each(objects: Iterable[Object], one: Callable[[Object], Coroutine[Any, Any, None]]) -> None:
    rest = iter(objects)
    while some := [*islice(rest, AT_ONCE)]:
        tasks = [asyncio.create_task(one(each)) for each in some]
        try:
            await asyncio.gather(*tasks)
        finally:
            # Whatever one has run into: the others are not left behind.
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def _checked(storage: Storage, each: Object) -> AsyncIterator[bytes]:
    hashed = hashlib.sha256()
    if each.bytes:
        async for piece in await storage.read(each.key, 0, each.bytes):
            hashed.update(piece)
            yield piece
    if hashed.hexdigest() != each.sha256:
        raise _Changed


async def _copied(pieces: AsyncIterator[bytes], each: Object, write: Callable[[bytes], Awaitable[int]]) -> None:
    hashed = hashlib.sha256()
    async for piece in pieces:
        hashed.update(piece)
        await write(piece)
    if hashed.hexdigest() != each.sha256:
        raise _Changed


async def _size(storage: Storage, key: str) -> int | None:
    try:
        return await storage.size(key)
    except FileNotFoundError:
        return None
