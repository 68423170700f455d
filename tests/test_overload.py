"""More than a worker can answer: it refuses early what is too much, and goes on with the rest."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from client import Api, Started, assert_problem
from structlog.testing import capture_logs

from app.http import overload, turns


@pytest.fixture
def small(started: Started, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A worker that begins five requests at a time, on one connection."""
    monkeypatch.setattr(overload, "MOST", 5)
    return started(pool_size=1, max_overflow=0, pool_timeout=30, cors_origins=("https://app.example",))


async def held(api: Api, done: asyncio.Event) -> "asyncio.Task[None]":
    """Hold the one connection until `done`."""
    begun = asyncio.Event()

    async def hold(_: Any) -> None:
        begun.set()
        await done.wait()

    holding = asyncio.create_task(api.database.transaction(hold))
    await begun.wait()
    return holding


def test_what_is_too_much_is_refused_at_once_while_the_rest_is_answered(small: Api) -> None:
    user = small.user()
    user.get("/v1/tasks")

    async def overload_it() -> None:
        done = asyncio.Event()
        holding = await held(small, done)
        asking = [asyncio.create_task(user.send("GET", "/v1/tasks")) for _ in range(5)]
        await asyncio.sleep(0.05)
        headers = {"X-Request-Id": "mine-1", "Origin": "https://app.example"}
        refused = await user.send("POST", "/v1/tasks", json={"title": 7}, headers=headers)
        assert_problem(refused, 503, "overloaded")
        assert (refused.headers["retry-after"], refused.headers["x-request-id"]) == ("1", "mine-1")
        assert "connection" not in refused.headers
        assert refused.headers["access-control-allow-origin"] == "https://app.example"
        assert refused.headers["cache-control"] == "private, no-cache"
        large = await user.send("POST", "/v1/tasks", content=b" " * 100_000)
        assert_problem(large, 503, "overloaded")
        # Its body was not read, and the next request must not be looked for in it.
        assert large.headers["connection"] == "close"
        nobody = await small.send("GET", "/v1/nonsense")
        assert_problem(nobody, 503, "overloaded")
        assert "connection" not in nobody.headers
        head = await user.send("HEAD", "/v1/tasks")
        assert (head.status_code, head.content) == (503, b"")
        assert int(head.headers["content-length"]) > 100
        live, ready, metrics = [await small.send("GET", path) for path in ("/health/live", "/health/ready", "/metrics")]
        assert (live.status_code, ready.status_code, metrics.status_code) == (200, 503, 200)
        assert ready.json()["pool"] == "exhausted"
        assert 'holdfast_requests_total{method="other",route="none",status="503"}' in metrics.text
        done.set()
        await holding
        assert Counter(answer.status_code for answer in await asyncio.gather(*asking)) == {200: 5}
        assert (await user.send("GET", "/v1/tasks")).status_code == 200

    with capture_logs() as events:
        small.runner.run(overload_it())
    # One line a second, not one for each.
    assert [event["refused"] for event in events if event["event"] == "overloaded"] == [1]


def test_who_waits_for_a_client_takes_no_place(small: Api) -> None:
    user = small.user()
    user.get("/v1/tasks")

    async def upload_slowly() -> None:
        go_on = asyncio.Event()

        async def body() -> Any:
            yield b'{"title": '
            await go_on.wait()
            yield b'"Slow"}'

        headers = {"Content-Type": "application/json"}
        slow = []
        for _ in range(20):
            slow.append(asyncio.create_task(user.send("POST", "/v1/tasks", content=body(), headers=headers)))
            await asyncio.sleep(0.01)
        assert (await user.send("GET", "/v1/tasks")).status_code == 200
        go_on.set()
        assert {answer.status_code for answer in await asyncio.gather(*slow)} == {201}

    small.runner.run(upload_slowly())


def test_a_request_that_fails_or_is_given_up_leaves_its_place(small: Api) -> None:
    user = small.user()

    async def leave() -> None:
        done = asyncio.Event()
        holding = await held(small, done)
        for _ in range(3):
            asking = [asyncio.create_task(user.send("GET", "/v1/tasks")) for _ in range(5)]
            await asyncio.sleep(0.02)
            for each in asking:
                each.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        done.set()
        await holding
        answers = await asyncio.gather(*(user.send("GET", "/v1/tasks") for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200}

    small.runner.run(leave())


def test_batches_of_one_user_that_wait_are_bounded(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST_WAITING", 3)
    api = started()
    user, other = api.user(), api.user()
    batch = {"operations": [{"method": "GET", "path": "/v1/tasks"}]}

    async def many() -> None:
        async with api.app.services.turns.of(UUID(user.id)):
            asking = [asyncio.create_task(user.send("POST", "/v1/batch", json=batch)) for _ in range(5)]
            done, _ = await asyncio.wait(asking, timeout=0.5)
            assert len(done) == 2
            for each in done:
                assert_problem(each.result(), 503, "database_busy")
            assert (await other.send("POST", "/v1/batch", json=batch)).status_code == 200
        assert Counter(answer.status_code for answer in await asyncio.gather(*asking)) == {200: 3, 503: 2}

    api.runner.run(many())
