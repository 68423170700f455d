"""Databases of the Loop Habit Tracker as a phone keeps them, and as its backups are: SQLite, versions 12 to 25.

`cd tests; python -m sources.loop PATH --habits 10 --version 25 --dirt all` makes one by hand.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from random import Random

from sources import command, loop_dirt
from sources.files import new_file
from sources.loop_dirt import VERSIONS, Soil
from sources.planting import Names, Row, Written
from sources.words import NAMES, TEXTS, text

KINDS = loop_dirt.KINDS
"""The kinds of dirt; `KINDS.of(str(version))` names those of a version."""

LAST = date(2025, 6, 30)
DAY_MS = 24 * 60 * 60 * 1000
_KEY = "integer primary key autoincrement"
# Since which version there is a column, in the order in which they came.
_HABITS = (
    (12, "archived", "integer"),
    (12, "color", "integer"),
    (12, "description", "text"),
    (12, "freq_den", "integer"),
    (12, "freq_num", "integer"),
    (12, "highlight", "integer"),
    (12, "name", "text"),
    (12, "position", "integer"),
    (12, "reminder_hour", "integer"),
    (12, "reminder_min", "integer"),
    (12, "reminder_days", "integer not null default 127"),
    (16, "type", "integer not null default 0"),
    (18, "target_type", "integer not null default 0"),
    (18, "target_value", "real not null default 0"),
    (18, "unit", "text not null default ''"),
    (23, "question", "text"),
    (24, "uuid", "text"),
)
# What the app works out again from the repetitions: until version 19.
_DERIVED = {
    "Checkmarks": "habit integer references habits(id), timestamp integer, value integer",
    "Streak": "end integer, habit integer references habits(id), length integer, start integer",
    "Score": "habit integer references habits(id), score real, timestamp integer",
}
# n times in d days, as its screens offer them.
FREQUENCIES = ((1, 1), (3, 7), (1, 2), (2, 30), (5, 31), (7, 7), (1, 7), (1, 14))
# The colours of the first versions; later ones are numbers in a palette.
_ARGB = (-2937041, -1684967, -415707, -5262293, -13070788, -16742021)


def schema(version: int) -> list[str]:
    """The statements that make the tables of a version."""
    # The object mapper of the first versions wrote Id; SQLite does not care.
    key = "Id" if version < 16 else "id"
    habits = [f"{name} {kind}" for since, name, kind in _HABITS if since <= version]
    needed = "" if version < 22 else " not null"
    repetitions = [f"habit integer{needed} references habits(id)", f"timestamp integer{needed}"]
    if version >= 16:
        repetitions.append("value integer not null" + (" default 2" if version < 22 else ""))
    if version >= 25:
        repetitions.append("notes text")
    tables = {"Habits": ", ".join(habits), "Repetitions": ", ".join(repetitions)}
    if version < 20:
        tables |= _DERIVED
    if version >= 19:
        tables["Events"] = "timestamp integer, message text, server_id integer"
    statements = ["create table android_metadata (locale text)"]
    statements += [f"create table {table} ({key} {_KEY}, {columns})" for table, columns in tables.items()]
    if version >= 13:
        unique = "unique " if version >= 22 else ""
        statements.append(f"create {unique}index idx_repetitions_habit_timestamp on Repetitions (habit, timestamp)")
    return statements


def _rows(habits: int, days: int, version: int, seed: int) -> Iterator[tuple[str, list[Row]]]:
    """The clean rows, habit by habit: the same for the same arguments. The last day of each is LAST."""
    random = Random(seed)
    columns = {name for since, name, _ in _HABITS if since <= version} | {"id"}
    for habit in range(1, habits + 1):
        made = _habit(random, habit, version)
        yield "Habits", [{column: value for column, value in made.items() if column in columns}]
        numeric = made["type"] == 1 and version >= 18
        repetitions = [_repetition(random, (habit - 1) * days + n + 1, habit, numeric, version) for n in range(days)]
        for repetition, day in zip(repetitions, reversed(range(days)), strict=True):
            repetition["timestamp"] = timestamp(LAST - timedelta(days=day))
        if repetitions:
            yield "Repetitions", repetitions


def timestamp(day: date) -> int:
    """Milliseconds since 1970 of its midnight in UTC, which stands for a day of the user's."""
    return (day - date(1970, 1, 1)).days * DAY_MS


