"""Calls that go out as one statement, when something goes wrong: each gets its own error, and only what it must share."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import clustered
import httpx
import pytest
from client import PASSWORD, Api, Started, User, assert_problem, new_email
from serving import Serving

from app.database import coalescing
from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.executor import Database
from app.database.queries import Query
from app.database.time_limit import begin_request, time_limit
from app.settings import Settings
from app.tasks import repository as tasks
from app.tasks.schemas import Task, TaskCreate, TaskPatch

pytestmark = clustered.plain("each call is sent by itself: its row may be on any server")

DEADLOCKS = """
create sequence attempts;
create function fail() returns trigger language plpgsql as $$
begin
    if nextval('attempts') <= 3 then raise exception 'deadlock' using errcode = '40P01'; end if;
    return new;
end $$;
create trigger fail before update on tasks for each row execute function fail();
"""


@pytest.fixture(autouse=True)
def two_are_not_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have calls wait as soon as one is under way."""
    monkeypatch.setattr(coalescing, "FEW", 1)


@asynccontextmanager
async def held(url: str, sql: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Hold the locks that a statement takes, on a connection beside the app."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(sql)
            yield connection
    finally:
        await connection.close()


TABLE = "lock table tasks in access exclusive mode"


async def waiting(connection: "asyncpg.Connection[asyncpg.Record]", number: int) -> list[int]:
    """The processes of the backends that wait for a lock, once there are so many."""
    sql = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    async with asyncio.timeout(10):
        # Outside of the transaction's snapshot: these figures are read anew by each statement.
        while len(rows := await connection.fetch(sql)) < number:
            await connection.execute("select pg_stat_clear_snapshot()")
            await asyncio.sleep(0.01)
    return [row["pid"] for row in rows]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true, ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def all_of(calls: list[Awaitable[Any]]) -> list[Any]:
    """What comes of each, its exception or its row, within ten seconds."""
    async with asyncio.timeout(10):
        return await asyncio.gather(*calls, return_exceptions=True)


async def requested(api: Api, call: Awaitable[Any]) -> Any:
    """Do it as a request does, with a time limit of its own."""
    begin_request(api.settings)
    return await call


def reads(api: Api, user: User, rows: list[UUID]) -> list[Awaitable[Any]]:
    return [requested(api, tasks.get(api.database, UUID(user.id), row)) for row in rows]


def creates(api: Api, user: User, titles: list[str]) -> list[Awaitable[Any]]:
    return [requested(api, tasks.create(api.database, UUID(user.id), TaskCreate(title=title))) for title in titles]


def patches(api: Api, user: User, rows: list[UUID], title: str) -> list[Awaitable[Any]]:
    changes = TaskPatch(title=title)
    return [requested(api, tasks.patch(api.database, UUID(user.id), row, None, changes)) for row in rows]


def made(user: User, number: int) -> list[UUID]:
    return [UUID(user.task()["id"]) for _ in range(number)]


def titles_of(user: User) -> list[str]:
    return [task["title"] for task in user.get("/v1/tasks?limit=200&order=oldest").json()["items"]]


@pytest.fixture
def user(api: Api) -> User:
    """Somebody without tasks."""
    return api.user()


# Errors of one call


def test_a_failing_create_among_good_ones_gets_its_own_error_and_the_others_their_rows(api: Api, user: User) -> None:
    titles = [f"S{n}" if n != 12 else " " for n in range(16)]
    nobody = tasks.create(api.database, UUID(int=1), TaskCreate(title="Nobody's"))
    results = api.runner.run(all_of([*creates(api, user, titles), nobody]))
    assert [type(each) for each in results] == [
        *[Task] * 12,
        asyncpg.CheckViolationError,
        *[Task] * 3,
        asyncpg.ForeignKeyViolationError,
    ]
    assert [each.title for n, each in enumerate(results[:16]) if n != 12] == titles[:12] + titles[13:]
    assert sorted(titles_of(user)) == sorted(titles[:12] + titles[13:])


def test_a_failing_patch_among_good_ones_gets_its_own_error_and_the_others_their_rows(api: Api, user: User) -> None:
    rows = made(user, 15)
    bad = tasks.patch(api.database, UUID(user.id), rows.pop(), None, TaskPatch(title=" "))
    calls = patches(api, user, rows, "Changed")
    results = api.runner.run(all_of([*calls[:7], bad, *calls[7:]]))
    assert isinstance(results.pop(7), asyncpg.CheckViolationError)
    assert [(each.id, each.title) for each in results] == [(row, "Changed") for row in rows]
    assert titles_of(user) == ["Changed"] * 14 + ["Water the plants"]


def test_a_batch_that_meets_deadlocks_time_after_time_is_sent_as_single_statements(started: Started, own_database: str) -> None:
    api = started(database_url=own_database)
    user = api.user()
    rows = made(user, 6)

    async def patch() -> list[Any]:
        connection = await asyncpg.connect(own_database)
        await connection.execute(DEADLOCKS)
        await connection.close()
        # The first one waits for its row, so that the attempts are those of the batch.
        async with held(own_database, f"select from tasks where id = '{rows[0]}' for update"):
            changing = asyncio.gather(*patches(api, user, rows, "Changed"))
            await asyncio.sleep(0.5)
        return await changing

    assert [each.title for each in api.runner.run(patch())] == ["Changed"] * 6
    assert titles_of(user) == ["Changed"] * 6


def test_a_server_that_takes_no_writes_is_a_503_for_each(started: Started, own_database: str) -> None:
    user = started(database_url=own_database).user()
    task = user.task()

    async def read_only() -> None:
        connection = await asyncpg.connect(own_database)
        name = await connection.fetchval("select current_database()")
        await connection.execute(f'alter database "{name}" set default_transaction_read_only = on')
        await connection.close()

    user.api.runner.run(read_only())
    api = started(database_url=own_database)
    mine = user.at(api)
    answers = api.together(
        *(mine.send("POST", "/v1/tasks", json={"title": "T"}) for _ in range(6)),
        *(mine.send("PATCH", f"/v1/tasks/{task['id']}", json={"title": "T"}) for _ in range(6)),
        *(mine.send("GET", f"/v1/tasks/{task['id']}") for _ in range(6)),
    )
    for answer in answers[:12]:
        assert_problem(answer, 503, "database_read_only")
    assert [answer.json() for answer in answers[12:]] == [task] * 6


# Calls that are given up


def test_the_first_call_takes_nothing_from_the_others_when_it_is_given_up(
    api: Api, user: User, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the end of the first one lets the others go.
    monkeypatch.setattr(coalescing, "PATIENCE", 60)
    rows = made(user, 8)

    async def give_up() -> list[Any]:
        async with held(database, f"select from tasks where id = '{rows[0]}' for update"):
            calls = [asyncio.ensure_future(each) for each in patches(api, user, rows, "Changed")]
            await asyncio.sleep(0.1)
            assert not any(each.done() for each in calls)
            calls[0].cancel()
            return await all_of([*calls])

    first, *others = api.runner.run(give_up())
    assert isinstance(first, asyncio.CancelledError)
    assert [each.id for each in others] == rows[1:]
    assert titles_of(user) == ["Water the plants"] + ["Changed"] * 7


def test_a_call_that_is_given_up_while_it_waits_is_not_sent(api: Api, user: User) -> None:
    async def give_up() -> list[Any]:
        calls = [asyncio.ensure_future(each) for each in creates(api, user, [f"T{n}" for n in range(10)])]
        await asyncio.sleep(0)
        for number in (3, 4, 9):
            calls[number].cancel()
        return await all_of([*calls])

    results = api.runner.run(give_up())
    assert [isinstance(each, asyncio.CancelledError) for each in results] == [n in {3, 4, 9} for n in range(10)]
    assert sorted(titles_of(user)) == [f"T{n}" for n in range(10) if n not in {3, 4, 9}]


@pytest.mark.parametrize("given_up", [1, 10])
def test_calls_that_are_given_up_in_flight_leave_the_others_and_the_pool_whole(
    started: Started, database: str, given_up: int
) -> None:
    api = started(pool_size=2, max_overflow=0, pool_timeout=5)
    user = api.user()
    rows = made(user, 10)

    async def give_up() -> list[Any]:
        async with held(database, TABLE) as connection:
            calls = [asyncio.ensure_future(each) for each in reads(api, user, rows)]
            await waiting(connection, 2)
            for call in calls[-given_up:]:
                call.cancel()
        return await all_of([*calls])

    results = api.runner.run(give_up())
    assert [each.id for each in results[:-given_up]] == rows[:-given_up]
    assert all(isinstance(each, asyncio.CancelledError) for each in results[-given_up:])
    assert [task.id for task in api.runner.run(all_of(reads(api, user, rows)))] == rows
    pool = api.database.pool
    api.runner.run(until(lambda: (pool.size, pool.idle, pool.waiting) == (2, 2, 0)))


# Time


def test_a_batch_over_its_time_is_a_timeout_for_each_and_the_next_one_is_fine(started: Started, database: str) -> None:
    api = started(query_timeout=0.3, pool_timeout=1)
    user = api.user()
    rows = made(user, 5)

    async def read() -> list[Any]:
        async with held(database, TABLE):
            return await all_of(reads(api, user, rows))

    begun = time.monotonic()
    assert [type(each) for each in api.runner.run(read())] == [QueryTimeout] * 5
    assert time.monotonic() - begun < 1
    assert [task.id for task in api.runner.run(all_of(reads(api, user, rows)))] == rows


def test_a_request_that_has_spent_its_time_gets_its_timeout_before_the_others(started: Started, database: str) -> None:
    api = started(query_timeout=1.0, pool_timeout=2.0)
    user = api.user()
    rows = made(user, 5)

    async def read(row: UUID, spent: float) -> float:
        begin_request(api.settings)
        time_limit(api.settings).queried = spent
        begun = time.monotonic()
        with pytest.raises(QueryTimeout):
            await tasks.get(api.database, UUID(user.id), row)
        return time.monotonic() - begun

    async def wait() -> list[Any]:
        async with held(database, TABLE):
            return await all_of([read(row, spent) for row, spent in zip(rows, (0, 0.05, 0.7, 0, 0), strict=True)])

    seconds = api.runner.run(wait())
    assert seconds[2] < 0.3 + 0.3
    # Who has spent little shares that with the others.
    assert all(0.85 < each < 1.3 for n, each in enumerate(seconds) if n != 2), seconds


def test_each_request_pays_for_the_time_of_its_batch(started: Started, database: str) -> None:
    api = started(query_timeout=2.0, pool_timeout=2.0)
    user = api.user()
    rows = made(user, 5)

    async def read(row: UUID) -> float:
        begin_request(api.settings)
        await tasks.get(api.database, UUID(user.id), row)
        return time_limit(api.settings).queried

    async def spent() -> list[Any]:
        async with held(database, TABLE):
            reading = asyncio.gather(*(read(row) for row in rows))
            await asyncio.sleep(0.4)
        return await reading

    assert all(0.3 < each < 1.5 for each in api.runner.run(spent()))


# Lost connections


@pytest.mark.parametrize("times", [1, 2])
def test_reads_whose_connection_is_lost_are_sent_once_more(started: Started, database: str, times: int) -> None:
    api = started(pool_size=4, max_overflow=0)
    user = api.user()
    rows = made(user, 8)

    async def lose() -> list[Any]:
        async with held(database, TABLE) as connection:
            reading = asyncio.gather(*reads(api, user, rows), return_exceptions=True)
            for _ in range(times):
                # The first call, and the batch of the others.
                for pid in await waiting(connection, 2):
                    await connection.execute("select pg_terminate_backend($1, 5000)", pid)
        return await reading

    results = api.runner.run(lose())
    if times == 1:
        assert [task.id for task in results] == rows
    else:
        assert [type(each) for each in results] == [DatabaseUnavailable] * 8
    assert [task.id for task in api.runner.run(all_of(reads(api, user, rows)))] == rows


@pytest.mark.parametrize("write", ["create", "patch"])
def test_writes_whose_connection_is_lost_are_not_sent_again(
    started: Started, database: str, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    api = started(pool_size=4, max_overflow=0)
    user = api.user()
    rows = made(user, 8)
    calls = creates(api, user, ["New"] * 8) if write == "create" else patches(api, user, rows, "New")
    sent = []
    run = api.database.run

    async def noted(query: Query, values: list[Any]) -> Any:
        sent.append(query.name)
        return await run(query, values)

    async def lose() -> list[Any]:
        async with held(database, TABLE) as connection:
            writing = asyncio.gather(*calls, return_exceptions=True)
            for pid in await waiting(connection, 2):
                await connection.execute("select pg_terminate_backend($1, 5000)", pid)
        return await writing

    monkeypatch.setattr(api.database, "run", noted)
    assert [type(each) for each in api.runner.run(lose())] == [DatabaseUnavailable] * 8
    assert sent == [f"tasks.{write}", f"tasks.{write}_many"]
    assert titles_of(user) == ["Water the plants"] * 8


def test_closing_waits_for_a_batch_under_way(runner: asyncio.Runner, settings: Settings, user: User, database: str) -> None:
    async def close_meanwhile() -> list[Any]:
        own = await Database.connect(settings)
        async with held(database, TABLE) as connection:
            calls = [tasks.create(own, UUID(user.id), TaskCreate(title=f"T{n}")) for n in range(6)]
            creating = asyncio.gather(*calls)
            await waiting(connection, 2)
            closing = asyncio.create_task(own.close())
            await asyncio.sleep(0.1)
            assert not closing.done()
        await closing
        return await creating

    assert [task.title for task in runner.run(close_meanwhile())] == [f"T{n}" for n in range(6)]
    assert sorted(titles_of(user)) == [f"T{n}" for n in range(6)]


# Everything killed


async def _storm(serving: Serving, token: str) -> tuple[list[str], list[str]]:
    """Create tasks until everything is killed. Returns the titles that were sent, and those that were acknowledged."""
    sent: list[str] = []
    acknowledged: list[str] = []

    async def create(client: httpx.AsyncClient, number: int) -> None:
        for attempt in range(100_000):
            sent.append(title := f"{number}-{attempt}")
            try:
                answer = await client.post("/v1/tasks", json={"title": title})
            except httpx.HTTPError:
                return
            if answer.status_code == 201:
                acknowledged.append(title)

    headers = {"Authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=24)
    async with httpx.AsyncClient(base_url=serving.url, headers=headers, limits=limits, trust_env=False, timeout=30) as client:
        creating = asyncio.gather(*(create(client, number) for number in range(24)))
        await until(lambda: len(acknowledged) >= 300)
        await asyncio.to_thread(serving.kill_everything)
        await creating
    return sent, acknowledged


def test_what_was_acknowledged_is_there_once_after_everything_was_killed_and_the_rest_at_most_once(
    data: Path, tmp_path: Path
) -> None:
    with Serving(data, tmp_path / "said") as serving:
        registered = serving.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD}).json()
        token = registered["token"]
        asyncio.run(_together(serving, token))
        sent, acknowledged = asyncio.run(_storm(serving, token))
    with Serving(data, tmp_path / "said again") as serving:
        found: list[str] = []
        page = serving.get("/v1/tasks?limit=200", token).json()
        found += [task["title"] for task in page["items"]]
        while page["next_cursor"] is not None:
            page = serving.get(f"/v1/tasks?limit=200&cursor={page['next_cursor']}", token).json()
            found += [task["title"] for task in page["items"]]
    found = [title for title in found if title != "Together"]
    assert len(found) == len({*found})
    assert {*acknowledged} <= {*found} <= {*sent}


async def _together(serving: Serving, token: str) -> None:
    """Create tasks at once until some of them went out together; a busy machine may take them one by one at first."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=serving.url, headers=headers, trust_env=False) as client, asyncio.timeout(60):
        while 'holdfast_query_seconds_count{query="tasks.create_many"}' not in (await client.get("/metrics")).text:
            answers = await asyncio.gather(*(client.post("/v1/tasks", json={"title": "Together"}) for _ in range(32)))
            assert {answer.status_code for answer in answers} == {201}
