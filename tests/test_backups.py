"""`holdfast backup` and `holdfast restore`: what was backed up comes back to the byte, and what is damaged does not at all."""

import asyncio
import gzip
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import clustered
import psutil
import pytest
import structlog
from backed_up import aged, aside, backed_up, copied, filled, is_empty, only, resealed, restored
from client import Started
from command import HOLDFAST, holdfast
from exported import PASSWORD_HASH, Server
from test_ops import refused

from app.backups import databases, files, form, priority, repository, watching
from app.database.executor import on_connection
from app.database.postgres_programs import binaries_folder

_SESSIONS = """
select pid, split_part(application_name, ' ', 2) as program from pg_stat_activity
where application_name like 'holdfast % ' || $1
  and exists (select from pg_stat_activity where application_name = 'holdfast pg_dump ' || $1 and wait_event_type = 'Lock')
"""


@pytest.fixture(scope="module")
def origin(shared_database: str, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server with two accounts and their files."""
    return filled(Server(shared_database, tmp_path_factory.mktemp("origin")))


@pytest.fixture(scope="module")
def place(origin: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one verified backup of it."""
    folder = tmp_path_factory.mktemp("backups") / "here"
    backed_up(origin, folder)
    return folder


@pytest.fixture
def there(plain_database: str, tmp_path: Path) -> Iterator[Server]:
    """Another server, which is empty, and none of a cluster; what a restore puts aside there is dropped."""
    yield Server(plain_database, tmp_path / "there")
    for name in aside(plain_database):
        asyncio.run(databases.execute(databases.in_database(plain_database, "postgres"), f'drop database "{name}"'))


# The circle


def test_what_was_backed_up_comes_back_to_the_byte(origin: Server, place: Path, there: Server, tmp_path: Path) -> None:
    done = restored(there, place)
    assert done["name"] == only(place).name
    assert (done["files"], done["lost"], done["aside"], done["migrated"]) == (12, [], None, False)
    here, elsewhere = origin.exported(tmp_path / "here.zip"), there.exported(tmp_path / "there.zip")
    assert here["sha256"] == elsewhere["sha256"]
    assert here["media"]["files"] == 6
    # Its own row came after its moment.
    assert there.sql("select name || ' ' || is_verified from backups") == [f"{done['name']} true"]
    # What no export has.
    for table in ("sessions", "api_tokens", "media_links", "storage_use", "audit_events", "media_thumbnails"):
        text = f"select t::text from {table} t order by 1"
        assert there.sql(text) == origin.sql(text), table
    assert there.sql("select count(*) from sessions") != [0]
    assert aside(there.url) == []


def test_a_backup_is_for_nobody_elses_eyes_and_says_that_it_was_verified(place: Path, origin: Server) -> None:
    for folder in (place, *(each for each in place.iterdir() if each.is_dir())):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    [listed] = origin.command("backups", str(place)).stdout.splitlines()
    assert listed.split()[:2] == [only(place).name, "verified"]
    assert json.loads((only(place) / "verified.json").read_bytes())["is_good"]
    # The verification has left no database behind.
    assert aside(origin.url) == []


def test_a_second_backup_has_what_came_since_and_copies_no_file_again(there: Server, place: Path, tmp_path: Path) -> None:
    restored(there, place)
    to = tmp_path / "backups"
    first = backed_up(there, to, "--no-verify")
    copies = {path: path.stat().st_mtime_ns for path in to.glob("media/**/*")}
    assert len(copies) == 12
    there.sql("update tasks set title = 'Written since'")
    first["name"] = aged(to, first["name"], "20260101T000000Z").name
    second = backed_up(there, to, "--no-verify")
    assert first["name"] < second["name"]
    assert {path: path.stat().st_mtime_ns for path in to.glob("media/**/*")} == copies
    there.sql("delete from users")
    # The newest, and then an older one.
    restored(there, to)
    assert set(there.sql("select title from tasks")) == {"Written since"}
    assert restored(there, to, first["name"], "--replace")["aside"] in aside(there.url)
    assert "Written since" not in there.sql("select title from tasks")


def test_what_is_there_is_replaced_only_when_told_and_is_kept(there: Server, place: Path) -> None:
    there.sql("insert into users (email) values ('before@example.com')")
    assert "The database is not empty" in there.refused("restore", str(place))
    assert there.sql("select email from users") == ["before@example.com"]
    kept = restored(there, place, "--replace")["aside"]
    assert len(there.sql("select email from users")) == 2
    assert Server(databases.in_database(there.url, kept), there.data).sql("select email from users") == ["before@example.com"]


def test_tables_that_are_not_holdfasts_are_not_taken_for_nothing(empty_database: str, place: Path, tmp_path: Path) -> None:
    other = Server(empty_database, tmp_path / "other")
    other.sql("create table orders (id integer)")
    assert "The database is not empty" in other.refused("restore", str(place))


def test_a_database_that_is_in_use_is_left_alone(there: Server, place: Path) -> None:
    async def work() -> None:
        user = await asyncpg.connect(there.url)
        try:
            said = await asyncio.to_thread(there.refused, "restore", str(place), "--replace")
        finally:
            await user.close()
        assert "in use (connections: 1), so nothing was restored" in said

    asyncio.run(work())
    assert is_empty(there)


@clustered.cluster
def test_a_database_of_a_cluster_is_left_alone(origin: Server, place: Path) -> None:
    """Its place cannot be taken: there are parts of it on the other servers."""
    assert "belongs to a Citus cluster" in origin.refused("restore", str(place), "--replace")
    assert origin.sql("select count(*) from tasks") == [24]
    assert aside(origin.url) == []


def test_a_session_that_is_about_to_end_is_waited_for(there: Server, place: Path) -> None:
    async def work() -> None:
        user = await asyncpg.connect(there.url)
        restoring = asyncio.create_task(asyncio.to_thread(restored, there, place, "--replace"))
        others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        while not await user.fetchval(others) and not restoring.done():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.002)
        # It has come, and has seen this session by now.
        await asyncio.sleep(0.5)
        await user.close()
        assert (await restoring)["tables"]

    asyncio.run(work())


