"""When the database stumbles: a clear answer, nothing half done, and everything as before once it is back."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import clustered
import httpx
import pytest
from aiosql.types import SQLOperationType
from client import PASSWORD, Api, Started, assert_problem, new_email, set_by_change
from structlog.testing import capture_logs

import app.database
from app.database import breaker
from app.database.errors import DatabaseBusy, DatabaseRefused, DatabaseUnavailable
from app.database.executor import Database, Transaction
from app.database.queries import Query
from app.settings import Settings
from app.tasks import repository as tasks
from app.tasks.schemas import TaskCreate, TaskPatch

pytestmark = clustered.plain("faults are made by triggers and locks of one server; test_distribution_faults.py has a cluster's")

PID = Query("test.pid", "select pg_backend_pid()", SQLOperationType.SELECT_VALUE, [])

SESSION = Query(
    "test.session",
    """
    select pg_backend_pid() as pid, current_user::text as "user", session_user::text, current_schemas(true)::text as schemas,
        (select jsonb_object_agg(name, setting)::text from pg_settings) as settings,
        array(select pg_listening_channels()) as channels,
        array(select name from pg_cursors where name <> '') as cursors,
        array(select relname::text from pg_class where relpersistence = 't') as temporary_tables,
        array(select name from pg_prepared_statements where from_sql) as prepared_by_hand
    """,
    SQLOperationType.SELECT_ONE,
    [],
)

_ON_INSERT_WAIT = """
create function wait() returns trigger language plpgsql as $$
begin perform pg_advisory_xact_lock(7); return new; end $$;
create trigger wait before insert on sessions for each row execute function wait();
"""

_ON_UPDATE_FAIL = """
create sequence attempts;
create function fail() returns trigger language plpgsql as $$
begin
    if nextval('attempts') <= {times} then
        raise exception 'a text with the row %', new using errcode = '{sqlstate}', detail = new::text;
    end if;
    return new;
end $$;
create trigger fail before update on tasks for each row execute function fail();
"""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def beside(url: str, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    """Run a statement on a connection of its own."""
    async with connected(url) as connection:
        return await connection.fetch(sql, *arguments)


async def script(url: str, sql: str) -> None:
    """Run several statements on a connection of its own."""
    async with connected(url) as connection:
        await connection.execute(sql)


@asynccontextmanager
async def locked(url: str, task_id: str) -> AsyncIterator[None]:
    """Hold the lock of a task's row, so that whoever writes to it waits."""
    async with connected(url) as connection, connection.transaction():
        assert await connection.fetchval("select 1 from tasks where id = $1::text::uuid for update", task_id) == 1
        yield


@asynccontextmanager
async def held(database: Database, connections: int) -> AsyncIterator[list[Transaction]]:
    """Hold this many connections of the pool, each in a transaction."""
    held_ones: list[Transaction] = []
    all_held, done = asyncio.Event(), asyncio.Event()

    async def hold(on: Transaction) -> None:
        held_ones.append(on)
        if len(held_ones) == connections:
            all_held.set()
        await done.wait()

    holding = [asyncio.create_task(database.transaction(hold)) for _ in range(connections)]
    async with asyncio.timeout(20):
        await all_held.wait()
    try:
        yield held_ones
    finally:
        done.set()
        await asyncio.gather(*holding)


async def told_by_metrics(api: Api, *lines: str) -> None:
    """Wait until the metrics have these lines: other apps of this process write theirs into the same gauges once a second."""
    async with asyncio.timeout(3):
        while not {*lines} <= {*(await api.send("GET", "/metrics")).text.splitlines()}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def waiting_backend(url: str, part: str) -> int:
    """The process of the backend that waits for a lock in a statement with this text in it."""
    for _ in range(500):
        rows = await beside(
            url,
            "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            " and position($1 in query) > 0 and pid <> pg_backend_pid()",
            part,
        )
        if rows:
            return int(rows[0]["pid"])
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


async def terminate(url: str, *, application: str = "holdfast") -> None:
    """End every connection of the app to this database, as a restart of the server would."""
    ended = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name = $1 and pid <> pg_backend_pid()"
    )
    await beside(url, ended, application)


def retry_after(answer: httpx.Response) -> int:
    seconds = int(answer.headers["retry-after"])
    assert seconds >= 1
    return seconds


