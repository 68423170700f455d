"""A zip that is written from its beginning to its end: nothing is ever sought in what it is written to."""

import hashlib
import zlib
from collections.abc import Callable
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from app.archives import MANIFEST, Table

LEVEL = 1
"""Of deflating: the next ones take twice the time and save a tenth."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""When each entry was changed: the first time that a zip knows. The manifest has the true one."""


class NotWritten(Exception):
    """There is no room for an export, or it cannot be written for another reason: the text says which.

    No OSError, which in the middle of a transaction is one of the connection.
    """


class Archive:
    """An archive under way. All methods take time, and are called in a thread, one at a time."""

    def __init__(self, take: Callable[[bytes], Any]) -> None:
        """`take` is given the bytes as they come."""
        self._sink = _Sink(take)
        # It can be told and sought nothing, which ZipFile finds out by itself.
        self._zip = ZipFile(self._sink, "w", allowZip64=True)  # type: ignore[call-overload]

    def let(self, take: Callable[[bytes], Any]) -> None:
        """Give the bytes that come from now on to another one."""
        self._sink.take = take

    def begin(self, name: str, *, is_deflated: bool) -> None:
        """Begin an entry."""
        entry = ZipInfo(name, _EPOCH)
        entry.compress_type = ZIP_DEFLATED if is_deflated else ZIP_STORED
        entry.external_attr = 0o600 << 16
        self._entry = self._zip.open(entry, "w", force_zip64=True)
        if is_deflated:
            # By fixed codes a byte stands for 160 at most: whatever users write, an archive is never taken for a zip bomb.
            self._entry._compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -15, 9, zlib.Z_FIXED)  # noqa: SLF001
        self._hashed, self._size, self._lines = hashlib.sha256(), 0, 0

    def write(self, piece: bytes) -> None:
        """Add to the entry."""
        self._hashed.update(piece)
        self._size += len(piece)
        self._lines += piece.count(b"\n")
        self._entry.write(piece)

    def end(self) -> Table:
        """End the entry, and return what is in it: its lines as rows."""
        self._entry.close()
        return Table(self._lines, self._size, self._hashed.hexdigest())

    def finish(self, manifest: bytes) -> None:
        """Add the manifest, and end the archive."""
        self.begin(MANIFEST, is_deflated=True)
        self.write(manifest)
        self.end()
        self._zip.close()

    def give_up(self) -> None:
        """Write nothing more, whatever is under way; nothing is done to one that is finished."""
        # ZipFile would end its file when it is collected.
        self._zip.fp = None


class _Sink:
    """What ZipFile writes to."""

    def __init__(self, take: Callable[[bytes], Any]) -> None:
        self.take = take

    def write(self, piece: bytes) -> int:
        written(self.take, bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is kept back."""


def written(take: Callable[[bytes], Any], piece: bytes) -> None:
    """Give a piece to what writes it. Raises NotWritten."""
    try:
        take(piece)
    except OSError as error:
        raise NotWritten(error.strerror or type(error).__name__) from error
