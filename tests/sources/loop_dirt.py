"""The kinds of dirt in a database of the Loop Habit Tracker."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from sources.dirt import NO_UTF8, NUL, Kinds, NoUtf8, Place

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


KINDS = Kinds[Soil]()
_kind = KINDS.kind


# Repetitions


@_kind("rejected")
def missing_habits(soil: Soil) -> Iterator[Place]:
    yield soil.repetition(habit=_MISSING)
    yield soil.repetition(habit=-1)


@_kind("reported")
def two_of_a_day(soil: Soil) -> Iterator[Place]:
    """The second of a clean one. Late versions forbid only the same millisecond."""
    yield soil.repetition(timestamp=soil.value("select timestamp from Repetitions where rowid = 1") + 1)


@_kind("reported")
def times_within_a_day(soil: Soil) -> Iterator[Place]:
    yield soil.repetition(timestamp=9000 * _DAY_MS + 5 * _HOUR_MS + 30 * 60 * 1000)


@_kind("rejected")
def far_days(soil: Soil) -> Iterator[Place]:
    """1 BC, 1833, 287396 AD and the ends of 64 bits."""
    for time in (-62_167_219_200_000, -50_000 * _DAY_MS, 9_007_199_254_740_991, 2**63 - 1, -(2**63)):
        yield soil.repetition(timestamp=time)


@_kind("rejected")
def times_that_are_none(soil: Soil) -> Iterator[Place]:
    for time in ("today", "2024-02-29", 1.5, b"\x00"):
        yield soil.repetition(timestamp=time)


@_kind("reported", "Repetitions.value")
def unknown_values(soil: Soil) -> Iterator[Place]:
    for value in (-1, 4, 1000, "yes", 0.5):
        yield soil.repetition(value=value)


@_kind("reported", "Repetitions.value", "Habits.target_value")
def negative_numbers(soil: Soil) -> Iterator[Place]:
    """One below nothing; one far above what is taken."""
    habit = soil.numeric().key
    yield soil.repetition(habit=habit, value=-1500)
    yield soil.repetition(habit=habit, value=2**62)


@_kind("kept", "Repetitions.value", "Habits.target_value")
def skipped_numbers(soil: Soil) -> Iterator[Place]:
    """Three thousandths of a numeric habit are a day left out."""
    yield soil.repetition(habit=soil.numeric().key, value=3)


@_kind("rejected", "Repetitions.notes")
def long_notes(soil: Soil) -> Iterator[Place]:
    yield soil.repetition(notes="long " * 401)


@_kind("reported", "Repetitions.notes")
def odd_notes(soil: Soil) -> Iterator[Place]:
    for notes in (NUL, b"readable", NO_UTF8):
        yield soil.repetition(notes=notes)


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


@_kind("reported")
def colors_out_of_range(soil: Soil) -> Iterator[Place]:
    for color in (99, -1, 2**31, "red"):
        yield soil.habit(color=color)


@_kind("rejected")
def blank_names(soil: Soil) -> Iterator[Place]:
    for name in ("", "   ", "\n", None):
        yield soil.habit(name=name)


@_kind("rejected")
def long_texts(soil: Soil) -> Iterator[Place]:
    yield soil.habit(name="n" * 256)
    yield soil.habit(description="d" * 10_001)


@_kind("reported", "Habits.question")
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


@_kind("reported")
def odd_archived(soil: Soil) -> Iterator[Place]:
    for archived in (2, "no"):
        yield soil.habit(archived=archived)


@_kind("reported")
def odd_positions(soil: Soil) -> Iterator[Place]:
    for position in (-1, 2**40):
        yield soil.habit(position=position)


@_kind("reported", "Habits.type")
def unknown_types(soil: Soil) -> Iterator[Place]:
    for type_ in (2, -1, "numeric"):
        yield soil.habit(type=type_)


@_kind("reported", "Habits.target_value")
def targets_of_nothing(soil: Soil) -> Iterator[Place]:
    for target in (0.0, -1.0, float("inf"), "much"):
        yield soil.numeric(target_value=target)


@_kind("reported", "Habits.target_type")
def targets_at_most(soil: Soil) -> Iterator[Place]:
    yield soil.numeric(target_type=1)
    yield soil.numeric(target_type=1, target_value=0.0)
    yield soil.numeric(target_type=2)


@_kind("rejected", "Habits.unit")
def long_units(soil: Soil) -> Iterator[Place]:
    yield soil.numeric(unit="u" * 51)


@_kind("kept", "Habits.uuid")
def missing_uuids(soil: Soil) -> Iterator[Place]:
    """And one that another habit has."""
    yield soil.habit(uuid=None)
    yield soil.habit(uuid="")
    yield soil.habit(uuid=soil.value("select uuid from Habits where rowid = 1"))
