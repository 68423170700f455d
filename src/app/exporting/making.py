"""How an archive is made: the tables as they were at one moment, then the files out of the store, then the manifest."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import IO
from uuid import UUID

import msgspec

from app.archives import ENTITIES, FORMAT, NOBODYS, VERSION, Digest, Files, Manifest, Table, media_entry, table_entry
from app.database.executor import Transaction
from app.exporting import repository
from app.exporting.archive import Archive, written
from app.storage import Storage

PIECE = 512 * 1024
"""Bytes that are gathered before a thread deflates them, while the next ones arrive."""


class File(msgspec.Struct, frozen=True):
    """Where a file lies, and what it is to be."""

    user_id: UUID
    id: UUID
    storage_key: str
    size_bytes: int
    sha256: str


class Export:
    """An export under way: `gather` the tables, then `add_files`, then `finish`.

    owner: whose; None: everybody's. is_own: for its user, and not for an operator. `listed` gets what is known of the files, on
    a disk, for there may be millions.
    """

    def __init__(self, archive: Archive, listed: IO[bytes], owner: UUID | None, *, is_own: bool) -> None:
        self.archive = archive
        self._listed = listed
        self._owner = owner
        self._is_own = is_own
        self._made_at = datetime.now(UTC)
        self.tables: dict[str, Table] = {}
        self._digest = Digest()
        self._files = self._bytes = 0
        self._missing: list[str] = []
        self._damaged: list[str] = []

    async def gather(self, on: Transaction, seconds: int) -> None:
        """Write the tables. seconds: how long each may take; 0: any time. Raises as a statement does, NotWritten."""
        await repository.begin(on, seconds)
        entities = [entity for entity in ENTITIES if self._owner is None or entity not in NOBODYS]
        statements = await repository.statements(on, entities, self._owner, is_own=self._is_own)
        for entity, statement in zip(entities, statements, strict=True):
            await asyncio.to_thread(self.archive.begin, table_entry(entity), is_deflated=True)
            await _copied(on, statement, self.archive.write, seconds)
            self.tables[entity] = await asyncio.to_thread(self.archive.end)
        await _copied(on, await repository.files_statement(on, self._owner), self._list, seconds)
        written(lambda _: self._listed.flush(), b"")
        self._listed.seek(0)

    def _list(self, piece: bytes) -> None:
        written(self._listed.write, piece)

    async def add_files(self, storage: Storage) -> AsyncIterator[None]:
        """Write the files. A step for each piece: what has been written may be taken then. Raises Problem 503, NotWritten."""
        for line in self._listed:
            file = msgspec.json.decode(line, type=File)
            try:
                pieces = await storage.read(file.storage_key, 0, file.size_bytes)
            except FileNotFoundError:
                # Of a row whose object is lost, and of a user who was deleted since the tables were read.
                self._missing.append(f"{file.user_id}/{file.id}")
                continue
            name = media_entry(file.user_id, file.id)
            await asyncio.to_thread(self.archive.begin, name, is_deflated=False)
            try:
                async for piece in pieces:
                    await asyncio.to_thread(self.archive.write, piece)
                    yield
            except FileNotFoundError:
                pass
            entry = await asyncio.to_thread(self.archive.end)
            self._digest.add(name, entry.sha256)
            self._files += 1
            self._bytes += entry.bytes
            if entry.sha256 != file.sha256:
                self._damaged.append(f"{file.user_id}/{file.id}")

    async def finish(self) -> Manifest:
        """Write and return the manifest. Raises NotWritten."""
        sha256 = self._digest.add_tables((entity, table.sha256) for entity, table in self.tables.items())
        manifest = Manifest(
            FORMAT,
            VERSION,
            "user" if self._is_own else "operator",
            self._made_at.isoformat(timespec="seconds"),
            self.tables,
            Files(self._files, self._bytes),
            self._missing,
            self._damaged,
            sha256,
        )
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        await asyncio.to_thread(self.archive.finish, text)
        return manifest


async def _copied(on: Transaction, statement: str, write: Callable[[bytes], object], seconds: int) -> None:
    """Write the rows of a statement in a thread, while the next ones arrive."""
    gathered = bytearray()
    writing: asyncio.Future[object] | None = None

    async def hand_on() -> None:
        nonlocal writing
        if writing is not None:
            await writing
        writing = asyncio.get_running_loop().run_in_executor(None, write, bytes(gathered))
        gathered.clear()

    async def take(piece: bytes) -> None:
        gathered.extend(piece)
        if len(gathered) >= PIECE:
            await hand_on()

    try:
        await on.copy_out(statement, take, seconds or None)
        await hand_on()
    finally:
        if writing is not None:
            # Whatever came in between: nobody closes what a thread still writes to.
            await asyncio.wait([writing])
    if writing is not None:
        writing.result()
