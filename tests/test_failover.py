"""Failover: the standby is promoted, and the worker goes there by itself, by a DATABASE_URL that names both."""

import asyncio
import signal
import time
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from client import Api, Started, User
from standby import Pair

from app.database import hosts
from app.database.hosts import Hosts


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A pair that is copied by each test: a promotion is for good."""
    made = Pair(tmp_path_factory.mktemp("made"))
    try:
        made.make()
    finally:
        made.stop()
    return made


@pytest.fixture
def pair(made: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair of the test's own, not started."""
    pair = Pair(tmp_path_factory.mktemp("pair"))
    pair.copy(made)
    try:
        yield pair
    finally:
        pair.stop()


class Writing:
    """Several users who create tasks, one after the other, for as long as they are told to; what was answered is noted."""

    def __init__(self, api: Api, users: list[User]) -> None:
        self.api, self.users = api, users
        self.acknowledged: dict[str, float] = {}
        """Ids of tasks whose create was answered with 201, and when."""
        self._tasks: list[asyncio.Task[None]] = []

    async def _write(self, user: User) -> None:
        while True:
            answer = await user.send("POST", "/v1/tasks", json={"title": "Kept?"})
            if answer.status_code == 201:
                self.acknowledged[answer.json()["id"]] = time.monotonic()
            else:
                assert answer.status_code in {503, 504}, answer.text
                await asyncio.sleep(0.05)

    async def begin(self) -> None:
        self._tasks = [asyncio.create_task(self._write(user)) for user in self.users]

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended

    async def grows(self, count: int = 5) -> float:
        """Wait until so many more are answered; the time of the first of them."""
        begun = time.monotonic()
        while len([each for each in self.acknowledged.values() if each > begun]) < count:
            assert time.monotonic() - begun < 20, "nothing is written"
            await asyncio.sleep(0.01)
        return min(each for each in self.acknowledged.values() if each > begun)


async def promoted(pair: Pair) -> float:
    """Promote the standby; when that was done."""
    await asyncio.to_thread(pair.standby.promote)
    return time.monotonic()


async def lost(pair: Pair, writing: Writing) -> int:
    """How many creates that were answered are not there."""
    ids = [*writing.acknowledged]
    sql = "select count(*) from unnest($1::uuid[]) wanted (id) where not exists (select from tasks t where t.id = wanted.id)"
    count = await pair.standby.ask(sql, ids)
    assert isinstance(count, int)
    return count


def start(pair: Pair, started: Started, **changes: Any) -> Writing:
    api = started(database_url=pair.both, replica_url=pair.standby.url, pool_size=2, max_overflow=4, **changes)
    return Writing(api, [api.user() for _ in range(6)])


@pytest.mark.parametrize("replication", ["synchronous", "asynchronous"])
def test_writes_go_on_within_five_seconds_of_a_promotion_and_what_was_answered_is_there(
    pair: Pair, started: Started, replication: str
) -> None:
    """With a standby that receives nothing in the last half second: the worst moment for a crash.

    Synchronous: nothing that was answered is lost. Otherwise all of that half second is, and the test counts it.
    """
    is_synchronous = replication == "synchronous"
    pair.start(is_synchronous=is_synchronous)
    writing = start(pair, started, query_timeout=4.0, pool_timeout=4.0)
    user = writing.users[0]

    async def fail_over() -> None:
        await writing.begin()
        await writing.grows(30)
        await pair.cut()
        # What had its answer on the way then has it by now.
        await asyncio.sleep(0.1)
        before = len(writing.acknowledged)
        await asyncio.sleep(0.5)
        unsent = len(writing.acknowledged) - before
        await asyncio.to_thread(pair.primary.stop, signal.SIGKILL)
        down = time.monotonic()
        answer = await user.send("GET", "/v1/me")
        assert (answer.status_code, answer.headers.get("x-read-only")) == (200, "replica"), answer.text
        assert time.monotonic() - down < 5
        done = await promoted(pair)
        took = await writing.grows() - done
        assert took < 5
        await writing.end()
        missing = await lost(pair, writing)
        # For `pytest -s`.
        print(f"{replication}: {len(writing.acknowledged)} answered, {missing} lost, writes after {took:.2f} s")  # noqa: T201
        if is_synchronous:
            # A commit waited for the standby, and was not answered.
            assert (unsent, missing) == (0, 0)
        else:
            assert 0 < unsent <= missing < len(writing.acknowledged)
        answer = await user.send("GET", "/v1/me")
        assert (answer.status_code, "x-read-only" in answer.headers) == (200, False)

    writing.api.runner.run(fail_over())
    # The one that was promoted is no replica any more: what must not be old is not read by its word.
    assert "x-read-from" not in user.get("/v1/me", headers={"X-Read-Preference": "replica"}).headers
    end = time.monotonic() + 5
    while (ready := writing.api.get("/health/ready").json())["replica"] != "promoted":
        assert time.monotonic() < end, ready
        writing.api.runner.run(asyncio.sleep(0.1))
    assert ready["status"] == "ok"


