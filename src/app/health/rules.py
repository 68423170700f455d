"""The rules of health: when a worker can serve requests, and who may see what it did."""

import asyncio
import hmac

import asyncpg

from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.health.repository import newest_migration
from app.health.schemas import Readiness
from app.http.services import Services


async def readiness(services: Services) -> Readiness:
    """Find out whether the database can be reached within a second, and has the schema of this code."""
    version, reachable = None, True
    try:
        # A busy pool is no fault: a connection within a second is what counts.
        async with asyncio.timeout(1):
            version = await newest_migration(services.database)
    except asyncpg.UndefinedTableError:
        pass
    except (DatabaseUnavailable, QueryTimeout, TimeoutError):
        reachable = False
    exhausted = not reachable and services.database.pool.exhausted
    expected = version == services.schema_version
    return Readiness(
        status="ok" if reachable and expected and not services.draining else "unavailable",
        database="ok" if reachable else "unknown" if exhausted else "unreachable",
        schema="ok" if expected else "unexpected" if reachable else "unknown",
        pool="exhausted" if exhausted else "ok",
        breaker=services.database.pool.breaker.state,
        server="draining" if services.draining else "ok",
    )


def may_see_metrics(authorization: str | None, token: str | None) -> bool:
    """Whether an Authorization header carries METRICS_TOKEN; None: there is no such header, or no such token is asked for."""
    if token is None:
        return True
    scheme, _, sent = (authorization or "").strip().partition(" ")
    # In a time that does not tell how much of it is right.
    return scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), token.encode())
