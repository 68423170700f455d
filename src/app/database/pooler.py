"""A pooler between us and PostgreSQL, such as PgBouncer: whether one shares out the server's sessions, and what follows.

In its mode `transaction` each transaction runs in whichever session is free. What outlives a transaction then belongs to
nobody: LISTEN, a lock of the session, SET, and a statement that was prepared by name, unless the pooler keeps track of those.
Whoever needs one of them connects by `connect_directly`; docs/decisions/0061.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from app.database.connection import Connection
from app.database.errors import DatabaseRefused
from app.database.hosts import Hosts
from app.database.queries import load
from app.database.startup import RETRIES, connect_with_retry

queries = load("pooler")

NEEDS_DIRECT = (
    "A pooler that shares out sessions stands before the database, and this needs a session of its own: set "
    "DATABASE_LISTEN_URL to a direct connection, or give one in the place of DATABASE_URL."
)

WITHIN = 10.0
"""Seconds that a look at what stands before the database may take."""

ROUNDS = 12
"""How often two connections are asked whose session they have: other clients may come in between."""

APART = 0.005
"""Seconds at most between two rounds, by chance: clients in time with ours would give each the same one every time."""


async def connect_directly(hosts: Hosts, **options: Any) -> Connection:
    """Make a connection that has a session of its own; `options` are asyncpg's.

    Raises DatabaseRefused where a pooler shares out sessions, and whatever the driver and the network do.
    """
    connection = await hosts.connect(**options)
    is_ours = False
    try:
        is_ours = not await shares_sessions(connection, hosts.url)
    finally:
        if not is_ours:
            connection.terminate()
    if not is_ours:
        raise DatabaseRefused(NEEDS_DIRECT)
    return connection


async def direct_url(url: str, listen_url: str | None, retries: int = RETRIES) -> str:
    """DATABASE_URL, or DATABASE_LISTEN_URL where the first leads to a pooler that shares out sessions.

    Raises DatabaseUnavailable or DatabaseRefused.
    """
    if listen_url is None or listen_url == url:
        return url

    async def look() -> bool:
        async with probing(url) as connection:
            return await shares_sessions(connection, url)

    return listen_url if await connect_with_retry(look, url, retries) else url


@asynccontextmanager
async def probing(url: str) -> AsyncIterator[Connection]:
    """A connection that is safe behind any pooler: it prepares nothing by name."""
    connection = await Hosts(url).connect(statement_cache_size=0, timeout=WITHIN, command_timeout=WITHIN)
    try:
        yield connection
    finally:
        connection.terminate()


async def shares_sessions(connection: Connection, url: str) -> bool:
    """Whether the sessions behind a connection, which was made by a URL, are shared with other connections.

    A pooler hands out a key for cancelling of its own, in which the number of the server's process is another. One that keeps
    a session for each of its clients passes for none: two connections never meet in one.
    """
    if await backend_pid(connection) == connection.get_server_pid():
        return False
    ones, others = set[int](), set[int]()
    async with probing(url) as one, probing(url) as other:
        for _ in range(ROUNDS):
            # Twice: taking turns with the other, it might always come to the same of two.
            ones |= {await backend_pid(one), await backend_pid(one)}
            others.add(await backend_pid(other))
            if len(ones) > 1 or ones & others:
                return True
            await asyncio.sleep(random.uniform(0, APART))  # noqa: S311 - no secret
    return False


async def tracks_statements(probe: Connection) -> bool:
    """Whether the pooler behind a probing connection has statements that were prepared by name follow their client.

    One that does not lets a client meet another one's statement of the same name.
    """
    # A statement that is not tracked stays there, under a name that nobody has.
    return not await has_statement(probe, f"holdfast_{secrets.token_hex(8)}")


async def has_statement(probe: Connection, name: str) -> bool:
    """Prepare a statement by a name; whether the server knows it by that one."""
    async with probe.transaction():
        statement = await probe.prepare(queries.has_statement.sql, name=name)
        return bool(await statement.fetchval(name))


async def settings_missing(probe: Connection, wanted: Mapping[str, str]) -> list[str]:
    """Which settings of a session are not as wanted: a pooler takes none of them from its clients."""
    found = {each.name: each.setting for each in await settings_in_force(probe, list(wanted))}
    return sorted(name for name, setting in wanted.items() if found.get(name) != setting)


class InForce(msgspec.Struct, frozen=True):
    """A setting of a session, in the unit that the server keeps it in."""

    name: str
    setting: str


async def settings_in_force(probe: Connection, names: list[str]) -> list[InForce]:
    """What these settings are."""
    return [InForce(*row) for row in await probe.fetch(queries.settings_in_force.sql, names)]


def refuses_settings(error: asyncpg.PostgresError) -> bool:
    """Whether a pooler has refused a connection for the settings that came with it."""
    return isinstance(error, asyncpg.ProtocolViolationError) and "unsupported startup parameter" in str(error.args[0])


async def backend_pid(connection: Connection) -> int:
    """The number of the server's process that runs this statement."""
    # Without a name it is parsed and run in one go, in one session.
    statement = await connection.prepare(queries.backend_pid.sql, name="", timeout=WITHIN)
    return int(await statement.fetchval(timeout=WITHIN))
