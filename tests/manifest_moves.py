"""A move of the life manifest, by the commands that an operator types."""

import json
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from command import holdfast
from sources import manifest
from sources.planting import Row, Written
from sources.read_back import fetch, fetch_each

TARGETS = (
    *("users", "goals", "goal_progress", "habits", "habit_entries", "foods", "workouts", "workout_exercises", "daily_reviews"),
    *("blog_entries", "tags", "taggings", "media", "progress_snapshots"),
)
"""The tables that are filled."""


@dataclass
class Move:
    """From a database and the folder of its files into ours, whose store is below `data`."""

    source: str
    root: Path
    target: str
    data: Path

    def write(self, **options: Any) -> Written:
        """Write the source, as `manifest.write` does by these options."""
        return manifest.write(self.source, media_root=str(self.root), **options)

    def command(self, *words: str) -> "CompletedProcess[str]":
        """Run a command on the target."""
        return holdfast(self.target, *words, HOLDFAST_DATA=str(self.data))

    def said(self, *words: str) -> Any:
        """What a command says as JSON; it must succeed."""
        done = self.command(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def imported(self, *words: str) -> Any:
        """Import it. Returns what came of it."""
        return self.said("import", "manifest", self.source, "--media-root", str(self.root), *words)

    def verify(self, id: str) -> "CompletedProcess[str]":
        """Compare an import with its source."""
        return self.command("verify", id, "--location", self.source)

    def lines(self, id: str) -> list[Row]:
        """The report of an import."""
        return [json.loads(line) for line in self.command("imports", id).stdout.splitlines()]

    def change(self, sql: str) -> list[Row]:
        """Change the source, as the old app does."""
        return fetch(self.source, sql)

    def here(self, entity: str) -> dict[str, Row]:
        """The rows of a table that came out of the source, by their keys there."""
        target = (
            "t.habit_id = i.target_id and t.date = i.target_part::date" if entity == "habit_entries" else "t.id = i.target_id"
        )
        user = "" if entity == "users" else "t.user_id = i.user_id and "
        sql = f"select i.source_key, t.* from import_items i join \"{entity}\" t on {user}{target} where i.entity = '{entity}'"
        return {row["source_key"]: row for row in fetch(self.target, sql)}

    def counts(self) -> dict[str, int]:
        """How many rows every table has; the imports themselves stay on record."""
        found = fetch(self.target, "select tablename as name from pg_tables where schemaname = 'public'")
        names = sorted({row["name"] for row in found} - {"imports", "import_reports", "media_deletions"})
        counted = fetch_each(self.target, *((f'select count(*) as rows from "{name}"',) for name in names))
        return {name: rows[0]["rows"] for name, rows in zip(names, counted, strict=True)}

    def objects(self) -> int:
        """How many files our store holds."""
        return sum(path.is_file() for path in (self.data / "media").rglob("*"))


def begun(empty_database: str, own_database: str, tmp_path: Path) -> Move:
    """A move of which nothing is done yet. Tests make a fixture of it."""
    return Move(empty_database, tmp_path / "files", own_database, tmp_path / "data")


def total(counts: dict[str, dict[str, int]], outcome: str) -> dict[str, int]:
    """The tables with rows of which this came."""
    return {entity: count[outcome] for entity, count in counts.items() if outcome in count}