def test_a_primary_that_is_switched_off_does_not_keep_anyone_from_the_promoted_one(pair: Pair, started: Started) -> None:
    """It refuses no connection, and takes none: what was open to it hangs, and so does each attempt at another one."""
    pair.start()
    writing = start(pair, started)

    async def fail_over() -> None:
        await writing.begin()
        await writing.grows()
        with pair.primary.frozen():
            begun = time.monotonic()
            # More than there are connections: none is left for anyone else.
            hang = [asyncio.create_task(writing.users[0].send("GET", "/v1/credits")) for _ in range(8)]
            answer = await writing.users[0].send("GET", "/v1/me")
            assert (answer.status_code, answer.headers.get("x-read-only")) == (200, "replica"), answer.text
            assert time.monotonic() - begun < 5
            done = await promoted(pair)
            assert await writing.grows() - done < 5
            await writing.end()
            # They had the rest of DB_QUERY_TIMEOUT.
            assert {answer.status_code for answer in await asyncio.gather(*hang)} <= {200, 503}
            assert time.monotonic() - begun < 14

    writing.api.runner.run(fail_over())


def test_sessions_and_tokens_end_at_once_after_a_failover(pair: Pair, started: Started) -> None:
    pair.start()
    writing = start(pair, started)
    another = started(database_url=pair.both, replica_url=pair.standby.url, pool_size=2)
    user = writing.users[0]

    async def fail_over() -> None:
        await writing.begin()
        await asyncio.to_thread(pair.primary.stop, signal.SIGKILL)
        await promoted(pair)
        await writing.grows()
        await writing.end()

    writing.api.runner.run(fail_over())
    end = time.monotonic() + 5
    while user.at(another).get("/v1/tasks").status_code != 200 or not another.token_cache._listening:  # noqa: SLF001
        assert time.monotonic() < end
        another.runner.run(asyncio.sleep(0.05))
    assert user.at(another).get("/v1/tasks").status_code == 200
    assert user.post("/v1/auth/logout").status_code == 204
    another.runner.run(asyncio.sleep(0.1))
    assert user.at(another).get("/v1/tasks").status_code == 401


# Which of several hosts


def test_of_several_hosts_the_one_that_takes_writes_is_found_in_any_order(pair: Pair, runner: asyncio.Runner) -> None:
    pair.start()
    first, second = pair.both.split("@")[1].removesuffix("/holdfast").split(",")

    async def found(*names: str, options: str = "") -> str:
        connection = await Hosts(f"postgresql://holdfast@{','.join(names)}/holdfast{options}").connect(timeout=5)
        try:
            return str(await connection.fetchval("show cluster_name"))
        finally:
            await connection.close()

    for names in ((first, second), (second, first), ("127.0.0.1:1", second, first)):
        assert runner.run(found(*names)) == ""
    assert runner.run(found(first, second, options="?target_session_attrs=standby")) == "standby"
    assert runner.run(found(second, first, options="?target_session_attrs=any")) == "standby"
    pair.primary.stop()
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        runner.run(found(second, second))
    with pytest.raises((OSError, asyncpg.TargetServerAttributeNotMatched)):
        runner.run(found(first, second))


def test_a_host_that_swallows_everything_is_not_waited_for(pair: Pair, runner: asyncio.Runner) -> None:
    pair.start()
    # The promoted one is the second.
    pair.standby.promote()
    known = Hosts(pair.both)

    async def timed() -> float:
        begun = time.monotonic()
        connection = await known.connect(timeout=10)
        await connection.close()
        return time.monotonic() - begun

    with pair.primary.frozen():
        assert hosts.HEAD_START <= runner.run(timed()) < 3
        # From now on it comes first.
        assert runner.run(timed()) < hosts.HEAD_START
