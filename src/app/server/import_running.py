"""How the commands of imports are run: with the database, and where files come along, with the store."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from app.database.errors import DatabaseReadOnly, DatabaseUnavailable
from app.database.executor import Transaction, on_connection
from app.importing.objects import Objects
from app.importing.parts import ImportFailed
from app.importing.sources.source import AGAIN, SourceError
from app.server.running import LOST, TAKES_NO_WRITES, on_database
from app.server.words import give_up, read_settings
from app.storage import Storage

T = TypeVar("T")


def done(work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Do something with the database. What cannot be done ends the process with a sentence."""

    async def on(url: str) -> T:
        return await on_connection(url, work)

    return _told(on)


def _told(work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    # Rows are many objects and no circles: to look for some among them takes a fifth of the time of reading.
    gc.set_threshold(500_000)

    async def on(url: str) -> T:
        try:
            return await work(url)
        except DatabaseReadOnly:
            raise ImportFailed(f"{TAKES_NO_WRITES} {AGAIN}") from None
        except DatabaseUnavailable as error:
            raise ImportFailed(str(error) or f"{LOST} {AGAIN}") from None

    try:
        return on_database(on)
    except (ImportFailed, SourceError) as error:
        give_up(str(error))
    except KeyboardInterrupt:
        give_up(f"Interrupted. {AGAIN}", 130)


def done_with_objects(
    work: Callable[[Transaction, Objects | None], Awaitable[T]], *, is_needed: bool = True, is_verifying: bool = False
) -> T:
    """Do something with the database and, if it needs them, with the store and a second connection for its objects."""

    async def with_objects(on: Transaction, beside: Transaction) -> T:
        objects = Objects(Storage(read_settings()), beside, is_verifying=is_verifying)
        try:
            return await work(on, objects)
        finally:
            if not is_verifying:
                # Also when it is interrupted: what got a row stays, the rest is for maintenance.
                await asyncio.shield(objects.give_up())

    async def both(url: str) -> T:
        if not is_needed:
            return await on_connection(url, lambda on: work(on, None))
        return await on_connection(url, lambda on: on_connection(url, lambda beside: with_objects(on, beside)))

    return _told(both)
