"""The circuit breaker: a database that cannot be reached is asked by one request a second, and the others are told at once."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextvars import Context
from statistics import median
from typing import Any

import httpx
import pytest
from client import Api, Started, User, assert_problem
from door import Door
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.database import pool
from app.database.breaker import FAILURES, PAUSE, Breaker
from app.database.errors import DatabaseUnavailable

SLACK = 0.4
"""Seconds that a busy machine may take on top."""


class Model(RuleBasedStateMachine):
    """The breaker beside what its description says, written down as plainly as can be: as a history."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now = 0.0
        self.failures_in_a_row = 0
        self.may_probe_at: float | None = None
        """None: it is closed."""
        self.probe: int | None = None
        """The one that is under way while it is half open."""
        self.begun: list[int] = []

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.4, PAUSE, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(number=st.integers(1, 200))
    def many_ask_at_once(self, number: int) -> None:
        answers = [self.breaker.begin(self.now) for _ in range(number)]
        let_in = [each for each in answers if each is not None]
        self.begun += let_in[:3]
        if self.may_probe_at is None:
            assert let_in == [0] * number
        elif self.probe is None and self.now >= self.may_probe_at:
            [self.probe] = let_in
            assert self.probe > 0
            self.may_probe_at = self.now + PAUSE
        else:
            assert let_in == []

    @rule(data=st.data())
    def one_fails(self, data: st.DataObject) -> None:
        if not self.begun:
            return
        which = self.begun.pop(data.draw(st.integers(0, len(self.begun) - 1)))
        opens = self.breaker.failed(self.now, which)
        if self.may_probe_at is None:
            self.failures_in_a_row += 1
            assert opens == (self.failures_in_a_row == FAILURES)
            if opens:
                self.may_probe_at = self.now + PAUSE
        elif which == self.probe:
            assert opens
            self.probe = None
        else:
            assert not opens

    @rule(data=st.data())
    def one_succeeds(self, data: st.DataObject) -> None:
        if self.begun:
            self.begun.pop(data.draw(st.integers(0, len(self.begun) - 1)))
            self.breaker.succeeded()
            self.failures_in_a_row, self.may_probe_at, self.probe = 0, None, None

    @invariant()
    def its_state_is_that_of_the_history(self) -> None:
        state = "closed" if self.may_probe_at is None else "open" if self.probe is None else "half_open"
        assert self.breaker.state == state
        assert bool(self.breaker.failures) == bool(self.failures_in_a_row)


TestModel = Model.TestCase
TestModel.settings = hypothesis_settings(max_examples=30, stateful_step_count=30, deadline=None)


@pytest.fixture
def door(runner: asyncio.Runner, database: str) -> Iterator[Door]:
    door = Door(database)
    yield door
    runner.run(door.take_down())


@pytest.fixture
def behind(runner: asyncio.Runner, started: Started, door: Door, database: str) -> Started:
    """Start the app with the door between it and the database; only the listener of ended tokens goes past it."""
    url = runner.run(door.hang())
    return lambda **changes: started(
        **({"database_url": url, "listen_url": database, "pool_size": 2, "max_overflow": 2, "pool_timeout": 5} | changes)
    )


async def tasks_of(user: User, times: int) -> list[httpx.Response]:
    return await asyncio.gather(*(user.send("GET", "/v1/tasks") for _ in range(times)))


async def ready(api: Api) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.send("GET", "/health/ready")).json()
    return answer


async def seconds_until_ready(api: Api) -> float:
    begun = time.monotonic()
    while (await ready(api))["status"] != "ok":
        assert time.monotonic() - begun < 5
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


def test_a_database_that_is_gone_is_not_asked_and_everybody_is_told_at_once(behind: Started, door: Door) -> None:
    api = behind()
    user = api.user()

    async def be_gone() -> None:
        door.shut()
        for answer in await tasks_of(user, 20):
            assert_problem(answer, 503, "database_unavailable")
        came, begun = door.came, time.monotonic()
        refused = [await user.send("GET", "/v1/tasks") for _ in range(20)]
        write = await user.send("POST", "/v1/tasks", json={"title": "Lost"})
        state, metrics = await ready(api), await api.send("GET", "/metrics")
        while 'holdfast_breaker_state{state="open"} 1.0' not in metrics.text and time.monotonic() < begun + 5:
            # Other apps of this process say how theirs is, once a second, in the same place.
            metrics = await api.send("GET", "/metrics")
        assert door.came - came <= (time.monotonic() - begun) / PAUSE
        for answer in (*refused, write):
            assert_problem(answer, 503, "database_unavailable")
            assert answer.headers["retry-after"] == "1"
        assert median(answer.elapsed.total_seconds() for answer in refused) < 0.005
        assert (state["status"], state["database"], state["breaker"]) == ("unavailable", "unreachable", "open")
        assert 'holdfast_breaker_state{state="open"} 1.0' in metrics.text
        assert 'holdfast_breaker_state{state="closed"} 0.0' in metrics.text
        # While it stays away, one request a second finds out.
        came = door.came
        await asyncio.sleep(PAUSE)
        assert {answer.status_code for answer in await tasks_of(user, 20)} == {503}
        assert door.came == came + 1
        door.state = "open"
        assert await seconds_until_ready(api) < PAUSE + SLACK
        assert (await ready(api))["breaker"] == "closed"

    api.runner.run(be_gone())
    assert len(user.get("/v1/tasks").json()["items"]) == 0
    assert user.task()["title"]


