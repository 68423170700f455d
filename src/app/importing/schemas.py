"""Imports as rows: runs, their reports, and what statements about many rows answer."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Import(msgspec.Struct, frozen=True):
    """A run of `holdfast import`."""

    id: UUID
    source: str
    form: str
    location: str
    options: msgspec.Raw
    status: str
    counts: msgspec.Raw | None
    started_at: datetime
    finished_at: datetime | None


class Moved(msgspec.Struct, frozen=True):
    """What has become of staged rows."""

    imported: int
    updated: int
    unchanged: int
    kept: int
    rejected: int


class Compared(msgspec.Struct, frozen=True):
    """Rows of one table that compare in one way: same, different, rejected, absent, changed or deleted here.

    The sums are those of the rows' hashes in the source and here. `sample` has a few rows as JSON.
    """

    outcome: str
    rows: int
    source_sum: Any
    target_sum: Any
    sample: str | None


class Undone(msgspec.Struct, frozen=True):
    """What a rollback did to one table."""

    removed: int
    restored: int
    kept: int


class Line(msgspec.Struct, frozen=True):
    """A line of a report."""

    line: int
    kind: str
    entity: str
    place: str
    rule: str
    content: str | None


class LineCount(msgspec.Struct, frozen=True):
    """How many lines of a report say the same."""

    kind: str
    entity: str
    rule: str
    lines: int
    example: str


class Bounds(msgspec.Struct, frozen=True):
    """The first and the last place of staged rows; None: there are none."""

    first: int | None
    last: int | None


class Column(msgspec.Struct, frozen=True):
    """A column that a source can fill. is_reference: to a row of another table, or of its own."""

    name: str
    type: str
    is_reference: bool
    is_needed: bool
    is_key: bool


class Unfit(msgspec.Struct, frozen=True):
    """How many staged rows of an export would not fit to what is here, and how many are here only in a sum."""

    identities: int
    messages: int
    transactions: int
    folded: int


class TakenOut(msgspec.Struct, frozen=True):
    """How many staged rows of a ledger cannot come; and how many transactions are in a checkpoint here."""

    accounts: int
    transactions: int
    folded: int


class FreshFile(msgspec.Struct, frozen=True):
    """A staged file that has no object yet, by its path in the source."""

    place: int
    path: str
    sha256: str


class StoredFile(msgspec.Struct, frozen=True):
    """A staged file that is here: its object, and the hash that the source's file has."""

    place: int
    storage_key: str
    sha256: str
    size_bytes: int
