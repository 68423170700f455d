"""Typed calls of sql/queries/maintenance.sql."""

import msgspec

from app.database.queries import Executor, load

queries = load("maintenance")


class TableSize(msgspec.Struct, frozen=True):
    """What a table takes, in bytes: its rows with what is stored beside them, and its indexes."""

    name: str
    rows: int
    indexes: int


async def is_my_turn(database: Executor) -> bool | None:
    """Take the lock until the end of the transaction. False: another process maintains."""
    return await queries.is_my_turn.value(database, bool)


async def wait_briefly(database: Executor) -> None:
    """Have the statements of this transaction wait for locks a tenth of a second at most; then they fail with 55P03."""
    await queries.wait_briefly.value(database, str)


async def database_size(database: Executor) -> int:
    """The bytes of the whole database."""
    return await queries.database_size.value(database, int) or 0


async def table_sizes(database: Executor) -> list[TableSize]:
    """The size of each table of ours. Takes a share lock of each, for a moment."""
    return await queries.table_sizes.many(database, TableSize)