def test_of_200_requests_at_the_moment_of_the_probe_one_is_let_through(behind: Started, door: Door) -> None:
    api = behind()
    user = api.user()

    async def probe() -> None:
        door.shut()
        await tasks_of(user, 20)
        # What comes now waits, as in a network that swallows everything.
        door.state = "swallows"
        await asyncio.sleep(PAUSE)
        came = door.came
        asking = [asyncio.create_task(user.send("GET", "/v1/tasks")) for _ in range(200)]
        async with asyncio.timeout(20):
            while sum(each.done() for each in asking) < 199:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        [last] = [each for each in asking if not each.done()]
        assert api.database.pool.breaker_state == "half_open"
        assert {each.result().status_code for each in asking if each is not last} == {503}
        assert (await last).status_code == 503
        assert door.came - came == 1
        # The next one begins a second after it, and is the only one again, until the database is there.
        again = await tasks_of(user, 200)
        assert door.came - came == 2
        assert Counter(answer.status_code for answer in again) == {503: 200}
        door.state = "open"
        back = time.monotonic()
        while (answer := await user.send("GET", "/v1/tasks")).status_code != 200:
            assert_problem(answer, 503, "database_unavailable")
            assert time.monotonic() - back < PAUSE + SLACK
            await asyncio.sleep(0.02)
        assert {answer.status_code for answer in await tasks_of(user, 200)} == {200}

    api.runner.run(probe())


def test_a_probe_that_is_given_up_makes_room_for_the_next(behind: Started, door: Door) -> None:
    api = behind()
    user = api.user()

    async def give_up() -> None:
        door.shut()
        await tasks_of(user, 20)
        door.state = "swallows"
        await asyncio.sleep(PAUSE)
        probe = asyncio.create_task(user.send("GET", "/v1/tasks"))
        await asyncio.sleep(0.05)
        assert api.database.pool.breaker_state == "half_open"
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert api.database.pool.breaker_state == "open"
        door.state = "open"
        assert await seconds_until_ready(api) < PAUSE + SLACK

    api.runner.run(give_up())


def test_who_waits_for_a_connection_hears_at_once_that_there_will_be_none(behind: Started, door: Door) -> None:
    api = behind(pool_size=1, max_overflow=0, pool_timeout=30)
    user = api.user()

    async def wait() -> None:
        waiting: list[asyncio.Task[httpx.Response]] = []

        async def hold(_: Any) -> None:
            waiting.extend(asyncio.create_task(user.send("GET", f"/v1/tasks?limit={n}")) for n in range(1, 31))
            while api.database.pool.waiting < 30:  # noqa: ASYNC110
                await asyncio.sleep(0)
            door.shut()

        came = door.came
        with pytest.raises(DatabaseUnavailable):
            await asyncio.create_task(api.database.transaction(hold), context=Context())
        for answer in await asyncio.gather(*waiting):
            assert_problem(answer, 503, "database_unavailable")
        # The lost connection was the first failure; of who was next in line, no more tried to make one than it takes.
        assert door.came - came == FAILURES - 1
        assert api.database.pool.waiting == 0

    api.runner.run(wait())


def test_what_the_database_itself_says_does_not_count(started: Started, own_database: str, own_execute: Any) -> None:
    api = started(database_url=own_database, pool_size=2, max_overflow=0)
    impatient = started(database_url=own_database, pool_size=2, max_overflow=0, query_timeout=0.1)
    user = api.user()
    task = user.task()
    for _ in range(FAILURES + 1):
        answer = user.post("/v1/tags", {"name": "Same"})
    assert answer.status_code == 409
    own_execute("create function wait() returns trigger language plpgsql as 'begin perform pg_sleep(1); return new; end'")
    own_execute("create trigger wait before update on tasks for each row execute function wait()")
    for _ in range(FAILURES + 1):
        assert_problem(user.at(impatient).patch(f"/v1/tasks/{task['id']}", {"title": "Slow"}), 504, "query_timeout")
    own_execute("create or replace function wait() returns trigger language plpgsql as "
                "'begin raise deadlock_detected; end'")  # fmt: skip
    for _ in range(FAILURES + 1):
        assert_problem(user.patch(f"/v1/tasks/{task['id']}", {"title": "Dead"}), 503, "database_busy")
    for each in (api, impatient):
        assert (each.database.pool.breaker.state, each.database.pool.breaker.failures) == ("closed", 0)


def test_connections_that_are_lost_by_one_event_are_one_failure(behind: Started, door: Door) -> None:
    api = behind(pool_size=10, max_overflow=0)
    user = api.user()

    async def restart() -> list[httpx.Response]:
        reads = [asyncio.create_task(user.send("GET", f"/v1/tasks?limit={n}")) for n in range(1, 11)]
        while api.database.pool.idle:  # noqa: ASYNC110
            await asyncio.sleep(0)
        door.shut()
        door.state = "open"
        return await asyncio.gather(*reads)

    # As many as there are connections: each is sent once more, over a new one.
    assert [answer.status_code for answer in api.runner.run(restart())] == [200] * 10


def test_more_than_may_wait_for_a_connection_are_refused_at_once(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MOST_WAITING", 5)
    api = started(pool_size=1, max_overflow=0, pool_timeout=5)
    user = api.user()

    async def ask() -> None:
        held, done = asyncio.Event(), asyncio.Event()

        async def hold(_: Any) -> None:
            held.set()
            await done.wait()

        holding = asyncio.create_task(api.database.transaction(hold))
        await held.wait()
        asking = [asyncio.create_task(user.send("GET", "/v1/tasks")) for _ in range(12)]
        refused, waiting = await asyncio.wait(asking, timeout=0.5)
        assert (len(refused), len(waiting)) == (7, 5)
        for each in refused:
            assert_problem(each.result(), 503, "pool_exhausted")
            assert each.result().headers["retry-after"] == "1"
        done.set()
        await holding
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}

    api.runner.run(ask())
