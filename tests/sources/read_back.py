"""Reads what a generator wrote, by other means than it was written by."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
from sources.planting import Row, Written


def documents(root: Path, below: str = "*") -> dict[str, Row]:
    """The JSON documents of a folder's folders, by their ids."""
    found = [json.loads(path.read_text()) for path in root.glob(f"{below}/*.json")]
    return {document["id"]: document for document in found}


def fetch_each(url: str, *statements: tuple[Any, ...]) -> list[list[Row]]:
    """The rows of several statements about a source, each with its values, past SQLAlchemy."""

    async def rows() -> list[list[Row]]:
        connection = await asyncpg.connect(url)
        try:
            await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
            return [[dict(row) for row in await connection.fetch(*statement)] for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(rows())


def fetch(url: str, sql: str) -> list[Row]:
    """The rows of one statement."""
    return fetch_each(url, (sql,))[0]


def columns(url: str) -> dict[str, set[str]]:
    """The columns of each table."""
    sql = "select table_name, array_agg(column_name::text) as columns from information_schema.columns"
    found = fetch(url, f"{sql} where table_schema = 'public' group by table_name")
    return {row["table_name"]: {*row["columns"]} for row in found}


def assert_truth_is_there(url: str, written: Written, keys: dict[str, str]) -> None:
    """The tables hold the truth and nothing else; `keys` names key columns that are not id."""
    tables = [table for table in written.truth if table != "passwords"]
    for table, rows in zip(tables, fetch_each(url, *((f'select * from "{table}"',) for table in tables)), strict=True):
        assert {str(row[keys.get(table, "id")]): row for row in rows} == written.truth[table], table


def assert_planted(url: str, written: Written, conditions: dict[str, str], keys: dict[str, str]) -> None:
    """Each kind of dirt is in the row that its record names, and the condition holds there."""
    assert {planted.kind for planted in written.planted} == conditions.keys()
    statements = []
    for planted in written.planted:
        assert planted.key not in written.truth[planted.entity], planted
        key = keys.get(planted.entity, "id")
        sql = f'select from "{planted.entity}" t where {key}::text = $1 and ({conditions[planted.kind]})'
        statements.append((sql, planted.key))
    found = fetch_each(url, *statements)
    assert [planted for planted, rows in zip(written.planted, found, strict=True) if len(rows) != 1] == []
