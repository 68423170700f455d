"""A database server that hangs: every answer comes in time, and everything works again once it is back."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import psutil
import pytest
from client import Api, Started, User, assert_problem

from app.database import embedded, migrations

QUERY_TIMEOUT = 1.0
POOL_TIMEOUT = 2.0
SLACK = 0.9
"""What may come on top: half a second for a cancel to be confirmed, and the machine's own."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """A server of this module's own: nothing else may hang with it."""
    server = embedded.start(tmp_path_factory.mktemp("frozen"), durable=False)
    try:
        asyncio.run(migrations.up(server.url))
        yield server
    finally:
        server.stop()


@pytest.fixture
def start(started: Started, server: embedded.Server) -> Started:
    """Start the app on that server, with short times."""
    short = {"query_timeout": QUERY_TIMEOUT, "pool_timeout": POOL_TIMEOUT, "pool_size": 2, "max_overflow": 0}
    return lambda **changes: started(**({"database_url": server.url} | short | changes))


@contextmanager
def frozen(server: embedded.Server) -> Iterator[None]:
    """Stop every process of the server in its tracks, as a machine that swaps or a hypervisor that migrates does."""
    postmaster = psutil.Process(server.pid)
    processes = [postmaster]
    postmaster.suspend()
    processes += postmaster.children(recursive=True)
    for process in processes[1:]:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(processes):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


class BlackHole:
    """A way to the server over TCP that can swallow everything, in both directions, without closing anything."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._url = parts
        self._passing_on: set[asyncio.Task[None]] = set()
        self._swallows = False

    async def open(self, ending: AsyncExitStack) -> str:
        """Begin to pass everything on; the URL to connect to."""
        listening = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        ending.push_async_callback(self._close, listening)
        port = listening.sockets[0].getsockname()[1]
        return f"postgresql://{self._url.username}@127.0.0.1:{port}{self._url.path}"

    @contextmanager
    def swallowing(self) -> Iterator[None]:
        self._swallows = True
        try:
            yield
        finally:
            self._swallows = False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        ways = [(reader, far_writer), (far_reader, writer)]
        passing_on = [asyncio.create_task(self._pass_on(source, target)) for source, target in ways]
        self._passing_on.update(passing_on)
        await asyncio.wait(passing_on, return_when=asyncio.FIRST_COMPLETED)
        for task in passing_on:
            task.cancel()
        for end in (writer, far_writer):
            end.close()
            with suppress(OSError):
                await end.wait_closed()

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if not self._swallows:
                    target.write(data)

    async def _close(self, listening: asyncio.Server) -> None:
        listening.close()
        for task in self._passing_on:
            task.cancel()
        # The connections close once their tasks have had their turn.
        await asyncio.sleep(0.1)


async def timed(request: Any) -> tuple[float, httpx.Response]:
    begun = time.monotonic()
    answer: httpx.Response = await request
    return time.monotonic() - begun, answer


async def works_again(user: User, task: dict[str, Any]) -> None:
    """Within seconds, on as many connections as there are."""
    begun = time.monotonic()
    while True:
        answers = await asyncio.gather(*(user.send("GET", f"/v1/tasks/{task['id']}") for _ in range(6)))
        if {answer.status_code for answer in answers} == {200}:
            break
        assert time.monotonic() - begun < 3, [answer.text for answer in answers]
    patched = await user.send("PATCH", f"/v1/tasks/{task['id']}", json={"title": "Back"})
    assert patched.status_code == 200, patched.text


async def answers_in_time(api: Api, user: User, task: dict[str, Any]) -> None:
    """Whatever is asked while the server hangs is answered in time: by a 504, or by a 503."""
    path = f"/v1/tasks/{task['id']}"
    # The pool has two connections: these two get them, the others wait.
    holding = [
        asyncio.create_task(timed(user.send("GET", path))),
        asyncio.create_task(timed(api.send("GET", "/v1/me", token="hf_" + "b" * 43))),
    ]
    await asyncio.sleep(0.05)
    waiting = [
        asyncio.create_task(timed(user.send("PATCH", path, json={"title": "Lost"}))),
        asyncio.create_task(timed(api.send("GET", "/v1/me", token="hf_" + "a" * 43))),
        asyncio.create_task(timed(user.send("GET", path))),
    ]
    ready, live = await asyncio.gather(timed(api.send("GET", "/health/ready")), timed(api.send("GET", "/health/live")))
    assert (ready[1].status_code, live[1].status_code) == (503, 200)
    assert ready[0] < 2
    for seconds, answer in await asyncio.gather(*holding):
        assert answer.status_code in {503, 504}, answer.text
        assert seconds < QUERY_TIMEOUT + SLACK
    for seconds, answer in await asyncio.gather(*waiting):
        assert answer.status_code in {503, 504}, answer.text
        assert seconds < POOL_TIMEOUT + SLACK
    # By now there is no connection: readiness, and who asks, has to make one.
    again = await asyncio.gather(timed(api.send("GET", "/health/ready")), timed(user.send("GET", path)))
    assert (again[0][1].status_code, again[1][1].status_code) == (503, 503)
    assert again[0][0] < 2
    assert again[1][0] < POOL_TIMEOUT + SLACK


