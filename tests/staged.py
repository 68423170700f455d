"""What a source makes of its rows before anything of it reaches the database."""

import asyncio
from typing import Any, cast
from uuid import UUID

from app.database.executor import Transaction
from app.database.queries import Query
from app.importing.sources.registry import SOURCES
from app.importing.sources.source import Options
from app.importing.staging import Pace, Staging

Copied = tuple[str, tuple[tuple[str, Any], ...]]
"""A table, and the values of a row by its columns."""


class _Quiet:
    def advance(self, work: str, rows: int) -> None: ...


class _Copies:
    """In the place of a transaction: it takes what is copied into the temporary tables."""

    def __init__(self) -> None:
        self.rows: list[Copied] = []

    async def run(self, query: Query, values: list[Any]) -> None: ...

    async def copy(self, table: str, columns: Any, rows: Any) -> None:
        self.rows += [(table, tuple(zip(columns, row, strict=True))) for row in rows]


def staged(source: str, location: object) -> list[Copied]:
    """The rows and the reports of a source."""

    async def read() -> list[Copied]:
        copies = _Copies()
        staging = Staging(Pace(0), _Quiet(), UUID(int=1))
        async with SOURCES[source](str(location), Options(has_user=True)) as opened:
            opened.declare(staging)
            staging.begin(cast(Transaction, copies))
            async for _ in opened.read(staging):
                await staging.copy()
            await staging.copy()
        return copies.rows

    return asyncio.run(read())