def _habit(random: Random, id: int, version: int) -> Row:
    n, days = FREQUENCIES[id % len(FREQUENCIES)]
    question = random.choice(TEXTS)
    reminder = random.random() < 0.4
    numeric = version >= 18 and random.random() < 0.4
    return {
        "id": id,
        "archived": int(random.random() < 0.2),
        "color": random.choice(_ARGB) if version < 14 else random.randrange(13 if version < 21 else 20),
        "description": question if version < 23 else text(random),
        "freq_den": days,
        "freq_num": n,
        "highlight": 0,
        "name": random.choice(NAMES),
        "position": id - 1,
        "reminder_hour": random.randrange(24) if reminder else None,
        "reminder_min": random.randrange(60) if reminder else None,
        "reminder_days": random.randrange(1, 128) if reminder else 127,  # a bit a day, Saturday's the lowest
        "type": int(numeric),
        "target_type": 0,
        "target_value": random.choice((1.0, 2.5, 20.0, 10_000.0)) if numeric else 0.0,
        "unit": random.choice(("pages", "км", "", "glasses of 0.2 l")) if numeric else "",
        "question": question,
        "uuid": random.randbytes(16).hex(),
    }


def _repetition(random: Random, id: int, habit: int, numeric: bool, version: int) -> Row:  # noqa: FBT001
    made: Row = {"id": id, "habit": habit, "timestamp": 0}
    if version >= 16:
        # A habit of yes and no had only its repetitions at first; numbers are in thousandths.
        plain = random.choice((2, 2, 2, 2, 1, 0, 3)) if version >= 22 else 2
        made["value"] = random.choice((0, 250, 1000, 2500, 20_000, 12_345_678)) if numeric else plain
    if version >= 25:
        made["notes"] = text(random)
    return made


def write(
    path: str | Path,
    *,
    habits: int = 10,
    days: int = 100,
    version: int = VERSIONS[-1],
    truth: bool = True,
    seed: int = 0,
    dirt: Names = frozenset(),
) -> Written:
    """Write a new file of so many habits, and days with a repetition of each.

    The truth is the rows by their ids; without `truth` it is not kept. No row of dirt changes a clean one. Raises
    FileExistsError; ValueError for a version that there is not, a kind of dirt that it cannot hold, and where there is no habit
    and repetition for dirt.
    """
    if version not in VERSIONS:
        raise ValueError(f"the versions are those from {VERSIONS[0]} to {VERSIONS[-1]}")
    path, written = Path(path), Written({"Habits": {}, "Repetitions": {}} if truth else {})
    with new_file(path), closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("begin")
        for statement in schema(version):
            connection.execute(statement)
        connection.execute("insert into android_metadata values ('en_US')")
        for table, made in _rows(habits, days, version, seed):
            _insert(connection, table, made)
            if truth:
                written.truth[table] |= {str(row["id"]): row for row in made}
        if version < 20:
            connection.execute("insert into Checkmarks (habit, timestamp, value) select habit, timestamp, 2 from Repetitions")
        connection.execute(f"pragma user_version = {version}")
        if dirt and not (habits and days):
            raise ValueError("dirt hangs on a habit and a repetition: make one of each at least")
        soil, chosen = Soil(connection), KINDS.chosen(dirt, str(version))
        written.planted = [kind.planted(table, key, table) for kind in chosen for table, key in kind.plant(soil)]
    return written


def _insert(connection: sqlite3.Connection, table: str, made: list[Row]) -> None:
    columns = list(made[0])
    marks = ", ".join(f":{column}" for column in columns)
    connection.executemany(f"insert into {table} ({', '.join(columns)}) values ({marks})", made)


if __name__ == "__main__":
    command.run(write, KINDS, lambda options: str(options.version))
