"""Where the bytes of files lie: a folder, or a bucket of S3, Google or Azure, as MEDIA_URL says.

An object is written once under a key of our making, read in pieces, deleted. What goes wrong in a store is a 503; its own
words go nowhere, for they name hosts, folders and buckets.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from app.database.disk import settle
from app.problems.problem import later
from app.settings import Settings, SettingsError

log = structlog.get_logger()

PART_BYTES = 5 * 1024 * 1024
"""The least that S3 takes as a part; an upload holds up to three of them in memory."""

READ_BYTES = 2 * 1024 * 1024
"""Each piece is a request of its own: a slow reader holds no connection to the store."""


class Storage:
    """The store of one worker. Credentials of a bucket are for obstore to find: AWS_*, GOOGLE_*, AZURE_* and the like."""

    def __init__(self, settings: Settings) -> None:
        """Raise SettingsError for a bucket that cannot be used as it is configured. A folder is made when it is needed."""
        url = settings.media_url
        self.folder = _folder_of(url) if url else settings.data / "media"
        self._opened: ObjectStore | None = None
        if url and self.folder is None:
            try:
                # A store that is down is no reason to keep a caller waiting for minutes, as is the default.
                self._opened = from_url(url, retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=10)})
            except (BaseError, ValueError):
                raise SettingsError("MEDIA_URL: the store cannot be used; check the URL and its credentials") from None

    def _store(self) -> ObjectStore:
        if self._opened is None and self.folder is not None:
            _make_private(self.folder)
            self._opened = LocalStore(self.folder, automatic_cleanup=True)
        if self._opened is None:
            raise TypeError("neither a folder nor a bucket")
        return self._opened

    @asynccontextmanager
    async def writing(self, key: str) -> AsyncIterator[Callable[[bytes], Awaitable[int]]]:
        """Write an object with the function that is given; at the end of the block it is there, and on the disk.

        After an exception there may be a part of it: `delete` it. Raises Problem 503.
        """
        with _translated("write"):
            writer = obstore.open_writer_async(self._store(), key, buffer_size=PART_BYTES, max_concurrency=2)

        async def write(chunk: bytes) -> int:
            with _translated("write"):
                return await writer.write(chunk)

        try:
            yield write
        finally:
            # After an exception, too: there is no other way to end what a bucket holds of an unfinished object.
            with _translated("write"):
                await writer.close()
        if self.folder is not None:
            with _translated("write"):
                await asyncio.to_thread(_settle, self.folder / key)

    async def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Read the bytes from `start` up to `stop`, the first piece at once: an object that cannot be read is found out now.

        Raises FileNotFoundError when there is no such object, Problem 503.
        """
        first = await self._piece(key, start, stop)

        async def pieces() -> AsyncIterator[bytes]:
            yield first
            for place in range(start + READ_BYTES, stop, READ_BYTES):
                yield await self._piece(key, place, stop)

        return pieces()

    async def _piece(self, key: str, start: int, stop: int) -> bytes:
        with _translated("read"):
            return bytes(await obstore.get_range_async(self._store(), key, start=start, end=min(start + READ_BYTES, stop)))

    async def size(self, key: str) -> int:
        """How long an object is. Raises FileNotFoundError, Problem 503."""
        with _translated("read"):
            return int((await obstore.head_async(self._store(), key))["size"])

    async def sizes(self, below: str) -> dict[str, int]:
        """The objects below a folder, or of all for "": their keys, and how long they are. Raises Problem 503."""
        found = {}
        with _translated("list"):
            async for some in obstore.list(self._store(), below or None):
                found.update({each["path"]: each["size"] for each in some})
        return found

    async def folders(self) -> list[str]:
        """The folders at the top. Raises Problem 503."""
        with _translated("list"):
            return list((await obstore.list_with_delimiter_async(self._store()))["common_prefixes"])

    def make_private(self, below: str) -> None:
        """Make a folder at the top that is for nobody else. In a bucket there is nothing to make. Raises Problem 503."""
        if self.folder is not None:
            with _translated("write"):
                _make_private(self.folder)
                (self.folder / below).mkdir(mode=0o700, exist_ok=True)

    async def delete_all(self, below: str) -> None:
        """Delete what is below a folder, and what killed processes have left there. Raises Problem 503."""
        with _translated("delete"):
            if self.folder is not None:
                with suppress(FileNotFoundError):
                    await asyncio.to_thread(shutil.rmtree, self.folder / below)
                return
            async for some in obstore.list(self._store(), below):
                await obstore.delete_async(self._store(), [each["path"] for each in some])

    async def delete(self, key: str) -> None:
        """Delete an object, or what there is of it; it is fine when there is none. Raises Problem 503."""
        with _translated("delete"):
            if self.folder is not None:
                # What a killed worker leaves of an object that it was writing; the store itself does not see it.
                for part in self.folder.glob(f"{key}#*"):
                    part.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._store(), key)


@contextmanager
def _translated(action: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        if action == "read" and isinstance(error, FileNotFoundError):
            raise
        log.warning("storage_failed", action=action, error=type(error).__name__)
        raise later("storage_unavailable", 5) from error


def _folder_of(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _make_private(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _settle(path: Path) -> None:
    """Bring a new file to the disk, and the folders that lead to it: its row must not outlive it in a power cut."""
    for each in (path, path.parent, path.parent.parent):
        settle(each)