def test_sessions_of_the_command_itself_are_not_somebody_else(plain_database: str) -> None:
    """One that it has closed may still be ending."""

    async def others(_: Any = None) -> int:
        return await on_connection(plain_database, repository.sessions)

    async def work() -> tuple[int, int]:
        somebody = await asyncpg.connect(plain_database)
        try:
            return await on_connection(plain_database, others), await others()
        finally:
            await somebody.close()

    assert asyncio.run(work()) == (1, 1)


def test_a_backup_of_an_older_schema_is_brought_up_to_date(there: Server, place: Path, tmp_path: Path) -> None:
    restored(there, place)
    assert there.command("migrate", "down").returncode == 0
    to = tmp_path / "older"
    backed_up(there, to)
    there.sql("delete from users")
    assert restored(there, to)["migrated"]
    assert there.command("migrate", "status").stdout.count("pending") == 0
    assert there.sql("select count(*) from tasks") == [24]


def test_backups_of_a_database_are_made_one_at_a_time(origin: Server, tmp_path: Path) -> None:
    async def work() -> None:
        async def second() -> str:
            return await asyncio.to_thread(origin.refused, "backup", str(tmp_path))

        assert "Another backup or restore of this database is under way" in await databases.alone(origin.url, second)

    asyncio.run(work())


