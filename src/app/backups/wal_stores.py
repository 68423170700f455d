"""Where the write-ahead log is archived: a folder or a bucket, as WAL_ARCHIVE_URL says.

What `create` returns from is there for good, whole and under its name: PostgreSQL then throws its own copy away. A program of
its own runs for each segment, so a folder is used without obstore, whose import takes half of the time.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from app.database.disk import settle

PIECE = 2 * 1024 * 1024


class ArchiveError(Exception):
    """What an archive is needed for cannot be done. The text is for people."""


class StoreFailed(ArchiveError):
    """The store cannot be used. The text names no host, folder or bucket."""


class Store(Protocol):
    """Files by their names, such as wal/000000010000000000000003.gz. All raise StoreFailed or OSError."""

    def names(self, folder: str) -> list[str]:
        """The names below a folder, in no order."""
        ...

    def read(self, name: str) -> bytes:
        """A whole file. Raises FileNotFoundError."""
        ...

    def head(self, name: str, count: int) -> bytes:
        """The first bytes of a file. Raises FileNotFoundError."""
        ...

    def pieces(self, name: str) -> Iterator[bytes]:
        """A file in pieces of 2 MiB or so. Raises FileNotFoundError."""
        ...

    def create(self, name: str, content: bytes) -> None:
        """Write a file. Raises FileExistsError where there is one of this name: nothing is ever overwritten."""
        ...

    def upload(self, name: str, source: Path) -> None:
        """Copy a file of this machine there; one of this name is replaced."""
        ...

    def delete(self, names: list[str]) -> None:
        """Delete files, in their order; it is fine when there is none of a name."""
        ...


def folder_of(url: str) -> Path | None:
    """The folder that an address names; None: a bucket."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def open_store(url: str) -> Store:
    """The store of an address. Raises StoreFailed for a bucket that cannot be used as it is configured."""
    folder = folder_of(url)
    return Bucket(url) if folder is None else Folder(folder)


class Folder:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self, folder: str) -> list[str]:
        found = (self.root / folder).rglob("*")
        return [str(path.relative_to(self.root)) for path in found if not path.name.startswith(".") and path.is_file()]

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def head(self, name: str, count: int) -> bytes:
        with (self.root / name).open("rb") as file:
            return file.read(count)

    def pieces(self, name: str) -> Iterator[bytes]:
        with (self.root / name).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def create(self, name: str, content: bytes) -> None:
        path = self.root / name
        partial = _partial(path)
        try:
            partial.write_bytes(content)
            settle(partial)
            os.link(partial, path)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EMLINK}:
                raise
            # A file system without links, such as that of a USB stick. There is one archiver, so nobody comes in between.
            if path.exists():
                raise FileExistsError from None
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
        settle(path.parent)

    def upload(self, name: str, source: Path) -> None:
        path = self.root / name
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        partial = _partial(path)
        try:
            shutil.copyfile(source, partial)
            settle(partial)
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
        settle(path.parent)
        settle(path.parent.parent)

    def delete(self, names: list[str]) -> None:
        for name in names:
            path = self.root / name
            path.unlink(missing_ok=True)
            if path.parent.parent.name == "base" and not any(path.parent.iterdir()):
                path.parent.rmdir()


class Bucket:
    """A bucket of S3, Google or Azure. Its credentials are for obstore to find: AWS_*, GOOGLE_*, AZURE_* and the like."""

    def __init__(self, url: str) -> None:
        import obstore  # noqa: PLC0415 - see above
        from obstore.exceptions import AlreadyExistsError, BaseError  # noqa: PLC0415
        from obstore.store import from_url  # noqa: PLC0415

        self._obstore, self._exists, self._failed = obstore, AlreadyExistsError, BaseError
        try:
            self._store = from_url(url, retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=10)})
        except (BaseError, ValueError):
            raise StoreFailed("WAL_ARCHIVE_URL: the store cannot be used; check the URL and its credentials") from None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except self._exists:
            raise FileExistsError from None
        except (self._failed, ValueError, OSError) as error:
            raise StoreFailed(f"The archive of WAL_ARCHIVE_URL cannot be used: {type(error).__name__}") from None

    def names(self, folder: str) -> list[str]:
        with self._translated():
            return [found["path"] for some in self._obstore.list(self._store, folder, chunk_size=1000) for found in some]

    def read(self, name: str) -> bytes:
        with self._translated():
            return bytes(self._obstore.get(self._store, name).bytes())

    def head(self, name: str, count: int) -> bytes:
        with self._translated():
            return bytes(self._obstore.get_range(self._store, name, start=0, length=count))

    def pieces(self, name: str) -> Iterator[bytes]:
        with self._translated():
            for piece in self._obstore.get(self._store, name).stream(min_chunk_size=PIECE):
                yield bytes(piece)

    def create(self, name: str, content: bytes) -> None:
        with self._translated():
            self._obstore.put(self._store, name, content, mode="create", use_multipart=False)

    def upload(self, name: str, source: Path) -> None:
        with self._translated():
            self._obstore.put(self._store, name, source)

    def delete(self, names: list[str]) -> None:
        with self._translated():
            self._obstore.delete(self._store, names)


def _partial(path: Path) -> Path:
    partial = path.with_name(f".{path.name}.part")
    partial.touch(mode=0o600)
    if os.geteuid() == 0:
        # Root in a folder of the server's user, who has to read it.
        owner = path.parent.stat()
        os.chown(partial, owner.st_uid, owner.st_gid)
    return partial
