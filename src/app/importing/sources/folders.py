"""Folders with files: what lies in them, read without trust."""

import asyncio
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from app.importing.sources.source import SourceError
from app.importing.values import Refused

TRIES = 3
"""How often a file is read that grows meanwhile."""


class Listed(NamedTuple):
    """What a folder has: the names of its JSON files, how many bytes these have, and the names of all else."""

    names: list[str]
    size: int
    others: list[str]


@contextmanager
def whole(source: Path, copy: Path) -> Iterator[Path]:
    """Where a copy is written: beside its place, which it takes when it is whole, also from an older copy of a file.

    Raises SourceError.
    """
    if source.resolve() in (copy.resolve(), *copy.resolve().parents):
        raise SourceError("A backup cannot lie in the folder that it is of, nor take the source's place.")
    if copy.is_dir():
        raise SourceError(f"{copy} exists already: name another folder.")
    part = copy.with_name(f"{copy.name}.part")
    try:
        _remove(part)
        yield part
        part.replace(copy)
    except shutil.Error:
        raise SourceError(f"The copy to {copy} is not whole: some folders cannot be read.") from None
    except OSError as error:
        raise _not_copied(source, copy, error) from None
    finally:
        with suppress(OSError):
            _remove(part)


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)


def _not_copied(source: Path | str, copy: Path | str, error: OSError) -> SourceError:
    return SourceError(f"{source} cannot be copied to {copy}: {error.strerror or error}.")


async def copied(source: Path, folder: Path) -> Path:
    """Copy a file or a folder into a folder. Returns the copy. Raises SourceError."""
    return await asyncio.to_thread(_copied, source, folder)


def _copied(source: Path, folder: Path) -> Path:
    copy = folder / source.resolve().name
    with whole(source, copy) as part:
        if source.is_dir():
            shutil.copytree(source, part, symlinks=True, copy_function=_copy)
        else:
            shutil.copy2(source, part)
    return copy


def _copy(source: str, copy: str) -> None:
    # An OSError would be put off to the end of all files: on a full disk, of each.
    try:
        shutil.copy2(source, copy)
    except OSError as error:
        raise _not_copied(source, copy, error) from None


def read_text(path: Path) -> str:
    """The text of a file. Raises Refused."""
    for _ in range(TRIES):
        try:
            with path.open("rb") as file:
                before = os.fstat(file.fileno())
                content = file.read()
                after = os.fstat(file.fileno())
        except OSError as error:
            raise Refused("file_rights" if isinstance(error, PermissionError) else "file_readable") from None
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and len(content) == after.st_size:
            try:
                return content.decode("utf-8-sig")
            except UnicodeDecodeError:
                raise Refused("file_encoding") from None
    raise Refused("file_changing")


def listed(path: Path) -> Listed:
    """What a folder has. Raises SourceError."""
    names, size, others = [], 0, []
    with told(path), os.scandir(path) as entries:
        for entry in entries:
            # Links are not followed: they may lead in circles, and out of the folder.
            if entry.name.endswith(".json") and entry.is_file(follow_symlinks=False):
                names.append(entry.name)
                size += entry.stat(follow_symlinks=False).st_size
            else:
                others.append(entry.name)
    return Listed(sorted(names), size, sorted(others))


def is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Say what is wrong with a folder as a sentence."""
    try:
        yield
    except OSError as error:
        sentences = {
            errno.EACCES: "cannot be read: this user has no right to",
            errno.ELOOP: "is a symbolic link that leads to itself",
            errno.ENOENT: "does not exist",
            errno.ENOTDIR: "is a file, not a folder",
        }
        raise SourceError(f"{path} {sentences.get(error.errno or 0, 'cannot be read')}.") from None
