"""The app as a client sees it: HTTP in, HTTP out, against a real database."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar, cast

import httpx

from app.auth.passwords import Passwords
from app.auth.token_cache import TokenCache
from app.database.executor import Database
from app.http.middleware import Application
from app.main import create_app
from app.problems.catalog import KINDS
from app.settings import Settings
from app.storage import Storage

T = TypeVar("T")

Execute = Callable[..., list[dict[str, Any]]]
"""Sends a statement with its values, on a connection that is not the app's; returns the rows."""

Started = Callable[..., "Api"]
"""Starts the app with these settings changed."""

PASSWORD = "correct horse battery"

_numbers = count(1)


class Api:
    """Sends requests as nobody; `user()` makes somebody."""

    def __init__(self, runner: asyncio.Runner, transport: httpx.ASGITransport, app: Application) -> None:
        self.runner = runner
        self.transport = transport
        self.http = httpx.AsyncClient(transport=transport, base_url="http://test")
        self.app = app
        self.settings: Settings = app.services.settings
        self.database: Database = app.services.database
        self.token_cache: TokenCache = app.services.token_cache
        self.storage: Storage = app.services.storage

    @classmethod
    @contextmanager
    def started(
        cls, runner: asyncio.Runner, settings: Settings, passwords: Passwords | None = None, address: str = "127.0.0.1"
    ) -> Iterator["Api"]:
        """Start the app, and stop it in the end, as a server does."""
        app = create_app(settings, passwords)
        lifespan = _Lifespan(app)
        runner.run(lifespan.start())
        try:
            transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False, client=(address, 40000))
            yield cls(runner, transport, app)
        finally:
            runner.run(lifespan.stop())

    def request(self, method: str, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        return self.runner.run(self.send(method, path, token=token, **options))

    async def send(self, method: str, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        """For requests at the same time: give several of these to `together`."""
        headers = dict(options.pop("headers", None) or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        # Past httpx's client, whose cookies, redirects and hooks cost a test as much as the app does.
        request = self.http.build_request(method, path, headers=headers, **options)
        started = time.perf_counter()
        answer = await self.transport.handle_async_request(request)
        answer.request = request
        await answer.aread()
        answer.elapsed = timedelta(seconds=time.perf_counter() - started)
        return answer

    def together(self, *awaitables: Awaitable[T]) -> list[T]:
        """Await all of these at the same time."""

        async def gather() -> list[T]:
            return await asyncio.gather(*awaitables)

        return self.runner.run(gather())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("POST", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("PUT", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def user(self, **fields: Any) -> "User":
        """Register somebody new."""
        registration = {"email": new_email(), "password": PASSWORD} | fields
        answer = self.post("/v1/auth/register", registration)
        assert answer.status_code == 201, answer.text
        return User(self, answer.json())


class User:
    """Somebody who is signed in."""

    def __init__(self, api: Api, signed_in: dict[str, Any]) -> None:
        self.api = api
        self.token: str = signed_in["token"]
        self.me: dict[str, Any] = signed_in["user"]
        self.id: str = self.me["id"]
        self.email: str = self.me["email"]

    def at(self, api: Api) -> "User":
        """The same user in another worker."""
        return User(api, {"token": self.token, "user": self.me})

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.api.request(method, path, token=self.token, **options)

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self.api.send(method, path, token=self.token, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("POST", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("PUT", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def walk(self, path: str) -> list[dict[str, Any]]:
        """The rows of all pages of a list; where the path has a limit, each page but the last must have as many."""
        rows: list[dict[str, Any]] = []
        limit, last = re.search(r"[?&]limit=(\d+)", path), None
        while True:
            answer = self.get(path if last is None else f"{path}{'&' if '?' in path else '?'}cursor={last}")
            assert answer.status_code == 200, answer.text
            page = answer.json()
            rows += page["items"]
            assert limit is None or len(page["items"]) <= int(limit[1])
            if page["next_cursor"] is None:
                return rows
            assert limit is None or len(page["items"]) == int(limit[1])
            assert page["next_cursor"] != last, "the pages do not end"
            last = page["next_cursor"]

    def made(self, path: str, json: Any) -> dict[str, Any]:
        """Make a row."""
        answer = self.post(path, json)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def task(self, **fields: Any) -> dict[str, Any]:
        """Make a task."""
        return self.made("/v1/tasks", {"title": "Water the plants"} | fields)


def etag(row: dict[str, Any], later: int = 0) -> str:
    """The tag of a row's version as If-Match takes it, or of a version so many microseconds later."""
    return f'"{row["version"] + later}"'


def set_by_change(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What every change of a row sets, as it stands in `after`: checked to be greater than before."""
    assert after["version"] > before["version"]
    assert datetime.fromisoformat(after["updated_at"]) > datetime.fromisoformat(before["updated_at"])
    return {"version": after["version"], "updated_at": after["updated_at"]}


def new_email() -> str:
    """An address that nobody has."""
    return f"ada{next(_numbers)}@example.com"


def version_tag(answer: httpx.Response) -> str:
    """The version in an answer's ETag, as a tag: of "3-0123456789abcdef" that is "3"."""
    return re.sub(r"-[0-9a-f]{16}(?=\"$)", "", answer.headers["etag"])


def soon_refused(ask: Callable[[], httpx.Response]) -> None:
    """Check that a token is dead in every worker within the time that the contract gives: 100 ms."""
    deadline = time.perf_counter() + 0.1
    while (answer := ask()).status_code != 401 and time.perf_counter() < deadline:
        time.sleep(0.001)
    assert_problem(answer, 401, "unauthenticated")


def soon(ask: Callable[[], httpx.Response], status: int) -> httpx.Response:
    """The first answer of this status, or the last one after 5 s: of a change past the API a worker is told after it."""
    deadline = time.perf_counter() + 5
    while (answer := ask()).status_code != status and time.perf_counter() < deadline:
        time.sleep(0.001)
    return answer


def assert_problem(answer: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    """Check that an answer is a problem in the contract's form, and this one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code, answer.text
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    if KINDS[code].example is not None:
        assert problem["errors"], answer.text
    if field is not None:
        assert [error["field"] for error in problem["errors"]] == [field]
        assert all(error["code"] and error["message"] for error in problem["errors"])


class _Lifespan:
    """The server's side of the lifespan protocol. Start and stop belong to one task, as the pool expects."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._app({"type": "lifespan"}, self._in.get, self._out.put))
        await self._step("startup")

    async def stop(self) -> None:
        await self._step("shutdown")
        await self._task

    async def _step(self, name: str) -> None:
        await self._in.put({"type": f"lifespan.{name}"})
        answer = await self._out.get()
        assert answer["type"] == f"lifespan.{name}.complete", answer.get("message")
