"""`holdfast import` and its sisters, whatever the source: what they refuse, keep and take back. One source stands for all."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from client import Started
from command import HOLDFAST, holdfast, process
from sources import habits

NO_ID = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A habit tracker's file with 2 users, 4 habits and 12 logs."""
    path = tmp_path / "habits.db"
    habits.write(path, users=2, habits=2, days=3, generation="B")
    return path


def imported(database: str, source: Path | str, *words: str) -> dict[str, Any]:
    """What an import says for programs."""
    done = holdfast(database, "import", "habits", str(source), "--json", *words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def fetch(database: str, sql: str, *values: object) -> list[Any]:
    """The first column of every row."""

    async def work() -> list[Any]:
        connection = await asyncpg.connect(database)
        try:
            return [row[0] for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    return asyncio.run(work())


def at_work(database: str, state: str, part: str) -> list[Any]:
    """The connections to a database that are in a state with a statement that has this part."""
    return fetch(
        database,
        """
        select pid from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state = $1 and query like '%' || $2 || '%'""",
        state,
        part,
    )


def change(path: Path, sql: str, *values: object) -> None:
    """Change a source, as its app goes on writing."""
    with sqlite3.connect(path) as connection:
        connection.execute(sql, values)


def nothing_came(database: str) -> bool:
    """Whether there is no row of any import."""
    return fetch(database, "select count(*) from users union all select count(*) from import_items") == [0, 0]


def refused(database: str, *words: str) -> str:
    """The sentence by which a command ends with 1."""
    done = holdfast(database, *words)
    assert (done.returncode, done.stdout) == (1, ""), done.stdout
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("holdfast: ")
    assert "Traceback" not in done.stderr
    return sentence


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"hello, this is no database", "not an SQLite file, or it is encrypted"),
        (os.urandom(8192), "not an SQLite file, or it is encrypted"),
        (b"SQLite format 3\0" + bytes(4096), "cannot be read as an SQLite file"),
    ],
)
def test_a_file_that_is_no_database_is_refused_in_a_sentence(
    own_database: str, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "habits.db"
    path.write_bytes(content)
    assert said in refused(own_database, "import", "habits", str(path))
    assert nothing_came(own_database)


def test_a_truncated_database_is_refused(own_database: str, source: Path) -> None:
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])
    assert "malformed" in refused(own_database, "import", "habits", str(source))
    assert nothing_came(own_database)


