"""What is not vital is left out while the database stumbles: each of it, by a fault, over HTTP."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from client import Api, Execute, Started, assert_problem
from door import Door
from PIL import Image
from structlog.testing import capture_logs

from app.blog_entries.repository import add_views
from app.database import not_vital, pool
from app.database.errors import DatabaseUnavailable
from app.database.queries import load
from app.maintenance import jobs

ROOT = Path(__file__).parent.parent


def test_every_statement_that_is_not_vital_is_there_and_the_books_name_it() -> None:
    said = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for name in not_vital.NOT_VITAL:
        stem, dot, statement = name.partition(".")
        assert not dot or not getattr(load(stem), statement).is_vital, name
        assert f"`{name}`" in said


@contextmanager
def busy(api: Api, waiting: int) -> Iterator[list["asyncio.Task[Any]"]]:
    """Have all connections of a pool held, and requests wait for one."""
    done = asyncio.Event()

    async def hold(_: Any) -> None:
        await done.wait()

    async def begin() -> list["asyncio.Task[Any]"]:
        most = api.settings.pool_size + api.settings.max_overflow
        # Each with all of its time: this context has that of the last request.
        begun = [asyncio.create_task(api.database.transaction(hold), context=Context()) for _ in range(most + waiting)]
        while api.database.pool.waiting < waiting:  # noqa: ASYNC110
            await asyncio.sleep(0)
        return begun

    async def end() -> None:
        done.set()
        await asyncio.gather(*begun)

    begun = api.runner.run(begin())
    try:
        yield begun
    finally:
        api.runner.run(end())


@pytest.fixture
def pressed(started: Started, monkeypatch: pytest.MonkeyPatch) -> Api:
    """An app of one connection, for which three requests that wait are too many."""
    monkeypatch.setattr(pool, "PRESSED", 3)
    api = started(pool_size=1, max_overflow=0, pool_timeout=30)
    user = api.user()
    # Until it hears of ended tokens it keeps no caller, and each look-up of one waits for the connection.
    while not len(api.token_cache):
        user.get("/v1/me")
    return api


def test_search_is_off_before_reads_are(pressed: Api) -> None:
    user = pressed.user()
    task = user.task(title="Water the plants")
    searches = ("/v1/search?q=plants", "/v1/conversations?q=plants", "/v1/blog-entries?q=plants")
    reading: list[asyncio.Task[httpx.Response]] = []

    async def ask() -> None:
        reading.append(asyncio.create_task(user.send("GET", f"/v1/tasks/{task['id']}")))
        for path in searches:
            answer = await user.send("GET", path)
            assert_problem(answer, 503, "pool_exhausted")
            assert answer.headers["retry-after"] == "1"
            assert answer.elapsed.total_seconds() < 0.2

    async def read() -> httpx.Response:
        return await reading[0]

    with busy(pressed, 3):
        pressed.runner.run(ask())
        metrics = pressed.get("/metrics").text
    assert pressed.runner.run(read()).json() == task
    assert 'holdfast_left_out_total{what="search.hits"} ' in metrics
    assert [user.get(path).status_code for path in searches] == [200] * 3


def test_the_query_cache_misses_instead_of_failing(pressed: Api, database: str, execute: Execute) -> None:
    user, service = pressed.user(), pressed.user()
    execute("update users set role = 'service' where id = $1::text::uuid", service.id)
    pressed.token_cache.forget()
    assert service.put("/v1/query-cache/known", {"result": 1}).status_code == 201
    assert user.get("/v1/query-cache/known").json()["result"] == 1
    with busy(pressed, 3):
        assert_problem(user.get("/v1/query-cache/known"), 404, "not_found")
    assert user.get("/v1/query-cache/known").json()["result"] == 1


def test_a_session_that_cannot_be_touched_is_read_with(started: Started, own_database: str, own_execute: Execute) -> None:
    user = started(database_url=own_database).user()
    task = user.task()
    own_execute("update sessions set last_seen_at = now() - interval '2 hours'")
    seen = own_execute("select last_seen_at, expires_at from sessions")
    name = urlsplit(own_database).path[1:]
    own_execute(f'alter database "{name}" set default_transaction_read_only = on')
    api = started(database_url=own_database)
    assert user.at(api).get(f"/v1/tasks/{task['id']}").json() == task
    assert own_execute("select last_seen_at, expires_at from sessions") == seen


def test_views_are_counted_while_they_cannot_be_written(runner: asyncio.Runner, started: Started, database: str) -> None:
    door = Door(database)
    api = started(database_url=runner.run(door.hang()), listen_url=database)
    user = api.user(username="views.left.out")
    entry = user.made("/v1/blog-entries", {"title": "T", "content": "C", "status": "published", "is_public": True})
    address = f"/v1/public/users/views.left.out/blog-entries/{entry['slug']}"
    counts, write = api.app.services.view_counts, partial(add_views, api.database)
    assert [api.get(address).status_code for _ in range(3)] == [200] * 3
    runner.run(_shut(door))
    with pytest.raises(DatabaseUnavailable):
        runner.run(counts.settle(write))
    door.state = "open"
    runner.run(counts.settle(write))
    assert user.get(f"/v1/blog-entries/{entry['id']}").json()["view_count"] == 3
    runner.run(door.take_down())


async def _shut(door: Door) -> None:
    door.shut()


def test_no_thumbnail_is_made_and_those_that_are_there_are_read(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    api = started()
    user = api.user()
    content = BytesIO()
    Image.frombytes("RGB", (600, 400), bytes(range(240)) * 3000).save(content, "PNG")
    files = [
        user.request("POST", "/v1/media", files={"file": ("a.png", content.getvalue(), "image/png")}).json()["id"]
        for _ in range(2)
    ]
    there = user.get(f"/v1/media/{files[0]}/content?width=320")
    assert there.status_code == 200
    monkeypatch.setattr(pool, "PRESSED", 0)
    assert_problem(user.get(f"/v1/media/{files[1]}/content?width=320"), 503, "pool_exhausted")
    again = user.get(f"/v1/media/{files[0]}/content?width=320")
    assert hashlib.sha256(again.content).digest() == hashlib.sha256(there.content).digest()
    monkeypatch.undo()
    assert user.get(f"/v1/media/{files[1]}/content?width=320").status_code == 200


def test_maintenance_leaves_its_rounds_out(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "EVERY", 0.05)
    monkeypatch.setattr(pool, "PRESSED", 0)
    api = started()
    with capture_logs() as events:
        api.runner.run(asyncio.sleep(0.3))
    assert {event["error"] for event in events if event["event"] == "maintain_failed"} == {"LeftOut"}
