"""Where backups lie and how long: encrypted, in a bucket, removed when they are old; and what ends one half-way."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import needs
import pytest
from backed_up import aged, aside, backed_up, filled, is_empty, only, restored
from command import HOLDFAST
from exported import WORDS, Server
from hypothesis import given
from hypothesis import strategies as st
from serving import Serving, run, until

from app.backups import databases, form, programs
from app.backups.form import BackupFailed
from app.backups.retention import Keep, Known, kept


@pytest.fixture(scope="module")
def origin(shared_database: str, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server with two accounts and their files."""
    return filled(Server(shared_database, tmp_path_factory.mktemp("origin")))


@pytest.fixture
def there(plain_database: str, tmp_path: Path) -> Server:
    """Another server, which is empty."""
    return Server(plain_database, tmp_path / "there")


# Encrypted


@pytest.fixture
def key(tmp_path: Path) -> tuple[Path, str]:
    """The file of an identity, and its recipient."""
    return made_key(tmp_path / "key.txt")


def made_key(path: Path) -> tuple[Path, str]:
    done = subprocess.run(["age-keygen", "-o", path], capture_output=True, text=True, check=True)
    return path, done.stderr.removeprefix("Public key: ").strip()


@needs.age
def test_what_is_encrypted_shows_nothing_and_comes_back_with_the_key(
    origin: Server, there: Server, key: tuple[Path, str], tmp_path: Path
) -> None:
    identity, recipient = key
    to = tmp_path / "backups"
    done = backed_up(origin, to, "--recipient", recipient)
    assert done["verified"]["is_good"]
    texts = origin.sql("select email from users union select sha256 from media union select file_name from media")
    for path in (path for path in to.rglob("*") if path.is_file()):
        text = path.read_bytes()
        assert not [word for word in (*WORDS, "bytes of", "credit_accounts", *texts) if word.encode() in text], path
    assert "--identity names the file" in there.refused("restore", str(to))
    other, _ = made_key(tmp_path / "other.txt")
    assert "age refuses it: no identity matched" in there.refused("restore", str(to), "--identity", str(other))
    assert is_empty(there)
    assert restored(there, to, "--identity", str(identity))["files"] == 12
    assert origin.exported(tmp_path / "a.zip")["sha256"] == there.exported(tmp_path / "b.zip")["sha256"]
    again = origin.command("backup", str(to), "--verify", done["name"], "--identity", str(identity))
    assert again.returncode == 0, again.stderr


@needs.age
def test_each_recipient_has_files_of_their_own(origin: Server, key: tuple[Path, str], tmp_path: Path) -> None:
    to = tmp_path / "backups"
    done = backed_up(origin, to, "--no-verify", "--recipient", key[1])
    aged(to, done["name"], "20260101T000000Z")
    _, other = made_key(tmp_path / "other.txt")
    backed_up(origin, to, "--no-verify", "--recipient", other)
    folders = sorted(to.glob("media-*"))
    assert [len([*folder.rglob("*.age")]) for folder in folders] == [12, 12]


@needs.age
def test_what_was_encrypted_and_cut_off_is_refused(
    origin: Server, there: Server, key: tuple[Path, str], tmp_path: Path
) -> None:
    to = tmp_path / "backups"
    backed_up(origin, to, "--no-verify", "--recipient", key[1])
    first, second, *_ = sorted(to.glob("media-*/*.age"))
    first.write_bytes(first.read_bytes()[:-1])
    second.write_bytes(b"")
    assert "2 files could not be brought back" in there.refused("restore", str(to), "--identity", str(key[0]))
    path = next(only(to).glob("database/toc.dat.age"))
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut off" in there.refused("restore", str(to), "--replace", "--identity", str(key[0]))
    for name in aside(there.url):
        Server(databases.in_database(there.url, "postgres"), tmp_path).sql(f'drop database "{name}"')


@needs.age
def test_a_recipient_that_is_none_is_told_before_anything_is_done(origin: Server, tmp_path: Path) -> None:
    assert "age refuses it: " in origin.refused("backup", str(tmp_path / "to"), "--recipient", "age1nobody")
    assert not (tmp_path / "to").exists()