def test_an_exhausted_pool_is_a_503_in_time_and_passes(started: Started) -> None:
    api = started(pool_size=1, max_overflow=0, pool_timeout=0.3)
    user = api.user()
    task = user.task()
    path = f"/v1/tasks/{task['id']}"

    async def exhausted() -> None:
        async with held(api.database, 1):
            begun = time.monotonic()
            answers = await asyncio.gather(
                user.send("GET", path),
                user.send("PATCH", path, json={"title": "Changed"}),
                api.send("POST", "/v1/auth/register", json={"email": new_email(), "password": PASSWORD}),
                api.send("GET", "/v1/me", token="hf_" + "a" * 43),
            )
            assert 0.25 < time.monotonic() - begun < 1.5
            for answer in answers:
                assert_problem(answer, 503, "pool_exhausted")
                retry_after(answer)
            live, metrics, ready = await asyncio.gather(
                api.send("GET", "/health/live"), api.send("GET", "/metrics"), api.send("GET", "/health/ready")
            )
            assert (live.status_code, metrics.status_code, ready.status_code) == (200, 200, 503)
            assert ready.json() == {
                "status": "unavailable", "database": "unknown", "schema": "unknown", "pool": "exhausted", "breaker": "closed",
                "replica": "none", "server": "ok",
            }  # fmt: skip
            await told_by_metrics(
                api, 'holdfast_pool_connections{state="idle"} 0.0', 'holdfast_pool_connections{state="used"} 1.0'
            )

    api.runner.run(exhausted())
    assert user.get(path).json() == task
    ready = api.get("/health/ready")
    assert (ready.status_code, ready.json()["pool"]) == (200, "ok")
    assert "holdfast_pool_waiting 0.0" in api.get("/metrics").text


def test_metrics_show_who_waits_for_a_connection(started: Started) -> None:
    api = started(pool_size=1, max_overflow=0, pool_timeout=5)
    user = api.user()

    async def waiting() -> None:
        async with held(api.database, 1):
            requests = [asyncio.create_task(user.send("GET", "/v1/me")) for _ in range(3)]
            await told_by_metrics(api, "holdfast_pool_waiting 3.0")
        assert [answer.status_code for answer in await asyncio.gather(*requests)] == [200] * 3

    api.runner.run(waiting())


def test_fifty_requests_at_once_on_two_connections_all_succeed(started: Started) -> None:
    api = started(pool_size=2, max_overflow=0, pool_timeout=20)
    user = api.user()
    answers = api.together(*(user.send("POST", "/v1/tasks", json={"title": f"T{n}"}) for n in range(50)))
    assert [answer.status_code for answer in answers] == [201] * 50
    assert len(user.get("/v1/tasks?limit=200").json()["items"]) == 50
    assert api.database.pool.size == 2


