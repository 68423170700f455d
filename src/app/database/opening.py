"""How a worker's connections are made: their number, their times, and how the server plans on them."""

from typing import Any, cast

import asyncpg
import structlog

from app.database import pooler
from app.database.connection import Connection, set_exact_dates
from app.database.hosts import Hosts
from app.database.queries import load
from app.settings import Settings

log = structlog.get_logger()

PLANNING = {
    # One plan for good: the default plans a page anew for every request once the table has grown.
    "plan_cache_mode": "force_generic_plan",
    # A page of a disk that does not turn. By the default, 4, the planner sorts all rows of a user for one page as long as it
    # believes that there are few, which it does without statistics, and where most users have few (docs/decisions/0028).
    "random_page_cost": "1.1",
    # A plan whose cost is estimated at 100,000, as that of the overview of habits, would be compiled at each run: a server that
    # can do so takes longer for that than for any of our statements.
    "jit": "off",
}
"""How the server plans on our connections; the plans of all statements are tested this way."""

queries = load("opening")


async def begin(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Prepare a new connection of the app."""
    await set_exact_dates(connection)
    # Citus chooses the server by the values of a statement: by a plan that was made without them it refuses many, and updates
    # of some tables bring its coordinator down.
    # Without a name: what is prepared by one meets those of others behind a pooler that does not track them.
    if await (await connection.prepare(queries.plan_by_values.sql, name="")).fetchval():
        cast("Connection", connection).is_distributed = True


def session_settings(settings: Settings) -> dict[str, str]:
    """What our sessions are to have that PostgreSQL does not have by itself, and that no pooler passes on."""
    # The timeout on both sides: the client's cancel may not arrive, the server's clock stops with the server.
    return {"statement_timeout": str(int(settings.query_timeout * 1000))} | PLANNING


async def settings_behind(probe: Connection, settings: Settings) -> dict[str, str]:
    """What the sessions of a pooler are to have, which it does not take from us: as `begin` leaves one of our own."""
    wanted = session_settings(settings)
    return wanted | {"plan_cache_mode": "auto"} if await probe.fetchval(queries.has_citus.sql) else wanted


async def open_replica_pool(settings: Settings, hosts: Hosts) -> "asyncpg.Pool[asyncpg.Record]":
    """Open asyncpg's pool on a replica, without any connection at first: it need not be there. No pooler stands before it."""
    return await _open(settings, hosts, session_settings(settings), init_size=0)


async def open_pool(settings: Settings, hosts: Hosts) -> "asyncpg.Pool[asyncpg.Record]":
    """Open asyncpg's pool, with DB_POOL_SIZE connections. Raises whatever the driver and the network do.

    Behind a pooler that shares out sessions it does what works there, and says in the log what is missing.
    """
    ours, url = session_settings(settings), hosts.url
    try:
        pool = await _open(settings, hosts, ours)
    except asyncpg.PostgresError as error:
        if not pooler.refuses_settings(error):
            raise
        ours = {}
        pool = await _open(settings, hosts, ours)
    try:
        async with pool.acquire(timeout=settings.connect_timeout) as connection:
            if not await pooler.shares_sessions(cast("Connection", connection), url):
                return pool
        async with pooler.probing(url) as probe:
            tracks = await pooler.tracks_statements(probe)
            if missing := await pooler.settings_missing(probe, await settings_behind(probe, settings)):
                log.warning("pooler_without_settings", missing=missing, run="holdfast doctor")
        if tracks:
            return pool
        log.warning("pooler_without_prepared_statements", run="holdfast doctor")
        await pool.close()
    except BaseException:
        pool.terminate()
        raise
    # Each statement is parsed, bound and run between two points where the pooler may change the session: it needs no name, and
    # takes a second round trip.
    return await _open(settings, hosts, ours, statement_cache_size=0)


async def _open(settings: Settings, hosts: Hosts, ours: dict[str, str], **options: Any) -> "asyncpg.Pool[asyncpg.Record]":
    # Statements stay prepared for as long as their connection lives: there are not many, and none is built.
    kept = {"statement_cache_size": 1000, "max_cached_statement_lifetime": 0, "init_size": settings.pool_size}
    pool: asyncpg.Pool[asyncpg.Record] = await asyncpg.create_pool(
        hosts.url,
        connect=cast("Any", hosts.connect),
        connection_class=Connection,
        init=begin,
        # It would restore its least number by itself, and keep the place of each connection that it waits for: from
        # requests, for DB_CONNECT_TIMEOUT, when the server swallows everything.
        min_size=0,
        max_size=settings.pool_size + settings.max_overflow,
        timeout=settings.connect_timeout,
        command_timeout=settings.query_timeout,
        # Poolers pass these two on.
        server_settings={"application_name": "holdfast", "timezone": "UTC"} | ours,
        **(kept | options),
    )
    return pool
