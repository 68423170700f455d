"""What a user takes of their own account: the tables go into a file without a name, then that and the media to the reader."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import structlog

from app.auth.authentication import unauthenticated
from app.database.executor import Transaction
from app.exporting.archive import Archive, NotWritten
from app.exporting.making import Export
from app.http.places import Place
from app.http.services import Services
from app.problems.problem import later
from app.settings import Settings
from app.storage import Storage

SECONDS = 600
"""How long a table of one user may take: a request's statement may take much less."""

PIECE = 1024 * 1024

log = structlog.get_logger()


class _Spool:
    """An export whose tables are read: it holds neither a connection nor much memory, however slow its reader is."""

    def __init__(self, folder: Path | None, user_id: UUID) -> None:
        with ExitStack() as opening:
            self.file = opening.enter_context(tempfile.TemporaryFile(dir=folder))
            listed = opening.enter_context(tempfile.TemporaryFile(dir=folder))
            self.export = Export(Archive(self.file.write), listed, user_id, is_own=True)
            self._ending = opening.pop_all()

    def close(self) -> None:
        self.export.archive.give_up()
        self._ending.close()


async def made(services: Services, user_id: UUID) -> AsyncIterable[bytes]:
    """Read a user's tables; what is returned sends them, and the files. Raises Problem 401, 503, and as a statement does."""
    place = services.exports.take(user_id)
    spool: _Spool | None = None

    def close() -> None:
        if spool is not None:
            spool.close()

    async def work(transaction: Transaction) -> None:
        nonlocal spool
        # It may be done again, from the beginning.
        close()
        spool = _Spool(_folder(services.settings), user_id)
        await spool.export.gather(transaction, SECONDS)

    with ExitStack() as giving_back:
        giving_back.callback(place.leave)
        giving_back.callback(close)
        try:
            await services.database.snapshot(work)
        except (NotWritten, OSError) as error:
            log.warning("export_failed", error=str(error))
            raise later("storage_unavailable", 60) from error
        if spool is None or not spool.export.tables["users"].rows:
            # They have deleted their account meanwhile.
            raise unauthenticated()
        giving_back.pop_all()
        return _Sent(spool, services.storage, place)


class _Sent:
    """What is sent of an export. When it has been, or will not be, its file and its place are free again."""

    def __init__(self, spool: _Spool, storage: Storage, place: Place) -> None:
        self._spool = spool
        self._storage = storage
        self._place = place

    def __del__(self) -> None:
        # Of an answer whose reader was gone before its first piece.
        self._close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        file, export = self._spool.file, self._spool.export
        try:
            file.seek(0)
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield piece
            taken = bytearray()
            export.archive.let(taken.extend)
            async for _ in export.add_files(self._storage):
                yield bytes(taken)
                taken.clear()
            await export.finish()
            yield bytes(taken)
        finally:
            self._close()

    def _close(self) -> None:
        self._spool.close()
        self._place.leave()


def _folder(settings: Settings) -> Path | None:
    """The disk with the data, where it is one: /tmp may lie in memory."""
    return settings.data if os.access(settings.data, os.W_OK | os.X_OK) else None