def test_who_waits_is_served_in_turn_without_asking_the_pool_again(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    api = started(pool_size=1, max_overflow=0, pool_timeout=20)
    served: list[int] = []

    async def wait(number: int) -> None:
        await api.database.run(PID, [])
        served.append(number)

    async def twenty() -> None:
        async with held(api.database, 1):
            waiting = [asyncio.create_task(wait(number)) for number in range(20)]
            await asyncio.sleep(0.05)
            monkeypatch.setattr(asyncpg.Pool, "acquire", None)
        await asyncio.gather(*waiting)

    api.runner.run(twenty())
    assert served == list(range(20))


@pytest.mark.parametrize("moment", ["before", "as"])
def test_who_gives_up_waiting_leaves_the_connection_to_the_next(started: Started, moment: str) -> None:
    api = started(pool_size=1, max_overflow=0, pool_timeout=5)

    async def give_up() -> None:
        pids = [await api.database.run(PID, [])]
        first, second = [], []

        async def hold(_: Transaction) -> None:
            first.append(asyncio.create_task(api.database.run(PID, [])))
            second.append(asyncio.create_task(api.database.run(PID, [])))
            await asyncio.sleep(0.05)
            if moment == "before":
                first[0].cancel()
                await asyncio.sleep(0)

        await api.database.transaction(hold)
        # The connection has been handed on, and the one who has it did not get its turn of the loop yet.
        first[0].cancel()
        async with asyncio.timeout(2):
            pids.append(await second[0])
            pids.append(await api.database.run(PID, []))
        assert first[0].cancelled()
        assert (len(set(pids)), api.database.pool.waiting, api.database.pool.idle) == (1, 0, 1)

    api.runner.run(give_up())


def test_who_waits_gets_a_new_connection_for_one_that_was_lost(started: Started, database: str) -> None:
    api = started(pool_size=1, max_overflow=0, pool_timeout=5)

    waiting = []

    async def be_lost(on: Transaction) -> None:
        waiting.append(asyncio.create_task(api.database.run(PID, [])))
        pid = await on.run(PID, [])
        await asyncio.sleep(0.05)
        await beside(database, "select pg_terminate_backend($1)", pid)
        await on.run(PID, [])

    async def lose() -> None:
        with pytest.raises(DatabaseUnavailable):
            await api.database.transaction(be_lost)
        async with asyncio.timeout(3):
            assert await waiting[0] > 0
        assert (api.database.pool.size, api.database.pool.idle) == (1, 1)

    api.runner.run(lose())


def test_the_pool_grows_by_its_overflow_and_no_further(started: Started) -> None:
    # Long enough to open two connections on a busy machine.
    api = started(pool_size=1, max_overflow=2, pool_timeout=1.0)
    assert api.database.pool.size == 1

    async def grown() -> None:
        async with held(api.database, 3):
            assert api.database.pool.exhausted
            assert_problem(await api.send("GET", "/v1/me", token="hf_" + "a" * 43), 503, "pool_exhausted")

    api.runner.run(grown())
    assert not api.database.pool.exhausted


@pytest.mark.parametrize("first", ["client", "server"])
def test_a_query_over_its_time_is_a_504_and_the_pool_is_fine_afterwards(
    started: Started, monkeypatch: pytest.MonkeyPatch, database: str, first: str
) -> None:
    create_pool = asyncpg.create_pool

    def with_one_side_alone(*arguments: Any, **options: Any) -> Any:
        options["server_settings"]["statement_timeout"] = "0" if first == "client" else "270"
        return create_pool(*arguments, **options)

    monkeypatch.setattr(asyncpg, "create_pool", with_one_side_alone)
    # Far enough apart that the one meant is first on a busy machine, too.
    api = started(pool_size=2, max_overflow=0, query_timeout=0.3 if first == "client" else 1.5)
    user = api.user()
    task = user.task()
    path = f"/v1/tasks/{task['id']}"

    async def too_slow() -> None:
        async with locked(database, task["id"]):
            begun = time.monotonic()
            answers = await asyncio.gather(
                user.send("PATCH", path, json={"title": "Changed"}), user.send("DELETE", path), user.send("GET", path)
            )
            assert 0.25 < time.monotonic() - begun < 2
            assert_problem(answers[0], 504, "query_timeout")
            assert_problem(answers[1], 504, "query_timeout")
            # Who only reads does not wait for the lock.
            assert answers[2].json() == task

    with capture_logs() as events:
        api.runner.run(too_slow())
    failed = [(event["query"], event["sqlstate"]) for event in events if event["event"] == "query_failed"]
    sqlstate = "client" if first == "client" else "57014"
    assert sorted(failed) == [("tasks.delete", sqlstate), ("tasks.patch", sqlstate)]
    for _ in range(4):
        assert user.get(path).json() == task
    changed = user.patch(path, {"title": "Changed"}).json()
    assert changed == task | {"title": "Changed"} | set_by_change(task, changed)
    assert api.database.pool.size == 2


def test_a_slow_query_is_logged_by_name(started: Started, monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    monkeypatch.setattr(app.database.executor, "SLOW_QUERY", 0.05)
    api = started()
    user = api.user()
    task = user.task()

    async def slow() -> httpx.Response:
        async with locked(database, task["id"]):
            patch = asyncio.create_task(user.send("PATCH", f"/v1/tasks/{task['id']}", json={"title": "Secret title"}))
            await asyncio.sleep(0.1)
        return await patch

    with capture_logs() as events:
        assert api.runner.run(slow()).status_code == 200
    [event] = [event for event in events if event["event"] == "slow_query"]
    assert (event["query"], event["log_level"]) == ("tasks.patch", "warning")
    assert 0.05 < event["seconds"] < 5
    assert "Secret title" not in str(events)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_write_whose_connection_is_ended_half_way_is_a_503_and_leaves_nothing(
    started: Started, database: str, method: str
) -> None:
    api = started(pool_size=2, max_overflow=0)
    user = api.user()
    task = user.task()
    path = f"/v1/tasks/{task['id']}"

    async def cut_off() -> httpx.Response:
        async with locked(database, task["id"]):
            body = {"json": {"title": "Changed", "completed": True}} if method == "PATCH" else {}
            write = asyncio.create_task(user.send(method, path, **body))
            pid = await waiting_backend(database, "update tasks" if method == "PATCH" else "delete from tasks")
            await beside(database, "select pg_terminate_backend($1)", pid)
            return await write

    with capture_logs() as events:
        answer = api.runner.run(cut_off())
    assert_problem(answer, 503, "database_unavailable")
    retry_after(answer)
    [failed] = [event for event in events if event["event"] == "query_failed"]
    # The server's last words, or their end, whichever is read first.
    assert failed["sqlstate"] in {"57P01", "08003"}
    assert user.get(path).json() == task
    changed = user.patch(path, {"title": "Changed"}).json()
    assert changed == task | {"title": "Changed"} | set_by_change(task, changed)


def test_a_registration_whose_connection_is_ended_makes_neither_user_nor_session(started: Started, own_database: str) -> None:
    api = started(database_url=own_database, pool_size=2, max_overflow=0)
    body = {"email": new_email(), "password": PASSWORD}
    # The one statement is held up between its two halves: the user is inserted, the session not yet.
    api.runner.run(script(own_database, _ON_INSERT_WAIT))

    async def cut_off() -> httpx.Response:
        async with connected(own_database) as connection:
            await connection.execute("select pg_advisory_lock(7)")
            register = asyncio.create_task(api.send("POST", "/v1/auth/register", json=body))
            pid = await waiting_backend(own_database, "insert into users")
            await connection.execute("select pg_terminate_backend($1)", pid)
            return await register

    answer = api.runner.run(cut_off())
    assert_problem(answer, 503, "database_unavailable")
    retry_after(answer)
    counted = "select (select count(*) from users) as users, (select count(*) from sessions) as sessions"
    assert [dict(row) for row in api.runner.run(beside(own_database, counted))] == [{"users": 0, "sessions": 0}]
    assert api.post("/v1/auth/register", body).status_code == 201
    assert [dict(row) for row in api.runner.run(beside(own_database, counted))] == [{"users": 1, "sessions": 1}]


def test_a_read_over_a_connection_that_was_ended_while_idle_answers(started: Started, own_database: str) -> None:
    api = started(database_url=own_database, pool_size=5, max_overflow=0)
    user = api.user()
    task = user.task()
    for path in ("/v1/me", f"/v1/tasks/{task['id']}", "/v1/tasks", "/health/ready"):
        # All of them, as when the server restarts, and the app learns of it by the next request.
        api.runner.run(terminate(own_database))
        assert user.get(path).status_code == 200
    assert api.together(*(user.send("GET", "/v1/tasks") for _ in range(10)))[0].status_code == 200
    api.runner.run(terminate(own_database))
    assert [answer.status_code for answer in api.together(*(user.send("GET", "/v1/me") for _ in range(20)))] == [200] * 20


def test_a_read_whose_connection_is_ended_in_flight_is_sent_once_more(started: Started, database: str) -> None:
    api = started(pool_size=2, max_overflow=0)
    user = api.user()
    task = user.task()

    async def cut_off(times: int) -> httpx.Response:
        async with connected(database) as connection, connection.transaction():
            await connection.execute("lock table tasks in access exclusive mode")
            read = asyncio.create_task(user.send("GET", f"/v1/tasks/{task['id']}"))
            for _ in range(times):
                pid = await waiting_backend(database, "from tasks")
                await connection.execute("select pg_terminate_backend($1)", pid)
                while await beside(database, "select 1 from pg_stat_activity where pid = $1", pid):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        return await read

    once = api.runner.run(cut_off(1))
    assert (once.status_code, once.json()) == (200, task)
    twice = api.runner.run(cut_off(2))
    assert_problem(twice, 503, "database_unavailable")
    assert user.get(f"/v1/tasks/{task['id']}").json() == task


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InterfaceError("connection is closed"),
        # What a statement meets that is sent between the server's last words and the end of the connection.
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
        ConnectionResetError(104, "Connection reset by peer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_way_to_lose_a_connection_counts_as_one(
    started: Started, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    api = started(pool_size=2, max_overflow=0)
    user = api.user()
    task = user.task()
    path = f"/v1/tasks/{task['id']}"
    fetchrow = app.database.connection.Connection.fetchrow
    lost = []

    async def lose_once(connection: Any, sql: str, *arguments: Any, **options: Any) -> Any:
        if "from tasks" in sql or "update tasks" in sql:
            lost.append(sql)
            if len(lost) == 1:
                raise error
        return await fetchrow(connection, sql, *arguments, **options)

    monkeypatch.setattr(app.database.connection.Connection, "fetchrow", lose_once)
    assert user.get(path).json() == task
    assert len(lost) == 2
    lost.clear()
    answer = user.patch(path, {"title": "Changed"})
    assert_problem(answer, 503, "database_unavailable")
    assert len(lost) == 1
    assert user.get(path).json() == task


def test_a_database_that_goes_away_is_a_503_and_comes_back_by_itself(
    started: Started, own_database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    api = started(database_url=own_database, pool_size=2, max_overflow=2, pool_timeout=1)
    user = api.user()
    task = user.task()
    name = urlsplit(own_database).path[1:]
    server = own_database.replace(f"/{name}", "/postgres")

    def accept(*, connections: bool) -> None:
        sql = f'alter database "{name}" with allow_connections {str(connections).lower()}'
        api.runner.run(beside(server, sql))
        if not connections:
            ended = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1"
            api.runner.run(beside(server, ended, name))

    try:
        accept(connections=False)
        with capture_logs() as events:
            begun = time.monotonic()
            answers = api.together(
                user.send("GET", f"/v1/tasks/{task['id']}"),
                user.send("POST", "/v1/tasks", json={"title": "Lost"}),
                user.send("GET", "/v1/me"),
                api.send("POST", "/v1/auth/login", json={"email": user.email, "password": PASSWORD}),
                *(user.send("PATCH", f"/v1/tasks/{task['id']}", json={"title": f"Lost {n}"}) for n in range(20)),
            )
            assert time.monotonic() - begun < 5
            for answer in answers:
                assert_problem(answer, 503, "database_unavailable")
                retry_after(answer)
                assert name not in answer.text
            ready = api.get("/health/ready")
            assert (ready.status_code, ready.json()) == (
                503,
                {
                    "status": "unavailable", "database": "unreachable", "schema": "unknown", "pool": "ok", "breaker": "open",
                    "replica": "none", "server": "ok",
                },
            )  # fmt: skip
            assert api.get("/health/live").status_code == 200
            assert api.get("/metrics").status_code == 200
        for text in (str(events), *capfd.readouterr()):
            assert name not in text
            assert own_database not in text
    finally:
        accept(connections=True)
    time.sleep(breaker.PAUSE)
    assert user.get(f"/v1/tasks/{task['id']}").json() == task
    assert user.patch(f"/v1/tasks/{task['id']}", {"title": "Back"}).status_code == 200
    assert api.get("/health/ready").status_code == 200
    assert len(user.get("/v1/tasks").json()["items"]) == 1


def test_a_dropped_database_is_a_503(started: Started, own_database: str) -> None:
    api = started(database_url=own_database, pool_timeout=1)
    user = api.user()
    name = urlsplit(own_database).path[1:]
    api.runner.run(beside(own_database.replace(f"/{name}", "/postgres"), f'drop database "{name}" with (force)'))
    for _ in range(5):
        answer = user.get("/v1/me")
        assert_problem(answer, 503, "database_unavailable")
        assert name not in answer.text


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_deadlock_and_a_serialization_failure_are_tried_again(
    started: Started, own_database: str, sqlstate: str, times: int
) -> None:
    api = started(database_url=own_database)
    user = api.user()
    task = user.task()
    api.runner.run(script(own_database, _ON_UPDATE_FAIL.format(times=times, sqlstate=sqlstate)))
    answer = user.patch(f"/v1/tasks/{task['id']}", {"title": "Changed"})
    assert answer.status_code == 200
    assert answer.json() == task | {"title": "Changed"} | set_by_change(task, answer.json())


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_the_deadlock_after_the_last_retry_is_a_503(started: Started, own_database: str, sqlstate: str) -> None:
    api = started(database_url=own_database, retries=2)
    user = api.user()
    task = user.task()
    api.runner.run(script(own_database, _ON_UPDATE_FAIL.format(times=3, sqlstate=sqlstate)))
    answer = user.patch(f"/v1/tasks/{task['id']}", {"title": "Changed"})
    assert_problem(answer, 503, "database_busy")
    retry_after(answer)
    assert user.get(f"/v1/tasks/{task['id']}").json() == task
    assert api.runner.run(beside(own_database, "select last_value from attempts"))[0][0] == 3
    assert user.patch(f"/v1/tasks/{task['id']}", {"title": "Changed"}).status_code == 200


@pytest.mark.parametrize(
    ("sqlstate", "status", "code"),
    [
        ("53100", 503, "database_read_only"),
        ("25006", 503, "database_read_only"),
        ("57P01", 503, "database_unavailable"),
        ("57P03", 503, "database_unavailable"),
        ("08006", 503, "database_unavailable"),
        ("53300", 503, "database_unavailable"),
        ("57014", 504, "query_timeout"),
        ("22003", 422, "invalid"),
        ("23514", 500, "internal_error"),
        ("P0001", 500, "internal_error"),
        ("XX000", 500, "internal_error"),
        ("42501", 500, "internal_error"),
        ("53200", 500, "internal_error"),
    ],
)
def test_whatever_the_database_says_nothing_of_it_is_shown_or_logged(
    started: Started, own_database: str, sqlstate: str, status: int, code: str
) -> None:
    api = started(database_url=own_database)
    user = api.user()
    task = user.task(title="A secret title")
    path = f"/v1/tasks/{task['id']}"
    api.runner.run(script(own_database, _ON_UPDATE_FAIL.format(times=1, sqlstate=sqlstate)))
    with capture_logs() as events:
        answer = user.patch(path, {"description": "A secret description"})
    assert_problem(answer, status, code)
    if status == 503:
        retry_after(answer)
    assert any(event.get("sqlstate") == sqlstate for event in events)
    for text in (answer.text, str(events)):
        for hidden in ("secret", "a text with", "update tasks", "plpgsql"):
            assert hidden not in text.lower()
    # Once only: a write is not tried again by itself.
    assert user.get(path).json() == task
    assert user.patch(path, {"completed": True}).status_code == 200


@pytest.mark.parametrize("error", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError])
def test_a_transaction_is_run_again_as_a_whole(api: Api, error: type[asyncpg.PostgresError]) -> None:
    user = api.user()
    runs = []

    async def work(on: Transaction) -> str:
        runs.append(await on.run(PID, []))
        await tasks.create(on, UUID(user.id), TaskCreate(title=f"Run {len(runs)}"))
        if len(runs) < 4:
            raise error("by chance")
        return "done"

    assert api.runner.run(api.database.transaction(work)) == "done"
    assert len(runs) == 4
    assert [task["title"] for task in user.get("/v1/tasks").json()["items"]] == ["Run 4"]


def test_a_transaction_that_collides_again_and_again_is_given_up(api: Api) -> None:
    user = api.user()
    runs = []

    async def work(on: Transaction) -> None:
        runs.append(1)
        await tasks.create(on, UUID(user.id), TaskCreate(title="T"))
        raise asyncpg.DeadlockDetectedError("by chance")

    with pytest.raises(DatabaseBusy):
        api.runner.run(api.database.transaction(work))
    assert len(runs) == 1 + api.settings.retries == 4
    assert user.get("/v1/tasks").json()["items"] == []


def test_two_transactions_in_a_real_deadlock_both_succeed(api: Api) -> None:
    user = api.user()
    first, second = UUID(user.task()["id"]), UUID(user.task()["id"])
    runs = {"there": 0, "back": 0}
    written: dict[str, dict[str, int]] = {"there": {}, "back": {}}

    async def both() -> None:
        met = asyncio.Barrier(2)

        async def swap(name: str, *ids: UUID) -> None:
            async def work(on: Transaction) -> None:
                runs[name] += 1
                for id in ids:  # noqa: A001 - the word of the API
                    task = await tasks.patch(on, UUID(user.id), id, None, TaskPatch(title=name))
                    assert task is not None
                    written[name][str(id)] = task.version
                    if runs[name] == 1 and id == ids[0]:
                        await met.wait()

            await api.database.transaction(work)

        async with asyncio.timeout(20):
            await asyncio.gather(swap("there", first, second), swap("back", second, first))

    with capture_logs() as events:
        api.runner.run(both())
    assert sorted(runs.values()) == [1, 2]
    [failed] = [event for event in events if event["event"] == "query_failed"]
    assert failed["sqlstate"] == "40P01"
    # The one that was run again came last.
    earlier, last = sorted(runs, key=lambda name: runs[name])
    left = {task["id"]: (task["title"], task["version"]) for task in user.get("/v1/tasks").json()["items"]}
    assert left == {task_id: (last, version) for task_id, version in written[last].items()}
    assert all(version < written[last][task_id] for task_id, version in written[earlier].items())


def test_a_transaction_that_raises_leaves_nothing(api: Api) -> None:
    user = api.user()

    async def work(on: Transaction) -> None:
        await tasks.create(on, UUID(user.id), TaskCreate(title="T"))
        raise LookupError("of the rule's own")

    with pytest.raises(LookupError, match="of the rule's own"):
        api.runner.run(api.database.transaction(work))
    assert user.get("/v1/tasks").json()["items"] == []


def test_a_transaction_that_is_cancelled_leaves_nothing_and_gives_its_connection_back(started: Started) -> None:
    api = started(pool_size=1, max_overflow=0, pool_timeout=1)
    user = api.user()

    async def cancelled() -> None:
        begun = asyncio.Event()

        async def work(on: Transaction) -> None:
            await tasks.create(on, UUID(user.id), TaskCreate(title="T"))
            begun.set()
            await asyncio.sleep(60)

        task = asyncio.create_task(api.database.transaction(work))
        async with asyncio.timeout(20):
            await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for _ in range(3):
        api.runner.run(cancelled())
    assert user.get("/v1/tasks").json()["items"] == []


def test_closing_waits_for_what_is_under_way_and_no_longer(runner: asyncio.Runner, settings: Settings) -> None:
    async def close_meanwhile() -> float:
        database = await Database.connect(settings)

        async def work(_: Transaction) -> float:
            await asyncio.sleep(0.3)
            return time.monotonic()

        task = asyncio.create_task(database.transaction(work))
        await asyncio.sleep(0.1)
        await database.close()
        return time.monotonic() - await task

    assert 0 <= runner.run(close_meanwhile()) < 3


def test_a_transaction_whose_connection_is_ended_before_the_commit_leaves_nothing(api: Api, database: str) -> None:
    user = api.user()

    async def work(on: Transaction) -> None:
        await tasks.create(on, UUID(user.id), TaskCreate(title="T"))
        await beside(database, "select pg_terminate_backend($1)", await on.run(PID, []))

    with pytest.raises(DatabaseUnavailable):
        api.runner.run(api.database.transaction(work))
    assert user.get("/v1/tasks").json()["items"] == []


def test_requests_that_are_given_up_by_their_callers_leave_the_pool_whole(started: Started, database: str) -> None:
    api = started(pool_size=2, max_overflow=0, pool_timeout=5)
    user = api.user()
    task = user.task()
    path = f"/v1/tasks/{task['id']}"

    async def given_up() -> None:
        async with locked(database, task["id"]):
            requests = [asyncio.create_task(user.send("PATCH", path, json={"title": f"T{n}"})) for n in range(10)]
            await waiting_backend(database, "update tasks")
            for request in requests:
                request.cancel()
            await asyncio.gather(*requests, return_exceptions=True)

    api.runner.run(given_up())
    # One that went out with others may have been made: whoever gives up does not know.
    assert user.get(path).json()["title"] in {task["title"], *(f"T{n}" for n in range(10))}
    answers = api.together(*(user.send("GET", path) for _ in range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert "holdfast_pool_waiting 0.0" in api.get("/metrics").text


def test_an_old_connection_is_replaced(started: Started) -> None:
    def pid(of: Api) -> int:
        found: int = of.runner.run(of.database.run(PID, []))
        return found

    old = started(pool_size=1, max_overflow=0, pool_recycle=0.5)
    first = pid(old)
    assert pid(old) == first
    time.sleep(0.55)
    # The one that finds out answers, and is the last.
    assert pid(old) == first
    second = pid(old)
    assert second != first
    assert pid(old) == second
    lasting = started(pool_size=1, max_overflow=0)
    assert pid(lasting) == pid(lasting)


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_start_waits_for_the_database_ever_longer_and_then_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("app.database.startup.asyncio.sleep", sleep)
    port = _closed_port()
    url = f"postgresql://the-user:the-password@127.0.0.1:{port}/the-database"
    with capture_logs() as events, pytest.raises(DatabaseUnavailable) as raised:
        asyncio.run(Database.connect(Settings(database_url=url)))
    assert slept == [1, 2, 4, 8]
    assert [event["next_attempt_in"] for event in events] == [1, 2, 4, 8, None]
    assert {(event["event"], event["log_level"]) for event in events} == {("database_not_there", "warning")}
    # Where it was looked for, for whoever reads the log; who asked is in neither.
    assert {tuple(event["servers"]) for event in events} == {(f"127.0.0.1:{port}",)}
    assert "127.0.0.1" not in str(raised.value)
    for text in (str(raised.value), str(events)):
        for hidden in ("the-user", "the-password", "the-database"):
            assert hidden not in text
    assert "DATABASE_URL" in str(raised.value)


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("postgresql://u:p@db.example.com/d", ["db.example.com:5432"]),
        ("postgresql://u:p%40ss@db.example.com:6432/d?connect_timeout=1", ["db.example.com:6432"]),
        ("postgresql://u:p@[::1]:6432,two.example.com/d", ["[::1]:6432", "two.example.com:5432"]),
        ("postgresql://u:p@/d?host=/run/postgresql&port=5433", ["/run/postgresql:5433"]),
        ("postgresql://u:p@/d?host=one,two&port=1,2", ["one:1", "two:2"]),
        ("postgresql:///d", []),
        # A password that should have been quoted: what stands in the place of the host is none.
        ("postgresql://u:12/34@db.example.com/d", []),
        ("postgresql://u:p@ss@word@db.example.com/d", ["db.example.com:5432"]),
    ],
)
def test_where_the_database_is_looked_for_is_told_without_who_asks(url: str, servers: list[str]) -> None:
    assert app.database.startup.servers_of(url) == servers


def test_the_start_tries_again_as_often_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.database.startup, "FIRST_WAIT", 0.001)
    for retries in (0, 2):
        settings = Settings(database_url=f"postgresql://u@127.0.0.1:{_closed_port()}/d", start_retries=retries)
        with capture_logs() as events, pytest.raises(DatabaseUnavailable):
            asyncio.run(Database.connect(settings))
        assert [event["next_attempt_in"] for event in events] == [0.001 * 2**number for number in range(retries)] + [None]


def test_a_database_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    monkeypatch.setattr(app.database.startup, "FIRST_WAIT", 0.001)
    create_pool, attempts = asyncpg.create_pool, []

    def create_late(*arguments: Any, **options: Any) -> Any:
        attempts.append(1)
        if len(attempts) < 4:
            raise asyncpg.CannotConnectNowError("the database system is starting up")
        return create_pool(*arguments, **options)

    monkeypatch.setattr(asyncpg, "create_pool", create_late)

    async def connect() -> None:
        connected_at_last = await Database.connect(Settings(database_url=database, pool_size=1))
        await connected_at_last.close()

    asyncio.run(connect())
    assert len(attempts) == 4


def test_a_server_that_says_no_is_not_asked_again(database: str) -> None:
    parts = urlsplit(database)
    unknown = {
        "the database": parts._replace(path="/no-such-database"),
        "the user": parts._replace(netloc=f"no-such-user:the-password@{parts.netloc.rpartition('@')[2]}"),
    }
    for what, url in unknown.items():
        begun = time.monotonic()
        with capture_logs() as events, pytest.raises(DatabaseRefused) as raised:
            asyncio.run(Database.connect(Settings(database_url=urlunsplit(url))))
        assert time.monotonic() - begun < 1, what
        for text in (str(raised.value), str(events)):
            for hidden in ("no-such-user", "the-password", "no-such-database", parts.hostname or "/socket"):
                assert hidden not in text
        assert "DATABASE_URL" in str(raised.value)


def test_a_read_only_server_takes_no_writes_and_goes_on_reading(started: Started, own_database: str) -> None:
    writable = started(database_url=own_database)
    user = writable.user()
    task = user.task()
    name = urlsplit(own_database).path[1:]
    writable.runner.run(beside(own_database, f'alter database "{name}" set default_transaction_read_only = on'))
    api = started(database_url=own_database)
    path = f"/v1/tasks/{task['id']}"
    for answer in (
        api.patch(path, {"title": "Changed"}, token=user.token),
        api.delete(path, token=user.token),
        api.post("/v1/tasks", {"title": "T"}, token=user.token),
        api.patch("/v1/me", {"bio": "B"}, token=user.token),
        api.post("/v1/auth/logout", token=user.token),
        api.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD}),
        api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}),
    ):
        assert_problem(answer, 503, "database_read_only")
        retry_after(answer)
    for each in (path, "/v1/tasks", "/v1/me", "/health/ready"):
        assert api.get(each, token=user.token).status_code == 200
    # With rate limits a login is refused before its password is looked at, and no other way.
    limited = started(database_url=own_database, rate_limits=True)
    answer = limited.post("/v1/auth/login", {"email": user.email, "password": PASSWORD})
    assert_problem(answer, 503, "database_read_only")


