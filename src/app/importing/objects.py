"""The files of a source as objects of our store.

As with uploads, an object is put down for deletion before its first byte, and taken out again with the insert of its row. It is
put down on a connection of its own: what the import's transaction writes would be gone with it. So a run may end at any point,
and what it leaves is deleted by maintenance. The quota of a user bounds what they send, and no import: who has more after it
can send nothing until there is room.
"""

import hashlib
from typing import BinaryIO
from uuid import uuid4

from app.database.queries import Executor
from app.importing import repository
from app.media import repository as media
from app.problems.problem import Problem
from app.storage import Storage

DUE_SECONDS = 7 * 86_400
"""After so long an object without a row is one that was left: no import takes longer."""

READ_BYTES = 1024 * 1024


class Objects:
    """Where a run puts files, and where a verification reads them."""

    def __init__(self, storage: Storage, beside: Executor, *, is_verifying: bool) -> None:
        """`beside`: another connection than the import's, outside of any transaction."""
        self.is_verifying = is_verifying
        self._storage = storage
        self._beside = beside
        self._folder = f"imports-{uuid4()}"

    async def put(self, file: BinaryIO) -> tuple[str, str]:
        """Store a file. Returns its key and the SHA-256 of what was stored. Raises Problem 503."""
        key, hashed = f"{self._folder}/{uuid4()}", hashlib.sha256()
        await media.remember_upload(self._beside, key, DUE_SECONDS)
        async with self._storage.writing(key) as write:
            while chunk := file.read(READ_BYTES):
                hashed.update(chunk)
                await write(chunk)
        return key, hashed.hexdigest()

    async def sha256(self, key: str, size: int) -> str | None:
        """Read an object again. None: it is not there, or cannot be read."""
        hashed = hashlib.sha256()
        try:
            async for piece in await self._storage.read(key, 0, size):
                hashed.update(piece)
        except (FileNotFoundError, Problem):
            return None
        return hashed.hexdigest()

    async def give_up(self) -> None:
        """Let maintenance delete what has no row at the end of a run, at once."""
        await repository.give_up_objects(self._beside, self._folder)
