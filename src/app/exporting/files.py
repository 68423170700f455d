"""An export as a file, which has its name only when it is whole."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO
from uuid import UUID

from app.archives import Manifest
from app.database.disk import settle
from app.database.executor import Transaction
from app.exporting import repository
from app.exporting.archive import Archive, NotWritten
from app.exporting.making import Export
from app.storage import Storage


class ExportFailed(Exception):
    """An export cannot be made. The text is for whoever typed the command."""


async def write(on: Transaction, storage: Callable[[], Storage], to: Path, email: str | None) -> Manifest:
    """Export the account of an e-mail address, or everybody's, into a file. Raises ExportFailed, OSError, Problem 503.

    on: a connection outside of any transaction.
    """
    owner = None if email is None else await _owner(on, email)
    with _named_at_the_end(to) as file, tempfile.TemporaryFile(dir=to.parent) as listed:
        archive = Archive(file.write)
        try:
            export = Export(archive, listed, owner, is_own=False)
            await on.snapshot(partial(export.gather, seconds=0))
            async for _ in export.add_files(storage()):
                pass
            return await export.finish()
        except NotWritten as error:
            raise ExportFailed(f"{to} cannot be written: {error}.") from None
        finally:
            archive.give_up()


async def _owner(on: Transaction, email: str) -> UUID:
    owner = await repository.user_named(on, email)
    if owner is None:
        raise ExportFailed("There is no account with the e-mail address of --user.")
    return owner


@contextmanager
def _named_at_the_end(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that nobody else can read; it gets its name when the block has ended well, and is gone otherwise."""
    part = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ExportFailed(f"Another export is just being written to {path}.") from None
            try:
                # One that was killed has left it.
                file.truncate()
                os.fchmod(descriptor, 0o600)
                yield file
                file.flush()
                os.fsync(descriptor)
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        settle(path.parent)
    except OSError as error:
        raise ExportFailed(f"{path} cannot be written: {error.strerror}.") from None
