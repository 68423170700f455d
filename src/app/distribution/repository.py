"""Typed calls of sql/queries/distribution.sql."""

from typing import Literal

import msgspec

from app.database.queries import Executor, load

queries = load("distribution")


class Node(msgspec.Struct, frozen=True):
    """A server of the cluster, as the coordinator knows it, and whether it reaches it."""

    name: str
    port: int
    is_coordinator: bool
    has_shards: bool
    is_active: bool
    is_reachable: bool


class PlacedTable(msgspec.Struct, frozen=True):
    """Where the rows of a table belong, and whether they are there. Bytes: of all servers, indexes with them."""

    name: str
    placement: Literal["everywhere", "by user", "coordinator"]
    is_placed: bool
    bytes: int


async def lock(database: Executor, key: int) -> bool | None:
    """Keep others from migrating and distributing until the end of the transaction. False: one is at it."""
    return await queries.lock.value(database, bool, key=key)


async def nodes(database: Executor) -> list[Node]:
    """The servers of the cluster; none without Citus."""
    return await queries.nodes.many(database, Node)


async def tables(database: Executor) -> list[PlacedTable]:
    """Every table."""
    return await queries.tables.many(database, PlacedTable)


async def distribute(database: Executor) -> None:
    """Spread the tables over the workers; where that was done, those that a migration has forgotten."""
    await queries.distribute.value(database, str)


async def set_options(database: Executor) -> None:
    """Give the shards what migrations have told the planner. After `distribute`, and after shards were moved."""
    await queries.set_options.value(database, str)


async def undistribute(database: Executor) -> None:
    """Bring all rows back to the coordinator."""
    await queries.undistribute.value(database, str)
