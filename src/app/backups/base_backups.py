"""Base backups of the PostgreSQL that comes along: base/<time>/ in the archive of its write-ahead log.

pg_basebackup makes one while the server runs; every file is compared with its manifest before the backup is kept, and again
when it is unpacked. base.json is written last: what has none is unfinished.
"""

import fcntl
import gzip
import os
import shutil
import tarfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.backups import form, retention, timelines, wal
from app.backups.base_files import MANIFEST, PACKED, Manifest, Verifier, Write, read_manifest
from app.backups.retention import Keep, Known
from app.backups.timelines import Base
from app.backups.wal import ArchiveFailed
from app.backups.wal_stores import PIECE, Store
from app.database.postgres_programs import binaries_folder, run
from app.database.unprivileged import Account, give

LOG_BYTES = 5 * wal.SEGMENT_BYTES
"""What the log of a cluster takes at least."""


def found(store: Store) -> list[Base]:
    """The base backups of an archive, oldest first. Raises StoreFailed, ArchiveFailed."""
    bases = []
    for name in sorted(store.names("base")):
        if name.endswith("/base.json"):
            try:
                bases.append(msgspec.json.decode(store.read(name), type=Base))
            except msgspec.MsgspecError:
                raise ArchiveFailed(f"{name} in the archive is damaged.") from None
    return bases


def make(store: Store, url: str, data: Path) -> Base:
    """Make a base backup of the server of `url`, verify it and put it into the archive.

    It is put together below the data folder, where it needs room for the packed cluster. Raises ArchiveFailed, StoreFailed.
    """
    with _workshop(data / "base.partial") as folder:
        taken = {base.name for base in found(store)}
        done = run(
            [
                str(binaries_folder() / "pg_basebackup"),
                *(f"--dbname={url}", f"--pgdata={folder}", "--no-password", "--label=holdfast", "--format=tar"),
                *("--wal-method=stream", "--compress=client-gzip:1", "--checkpoint=fast", "--manifest-checksums=SHA256"),
            ]
        )
        if done.returncode != 0:
            said = done.stdout.strip().splitlines() or [str(done.returncode)]
            raise ArchiveFailed(f"No base backup could be made: {said[-1].removeprefix('pg_basebackup: error: ')}")
        while (name := form.name_of(ended_at := datetime.now(UTC))) in taken:
            time.sleep(0.1)
        manifest = read_manifest((folder / MANIFEST).read_bytes())
        wal.claim(store, manifest.cluster)
        _unpack(manifest, {packed: _pieces(folder / packed) for packed in PACKED}, _drop)
        last = manifest.ranges[-1]
        base = Base(
            name=name,
            timeline=last.timeline,
            start_lsn=last.start,
            end_lsn=last.end,
            ended_at=ended_at,
            bytes=sum(each.size for each in manifest.files),
            packed_bytes=sum(path.stat().st_size for path in folder.iterdir()),
        )
        (folder / "base.json").write_bytes(msgspec.json.encode(base))
        for file in (*PACKED, MANIFEST, "base.json"):
            store.upload(f"base/{name}/{file}", folder / file)
    return base


def prune(store: Store, rule: Keep) -> list[str]:
    """Remove the base backups that a rule does not keep, and the segments before the first that is kept. Gives their names."""
    bases = found(store)
    names = retention.kept([Known(base.name, "verified", None) for base in bases], rule)
    removed = [base.name for base in bases if base.name not in names]
    for name in removed:
        # Its base.json first: without it the rest is unfinished.
        store.delete([f"base/{name}/base.json"])
        store.delete([f"base/{name}/{file}" for file in (MANIFEST, *PACKED)])
    # Of all timelines: one that was begun by a restore may have a later backup at an earlier place of the log.
    first = min(timelines.segment(timelines.position(base.start_lsn)) for base in bases if base.name in names)
    store.delete([key for key in store.names("wal") if _is_before(Path(key).name.removesuffix(".gz"), first)])
    return removed


def _is_before(name: str, first: int) -> bool:
    return not name.endswith(".history") and bool(wal.NAME.fullmatch(name)) and timelines.number_of(name) < first


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """An empty folder, for one process at a time, which is gone afterwards; what a killed one left is removed first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveFailed("Another base backup is being made. Wait until it is done.") from None
        for left in folder.iterdir():
            left.unlink()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def lay_down(store: Store, base: Base, cluster: Path, account: Account | None) -> None:
    """Unpack a base backup into a new folder, which belongs to the account, and verify every file of it.

    Raises ArchiveFailed for one that is damaged, OSError, StoreFailed.
    """
    free, needed = shutil.disk_usage(cluster.parent).free, base.bytes + LOG_BYTES
    if free < needed:
        raise ArchiveFailed(f"{needed / 2**20:,.0f} MiB are needed in {cluster.parent}, {free / 2**20:,.0f} are free.")
    folder = f"base/{base.name}"

    def write(path: str, pieces: Iterator[bytes] | None) -> None:
        if pieces is None:
            (cluster / path).mkdir(mode=0o700, exist_ok=True)
        else:
            with os.fdopen(os.open(cluster / path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.writelines(pieces)
        give(cluster / path, account)

    write("", None)
    try:
        manifest = read_manifest(store.read(f"{folder}/{MANIFEST}"))
        _unpack(manifest, {name: store.pieces(f"{folder}/{name}") for name in PACKED}, write)
    except FileNotFoundError:
        raise ArchiveFailed(f"A part of the base backup {base.name} is gone.") from None


def _unpack(manifest: Manifest, packed: dict[str, Iterator[bytes]], write: Write) -> None:
    verifier = Verifier(manifest, write)
    try:
        for name, pieces in packed.items():
            verifier.unpack(name, pieces)
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError):
        raise ArchiveFailed("The base backup is damaged: it cannot be unpacked.") from None
    verifier.finish()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _drop(_path: str, pieces: Iterator[bytes] | None) -> None:
    for _ in pieces or ():
        pass
