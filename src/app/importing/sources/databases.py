"""Source databases: an SQLite file or a PostgreSQL, opened read-only and read as one consistent state."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from app.database.errors import DRIVER_ERRORS, is_lost
from app.importing.sources import dumps, statements
from app.importing.sources.folders import whole
from app.importing.sources.source import AGAIN, SourceError
from app.importing.values import Row

FETCHED = 2_000
"""Rows that are read at a time."""


class SourceDatabase(Protocol):
    """An opened database."""

    tables: dict[str, list[str]]
    """Its tables with their columns."""

    what: str
    """"an SQLite file" or "a PostgreSQL database"."""

    def rows(self, sql: str, zone: tzinfo) -> AsyncIterator[list[Row]]:
        """The rows of a statement, some at a time."""

    async def count(self, sql: str) -> int:
        """The one number of a statement."""

    async def backup(self, folder: Path) -> Path:
        """Copy it into a folder. Returns the copy."""


@asynccontextmanager
async def opened(location: str) -> AsyncIterator[SourceDatabase]:
    """The database of a path or a URL. Raises SourceError."""
    if is_url(location):
        async with _postgres(location) as database:
            yield database
    else:
        with _sqlite(Path(location)) as file:
            yield file


def is_url(location: str) -> bool:
    """Whether it is a database's URL, and not a path."""
    return location.startswith(("postgres://", "postgresql://"))


def demand(database: SourceDatabase, needed: Mapping[str, set[str]], app: str) -> None:
    """Raise SourceError for a database that lacks a table, or columns of one: it is not that app's."""
    for table, columns in needed.items():
        missing = columns - set(database.tables.get(table, ()))
        if missing:
            lacks = f"{table}.{', '.join(sorted(missing))}" if table in database.tables else f"table {table}"
            raise SourceError(f"This is no database of the {app}: it has no {lacks}.")


class _SqliteFile:
    what = "an SQLite file"

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        texts = statements.load("tables")
        connection.execute(texts["sqlite_begin"])
        self.tables: dict[str, list[str]] = {}
        for table, column in connection.execute(texts["sqlite"]):
            self.tables.setdefault(table, []).append(column)

    async def rows(self, sql: str, zone: tzinfo) -> AsyncIterator[list[Row]]:
        with _told(self._path):
            cursor = self._connection.execute(sql)
            names = [column[0] for column in cursor.description]
            while found := cursor.fetchmany(FETCHED):
                yield [Row(dict(zip(names, row, strict=True)), zone) for row in found]

    async def count(self, sql: str) -> int:
        with _told(self._path):
            return int(self._connection.execute(sql).fetchone()[0])

    async def backup(self, folder: Path) -> Path:
        copy = folder / self._path.name
        with whole(self._path, copy) as part:
            try:
                target = sqlite3.connect(part)
                try:
                    self._connection.backup(target)
                finally:
                    target.close()
            except sqlite3.DatabaseError as error:
                raise SourceError(f"{self._path} cannot be copied to {copy}: {error}.") from None
        return copy


@contextmanager
def _sqlite(path: Path) -> Iterator[_SqliteFile]:
    try:
        with path.open("rb") as file:
            header = file.read(16)
    except IsADirectoryError:
        raise SourceError(f"{path} is a folder, not an SQLite file.") from None
    if not header:
        raise SourceError(f"{path} is empty.")
    if header != b"SQLite format 3\0":
        raise SourceError(f"{path} is not an SQLite file, or it is encrypted: decrypt it first.")
    with _told(path):
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5)
        try:
            # What is no UTF-8 is not lost in an exception: it is seen, and reported, as halves of characters.
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            yield _SqliteFile(path, connection)
        finally:
            connection.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say what is wrong with a file as a sentence."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            raise SourceError(f"{path} is locked: stop the app that writes to it, or copy the file.") from None
        raise SourceError(f"{path} cannot be read as an SQLite file: {text}.") from None


class _Postgres:
    what = "a PostgreSQL database"

    def __init__(self, location: str, connection: "asyncpg.Connection[asyncpg.Record]", tables: dict[str, list[str]]) -> None:
        self._location = location
        self._connection = connection
        self.tables = tables

    async def rows(self, sql: str, zone: tzinfo) -> AsyncIterator[list[Row]]:
        with _reached():
            cursor = await self._connection.cursor(sql)
            while found := await cursor.fetch(FETCHED):
                yield [Row(dict(record), zone) for record in found]

    async def count(self, sql: str) -> int:
        with _reached():
            return int(await self._connection.fetchval(sql))

    async def backup(self, folder: Path) -> Path:
        return await dumps.dump(self._location, folder)


@asynccontextmanager
async def _postgres(location: str) -> AsyncIterator[_Postgres]:
    with _reached(is_open=False):
        connection: Any = await asyncpg.connect(location, timeout=30)
    try:
        with _reached():
            transaction = connection.transaction(isolation="repeatable_read", readonly=True)
            await transaction.start()
            tables: dict[str, list[str]] = {}
            for table, column in await connection.fetch(statements.load("tables")["postgres"]):
                tables.setdefault(table, []).append(column)
        yield _Postgres(location, connection, tables)
    finally:
        await connection.close(timeout=5)


@contextmanager
def _reached(*, is_open: bool = True) -> Iterator[None]:
    """Say what is wrong with a connection as a sentence, without what it was told."""
    try:
        yield
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError):
        raise SourceError(
            "The source's server refused the connection: check the user, the password and the database."
        ) from None
    except (asyncpg.ClientConfigurationError, ValueError):
        raise SourceError("The source's URL cannot be used: check its form.") from None
    except DRIVER_ERRORS as error:
        if is_open and is_lost(error):
            raise SourceError(f"The connection to the source's database was lost. {AGAIN}") from None
        state = getattr(error, "sqlstate", None)
        raise SourceError(
            f"The source's database cannot be read{f' (SQLSTATE {state}).' if state else ': is it running, and reachable?'}"
        ) from None
