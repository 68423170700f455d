"""When the tables may be spread over a cluster, or brought back."""

from app.database import migrations
from app.database.executor import Transaction
from app.distribution import repository
from app.distribution.repository import PlacedTable


class DistributionError(Exception):
    """It cannot be done. The text says why, and what to do."""


async def plan(database: Transaction) -> list[PlacedTable]:
    """Where each table belongs. Raises DistributionError for a database whose tables cannot be spread."""
    await _check(database)
    return await repository.tables(database)


async def distribute(database: Transaction) -> list[PlacedTable]:
    """Spread the tables over the workers, all in one transaction. Returns those that were moved."""
    moved = await database.transaction(_distribute)
    await repository.set_options(database)
    return moved


async def undistribute(database: Transaction) -> list[PlacedTable]:
    """Bring everything back to the coordinator, all in one transaction. Returns the tables that were moved."""
    return await database.transaction(_undistribute)


async def _distribute(database: Transaction) -> list[PlacedTable]:
    await _lock(database)
    await _check(database)
    pending = [table for table in await repository.tables(database) if not table.is_placed]
    if pending:
        await repository.distribute(database)
    return pending


async def _undistribute(database: Transaction) -> list[PlacedTable]:
    await _lock(database)
    if not await migrations.is_distributed(database):
        return []
    moved = [table for table in await repository.tables(database) if table.placement != "coordinator"]
    await repository.undistribute(database)
    return moved


async def _lock(database: Transaction) -> None:
    if not await repository.lock(database, migrations.LOCK):
        raise DistributionError("Another process changes the schema: try again when it is done.")


async def _check(database: Transaction) -> None:
    applied = await migrations.applied_versions(database)
    if not applied or applied[-1] != migrations.expected_version():
        raise DistributionError("The database does not have the schema of this holdfast: run holdfast migrate up first.")
    nodes = await repository.nodes(database)
    if not any(node.is_coordinator for node in nodes):
        raise DistributionError(
            "This is no coordinator of a Citus cluster. In this database, on each server: create extension citus. Then on the "
            "coordinator: select citus_set_coordinator_host(host, port), and select citus_add_node(host, port) for each worker."
        )
    if not any(node.has_shards and node.is_active for node in nodes):
        raise DistributionError("The cluster has no worker: select citus_add_node(host, port) for each on the coordinator.")
    if away := [f"{node.name}:{node.port}" for node in nodes if not node.is_reachable]:
        raise DistributionError(f"The coordinator does not reach {', '.join(away)}.")
