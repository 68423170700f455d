"""Files of a source on their way into our store, and how a verification reads them again."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO

from app.database.executor import Transaction
from app.importing import repository
from app.importing.objects import Objects
from app.importing.sources.source import SourceError
from app.importing.values import Refused

BATCH = 500
"""Files that are put into the store, or read out of it, between two statements."""

ABSENT = "(an object that is not there, or not the same)"

Opened = Callable[[str], AbstractContextManager[BinaryIO]]
"""Opens a file of the source by what stands as its path. Raises Refused."""


async def settle(
    on: Transaction, source: str, objects: Objects | None, opened: Opened | None, changed: Callable[[str], str]
) -> None:
    """Put the staged files that are not here yet into the store; in a verification, read those that are.

    Without objects, or with no way to open one, nothing is read. `changed` is what is said of a path whose file is no more what
    it was: then it raises SourceError.
    """
    is_storing = objects is not None and not objects.is_verifying
    await repository.known_media(on, source, has_store=is_storing)
    if objects is None or opened is None:
        return
    if is_storing:
        await _store(on, source, objects, opened, changed)
    else:
        await _check(on, source, objects)


async def _store(on: Transaction, source: str, objects: Objects, opened: Opened, changed: Callable[[str], str]) -> None:
    after = 0
    while files := await repository.fresh_media(on, source, after, BATCH):
        keys = []
        for fresh in files:
            try:
                with opened(fresh.path) as file:
                    key, sha256 = await objects.put(file)
            except Refused:
                sha256 = None
            if sha256 != fresh.sha256:
                raise SourceError(changed(fresh.path))
            keys.append(key)
        await repository.set_objects(on, [fresh.place for fresh in files], keys)
        after = files[-1].place


async def _check(on: Transaction, source: str, objects: Objects) -> None:
    """Let the comparison see which objects are not what the source has."""
    after = 0
    while files := await repository.stored_media(on, source, after, BATCH):
        lost = [each.place for each in files if await objects.sha256(each.storage_key, each.size_bytes) != each.sha256]
        await repository.set_objects(on, lost, [ABSENT] * len(lost))
        after = files[-1].place
