"""Importing the habit tracker, of every generation: each row and each cell, again and back."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from client import Execute, Started, User
from imported import Imports, all_same, became
from sources import habits
from sources.files import change
from sources.planting import Row
from staged import staged

Truth = dict[str, dict[str, Row]]

GENERATIONS = ["A", "B", "C", "D", "BD"]
SIZE: dict[str, Any] = {"users": 6, "habits": 4, "days": 3}
ONE: dict[str, Any] = {"users": 1, "habits": 1, "days": 1}


@pytest.fixture
def imports(own_database: str, own_execute: Execute) -> Imports:
    return Imports(own_database, own_execute, "habits")


def keyed(table: dict[str, Row]) -> dict[str, Row]:
    """Rows by the keys that an import gives them."""
    since = datetime(1970, 1, 1)  # noqa: DTZ001 - as the models have it
    return {f"{id_}@{(row['created_at'] - since) // timedelta(microseconds=1)}": row for id_, row in table.items()}


def aware(moment: Any) -> Any:
    """What a naive time means."""
    return moment.replace(tzinfo=UTC)


def assert_all_is_here(imports: Imports, truth: Truth) -> None:
    """Every user, habit, log, comment and tag is here as the truth has it, and nothing else is."""
    names: dict[object, str] = {}
    for table, entity in (("users", "users"), ("habits", "habits")):
        expected, found = keyed(truth[table]), imports.here(entity)
        assert found.keys() == expected.keys()
        for key, row in expected.items():
            names[entity, row["id"]] = key
            names[found[key]["id"]] = key
            here = found[key]
            assert here["created_at"] == aware(row["created_at"])
            assert here["updated_at"] == aware(row.get("updated_at", row["created_at"]))
            (_assert_user if entity == "users" else _assert_habit)(row, here, truth, names)
    identities = imports.rows("select user_id, provider, subject from identities")
    assert {(names[each["user_id"]], each["provider"], each["subject"]) for each in identities} == {
        (key, provider, row[f"{provider}_id"])
        for key, row in keyed(truth["users"]).items()
        for provider in ("google", "github")
        if row[f"{provider}_id"]
    }
    entries = {
        (names[each["habit_id"]], each["date"]): (
            each["completed"], each["note"], each["duration_seconds"], each["created_at"], names[each["user_id"]],
        )
        for each in imports.rows("select * from habit_entries")
    }  # fmt: skip
    assert entries == dict(_entry(row, truth, names) for row in truth["habit_logs"].values())
    if "comments" in truth:
        comments = imports.rows("select habit_id, date, text, created_at from habit_comments")
        assert sorted((names[each["habit_id"]], *tuple(each.values())[1:]) for each in comments) == sorted(
            (names["habits", log["habit_id"]], log["date"], row["text"], aware(row["created_at"]))
            for row in truth["comments"].values()
            for log in [truth["habit_logs"][str(row["habit_log_id"])]]
        )
        tags = imports.rows("select user_id, name from tags")
        assert sorted((names[each["user_id"]], each["name"]) for each in tags) == sorted(
            (names["users", row["user_id"]], row["name"]) for row in truth["tags"].values()
        )
        carried = imports.rows("select habit_id, name from taggings g join tags t using (user_id) where t.id = g.tag_id")
        assert sorted((names[each["habit_id"]], each["name"]) for each in carried) == sorted(
            (names["habits", row["habit_id"]], truth["tags"][str(row["tag_id"])]["name"])
            for row in truth["habit_tags"].values()
        )


def _assert_user(row: Row, here: Row, _: Truth, __: dict[object, str]) -> None:
    columns = ("email", "password_hash", "name", "avatar_url")
    assert {column: here[column] for column in columns} == {column: row[column] for column in columns}
    assert here["is_active"] == row.get("is_active", True)


def _assert_habit(row: Row, here: Row, truth: Truth, names: dict[object, str]) -> None:
    assert names[here["user_id"]] == names["users", row["user_id"]]
    described = row["description"] if row["description"] and not row["description"].isspace() else None
    assert (here["name"], here["description"], here["is_archived"]) == (row["name"], described, row.get("is_archived", False))
    every = row.get("frequency", 1)
    assert (here["frequency"], here["interval_days"]) == (("daily", None) if every == 1 else ("interval", every))
    kind = row.get("habit_type")
    assert here["nature"] == (None if kind is None else str(getattr(kind, "value", kind)).lower())
    assert (here["reward"], here["duration_seconds"]) == (row.get("reward") or None, row.get("execution_time"))
    related = row.get("related_habit_id")
    assert (here["related_habit_id"] is None) == (related is None)
    category = truth["categories"][str(row["category_id"])] if row.get("category_id") else {}
    assert [here[name] for name in ("category", "color", "icon")] == [category.get(name) for name in ("name", "color", "icon")]


def _entry(row: Row, truth: Truth, names: dict[object, str]) -> tuple[object, object]:
    day = row["date"].date() if isinstance(row["date"], datetime) else row["date"]
    made_at = row.get("created_at") or datetime(day.year, day.month, day.day)  # noqa: DTZ001 - as the models have it
    note = row.get("notes")
    duration = row.get("duration")
    owner = names["users", truth["habits"][str(row["habit_id"])]["user_id"]]
    state = (
        row["completed"],
        note if note and not note.isspace() else None,
        None if duration is None else Decimal(duration),
        aware(made_at),
        owner,
    )
    return (names["habits", row["habit_id"]], day), state


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_row_of_every_generation_arrives(generation: str, imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "habits.db"
    written = habits.write(path, **SIZE, generation=generation)
    outcome = imports.run(path)
    assert became(outcome, "rejected") == {}
    assert_all_is_here(imports, written.truth)
    assert imports.verified(outcome["id"]) == all_same(outcome)


@pytest.mark.parametrize("generation", ["A", "D"])
def test_every_row_of_a_postgresql_arrives(generation: str, imports: Imports, empty_database: str) -> None:
    written = habits.write(empty_database, **SIZE, generation=generation)
    outcome = imports.run(empty_database)
    assert became(outcome, "rejected") == {}
    assert_all_is_here(imports, written.truth)
    assert imports.verified(outcome["id"]) == all_same(outcome)


@pytest.mark.parametrize("form", ["A", "B", "C", "D", "BD", "PostgreSQL"])
def test_every_kind_of_dirt_has_its_fate(form: str, imports: Imports, empty_database: str, tmp_path: Path) -> None:
    generation = "D" if form == "PostgreSQL" else form
    at = empty_database if form == "PostgreSQL" else tmp_path / "habits.db"
    dirt = {*habits.KINDS.of(habits.form(generation, at))}
    written = habits.write(at, users=2, habits=2, days=2, generation=generation, dirt=dirt)
    before = imports.counts()
    outcome = imports.run(at)
    told: dict[tuple[str, str], set[str]] = {}
    for line in imports.report(outcome["id"]):
        told.setdefault((line["entity"], line["place"].partition("@")[0]), set()).add(line["kind"])
    entities = {"habit_logs": "habit_entries", "habit_tags": "taggings", "comments": "habit_comments"}
    wrong = []
    for each in written.planted:
        kinds = told.get((entities.get(each.entity, each.entity), each.key), set())
        if each.kind == "texts_in_integers" and not kinds:
            # A column without a place is told as a whole.
            column = {"habits": "tracking_days", "users": "default_tracking_days"}[each.entity]
            kinds = told[each.entity, f"{each.entity}.{column}"]
        if not {"rejected": "rejected" in kinds, "reported": bool(kinds), "kept": not kinds}[each.fate]:
            wrong.append((each, kinds))
    assert wrong == [], "\n".join(map(str, wrong))
    imports.verified(outcome["id"])
    again = imports.run(at)
    assert became(again, "imported") == became(again, "updated") == {}
    for done in (again, outcome):
        imports.rolled_back(done["id"])
    assert imports.counts() == before


def test_users_go_on_where_they_were_and_a_forced_rollback_leaves_nothing_of_it(
    imports: Imports, started: Started, tmp_path: Path
) -> None:
    path = tmp_path / "habits.db"
    truth = habits.write(path, **SIZE).truth
    before = imports.counts()
    done = imports.command("import", "habits", str(path), "--backup", str(tmp_path / "kept"))
    assert done.returncode == 0, done.stderr
    assert "generation D, an SQLite file" in done.stderr
    with closing(sqlite3.connect(tmp_path / "kept" / "habits.db")) as copy:
        assert copy.execute("select count(*) from habit_logs").fetchone() == (72,)
    api = started(database_url=imports.url)
    for row in truth["users"].values():
        answer = api.post("/v1/auth/login", {"email": row["email"], "password": habits.PASSWORD})
        expected = 401 if row["password_hash"] is None else 200 if row["is_active"] else 403
        assert answer.status_code == expected, answer.text
        if expected == 200:
            user = User(api, answer.json())
            mine = {each["name"] for each in truth["habits"].values() if each["user_id"] == row["id"]}
            listed = user.walk("/v1/habits")
            assert {habit["name"] for habit in listed} == mine
            assert len(user.walk(f"/v1/habits/{listed[0]['id']}/entries")) == 3
            user.made("/v1/habits", {"name": "Own"})
    [outcome] = imports.rows("select id::text from imports")
    imports.rolled_back(outcome["id"], "--force")
    assert imports.counts() == before


def test_an_import_is_repeated_and_taken_back(imports: Imports, started: Started, tmp_path: Path) -> None:
    path = tmp_path / "habits.db"
    truth = habits.write(path, **SIZE).truth
    before = imports.counts()
    dry = imports.run(path, "--dry-run")
    assert imports.counts() == before
    first = imports.run(path)
    assert dry["counts"] == first["counts"]
    again = imports.run(path)
    assert became(again, "unchanged") == became(first, "imported")
    full = imports.counts()
    change(
        path,
        "update habits set name = 'Changed there' where id = 2",
        "update habit_logs set notes = 'Changed there', completed = not completed where id in (4, 5)",
        "insert into habit_logs (id, habit_id, date, completed, created_at)"
        " select 9999, habit_id, '2025-07-01', 1, created_at from habit_logs where id = 4",
    )
    second = imports.run(path)
    assert became(second, "updated") == {"habits": 1, "habit_entries": 2}
    assert became(second, "imported") == {"habit_entries": 1}
    assert imports.verified(second["id"])["habit_entries"] == {"same": 73}
    assert second["id"] in imports.given_up("rollback", first["id"])
    imports.rolled_back(second["id"])
    assert imports.counts() == full
    assert_all_is_here(imports, truth)
    # What users have changed or made here since stays, and what it belongs to.
    api = started(database_url=imports.url)
    login = {"email": truth["users"]["1"]["email"], "password": habits.PASSWORD}
    user = User(api, api.post("/v1/auth/login", login).json())
    mine, other, *_ = user.walk("/v1/habits")
    assert user.patch(f"/v1/habits/{mine['id']}", {"name": "Changed here"}).status_code == 200
    assert user.put(f"/v1/habits/{other['id']}/entries/2026-01-01", {"completed": True}).status_code in {200, 201}
    own = user.made("/v1/habits", {"name": "Own"})
    ended = imports.command("rollback", first["id"])
    assert (ended.returncode, "are kept" in ended.stdout) == (0, True)
    assert {habit["id"] for habit in user.walk("/v1/habits")} == {mine["id"], other["id"], own["id"]}
    assert [entry["date"] for entry in user.walk(f"/v1/habits/{other['id']}/entries")] == ["2026-01-01"]
    assert [str(row["id"]) for row in imports.rows("select id from users")] == [user.id]
    third = imports.run(path)
    assert became(third, "imported")["habits"] == 22
    imports.rolled_back(third["id"], "--force")


def test_an_account_here_gets_a_users_rows_only_when_that_is_said(imports: Imports, started: Started, tmp_path: Path) -> None:
    path = tmp_path / "habits.db"
    email = habits.write(path, **ONE).truth["users"]["1"]["email"]
    user = started(database_url=imports.url).user(email=email)
    refused = imports.run(path)
    assert became(refused, "imported") == {}
    assert {line["rule"] for line in imports.report(refused["id"]) if line["entity"] == "users"} >= {"unproved_email"}
    outcome = imports.run(path, "--into-existing")
    assert (became(outcome, "merged"), became(outcome, "imported")["habits"]) == ({"users": 1}, 1)
    assert len(user.walk("/v1/habits")) == 1
    imports.rolled_back(outcome["id"])
    assert (user.walk("/v1/habits"), user.get("/v1/me").status_code) == ([], 200)


CELLS = {
    "created_at": "2019-05-05 05:05:05.000000", "updated_at": "2024-05-05 05:05:05.000000", "date": "2019-05-05",
    "is_active": 0, "is_archived": 1, "completed": 0, "habit_type": "PLEASANT", "color": "#010203",
    "email": "other@example.org",    "password_hash": habits.HASHES[1],
    "user_id": 2, "habit_id": 5556, "related_habit_id": 2, "category_id": 3, "tag_id": 2,
    "habit_log_id": 2, "id": 5555,
}  # fmt: skip
"""Another value for a cell of a column; of others 77."""


def test_the_first_and_the_last_time_are_no_infinity(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "habits.db"
    habits.write(path, users=1, habits=1, days=1)
    change(path, "update habits set created_at = '0001-01-01 00:00:00', updated_at = '9999-12-31 23:59:59.999999'")
    done = imports.run(path)
    ask = "select created_at::text as made, updated_at::text as changed, isfinite(created_at) as is_one from habits"
    [times] = imports.rows(ask)
    assert times == {"made": "0001-01-01 00:00:00+00", "changed": "9999-12-31 23:59:59.999999+00", "is_one": True}
    assert imports.verified(done["id"])["habits"] == {"same": 1}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_cell_is_here_or_in_the_report(generation: str, tmp_path: Path) -> None:
    """Any cell that is another one makes another import: nothing of a source is passed over in silence."""
    path = tmp_path / "habits.db"
    habits.write(path, users=2, habits=2, days=2, generation=generation)
    change(
        path,
        "update users set google_id = 'g', github_id = 'h' where id = 1",
        "alter table habits add column mascot text",
        "create table sounds (id integer)",
    )
    if "D" in generation:
        change(
            path,
            "update habits set category_id = 1 where id = 1",
            "delete from habit_tags",
            "insert into habit_tags (habit_id, tag_id) values (1, 1)",
            "update habits set habit_type = 'USEFUL'",
        )
    with closing(sqlite3.connect(path)) as connection:
        cells = [
            (str(table), str(column))
            for table, column in connection.execute(
                "select t.name, c.name from sqlite_master t join pragma_table_info(t.name) c where t.type = 'table'"
            )
            if table not in {"sounds", "sqlite_sequence"}
        ]
    assert len(cells) > (15 if generation == "A" else 20)
    before = staged("habits", path)
    assert ("place", "sounds") in {cell for table, row in before if table == "staged_reports" for cell in row}
    silent = []
    for table, column in cells:
        copy = tmp_path / f"{table}.{column}.db"
        copy.write_bytes(path.read_bytes())
        with closing(sqlite3.connect(copy)) as connection, connection:
            value = CELLS.get(column, 77)
            connection.execute("pragma foreign_keys = off")
            made = connection.execute(f"select rowid, {column} from {table} limit 1").fetchone()
            value = 1 if made[1] == value else value
            connection.execute(f"update {table} set {column} = ? where rowid = ?", (value, made[0]))
        if staged("habits", copy) == before:
            silent.append(f"{table}.{column}")
    assert silent == []


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("create table users (id integer)", "This is no database of the habit tracker: it has no users.created_at"),
        ("create table other (id integer)", "This is no database of the habit tracker: it has no table users"),
    ],
)
def test_what_is_no_habit_tracker_is_refused(table: str, sentence: str, imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "habits.db"
    change(path, table)
    before = imports.counts()
    assert sentence in imports.refused(path)
    assert imports.counts() == before


def test_a_file_that_its_app_writes_to_is_read_as_it_was(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "habits.db"
    habits.write(path, **ONE, generation="A")
    with closing(sqlite3.connect(path, isolation_level=None)) as app:
        app.execute("begin immediate")
        app.execute("update habits set name = 'Not yet'")
        outcome = imports.run(path)
        app.execute("rollback")
    assert became(outcome, "imported")["habits"] == 1
    assert imports.rows("select from habits where name = 'Not yet'") == []
    assert date(2025, 6, 30) in {row["date"] for row in imports.rows("select date from habit_entries")}