def test_without_age_a_sentence_says_what_to_install(origin: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_: None)
    assert "apt-get install age" in origin.refused("backup", str(tmp_path / "to"), "--recipient", "age1nobody")


# Places


def test_a_bucket_does_as_well(origin: Server, there: Server, bucket: str, tmp_path: Path) -> None:
    done = backed_up(origin, "s3://files/backups")
    time.sleep(1)
    newer = backed_up(origin, "s3://files/backups", "--keep", "daily=1")
    assert newer["removed"] == [done["name"]]
    [listed] = origin.command("backups", "s3://files/backups").stdout.splitlines()
    assert listed.startswith(f"{newer['name']}  verified")
    assert restored(there, "s3://files/backups")["files"] == 12
    assert origin.exported(tmp_path / "a.zip")["sha256"] == there.exported(tmp_path / "b.zip")["sha256"]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("http://example.com", "must be s3://bucket"),
        ("s3://", "must be s3://bucket"),
        ("s3://key:secret@bucket", "neither credentials"),
        ("/nowhere/at/all", "There is no folder /nowhere/at/all"),
    ],
)
def test_a_place_that_is_none_is_told(there: Server, where: str, said: str) -> None:
    done = there.command("restore", where)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "secret" not in done.stderr


def test_without_a_place_a_sentence_asks_for_one(there: Server) -> None:
    done = there.command("backup")
    assert done.returncode == 2
    assert "by BACKUP_URL" in done.stderr


# Retention


def reference(names: list[str], counts: dict[str, int]) -> set[str]:
    """The rule in other words: walk from the newest on, and keep the first that is seen of each of the last so many periods."""
    forms = {"hourly": "%Y%m%d%H", "daily": "%Y%m%d", "weekly": "%G%V", "monthly": "%Y%m", "yearly": "%Y"}
    wanted = {max(names)} if names else set()
    for period, count in counts.items():
        seen: list[str] = []
        for name in sorted(names, reverse=True):
            this = form.time_of(name).strftime(forms[period])
            if this not in seen and len(seen) < count:
                seen.append(this)
                wanted.add(name)
    return wanted


times = st.integers(0, 400 * 86_400).map(lambda seconds: datetime(2024, 12, 20, tzinfo=UTC) + timedelta(seconds=seconds))


@given(
    st.lists(times, unique_by=form.name_of, max_size=60),
    st.dictionaries(st.sampled_from(["hourly", "daily", "weekly", "monthly", "yearly"]), st.integers(1, 12)),
    st.randoms(),
)
def test_the_newest_of_each_period_is_kept(made: list[datetime], counts: dict[str, int], chance: Any) -> None:
    known = [Known(form.name_of(each), chance.choice(["not verified", "verified", "bad", "unfinished"]), None) for each in made]
    good = [each.name for each in known if each.is_good]
    verified = [each.name for each in known if each.state == "verified"]
    names = kept(known, Keep(counts))
    bad = {each.name for each in known if each.state == "bad" and each.name > max(good, default="")}
    assert names == reference(good, counts) | bad | {max(verified)} if verified else names == reference(good, counts) | bad


def test_a_month_of_daily_backups_comes_to_a_week_and_four_weeks() -> None:
    days = [datetime(2026, 11, 30, 3, tzinfo=UTC) - timedelta(days=back) for back in range(60)]
    names = kept([Known(form.name_of(each), "verified", None) for each in days], Keep({"daily": 7, "weekly": 4}))
    # Seven days, of which Monday the 30th and Sunday the 29th end weeks; then the Sundays of two more weeks.
    assert sorted(names) == [f"202611{day:02}T030000Z" for day in (15, 22, 24, 25, 26, 27, 28, 29, 30)]


@pytest.mark.parametrize("text", ["", "daily", "daily=0", "daily=1000", "daily=-1", "days=7", "daily=7,daily=8", "daily=7;"])
def test_a_rule_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BackupFailed, match="--keep: must be like daily=7,weekly=4"):
        Keep.of(text)


