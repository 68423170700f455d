"""The databases that imports are tested with: they are what they say, and their dirt is where they say."""

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

import pytest
from sources import habits, loop
from sources.habits_models import GENERATIONS
from sources.habits_soil import key_of
from sources.loop_dirt import VERSIONS
from sources.planting import Planted, Row, Written
from sources.read_back import fetch_each
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

Opened = Callable[..., tuple[sqlite3.Connection, Written]]

ONE: dict[str, Any] = {"users": 1, "habits": 1, "days": 1}


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return sorted(name.lower() for _, name, *_ in connection.execute(f"pragma table_info({table})"))


def count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchone()[0])


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Write a new file, and read it."""
    connections: list[sqlite3.Connection] = []

    def opened(source: ModuleType, **options: Any) -> tuple[sqlite3.Connection, Written]:
        path = tmp_path / f"{len(connections)}.db"
        written = source.write(path, **options)
        connections.append(connection := sqlite3.connect(f"file:{path}?mode=ro", uri=True))
        connection.row_factory = sqlite3.Row
        add_functions(connection)
        assert connection.execute("pragma integrity_check").fetchone()[0] == "ok"
        return connection, written

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


def is_there(connection: sqlite3.Connection, planted: Planted, condition: str = "true") -> bool:
    key = "habit_id || '/' || tag_id" if planted.entity == "habit_tags" else "rowid"
    sql = f"select 1 from {planted.entity} t where {key} = ? and ({condition})"
    return connection.execute(sql, [planted.key]).fetchone() is not None


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
    connection, _ = opened(habits, **ONE, generation=generation)
    tables = [name for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")]
    assert {table: columns(connection, table) for table in tables} == {
        table: sorted(names) for table, names in COLUMNS[generation].items()
    }


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_a_size_is_as_many_rows(generation: str, opened: Opened) -> None:
    connection, _ = opened(habits, users=3, habits=4, days=5, generation=generation)
    assert [count(connection, table) for table in ("users", "habits", "habit_logs")] == [3, 12, 60]
    one, written = opened(habits, **ONE, generation=generation, truth=False)
    assert [count(one, table) for table in ("users", "habits", "habit_logs")] == [1, 1, 1]
    assert written.truth == {}
    nobody, _ = opened(habits, users=0, generation=generation)
    assert [count(nobody, table) for table in COLUMNS[generation]] == [0] * len(COLUMNS[generation])


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_the_truth_is_what_the_file_has_in_the_form_of_sqlalchemy(generation: str, opened: Opened) -> None:
    connection, written = opened(habits, users=20, habits=3, days=4, generation=generation, seed=5)

    def stored(value: Any) -> Any:
        return (
            f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else str(value) if isinstance(value, date) else value
        )

    for table, truth in written.truth.items():
        rows = [dict(row) for row in connection.execute(f"select * from {table}")]
        expected = {key: {name: stored(value) for name, value in row.items()} for key, row in truth.items()}
        assert {str(key_of(row)): row for row in rows} == expected, table
        assert len(rows) == len(expected) > 0, table


def test_columns_vary(tmp_path: Path) -> None:
    truth = habits.write(tmp_path / "a.db", users=60, habits=3, days=4).truth
    few = {("habit_tags", "habit_id"), ("habit_logs", "completed"), ("users", "is_active"), ("habits", "is_archived")}
    for table, rows in truth.items():
        for column in next(iter(rows.values())):
            values = {row[column] for row in rows.values()}
            assert len(values) >= (2 if (table, column) in few or column == "habit_type" else 3), f"{table}.{column}"


def test_rows_are_written_in_pieces_that_make_the_same_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def pieces(seed: int = 0) -> list[tuple[str, list[Row]]]:
        return list(habits.rows(users=10, habits=2, days=3, seed=seed))

    def tables(pieces: list[tuple[str, list[Row]]]) -> dict[str, list[Row]]:
        return {table: [row for name, rows in pieces if name == table for row in rows] for table, _ in pieces}

    whole = pieces()
    assert pieces(seed=1) != whole
    assert len(whole) == len(tables(whole))
    monkeypatch.setattr(habits, "_LOGS_AT_ONCE", 12)
    assert len(pieces()) > 2 * len(whole)
    assert tables(pieces()) == tables(whole)


def test_the_hashes_are_werkzeugs_of_the_password(tmp_path: Path) -> None:
    assert all(check_password_hash(made, habits.PASSWORD) for made in habits.HASHES)
    users = habits.write(tmp_path / "a.db", users=60, habits=1, days=1).truth["users"]
    assert {row["password_hash"] for row in users.values()} == {None, *habits.HASHES}


def check_dirt(opened: Opened, conditions: dict[str, str], kind: str, source: ModuleType, **options: Any) -> None:
    """A kind of dirt alone: its rows are as said, and there are none in a clean file."""
    clean, _ = opened(source, **options)
    connection, written = opened(source, **options, dirt={kind})
    assert {planted.kind for planted in written.planted} == {kind}
    assert {planted.entity for planted in written.planted} == set(conditions)
    assert [each for each in written.planted if not is_there(connection, each, conditions[each.entity])] == []
    for table, condition in conditions.items():
        assert count(clean, f"{table} t where {condition}") == 0, table


@pytest.mark.parametrize("kind", HABITS_DIRT)
def test_the_dirt_of_a_flask_app_is_in_the_file(kind: str, opened: Opened) -> None:
    check_dirt(opened, HABITS_DIRT[kind], kind, habits, users=20, habits=5, days=4)


def test_a_second_log_of_a_day_is_in_the_file_whose_days_are_times(opened: Opened) -> None:
    kind = "two_logs_of_a_day"
    check_dirt(opened, HABITS_DIRT[kind], kind, habits, users=2, habits=2, days=4, generation="A")


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_all_dirt_of_a_generation_stands_beside_its_clean_rows(generation: str, opened: Opened) -> None:
    check_all_dirt(opened, habits.KINDS.of(generation), habits, users=2, habits=2, days=2, generation=generation)


def check_all_dirt(opened: Opened, kinds: list[str], source: ModuleType, **options: Any) -> None:
    clean, written = opened(source, **options)
    connection, dirty = opened(source, **options, dirt={*kinds})
    assert list(dict.fromkeys(planted.kind for planted in dirty.planted)) == kinds
    assert [planted for planted in dirty.planted if not is_there(connection, planted)] == []
    assert len({(planted.entity, planted.key) for planted in dirty.planted}) == len(dirty.planted)
    # Not all of it is text that Python could read.
    clean.text_factory = connection.text_factory = bytes
    for table in written.truth:
        before = {tuple(row) for row in clean.execute(f"select * from {table}")}
        assert before <= {tuple(row) for row in connection.execute(f"select * from {table}")}


def test_a_generation_has_the_dirt_that_its_columns_can_have(tmp_path: Path) -> None:
    assert habits.KINDS.of("D") == list(HABITS_DIRT)
    assert {"frequencies", "blank_comments"} & set(habits.KINDS.of("B")) == set()
    assert set(HABITS_DIRT) - set(habits.KINDS.of("BD")) == {"long_notes", "negative_durations"}
    with pytest.raises(ValueError, match="cannot hold frequencies"):
        habits.write(tmp_path / "a.db", **ONE, generation="A", dirt={"frequencies"})


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_postgresql_gets_the_same_rows(generation: str, empty_database: str) -> None:
    kinds = habits.KINDS.of(habits.form(generation, empty_database))
    written = habits.write(empty_database, users=5, habits=2, days=3, generation=generation, seed=7, dirt={*kinds})
    # The app goes on.
    selects = [(f"select * from {table}",) for table in COLUMNS[generation]]
    *read, _ = fetch_each(empty_database, *selects, ("insert into users (name) values ('Next')",))
    for table, rows in zip(COLUMNS[generation], read, strict=True):
        truth, keys = written.truth[table], {str(key_of(row)) for row in rows}
        assert [row for row in truth.values() if row not in rows] == []
        assert {planted.key for planted in written.planted if planted.entity == table} <= keys - set(truth)
    assert list(dict.fromkeys(planted.kind for planted in written.planted)) == kinds
    assert "no_emails" in kinds
    assert "nul_characters" not in kinds


# The databases of a phone


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_its_columns(version: int, opened: Opened) -> None:
    connection, written = opened(loop, habits=1, days=1, version=version, truth=False)
    assert written.truth == {}
    late = [(16, "type"), (18, "target_type"), (18, "target_value"), (18, "unit"), (23, "question"), (24, "uuid")]
    first = "archived color description freq_den freq_num highlight id name position reminder_days reminder_hour reminder_min"
    assert columns(connection, "Habits") == sorted([*first.split(), *(name for since, name in late if since <= version)])
    late = [(16, "value"), (25, "notes")]
    expected = ["habit", "id", "timestamp", *(name for since, name in late if since <= version)]
    assert columns(connection, "Repetitions") == sorted(expected)
    assert connection.execute("pragma user_version").fetchone()[0] == version


@pytest.mark.parametrize("version", VERSIONS)
def test_the_truth_is_what_the_phone_has(version: int, opened: Opened) -> None:
    connection, written = opened(loop, habits=6, days=5, version=version, seed=3)
    truth = written.truth
    assert [len(rows) for rows in truth.values()] == [6, 30]
    for table, rows in truth.items():
        found = [{name.lower(): row[name] for name in row.keys()} for row in connection.execute(f"select * from {table}")]  # noqa: SIM118
        assert found == list(rows.values())
    days = {row["timestamp"] for row in truth["Repetitions"].values()}
    assert max(days) == datetime(2025, 6, 30, tzinfo=UTC).timestamp() * 1000
    assert len(days) == 5


def test_what_a_phone_has_varies(tmp_path: Path) -> None:
    truth = loop.write(tmp_path / "a.db", habits=60, days=5).truth
    assert {(row["freq_num"], row["freq_den"]) for row in truth["Habits"].values()} == set(loop.FREQUENCIES)
    assert {row["value"] for row in truth["Repetitions"].values()} == {0, 1, 2, 3, 250, 1000, 2500, 20_000, 12_345_678}
    for rows in truth.values():
        for column in set(next(iter(rows.values()))) - {"highlight", "target_type"}:
            assert len({row[column] for row in rows.values()}) > 1, column


@pytest.mark.parametrize("kind", LOOP_DIRT)
def test_the_dirt_of_a_phone_is_in_the_file(kind: str, opened: Opened) -> None:
    check_dirt(opened, LOOP_DIRT[kind], kind, loop, habits=20, days=4)


@pytest.mark.parametrize("version", VERSIONS)
def test_all_dirt_of_a_version_stands_beside_its_clean_rows(version: int, opened: Opened) -> None:
    check_all_dirt(opened, loop.KINDS.of(str(version)), loop, habits=2, days=2, version=version)


def test_a_version_has_the_dirt_that_its_columns_can_have() -> None:
    assert loop.KINDS.of("25") == list(LOOP_DIRT)
    assert {"unknown_values", "targets_at_most", "missing_uuids", "long_notes"} & set(loop.KINDS.of("12")) == set()


# Both


@pytest.mark.parametrize("source", [habits, loop])
def test_a_file_is_written_whole_or_not_at_all(source: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(ValueError, match="cannot hold rust"):
        source.write(path, habits=1, days=1, dirt={"rust"})
    with pytest.raises(ValueError, match="dirt hangs on"):
        source.write(path, habits=0, dirt={"blank_names"})
    assert not path.exists()
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        source.write(path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("source", "options", "wrong"),
    [(habits, {"users": 2, "generation": "D"}, "--generation=E"), (loop, {"version": 25}, "--version=26")],
)
def test_the_command_writes_what_the_function_writes(
    source: ModuleType, options: dict[str, Any], wrong: str, tmp_path: Path
) -> None:
    path = tmp_path / "by-hand.db"
    options |= {"habits": 2, "days": 3, "seed": 4}
    arguments = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", source.__name__, str(path), *arguments, "--dirt=all"]
    answer = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    kinds = source.KINDS.of(str(options.get("generation", options.get("version"))))
    written = source.write(tmp_path / "called.db", **options, dirt={*kinds})
    counts, *lines, _ = answer.stdout.splitlines()
    assert counts == str({table: len(rows) for table, rows in written.truth.items()})
    assert lines == [f"{each.kind}: {each.fate}: {each.entity} {each.key!r} in {each.place}" for each in written.planted]
    with closing(sqlite3.connect(path)) as connection:
        assert count(connection, "habits where name like 'Dirt%'") > 10
    for words, sentence in (([], "File exists"), ([wrong], wrong[2:].partition("=")[0])):
        refused = subprocess.run([*command, *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith(f"{source.__name__.removeprefix('sources.')}.py: ")
        assert sentence in refused.stderr
