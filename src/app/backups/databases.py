"""Databases beside the one that is served: made like it, dropped again, or put into its place."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar
from urllib.parse import quote, unquote, urlsplit

import asyncpg

from app import background
from app.backups import priority, repository
from app.backups.form import BackupFailed
from app.database.connection import Connection
from app.database.dbmate import single_hosts
from app.database.errors import DatabaseRefused
from app.database.executor import Transaction, on_connection
from app.database.startup import connect_with_retry

T = TypeVar("T")

LONGEST = 40
"""Bytes of a database's name that are left for others to be named after it."""

NO_RIGHT = (
    "The role of DATABASE_URL may not create databases, so a backup cannot be tried: back up as the tables' owner, for whom a "
    "superuser has run `alter role ... createdb`, or leave the verification away by --no-verify."
)


def name_in(url: str) -> str:
    """The name of the database of a URL."""
    return unquote(urlsplit(url).path.lstrip("/"))


def in_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    parts = urlsplit(url)
    # Not by urlunsplit(): of postgresql:///name it would leave one slash.
    return f"postgresql://{parts.netloc}/{quote(name)}{'?' if parts.query else ''}{parts.query}"


def beside(url: str, what: str) -> str:
    """The name of a database that belongs to that of a URL."""
    name = name_in(url)
    if len(name.encode()) > LONGEST:
        # PostgreSQL cuts names off at 63 bytes; two that begin alike are still two.
        name = f"{name.encode()[: LONGEST - 9].decode(errors='ignore')}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{name}_{what}"


async def single(url: str) -> str:
    """The first of a URL's hosts that takes connections: what is seen of one moment is seen on one server."""
    hosts = single_hosts(url)
    for host in hosts[:-1]:
        try:
            await on_connection(host, repository.server)
        except DatabaseRefused:
            raise
        except Exception:  # noqa: BLE001, S112 - the next one is asked, and the last one says what is wrong
            continue
        return host
    return hosts[-1]


def maintenance_url(url: str) -> str:
    """The URL of the database from which others are made: the one that every server has."""
    return in_database(url, "template1" if name_in(url) == "postgres" else "postgres")


async def alone(url: str, work: Callable[[], Awaitable[T]]) -> T:
    """Do something while no other process makes, verifies or restores a backup of this database. Raises BackupFailed."""

    async def locked(on: Transaction) -> T:
        await repository.begin(on)
        if not await repository.is_my_turn(on, name_in(url)):
            raise BackupFailed("Another backup or restore of this database is under way: try again later.")
        try:
            async with background.beside(priority.lower_sessions(elsewhere)):
                return await work()
        except OSError as error:
            # In a transaction it would be taken for one of the connection. A file that a full disk has cut off fails once more
            # when it is closed.
            if isinstance(error.__context__, BackupFailed):
                raise error.__context__ from None
            named = ": ".join(str(part) for part in (error.filename, error.strerror or type(error).__name__) if part)
            raise BackupFailed(f"{named}. TMPDIR says where there is room for files on their way.") from None

    # What is wrong with the whole URL is said of that.
    await on_connection(url, repository.server)
    # Not in the database itself: what takes its place could not be given its name while somebody is in it.
    elsewhere = maintenance_url(url)
    try:
        await on_connection(elsewhere, repository.server)
    except DatabaseRefused:
        raise BackupFailed(
            f"The database {name_in(elsewhere)} of the server cannot be reached, in which backups take turns: let the role of "
            "DATABASE_URL connect to it."
        ) from None
    return await on_connection(elsewhere, lambda on: on.transaction(locked))


@asynccontextmanager
async def scratch(url: str, what: str) -> AsyncIterator[str]:
    """A new database like that of a URL, dropped at the end unless it has another name by then. Gives its URL."""
    if not await on_connection(url, repository.may_create_databases):
        raise BackupFailed(NO_RIGHT)
    name = beside(url, what)
    create = await on_connection(url, partial(repository.creating, name=name))
    drop = await on_connection(url, partial(repository.dropping, name=name))
    elsewhere = maintenance_url(url)
    # One that was killed has left it.
    await execute(elsewhere, drop, create)
    try:
        yield in_database(url, name)
    finally:
        await execute(elsewhere, drop)


async def execute(url: str, *statements: str) -> None:
    """Run statements that the database has put together, each by itself."""
    connection = await connect_with_retry(lambda: asyncpg.connect(url, connection_class=Connection, timeout=30), url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close(timeout=5)


async def replace(url: str, new: str, aside: str | None) -> None:
    """Give the database `new` the name of that of a URL, which gets the name `aside`; None: it is dropped. All or nothing.

    Raises BackupFailed when somebody is connected to one of them.
    """
    name = name_in(url)
    old = aside or beside(url, "backup_replaced")
    renames = [await on_connection(url, partial(repository.renaming, old=a, new=b)) for a, b in ((name, old), (new, name))]
    drop = await on_connection(url, partial(repository.dropping, name=old))
    elsewhere = maintenance_url(url)
    connection = await connect_with_retry(
        lambda: asyncpg.connect(elsewhere, connection_class=Connection, timeout=30), elsewhere
    )
    try:
        async with connection.transaction():
            for rename in renames:
                await connection.execute(rename)
        if aside is None:
            await connection.execute(drop)
    except asyncpg.ObjectInUseError:
        raise BackupFailed(f"The database is in use, so nothing was changed. {STOP}") from None
    finally:
        await connection.close(timeout=5)


STOP = "Stop the server, and whatever else is connected, then try again."
