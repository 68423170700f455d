"""The Loop Habit Tracker: a backup of a phone, whose one user is named by `--user`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from app.database.executor import Transaction
from app.importing.sources import databases, loop_habits, statements
from app.importing.sources.databases import SourceDatabase
from app.importing.sources.source import USER, Options, SourceError
from app.importing.staging import CHUNK, Staging, stage_rows
from app.importing.values import EPOCH, Refused, Row, midnight

NEEDED = {"Habits": {"name", "freq_num", "freq_den"}, "Repetitions": {"habit", "timestamp"}}
"""Without these columns it is none of the app's backups."""

TAKEN = {
    "habits": {"id", "name", "description", "question", "freq_num", "freq_den", "color", "position", "archived", "type", "unit"}
    | {"reminder_hour", "reminder_min", "reminder_days", "target_type", "target_value", "uuid"},
    "repetitions": {"id", "habit", "timestamp", "value", "notes"},
}
"""What has a place here. Every other column is reported with its values."""

VERSIONS = range(12, 26)

_DAY_MS = 24 * 60 * 60 * 1000

SCHEDULED, DONE, SKIPPED = 1, 2, 3
"""Values of repetitions beside 0, not done; in numeric habits, whose values are in thousandths, only SKIPPED."""


class _Known(NamedTuple):
    """A habit that entries refer to."""

    key: str
    is_numeric: bool
    target: Decimal | None


class Loop:
    """An opened backup.

    A habit's key is its uuid, before version 24 its number, below the account that it comes to: so a backup can be brought into
    an account of trial, and then into another. Two phones of before version 24 have the same numbers: they do not go into one
    account.

    An entry is what the user did. A day that the app marked as done by the schedule, because a habit of three times a week had
    been done three times, is none: it is reported as left out, and an entry that is not completed where it has notes.
    """

    def __init__(self, database: SourceDatabase, options: Options, total: int, version: int) -> None:
        self._database = database
        self._zone = options.zone
        self._texts = statements.load("loop")
        self._version = version
        self.form = f"a backup of version {version}, {database.what}"
        self.total = total
        self.is_repeated = False
        self._habits: dict[object, _Known] = {}
        self._uuids: set[str] = set()
        self._last: tuple[object, date] | None = None

    def declare(self, staging: Staging) -> None:
        self._into_habits = staging.table("habits", *loop_habits.COLUMNS)
        self._into_entries = staging.table(
            "habit_entries", "habit_id", "date", "completed", "skipped", "value", "note", "created_at", "updated_at"
        )

    async def read(self, staging: Staging) -> AsyncIterator[None]:
        self._habits.clear()
        self._uuids.clear()
        self._account = str(staging.user)
        async for rows in self._database.rows(self._texts["habits"], self._zone):
            stage_rows(staging, "habits", rows, self._habit)
            self._leave_out(staging, "Habits", rows)
            await staging.copy(least=CHUNK)
        async for rows in self._database.rows(self._texts["repetitions"], self._zone):
            self._scheduled: list[Row] = []
            stage_rows(staging, "habit_entries", rows, self._entry)
            for row in self._scheduled:
                staging.report("left_out", "habit_entries", str(row.values["id"]), "done_by_schedule", content=dict(row.values))
            self._leave_out(staging, "Repetitions", rows)
            await staging.copy(least=CHUNK)
        staging.report_left_out(table for table in self._database.tables if table not in NEEDED)
        await staging.copy()
        yield

    async def settle(self, on: Transaction, id: UUID) -> None:
        """Nothing: each row stands for itself."""

    async def backup(self, folder: Path) -> Path:
        return await self._database.backup(folder)

    def _leave_out(self, staging: Staging, table: str, rows: list[Row]) -> None:
        others = [column for column in self._database.tables[table] if column.lower() not in TAKEN[table.lower()]]
        if others:
            for row in rows:
                staging.leave_out(table, row, others)

    def _habit(self, row: Row) -> str:
        number = row.values["id"]
        uuid = row.lenient(row.optional_text, "uuid")
        if uuid is not None and uuid not in self._uuids:
            self._uuids.add(uuid)
            key = f"{self._account}/{uuid}"
        else:
            key = f"{self._account}/{number}"
        mapped = loop_habits.mapped(row, self._version)
        self._habits[number] = _Known(key, mapped.is_numeric, mapped.target)
        self._into_habits.add(key, USER, *mapped.values, *[_first_day(row)] * 2, at=str(number))
        return USER

    def _entry(self, row: Row) -> str:
        habit = self._habits.get(row.values["habit"])
        if habit is None:
            raise Refused("habit_entries_habit_exists")
        day = _day(row)
        # Later versions forbid only two of one millisecond. The first of a day counts.
        if self._last == (row.values["habit"], day):
            raise Refused("habit_entries_pkey")
        self._last = row.values["habit"], day
        note = row.optional_text("notes")
        found = _state(row, habit)
        if found is None:
            if note is None:
                self._scheduled.append(row)
                return USER
            row.changes.append("done_by_schedule")
            found = False, False, None
        at = midnight(day)
        self._into_entries.add(f"{habit.key}/{day}", USER, habit.key, day, *found, note, at, at, at=str(row.values["id"]))
        return USER


def _first_day(row: Row) -> datetime:
    first = row.values["first_timestamp"]
    try:
        return EPOCH if first is None else EPOCH + timedelta(days=first // _DAY_MS)
    except OverflowError:
        return EPOCH


def _day(row: Row) -> date:
    """The day of a repetition: it is kept as the milliseconds of its midnight in UTC, wherever its user was."""
    since = row.values["timestamp"]
    if type(since) is not int:
        raise Refused("timestamp_form")
    days, rest = divmod(since, _DAY_MS)
    if rest:
        row.changes.append("timestamp_midnight")
    try:
        return date(1970, 1, 1) + timedelta(days=days)
    except OverflowError:
        raise Refused("habit_entries_date_range") from None


def _state(row: Row, habit: _Known) -> tuple[bool, bool, Any] | None:
    """Whether a repetition is completed or skipped, and its value. None: only the schedule says that it is done."""
    if "value" not in row.values:
        return True, False, None
    value = row.number("value")
    if value is None:
        raise Refused("value_needed")
    if value == SKIPPED:
        return False, True, None
    if habit.is_numeric:
        amount = value / 1000
        return (amount > 0 if habit.target is None else amount >= habit.target), False, amount
    if value == SCHEDULED:
        return None
    if value not in (0, DONE):
        raise Refused("value_known")
    return value == DONE, False, None


@asynccontextmanager
async def opened(location: str, options: Options) -> AsyncIterator[Loop]:
    """Open a backup. Raises SourceError."""
    async with databases.opened(location) as database:
        databases.demand(database, NEEDED, "Loop Habit Tracker")
        if not options.has_user:
            raise SourceError("A backup of the Loop Habit Tracker has no account: say whose it is by --user EMAIL.")
        texts = statements.load("loop")
        version = await database.count(texts["version"])
        if version not in VERSIONS:
            raise SourceError(
                f"This backup is of version {version}: those from {VERSIONS[0]} to {VERSIONS[-1]} can be read. "
                "Bring the app up to date, and make another one."
            )
        counts = [await database.count(texts[f"count_{table}"]) for table in ("habits", "repetitions")]
        yield Loop(database, options, sum(counts), version)
