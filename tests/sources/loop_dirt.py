"""The kinds of dirt in a database of the Loop Habit Tracker."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from sources.planting import Fate, Kinds, Place
from sources.words import NO_UTF8, NUL, NoUtf8

VERSIONS = range(12, 26)

_HOUR_MS = 60 * 60 * 1000
_DAY_MS = 24 * _HOUR_MS
_MISSING = 1_000_000_007


class Soil:
    """A database with clean rows, of which the first habit and repetition are 1."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.columns = {f"{table}.{name.lower()}" for table in ("Habits", "Repetitions") for name in self._names(table)}
        self._days = 0

    def _names(self, table: str) -> list[str]:
        return [str(name) for _, name, *_ in self._connection.execute(f"pragma table_info({table})")]

    def value(self, statement: str) -> Any:
        return self._connection.execute(statement).fetchone()[0]

    def _add(self, table: str, row: dict[str, Any]) -> Place:
        row = {column: value for column, value in row.items() if f"{table}.{column}" in self.columns}
        marks = ", ".join("cast(? as text)" if isinstance(value, NoUtf8) else "?" for value in row.values())
        statement = f"insert into {table} ({', '.join(row)}) values ({marks})"
        return Place(table, self._connection.execute(statement, list(row.values())).lastrowid or 0)

    def habit(self, **odd: Any) -> Place:
        """A habit that is clean but for what is given."""
        clean = {"archived": 0, "color": 3, "description": "", "freq_den": 1, "freq_num": 1, "highlight": 0, "name": "Dirt"}
        late = {"position": 1000, "type": 0, "question": "", "uuid": self.value("select lower(hex(randomblob(16)))")}
        return self._add("Habits", clean | late | odd)

    def repetition(self, **odd: Any) -> Place:
        """A repetition that is clean but for what is given, of a day of its own long before the clean ones."""
        self._days += 1
        return self._add("Repetitions", {"habit": 1, "timestamp": self._days * _DAY_MS, "value": 2} | odd)

    def numeric(self, **odd: Any) -> Place:
        return self.habit(**{"type": 1, "target_type": 0, "target_value": 5.0, "unit": "km"} | odd)


KINDS = Kinds()

Plant = Callable[[Soil], Iterator[Place]]


def _forms(since: int) -> list[str]:
    return [str(version) for version in VERSIONS if version >= since]


def _kind(fate: Fate, since: int = VERSIONS[0]) -> Callable[[Plant], Plant]:
    """Register a function that adds rows, as the versions have them since one."""
    return KINDS.kind(fate, *_forms(since))


def _values(name: str, fate: Fate, add: Callable[..., Place], column: str, *values: Any, since: int = VERSIONS[0]) -> None:
    """A kind that is a row for each value of a column, clean but for it."""

    def plant(soil: Soil) -> Iterator[Place]:
        for value in values:
            yield add(soil, **{column: value})

    KINDS.add(name, fate, _forms(since), plant)


# Repetitions


_values("missing_habits", "rejected", Soil.repetition, "habit", _MISSING, -1)


@_kind("reported")
def two_of_a_day(soil: Soil) -> Iterator[Place]:
    """The second of a clean one. Late versions forbid only the same millisecond."""
    yield soil.repetition(timestamp=soil.value("select timestamp from Repetitions where rowid = 1") + 1)


_values("times_within_a_day", "reported", Soil.repetition, "timestamp", 9000 * _DAY_MS + 5 * _HOUR_MS + 30 * 60 * 1000)
# 1 BC, 1833, 287396 AD and the ends of 64 bits.
_FAR = (-62_167_219_200_000, -50_000 * _DAY_MS, 9_007_199_254_740_991, 2**63 - 1, -(2**63))
_values("far_days", "rejected", Soil.repetition, "timestamp", *_FAR)
_values("times_that_are_none", "rejected", Soil.repetition, "timestamp", "today", "2024-02-29", 1.5, b"\x00")
_values("unknown_values", "reported", Soil.repetition, "value", -1, 4, 1000, "yes", 0.5, since=16)


