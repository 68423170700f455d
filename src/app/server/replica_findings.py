"""What `holdfast doctor` says of the replica: is it one, of this server, and does it follow."""

import asyncpg
import msgspec

from app.database import positions
from app.database.errors import DRIVER_ERRORS, DatabaseRefused, DatabaseUnavailable
from app.database.executor import on_connection
from app.database.queries import Executor
from app.server.doctor import Finding, Replication, Server, replication, server
from app.settings import MIB, Settings

FAR = 64 * MIB
"""Bytes of the log that a replica may lack without a word: four files of it."""


class Seen(msgspec.Struct, frozen=True):
    """What a replica says of itself."""

    server: Server
    replication: Replication
    replayed: int


async def examine(database: Executor, settings: Settings) -> list[Finding]:
    """Findings about DATABASE_REPLICA_URL where it is set, else none."""
    if settings.replica_url is None:
        return []
    primary = await replication(database)
    try:
        seen = await on_connection(settings.replica_url, _look, retries=0)
    except (DatabaseUnavailable, DatabaseRefused, *DRIVER_ERRORS):
        text = "the server of DATABASE_REPLICA_URL cannot be reached, or refuses us"
        return [Finding("bad", "replica", text, "Check that it runs with hot_standby = on, and takes connections from here.")]
    return [await _state(database, primary, seen), _connections(seen.server, settings)]


async def _look(replica: Executor) -> Seen:
    replayed = await positions.replayed(replica)
    return Seen(await server(replica), await replication(replica), replayed or 0)


async def _state(database: Executor, primary: Replication, seen: Seen) -> Finding:
    replica = seen.replication
    if replica.system != primary.system:
        advice = "Point DATABASE_REPLICA_URL at a standby of the server of DATABASE_URL."
        return Finding("bad", "replica", "is of another server: what it answers would be somebody else's data", advice)
    if not replica.is_standby:
        return Finding("bad", "replica", "is no standby: it takes writes", "Make a new standby: docs/scaling.md says how.")
    if not replica.receives:
        return Finding("bad", "replica", "receives nothing from its primary", "Its log says why it cannot connect to it.")
    try:
        lacks = max(0, await positions.written(database) - seen.replayed)
    except asyncpg.ObjectNotInPrerequisiteStateError:
        return Finding(
            "bad", "replica", "follows, as the server of DATABASE_URL does, too", "Point DATABASE_URL at the primary."
        )
    if lacks > FAR:
        text = f"follows, {lacks / MIB:,.0f} MiB behind"
        return Finding("mind", "replica", text, "A long statement on it may hold it up, or its disk or network is too slow.")
    kept = "what is answered is on it" if primary.is_awaited else "a failover loses what it has not received"
    return Finding("ok", "replica", f"follows; {kept}")


def _connections(found: Server, settings: Settings) -> Finding:
    needed = settings.workers * (settings.pool_size + settings.max_overflow + 1)
    text = f"{settings.workers} workers may open {needed} connections to it, it has {found.connections}"
    if needed <= found.connections:
        return Finding("ok", "replica pool", text)
    return Finding("bad", "replica pool", text, "Raise its max_connections, or lower WORKERS, DB_POOL_SIZE or DB_MAX_OVERFLOW.")
