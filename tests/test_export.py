"""`holdfast export` and GET /v1/me/export: what is in an archive, what is not, and what goes wrong on the way."""

import asyncio
import json
import os
import re
import signal
import stat
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import clustered
import pytest
from client import Api, Execute, Started, User, assert_problem
from command import HOLDFAST
from exported import PASSWORD_HASH, WORDS, Server, content

from app.archives import ENTITIES
from app.exporting import archive, own
from app.http import places
from app.problems.problem import Problem

PAGE = (Path(__file__).parent.parent / "docs" / "export.md").read_text(encoding="utf-8")

LEFT_OUT = {
    "users.password_hash": "an operator's has it",
    "users.role": "an operator's has it",
    "users.is_verified": "says whether email_verified_at is there",
    "media.storage_key": "where the bytes lie here; they are in the archive",
}
"""Columns that a user's own export has not, and why. What is generated is made again; `version` and `search` are, too."""

TABLES_LEFT_OUT = {
    "api_tokens": "secrets: new ones are made",
    "sessions": "secrets: one signs in again",
    "media_links": "secrets: new ones are made",
    "mail_tokens": "secrets: new ones are made",
    "outgoing_mails": "is sent from here, or was given up",
    "pending_sign_ins": "secrets, for minutes: one signs in again",
    "media_thumbnails": "made again out of the files",
    "storage_use": "measured again",
    "deleted_objects": "objects that are no user's any more",
    "import_items": "how rows came here",
    "import_changes": "how rows came here",
    "import_reports": "how rows came here",
}
"""Tables of users' rows that no export has, and why."""