@clustered.plain("only of a session by a socket is it known that its server is on this machine")
def test_requests_go_first_while_a_backup_is_made(plain_database: str, tmp_path: Path) -> None:
    """The command, pg_dump, and the sessions of both on the server are at a low priority."""

    async def work() -> None:
        locking, looking = await asyncpg.connect(plain_database), await asyncpg.connect(plain_database)
        try:
            async with locking.transaction():
                await locking.execute("lock table users")
                words = (str(HOLDFAST), "backup", str(tmp_path), "--no-verify")
                variables = os.environ | {"DATABASE_URL": plain_database}
                making = await asyncio.create_subprocess_exec(*words, env=variables, stdout=asyncio.subprocess.DEVNULL)
                until = asyncio.get_running_loop().time() + 20
                while not await _are_low(looking, making.pid):
                    assert asyncio.get_running_loop().time() < until
                    await asyncio.sleep(0.05)
                command = psutil.Process(making.pid)
                assert [each.nice() for each in (command, *command.children())] == [priority.LOW] * 2
                assert psutil.Process(locking.get_server_pid()).nice() == 0
            assert await making.wait() == 0
        finally:
            await locking.close()
            await looking.close()

    asyncio.run(work())


async def _are_low(connection: "asyncpg.Connection[asyncpg.Record]", command: int) -> bool:
    """Whether pg_dump waits for a table, and all sessions of its command have been lowered."""
    found = await connection.fetch(_SESSIONS, str(command))
    return {"pg_dump", "command"} <= {row["program"] for row in found} and all(
        psutil.Process(row["pid"]).nice() == priority.LOW for row in found
    )


