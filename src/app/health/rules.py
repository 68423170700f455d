"""The rules of health: when a worker can serve requests, and who may see what it did."""

import asyncio
import hmac

import asyncpg

from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.replica import Replica
from app.health.repository import newest_migration
from app.health.schemas import Readiness
from app.http.services import Services


async def readiness(services: Services) -> Readiness:
    """Find out whether the database can be reached within a second, and has the schema of this code.

    Else whether the replica can, and reads go on.
    """
    version, reachable = None, True
    try:
        # A busy pool is no fault: a connection within a second is what counts.
        async with asyncio.timeout(1):
            version = await newest_migration(services.database)
    except asyncpg.UndefinedTableError:
        pass
    except (DatabaseUnavailable, QueryTimeout, TimeoutError):
        reachable = False
    replica = services.replica
    if not reachable and replica is not None and replica.is_usable:
        return await _readiness_of_reads(services, replica)
    exhausted = not reachable and services.database.pool.exhausted
    expected = version == services.schema_version
    return Readiness(
        status="ok" if reachable and expected and not services.draining else "unavailable",
        database="ok" if reachable else "unknown" if exhausted else "unreachable",
        schema="ok" if expected else "unexpected" if reachable else "unknown",
        pool="exhausted" if exhausted else "ok",
        breaker=services.database.pool.breaker.state,
        replica=replica.state if replica is not None else "none",
        server="draining" if services.draining else "ok",
    )


async def _readiness_of_reads(services: Services, replica: Replica) -> Readiness:
    """Find out the same of the replica, as the database cannot be reached."""
    version, reachable = None, True
    try:
        async with asyncio.timeout(1):
            version = await newest_migration(replica.database)
    except (DatabaseUnavailable, QueryTimeout, TimeoutError):
        reachable = False
    expected = version == services.schema_version
    return Readiness(
        status="read_only" if reachable and expected and not services.draining else "unavailable",
        database="unreachable",
        schema="ok" if expected else "unexpected" if reachable else "unknown",
        pool="ok",
        breaker=services.database.pool.breaker.state,
        replica=replica.state,
        server="draining" if services.draining else "ok",
    )


def may_see_metrics(authorization: str | None, token: str | None) -> bool:
    """Whether an Authorization header carries METRICS_TOKEN; None: there is no such header, or no such token is asked for."""
    if token is None:
        return True
    scheme, _, sent = (authorization or "").strip().partition(" ")
    # In a time that does not tell how much of it is right.
    return scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), token.encode())
