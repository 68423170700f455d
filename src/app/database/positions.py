"""Typed calls of sql/queries/replica.sql: positions of the write-ahead log, in bytes from its beginning."""

from app.database.queries import Executor, load

queries = load("replica")


async def written(primary: Executor) -> int:
    """How far the log goes: whatever was committed before lies before it.

    Raises asyncpg's ObjectNotInPrerequisiteStateError on a standby.
    """
    position = await queries.written.value(primary, int)
    return position or 0


async def replayed(standby: Executor) -> int | None:
    """How far a standby has replayed it. None: this is no standby, or not any more."""
    return await queries.replayed.value(standby, int)
