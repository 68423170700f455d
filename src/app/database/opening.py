"""How a worker's connections are made: their number, their times, and how the server plans on them."""

from typing import Any, cast

import asyncpg

from app.database.connection import Connection, set_exact_dates
from app.database.hosts import Hosts
from app.settings import Settings

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


async def open_pool(settings: Settings, url: str | None = None) -> "asyncpg.Pool[asyncpg.Record]":
    """Open asyncpg's pool: on DATABASE_URL, with DB_POOL_SIZE connections, or on another URL, without any at first.

    Raises whatever the driver and the network do.
    """
    pool: asyncpg.Pool[asyncpg.Record] = await asyncpg.create_pool(
        url or settings.database_url,
        connect=cast("Any", Hosts(url or settings.database_url or "").connect),
        connection_class=Connection,
        init=set_exact_dates,
        init_size=0 if url else settings.pool_size,
        # It would restore its least number by itself, and keep the place of each connection that it waits for: from
        # requests, for DB_CONNECT_TIMEOUT, when the server swallows everything.
        min_size=0,
        max_size=settings.pool_size + settings.max_overflow,
        timeout=settings.connect_timeout,
        command_timeout=settings.query_timeout,
        # Statements stay prepared for as long as their connection lives: there are not many, and none is built.
        statement_cache_size=1000,
        max_cached_statement_lifetime=0,
        server_settings={
            "application_name": "holdfast",
            # On both sides: the client's cancel may not arrive, the server's clock stops with the server.
            "statement_timeout": str(int(settings.query_timeout * 1000)),
            "timezone": "UTC",
        }
        | PLANNING,
    )
    return pool
