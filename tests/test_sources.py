"""The databases that imports are tested with: they are what they say, and their dirt is where they say."""

import asyncio
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import pytest
from sources import habits, loop
from sources.dirt import Dirt
from sources.habits_models import GENERATIONS
from werkzeug.security import check_password_hash

USERS = ["id", "email", "password_hash", "google_id", "github_id", "name", "avatar_url", "created_at"]
HABITS = ["id", "user_id", "name", "description", "created_at"]
LOGS = ["id", "habit_id", "date", "completed"]
B = {
    "users": [*USERS, "updated_at", "is_active"],
    "habits": [*HABITS, "updated_at", "is_archived"],
    "habit_logs": [*LOGS, "created_at"],
}
C = B | {"habits": [*B["habits"], "execution_time", "frequency", "habit_type", "reward", "related_habit_id"]}
BD = C | {
    "users": [*B["users"], "default_tracking_days"],
    "habits": [*C["habits"], "category_id", "tracking_days"],
    "categories": ["id", "name", "color", "icon"],
    "tags": ["id", "user_id", "name"],
    "habit_tags": ["habit_id", "tag_id"],
    "comments": ["id", "habit_log_id", "text", "created_at"],
}
COLUMNS = {
    "A": {"users": USERS, "habits": HABITS, "habit_logs": LOGS},
    "B": B,
    "C": C,
    "D": BD | {"habit_logs": [*B["habit_logs"], "notes", "duration"]},
    "BD": BD,
}

Opened = Callable[..., tuple[sqlite3.Connection, list[Dirt]]]


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return sorted(name.lower() for _, name, *_ in connection.execute(f"pragma table_info({table})"))


