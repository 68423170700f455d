"""`holdfast import` and its sisters, whatever the source: what they refuse, keep and take back. One source stands for all."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from client import Execute
from command import HOLDFAST, process
from imported import Imports
from sources import habits
from sources.files import change

NO_ID = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A habit tracker's file with 2 users, 4 habits and 12 logs."""
    path = tmp_path / "habits.db"
    habits.write(path, users=2, habits=2, days=3, generation="B")
    return path


@pytest.fixture
def imports(own_database: str, own_execute: Execute) -> Imports:
    return Imports(own_database, own_execute, "habits")


def fetch(imports: Imports, sql: str, *values: object) -> list[Any]:
    """The first column of every row."""
    return [next(iter(row.values())) for row in imports.rows(sql, *values)]


def at_work(imports: Imports, part: str) -> list[Any]:
    """The connections that run a statement that has this part."""
    return imports.rows(
        """
        select from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and query like '%' || $1 || '%'""",
        part,
    )


def nothing_came(imports: Imports) -> bool:
    """Whether there is no row of any import."""
    return fetch(imports, "select count(*) from users union all select count(*) from import_items") == [0, 0]


def test_a_file_that_is_no_database_is_refused_in_a_sentence(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "habits.db"
    for content, said in (
        (b"", "is empty"),
        (b"hello, this is no database", "not an SQLite file, or it is encrypted"),
        (os.urandom(8192), "not an SQLite file, or it is encrypted"),
        (b"SQLite format 3\0" + bytes(4096), "cannot be read as an SQLite file"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "cannot be read as an SQLite file"),
    ):
        path.write_bytes(content)
        assert said in imports.refused(path)
    assert nothing_came(imports)


def test_a_truncated_database_is_refused(imports: Imports, source: Path) -> None:
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])
    assert "malformed" in imports.refused(source)
    assert nothing_came(imports)


