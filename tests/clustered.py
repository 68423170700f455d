"""The tests' databases on a Citus cluster: CITUS_URL is that of its coordinator, as a superuser, who reaches the workers, too.

Databases are made on every server, under the addresses that the coordinator knows. A database that has been distributed is
cloned with its shards: each server clones its part.
"""

import asyncio
import os
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from databases import execute_about

from app.database import migrations
from app.database.executor import on_connection
from app.distribution import rules

URL = os.environ.get("CITUS_URL")


def plain(reason: str) -> pytest.MarkDecorator:
    """Leave a test out on a cluster, and say why it cannot hold there."""
    return pytest.mark.skipif(URL is not None, reason=f"on a cluster: {reason}")


cluster = pytest.mark.skipif(URL is None, reason="there is no cluster: CITUS_URL names the coordinator of one")


def servers(url: str) -> list[str]:
    """The same URL for each server, the coordinator's first; only itself where there is no cluster."""
    if URL is None:
        return [url]
    parts, user = urlsplit(url), urlsplit(url).netloc.rpartition("@")[0]
    workers = asyncio.run(_workers(URL))
    return [url, *(urlunsplit(parts._replace(netloc=f"{user}@{worker}" if user else worker)) for worker in workers)]


async def _workers(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select node_name, node_port from citus_get_active_worker_nodes() order by 1, 2")
        return [f"{row['node_name']}:{row['node_port']}" for row in rows]
    finally:
        await connection.close()


async def join(urls: list[str]) -> None:
    """Make a cluster of new databases, the coordinator's first."""
    for url in urls:
        await _execute(url, "create extension citus")
    addresses = [urlsplit(url) for url in urls]
    joins = [f"select citus_add_node('{each.hostname}', {each.port})" for each in addresses[1:]]
    await _execute(urls[0], f"select citus_set_coordinator_host('{addresses[0].hostname}', {addresses[0].port})", *joins)


async def distribute(urls: list[str]) -> None:
    """Make a cluster of new databases, migrate it, and spread its tables."""
    await join(urls)
    await migrations.up(urls[0])
    # Four shards are enough to have several on each worker.
    await _execute(urls[0], f"alter database {urlsplit(urls[0]).path[1:]} set citus.shard_count = 4")
    await on_connection(urls[0], rules.distribute)


def make(name: str) -> list[str]:
    """Make a database on each server, as a cluster in which nothing is yet; their URLs, the coordinator's first."""
    urls = servers(urlunsplit(urlsplit(URL or "")._replace(path=f"/{name}")))
    for url in urls:
        asyncio.run(_execute(_beside(url), f"create database {name}"))
    asyncio.run(join(urls))
    return urls


def remove(urls: list[str]) -> None:
    """Drop what was made."""
    for url in urls:
        asyncio.run(drop(url))


DROPS = 4
"""How often a database is tried to be dropped, which takes five seconds if in vain: Citus's own worker may come back to it."""


async def drop(url: str, tries: int = DROPS if URL else 1) -> None:
    """Drop a database, if it is there, and whoever is connected to it."""
    try:
        await execute_about(url, "drop database if exists {name} with (force)")
    except asyncpg.ObjectInUseError:
        if tries == 1:
            raise
        await drop(url, tries - 1)


def _beside(url: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path="/postgres"))


async def close(urls: list[str]) -> None:
    """Let nobody connect to a database any more, so that it can be cloned: not Citus's own worker, either."""
    for url in urls:
        name = urlsplit(url).path[1:]
        await _execute(
            _beside(url),
            f"alter database {name} with allow_connections false",
            f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}'",
        )


LOCALE = " template template0 locale_provider builtin builtin_locale 'C.UTF-8'"
"""That of the PostgreSQL that comes along: the system's C.UTF-8 has other blanks."""


SETTINGS = (
    "alter database {name} set citus.enable_unsafe_triggers = on",
    "alter database {name} set citus.multi_shard_modify_mode = sequential",
)
"""What distributing sets for a database, which is not cloned with it."""


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
