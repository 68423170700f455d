"""When what `holdfast import` needs goes away half-way, or is full: a sentence, nothing half done, and it can go on."""

import asyncio
import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import clustered
import pytest
from client import Execute
from command import HOLDFAST, holdfast
from imported import Imports
from needs import linux
from sources import assistant, council, habits

from app.database.executor import Transaction
from app.database.queries import Query
from app.importing import staging

AGAIN = "What was not finished is taken back: run the same command again to go on.\n"

HIDDEN = ("Traceback", "secret-word", "select ", "import_move(", "declare ")
"""What nobody is shown: a password, the text of a statement."""

ROOM = 16 * 1024


@pytest.fixture
def imports(own_database: str, own_execute: Execute) -> Imports:
    return Imports(own_database, own_execute, "habits")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A habit tracker's file with 30 logs, larger than ROOM."""
    path = tmp_path / "habits.db"
    habits.write(path, users=3, habits=2, days=5)
    return path


def with_password(url: str) -> str:
    """The URL with a password, if it has none: where everybody is trusted it is not asked for."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return url if parts.password else urlunsplit(parts._replace(netloc=f"{user}:secret-word@{host}"))


def cut_off(imports: Imports, location: str, lock: str, locked_in: str, waiting: str) -> str:
    """Import while a table of a database is locked, and end the backend that waits for it there. What is said then."""

    async def work() -> str:
        # A transaction sees the activity of the others as it was at its first look.
        holder, beside = [await asyncpg.connect(locked_in) for _ in range(2)]
        running = None
        try:
            async with holder.transaction():
                await holder.execute(lock)
                running = await asyncio.create_subprocess_exec(
                    *(HOLDFAST, "import", "habits", location),
                    env=os.environ | {"DATABASE_URL": imports.url},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                ended = (
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                    "and wait_event_type = 'Lock' and position($1 in query) > 0"
                )
                while not await beside.fetchval(ended, waiting):
                    assert running.returncode is None
                    await asyncio.sleep(0.05)
                async with asyncio.timeout(30):
                    shown, said = await running.communicate()
        finally:
            if running is not None and running.returncode is None:
                running.kill()
            await holder.close()
            await beside.close()
        assert (running.returncode, shown) == (1, b"")
        return said.decode()

    said = asyncio.run(work())
    assert not [each for each in HIDDEN if each in said]
    return said


def assert_it_goes_on(imports: Imports, before: dict[str, int], location: str, *words: str) -> None:
    """Nothing is here of a run that failed; the same command completes, and all is here as it is there."""
    assert imports.counts() == before
    assert holdfast(imports.url, "imports").stdout.split()[2] == "failed"
    done = imports.run(location, *words)
    assert done["counts"]["habit_entries"] == {"read": 30, "imported": 30}
    assert all(outcomes.keys() == {"same"} for outcomes in imports.verified(done["id"], "--location", location).values())
    assert [row["status"] for row in imports.rows("select status from imports order by id")] == ["failed", "done"]


def test_a_source_that_goes_away_half_way_is_told_and_the_next_run_completes(imports: Imports, empty_database: str) -> None:
    habits.write(empty_database, users=3, habits=2, days=5)
    location, before = with_password(empty_database), imports.counts()
    # Comments are read last: users, habits and logs are staged by then.
    said = cut_off(imports, location, "lock table comments", empty_database, "comments")
    assert said.splitlines()[-1] + "\n" == f"holdfast: The connection to the source's database was lost. {AGAIN}"
    assert_it_goes_on(imports, before, location)


def test_a_database_that_goes_away_half_way_is_told_and_the_next_run_completes(imports: Imports, source: Path) -> None:
    before = imports.counts()
    # Users and habits are in their tables by then.
    lock = "lock table habit_entries in share row exclusive mode"
    # In a cluster everything comes there at the end.
    said = cut_off(imports, str(source), lock, imports.url, "import_check_in" if clustered.URL else "import_move")
    assert said.splitlines()[-1] + "\n" == f"holdfast: The connection to the database was lost. {AGAIN}"
    # What could not be written down any more is found out by who looks.
    assert [row["status"] for row in imports.rows("select status from imports")] == ["running"]
    assert_it_goes_on(imports, before, str(source))


def test_imports_do_not_call_one_failed_that_is_under_way(imports: Imports, source: Path) -> None:
    imports.run(source)

    async def work() -> str:
        other = await asyncpg.connect(imports.url)
        try:
            await other.execute("select pg_advisory_lock(hashtext('holdfast import'))")
            await other.execute("update imports set status = 'running', finished_at = null")
            return (await asyncio.to_thread(holdfast, imports.url, "imports")).stdout
        finally:
            await other.close()

    assert asyncio.run(work()).split()[2] == "running"
    assert holdfast(imports.url, "imports").stdout.split()[2] == "failed"


@pytest.mark.parametrize(
    ("sqlstate", "sentence"),
    [
        ("53100", f"holdfast: The database takes no writes: its disk is full, or it is read-only. {AGAIN}"),
        ("57P01", f"holdfast: The connection to the database was lost. {AGAIN}"),
    ],
)
def test_a_database_without_room_is_told_and_the_next_run_completes(
    imports: Imports, source: Path, sqlstate: str, sentence: str
) -> None:
    before = imports.counts()
    imports.rows(
        "create function fail() returns trigger language plpgsql as $$ begin "
        f"raise exception 'a text with the row %', new using errcode = '{sqlstate}'; end $$"
    )
    imports.rows("create trigger fail before insert on habit_comments for each row execute function fail()")
    assert imports.refused(source).endswith(f"\n{sentence}")
    imports.rows("drop trigger fail on habit_comments")
    assert_it_goes_on(imports, before, str(source))


@contextmanager
def without_room(folder: Path) -> Iterator[None]:
    """Have no more room in a folder than ROOM: a disk of its own, or for who may not mount one, a bound on what we write."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        try:
            yield
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    else:
        bounds = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, bounds[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, bounds)


