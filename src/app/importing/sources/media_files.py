"""The media files of a source, below one folder: nothing outside of it is read, whatever a path says."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import BinaryIO

from app.importing.sources.source import SourceError
from app.importing.values import Refused
from app.media.facts import Facts
from app.media.schemas import FileFacts

READ_BYTES = 1024 * 1024


def check_root(root: Path) -> None:
    """Raise SourceError unless the folder can be read."""
    if not root.is_dir():
        raise SourceError(f"--media-root: {root} is not a folder.")
    if not os.access(root, os.R_OK | os.X_OK):
        raise SourceError(f"--media-root: {root} cannot be read: check its permissions.")


def facts(root: Path, path: str) -> FileFacts:
    """What a file is, by the same code as that of an upload. Raises Refused, as `opened` does, and for an empty one."""
    seen = Facts()
    with opened(root, path) as file:
        while chunk := file.read(READ_BYTES):
            seen.take(chunk)
    if not seen.size:
        raise Refused("file_empty")
    return seen.found()


@contextmanager
def opened(root: Path, path: str) -> Iterator[BinaryIO]:
    """Open a file by its path below the root.

    One that climbs, a link, and what is no file is refused by the system itself, at each folder on the way: what is opened is
    what was looked at. Raises Refused.
    """
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts or "\0" in path:
        raise Refused("file_path_outside")
    descriptor = _descend(root, parts)
    if not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused("file_type")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _descend(root: Path, parts: tuple[str, ...]) -> int:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for part in parts:
        try:
            # A pipe would be waited for without O_NONBLOCK.
            inner = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
        except FileNotFoundError:
            raise Refused("file_missing") from None
        except OSError:
            raise Refused(_why(root, parts)) from None
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def _why(root: Path, parts: tuple[str, ...]) -> str:
    """By which rule the system refused to open a path."""
    links = (root.joinpath(*parts[: place + 1]).is_symlink() for place in range(len(parts)))
    return "file_is_link" if any(links) else "file_unreadable"