def test_a_file_that_is_deleted_while_it_is_backed_up_is_no_alarm(
    place: Path, there: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(there, place)
    key, other, *_ = there.sql("select storage_key from media order by id")
    copy = files.copy

    async def deleted_before(*given: Any) -> Any:
        (there.data / "media" / key).unlink()
        (there.data / "media" / other).unlink()
        connection = await asyncpg.connect(there.url)
        await connection.execute("delete from media where storage_key = $1", key)
        await connection.close()
        return await copy(*given)

    monkeypatch.setattr(files, "copy", deleted_before)
    done = there.command("backup", str(tmp_path / "backups"), "--no-verify", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["lost"], sorted(told["manifest"]["missing"])) == (1, [other], sorted([key, other]))
    assert "1 files are not in the store" in done.stderr


# One account


def test_what_one_account_has_lost_comes_back_by_an_import_and_nothing_else_changes(
    place: Path, there: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    restored(there, place)
    heron, falcon = there.sql("select id::text from users order by username desc")
    before = there.exported(tmp_path / "before.zip", "--user", "heron@example.com")
    there.sql("delete from goals where user_id = $1::text::uuid", heron)
    there.sql("delete from conversations where user_id = $1::text::uuid", heron)
    there.sql("delete from media where user_id = $1::text::uuid", heron)
    there.sql("delete from tasks where user_id = $1::text::uuid", falcon)
    shutil.rmtree(there.data / "media")
    words = ("restore", str(place), "--user", "Heron@example.com", "--into-import")
    done = there.command(*words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert {"goals", "goal_progress", "conversations", "messages", "media"} <= {
        entity for entity, counts in outcome["counts"].items() if counts.get("imported")
    }
    assert sum(counts.get("rejected", 0) + counts.get("updated", 0) for counts in outcome["counts"].values()) == 0
    assert there.exported(tmp_path / "after.zip", "--user", "heron@example.com")["sha256"] == before["sha256"]
    # Nobody else's.
    assert there.sql("select count(*) from tasks where user_id = $1::text::uuid", falcon) == [0]
    assert there.command("verify", outcome["id"]).returncode == 0
    assert there.command("verify-ledger").returncode == 0
    # What is deleted after it came back, comes back again; what was changed since stays, and so does a tag that was made anew
    # under its old address: it carries what the old one did.
    there.sql("delete from tasks where user_id = $1::text::uuid", heron)
    there.sql("update habits set name = 'Renamed since'")
    # A tag that is made anew has another id and the same name: what carried the old one carries it.
    there.sql(
        "with gone as (delete from tags where id = (select id from tags where user_id = $1::text::uuid order by id limit 1) "
        "and user_id = $1::text::uuid returning user_id, name, slug) "
        "insert into tags (user_id, name, slug) select user_id, name || ' anew', slug from gone",
        heron,
    )
    again = there.command(*words, "--json")
    assert json.loads(again.stdout)["counts"]["tasks"]["imported"] == 12
    assert set(there.sql("select name from habits")) == {"Renamed since"}
    assert there.sql("select count(*) from taggings where user_id = $1::text::uuid", heron) == [12]
    tags = there.sql("select name from tags where user_id = $1::text::uuid", heron)
    assert sorted(tags) == [*["Garden"] * 11, "Garden anew"]
    assert there.command("rollback", json.loads(again.stdout)["id"]).returncode == 0
    assert there.sql("select count(*) from tasks where user_id = $1::text::uuid", heron) == [0]


def test_an_account_that_was_deleted_comes_back_whole(
    place: Path, there: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    restored(there, place)
    before = there.exported(tmp_path / "before.zip", "--user", "heron@example.com")
    there.sql("delete from users where username = 'heron'")
    done = there.command("restore", str(place), "--user", "heron@example.com", "--into-import")
    assert done.returncode == 0, done.stdout + done.stderr
    assert there.exported(tmp_path / "after.zip", "--user", "heron@example.com")["sha256"] == before["sha256"]
    assert there.sql("select password_hash from users where username = 'heron'") == [PASSWORD_HASH]


@clustered.cluster
def test_an_account_comes_back_into_a_cluster(own_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    server = filled(Server(own_database, tmp_path / "here"))
    backed_up(server, tmp_path / "backups")
    before = server.exported(tmp_path / "before.zip", "--user", "heron@example.com")
    server.sql("delete from users where username = 'heron'")
    done = server.command("restore", str(tmp_path / "backups"), "--user", "heron@example.com", "--into-import", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.exported(tmp_path / "after.zip", "--user", "heron@example.com")["sha256"] == before["sha256"]
    assert server.command("verify", json.loads(done.stdout)["id"]).returncode == 0


def test_an_account_that_the_backup_has_not_is_told(place: Path, there: Server, tmp_path: Path) -> None:
    said = there.refused("restore", str(place), "--user", "nobody@example.com", "--into-import")
    assert f"There is no account with the e-mail address of --user. It was looked for in {only(place).name}." in said
    assert aside(there.url) == []
    assert there.command("restore", str(place), "--user", "heron@example.com").returncode == 2


# What is damaged


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :])


def data(folder: Path) -> Path:
    """The largest file of a dump."""
    return max(folder.glob("database/*"), key=lambda path: path.stat().st_size)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file that was cut off": (lambda folder: cut(data(folder)), "cut off or changed"),
    "a changed byte": (lambda folder: flip(data(folder)), "cut off or changed"),
    "a file that is gone": (lambda folder: data(folder).unlink(), "is missing"),
    "changed contents": (lambda folder: flip(folder / "contents.json"), "cut off or changed"),
    "a manifest that was cut off": (lambda folder: cut(folder / "backup.json"), "cannot be read"),
    "an empty manifest": (lambda folder: (folder / "backup.json").write_bytes(b""), "cannot be read"),
    "a manifest of something else": (lambda folder: (folder / "backup.json").write_text("[1]"), "cannot be read"),
    "a changed manifest": (
        lambda folder: (folder / "backup.json").write_bytes(
            (folder / "backup.json").read_bytes().replace(b'"media_files": 12', b'"media_files": 11')
        ),
        "was changed since it was written",
    ),
    "no manifest": (lambda folder: (folder / "backup.json").unlink(), "was never finished"),
    "a newer form": (lambda folder: resealed(folder, version=2), "install the newer one"),
    "another form": (lambda folder: resealed(folder, format="zip"), "none of a backup of Holdfast"),
    "a newer schema": (lambda folder: resealed(folder, schema="29991231000000"), "of a newer holdfast"),
    "a newer server": (lambda folder: resealed(folder, server=99), "of PostgreSQL 99"),
    "a name that climbs": (
        lambda folder: resealed(folder, files=[{"path": "database/../../x", "bytes": 1, "sha256": ""}]),
        "a file that no backup has",
    ),
    "a folder that climbs": (lambda folder: resealed(folder, media="../media"), "a file that no backup has"),
    "nothing in it": (lambda folder: resealed(folder, files=[]), "leaves out files"),
    "other rows than it says": (
        lambda folder: resealed(folder, contents=(b'"rows": 24', b'"rows": 25')),
        "24 restored",
    ),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_damaged_is_refused_and_nothing_is_changed(
    damage: Callable[[Path], object], said: str, place: Path, there: Server, tmp_path: Path
) -> None:
    folder = copied(place, tmp_path / "damaged")
    damage(folder)
    assert said in there.refused("restore", str(folder.parent))
    assert is_empty(there)
    assert aside(there.url) == []


def test_a_dump_that_postgresql_cannot_read_is_dropped_again(place: Path, there: Server, tmp_path: Path) -> None:
    folder = copied(place, tmp_path / "damaged")
    file = data(folder)
    file.write_bytes(gzip.compress(b"no rows\n"))
    resealed(folder)
    assert "pg_restore has failed" in there.refused("restore", str(folder.parent))
    assert is_empty(there)
    assert aside(there.url) == []


def test_a_verification_finds_what_is_wrong_and_a_restore_passes_it_over(
    origin: Server, place: Path, there: Server, tmp_path: Path
) -> None:
    older = copied(place, tmp_path / "two")
    newer = older.with_name("29990101T000000Z")
    subprocess.run(["cp", "-a", str(older), str(newer)], check=True)
    contents = json.loads((newer / "contents.json").read_bytes())
    contents["tables"]["tasks"]["checksum"] = "1"
    (newer / "contents.json").write_text(json.dumps(contents))
    resealed(newer, name=newer.name)
    said = origin.refused("backup", str(newer.parent), "--verify", newer.name)
    assert "not good: tasks: the checksum of its 24 rows is another one" in said
    listed = origin.command("backups", str(newer.parent)).stdout.splitlines()
    assert [line.split()[1] for line in listed] == ["verified", "bad"]
    # And one whose manifest is damaged.
    newest = newer.with_name("29990102T000000Z")
    newest.mkdir()
    (newest / "backup.json").write_text("{")
    done = restored(there, newer.parent)
    assert done["name"] == older.name
    skipped, *done["skipped"] = done["skipped"]
    assert skipped == "29990102T000000Z/backup.json is damaged: it cannot be read."
    assert done["skipped"] == [f"{newer.name} was found bad when it was verified."]


def test_a_verification_looks_at_files_and_at_users_files(origin: Server, place: Path, tmp_path: Path) -> None:
    folder = copied(place, tmp_path / "less")
    next(path for path in (folder.parent / "media").rglob("*") if path.is_file()).unlink()
    assert "the file is missing" in origin.refused("backup", str(folder.parent), "--verify", folder.name)
    flip(data(folder))
    assert "cut off or changed" in origin.refused("backup", str(folder.parent), "--verify", folder.name)
    assert not json.loads((folder / "verified.json").read_bytes())["is_good"]


def test_files_of_users_that_are_gone_or_changed_are_named_and_all_else_comes(
    place: Path, there: Server, tmp_path: Path
) -> None:
    folder = copied(place, tmp_path / "less")
    first, second, *_ = sorted(path for path in (folder.parent / "media").rglob("*") if path.is_file())
    first.unlink()
    flip(second)
    assert "2 files could not be brought back" in there.refused("restore", str(folder.parent))
    assert there.sql("select count(*) from media") == [6]
    assert len([path for path in there.data.glob("media/**/*") if path.is_file()]) == 10


def test_a_file_that_the_store_has_not_is_told_and_all_else_is_in_the_backup(
    place: Path, there: Server, tmp_path: Path
) -> None:
    restored(there, place)
    gone, other, *_ = sorted(path for path in there.data.glob("media/**/*") if path.is_file())
    gone.unlink()
    other.write_text("x" * other.stat().st_size)
    to = tmp_path / "less"
    assert "2 files are not in the store, or not what was stored there" in there.refused("backup", str(to))
    told = json.loads((only(to) / "backup.json").read_bytes())
    assert sorted(told["missing"]) == sorted([gone.name, other.name])
    assert told["media_files"] == 10
    # It is good all the same: what is lost was lost before. And what is deleted while its files are copied is not missed.
    assert json.loads((only(to) / "verified.json").read_bytes())["is_good"]


# What is known of it


def hours_told(logs: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """How old the log says that the newest backup is. Other lines may be there, as of a slow statement."""
    return [line["hours"] for line in logs if line["event"] == "backup_too_old"]


def test_doctor_and_metrics_tell_how_old_the_newest_backup_is(there: Server, started: Started, tmp_path: Path) -> None:
    served = started(database_url=there.url, backup_max_age_hours=30)
    database, settings = served.database, served.settings
    assert "ok    backup      none was made" in there.command("doctor").stdout
    assert "mind  backup      none was made" in holdfast(there.url, "doctor", BACKUP_MAX_AGE_HOURS="30").stdout
    with structlog.testing.capture_logs() as logs:
        served.runner.run(watching.look(database, settings))
    assert hours_told(logs) == [None]
    done = backed_up(there, tmp_path / "backups", "--no-verify")
    assert f"mind  backup      {done['name']}, 0.0 hours old" in there.command("doctor").stdout
    verified = there.command("backup", str(tmp_path / "backups"), "--verify", done["name"])
    assert verified.returncode == 0, verified.stderr
    assert f"ok    backup      {done['name']}, 0.0 hours old, {done['size_bytes']:,} bytes, verified" in (
        there.command("doctor").stdout
    )
    with structlog.testing.capture_logs() as logs:
        served.runner.run(watching.look(database, settings))
    assert hours_told(logs) == []
    text = served.get("/metrics").text
    made_at = form.time_of(done["name"]).timestamp()
    found = dict(line.split() for line in text.splitlines() if line.startswith("holdfast_backup_"))
    assert {name: float(value) for name, value in found.items()} == {
        "holdfast_backup_timestamp_seconds": made_at,
        "holdfast_backup_bytes": done["size_bytes"],
        "holdfast_backup_verified": 1,
    }
    there.sql("update backups set made_at = made_at - interval '31 hours'")
    with structlog.testing.capture_logs() as logs:
        served.runner.run(watching.look(database, settings))
    assert hours_told(logs) == [31.0]
    assert [line["run"] for line in logs if "run" in line] == ["holdfast backup"]
    assert "It should be no older than 30" in holdfast(there.url, "doctor", BACKUP_MAX_AGE_HOURS="30").stdout


# What the books say


def test_the_commands_and_files_of_the_guide_are_there() -> None:
    page = (Path(__file__).parent.parent / "docs" / "backup.md").read_text(encoding="utf-8")
    found = [line.removeprefix("$ ") for line in page.splitlines() if line.startswith(("$ holdfast ", "holdfast "))]
    found += re.findall(r"`(holdfast (?:backups?|restore|verify-ledger|doctor)[^`]*)`", page)
    # An output begins with what it is about.
    commands = [line.split()[1:] for line in found if not line.startswith("holdfast: ")]
    assert len(commands) > 8
    assert [problem for words in commands if (problem := refused(words))] == []
    named = set(re.findall(r"\bops/([\w.-]+)", page))
    assert named == {"holdfast-backup.service", "holdfast-backup.timer"}


def test_the_dump_of_a_backup_is_read_without_holdfast(place: Path) -> None:
    listed = subprocess.run(
        [binaries_folder() / "pg_restore", "--list", only(place) / "database"], capture_output=True, text=True, check=True
    )
    assert "TABLE DATA public credit_transactions" in listed.stdout
