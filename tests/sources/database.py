"""How the apps' databases are written: SQLAlchemy 2 with its models, over asyncpg. And changed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import asyncpg
from sources.planting import Row
from sqlalchemy import FromClause, MetaData, Table, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

BATCH = 5000


def is_url(location: object) -> bool:
    """Whether it is the URL of a database, and not a path."""
    return str(location).startswith(("postgres://", "postgresql://"))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    each = iter(rows)
    while batch := [*islice(each, BATCH)]:
        yield batch


class Tables:
    """A connection to the app's database, in a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def insert(self, table: FromClause, rows: Iterable[Row]) -> None:
        """Insert rows, some thousands at a time; each names the same columns."""
        assert isinstance(table, Table)
        for batch in _batches(rows):
            await self.connection.execute(insert(table), batch)

    async def loosen(self, table: FromClause, *changes: str) -> None:
        """Take a rule from a table: a database that holds such dirt did not have it."""
        assert isinstance(table, Table)
        for change in changes:
            await self.connection.execute(text(f'alter table "{table.name}" {change}'))


@asynccontextmanager
async def tables(url: str, metadata: MetaData, some: Sequence[Table] | None = None) -> AsyncIterator[Tables]:
    """Make the tables, or some of them, in the database that the URL names, and open a transaction to fill them."""

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        # The URL is read by asyncpg and not by SQLAlchemy, which knows less of sockets.
        return await asyncpg.connect(url)

    engine: Any = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all, some)
            yield Tables(connection)
    finally:
        await engine.dispose()


def change(url: str, *statements: str) -> None:
    """Change a database as its app does."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())
