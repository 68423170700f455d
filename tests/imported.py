"""The import commands against a database of a test's own, and what is in its tables then."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
from command import holdfast

TABLES = (
    "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' "
    "and table_name not in ('imports', 'import_reports', 'schema_migrations')"
)


class Imports:
    """What an operator does to a database."""

    def __init__(self, url: str, source: str, *words: str) -> None:
        self.url = url
        self.source = source
        self.words = words

    def run(self, location: object, *words: str) -> dict[str, Any]:
        """Import it, successfully."""
        return self._json("import", self.source, str(location), *self.words, *words)

    def refused(self, location: object, *words: str) -> str:
        """Import what cannot be: what is said then."""
        done = holdfast(self.url, "import", self.source, str(location), *self.words, *words)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        return done.stderr

    def verified(self, id: str, *words: str) -> dict[str, dict[str, int]]:
        """Verify it, successfully: by table how many rows compare how."""
        found = self._json("verify", id, *words)["compared"]
        return {entity: {each["outcome"]: each["rows"] for each in outcomes} for entity, outcomes in found.items()}

    def rolled_back(self, id: str, *words: str) -> dict[str, Any]:
        """Roll it back."""
        return self._json("rollback", id, *words)

    def report(self, id: str) -> list[dict[str, Any]]:
        """The lines of its report."""
        return [json.loads(line) for line in holdfast(self.url, "imports", id).stdout.splitlines()]

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """The rows of a statement, JSON as Python has it."""

        async def fetched() -> list[dict[str, Any]]:
            connection = await asyncpg.connect(self.url)
            try:
                await connection.set_type_codec("json", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
                return [dict(row) for row in await connection.fetch(sql, *values)]
            finally:
                await connection.close()

        return asyncio.run(fetched())

    def counts(self) -> dict[str, int]:
        """How many rows each table has, beside what is said of imports."""
        names = sorted(row["table_name"] for row in self.rows(TABLES))
        return self.rows("select " + ", ".join(f'(select count(*) from "{name}") as "{name}"' for name in names))[0]

    def _json(self, *words: str) -> dict[str, Any]:
        done = holdfast(self.url, *words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))


def became(outcome: dict[str, Any], name: str) -> dict[str, int]:
    """By table, how many rows became this: imported, unchanged, updated, rejected."""
    return {entity: count[name] for entity, count in outcome["counts"].items() if count.get(name)}


def changed_file(path: Path, **changes: Any) -> None:
    """Change the document of a file as its app would."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=2))