def test_a_database_of_something_else_is_refused(own_database: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    change(path, "create table users (id integer primary key, email text)")
    assert "it has no users.created_at, password_hash" in refused(own_database, "import", "habits", str(path))


def test_places_that_are_no_files_are_refused(own_database: str, tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert "is a folder" in refused(own_database, "import", "habits", str(tmp_path))
    assert "symbolic links" in refused(own_database, "import", "habits", str(circle))
    assert "No such file" in refused(own_database, "import", "habits", str(tmp_path / "none.db"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://ada:secret-word@127.0.0.1:1/habits", "is it running, and reachable?"),
        ("postgresql://ada:secret-word@[::1/habits", "check its form"),
        ("postgresql://ada:secret-word@127.0.0.1:port/habits", "check its form"),
    ],
)
def test_a_server_that_is_not_there_is_named_without_its_password(own_database: str, url: str, said: str) -> None:
    sentence = refused(own_database, "import", "habits", url)
    assert said in sentence
    assert "secret-word" not in sentence


def test_a_locked_file_is_refused_and_nothing_is_half_done(own_database: str, source: Path) -> None:
    writer = sqlite3.connect(source, isolation_level=None)
    writer.execute("pragma locking_mode = exclusive")
    writer.execute("begin exclusive")
    try:
        assert "is locked" in refused(own_database, "import", "habits", str(source))
    finally:
        writer.close()
    assert nothing_came(own_database)


def test_an_app_that_writes_meanwhile_is_read_as_it_was_at_the_beginning(own_database: str, source: Path) -> None:
    with sqlite3.connect(source) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("update habits set name = 'Committed'")
        writer.commit()
        # Uncommitted: the import must neither wait for it nor see it.
        writer.execute("update habits set name = 'Not yet'")
        counts = imported(own_database, source)["counts"]
    assert counts["habits"]["imported"] == 4
    assert set(fetch(own_database, "select name from habits")) == {"Committed"}


def test_an_import_that_may_not_reject_imports_nothing_at_the_first_reject(own_database: str, source: Path) -> None:
    change(source, "update habits set name = ' ' where id = 1")
    sentence = refused(own_database, "import", "habits", str(source), "--on-error", "stop")
    assert "habits_name_not_blank" in sentence
    assert nothing_came(own_database)
    assert imported(own_database, source)["counts"]["habits"] == {"read": 4, "imported": 3, "rejected": 1}


def test_a_dry_run_tells_everything_and_keeps_nothing(own_database: str, source: Path, tmp_path: Path) -> None:
    change(source, "update habits set name = ' ' where id = 1")
    report = tmp_path / "report.jsonl"
    dry = imported(own_database, source, "--dry-run", "--report", str(report))
    assert fetch(own_database, "select count(*) from imports") == [0]
    assert nothing_came(own_database)
    rules = [json.loads(line)["rule"] for line in report.read_text().splitlines()]
    assert "habits_name_not_blank" in rules
    assert imported(own_database, source)["counts"] == dry["counts"]


def test_a_report_that_cannot_be_written_is_said_before_anything_is_read(own_database: str, source: Path) -> None:
    done = holdfast(own_database, "import", "habits", str(source), "--report", "/nowhere/report.jsonl")
    assert done.returncode == 2
    assert "/nowhere/report.jsonl" in done.stderr
    assert nothing_came(own_database)


def test_a_backup_is_the_source_as_it_was(own_database: str, source: Path, tmp_path: Path) -> None:
    imported(own_database, source, "--backup", str(tmp_path / "kept"))
    with sqlite3.connect(tmp_path / "kept" / "habits.db") as copy, sqlite3.connect(source) as original:
        assert list(copy.iterdump()) == list(original.iterdump())


def test_the_account_of_an_unproved_address_gets_no_data_of_another(own_database: str, source: Path, started: Started) -> None:
    """Whoever registers with a victim's address before the move must not find the victim's habits."""
    (email,) = sqlite3.connect(source).execute("select email from users where id = 1").fetchone()
    fetch(own_database, "insert into users (email, password_hash) values ($1, 'x')", email)
    counts = imported(own_database, source)["counts"]
    assert counts["users"] == {"read": 2, "imported": 1, "rejected": 1}
    assert counts["habits"] == {"read": 4, "imported": 2, "rejected": 2}
    assert fetch(own_database, "select count(*) from habits h join users u on u.id = h.user_id where u.email = $1", email) == [
        0
    ]
    assert imported(own_database, source, "--into-existing")["counts"]["habits"] == {"read": 4, "imported": 2, "unchanged": 2}


def test_the_account_of_a_proved_address_gets_the_rows_and_stays_as_it_is(own_database: str, source: Path) -> None:
    (email,) = sqlite3.connect(source).execute("select email from users where id = 1").fetchone()
    fetch(
        own_database,
        "insert into users (email, name, password_hash, email_verified_at) values ($1, 'Mine', 'x', now())",
        email.upper(),
    )
    run = imported(own_database, source)
    assert run["counts"]["users"] == {"read": 2, "imported": 1, "merged": 1}
    assert fetch(own_database, "select name || password_hash from users where email = $1", email.upper()) == ["Minex"]
    assert holdfast(own_database, "verify", run["id"]).returncode == 0
    assert holdfast(own_database, "rollback", run["id"]).returncode == 0
    assert fetch(own_database, "select email from users") == [email.upper()]
    assert fetch(own_database, "select count(*) from habits union all select count(*) from import_items") == [0, 0]


def test_what_changed_in_the_source_is_brought_up_to_date_and_can_be_taken_back(own_database: str, source: Path) -> None:
    first = imported(own_database, source)["id"]
    rows = "select to_jsonb(h) - '{version,search}'::text[] from habits h order by id"
    before = fetch(own_database, rows)
    change(source, "update habits set name = 'Renamed', updated_at = '2030-01-01 00:00:00' where id = 1")
    change(source, "insert into habit_logs (habit_id, date, completed) values (1, '2031-01-01', 1)")
    second = imported(own_database, source)
    assert second["counts"]["habits"] == {"read": 4, "updated": 1, "unchanged": 3}
    assert second["counts"]["habit_entries"] == {"read": 13, "imported": 1, "unchanged": 12}
    assert fetch(own_database, "select updated_at::text from habits where name = 'Renamed'")[0].startswith("2030-01-01")
    # Once more, it is as it is.
    assert "updated" not in imported(own_database, source)["counts"]["habits"]
    assert second["id"] in refused(own_database, "rollback", first)
    assert holdfast(own_database, "rollback", second["id"]).returncode == 0
    assert fetch(own_database, rows) == before
    assert fetch(own_database, "select count(*) from habit_entries") == [12]


def test_what_changed_here_is_neither_overwritten_nor_rolled_back(own_database: str, source: Path) -> None:
    run = imported(own_database, source)["id"]
    fetch(own_database, "update habits set name = 'Mine' where name = (select min(name) from habits)")
    (number,) = sqlite3.connect(source).execute("select id from habits order by name collate binary limit 1").fetchone()
    change(source, "update habits set name = 'Theirs'")
    again = imported(own_database, source)
    assert again["counts"]["habits"] == {"read": 4, "updated": 3, "kept": 1}
    assert [line["rule"] for line in again["report"] if line["kind"] == "kept"] == ["changed_here"]
    assert fetch(own_database, "select count(*) from habits where name = 'Mine'") == [1]
    assert holdfast(own_database, "rollback", again["id"]).returncode == 0
    done = holdfast(own_database, "rollback", run, "--json")
    counts = json.loads(done.stdout)
    # The habit stays, and so does its user; the other habits and every entry go.
    assert counts["habits"] == {"removed": 3, "restored": 0, "kept": 1}, number
    assert counts["users"] == {"removed": 1, "restored": 0, "kept": 1}
    assert fetch(own_database, "select name from habits") == ["Mine"]


def test_what_a_user_added_keeps_what_it_belongs_to(own_database: str, source: Path) -> None:
    run = imported(own_database, source)["id"]
    fetch(
        own_database,
        "insert into habit_entries (user_id, habit_id, date) select user_id, id, '2040-01-01' from habits order by id limit 1",
    )
    counts = json.loads(holdfast(own_database, "rollback", run, "--json").stdout)
    assert (counts["habits"]["kept"], counts["users"]["kept"]) == (1, 1)
    assert fetch(own_database, "select date::text from habit_entries") == ["2040-01-01"]


def test_by_force_everything_goes(own_database: str, source: Path) -> None:
    run = imported(own_database, source)["id"]
    fetch(own_database, "update habits set name = 'Mine'")
    assert holdfast(own_database, "rollback", run, "--force").returncode == 0
    assert nothing_came(own_database)


def test_what_was_deleted_here_does_not_come_again(own_database: str, source: Path) -> None:
    run = imported(own_database, source)["id"]
    fetch(own_database, "delete from habits where id = (select min(id::text)::uuid from habits)")
    again = imported(own_database, source)
    assert again["counts"]["habits"] == {"read": 4, "unchanged": 4}
    assert fetch(own_database, "select count(*) from habits") == [3]
    done = holdfast(own_database, "verify", run)
    assert done.returncode == 1
    assert "deleted here" in done.stdout


def test_whoever_deletes_their_account_leaves_nothing_of_an_import(own_database: str, source: Path) -> None:
    change(source, "update habits set name = ' ' where id = 1")
    imported(own_database, source)
    fetch(own_database, "delete from users")
    assert fetch(own_database, "select count(*) from import_items") == [0]
    assert fetch(own_database, "select count(*) from import_reports where kind = 'rejected' and user_id is not null") == [0]


def test_a_difference_is_found_and_shown_with_both_values(own_database: str, source: Path) -> None:
    run = imported(own_database, source)["id"]
    # By the back door: without a new version.
    fetch(own_database, "alter table habits disable trigger habits_touch")
    fetch(own_database, "update habits set reward = 'Forged' where id = (select min(id::text)::uuid from habits)")
    done = holdfast(own_database, "verify", run)
    assert done.returncode == 1
    assert "different" in done.stdout
    assert "reward: None in the source, 'Forged' here" in done.stdout


def test_a_row_that_is_missing_is_found(own_database: str, source: Path) -> None:
    run = imported(own_database, source)["id"]
    assert holdfast(own_database, "verify", run).returncode == 0
    fetch(own_database, "delete from habit_entries where date = (select min(date) from habit_entries)")
    assert holdfast(own_database, "verify", run).returncode == 1


def test_one_import_at_a_time(own_database: str, source: Path) -> None:
    async def work() -> str:
        other = await asyncpg.connect(own_database)
        try:
            await other.execute("select pg_advisory_lock(hashtext('holdfast import'))")
            return await asyncio.to_thread(refused, own_database, "import", "habits", str(source))
        finally:
            await other.close()

    assert "Another import" in asyncio.run(work())


def test_an_import_that_is_interrupted_or_killed_leaves_nothing_half_done(own_database: str, tmp_path: Path) -> None:
    source = tmp_path / "habits.db"
    habits.write(source, users=20, habits=10, days=100, generation="B")
    for sent, code, status in ((signal.SIGINT, 130, {"failed", "running"}), (signal.SIGKILL, -9, {"running"})):
        running = subprocess.Popen(
            [HOLDFAST, "import", "habits", str(source), "--pace"],
            env=os.environ | {"DATABASE_URL": own_database},
            stderr=subprocess.PIPE,
            text=True,
        )
        while not at_work(own_database, "active", "import_move"):
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(sent)
        _, said = running.communicate(timeout=30)
        assert running.returncode == code, said
        assert "Traceback" not in said
        while at_work(own_database, "active", "import_"):
            time.sleep(0.02)
        assert nothing_came(own_database)
        assert {*fetch(own_database, "select status from imports order by id desc limit 1")} <= status
    counts = imported(own_database, source)["counts"]
    assert counts["habit_entries"]["imported"] == 20_000
    assert fetch(own_database, "select status from imports order by id") == ["failed", "failed", "done"]


def test_ids_of_no_import_are_refused(own_database: str) -> None:
    for command in ("verify", "rollback", "imports"):
        assert "There is no import with this id" in refused(own_database, command, NO_ID)


def test_a_second_rollback_is_refused(own_database: str, source: Path) -> None:
    run = imported(own_database, source)["id"]
    assert holdfast(own_database, "rollback", run).returncode == 0
    assert "rolled back already" in refused(own_database, "rollback", run)


def test_a_source_that_has_moved_is_verified_where_it_is_now(own_database: str, source: Path, tmp_path: Path) -> None:
    run = imported(own_database, source)["id"]
    moved = shutil.move(source, tmp_path / "elsewhere.db")
    assert "No such file" in refused(own_database, "verify", run)
    assert holdfast(own_database, "verify", run, "--location", str(moved)).returncode == 0
    # The same rows at another place are the same rows.
    assert imported(own_database, moved)["counts"]["habits"] == {"read": 4, "unchanged": 4}


def test_the_zone_of_times_without_one_is_kept_for_verify(own_database: str, source: Path) -> None:
    change(source, "update habits set created_at = '2024-01-01 12:00:00'")
    run = imported(own_database, source, "--naive-tz", "Asia/Tokyo")["id"]
    assert set(fetch(own_database, "select (created_at at time zone 'UTC')::text from habits")) == {"2024-01-01 03:00:00"}
    assert holdfast(own_database, "verify", run).returncode == 0
    assert holdfast(own_database, "verify", run, "--naive-tz", "UTC").returncode == 1


def test_another_database_of_the_same_app_is_not_taken_for_the_first(own_database: str, source: Path, tmp_path: Path) -> None:
    imported(own_database, source)
    other = tmp_path / "other.db"
    habits.write(other, users=2, habits=2, days=3, generation="B", seed=7)
    change(other, "update users set email = 'other-' || id || '@example.org', google_id = null, github_id = null")
    change(other, "update users set created_at = '2019-01-01 00:00:00'")
    change(other, "update habits set created_at = '2019-01-02 00:00:00'")
    counts = imported(own_database, other)["counts"]
    assert (counts["users"]["imported"], counts["habits"]["imported"]) == (2, 4)


def test_the_commands_as_they_are_typed_and_read(own_database: str, source: Path) -> None:
    done = process(own_database, "import", "habits", str(source))
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"{source}: generation B, an SQLite file, about 18 rows.\n"
    assert "habit_entries        read 12 imported 12\n" in done.stdout
    run = done.stdout.partition("holdfast verify ")[2].split()[0]
    verified = process(own_database, "verify", run)
    assert (verified.returncode, verified.stderr) == (0, "")
    for line in verified.stdout.splitlines():
        _, outcome, _, source_sum, target_sum = line.split()
        assert (outcome, source_sum) == ("same", target_sum)
    assert process(own_database, "imports").stdout.startswith(f"{run}  habits  done  ")
    assert process(own_database, "rollback", run).stdout.endswith("The import is rolled back.\n")
    assert nothing_came(own_database)