def test_a_frozen_server_is_answered_for_in_time_and_works_again_after_it_thaws(
    start: Started, server: embedded.Server
) -> None:
    api = start()
    user = api.user()
    task = user.task()

    async def freeze() -> None:
        with frozen(server):
            await answers_in_time(api, user, task)
        await works_again(user, task)

    api.runner.run(freeze())


def test_a_black_hole_is_answered_for_in_time_and_works_again_after_it_closes(
    start: Started, server: embedded.Server, runner: asyncio.Runner
) -> None:
    ending = AsyncExitStack()
    hole = BlackHole(server.url)
    api = start(database_url=runner.run(hole.open(ending)))
    user = api.user()
    task = user.task()

    async def swallow() -> None:
        with hole.swallowing():
            await answers_in_time(api, user, task)
        await works_again(user, task)

    try:
        runner.run(swallow())
    finally:
        runner.run(ending.aclose())


def test_calls_that_go_out_together_are_answered_for_in_time_and_work_again_after_a_thaw(
    start: Started, server: embedded.Server
) -> None:
    api = start()
    user = api.user()
    tasks = [user.task() for _ in range(8)]

    async def freeze() -> None:
        with frozen(server):
            paths = [f"/v1/tasks/{task['id']}" for task in tasks]
            requests = [timed(user.send("GET", path)) for path in paths]
            requests += [timed(user.send("PATCH", path, json={"title": "Lost"})) for path in paths]
            for seconds, answer in await asyncio.gather(*requests):
                assert answer.status_code in {503, 504}, answer.text
                assert seconds < POOL_TIMEOUT + SLACK
        await works_again(user, tasks[0])

    api.runner.run(freeze())


def test_a_transaction_whose_server_freezes_is_answered_for_in_time_and_leaves_nothing(
    start: Started, server: embedded.Server
) -> None:
    api = start()
    user = api.user()
    workout = user.made("/v1/workouts", {"date": "2026-11-01", "type": "running"})
    path = f"/v1/workouts/{workout['id']}"

    async def freeze_half_way() -> None:
        async with locked_table(server.url, "workouts"):
            patch = asyncio.create_task(timed(user.send("PATCH", path, json={"name": "Lost"})))
            await asyncio.sleep(0.3)
            with frozen(server):
                seconds, answer = await patch
        assert answer.status_code in {503, 504}
        assert seconds < QUERY_TIMEOUT + SLACK

    api.runner.run(freeze_half_way())
    assert user.get(path).json() == workout


@pytest.mark.parametrize("state", ["frozen", "busy"])
def test_readiness_answers_within_two_seconds_when_it_holds_the_connection(
    start: Started, server: embedded.Server, state: str
) -> None:
    api = start(query_timeout=15.0, pool_timeout=30.0)

    async def ask() -> None:
        async with AsyncExitStack() as ending:
            if state == "frozen":
                ending.enter_context(frozen(server))
            else:
                await ending.enter_async_context(locked_table(server.url, "schema_migrations"))
            seconds, answer = await timed(api.send("GET", "/health/ready"))
        assert seconds < 2
        assert (answer.status_code, answer.json()["database"]) == (503, "unreachable")
        begun = time.monotonic()
        while (await api.send("GET", "/health/ready")).status_code != 200:
            assert time.monotonic() - begun < 3

    api.runner.run(ask())


@asynccontextmanager
async def locked_table(url: str, table: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Keep every reader of a table waiting."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(f"lock table {table} in access exclusive mode")
            yield connection
    finally:
        await connection.close()


def test_a_read_that_is_sent_once_more_has_the_rest_of_its_time(start: Started, server: embedded.Server) -> None:
    api = start()
    user = api.user()
    task = user.task()
    end = "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and query like '%from tasks%'"

    async def lose_once() -> None:
        async with locked_table(server.url, "tasks") as other:
            read = asyncio.create_task(timed(user.send("GET", f"/v1/tasks/{task['id']}")))
            await asyncio.sleep(0.7 * QUERY_TIMEOUT)
            assert len(await other.fetch(end)) == 1
            seconds, answer = await read
        assert_problem(answer, 504, "query_timeout")
        assert seconds < QUERY_TIMEOUT + 0.4

    api.runner.run(lose_once())


def test_the_statements_of_one_request_share_its_time(start: Started, server: embedded.Server) -> None:
    api = start()
    user = api.user()
    task = user.task()

    async def twice_slow() -> None:
        async with locked_table(server.url, "tasks"):
            async with locked_table(server.url, "sessions"):
                # The look-up of the token waits first: no caller is known from before.
                api.token_cache.forget()
                read = asyncio.create_task(timed(user.send("GET", f"/v1/tasks/{task['id']}")))
                await asyncio.sleep(0.7 * QUERY_TIMEOUT)
            seconds, answer = await read
        assert_problem(answer, 504, "query_timeout")
        assert seconds < QUERY_TIMEOUT + 0.4
        # The next one has its own time.
        assert (await user.send("GET", f"/v1/tasks/{task['id']}")).status_code == 200

    api.runner.run(twice_slow())
