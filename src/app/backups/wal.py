"""Segments of the write-ahead log in their archive: wal/<name>.gz, each put there once and checked when it is fetched.

The time in the head of a file, which gzip keeps for this, is that of the segment's last write: so it is known when a segment
ended, whenever it was archived, and wherever the archive was copied to.
"""

import gzip
import re
import sys
import zlib
from pathlib import Path

from app.backups.wal_stores import ArchiveError, Store

SEGMENT_BYTES = 16 * 1024 * 1024
"""What initdb takes unless told."""

SEGMENT = re.compile(r"[0-9A-F]{24}")

NAME = re.compile(r"[0-9A-F]{8}(?:\.history|[0-9A-F]{16}(?:\.partial|\.[0-9A-F]{8}\.backup)?)")
"""What PostgreSQL archives: segments, the last one of a timeline that was left, histories of timelines, notes of backups."""

CLUSTER = "wal/cluster"
"""The file that says whose archive it is."""

_GZIP_HEAD = b"\x1f\x8b\x08"


class ArchiveFailed(ArchiveError):
    """A segment cannot be put there, or what is there cannot be used."""


def key(name: str) -> str:
    """Where a segment is kept."""
    return f"wal/{name}.gz"


def archive(store: Store, path: Path) -> None:
    """Put a segment, or what else PostgreSQL archives, into the archive; the same one again is fine.

    Raises ArchiveFailed when there is another one of this name, or the archive is that of another database.
    """
    content = path.read_bytes()
    if SEGMENT.fullmatch(path.name):
        # The head of the first page: 24 bytes, then whose it is.
        claim(store, int.from_bytes(content[24:32], sys.byteorder))
    # The fastest level: a segment that was ended by the clock is nearly all zeros, and a full one takes 0.2 s of CPU.
    packed = gzip.compress(content, 1, mtime=int(path.stat().st_mtime))
    try:
        store.create(key(path.name), packed)
    except FileExistsError:
        # PostgreSQL asks again when it did not hear that it was done.
        if fetch(store, path.name) != content:
            raise ArchiveFailed(f"There is another {path.name} in the archive already. It is left as it is.") from None


def fetch(store: Store, name: str) -> bytes:
    """Read a segment out of the archive. Raises FileNotFoundError, and ArchiveFailed for one that is damaged."""
    packed = store.read(key(name))
    try:
        content = gzip.decompress(packed)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ArchiveFailed(f"{name} in the archive is damaged.") from None
    if SEGMENT.fullmatch(name) and len(content) != SEGMENT_BYTES:
        raise ArchiveFailed(f"{name} in the archive is damaged.")
    return content


def ended(store: Store, name: str) -> int:
    """When the last write to an archived segment was, in seconds since 1970. Raises FileNotFoundError, ArchiveFailed."""
    head = store.head(key(name), 8)
    if len(head) < 8 or not head.startswith(_GZIP_HEAD):
        raise ArchiveFailed(f"{name} in the archive is damaged.")
    return int.from_bytes(head[4:8], "little")


def owner_of(store: Store) -> int | None:
    """The number of the cluster whose archive it is; None: nothing is there yet. Raises ArchiveFailed, StoreFailed."""
    try:
        return int(store.read(CLUSTER))
    except FileNotFoundError:
        return None
    except ValueError:
        raise ArchiveFailed(f"{CLUSTER} in the archive is damaged.") from None


def claim(store: Store, cluster: int) -> None:
    """See that the archive is a cluster's own; the first one that comes has it. Raises ArchiveFailed."""
    owner = owner_of(store)
    if owner is None:
        store.create(CLUSTER, f"{cluster}\n".encode())
    elif owner != cluster:
        raise ArchiveFailed(OF_ANOTHER)


OF_ANOTHER = "WAL_ARCHIVE_URL has the archive of another database. Give each its own folder or bucket."


def cluster_of(folder: Path) -> int | None:
    """The number that PostgreSQL gave a cluster when it was made; None: there is none in the folder."""
    try:
        return int.from_bytes((folder / "global" / "pg_control").read_bytes()[:8], sys.byteorder)
    except (FileNotFoundError, NotADirectoryError):
        return None
