"""Typed calls of sql/queries/maintenance.sql."""

from app.database.queries import Executor, load

queries = load("maintenance")


async def is_my_turn(database: Executor) -> bool | None:
    """Take the lock until the end of the transaction. False: another process maintains."""
    return await queries.is_my_turn.value(database, bool)
