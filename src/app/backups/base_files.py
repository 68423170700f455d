"""The files of a base backup: unpacked, and each compared with the manifest that the server has written.

That is what pg_verifybackup does. The one of the wheel does not run: it crashes even at --version.
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import IO, Any

import msgspec

from app.backups import timelines
from app.backups.wal import SEGMENT_BYTES, ArchiveFailed
from app.backups.wal_stores import PIECE

MANIFEST = "backup_manifest"

PACKED = {"base.tar.gz": "", "pg_wal.tar.gz": "pg_wal/"}
"""What pg_basebackup packs, and the folder of the cluster that each belongs into."""

UNLISTED = ("pg_wal/", MANIFEST)
"""What a manifest does not speak of."""

Write = Callable[[str, Iterator[bytes] | None], None]
"""Takes a path in the cluster and what is in the file; None: it is a folder."""


class Range(msgspec.Struct, frozen=True, rename={"timeline": "Timeline", "start": "Start-LSN", "end": "End-LSN"}):
    """The part of the log that a base backup cannot do without."""

    timeline: int
    start: str
    end: str


class File(msgspec.Struct, frozen=True, rename={"path": "Path", "size": "Size", "checksum": "Checksum"}):
    """A file of the cluster, with its SHA-256."""

    path: str
    size: int
    checksum: str = ""


class Manifest(msgspec.Struct, frozen=True, rename={"cluster": "System-Identifier", "ranges": "WAL-Ranges", "files": "Files"}):
    """What PostgreSQL says of a base backup."""

    cluster: int
    ranges: list[Range]
    files: list[File]


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest, which has its own hash in its last line. Raises ArchiveFailed."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
        lines = content.splitlines(keepends=True)
        told = msgspec.json.decode(b"{" + lines[-1])["Manifest-Checksum"]
    except (msgspec.MsgspecError, KeyError, IndexError):
        told = ""
    if not told or hashlib.sha256(b"".join(lines[:-1])).hexdigest() != told or not manifest.ranges:
        raise ArchiveFailed("The manifest of the base backup is damaged.")
    return manifest


class Verifier:
    """Compares what passes through `write` with the manifest, and hands it on; `finish` misses what has not come."""

    def __init__(self, manifest: Manifest, write: Write) -> None:
        self._manifest, self._write = manifest, write
        self._left = {file.path: file for file in manifest.files}
        self._sizes: dict[str, int] = {}

    def unpack(self, name: str, pieces: Iterator[bytes]) -> None:
        """Take one of PACKED. Raises ArchiveFailed for a file that is not what it was."""
        # pg_basebackup packs a log in several parts, of which tarfile by itself would read the first alone.
        with gzip.open(io.BufferedReader(_Reader(pieces))) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as packed:
            for member in packed:
                path = f"{PACKED[name]}{member.name.removeprefix('./')}"
                # Nothing but files and folders is in a cluster without tablespaces, and nothing climbs out of it.
                if path.startswith("/") or ".." in PurePosixPath(path).parts or not (member.isdir() or member.isreg()):
                    raise ArchiveFailed(f"{name} of the base backup has {path}, which does not belong there.")
                if member.isdir():
                    self._write(path, None)
                else:
                    self._take(path, packed.extractfile(member))

    def _take(self, path: str, file: IO[bytes] | None) -> None:
        hashed, size = hashlib.sha256(), 0

        def pieces() -> Iterator[bytes]:
            nonlocal size
            while file is not None and (piece := file.read(PIECE)):
                hashed.update(piece)
                size += len(piece)
                yield piece

        self._write(path, pieces())
        known = self._left.pop(path, None)
        if path.startswith(UNLISTED):
            self._sizes[path] = size
        elif known is None or (known.size, known.checksum) != (size, hashed.hexdigest()):
            raise ArchiveFailed(f"{path} in the base backup is not what it was.")

    def finish(self) -> None:
        """Raise ArchiveFailed when a file has not come, or a segment that the backup cannot do without."""
        missing = [*self._left]
        for part in self._manifest.ranges:
            first, last = (timelines.segment(timelines.position(lsn)) for lsn in (part.start, part.end))
            names = [timelines.name_of(part.timeline, number) for number in range(first, last + 1)]
            missing += [name for name in names if self._sizes.get(f"pg_wal/{name}") != SEGMENT_BYTES]
        if missing:
            raise ArchiveFailed(f"{missing[0]} is missing in the base backup.")


class _Reader(io.RawIOBase):
    """Pieces as a file, as far as tarfile reads one."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = next(self._pieces, b"")
        taken = self._left[: len(buffer)]
        self._left = self._left[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)