def count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchone()[0])


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Write a new file, and read it."""
    connections: list[sqlite3.Connection] = []

    def opened(write: Callable[..., list[Dirt]], *arguments: Any, **options: Any) -> tuple[sqlite3.Connection, list[Dirt]]:
        path = tmp_path / f"{len(connections)}.db"
        added = write(path, *arguments, **options)
        connections.append(connection := sqlite3.connect(f"file:{path}?mode=ro", uri=True))
        connection.row_factory = sqlite3.Row
        add_functions(connection)
        assert connection.execute("pragma integrity_check").fetchone()[0] == "ok"
        return connection, added

    yield opened
    for connection in connections:
        connection.close()


def add_functions(connection: sqlite3.Connection) -> None:
    """What the conditions below ask, and SQLite cannot."""

    def is_utf8(value: bytes | None) -> bool:
        try:
            return value is None or value.decode() is not None
        except UnicodeDecodeError:
            return False

    connection.create_function("fold", 1, str.casefold)
    connection.create_function("blank", 1, lambda value: not value.strip())
    connection.create_function("utf8", 1, is_utf8)
    connection.create_function("address", 1, lambda value: re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None)


def is_there(connection: sqlite3.Connection, dirt: Dirt, condition: str = "true") -> bool:
    keys = (dirt.key,) if isinstance(dirt.key, int) else dirt.key
    where = "rowid = ?" if isinstance(dirt.key, int) else "habit_id = ? and tag_id = ?"
    row = connection.execute(f"select 1 from {dirt.table} t where {where} and ({condition})", keys).fetchone()
    return row is not None


# The dirt of each kind, by tables: what is so of its rows and of no clean one.
HABITS_DIRT = {
    "emails_that_differ_in_case": {"users": "id > 1 and fold(email) = (select fold(email) from users where id = 1)"},
    "no_emails": {"users": "email is null"},
    "emails_that_are_none": {"users": "not address(email)"},
    "both_identities": {"users": "google_id = 'both' and github_id = 'both'"},
    "unknown_hashes": {"users": "password_hash not like 'scrypt:32768:8:1$%' and password_hash not like 'pbkdf2:sha256:%$%$%'"},
    "no_hashes": {"users": "coalesce(password_hash, google_id, github_id) is null"},
    "null_booleans": {"users": "is_active is null", "habits": "is_archived is null", "habit_logs": "completed is null"},
    "orphaned_habits": {
        "habits": "user_id not in (select id from users)",
        "habit_logs": "habit_id in (select id from habits where user_id not in (select id from users))",
    },
    "orphaned_logs": {"habit_logs": "habit_id not in (select id from habits)"},
    "two_logs_of_a_day": {
        "habit_logs": "exists (select 1 from habit_logs o"
        " where o.id < t.id and o.habit_id = t.habit_id and date(o.date) = date(t.date))"
    },
    "long_names": {"users": "length(name) > 100", "habits": "length(name) > 255"},
    "blank_names": {"habits": "blank(name)"},
    "long_descriptions": {"habits": "length(description) > 10000"},
    "nul_characters": {
        "users": "instr(name, char(0))",
        "habits": "instr(name, char(0)) or instr(description, char(0))",
        "habit_logs": "instr(notes, char(0))",
        "comments": "instr(text, char(0))",
    },
    "forms_of_times": {"habits": "length(created_at) <> 26"},
    "forms_of_days": {"habit_logs": "date like '2001-02-%'"},
    "times_that_are_none": {
        "habit_logs": "date(date) is null or date(date, '+0 days') <> substr(date, 1, 10) or typeof(date) <> 'text'",
        "habits": "datetime(created_at) is null",
        "users": "date(created_at, '+0 days') <> substr(created_at, 1, 10)",
    },
    "far_days": {"habit_logs": "date(date) < '1900'"},
    "far_times": {"habits": "date(created_at) < '1900'", "users": "date(created_at) < '1900'"},
    "texts_in_integers": {
        "users": "typeof(default_tracking_days) = 'text'",
        "habits": "'text' in (typeof(user_id), typeof(execution_time), typeof(frequency), typeof(related_habit_id),"
        " typeof(category_id), typeof(tracking_days))",
        "habit_logs": "typeof(completed) = 'text' or completed > 1 or typeof(duration) in ('text', 'real')",
    },
    "blobs_in_texts": {
        "users": "'blob' in (typeof(name), typeof(email))",
        "habits": "'blob' in (typeof(name), typeof(description))",
    },
    "texts_that_are_not_utf8": {
        "users": "typeof(name) = 'text' and not utf8(cast(name as blob))",
        "habits": "'text' in (typeof(name), typeof(description))"
        " and not (utf8(cast(name as blob)) and utf8(cast(coalesce(description, '') as blob)))",
        "habit_logs": "typeof(notes) = 'text' and not utf8(cast(notes as blob))",
    },
    "related_to_themselves": {"habits": "related_habit_id = id"},
    "related_to_another_users": {"habits": "user_id <> (select user_id from habits o where o.id = t.related_habit_id)"},
    "related_to_none": {"habits": "related_habit_id not in (select id from habits)"},
    "frequencies": {"habits": "frequency not between 1 and 365"},
    "execution_times": {"habits": "execution_time not between 0 and 10000000"},
    "unknown_habit_types": {"habits": "habit_type not in ('USEFUL', 'PLEASANT')"},
    "long_rewards": {"habits": "length(reward) > 500"},
    "missing_categories": {"habits": "category_id not in (select id from categories)"},
    "odd_categories": {
        "categories": "color not glob '#[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]' or blank(name)"
    },
    "tags_of_another_user": {
        "habit_tags": "(select user_id from habits where id = habit_id) <> (select user_id from tags where id = tag_id)"
    },
    "orphaned_tags": {
        "tags": "user_id not in (select id from users)",
        "habit_tags": "habit_id not in (select id from habits) or tag_id not in (select id from tags)",
    },
    "blank_tags": {"tags": "blank(name)"},
    "blank_comments": {"comments": "blank(text)"},
    "long_comments": {"comments": "length(text) > 2000"},
    "orphaned_comments": {"comments": "habit_log_id not in (select id from habit_logs)"},
    "long_notes": {"habit_logs": "length(notes) > 2000"},
    "negative_durations": {"habit_logs": "duration < 0"},
}
LOOP_DIRT = {
    "missing_habits": {"Repetitions": "habit not in (select id from Habits)"},
    "two_of_a_day": {
        "Repetitions": "exists (select 1 from Repetitions o where o.id < t.id and o.habit = t.habit"
        " and o.timestamp / 86400000 = t.timestamp / 86400000)"
    },
    "times_within_a_day": {"Repetitions": "timestamp % 86400000 <> 0"},
    "far_days": {"Repetitions": "timestamp < -2208988800000 or timestamp > 253402300799999"},
    "times_that_are_none": {"Repetitions": "typeof(timestamp) <> 'integer'"},
    "unknown_values": {"Repetitions": "value not in (0, 1, 2, 3) and habit in (select id from Habits where type = 0)"},
    "negative_numbers": {"Repetitions": "value not between 0 and 1000000000000"},
    "skipped_numbers": {"Repetitions": "value = 3 and habit in (select id from Habits where type = 1)"},
    "long_notes": {"Repetitions": "length(notes) > 2000"},
    "odd_notes": {"Repetitions": "typeof(notes) = 'blob' or instr(notes, char(0)) or not utf8(cast(notes as blob))"},
    "frequencies_that_are_none": {
        "Habits": "coalesce(freq_num, 0) <= 0 or coalesce(freq_den, 0) <= 0 or typeof(freq_num) = 'text'"
    },
    "odd_frequencies": {"Habits": "freq_num > freq_den or freq_den > 31 or freq_den in (3, 10) or freq_num = 31"},
    "odd_reminders": {
        "Habits": "reminder_hour not between 0 and 23 or reminder_min not between 0 and 59 or reminder_days = 0"
        " or reminder_hour is not null and reminder_min is null"
    },
    "colors_out_of_range": {"Habits": "color not between 0 and 19"},
    "blank_names": {"Habits": "name is null or blank(name)"},
    "long_texts": {"Habits": "length(name) > 255 or length(description) > 10000"},
    "long_questions": {"Habits": "length(question) + length(description) > 10000"},
    "nul_characters": {"Habits": "instr(name, char(0)) or instr(description, char(0))"},
    "blobs_in_texts": {"Habits": "'blob' in (typeof(name), typeof(description))"},
    "texts_that_are_not_utf8": {"Habits": "not utf8(cast(name as blob)) or not utf8(cast(coalesce(description, '') as blob))"},
    "odd_archived": {"Habits": "archived not in (0, 1)"},
    "odd_positions": {"Habits": "position not between 0 and 1000000"},
    "unknown_types": {"Habits": "type not in (0, 1)"},
    "targets_of_nothing": {"Habits": "type = 1 and target_value not between 0.001 and 1e9"},
    "targets_at_most": {"Habits": "target_type <> 0"},
    "long_units": {"Habits": "length(unit) > 50"},
    "missing_uuids": {
        "Habits": "uuid is null or uuid = '' or exists (select 1 from Habits o where o.id <> t.id and o.uuid = t.uuid)"
    },
}


# The databases of a Flask app


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_each_generation_has_its_tables_and_columns(generation: str, opened: Opened) -> None:
    connection, _ = opened(habits.write, generation=generation)
    tables = [name for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")]
    assert {table: columns(connection, table) for table in tables} == {
        table: sorted(names) for table, names in COLUMNS[generation].items()
    }


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_a_size_is_as_many_rows(generation: str, opened: Opened) -> None:
    connection, _ = opened(habits.write, habits.Size(3, 4, 5), generation)
    assert [count(connection, table) for table in ("users", "habits", "habit_logs")] == [3, 12, 60]
    one, _ = opened(habits.write, generation=generation)
    assert [count(one, table) for table in ("users", "habits", "habit_logs")] == [1, 1, 1]
    nobody, _ = opened(habits.write, habits.Size(0), generation)
    assert [count(nobody, table) for table in COLUMNS[generation]] == [0] * len(COLUMNS[generation])


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_the_truth_is_what_the_file_has_in_the_form_of_sqlalchemy(generation: str, opened: Opened) -> None:
    size = habits.Size(20, 3, 4)
    connection, _ = opened(habits.write, size, generation, seed=5)

    def stored(value: Any) -> Any:
        return (
            f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else str(value) if isinstance(value, date) else value
        )

    for table, truth in habits.truth(size, generation, seed=5).items():
        key = "id" if "id" in COLUMNS[generation][table] else "habit_id, tag_id"
        rows = [dict(row) for row in connection.execute(f"select * from {table} order by {key}")]
        assert rows == [{name: stored(value) for name, value in truth[key].items()} for key in sorted(truth)], table
        assert rows, table


def test_columns_vary() -> None:
    truth = habits.truth(habits.Size(60, 3, 4), "D")
    few = {("habit_tags", "habit_id"), ("habit_logs", "completed"), ("users", "is_active"), ("habits", "is_archived")}
    for table, rows in truth.items():
        for column in next(iter(rows.values())):
            values = {row[column] for row in rows.values()}
            assert len(values) >= (2 if (table, column) in few or column == "habit_type" else 3), f"{table}.{column}"


def test_rows_are_written_in_pieces_that_make_the_same_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    size = habits.Size(10, 2, 3)
    whole = habits.truth(size)
    assert habits.truth(size, seed=1) != whole
    assert len(list(habits.rows(size))) == len(whole)
    monkeypatch.setattr(habits, "_LOGS_AT_ONCE", 12)
    assert len(list(habits.rows(size))) > 2 * len(whole)
    assert habits.truth(size) == whole


def test_the_hashes_are_werkzeugs_of_the_password() -> None:
    assert all(check_password_hash(made, habits.PASSWORD) for made in habits.HASHES)
    assert {row["password_hash"] for row in habits.truth(habits.Size(60))["users"].values()} == {None, *habits.HASHES}


def check_dirt(opened: Opened, conditions: dict[str, str], write: Callable[[Path, list[str]], list[Dirt]], kind: str) -> None:
    """A kind of dirt alone: its rows are as said, and there are none in a clean file."""
    clean, _ = opened(write, [])
    connection, added = opened(write, [kind])
    assert {dirt.kind for dirt in added} == {kind}
    assert {dirt.table for dirt in added} == set(conditions)
    assert [dirt for dirt in added if not is_there(connection, dirt, conditions[dirt.table])] == []
    for table, condition in conditions.items():
        assert count(clean, f"{table} t where {condition}") == 0, table


@pytest.mark.parametrize("kind", HABITS_DIRT)
def test_the_dirt_of_a_flask_app_is_in_the_file(kind: str, opened: Opened) -> None:
    check_dirt(opened, HABITS_DIRT[kind], lambda path, dirt: habits.write(path, habits.Size(20, 5, 4), dirt=dirt), kind)


def test_a_second_log_of_a_day_is_in_the_file_whose_days_are_times(opened: Opened) -> None:
    kind = "two_logs_of_a_day"
    check_dirt(opened, HABITS_DIRT[kind], lambda path, dirt: habits.write(path, habits.Size(2, 2, 4), "A", dirt=dirt), kind)


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_all_dirt_of_a_generation_stands_beside_its_clean_rows(generation: str, opened: Opened) -> None:
    size, kinds = habits.Size(2, 2, 2), habits.kinds(generation)
    clean, _ = opened(habits.write, size, generation)
    connection, added = opened(habits.write, size, generation, dirt=kinds)
    assert list(dict.fromkeys(dirt.kind for dirt in added)) == kinds
    assert [dirt for dirt in added if not is_there(connection, dirt)] == []
    assert len({(dirt.table, dirt.key) for dirt in added}) == len(added)
    # Not all of it is text that Python could read.
    clean.text_factory = connection.text_factory = bytes
    for table in COLUMNS[generation]:
        before = {tuple(row) for row in clean.execute(f"select * from {table}")}
        assert before <= {tuple(row) for row in connection.execute(f"select * from {table}")}


def test_a_generation_has_the_dirt_that_its_columns_can_have() -> None:
    assert habits.kinds("D") == list(HABITS_DIRT)
    assert {"frequencies", "comments"} & set(habits.kinds("B")) == set()
    assert set(HABITS_DIRT) - set(habits.kinds("BD")) == {"long_notes", "negative_durations"}
    with pytest.raises(ValueError, match="cannot have frequencies"):
        habits.write(Path("/nowhere-at-all"), generation="A", dirt=["frequencies"])


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_postgresql_gets_the_same_rows(generation: str, own_database: str, runner: asyncio.Runner) -> None:
    size, kinds = habits.Size(5, 2, 3), habits.kinds(generation, postgresql=True)

    async def read() -> tuple[list[Dirt], dict[str, list[dict[str, Any]]]]:
        connection = await asyncpg.connect(own_database)
        try:
            # It starts with Holdfast's tables.
            await connection.execute("drop schema public cascade; create schema public")
            added = await habits.write_postgresql(own_database, size, generation, 7, kinds)
            tables = {
                table: [dict(row) for row in await connection.fetch(f"select * from {table}")] for table in COLUMNS[generation]
            }
            # The app goes on.
            await connection.execute("insert into users (name) values ('Next')")
            return added, tables
        finally:
            await connection.close()

    added, tables = runner.run(read())
    truth = habits.truth(size, generation, 7)
    for table, rows in tables.items():
        assert [row for row in truth[table].values() if row not in rows] == []
        keys = [row["id"] if "id" in row else (row["habit_id"], row["tag_id"]) for row in rows]
        assert {dirt.key for dirt in added if dirt.table == table} <= set(keys) - set(truth[table])
    assert list(dict.fromkeys(dirt.kind for dirt in added)) == kinds
    assert "no_emails" in kinds
    assert "nul_characters" not in kinds


# The databases of a phone


@pytest.mark.parametrize("version", loop.VERSIONS)
def test_each_version_has_its_columns(version: int, opened: Opened) -> None:
    connection, _ = opened(loop.write, version=version)
    late = [(16, "type"), (18, "target_type"), (18, "target_value"), (18, "unit"), (23, "question"), (24, "uuid")]
    first = "archived color description freq_den freq_num highlight id name position reminder_days reminder_hour reminder_min"
    assert columns(connection, "Habits") == sorted([*first.split(), *(name for since, name in late if since <= version)])
    late = [(16, "value"), (25, "notes")]
    expected = ["habit", "id", "timestamp", *(name for since, name in late if since <= version)]
    assert columns(connection, "Repetitions") == sorted(expected)
    assert connection.execute("pragma user_version").fetchone()[0] == version


@pytest.mark.parametrize("version", loop.VERSIONS)
def test_the_truth_is_what_the_phone_has(version: int, opened: Opened) -> None:
    size = loop.Size(6, 5)
    connection, _ = opened(loop.write, size, version, seed=3)
    truth = loop.truth(size, version, seed=3)
    assert [len(rows) for rows in truth.values()] == [6, 30]
    for table, rows in truth.items():
        found = [{name.lower(): row[name] for name in row.keys()} for row in connection.execute(f"select * from {table}")]  # noqa: SIM118
        assert found == list(rows.values())
    days = {row["timestamp"] for row in truth["Repetitions"].values()}
    assert max(days) == datetime(2025, 6, 30, tzinfo=UTC).timestamp() * 1000
    assert len(days) == 5


def test_what_a_phone_has_varies() -> None:
    truth = loop.truth(loop.Size(60, 5))
    assert {(row["freq_num"], row["freq_den"]) for row in truth["Habits"].values()} == set(loop.FREQUENCIES)
    assert {row["value"] for row in truth["Repetitions"].values()} == {0, 1, 2, 3, 250, 1000, 2500, 20_000, 12_345_678}
    for rows in truth.values():
        for column in set(next(iter(rows.values()))) - {"highlight", "target_type"}:
            assert len({row[column] for row in rows.values()}) > 1, column


@pytest.mark.parametrize("kind", LOOP_DIRT)
def test_the_dirt_of_a_phone_is_in_the_file(kind: str, opened: Opened) -> None:
    check_dirt(opened, LOOP_DIRT[kind], lambda path, dirt: loop.write(path, loop.Size(20, 4), dirt=dirt), kind)


@pytest.mark.parametrize("version", loop.VERSIONS)
def test_all_dirt_of_a_version_stands_beside_its_clean_rows(version: int, opened: Opened) -> None:
    size, kinds = loop.Size(2, 2), loop.kinds(version)
    clean, _ = opened(loop.write, size, version)
    connection, added = opened(loop.write, size, version, dirt=kinds)
    assert list(dict.fromkeys(dirt.kind for dirt in added)) == kinds
    assert [dirt for dirt in added if not is_there(connection, dirt)] == []
    assert len({(dirt.table, dirt.key) for dirt in added}) == len(added)
    clean.text_factory = connection.text_factory = bytes
    for table in ("Habits", "Repetitions"):
        before = {tuple(row) for row in clean.execute(f"select * from {table}")}
        assert before <= {tuple(row) for row in connection.execute(f"select * from {table}")}


def test_a_version_has_the_dirt_that_its_columns_can_have() -> None:
    assert loop.kinds(25) == list(LOOP_DIRT)
    assert {"unknown_values", "targets_at_most", "missing_uuids", "long_notes"} & set(loop.kinds(12)) == set()


# Both


@pytest.mark.parametrize("source", [habits, loop])
def test_a_file_is_written_whole_or_not_at_all(source: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(ValueError, match="cannot have rust"):
        source.write(path, dirt=["rust"])
    with pytest.raises(ValueError, match="Dirt hangs on"):
        source.write(path, source.Size(0), dirt=["blank_names"])
    assert not path.exists()
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        source.write(path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("source", [habits, loop])
def test_the_command_writes_what_the_function_writes(source: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "by-hand.db"
    arguments = ["--habits=2", "--days=3", "--seed=4", "--dirt=all", *(["--users=2"] if source is habits else [])]
    command = [sys.executable, "-m", source.__name__, str(path), *arguments]
    answer = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    size = source.Size(2, 2, 3) if source is habits else source.Size(2, 3)
    added = source.write(tmp_path / "called.db", size, seed=4, dirt=source.kinds())
    assert answer.stdout.splitlines() == [f"{kind}, {fate}: {table} {key}" for kind, fate, table, key in added]
    with closing(sqlite3.connect(path)) as connection:
        assert count(connection, "habits where name like 'Dirt%'") > 10
    refused = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "File exists" in refused.stderr
