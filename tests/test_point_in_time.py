"""Recovery to a point in time: what was acknowledged before it is there, nothing later is, what fails changes nothing."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import needs
import pytest
import structlog
from archived import Archived
from serving import HOLDFAST, Serving, run, until, variables

from app.backups import archiving, base_backups, wal
from app.backups.retention import Keep
from app.backups.timelines import NotReachable
from app.backups.wal import ArchiveFailed
from app.backups.wal_stores import open_store
from app.database.cluster import RESTORED
from app.database.executor import on_connection
from app.database.postgres_programs import EmbeddedError
from app.database.postmaster import find_postmaster
from app.server import archive_findings
from app.server.archive_watch import Watch

PASSWORD = "correct horse battery"


def account(serving: Serving, name: str) -> str:
    """The token of a new account."""
    token: str = serving.post("/v1/auth/register", {"email": f"{name}@example.com", "password": PASSWORD}).json()["token"]
    return token


class Load(threading.Thread):
    """Writes tasks until it is told to end. Of each: when it was asked for, when it was acknowledged, and its id."""

    def __init__(self, serving: Serving, token: str) -> None:
        super().__init__()
        self.serving, self.token = serving, token
        self.written: list[tuple[datetime, datetime, str]] = []
        self.end = threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self.serving.url, headers={"Authorization": f"Bearer {self.token}"}, trust_env=False) as api:
            while not self.end.is_set():
                asked = datetime.now(UTC)
                answer = api.post("/v1/tasks", json={"title": "under load"})
                self.written.append((asked, datetime.now(UTC), answer.json()["id"]))


def tasks_of(serving: Serving, email: str) -> set[str]:
    token = serving.post("/v1/auth/login", {"email": f"{email}@example.com", "password": PASSWORD}).json()["token"]
    found, page = set(), {"next_cursor": ""}
    while page["next_cursor"] is not None:
        page = serving.get(f"/v1/tasks?limit=200{page['next_cursor'] and '&cursor='}{page['next_cursor']}", token).json()
        found |= {task["id"] for task in page["items"]}
    return found


def test_a_bad_delete_in_the_middle_of_a_load_is_undone_to_the_row(data: Path, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/archive"
    with Serving(data, tmp_path / "said", WAL_ARCHIVE_URL=url) as serving:
        made = run("backup", "--base", HOLDFAST_DATA=str(data), WAL_ARCHIVE_URL=url)
        assert made.returncode == 0, made.stderr
        assert "wal_archive_without_base" in serving.words()
        assert "every file verified" in made.stdout
        ada, bob = account(serving, "ada"), account(serving, "bob")
        kept = [serving.post("/v1/tasks", {"title": "keep me"}, bob).json()["id"] for _ in range(5)]
        load = Load(serving, ada)
        load.start()
        try:
            until(lambda: len(load.written) > 50, "some of the load is written")
            before = datetime.now(UTC)
            for task in kept:
                assert serving.delete(f"/v1/tasks/{task}", bob).status_code == 204
            count = len(load.written)
            until(lambda: len(load.written) > count + 50, "more of it is written")
        finally:
            load.end.set()
            load.join()
        assert tasks_of(serving, "bob") == set()
        refused = run("restore", "--at", "latest", HOLDFAST_DATA=str(data), WAL_ARCHIVE_URL=url)
        assert (refused.returncode, "is served by process" in refused.stderr) == (1, True), refused.stderr
        assert serving.stop() == 0
    done = run("restore", "--at", before.replace(tzinfo=None).isoformat(), HOLDFAST_DATA=str(data), WAL_ARCHIVE_URL=url)
    assert done.returncode == 0, done.stderr
    assert "is taken as UTC" in done.stderr
    [aside] = data.glob("postgres.before-*")
    assert str(aside) in done.stdout
    with Serving(data, tmp_path / "again", WAL_ARCHIVE_URL=url) as serving:
        assert tasks_of(serving, "bob") == set(kept)
        there = tasks_of(serving, "ada")
        assert {task for _, acknowledged, task in load.written if acknowledged <= before} <= there
        assert there <= {task for asked, _, task in load.written if asked <= before}


# On a PostgreSQL with numbers instead of an API


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Archived:
    """Base backup, 1, base backup, 2, 3: each in a segment of its own. The server is stopped."""
    folder = tmp_path_factory.mktemp("archived")
    archived = Archived(folder / "var", f"file://{folder}/log archive 100%")
    # A worker makes it again when tests of other modules came between.
    TIMES.clear()
    with archived.running():
        archived.sql("create table numbers (number integer)")
        archived.base()
        TIMES.append(archived.write(1))
        archived.base()
        TIMES.append(archived.write(2))
        TIMES.append(archived.write(3))
    # Where an archive ends is counted by the second: what is asked for next must be later.
    time.sleep(1)
    return archived


TIMES: list[datetime] = []
"""When 1, 2 and 3 of `archived` were written."""


def segments(archived: Archived) -> list[Path]:
    return sorted(path for path in (archived.folder / "wal").iterdir() if wal.SEGMENT.fullmatch(path.stem))


def test_a_machine_with_nothing_but_the_archive_gets_everything_back_past_a_damaged_base_backup(
    archived: Archived, tmp_path: Path
) -> None:
    there = archived.copy(tmp_path / "there")
    lose_the_server(there)
    first, second = base_backups.found(there.store)
    path = there.folder / "base" / second.name / "base.tar.gz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ArchiveFailed, match="holdfast restore --at latest"), there.running():
        pass
    done = there.restore(TIMES[1])
    assert (done.base, done.aside) == (first, None)
    assert done.until is not None
    assert timedelta() <= TIMES[1] - done.until < timedelta(seconds=5)
    with there.running():
        assert there.numbers() == [1, 2]


def test_timelines_that_were_left_can_be_gone_back_to(archived: Archived, tmp_path: Path) -> None:
    there = archived.copy(tmp_path / "there")
    there.restore(TIMES[1])
    with there.running():
        fourth = there.write(4)
    # The end of the first timeline, which went on behind the place where the second begins; then the second again.
    for wanted, numbers in ((TIMES[2], [1, 2, 3]), (fourth, [1, 2, 4])):
        there.restore(wanted)
        with there.running():
            assert there.numbers() == numbers
            there.write(9)
    with there.running():
        # Each restore has begun one of its own.
        assert there.sql("select timeline_id from pg_control_checkpoint()") == [4]
    assert len(list(there.data.glob("postgres.before-*"))) == 3


def test_what_a_killed_server_had_not_archived_is_taken_from_its_folder(archived: Archived, tmp_path: Path) -> None:
    there = archived.copy(tmp_path / "there")
    folder, away = there.folder / "wal", there.folder / "away"
    with there.running(durable=True):
        # Full segments that wait, and one that is not full.
        folder.rename(away)
        there.write(4)
        there.sql("insert into numbers values (5)")
        between = datetime.now(UTC)
        there.sql("insert into numbers values (6)")
        assert there.server
        assert there.server.process
        os.killpg(there.server.pid, signal.SIGKILL)
        there.server.process.wait()
    until(lambda: not find_postmaster(there.data / "postgres"), "it is gone")
    away.rename(folder)
    count = len(segments(there))
    there.restore(between)
    assert len(segments(there)) == count + 1
    # Root, too, has handed them in as the server's user, who reads them.
    assert {path.stat().st_uid for path in segments(there)} == {folder.stat().st_uid}
    with there.running():
        assert there.numbers() == [1, 2, 3, 4, 5]


def test_a_bucket_will_do(bucket: str, tmp_path: Path) -> None:
    there = Archived(tmp_path / "var", "s3://files/log")
    with there.running():
        there.sql("create table numbers (number integer)")
        old = there.base()
        first = there.write(1)
        there.write(2)
        new = there.base()
    assert f"<Key>log/base/{new.name}/base.json</Key>" in httpx.get(bucket).text
    there.restore(first)
    with there.running():
        assert there.numbers() == [1]
    assert base_backups.prune(there.store, Keep.of("daily=1")) == [old.name]
    assert base_backups.found(there.store) == [new]
    assert wal.CLUSTER in there.store.names("wal")
    with pytest.raises(FileExistsError):
        there.store.create(wal.CLUSTER, b"another")
    with pytest.raises(FileNotFoundError):
        wal.fetch(there.store, "0" * 24)


# What goes wrong


def untouched(_archived: Archived) -> None:
    pass


def lose_the_server(archived: Archived) -> None:
    shutil.rmtree(archived.data / "postgres")


def cut(archived: Archived) -> None:
    lose_the_server(archived)
    [*_, third, _last] = segments(archived)
    third.write_bytes(third.read_bytes()[:-1000])


def lose_a_segment(archived: Archived) -> None:
    lose_the_server(archived)
    segments(archived)[-2].unlink()


def lose_the_bases(archived: Archived) -> None:
    for path in (archived.folder / "base").glob("*/base.tar.gz"):
        path.unlink()


def change_the_bases(archived: Archived) -> None:
    for path in (archived.folder / "base").glob("*/backup_manifest"):
        path.write_bytes(path.read_bytes().replace(b"PG_VERSION", b"PG_VERSI0N"))


def repack(archived: Archived, change: str, packed: str = "*") -> None:
    oldest, path = sorted((archived.folder / "base").iterdir())
    shutil.rmtree(oldest)
    words = f"mkdir x && tar -xzf base.tar.gz -C x && cd x && {change} && tar -cPf - {packed} | gzip -1 > ../base.tar.gz"
    subprocess.run(words, shell=True, cwd=path, check=True)


def climb(archived: Archived) -> None:
    repack(archived, "touch ../climbed", "../climbed")


def change_a_file(archived: Archived) -> None:
    repack(archived, "printf x | dd of=global/pg_filenode.map conv=notrunc status=none")


def leave_a_file_out(archived: Archived) -> None:
    repack(archived, "rm global/pg_filenode.map")


@pytest.mark.parametrize(
    ("harm", "seconds", "said"),
    [
        (untouched, 3600, "is still to come"),
        (untouched, -3600, "The first base backup is of .* nothing before that"),
        (lose_the_server, 0, "The archive ends at .* is later.*--at latest"),
        (cut, None, "in the archive is damaged"),
        (lose_a_segment, None, "is missing in the archive, and what comes after it is of no use. What is before it ends at"),
        (lose_the_bases, None, "A part of the base backup .* is gone"),
        (change_the_bases, None, "The manifest of the base backup is damaged"),
        (change_a_file, None, "global/pg_filenode.map in the base backup is not what it was"),
        (leave_a_file_out, None, "global/pg_filenode.map is missing in the base backup"),
        (climb, None, "has ../climbed, which does not belong there"),
    ],
    ids=lambda value: str(getattr(value, "__name__", "")),
)
def test_what_cannot_be_restored_is_told_and_leaves_everything_as_it_was(
    archived: Archived, tmp_path: Path, harm: Callable[[Archived], None], seconds: float | None, said: str
) -> None:
    there = archived.copy(tmp_path / "there")
    harm(there)
    wanted = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
    before = there.state()
    with pytest.raises((NotReachable, ArchiveFailed), match=said):
        there.restore(wanted)
    assert there.state() == before


@needs.linux
def test_a_restore_that_is_killed_changes_nothing_and_can_be_done_again(archived: Archived, tmp_path: Path) -> None:
    there = archived.copy(tmp_path / "there")
    before = there.state()
    given = variables(HOLDFAST_DATA=str(there.data), WAL_ARCHIVE_URL=there.url)
    with subprocess.Popen([HOLDFAST, "restore", "--at", "latest"], env=given, stdout=subprocess.DEVNULL) as restore:
        recovering = there.data / "restoring" / "postgres"
        until((recovering / "postmaster.pid").exists, "it recovers")
        restore.kill()
    until(lambda: not find_postmaster(recovering), "its PostgreSQL is gone, too")
    after = there.state()
    assert (after["files"], after["there"]) == (before["files"], sorted([*before["there"], "restoring"]))
    there.restore(TIMES[0])
    assert not (there.data / "restoring").exists()
    # Killed before its last step, it is finished by the next start.
    (there.data / "postgres").rename(there.data / RESTORED)
    with there.running():
        assert there.numbers() == [1]


def test_the_archive_of_another_database_is_left_alone(archived: Archived, tmp_path: Path) -> None:
    there = archived.copy(tmp_path / "there")
    for text, said in (("1\n", "archive of another database"), ("?", "wal/cluster in the archive is damaged")):
        (there.folder / "wal" / "cluster").write_text(text)
        with pytest.raises(ArchiveFailed, match=said), there.running():
            pass
    # PostgreSQL's own request is refused, too: an archive may be there again that was away at the start.
    (there.folder / "wal" / "cluster").write_text("1\n")
    new = tmp_path / "0000000A000000000000000A"
    new.write_bytes(wal.fetch(there.store, segments(there)[0].stem))
    with pytest.raises(ArchiveFailed, match="archive of another database"):
        wal.archive(there.store, new)
    assert not (there.folder / wal.key(new.name)).exists()


def test_a_segment_is_never_overwritten_by_another_one_of_its_name(archived: Archived, tmp_path: Path) -> None:
    there = archived.copy(tmp_path / "there", data=False)
    kept = segments(there)[0]
    packed = kept.read_bytes()
    again = tmp_path / kept.stem
    again.write_bytes(wal.fetch(there.store, kept.stem))
    wal.archive(there.store, again)
    again.write_bytes(again.read_bytes()[:-1] + b"\1")
    with pytest.raises(ArchiveFailed, match=f"There is another {kept.stem} in the archive already"):
        wal.archive(there.store, again)
    assert kept.read_bytes() == packed
    command = [sys.executable, "-m", "app.backups.wal_command"]
    assert subprocess.run([*command, "put", there.url, again], capture_output=True, check=False).returncode == 1
    missing = subprocess.run([*command, "get", there.url, "0" * 24, tmp_path / "x"], capture_output=True, check=False)
    assert (missing.returncode, missing.stderr) == (1, b"")
    # Else PostgreSQL would take an archive that is away for the end of the log.
    away = subprocess.run([*command, "get", f"file://{kept}/none", "0" * 24, tmp_path / "x"], capture_output=True, check=False)
    assert away.returncode == 200


def test_archiving_that_fails_is_seen_and_loses_nothing(archived: Archived, tmp_path: Path) -> None:
    there = archived.copy(tmp_path / "there")
    folder, away = there.folder / "wal", there.folder / "away"
    watch = Watch(there.settings)

    def found() -> list[tuple[str, str]]:
        assert there.server
        findings = asyncio.run(on_connection(there.server.url, lambda on: archive_findings.examine(on, there.settings)))
        return [(finding.state, finding.text) for finding in findings]

    with there.running(), structlog.testing.capture_logs() as logs:
        assert [state for state, _ in found()] == ["ok", "ok"]
        folder.rename(away)
        folder.touch()
        there.write(4)
        until(lambda: there.sql("select failed_count from pg_stat_archiver") > [0], "it has been tried")
        assert found()[0][0] == "bad"
        assert found()[0][1].startswith("it fails: 1 segments wait, and the log has grown to ")
        watch.look()
        assert logs == []
        [waits] = (there.data / "postgres/pg_wal/archive_status").glob("*.ready")
        long_ago = time.time() - 2 * archiving.LATE
        os.utime(waits, (long_ago, long_ago))
        watch.look()
        watch.look()
        folder.unlink()
        away.rename(folder)
        until(lambda: not archiving.backlog(there.data / "postgres").segments, "it is archived in the end")
        watch.look()
        assert [line["event"] for line in logs] == ["wal_archive_fails", "wal_archive_works_again"]
        assert logs[0]["segments"] == 1
        assert [state for state, _ in found()] == ["ok", "ok"]


def test_old_base_backups_go_with_the_log_that_only_they_need(archived: Archived, tmp_path: Path) -> None:
    there = archived.copy(tmp_path / "there", data=False)
    first, second = base_backups.found(there.store)
    before = segments(there)
    assert base_backups.prune(there.store, Keep.of("daily=1")) == [first.name]
    assert base_backups.found(there.store) == [second]
    assert [path.name for path in (there.folder / "base").iterdir()] == [second.name]
    assert 0 < len(segments(there)) < len(before)
    with pytest.raises(NotReachable, match="The first base backup"):
        there.restore(TIMES[0])
    there.restore(TIMES[1])
    with there.running():
        assert there.numbers() == [1, 2]


def test_the_archive_may_not_lie_in_postgresqls_own_folder(tmp_path: Path) -> None:
    there = Archived(tmp_path / "var", f"file://{tmp_path}/var/postgres/archive")
    with pytest.raises(EmbeddedError, match="must not be inside"), there.running():
        pass
    assert open_store(there.url).names("wal") == []
