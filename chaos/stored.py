"""What was answered against what is stored: in the tables themselves, past the API."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import asyncpg

from app.credits.repository import broken_accounts
from app.database.executor import on_connection
from chaos.shelf import Finding, Row, Shelf, compared

SQL = Path(__file__).parent / "sql"


def statement(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


async def fetch(url: str, name: str, *values: object) -> list[asyncpg.Record]:
    """Run one of the statements of chaos/sql on a connection of its own."""
    connection = await asyncpg.connect(url, timeout=30)
    try:
        return await connection.fetch(statement(name), *values)
    finally:
        await connection.close(timeout=5)


def in_the_tables(url: str, users: Sequence[Shelf]) -> Iterator[Finding]:
    """Compare every row of these users with what was answered, and prove the ledger and what is counted."""
    ids = [user.id for user in users]
    tables: dict[str, dict[str, list[tuple[str, Row]]]] = {id_: {} for id_ in ids}
    for row in asyncio.run(fetch(url, "stored", ids)):
        tables[str(row["user_id"])].setdefault(row["list"], []).append((row["key"], json.loads(row["stored"])))
    for user in users:
        lists = tables[user.id]
        for place in sorted(lists.keys() | user.lists.keys()):
            if not place.startswith("/v1/query-cache"):
                yield from compared(place, user.rows(place), iter(lists.get(place, ())), f"the tables, {user.mark}")
    refunds = json.dumps([{"id": user.id, "refunds": user.refunds} for user in users])
    for row in asyncio.run(fetch(url, "counters", refunds)):
        yield Finding("wrong", row["wrong"])
    for broken in asyncio.run(on_connection(url, broken_accounts)):
        yield Finding("wrong", f"the ledger of {broken} does not add up")
