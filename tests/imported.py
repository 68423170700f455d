"""Imports of an app's data as an operator makes them, and what they leave in the database: counts, reports, rows."""

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from client import Execute
from command import holdfast
from sources.database import is_url
from sources.planting import Row

ABOUT_IMPORTS = ("imports", "import_reports", "schema_migrations")
"""Tables that keep what was done when it is taken back."""


class Imports:
    """What an operator does with the data of one app.

    `rows` sends statements to the database of that `url`; `words` are said with every import; `variables` are set for every
    command.
    """

    def __init__(self, url: str, rows: Execute, source: str, *words: str, **variables: str) -> None:
        self.url = url
        self.rows = rows
        self.source = source
        self.words = words
        self.variables = variables
        self._where: tuple[str, ...] = ()
        self._rejected: dict[str, dict[str, int]] = {}

    def command(self, *words: str) -> "CompletedProcess[str]":
        """Run any command on the database."""
        return holdfast(self.url, *words, **self.variables)

    def said(self, *words: str) -> Any:
        """What a command with --json says; it must succeed."""
        done = self.command(*words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def given_up(self, *words: str) -> str:
        """What a command says that does nothing because it cannot be done."""
        done = self.command(*words)
        assert (done.returncode, done.stdout) == (1, ""), done.stdout + done.stderr
        assert done.stderr.splitlines()[-1].startswith("holdfast: ")
        assert "Traceback" not in done.stderr
        return done.stderr

    def run(self, location: object, *words: str) -> Row:
        """Import it, successfully. Gives id, counts and report; every row that was read is counted once more."""
        outcome: Row = self.said(*self._import(location), *words)
        for entity, count in outcome["counts"].items():
            assert count["read"] == sum(number for name, number in count.items() if name != "read"), (entity, count)
        self._rejected[outcome["id"]] = became(outcome, "rejected")
        # The URL of a database is kept without its password, and asked again.
        self._where = ("--location", str(location)) if is_url(location) else ()
        return outcome

    def refused(self, location: object, *words: str) -> str:
        """Import what cannot be: what is said then."""
        return self.given_up(*self._import(location), *words)

    def verified(self, id: str, *words: str) -> dict[str, dict[str, int]]:
        """Verify it, successfully: by table how many rows compare how. Where they are the same, both sides have one sum.

        As many rows are rejected as were when it was made.
        """
        compared = self.said("verify", id, *self._where, *words)["compared"]
        for outcomes in compared.values():
            assert all(each["source_sum"] == each["target_sum"] for each in outcomes if each["outcome"] == "same"), compared
        counts = {entity: {each["outcome"]: each["rows"] for each in outcomes} for entity, outcomes in compared.items()}
        assert {entity: rows["rejected"] for entity, rows in counts.items() if "rejected" in rows} == self._rejected[id]
        return counts

    def differing(self, id: str, *words: str) -> str:
        """Verify what is not as the source has it: what is shown then."""
        done = self.command("verify", id, *self._where, *words)
        assert done.returncode == 1, done.stdout
        assert "Not every row is here as the source has it." in done.stderr
        return done.stdout

    def rolled_back(self, id: str, *words: str) -> Row:
        """Roll it back: what became of its rows, by table."""
        return dict(self.said("rollback", id, *words))

    def report(self, id: str) -> list[Row]:
        """The lines of its report; `holdfast imports ID`, which shows them, is tested once for all."""
        return self.rows(
            "select line, kind, entity, place, rule, content from import_reports where import_id::text = $1 order by line", id
        )

    def here(self, entity: str) -> dict[str, Row]:
        """The rows of a table that came out of the source, by their keys there."""
        on = {
            "users": "t.id = i.target_id",
            "habit_entries": "t.user_id = i.user_id and t.habit_id = i.target_id and t.date = i.target_part::date",
        }.get(entity, "t.user_id = i.user_id and t.id = i.target_id")
        rows = self.rows(
            f'select i.source_key, t.* from import_items i join "{entity}" t on {on} where i.source = $1 and i.entity = $2',
            self.source,
            entity,
        )
        return {row["source_key"]: row for row in rows}

    def counts(self) -> dict[str, int]:
        """How many rows each table has, but those about imports."""
        found = self.rows("select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'")
        names = sorted({row["relname"] for row in found}.difference(ABOUT_IMPORTS))
        return self.rows("select " + ", ".join(f'(select count(*) from "{name}") as "{name}"' for name in names))[0]

    def _import(self, location: object) -> tuple[str, ...]:
        return "import", self.source, str(location), *self.words


def became(outcome: Row, name: str) -> dict[str, int]:
    """By table, how many rows became this: imported, unchanged, updated, rejected ..."""
    return {entity: count[name] for entity, count in outcome["counts"].items() if count.get(name)}


def all_same(outcome: Row) -> dict[str, dict[str, int]]:
    """What is verified of an import when each row that it made is as the source has it, and there are no others."""
    return {entity: {"same": rows} for entity, rows in became(outcome, "imported").items()}


def changed_file(path: Path, **changes: Any) -> None:
    """Change the document of a file as its app would."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=2))