def test_no_request_leaves_anything_in_the_session_of_its_connection(started: Started, database: str) -> None:
    # The reset query is off: what one request leaves behind, the next one finds.
    api = started(pool_size=3, max_overflow=0)

    async def sessions() -> dict[int, dict[str, Any]]:
        async with held(api.database, 3) as transactions:
            rows = [await on.run(SESSION, []) for on in transactions]
        # Flat, so that a failure names what changed.
        return {
            row["pid"]: {key: value for key, value in row.items() if key != "settings"} | json.loads(row["settings"])
            for row in rows
        }

    before = api.runner.run(sessions())
    every_route(api)
    after = api.runner.run(sessions())
    assert after.keys() == before.keys()
    for pid, session in before.items():
        assert {name: after[pid][name] for name in session if after[pid][name] != session[name]} == {}
    pids = list(before)
    assert api.runner.run(beside(database, "select * from pg_locks where locktype = 'advisory' and pid = any($1)", pids)) == []
    states = "select distinct state, xact_start from pg_stat_activity where pid = any($1)"
    assert [dict(row) for row in api.runner.run(beside(database, states, pids))] == [{"state": "idle", "xact_start": None}]


def every_route(api: Api) -> None:
    """A request to each route, and those that fail in the database too."""
    for _ in range(3):
        user, other = api.user(), api.user()
        task = f"/v1/tasks/{user.task()['id']}"
        answers = [
            api.post("/v1/auth/register", {"email": user.email, "password": PASSWORD}),
            api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}),
            api.post("/v1/auth/login", {"email": user.email, "password": "wrong"}),
            api.post("/v1/auth/guest"),
            user.patch("/v1/me", {"bio": "B"}),
            user.patch("/v1/me", {"email": other.email, "current_password": PASSWORD}),
            user.get("/v1/me"),
            user.get("/v1/me/sessions"),
            user.get("/v1/me/identities"),
            user.post("/v1/me/tokens", {"name": "T", "scopes": ["read"]}),
            user.get("/v1/me/tokens"),
            user.get("/v1/tasks?limit=1&order=oldest&completed=false"),
            user.get("/v1/tasks?limit=1"),
            user.get(task),
            other.get(task),
            user.patch(task, {"completed": True}),
            user.patch(task, {"completed": True}, headers={"If-Match": '"9"'}),
            user.delete(task),
            user.request("PUT", "/v1/me/password", json={"new": "another good one", "current": PASSWORD}),
            other.post("/v1/auth/logout"),
            user.request("DELETE", "/v1/me", json={"password": "another good one"}),
            *(api.get(path) for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/v1/x")),
        ]
        assert all(answer.status_code < 500 for answer in answers)
        guest = api.post("/v1/auth/guest").json()["token"]
        body = {"email": new_email(), "password": PASSWORD}
        assert api.post("/v1/auth/register", body, token=guest).status_code == 201
        api.together(*(api.send("GET", "/v1/tasks", token=guest) for _ in range(10)))