@pytest.fixture(scope="module")
def origin(shared_database: str, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server with two accounts."""
    server = Server(shared_database, tmp_path_factory.mktemp("origin"))
    server.fill()
    return server


@pytest.fixture
def served(origin: Server, started: Started) -> Api:
    """The API of that server."""
    return started(database_url=origin.url, data=origin.data)


def signed_in(api: Api, origin: Server, word: str) -> User:
    """One of the two accounts, who has forgotten the password."""
    token = f"hf_{word * 8:x<43}"[:46]
    origin.sql(
        "insert into sessions (user_id, token_hash, expires_at) "
        "select id, sha256($1::text::bytea), now() + interval '1 day' from users where username = $2 "
        "on conflict do nothing",
        token,
        word,
    )
    [found] = origin.sql("select id::text from users where username = $1", word)
    return User(api, {"token": token, "user": {"id": found, "email": f"{word}@example.com"}})


def taken(user: User, path: Path) -> dict[str, bytes]:
    """The entries of a user's own export."""
    answer = user.get("/v1/me/export")
    assert answer.status_code == 200, answer.text
    path.write_bytes(answer.content)
    return content(path)


def lines(entries: dict[str, bytes], entity: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in entries[f"tables/{entity}.ndjson"].splitlines()]


def test_every_column_of_every_row_of_a_user_is_in_their_own_export(origin: Server, served: Api, tmp_path: Path) -> None:
    entries = taken(signed_in(served, origin, WORDS[0]), tmp_path / "own.zip")
    columns = origin.sql(
        "select table_name || '.' || column_name from information_schema.columns c "
        "join information_schema.tables t using (table_schema, table_name) "
        "where table_schema = 'public' and table_type = 'BASE TABLE' and is_generated = 'NEVER' "
        "and column_name not in ('version', 'search') and exists ("
        "select from information_schema.columns u where u.table_schema = 'public' and u.table_name = c.table_name "
        "and (u.column_name = 'user_id' or u.table_name = 'users')) and table_name <> all ($1)",
        [*TABLES_LEFT_OUT],
    )
    found = {
        f"{entity}.{name}"
        for entity in ENTITIES
        if f"tables/{entity}.ndjson" in entries
        for row in lines(entries, entity)
        for name in row
    }
    assert {*columns} - found == {*LEFT_OUT} & {*columns}
    assert found <= {*columns}


def test_a_users_own_export_has_nothing_of_anybody_else_and_no_secret(origin: Server, served: Api, tmp_path: Path) -> None:
    for mine, other in (WORDS, WORDS[::-1]):
        entries = taken(signed_in(served, origin, mine), tmp_path / "own.zip")
        everything = b"\n".join([*(name.encode() for name in entries), *entries.values()]).lower()
        assert everything.count(mine.encode()) > 30
        assert other.encode() not in everything
        ids = origin.sql(
            "select t.id::text from tasks t join users u on u.id = t.user_id where u.username = $1 "
            "union select id::text from users where username = $1 union select sha256 from media m "
            "join users u on u.id = m.user_id where u.username = $1",
            other,
        )
        assert len(ids) == 25
        assert not [each for each in ids if each.encode() in everything]
        secrets = origin.sql(
            "select encode(token_hash, 'hex') from sessions union select encode(token_hash, 'hex') from api_tokens"
        )
        assert secrets
        assert not [each for each in [*secrets, PASSWORD_HASH, "argon2"] if each.encode() in everything]
        assert "tables/query_cache.ndjson" not in entries


def test_an_operators_export_has_what_a_move_needs_and_no_session(origin: Server, tmp_path: Path) -> None:
    made = origin.exported(tmp_path / "all.zip")
    entries = content(tmp_path / "all.zip")
    assert made["kind"] == "operator"
    assert {row["password_hash"] for row in lines(entries, "users")} == {PASSWORD_HASH}
    assert {row["role"] for row in lines(entries, "users")} == {"user"}
    assert len(lines(entries, "query_cache")) == made["tables"]["query_cache"]["rows"] == 2
    everything = b"\n".join(entries.values())
    for secret in origin.sql(
        "select encode(token_hash, 'hex') from sessions union select encode(token_hash, 'hex') from api_tokens"
    ):
        assert secret.encode() not in everything
    assert stat.S_IMODE((tmp_path / "all.zip").stat().st_mode) == 0o600
    assert not [*tmp_path.glob("*.part")]


def test_the_reader_in_the_docs_reads_and_checks_it(origin: Server, tmp_path: Path) -> None:
    [code] = re.findall(r"(?ms)^```python\n(.*?)^```$", PAGE)
    assert len(code.splitlines()) <= 20
    (tmp_path / "read.py").write_text(code)
    origin.exported(tmp_path / "all.zip")
    done = subprocess.run(
        ["python3", "read.py", "all.zip"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "tasks 24 The heron" in done.stdout.replace("The falcon", "The heron")
    assert "24 files" in done.stdout
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(changed, "w") as file:
        for name, text in content(tmp_path / "all.zip").items():
            file.writestr(name, text.replace(b"heron", b"eagle") if "tasks" in name else text)
    done = subprocess.run(["python3", "read.py", "changed.zip"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1


def test_an_account_that_is_not_there_cannot_be_exported(origin: Server, tmp_path: Path) -> None:
    assert "There is no account" in origin.refused("export", "--user", "nobody@example.com", "--to", str(tmp_path / "x.zip"))
    assert [*tmp_path.iterdir()] == []


def test_a_place_that_cannot_be_written_to_is_said_in_a_sentence(origin: Server, tmp_path: Path) -> None:
    assert "No such file" in origin.refused("export", "--to", str(tmp_path / "none" / "x.zip"))


def test_a_full_disk_leaves_nothing_behind(origin: Server, tmp_path: Path) -> None:
    to = tmp_path / "all.zip"
    to.write_bytes(b"the one of yesterday")
    done = subprocess.run(
        ["sh", "-c", f"ulimit -f 8; exec {HOLDFAST} export --to {to}"],
        # A compiled module that was cut off would be found by all that come after.
        env=os.environ | {"DATABASE_URL": origin.url, "HOLDFAST_DATA": str(origin.data), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr == f"holdfast: {to} cannot be written: File too large.\n"
    assert to.read_bytes() == b"the one of yesterday"
    assert [*tmp_path.iterdir()] == [to]


def test_an_interrupted_export_leaves_nothing_behind_and_a_lost_database_is_said(origin: Server, tmp_path: Path) -> None:
    async def work() -> None:
        holder, other = await asyncpg.connect(origin.url), await asyncpg.connect(origin.url)
        try:
            for sent, code, said in ((signal.SIGINT, 130, "Interrupted"), (None, 1, "connection to the database was lost")):
                locked = holder.transaction()
                await locked.start()
                # The export waits there, in the middle.
                await holder.execute("lock table messages in access exclusive mode")
                running = subprocess.Popen(  # noqa: ASYNC220 - it takes no time to begin
                    [HOLDFAST, "export", "--to", str(tmp_path / "all.zip")],
                    env=os.environ | {"DATABASE_URL": origin.url, "HOLDFAST_DATA": str(origin.data)},
                    stderr=subprocess.PIPE,
                    text=True,
                )
                waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
                # Not by the holder: within a transaction what is active stays as it was looked at first.
                while (pid := await other.fetchval(waiting)) is None:
                    assert running.poll() is None
                    await asyncio.sleep(0.02)
                if sent is None:
                    await holder.execute("select pg_terminate_backend($1::integer)", pid)
                else:
                    running.send_signal(sent)
                _, told = await asyncio.to_thread(running.communicate, timeout=30)
                await locked.rollback()
                assert (running.returncode, said in told, "Traceback" in told) == (code, True, False), told
                assert not (tmp_path / "all.zip.part").exists()
                assert not (tmp_path / "all.zip").exists()
        finally:
            await holder.close()
            await other.close()

    asyncio.run(work())


def test_a_file_that_is_gone_is_named_and_all_else_is_there(origin: Server, served: Api, tmp_path: Path) -> None:
    first, second = sorted(
        origin.sql("select storage_key from media m join users u on u.id = m.user_id where username = 'heron'")
    )[:2]
    gone, other = origin.data / "media" / first, origin.data / "media" / second
    kept = gone.read_bytes(), other.read_bytes()
    try:
        gone.unlink()
        other.write_bytes(b"short")
        done = origin.command("export", "--to", str(tmp_path / "all.zip"))
        told = json.loads(content(tmp_path / "all.zip")["manifest.json"])
        own = json.loads(taken(signed_in(served, origin, "heron"), tmp_path / "own.zip")["manifest.json"])
    finally:
        gone.write_bytes(kept[0])
        other.write_bytes(kept[1])
    assert done.returncode == 1
    assert "1 files are not in the store any more, 1 are not what was stored there" in done.stderr
    for each in (told, own):
        assert (each["missing"], each["damaged"]) == ([f"{first[:36]}/{first[37:]}"], [f"{second[:36]}/{second[37:]}"])
    assert told["media"]["files"] == 23


@clustered.plain("there is no snapshot of several servers")
def test_what_is_deleted_while_it_is_exported_is_in_it_as_it_was(own_database: str, tmp_path: Path) -> None:
    server = Server(own_database, tmp_path / "data")
    server.fill()

    async def work() -> None:
        holder = await asyncpg.connect(own_database)
        locked = holder.transaction()
        await locked.start()
        await holder.execute("lock table usage in access exclusive mode")
        exporting = asyncio.create_task(asyncio.to_thread(server.exported, tmp_path / "all.zip"))
        other = await asyncpg.connect(own_database)
        waiting = "select true from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        while not await other.fetchval(waiting):
            assert not exporting.done()
            await asyncio.sleep(0.02)
        await holder.execute("delete from users where username = 'heron'")
        await locked.commit()
        await exporting
        await holder.close()
        await other.close()

    asyncio.run(work())
    assert server.sql("select count(*) from usage") == [1]
    entries = content(tmp_path / "all.zip")
    assert [len(lines(entries, entity)) for entity in ("users", "tasks", "usage", "credit_transactions")] == [2, 24, 2, 24]


def test_memory_stays_flat_however_much_there_is(own_database: str, tmp_path: Path) -> None:
    server = Server(own_database, tmp_path / "data")
    # 40 MB of rows, of which each chunk alone is in memory.
    server.sql(
        "insert into query_cache (query_hash, result, expires_at) "
        """select n, ('"' || repeat('Water the plants. ', 110000) || '"')::json, '2030-01-01' from generate_series(1, 20) n"""
    )
    running = subprocess.Popen(
        [HOLDFAST, "export", "--to", str(tmp_path / "all.zip")],
        env=os.environ | {"DATABASE_URL": own_database, "HOLDFAST_DATA": str(tmp_path)},
        stdout=subprocess.DEVNULL,
    )
    peak = 0
    while running.poll() is None:
        # By wait4() it would have at least what its parent had.
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{running.pid}/status").read_text())
        peak = max(peak, int(found[1]) if found else 0)
        time.sleep(0.01)
    assert running.returncode == 0
    assert sum(map(len, content(tmp_path / "all.zip").values())) > 39_000_000
    assert 20 * 1024 < peak < 85 * 1024


# Over HTTP


def test_it_is_a_download_that_no_cache_keeps(api: Api, ada: User) -> None:
    for method in ("GET", "HEAD"):
        answer = ada.request(method, "/v1/me/export")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/zip"
        assert re.fullmatch(
            r'attachment; filename="holdfast-export-\d{4}-\d\d-\d\d\.zip"', answer.headers["content-disposition"]
        )
        assert answer.headers["cache-control"] == "no-store"
        assert "content-length" not in answer.headers
    assert answer.content == b""
    options = ada.request("OPTIONS", "/v1/me/export")
    assert options.headers["allow"] == "GET, HEAD, OPTIONS"


def test_nobody_and_a_token_for_less_get_none(api: Api, ada: User) -> None:
    assert_problem(api.get("/v1/me/export"), 401, "unauthenticated")
    for scopes, status in ((["me:read", "tasks:read"], 403), (["write"], 403), (["read"], 200)):
        token = ada.made("/v1/me/tokens", {"name": "T", "scopes": scopes})["token"]
        answer = api.get("/v1/me/export", token=token)
        if status == 403:
            assert_problem(answer, 403, "insufficient_scope")
        else:
            assert answer.status_code == 200


class Slow:
    """A reader who takes pieces when told to, and who may leave."""

    def __init__(self, api: Api, user: User) -> None:
        self.api = api
        self.go = asyncio.Event()
        self.started = asyncio.Event()
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": "/v1/me/export",
            "headers": [(b"authorization", f"Bearer {user.token}".encode())],
            "query_string": b"",
            "client": ("127.0.0.1", 1),
        }
        self.leaves = False

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.started.set()
            await self.go.wait()
            if self.leaves:
                raise OSError("gone")

    async def read(self) -> None:
        async def receive() -> Any:
            await asyncio.sleep(3600)

        await self.api.app(self.scope, receive, self.send)  # type: ignore[arg-type]


def test_slow_readers_hold_no_connection_and_two_are_served_at_a_time(started: Started) -> None:
    api = started(pool_size=1, max_overflow=0)
    first, second, third = (api.user() for _ in range(3))

    async def work() -> None:
        slow = [Slow(api, user) for user in (first, second)]
        reading = [asyncio.create_task(each.read()) for each in slow]
        for each in slow:
            await each.started.wait()
        # The one connection of the pool is free.
        assert (await third.send("GET", "/v1/tasks")).status_code == 200
        refused = await third.send("GET", "/v1/me/export")
        assert_problem(refused, 503, "export_queue_full")
        assert refused.headers["retry-after"] == str(places.WAIT)
        slow[0].leaves = True
        for each in slow:
            each.go.set()
        await asyncio.gather(*reading)
        # One that leaves in the middle leaves its place as well.
        for _ in range(3):
            assert (await third.send("GET", "/v1/me/export")).status_code == 200

    api.runner.run(work())


def test_each_user_has_one_at_a_time(started: Started) -> None:
    api = started()
    user = api.user()

    async def work() -> None:
        slow = Slow(api, user)
        reading = asyncio.create_task(slow.read())
        await slow.started.wait()
        assert_problem(await user.send("GET", "/v1/me/export"), 503, "export_queue_full")
        slow.go.set()
        await reading

    api.runner.run(work())


def test_an_account_that_is_deleted_meanwhile_leaves_its_place(api: Api, ada: User) -> None:
    for _ in range(places.MOST + 1):
        with pytest.raises(Problem, match="unauthenticated"):
            api.runner.run(own.made(api.app.services, uuid4()))
    assert ada.get("/v1/me/export").status_code == 200


def test_a_large_export_may_take_longer_than_a_statement(started: Started, execute: Execute) -> None:
    api = started(query_timeout=0.5)
    user = api.user()

    async def work() -> None:
        holder = await asyncpg.connect(api.settings.database_url)
        locked = holder.transaction()
        await locked.start()
        await holder.execute("lock table consent_events in access exclusive mode")
        exporting = asyncio.create_task(user.send("GET", "/v1/me/export"))
        await asyncio.sleep(1.0)
        assert not exporting.done()
        await locked.rollback()
        await holder.close()
        assert (await exporting).status_code == 200

    api.runner.run(work())


def test_a_disk_without_room_is_a_503_and_the_next_one_is_made(api: Api, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise archive.NotWritten("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(archive, "written", full)
        assert_problem(ada.get("/v1/me/export"), 503, "storage_unavailable")
    assert ada.get("/v1/me/export").status_code == 200


def test_files_come_with_it(api: Api, tmp_path: Path) -> None:
    user = api.user()
    answer = user.request("POST", "/v1/media", files={"file": ("a.txt", b"hello", "text/plain")})
    assert answer.status_code == 201, answer.text
    entries = taken(user, tmp_path / "own.zip")
    assert entries[f"media/{user.id}/{answer.json()['id']}"] == b"hello"
    told = json.loads(entries["manifest.json"])
    assert (told["kind"], told["media"]) == ("user", {"files": 1, "bytes": 5})
