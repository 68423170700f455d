"""Imports as an operator makes them, and what they left: counts, reports, rows."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import asyncpg
from command import holdfast

Row = dict[str, Any]

ABOUT_IMPORTS = ("imports", "import_reports", "schema_migrations")
"""Tables that keep what was done when it is taken back."""


def done(database: str, *words: str, code: int = 0) -> Any:
    """What a command with --json answers, once it has ended with this code."""
    ended = holdfast(database, *words, "--json")
    assert ended.returncode == code, ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def brought_in(database: str, source: str, location: object, *words: str) -> Row:
    """Import a source. Gives id, counts, report."""
    outcome: Row = done(database, "import", source, str(location), *words)
    assert all(
        count["read"] == sum(number for name, number in count.items() if name != "read") for count in outcome["counts"].values()
    ), outcome["counts"]
    return outcome


def counted(outcome: Row, name: str) -> dict[str, int]:
    """How many rows of each table became that: imported, updated, unchanged ..."""
    return {entity: count[name] for entity, count in outcome["counts"].items() if name in count}


def verified(database: str, id: str, *words: str) -> dict[str, dict[str, int]]:
    """Verify an import, which has to succeed. Gives by table how many rows compare how; the sums of both sides are equal."""
    compared = done(database, "verify", id, *words)["compared"]
    for found in compared.values():
        for each in found:
            if each["outcome"] == "same":
                assert each["source_sum"] == each["target_sum"]
    return {entity: {each["outcome"]: each["rows"] for each in found} for entity, found in compared.items()}


def lines(database: str, id: str) -> list[Row]:
    """The report of an import."""
    shown = holdfast(database, "imports", id)
    assert shown.returncode == 0, shown.stderr
    return [json.loads(line) for line in shown.stdout.splitlines()]


def fetched(database: str, sql: str, *values: object) -> list[Row]:
    """The rows of a statement, past the app."""
    return fetched_each(database, (sql, values))[0]


def fetched_each(database: str, *statements: tuple[str, Sequence[object]]) -> list[list[Row]]:
    """The rows of several statements with their values, on one connection."""

    async def rows() -> list[list[Row]]:
        connection = await asyncpg.connect(database)
        try:
            return [[dict(row) for row in await connection.fetch(sql, *values)] for sql, values in statements]
        finally:
            await connection.close()

    return asyncio.run(rows())


def rows_of(database: str) -> Counter[str]:
    """How many rows every table has, but those about imports."""
    names = fetched(
        database,
        "select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace"
        " and relname <> all ($1)",
        ABOUT_IMPORTS,
    )
    tables = [each["relname"] for each in names]
    counts = fetched_each(database, *((f'select count(*) as rows from "{table}"', ()) for table in tables))
    return Counter({table: count[0]["rows"] for table, count in zip(tables, counts, strict=True)})


def became(database: str, source: str, entity: str) -> dict[str, Row]:
    """The rows here that a source's rows became, by their keys in the source."""
    rows = fetched(
        database,
        f"select i.source_key, i.user_id as owner, t.* from import_items i join {entity} t on"
        f" {'t.id = i.target_id' if entity != 'habit_entries' else 't.habit_id = i.target_id and t.date::text = i.target_part'}"
        " where i.source = $1 and i.entity = $2",
        source,
        entity,
    )
    return {row["source_key"]: row for row in rows}