def test_a_database_of_something_else_is_refused(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    change(path, "create table users (id integer primary key, email text)")
    assert "it has no users.created_at, password_hash" in imports.refused(path)


def test_places_that_are_no_files_are_refused(imports: Imports, tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert "is a folder" in imports.refused(tmp_path)
    assert "symbolic links" in imports.refused(circle)
    assert "No such file" in imports.refused(tmp_path / "none.db")


def test_a_server_that_is_not_there_is_named_without_its_password(imports: Imports) -> None:
    for url, said in (
        ("postgresql://ada:secret-word@127.0.0.1:1/habits", "is it running, and reachable?"),
        ("postgresql://ada:secret-word@[::1/habits", "check its form"),
        ("postgresql://ada:secret-word@127.0.0.1:port/habits", "check its form"),
    ):
        sentence = imports.refused(url)
        assert said in sentence
        assert "secret-word" not in sentence


def test_a_locked_file_is_refused_and_nothing_is_half_done(imports: Imports, source: Path) -> None:
    writer = sqlite3.connect(source, isolation_level=None)
    writer.execute("pragma locking_mode = exclusive")
    writer.execute("begin exclusive")
    try:
        assert "is locked" in imports.refused(source)
    finally:
        writer.close()
    assert nothing_came(imports)


def test_an_app_that_writes_meanwhile_is_read_as_it_was_at_the_beginning(imports: Imports, source: Path) -> None:
    with sqlite3.connect(source) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("update habits set name = 'Committed'")
        writer.commit()
        # Uncommitted: the import must neither wait for it nor see it.
        writer.execute("update habits set name = 'Not yet'")
        counts = imports.run(source)["counts"]
    assert counts["habits"]["imported"] == 4
    assert set(fetch(imports, "select name from habits")) == {"Committed"}


def test_an_import_that_may_not_reject_imports_nothing_at_the_first_reject(imports: Imports, source: Path) -> None:
    change(source, "update habits set name = ' ' where id = 1")
    sentence = imports.refused(source, "--on-error", "stop")
    assert "habits_name_not_blank" in sentence
    assert nothing_came(imports)
    assert imports.run(source)["counts"]["habits"] == {"read": 4, "imported": 3, "rejected": 1}


def test_a_dry_run_tells_everything_and_keeps_nothing(imports: Imports, source: Path, tmp_path: Path) -> None:
    change(source, "update habits set name = ' ' where id = 1")
    report = tmp_path / "report.jsonl"
    dry = imports.run(source, "--dry-run", "--report", str(report))
    assert fetch(imports, "select count(*) from imports") == [0]
    assert nothing_came(imports)
    rules = [json.loads(line)["rule"] for line in report.read_text().splitlines()]
    assert "habits_name_not_blank" in rules
    run = imports.run(source)
    assert run["counts"] == dry["counts"]
    # The same lines are kept of an import, and shown.
    shown = imports.command("imports", run["id"]).stdout
    assert [json.loads(line) for line in shown.splitlines()] == imports.report(run["id"])
    assert [json.loads(line)["rule"] for line in shown.splitlines()] == rules


def test_a_report_that_cannot_be_written_is_said_before_anything_is_read(imports: Imports, source: Path) -> None:
    done = imports.command("import", "habits", str(source), "--report", "/nowhere/report.jsonl")
    assert done.returncode == 2
    assert "/nowhere/report.jsonl" in done.stderr
    assert nothing_came(imports)


def test_a_backup_is_the_source_as_it_was(imports: Imports, source: Path, tmp_path: Path) -> None:
    imports.run(source, "--backup", str(tmp_path / "kept"))
    with sqlite3.connect(tmp_path / "kept" / "habits.db") as copy, sqlite3.connect(source) as original:
        assert list(copy.iterdump()) == list(original.iterdump())


def test_the_account_of_an_unproved_address_gets_no_data_of_another(imports: Imports, source: Path) -> None:
    """Whoever registers with a victim's address before the move must not find the victim's habits."""
    (email,) = sqlite3.connect(source).execute("select email from users where id = 1").fetchone()
    fetch(imports, "insert into users (email, password_hash) values ($1, 'x')", email)
    counts = imports.run(source)["counts"]
    assert counts["users"] == {"read": 2, "imported": 1, "rejected": 1}
    assert counts["habits"] == {"read": 4, "imported": 2, "rejected": 2}
    assert fetch(imports, "select count(*) from habits h join users u on u.id = h.user_id where u.email = $1", email) == [0]
    assert imports.run(source, "--into-existing")["counts"]["habits"] == {"read": 4, "imported": 2, "unchanged": 2}


def test_the_account_of_a_proved_address_gets_the_rows_and_stays_as_it_is(imports: Imports, source: Path) -> None:
    (email,) = sqlite3.connect(source).execute("select email from users where id = 1").fetchone()
    fetch(
        imports,
        "insert into users (email, name, password_hash, email_verified_at) values ($1, 'Mine', 'x', now())",
        email.upper(),
    )
    run = imports.run(source)
    assert run["counts"]["users"] == {"read": 2, "imported": 1, "merged": 1}
    assert fetch(imports, "select name || password_hash from users where email = $1", email.upper()) == ["Minex"]
    imports.verified(run["id"])
    imports.rolled_back(run["id"])
    assert fetch(imports, "select email from users") == [email.upper()]
    assert fetch(imports, "select count(*) from habits union all select count(*) from import_items") == [0, 0]


def test_what_changed_in_the_source_is_brought_up_to_date_and_can_be_taken_back(imports: Imports, source: Path) -> None:
    first = imports.run(source)["id"]
    rows = "select to_jsonb(h) - '{version,search}'::text[] from habits h order by id"
    before = fetch(imports, rows)
    change(source, "update habits set name = 'Renamed', updated_at = '2030-01-01 00:00:00' where id = 1")
    change(source, "insert into habit_logs (habit_id, date, completed) values (1, '2031-01-01', 1)")
    second = imports.run(source)
    assert second["counts"]["habits"] == {"read": 4, "updated": 1, "unchanged": 3}
    assert second["counts"]["habit_entries"] == {"read": 13, "imported": 1, "unchanged": 12}
    assert fetch(imports, "select updated_at::text from habits where name = 'Renamed'")[0].startswith("2030-01-01")
    # Once more, it is as it is.
    assert "updated" not in imports.run(source)["counts"]["habits"]
    assert second["id"] in imports.given_up("rollback", first)
    imports.rolled_back(second["id"])
    assert fetch(imports, rows) == before
    assert fetch(imports, "select count(*) from habit_entries") == [12]


def test_what_changed_here_is_neither_overwritten_nor_rolled_back(imports: Imports, source: Path) -> None:
    run = imports.run(source)["id"]
    fetch(imports, "update habits set name = 'Mine' where name = (select min(name) from habits)")
    (number,) = sqlite3.connect(source).execute("select id from habits order by name collate binary limit 1").fetchone()
    change(source, "update habits set name = 'Theirs'")
    again = imports.run(source)
    assert again["counts"]["habits"] == {"read": 4, "updated": 3, "kept": 1}
    assert [line["rule"] for line in again["report"] if line["kind"] == "kept"] == ["changed_here"]
    assert fetch(imports, "select count(*) from habits where name = 'Mine'") == [1]
    imports.rolled_back(again["id"])
    counts = imports.rolled_back(run)
    # The habit stays, and so does its user; the other habits and every entry go.
    assert counts["habits"] == {"removed": 3, "restored": 0, "kept": 1}, number
    assert counts["users"] == {"removed": 1, "restored": 0, "kept": 1}
    assert fetch(imports, "select name from habits") == ["Mine"]
    # By force it goes even now.
    assert "rolled back already" in imports.given_up("rollback", run)
    assert imports.rolled_back(run, "--force")["habits"] == {"removed": 1, "restored": 0, "kept": 0}
    assert nothing_came(imports)
    assert "rolled back already" in imports.given_up("rollback", run, "--force")


def test_what_a_user_added_keeps_what_it_belongs_to(imports: Imports, source: Path) -> None:
    run = imports.run(source)["id"]
    fetch(
        imports,
        "insert into habit_entries (user_id, habit_id, date) select user_id, id, '2040-01-01' from habits order by id limit 1",
    )
    counts = imports.rolled_back(run)
    assert (counts["habits"]["kept"], counts["users"]["kept"]) == (1, 1)
    assert fetch(imports, "select date::text from habit_entries") == ["2040-01-01"]


def test_by_force_everything_goes(imports: Imports, source: Path) -> None:
    run = imports.run(source)["id"]
    fetch(imports, "update habits set name = 'Mine'")
    imports.rolled_back(run, "--force")
    assert nothing_came(imports)


def test_what_was_deleted_here_does_not_come_again(imports: Imports, source: Path) -> None:
    run = imports.run(source)["id"]
    fetch(imports, "delete from habits where id = (select min(id::text)::uuid from habits)")
    again = imports.run(source)
    assert again["counts"]["habits"] == {"read": 4, "unchanged": 4}
    assert fetch(imports, "select count(*) from habits") == [3]
    shown = imports.differing(run)
    assert "deleted here" in shown


def test_whoever_deletes_their_account_leaves_nothing_of_an_import(imports: Imports, source: Path) -> None:
    change(source, "update habits set name = ' ' where id = 1")
    imports.run(source)
    fetch(imports, "delete from users")
    assert fetch(imports, "select count(*) from import_items") == [0]
    assert fetch(imports, "select count(*) from import_reports where kind = 'rejected' and user_id is not null") == [0]


def test_a_difference_is_found_and_shown_with_both_values(imports: Imports, source: Path) -> None:
    run = imports.run(source)["id"]
    # By the back door: without a new version.
    fetch(imports, "alter table habits disable trigger habits_touch")
    fetch(imports, "update habits set reward = 'Forged' where id = (select min(id::text)::uuid from habits)")
    shown = imports.differing(run)
    assert "different" in shown
    assert "reward: None in the source, 'Forged' here" in shown


def test_a_row_that_is_missing_is_found(imports: Imports, source: Path) -> None:
    run = imports.run(source)["id"]
    imports.verified(run)
    fetch(imports, "delete from habit_entries where date = (select min(date) from habit_entries)")
    imports.differing(run)


def test_one_import_at_a_time(imports: Imports, source: Path) -> None:
    imports.rows("select pg_advisory_lock(hashtext('holdfast import'))")
    assert "Another import" in imports.refused(source)


SESSIONS = "select pid from pg_stat_activity where datname = current_database() and application_name like 'holdfast command%'"


def test_an_import_that_is_interrupted_or_killed_leaves_nothing_half_done(imports: Imports, tmp_path: Path) -> None:
    source = tmp_path / "habits.db"
    habits.write(source, users=20, habits=10, days=100, generation="B")
    for sent, code, status in ((signal.SIGINT, 130, {"failed", "running"}), (signal.SIGKILL, -9, {"running"})):
        running = subprocess.Popen(
            [HOLDFAST, "import", "habits", str(source), "--pace"],
            env=os.environ | {"DATABASE_URL": imports.url},
            stderr=subprocess.PIPE,
            text=True,
        )
        while not at_work(imports, "import_move"):
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(sent)
        _, said = running.communicate(timeout=30)
        assert running.returncode == code, said
        assert "Traceback" not in said
        # Until its session has ended, which first drops its temporary tables, another one would be refused.
        while fetch(imports, SESSIONS):
            time.sleep(0.02)
        assert nothing_came(imports)
        assert {*fetch(imports, "select status from imports order by id desc limit 1")} <= status
    counts = imports.run(source)["counts"]
    assert counts["habit_entries"]["imported"] == 20_000
    assert fetch(imports, "select status from imports order by id") == ["failed", "failed", "done"]


def test_ids_of_no_import_are_refused(imports: Imports) -> None:
    for command in ("verify", "rollback", "imports"):
        assert "There is no import with this id" in imports.given_up(command, NO_ID)


def test_a_second_rollback_is_refused(imports: Imports, source: Path) -> None:
    run = imports.run(source)["id"]
    imports.rolled_back(run)
    assert "rolled back already" in imports.given_up("rollback", run)


def test_a_source_that_has_moved_is_verified_where_it_is_now(imports: Imports, source: Path, tmp_path: Path) -> None:
    run = imports.run(source)["id"]
    moved = shutil.move(source, tmp_path / "elsewhere.db")
    assert "No such file" in imports.given_up("verify", run)
    imports.verified(run, "--location", str(moved))
    # The same rows at another place are the same rows.
    assert imports.run(moved)["counts"]["habits"] == {"read": 4, "unchanged": 4}


def test_the_zone_of_times_without_one_is_kept_for_verify(imports: Imports, source: Path) -> None:
    change(source, "update habits set created_at = '2024-01-01 12:00:00'")
    run = imports.run(source, "--naive-tz", "Asia/Tokyo")["id"]
    assert set(fetch(imports, "select (created_at at time zone 'UTC')::text from habits")) == {"2024-01-01 03:00:00"}
    imports.verified(run)
    imports.differing(run, "--naive-tz", "UTC")


def test_another_database_of_the_same_app_is_not_taken_for_the_first(imports: Imports, source: Path, tmp_path: Path) -> None:
    imports.run(source)
    other = tmp_path / "other.db"
    habits.write(other, users=2, habits=2, days=3, generation="B", seed=7)
    change(
        other,
        "update users set email = 'other-' || id || '@example.org', google_id = null, github_id = null",
        "update users set created_at = '2019-01-01 00:00:00'",
        "update habits set created_at = '2019-01-02 00:00:00'",
    )
    counts = imports.run(other)["counts"]
    assert (counts["users"]["imported"], counts["habits"]["imported"]) == (2, 4)


def test_the_commands_as_they_are_typed_and_read(imports: Imports, source: Path) -> None:
    done = process(imports.url, "import", "habits", str(source))
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"{source}: generation B, an SQLite file, about 18 rows.\n"
    assert "habit_entries        read 12 imported 12\n" in done.stdout
    run = done.stdout.partition("holdfast verify ")[2].split()[0]
    verified = process(imports.url, "verify", run)
    assert (verified.returncode, verified.stderr) == (0, "")
    for line in verified.stdout.splitlines():
        _, outcome, _, source_sum, target_sum = line.split()
        assert (outcome, source_sum) == ("same", target_sum)
    shown = imports.command("imports").stdout
    assert shown.startswith(f"{run}  habits  done  ")
    assert shown.endswith(f"  {source}\n")
    assert imports.command("rollback", run).stdout.endswith("The import is rolled back.\n")
    assert nothing_came(imports)
