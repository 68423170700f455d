"""Typed calls of sql/queries/wal.sql: what a server says of its archiving and of its recovery."""

from datetime import datetime

import msgspec

from app.database.queries import Executor, load

queries = load("wal")


class Archiver(msgspec.Struct, frozen=True):
    """How the archiving of the server stands."""

    is_on: bool
    is_failing: bool
    waiting: int
    wal_bytes: int
    last_archived_time: datetime | None


async def archiver(database: Executor) -> Archiver:
    """Ask the server how its archiving stands."""
    return await queries.archiver.only(database, Archiver)


async def replayed_until(database: Executor) -> datetime | None:
    """The time of the last transaction that the server's recovery has brought back."""
    return await queries.replayed_until.value(database, datetime)