@_kind("reported", since=18)
def negative_numbers(soil: Soil) -> Iterator[Place]:
    """One below nothing; one far above what is taken."""
    habit = soil.numeric().key
    yield soil.repetition(habit=habit, value=-1500)
    yield soil.repetition(habit=habit, value=2**62)


@_kind("kept", since=18)
def skipped_numbers(soil: Soil) -> Iterator[Place]:
    """Three thousandths of a numeric habit are a day left out."""
    yield soil.repetition(habit=soil.numeric().key, value=3)


_values("long_notes", "rejected", Soil.repetition, "notes", "long " * 401, since=25)
_values("odd_notes", "reported", Soil.repetition, "notes", NUL, b"readable", NO_UTF8, since=25)


# Habits


@_kind("reported")
def frequencies_that_are_none(soil: Soil) -> Iterator[Place]:
    for n, days in ((1, 0), (0, 7), (-1, 7), (1, -7), (None, None), ("often", 7)):
        yield soil.habit(freq_num=n, freq_den=days)


@_kind("reported")
def odd_frequencies(soil: Soil) -> Iterator[Place]:
    """Which its screen lets through: more often than daily, more than a year, and rhythms of no week and no month."""
    for n, days in ((10, 7), (2, 1), (1, 400), (2, 3), (5, 10), (10, 365), (31, 31)):
        yield soil.habit(freq_num=n, freq_den=days)


@_kind("reported")
def odd_reminders(soil: Soil) -> Iterator[Place]:
    for hour, minute, days in ((25, 0, 127), (8, 60, 127), (8, None, 127), (-1, 0, 127), (8, 0, 0)):
        yield soil.habit(reminder_hour=hour, reminder_min=minute, reminder_days=days)


_values("colors_out_of_range", "reported", Soil.habit, "color", 99, -1, 2**31, "red")
_values("blank_names", "rejected", Soil.habit, "name", "", "   ", "\n", None)


@_kind("rejected")
def long_texts(soil: Soil) -> Iterator[Place]:
    yield soil.habit(name="n" * 256)
    yield soil.habit(description="d" * 10_001)


@_kind("reported", since=23)
def long_questions(soil: Soil) -> Iterator[Place]:
    """Each fits where the two stand together, but not both."""
    yield soil.habit(question="q" * 6000, description="d" * 6000)


@_kind("reported")
def nul_characters(soil: Soil) -> Iterator[Place]:
    yield soil.habit(name=NUL)
    yield soil.habit(description=NUL)


@_kind("reported")
def blobs_in_texts(soil: Soil) -> Iterator[Place]:
    yield soil.habit(name=b"\x89PNG\x00\xff")
    yield soil.habit(description=b"readable")


@_kind("reported")
def texts_that_are_not_utf8(soil: Soil) -> Iterator[Place]:
    yield soil.habit(name=NO_UTF8)
    yield soil.habit(description=NO_UTF8)


_values("odd_archived", "reported", Soil.habit, "archived", 2, "no")
_values("odd_positions", "reported", Soil.habit, "position", -1, 2**40)
_values("unknown_types", "reported", Soil.habit, "type", 2, -1, "numeric", since=16)
_values("targets_of_nothing", "reported", Soil.numeric, "target_value", 0.0, -1.0, float("inf"), "much", since=18)


@_kind("reported", since=18)
def targets_at_most(soil: Soil) -> Iterator[Place]:
    yield soil.numeric(target_type=1)
    yield soil.numeric(target_type=1, target_value=0.0)
    yield soil.numeric(target_type=2)


_values("long_units", "rejected", Soil.numeric, "unit", "u" * 51, since=18)


@_kind("kept", since=24)
def missing_uuids(soil: Soil) -> Iterator[Place]:
    """And one that another habit has."""
    yield soil.habit(uuid=None)
    yield soil.habit(uuid="")
    yield soil.habit(uuid=soil.value("select uuid from Habits where rowid = 1"))
