"""An export as a file, read without trust: all of it is looked at before the first row is taken."""

import asyncio
import hashlib
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import msgspec

from app.archives import ENTRY, FORMAT, MANIFEST, MOST_RATIO, VERSION, Digest, Files, Manifest, Table, table_entry
from app.importing.sources.source import SourceError
from app.importing.values import Refused

READ_BYTES = 1024 * 1024

MOST_LINE = 64 * 1024 * 1024
"""Bytes of a row: the largest that the API takes has an eighth of it."""

MOST_MANIFEST = 256 * 1024 * 1024
"""It names each file that is missing."""

_FAULTS = (BadZipFile, EOFError, OverflowError, RuntimeError, ValueError, struct.error, zlib.error)
"""What reading a broken zip raises; a RuntimeError, too, where it is encrypted or packed in a way that zipfile cannot read."""


class _Head(msgspec.Struct, frozen=True):
    """What a manifest of any version has."""

    format: str
    version: int


class ArchiveFile:
    """An opened export."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Raise SourceError for what is no export, or one that is not whole, newer, or of other entries than one has."""
        self.path = path
        with self._told():
            self._zip = ZipFile(file)
            self._entries = {entry.filename: entry for entry in self._zip.infolist()}
            if len(self._entries) < len(self._zip.infolist()):
                raise self._unfit("has two entries of one name")
            self._check_entries(file.seek(0, 2))
            self.manifest = self._read_manifest()

    async def check(self) -> None:
        """Read everything, and compare it with the manifest. Raises SourceError."""
        manifest, digest, files, size = self.manifest, Digest(), 0, 0
        tables: dict[str, str] = {}
        with self._told():
            for name in sorted(self._entries):
                if name == MANIFEST:
                    continue
                entity = name.removeprefix("tables/").removesuffix(".ndjson") if name.startswith("tables/") else None
                found = await self._looked_at(name, is_table=entity is not None)
                if entity is None:
                    digest.add(name, found.sha256)
                    files, size = files + 1, size + found.bytes
                elif found != manifest.tables.get(entity):
                    raise self._changed(name)
                else:
                    tables[entity] = found.sha256
        if Files(files, size) != manifest.media or tables.keys() != manifest.tables.keys():
            raise self._changed("the list of its entries")
        if digest.add_tables(tables.items()) != manifest.sha256:
            raise self._changed("a file in it")

    def lines(self, entity: str) -> Iterator[bytes]:
        """The rows of a table. Raises SourceError."""
        rest = b""
        with self._told(), self._zip.open(table_entry(entity)) as file:
            while piece := file.read(READ_BYTES):
                *whole, rest = (rest + piece).split(b"\n")
                yield from whole

    def has(self, name: str) -> bool:
        return name in self._entries

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """A file of a user, by the name of its entry. Raises SourceError, Refused."""
        if name not in self._entries:
            raise Refused("media_missing")
        with self._told(), self._zip.open(name) as file:
            yield cast("BinaryIO", file)

    def _check_entries(self, size: int) -> None:
        packed = 0
        for name, entry in self._entries.items():
            if not ENTRY.fullmatch(name):
                raise self._unfit("has an entry that no export has")
            if entry.flag_bits & 1 or entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
                raise self._unfit("has an entry that is packed otherwise than an export's")
            if entry.file_size > MOST_RATIO * entry.compress_size:
                raise self._unfit(f"is a zip bomb: {name} unfolds to more than {MOST_RATIO} times its size")
            packed += entry.compress_size
        if packed > size:
            raise self._unfit("is a zip bomb: its entries lie one upon the other")

    def _read_manifest(self) -> Manifest:
        entry: ZipInfo | None = self._entries.get(MANIFEST)
        if entry is None or entry.file_size > MOST_MANIFEST:
            raise self._unfit("is not an export: it has no manifest")
        text = self._zip.read(entry)
        try:
            head = msgspec.json.decode(text, type=_Head)
            if head.format != FORMAT:
                raise self._unfit("is not an export of Holdfast")
            if head.version > VERSION:
                raise self._unfit(
                    f"is of a newer form, version {head.version}: this Holdfast reads {VERSION}. Upgrade it first"
                )
            return msgspec.json.decode(text, type=Manifest)
        except msgspec.MsgspecError:
            raise self._changed(MANIFEST) from None

    async def _looked_at(self, name: str, *, is_table: bool) -> Table:
        hashed, size, rows, line = hashlib.sha256(), 0, 0, 0
        with self._zip.open(name) as file:
            while piece := file.read(READ_BYTES):
                hashed.update(piece)
                size += len(piece)
                if is_table:
                    rows += piece.count(b"\n")
                    line = line + len(piece) if b"\n" not in piece else len(piece) - 1 - piece.rfind(b"\n")
                    if line > MOST_LINE:
                        raise self._unfit(f"has a row of more than {MOST_LINE:,} bytes in {name}")
                # Ctrl-C is heard here.
                await asyncio.sleep(0)
        if is_table and line:
            raise self._changed(name)
        return Table(rows, size, hashed.hexdigest())

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what is wrong as a sentence."""
        try:
            yield
        except _FAULTS:
            raise self._unfit("is not a whole export: it was cut off or changed, or is something else") from None

    def _unfit(self, why: str) -> SourceError:
        return SourceError(f"{self.path} {why}. Nothing was imported.")

    def _changed(self, what: str) -> SourceError:
        return self._unfit(f"was changed since it was made, or is damaged: {what} is not what its manifest says")


@contextmanager
def opened(location: str) -> Iterator[ArchiveFile]:
    """Open an export. Raises SourceError."""
    path = Path(location).absolute()
    try:
        file: IO[bytes] = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from None
    with file:
        yield ArchiveFile(path, cast("BinaryIO", file))
