"""Rows on their way in: gathered, and copied into the temporary tables from which they are moved."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

import msgspec

from app.database.executor import Transaction
from app.importing import repository
from app.importing.schemas import Column
from app.importing.values import REPLACEMENT, Refused, Row

CHUNK = 10_000
"""Rows that are gathered before they are copied, and rows that are moved by one statement."""

PACED_CHUNK = 1_000
"""The same where a server is in use: a request beside it waits no longer than for these."""


LEFT_OUT_VALUES = 1_000
"""Different values of a column without a place that a report names."""

OTHERS = "(others)"


SECRETS = {"password_hash", "password"}
"""Columns of sources that no report shows."""


class Progress(Protocol):
    """Who is told how far it is."""

    def advance(self, work: str, rows: int) -> None:
        """So many rows more have been read, or moved: `work` says which."""


class Pace:
    """How fast an import goes: after each piece of work it rests for `rest` times as long. 0: it takes what there is.

    `rows`: of how many rows a piece is at most.
    """

    def __init__(self, rest: float) -> None:
        self.rows = PACED_CHUNK if rest else CHUNK
        self._rest = rest
        self._since = monotonic()

    async def breathe(self) -> None:
        """Rest, in proportion to the time since the last rest."""
        if self._rest:
            await asyncio.sleep(self._rest * (monotonic() - self._since))
            self._since = monotonic()


class Table:
    """The rows for one table."""

    __slots__ = ("columns", "rows")

    def __init__(self, columns: Sequence[str]) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.have(columns)

    def have(self, columns: Sequence[str]) -> None:
        """Have these columns, and no others."""
        self.columns = ("source_key", "owner", "at", *columns)

    def add(self, key: str, owner: str | None, *values: Any, at: str | None = None) -> None:
        """Add a row: its key in the source, the source's key of its user, and its values in the order of the columns.

        A reference is the key of the row that is meant. `at` is the place that a report names, when that is not the key. The
        time of creation is always given: with that of today a row would never be the same as its source.
        """
        self.rows.append((key, owner, at, *values))


class Staging:
    """What a source puts its rows into."""

    def __init__(self, pace: Pace, progress: Progress, user: UUID | None = None) -> None:
        self.user = user
        """The account of --user."""
        self.tables: dict[str, Table] = {}
        self.refused: Counter[str] = Counter()
        """Rows that a source's own rules refused, by table."""
        self.folded: Counter[str] = Counter()
        """Rows that were imported before, and are here only in the sum of others now, by table."""
        self._left_out: dict[tuple[str, str], Counter[str]] = {}
        self._reports: list[tuple[str, str, str, str | None, str, str | None]] = []
        self._pace = pace
        self._progress = progress
        self._on: Transaction | None = None
        self.is_empty = True
        """Whether nothing has been copied in this transaction: there are no temporary tables then."""

    def begin(self, on: Transaction) -> None:
        """Begin anew in a new transaction."""
        self._on = on
        self.is_empty = True

    async def columns(self, entity: str) -> list[Column]:
        """The columns that a table has here."""
        if self._on is None:
            raise RuntimeError("begin() comes first")
        found = await repository.columns(self._on, entity)
        return [msgspec.structs.replace(column, name=column.name.strip('"')) for column in found]

    def table(self, entity: str, *columns: str) -> Table:
        """The rows for a table, with the columns that this source fills. Called before the first row is read."""
        return self.tables.setdefault(entity, Table(columns))

    def refuse(self, entity: str, place: str, rule: str, content: Any, *, owner: str | None = None) -> None:
        """Report a row that cannot be staged."""
        self.refused[entity] += 1
        self.report("rejected", entity, place, rule, content=content, owner=owner)

    def report(self, kind: str, entity: str, place: str, rule: str, *, content: Any = None, owner: str | None = None) -> None:
        """Report what is not taken over as it is: `kind` as in import_reports."""
        self._reports.append((kind, entity, fit(place), owner, rule, as_json(content)))

    def leave_out(self, table: str, row: Row, columns: Iterable[str]) -> None:
        """Count the values of columns that have no place here: `report_left_out` tells them."""
        for column in columns:
            value = row.values.get(column)
            if value is not None:
                counts = self._left_out.setdefault((table, column), Counter())
                shown = fit(str(value))[:200]
                counts[shown if shown in counts or len(counts) < LEFT_OUT_VALUES else OTHERS] += 1

    def report_left_out(self, tables: Iterable[str] = ()) -> None:
        """Report what was left out, by column, with how often each value stood there; and whole tables."""
        for (table, column), counts in self._left_out.items():
            self.report(
                "left_out", table, f"{table}.{column}", "no_place", content={"rows": counts.total(), "values": dict(counts)}
            )
        self._left_out.clear()
        for table in tables:
            self.report("left_out", table, table, "no_place")

    async def copy(self, *, least: int = 1) -> None:
        """Copy what was gathered, of each table that has at least so many rows. Called now and then while a source is read."""
        if self._on is None:
            raise RuntimeError("begin() comes first")
        least = min(least, self._pace.rows)
        for entity, table in self.tables.items():
            if len(table.rows) >= least:
                await self._copy(self._on, entity, table.columns, table.rows)
                self._progress.advance(f"reading {entity}", len(table.rows))
                table.rows.clear()
                await self._pace.breathe()
        if len(self._reports) >= least:
            await self._copy(self._on, "reports", ("kind", "entity", "place", "owner", "rule", "content"), self._reports)
            self._reports.clear()

    async def _copy(self, on: Transaction, entity: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
        if self.is_empty:
            # Not before: a source that has said its last row is asked once more, and has nothing for them.
            self.is_empty = False
            await repository.stage_owners(on)
            for each in self.tables:
                await repository.stage(on, each)
        await on.copy(f"staged_{entity}", columns, rows)


class Mapped(Protocol):
    """How a source makes rows of its own ones."""

    def __call__(self, row: Row, /) -> str | None:
        """Stage a row. Returns the key of its owner. Raises Refused."""


def stage_rows(staging: Staging, entity: str, rows: Sequence[Row], mapped: Mapped) -> None:
    """Map rows of a source's table; what is refused or changed on the way is reported."""
    for row in rows:
        try:
            owner = mapped(row)
        except Refused as refused:
            staging.refuse(entity, _place(row), refused.rule, dict(row.values))
            continue
        if row.changes:
            staging.report("changed", entity, _place(row), ", ".join(row.changes), content=dict(row.values), owner=owner)


def _place(row: Row) -> str:
    """Where the row stands, or its own key in its table."""
    key = row.values.get("place", row.values.get("id"))
    return str(key) if key is not None else "/".join(str(value) for name, value in row.values.items() if name.endswith("_id"))


def fit(text: str) -> str:
    """A text as PostgreSQL takes it."""
    return text.encode("utf-8", "replace").decode().replace("\0", REPLACEMENT)


def as_json(content: Any) -> str | None:
    """The JSON of a row of a source; None: there is nothing to be shown."""
    return None if content is None else msgspec.json.encode(_shown(content)).decode()


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return fit(value)
    if isinstance(value, Mapping):
        return {fit(str(key)): _shown(inner) for key, inner in value.items() if key not in SECRETS}
    if isinstance(value, list | tuple):
        return [_shown(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | bytes | datetime | date | time):
        return value
    return str(value)