def test_what_is_not_kept_goes_with_the_files_that_nobody_else_has(there: Server, origin: Server, tmp_path: Path) -> None:
    to = tmp_path / "backups"
    backed_up(origin, to, "--no-verify")
    restored(there, to)
    old = aged(to, only(to).name, "20260102T000000Z").name
    # One that was killed, one whose verification failed, and what is no backup at all.
    (to / "20260101T000000Z" / "database").mkdir(parents=True)
    (to / "20260101T000000Z" / "database" / "toc.dat").write_bytes(b"half")
    (to / "notes").mkdir()
    there.sql("delete from media_thumbnails")
    there.sql("delete from media where id not in (select id from media order by id limit 3)")
    done = there.command("backup", str(to), "--keep", "daily=1", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert old in told["removed"]
    assert "20260101T000000Z" in told["removed"]
    assert sorted(each.name for each in to.iterdir()) == sorted([told["name"], "media", "notes"])
    assert len([path for path in (to / "media").rglob("*") if path.is_file()]) == 3


def test_the_embedded_server_is_backed_up_while_it_serves_and_its_folder_comes_back(data: Path, tmp_path: Path) -> None:
    to = tmp_path / "backups"
    with Serving(data, tmp_path / "said") as serving:
        ada = serving.post("/v1/auth/register", {"email": "ada@example.com", "password": "correct horse battery"}).json()
        serving.post("/v1/tasks", {"title": "Water the plants"}, ada["token"])
        backup = run("backup", str(to), HOLDFAST_DATA=str(data))
        assert backup.returncode == 0, backup.stderr
        assert "yes: restored, compared, the ledger adds up" in backup.stdout
        refused = run("restore", str(to), "--replace", HOLDFAST_DATA=str(data))
        assert (refused.returncode, "Stop the server" in refused.stderr) == (1, True), refused.stderr
        assert serving.get("/v1/tasks", ada["token"]).json()["items"][0]["title"] == "Water the plants"
    shutil.rmtree(data)
    done = run("restore", str(to), HOLDFAST_DATA=str(data))
    assert done.returncode == 0, done.stderr
    assert "ada@example.com" in run("users", "list", HOLDFAST_DATA=str(data)).stdout


# What ends half-way


def limited(server: Server, blocks: int, *words: str) -> str:
    """The sentence by which a command ends that may write no file of more than so many blocks of 512 bytes."""
    done = subprocess.run(
        ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh", HOLDFAST, *words],
        # A compiled module that was cut off would be found by all that come after.
        env=os.environ | {"DATABASE_URL": server.url, "HOLDFAST_DATA": str(server.data), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return done.stderr.splitlines()[-1]


def test_a_full_disk_leaves_nothing_behind(origin: Server, there: Server, tmp_path: Path) -> None:
    to = tmp_path / "backups"
    # The dump has no room where it waits.
    assert limited(origin, 100, "backup", str(to)) == "holdfast: pg_dump has failed: File size limit exceeded."
    backed_up(origin, tmp_path / "good", "--no-verify")
    restored(there, tmp_path / "good")
    [key] = there.sql("select storage_key from media order by id limit 1")
    large = b"x" * 2**20
    (there.data / "media" / key).write_bytes(large)
    digest = hashlib.sha256(large).hexdigest()
    there.sql("update media set size_bytes = $1, sha256 = $2 where storage_key = $3", len(large), digest, key)
    # Nor have the files at their place,
    assert limited(there, 1000, "backup", str(to)) == f"holdfast: {to}: media/{key}: File too large."
    assert not [*to.glob("2*")]
    # or in the store that they come back to.
    backed_up(there, to, "--no-verify")
    (there.data / "media" / key).unlink()
    said = limited(there, 1000, "restore", str(to), "--replace")
    assert said == "holdfast: A file cannot be brought back: File too large."
    assert not (there.data / "media" / key).exists()
    assert there.sql("select count(*) from tasks") == [24]
    assert aside(there.url) == []


def test_a_restore_that_is_killed_has_changed_nothing_and_can_be_done_again(
    origin: Server, there: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(work))
    monkeypatch.setenv("TMPDIR", str(work))
    to = tmp_path / "backups"
    backed_up(origin, to, "--no-verify")
    there.sql("insert into users (email) values ('before@example.com')")
    environment = os.environ | {"DATABASE_URL": there.url, "HOLDFAST_DATA": str(there.data)}
    process = subprocess.Popen([HOLDFAST, "restore", str(to), "--replace"], env=environment, stderr=subprocess.PIPE)
    until(lambda: aside(there.url), "the database that is being restored")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [*work.iterdir()]
    assert there.sql("select email from users") == ["before@example.com"]
    kept = restored(there, to, "--replace")["aside"]
    # What was left is gone.
    assert not [*work.iterdir()]
    assert aside(there.url) == [kept]
    Server(databases.in_database(there.url, "postgres"), tmp_path).sql(f'drop database "{kept}"')


def test_a_backup_that_is_killed_is_seen_as_unfinished(origin: Server, tmp_path: Path) -> None:
    to = tmp_path / "backups"
    folder = to / "20260101T000000Z" / "database"
    folder.mkdir(parents=True)
    (folder / "toc.dat").write_bytes(b"half")
    for name in ("20260101T000000Z", "../20260101T000000Z", "20260102T000000Z"):
        assert f"has no finished backup {name}" in origin.refused("restore", str(to), name)
    assert origin.command("backups", str(to)).stdout.split()[:2] == ["20260101T000000Z", "unfinished"]
    assert "was never finished" in origin.refused("restore", str(to))


# Servers of one's own


@pytest.fixture
def plain(there: Server) -> Iterator[Server]:
    """That server, by a role that owns its database and nothing else."""
    name = urlsplit(there.url).path[1:]
    role = f"{name}_role"
    elsewhere = Server(databases.in_database(there.url, "postgres"), there.data)
    elsewhere.sql(f"create role {role} login password 'secret-of-mine'")
    there.sql("drop schema public cascade")
    there.sql("create schema public")
    elsewhere.sql(f"alter database {name} owner to {role}")
    there.sql("alter schema public owner to pg_database_owner")
    parts = urlsplit(there.url)
    host = parts.netloc.rpartition("@")[2]
    yield Server(f"postgresql://{role}:secret-of-mine@{host}/{name}?{parts.query}", there.data)
    elsewhere.sql(f"drop database if exists {name} with (force)")
    elsewhere.sql(f"drop role {role}")


def test_a_role_that_may_not_create_databases_restores_in_one_transaction(
    origin: Server, plain: Server, tmp_path: Path
) -> None:
    to = tmp_path / "backups"
    backed_up(origin, to, "--no-verify")
    assert restored(plain, to)["files"] == 12
    assert plain.sql("select count(*) from tasks") == [24]
    said = plain.refused("backup", str(tmp_path / "second"))
    assert "may not create databases" in said
    assert "--no-verify" in said
    assert not (tmp_path / "second").exists()
    aged(to, only(to).name, "20260101T000000Z")
    backed_up(plain, to, "--no-verify")
    assert "may not create databases" in plain.refused("restore", str(to), "--replace")
    assert plain.sql("select count(*) from tasks") == [24]


def test_programs_of_another_version_are_not_taken() -> None:
    with pytest.raises(BackupFailed, match=r"is of PostgreSQL 99 and needs the pg_dump and pg_restore of 99: .*-client-99"):
        programs.find(99)


def test_databases_beside_others_have_names_of_their_own_that_postgresql_takes_whole() -> None:
    urls = [f"postgresql://host/{name}" for name in ("holdfast", "x" * 63, "x" * 62 + "y", "\N{SNOWMAN}" * 21)]
    names = [databases.beside(url, "before_20261122185601") for url in urls]
    assert names[0] == "holdfast_before_20261122185601"
    assert len({*names}) == 4
    assert max(len(name.encode()) for name in names) <= 63


def test_a_database_that_was_never_migrated_has_nothing_to_back_up(empty_database: str, tmp_path: Path) -> None:
    assert "never migrated" in Server(empty_database, tmp_path).refused("backup", str(tmp_path / "to"))
    assert not (tmp_path / "to").exists()
