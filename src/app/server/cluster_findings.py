"""What `holdfast doctor` says of a Citus cluster: is it one, are its servers there, is every table where it belongs."""

from app.database import migrations
from app.database.queries import Executor
from app.distribution import repository
from app.server.doctor import Finding


async def examine(database: Executor) -> list[Finding]:
    """Two findings where tables are distributed, one on a cluster where they are not yet, else none."""
    if not await migrations.can_be_distributed(database):
        return []
    nodes = await repository.nodes(database)
    workers = [node for node in nodes if not node.is_coordinator]
    if not workers:
        return []
    if not await migrations.is_distributed(database):
        return [
            Finding(
                "mind", "cluster", f"{len(workers)} workers, and all rows are on the coordinator", "Run: holdfast distribute"
            )
        ]
    return [_servers(workers), await _tables(database)]


def _servers(workers: list[repository.Node]) -> Finding:
    if away := [f"{node.name}:{node.port}" for node in workers if not (node.is_active and node.is_reachable)]:
        text = f"of {len(workers)} workers the coordinator does not reach {', '.join(away)}"
        advice = "Their users get 503, and nobody can register: start them, or see docs/scaling.md#a-citus-cluster."
        return Finding("bad", "cluster", text, advice)
    return Finding("ok", "cluster", f"{len(workers)} workers, all of them are reached")


async def _tables(database: Executor) -> Finding:
    tables = await repository.tables(database)
    if forgotten := [table.name for table in tables if not table.is_placed]:
        text = f"not where they belong: {', '.join(forgotten)}"
        return Finding("bad", "tables", text, "Run, without serve: holdfast distribute")
    spread = sum(table.placement == "by user" for table in tables)
    return Finding("ok", "tables", f"{spread} are spread by user, {sum(table.bytes for table in tables):,} bytes in all")