def of_habits(path: Path) -> Path:
    habits.write(path / "habits.db", users=3, habits=2, days=5)
    return path / "habits.db"


def of_assistant(path: Path) -> Path:
    assistant.write(path / "dump.json", users=20, transactions=20)
    return path / "dump.json"


def of_council(path: Path) -> Path:
    council.write_folder(path / "data", users=1, conversations=2, messages=6, size=6000)
    return path / "data"


@pytest.mark.parametrize("write", [of_habits, of_assistant, of_council])
def test_a_backup_that_does_not_fit_is_told_and_nothing_is_imported(
    write: Callable[[Path], Path], own_database: str, own_execute: Execute, tmp_path: Path
) -> None:
    source, folder = write(tmp_path), tmp_path / "kept"
    imports = Imports(own_database, own_execute, write.__name__.removeprefix("of_"))
    before = imports.counts()
    folder.mkdir()
    with without_room(folder):
        if source.is_file():
            (folder / source.name).write_text("an older copy")
        assert f"cannot be copied to {folder}" in imports.refused(source, "--backup", str(folder))
        assert [file.read_text() for file in folder.iterdir()] == ["an older copy"] * source.is_file()
    assert imports.counts() == before
    assert imports.rows("select from imports") == []
    assert imports.run(source, "--backup", str(folder))["id"]
    assert [file.name for file in folder.iterdir()] == [source.name]


def test_a_dump_of_a_database_that_does_not_fit_is_told_and_nothing_is_imported(
    imports: Imports, empty_database: str, tmp_path: Path
) -> None:
    habits.write(empty_database, users=3, habits=2, days=500)
    (folder := tmp_path / "kept").mkdir()
    with without_room(folder):
        assert "pg_dump cannot copy the source: " in imports.refused(empty_database, "--backup", str(folder))
        assert not [*folder.iterdir()]
    assert imports.rows("select from imports") == []


def test_a_backup_takes_no_place_that_is_taken(imports: Imports, source: Path, tmp_path: Path) -> None:
    content = source.read_bytes()
    assert "nor take the source's place" in imports.refused(source, "--backup", str(tmp_path))
    assert source.read_bytes() == content
    (tmp_path / "kept").write_text("a file")
    assert "Not a directory" in imports.refused(source, "--backup", str(tmp_path / "kept" / "below"))
    assert imports.rows("select from imports") == []


@linux
@pytest.mark.parametrize("rejects", [1, 100])
def test_a_report_that_does_not_fit_is_told_after_the_table(imports: Imports, tmp_path: Path, rejects: int) -> None:
    """A short report is written when it is closed, a long one before."""
    source = tmp_path / "habits.db"
    habits.write(source, users=1, habits=100, days=1)
    with sqlite3.connect(source) as connection:
        connection.execute("update habits set name = ' ' where id <= ?", (rejects,))
    done = holdfast(imports.url, "import", "habits", str(source), "--report", "/dev/full")
    [run] = imports.rows("select id::text, status from imports")
    assert (done.returncode, run["status"]) == (1, "done")
    assert f"Import {run['id']} is done." in done.stdout
    assert "holdfast: The report cannot be written to /dev/full: No space left on device." in done.stderr
    assert len(imports.report(run["id"])) >= rejects


@clustered.plain("a rollback looks at what it has checked out")
def test_a_rollback_looks_how_large_its_tables_are_before_it_plans(imports: Imports, source: Path) -> None:
    """Autovacuum, which looks at them while an import fills them, sees none of its rows."""
    run = imports.run(source)["id"]
    imports.rolled_back(run)
    sizes = "select relname, reltuples from pg_class where relname in ('habits', 'habit_entries', 'workouts') order by relname"
    assert [row["reltuples"] for row in imports.rows(sizes)] == [30, 6, -1]


class Clock:
    """A time in which what sends, moves or compares rows takes a second, and all else none: as slow on any machine."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.rests: list[float] = []
        run, copy = Transaction.run, Transaction.copy

        async def counted_run(on: Transaction, query: Query, values: list[Any]) -> Any:
            self.now += query.name in {"importing.move", "importing.compare"}
            return await run(on, query, values)

        async def counted_copy(on: Transaction, *values: Any) -> None:
            self.now += 1
            await copy(on, *values)

        async def sleep(seconds: float) -> None:
            self.now += seconds
            self.rests.append(seconds)

        patch.setattr(Transaction, "run", counted_run)
        patch.setattr(Transaction, "copy", counted_copy)
        patch.setattr(staging, "monotonic", lambda: self.now)
        patch.setattr(staging, "asyncio", SimpleNamespace(sleep=sleep))

    def of(self, *words: str, url: str) -> tuple[float, list[float]]:
        """Seconds that a command works, and those that it rests."""
        self.now, self.rests = 0.0, []
        assert holdfast(url, *words).returncode == 0
        return self.now - sum(self.rests), self.rests


def test_what_is_paced_rests_three_times_as_long_as_it_works(
    imports: Imports, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, clock = imports.run(source)["id"], Clock(monkeypatch)
    for words in (("import", "habits", str(source)), ("verify", run)):
        worked, rests = clock.of(*words, url=imports.url)
        assert (worked, rests) == (15, [])
        # A second or two of work, and then a rest: seven tables are sent and moved, and the report is sent.
        worked, rests = clock.of(*words, "--pace", url=imports.url)
        assert (worked, len(rests), sum(rests), max(rests)) == (15, 14, 45, 6)
