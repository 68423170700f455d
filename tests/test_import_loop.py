"""Importing a backup of the Loop Habit Tracker: into the account that is named, again and back."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from client import Execute, Started
from imported import Imports, all_same, became
from sources import loop
from sources.files import change
from sources.planting import Planted
from staged import staged

RHYTHMS = {
    (1, 1): ("daily", None, None),
    (3, 7): ("weekly", 3, None),
    (1, 2): ("interval", None, 2),
    (2, 30): ("monthly", 2, None),
    (5, 31): ("monthly", 5, None),
    (7, 7): ("daily", None, None),
    (1, 7): ("weekly", 1, None),
    (1, 14): ("interval", None, 14),
}

NEAREST = {
    (10, 7): ("daily", None, None),
    (2, 1): ("daily", None, None),
    (31, 31): ("daily", None, None),
    (1, 400): ("interval", None, 365),
    (2, 3): ("weekly", 5, None),
    (5, 10): ("interval", None, 2),
    (10, 365): ("interval", None, 37),
    (99, 100): ("weekly", 7, None),
    (4, 28): ("monthly", 4, None),
    (0, 7): ("daily", None, None),
}
"""What becomes of rhythms that we do not have."""

EMAIL = "ada@example.com"

RED, BLUE_GREY = "#D32F2F", "#9E9E9E"

HABITS = (
    "select h.*, regexp_replace(i.source_key, '^.*/', '') as key from habits h join import_items i on i.target_id = h.id"
    " where i.entity = 'habits'"
)


@pytest.fixture
def imports(own_database: str, own_execute: Execute) -> Imports:
    """Imports into the account of somebody whose phone it is, and who is not signed in: a server takes as long as an import."""
    own_execute("insert into users (email, password_hash) values ($1, 'x')", EMAIL)
    return Imports(own_database, own_execute, "loop", "--user", EMAIL)


def color_of(path: Path, planted: Planted) -> Any:
    """The colour of a habit that is dirt by its colour."""
    if planted.kind != "colors_out_of_range":
        return None
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("select color from Habits where rowid = ?", (planted.key,)).fetchone()[0]


def states(row: dict[str, Any], numeric: bool, target: float) -> tuple[bool, bool, Decimal | None] | None:  # noqa: FBT001
    """Whether a repetition is completed or skipped, and its value; None: it is no entry."""
    value = row.get("value", 2)
    if value == 3:
        return False, True, None
    if numeric:
        return value / 1000 >= target, False, Decimal(value) / 1000
    if value == 1:
        return (False, False, None) if row.get("notes") and not row["notes"].isspace() else None
    return value == 2, False, None


@pytest.mark.parametrize("version", [12, 15, 18, 21, 23, 24, 25])
def test_every_habit_and_day_arrives(version: int, imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "backup.db"
    truth = loop.write(path, habits=10, days=12, version=version).truth
    outcome = imports.run(path)
    assert became(outcome, "rejected") == {}
    [owner] = [row["id"] for row in imports.rows("select id from users")]
    rows = {row["key"]: row for row in imports.rows(HABITS)}
    assert len(rows) == 10
    entries = {
        (entry["habit_id"], entry["date"]): (entry["completed"], entry["skipped"], entry["value"], entry["note"])
        for entry in imports.rows("select * from habit_entries")
    }
    expected = {}
    for number, habit in truth["Habits"].items():
        found = rows[habit.get("uuid") or number]
        assert found["user_id"] == owner
        question = [habit.get("question"), habit["description"]]
        assert found["description"] == ("\n\n".join(text for text in question if text and not text.isspace()) or None)
        assert (found["name"], found["is_archived"], found["position"]) == (
            habit["name"],
            bool(habit["archived"]),
            habit["position"],
        )
        rhythm = RHYTHMS[habit["freq_num"], habit["freq_den"]]
        assert (found["frequency"], found["target_days"], found["interval_days"]) == rhythm
        numeric = bool(habit.get("type"))
        assert found["kind"] == ("numeric" if numeric else "boolean")
        assert found["unit"] == (habit.get("unit") or None)
        assert found["target_value"] == (Decimal(str(habit["target_value"])) if numeric else None)
        at = None if habit["reminder_hour"] is None else time(habit["reminder_hour"], habit["reminder_min"])
        assert found["reminder_time"] == at
        if version < 14:
            assert found["color"] == f"#{habit['color'] & 0xFFFFFF:06X}"
        assert found["created_at"].date() == date(2025, 6, 19)
        for row in truth["Repetitions"].values():
            if row["habit"] == habit["id"]:
                state = states(row, numeric, habit.get("target_value", 0))
                if state is not None:
                    day = datetime.fromtimestamp(row["timestamp"] / 1000, UTC).date()
                    note = row.get("notes")
                    expected[found["id"], day] = (*state, None if not note or note.isspace() else note)
    assert entries == expected
    # What the schedule did is reported.
    done_by_schedule = [line for line in imports.report(outcome["id"]) if "done_by_schedule" in line["rule"]]
    assert len(done_by_schedule) == sum(
        row.get("value") == 1 and not truth["Habits"][str(row["habit"])].get("type") for row in truth["Repetitions"].values()
    )
    assert (len(done_by_schedule) > 5) == (version >= 22)
    days = {line["content"]["reminder_days"] for line in imports.report(outcome["id"]) if "reminder_days" in line["rule"]}
    assert days == {row["reminder_days"] for row in truth["Habits"].values()} - {127}
    assert imports.verified(outcome["id"], "--user", EMAIL) == all_same(outcome)


@pytest.mark.parametrize(
    ("version", "colors"),
    [
        (25, {0: RED, 19: BLUE_GREY, 20: None}),
        (21, {12: "#303F9F"}),
        (20, {12: BLUE_GREY, 13: None}),
        (14, {2: "#F9A825", 1: "#E64A19"}),
        (13, {-2937041: RED}),
    ],
)
def test_a_colour_is_the_one_that_the_app_showed(
    version: int, colors: dict[int, str | None], imports: Imports, tmp_path: Path
) -> None:
    path = tmp_path / "backup.db"
    loop.write(path, habits=len(colors), days=1, version=version)
    for number, color in enumerate(colors, 1):
        change(path, f"update Habits set name = '{color}', color = {color} where id = {number}")
    outcome = imports.run(path)
    assert {int(row["name"]): row["color"] for row in imports.rows("select name, color from habits")} == colors
    told = {line["content"]["color"] for line in imports.report(outcome["id"]) if "color_known" in line["rule"]}
    assert told == {color for color, expected in colors.items() if expected is None}


def test_a_rhythm_that_does_not_fit_becomes_what_is_nearest_and_is_reported(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "backup.db"
    loop.write(path, habits=len(NEAREST), days=1)
    for number, (times, days) in enumerate(NEAREST, 1):
        rhythm = f"freq_num = {times}, freq_den = {days}, reminder_days = 127"
        change(path, f"update Habits set name = '{times} in {days}', {rhythm} where id = {number}")
    outcome = imports.run(path)
    found = imports.rows("select name, frequency, target_days, interval_days from habits")
    expected = {f"{times} in {days}": rhythm for (times, days), rhythm in NEAREST.items()}
    assert {name: (*rhythm,) for name, *rhythm in (row.values() for row in found)} == expected
    told = [line for line in imports.report(outcome["id"]) if line["entity"] == "habits"]
    assert sorted((line["content"]["freq_num"], line["content"]["freq_den"]) for line in told) == sorted(NEAREST)
    for line in told:
        assert line["kind"] == "changed"
        assert "frequency" in line["rule"]


@pytest.mark.parametrize("version", [12, 17, 25])
def test_every_kind_of_dirt_has_its_fate(version: int, imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "backup.db"
    written = loop.write(path, habits=2, days=3, version=version, dirt={*loop.KINDS.of(str(version))})
    before = imports.counts()
    outcome = imports.run(path)
    told: dict[tuple[str, str], set[str]] = {}
    entities = {"Habits": "habits", "Repetitions": "habit_entries"}
    for line in imports.report(outcome["id"]):
        told.setdefault((line["entity"], line["place"]), set()).add(line["kind"])
    for each in written.planted:
        if version < 14 and color_of(path, each) == -1:
            # That is white.
            continue
        kinds = told.get((entities[each.entity], each.key), set())
        if each.fate == "rejected":
            assert "rejected" in kinds, each
        elif each.fate == "reported":
            assert kinds, each
        else:
            assert not kinds, each
    rejected = sum("rejected" in kinds for kinds in told.values())
    assert sum(became(outcome, "rejected").values()) == rejected
    imports.verified(outcome["id"])
    again = imports.run(path)
    assert became(again, "imported") == became(again, "updated") == {}
    for done in (again, outcome):
        imports.rolled_back(done["id"])
    assert imports.counts() == before


@pytest.mark.parametrize("version", [20, 25])
def test_a_backup_is_brought_in_again_and_taken_back(version: int, imports: Imports, started: Started, tmp_path: Path) -> None:
    path = tmp_path / "backup.db"
    loop.write(path, habits=3, days=4, version=version)
    user = started(database_url=imports.url).user()
    imports.words = ("--user", user.email)
    before = imports.counts()
    dry = imports.run(path, "--dry-run")
    assert imports.counts() == before
    first = imports.run(path)
    assert dry["counts"] == first["counts"]
    habits = {habit["name"]: habit for habit in user.walk("/v1/habits")}
    again = imports.run(path)
    assert became(again, "unchanged") == became(first, "imported")
    change(
        path,
        "update Habits set name = 'Renamed' where id = 2",
        # The app deletes a repetition and makes a new one.
        "delete from Repetitions where id = 5",
        f"insert into Repetitions (id, habit, timestamp, value) values (500, 2, {loop.timestamp(date(2025, 6, 27))}, 0)",
        f"insert into Repetitions (id, habit, timestamp, value) values (501, 2, {loop.timestamp(date(2025, 7, 1))}, 0)",
    )
    second = imports.run(path)
    assert became(second, "updated").get("habits") == 1
    assert sum(count for name in ("updated", "imported") for count in became(second, name).values()) in {2, 3}
    assert "Renamed" in {habit["name"] for habit in user.walk("/v1/habits")}
    imports.rolled_back(second["id"])
    assert {habit["name"] for habit in user.walk("/v1/habits")} == set(habits)
    # Another account's import of the same backup is its own.
    other = user.api.user()
    others = imports.run(path, "--user", other.email)
    assert became(others, "imported")["habits"] == 3
    assert len(other.walk("/v1/habits")) == 3
    imports.rolled_back(others["id"])
    # What its user has changed since is kept.
    [kept, *_] = user.walk("/v1/habits")
    assert user.patch(f"/v1/habits/{kept['id']}", {"name": "Mine"}).status_code == 200
    imports.rolled_back(first["id"])
    assert [habit["name"] for habit in user.walk("/v1/habits")] == ["Mine"]


def test_whose_it_is_has_to_be_said(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "backup.db"
    loop.write(path, habits=1, days=1)
    assert imports.given_up("import", "loop", str(path)) == (
        "holdfast: A backup of the Loop Habit Tracker has no account: say whose it is by --user EMAIL.\n"
    )
    assert "There is no account with the e-mail address of --user" in imports.refused(path, "--user", "nobody@example.com")
    change(path, "pragma user_version = 8")
    assert "of version 8: those from 12 to 25 can be read" in imports.refused(path)


@pytest.mark.parametrize("version", [12, 25])
def test_every_cell_is_here_or_in_the_report(version: int, imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "backup.db"
    loop.write(path, habits=2, days=3, version=version)
    columns = {}
    with closing(sqlite3.connect(path)) as connection:
        for table in ("Habits", "Repetitions"):
            columns[table] = {name.lower() for _, name, *_ in connection.execute(f"pragma table_info({table})")}
        connection.execute("alter table Habits add column streak_goal text")
        connection.execute("update Habits set streak_goal = 'thirty', highlight = 7")
        connection.execute("create table Extra (id integer)")
        connection.commit()
    outcome = imports.run(path)
    told = {line["place"]: line["content"] for line in imports.report(outcome["id"]) if line["rule"] == "no_place"}
    assert told.pop("Habits.streak_goal") == {"rows": 2, "values": {"thirty": 2}}
    assert told.pop("Habits.highlight") == {"rows": 2, "values": {"7": 2}}
    tables = {"Checkmarks", "Score", "Streak"} if version < 20 else {"Events"}
    assert told == dict.fromkeys({"Extra", "android_metadata", *tables})
    # Each column that is taken changes what comes here, or what is told.
    before = staged("loop", path)
    for table, names in columns.items():
        for name in sorted(names - {"id", "highlight", "target_type", "uuid"}):
            copy = tmp_path / f"{table}.{name}.db"
            copy.write_bytes(path.read_bytes())
            value = {
                "timestamp": 0, "habit": 3, "notes": "'other'", "unit": "'other'", "reminder_hour": 3, "reminder_min": 3,
                "freq_num": 5, "freq_den": 9,
            }.get(name, "'0'" if name in {"archived", "type", "value"} else "'77'")  # fmt: skip
            extra = ", reminder_hour = 4, reminder_min = 5" if name == "reminder_days" else ""
            last = f"select max(id) from {table} where habit = 1" if table == "Repetitions" else "select 1"
            statement = f"update {table} set {name} = case {name} when '0' then 1 else {value} end{extra} where id = ({last})"
            change(copy, statement)
            assert staged("loop", copy) != before, f"{table}.{name}"
