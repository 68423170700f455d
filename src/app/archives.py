"""The form of an export: what the room that writes one and the room that reads it agree on (docs/export.md)."""

import hashlib
import re
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import msgspec

ENTITIES = (
    *("users", "identities", "tags", "tasks", "habits", "habit_entries", "habit_comments", "goals", "goal_progress", "foods"),
    *("workouts", "workout_exercises", "daily_reviews", "blog_entries", "conversations", "messages", "media", "taggings"),
    *("progress_snapshots", "usage", "credit_accounts", "credit_transactions", "consent_events", "query_cache"),
)
"""The tables that exports have and imports fill, in the order in which rows come: a row comes after those that it refers to."""

NOBODYS = {"query_cache"}
"""Of these, those whose rows belong to no user."""

FORMAT, VERSION = "holdfast-export", 1

MANIFEST = "manifest.json"

ENTRY = re.compile(r"manifest\.json|tables/[a-z_]{1,63}\.ndjson|media/[0-9a-f-]{36}/[0-9a-f-]{36}", re.ASCII)
"""The names that entries have. Nothing is ever extracted by its name."""

MOST_RATIO = 200
"""To how many bytes one byte of an entry may unfold: the writer sees to it that it is never more than 160."""


class Table(msgspec.Struct, frozen=True):
    """What is in a table's entry."""

    rows: int
    bytes: int
    sha256: str


class Files(msgspec.Struct, frozen=True):
    """How many files there are, and how long they are together."""

    files: int
    bytes: int


class Manifest(msgspec.Struct, frozen=True):
    """What an archive has.

    kind: what a user took of their own account, or an operator's, with what a move to another server needs. missing: the files
    that the store has no longer, by "<user id>/<id>"; damaged: those whose bytes are not the ones that were stored. sha256: see
    Digest.
    """

    format: str
    version: int
    kind: Literal["user", "operator"]
    made_at: str
    tables: dict[str, Table]
    media: Files
    missing: list[str]
    damaged: list[str]
    sha256: str


def table_entry(entity: str) -> str:
    """The name of a table's entry."""
    return f"tables/{entity}.ndjson"


def media_entry(user_id: UUID | str, id: UUID | str) -> str:
    """The name of a file's entry. Two users may have chosen the same id for a file of theirs."""
    return f"media/{user_id}/{id}"


class Digest:
    """The hash over all entries but the manifest: of the lines "<name> <sha256>", which are added in the order of the names."""

    def __init__(self) -> None:
        self._hashed = hashlib.sha256()

    def add(self, name: str, sha256: str) -> None:
        """Add an entry: files first, tables after them."""
        self._hashed.update(f"{name} {sha256}\n".encode())

    def add_tables(self, tables: Iterable[tuple[str, str]]) -> str:
        """Add the tables, by their own names, and return what it has come to."""
        for name, sha256 in sorted((table_entry(entity), sha256) for entity, sha256 in tables):
            self.add(name, sha256)
        return self._hashed.hexdigest()
