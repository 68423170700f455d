"""A move of the life manifest: the database that the old app writes, its files, and our store."""

from pathlib import Path
from typing import Any

from client import Execute
from imported import Imports
from sources import database, manifest
from sources.planting import Row, Written

TARGETS = (
    *("users", "goals", "goal_progress", "habits", "habit_entries", "foods", "workouts", "workout_exercises", "daily_reviews"),
    *("blog_entries", "tags", "taggings", "media", "progress_snapshots"),
)
"""The tables that are filled."""


class Move(Imports):
    """From a database, which is `there`, and the folder of its files into ours, whose store is below `data`."""

    def __init__(self, there: str, url: str, rows: Execute, folder: Path) -> None:
        self.there, self.root, self.data = there, folder / "files", folder / "data"
        super().__init__(url, rows, "manifest", "--media-root", str(self.root), HOLDFAST_DATA=str(self.data))

    def write(self, **options: Any) -> Written:
        """Write the source, as `manifest.write` does by these options."""
        return manifest.write(self.there, media_root=str(self.root), **options)

    def imported(self, *words: str) -> Row:
        """Import it. Returns what came of it."""
        return self.run(self.there, *words)

    def change(self, *statements: str) -> None:
        """Change the source, as the old app does."""
        database.change(self.there, *statements)

    def all_here(self) -> dict[str, dict[str, Row]]:
        """The rows that came out of the source, by table and by their keys there."""
        return {table: self.here(table) for table in TARGETS}

    def counts(self) -> dict[str, int]:
        """How many rows each table has, but those about imports, and what maintenance has to delete of a rollback."""
        # On a cluster that is put down beside the row until maintenance gathers it.
        of_maintenance = {"media_deletions", "deleted_objects"}
        return {table: count for table, count in super().counts().items() if table not in of_maintenance}

    def objects(self) -> int:
        """How many files our store holds."""
        return sum(path.is_file() for path in (self.data / "media").rglob("*"))


def begun(empty_database: str, own_database: str, own_execute: Execute, tmp_path: Path) -> Move:
    """A move of which nothing is done yet. Tests make a fixture of it."""
    return Move(empty_database, own_database, own_execute, tmp_path)
