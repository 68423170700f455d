"""Where the CPU time of a request goes: `just profile`, or python -m bench.profile [--json FILE] [--step MODULE:NAME=LABEL].

The app is called in this process as a server calls it, one request at a time, against a real database. Functions at the
borders between the steps are wrapped: a clock of this thread's CPU time (waiting for PostgreSQL costs none) is charged to
the innermost step that is under way. What the wrapping itself costs is calibrated and taken off again. A step whose
function no longer exists is left out, and named.
"""

import argparse
import asyncio
import importlib
import inspect
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from app import main
from app.database import embedded, migrations
from app.database.queries import Queries
from app.settings import Settings
from app.telemetry import logs
from bench import data, load, servers

STEPS = (
    # label, where the function lives: module:name, or module:class.name
    ("middleware: request id", "app.http.middleware:Application._respond"),
    ("middleware: log line and metrics", "app.http.middleware:Application._note"),
    ("routing, call of the handler", "app.http.routing:Routing.respond"),
    ("authentication", "app.auth.authentication:authenticate"),
    ("authentication", "app.auth.tokens:token_of"),
    ("authentication", "app.auth.authorization:check_scopes"),
    ("decoding the query string", "app.http.decoding:decode_query"),
    ("decoding the query string", "app.http.decoding:refuse_query"),
    ("decoding the body", "app.http.decoding:read_json"),
    ("decoding the body", "app.http.decoding:decode"),
    ("repository: rows to structs", "app.tasks.repository:get"),
    ("repository: rows to structs", "app.tasks.repository:page"),
    ("repository: rows to structs", "app.tasks.repository:create"),
    ("repository: rows to structs", "app.tasks.repository:patch"),
    ("query: arguments, retries, timing", "app.database.queries:Query.one"),
    ("query: arguments, retries, timing", "app.database.queries:Query.coalesced"),
    ("query: arguments, retries, timing", "app.database.queries:Query.created"),
    ("query: arguments, retries, timing", "app.database.queries:Query.values"),
    ("query: arguments, retries, timing", "app.database.coalescing:Coalescer.run"),
    ("query: arguments, retries, timing", "app.database.executor:Database.run"),
    ("query: arguments, retries, timing", "app.database.executor:_execute"),
    ("pool: acquire and release", "app.database.executor:Database._with_connection"),
    ("pool: acquire and release", "app.database.pool:Pool.acquire"),
    ("pool: acquire and release", "app.database.pool:Pool.release"),
    ("driver and event loop: statement out, rows in", "asyncpg.connection:Connection.fetch"),
    ("driver and event loop: statement out, rows in", "asyncpg.connection:Connection.fetchrow"),
    ("driver and event loop: statement out, rows in", "asyncpg.connection:Connection.fetchval"),
    ("driver and event loop: statement out, rows in", "asyncpg.connection:Connection.execute"),
    ("encoding the answer", "app.http.responses:row"),
    ("encoding the answer", "app.http.responses:created"),
    ("encoding the answer", "app.http.responses:versioned"),
    ("encoding the answer", "app.http.pagination:answer"),
    ("response: headers and sending", "app.http.responses:EncodedResponse.send"),
)
REQUESTS, BATCHES = 200, 25


class Step(NamedTuple):
    label: str
    owner: Any
    name: str
    original: Callable[..., Any]


class Clock:
    """Charges CPU time to the innermost step under way. For one request at a time."""

    def __init__(self) -> None:
        self.running = False
        """Only requests count: the app's start and end also pass the wrapped functions."""
        self.reset()

    def reset(self) -> None:
        self.spent: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        self.inner: dict[str, int] = {}
        self._stack: list[str] = ["(outside)"]
        self._since = time.thread_time_ns()

    def enter(self, label: str) -> None:
        now = time.thread_time_ns()
        top = self._stack[-1]
        self.spent[top] = self.spent.get(top, 0) + now - self._since
        self.inner[top] = self.inner.get(top, 0) + 1
        self.calls[label] = self.calls.get(label, 0) + 1
        self._stack.append(label)
        self._since = time.thread_time_ns()

    def leave(self) -> None:
        now = time.thread_time_ns()
        top = self._stack.pop()
        self.spent[top] = self.spent.get(top, 0) + now - self._since
        self._since = time.thread_time_ns()

    def wrap(self, label: str, original: Callable[..., Any]) -> Callable[..., Any]:
        async def awaited(*arguments: Any, **named: Any) -> Any:
            if not self.running:
                return await original(*arguments, **named)
            self.enter(label)
            try:
                return await original(*arguments, **named)
            finally:
                self.leave()

        def called(*arguments: Any, **named: Any) -> Any:
            if not self.running:
                return original(*arguments, **named)
            self.enter(label)
            try:
                return original(*arguments, **named)
            finally:
                self.leave()

        return awaited if inspect.iscoroutinefunction(original) else called


def main_() -> None:
    parser = argparse.ArgumentParser(prog="just profile", description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="write the figures into this file, too")
    parser.add_argument("--step", action="append", default=[], metavar="MODULE:NAME=LABEL", help="one more step to measure")
    options = parser.parse_args()
    steps = [*STEPS, *((label, place) for place, _, label in (each.partition("=") for each in options.step))]
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
    folder.chmod(0o711)
    try:
        server = embedded.start(folder / "data")
        try:
            figures = _measure(server.url, folder, steps)
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(_table(figures))  # noqa: T201 - the command's own words


def _measure(url: str, folder: Path, steps: list[tuple[str, str]]) -> dict[str, dict[str, float]]:
    asyncio.run(migrations.up(url))
    users = asyncio.run(data.fill(url, users=10, tasks=1000, ids=10))
    with servers.bare(300, 12_000, folder) as bare:
        for_load = folder / "data.lua"
        data.write_for_load(for_load, users, [])
        load.put(bare, [bare.pid], "task", for_load, connections=16, seconds=1)
        served = {
            name: load.put(bare, [bare.pid], name, for_load, connections=16, seconds=2).cpu_us for name in ("task", "page")
        }
    # The log line of each request goes where it goes in earnest: into a file.
    with (folder / "log").open("ab") as log, _stderr_into(log.fileno()):
        logs.configure(production=True)
        plain = uvloop.run(_requests(url, users[0], None))
        clock = Clock()
        found, missing = _find(steps)
        for step in found:
            _replace(step, clock.wrap(step.label, step.original))
        split = uvloop.run(_requests(url, users[0], clock))
    for place in missing:
        print(f"left out, no longer there: {place}", file=sys.stderr)  # noqa: T201 - a warning of a command
    figures: dict[str, dict[str, float]] = {}
    for name, total in plain.items():
        figures[name] = {"server: HTTP, sockets (bare function under load)": served["page" if name == "page" else "task"]}
        figures[name] |= split[name]
        figures[name]["all steps but the server, measured at once"] = total["(all)"]
    return figures


@contextmanager
def _stderr_into(target: int) -> Iterator[None]:
    kept = os.dup(2)
    os.dup2(target, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _find(steps: list[tuple[str, str]]) -> tuple[list[Step], list[str]]:
    found, missing = [], []
    for label, place in steps:
        module, _, path = place.partition(":")
        try:
            owner: Any = importlib.import_module(module)
            *classes, name = path.split(".")
            for each in classes:
                owner = getattr(owner, each)
            found.append(Step(label, owner, name, getattr(owner, name)))
        except (ImportError, AttributeError):
            missing.append(place)
    return found, missing


def _replace(step: Step, wrapped: Callable[..., Any]) -> None:
    """Put the wrapped function wherever the original is known by name, tables included."""
    setattr(step.owner, step.name, wrapped)
    if inspect.isclass(step.owner):
        return
    for module in [module for name, module in sys.modules.items() if name == "app" or name.startswith("app.")]:
        for name, value in list(vars(module).items()):
            if value is step.original:
                setattr(module, name, wrapped)
            elif isinstance(value, dict):
                value.update({key: wrapped for key, each in value.items() if each is step.original})
            elif isinstance(value, Queries):
                _replace_in_queries(value, step.original, wrapped)


def _replace_in_queries(queries: Queries, original: Callable[..., Any], wrapped: Callable[..., Any]) -> None:
    for name in queries.available_queries:
        query = getattr(queries, name)
        if getattr(query, "call", None) is original:
            query.call = wrapped


async def _requests(url: str, user: data.User, clock: Clock | None) -> dict[str, dict[str, float]]:
    """CPU microseconds per request and step, for each kind of request."""
    app = main.create_app(Settings(environment="production", database_url=url, rate_limits=False))
    kinds: dict[str, tuple[str, str, Callable[[int], bytes]]] = {
        "task": ("GET", f"/v1/tasks/{user.task_ids[0]}", lambda _: b""),
        "page": ("GET", "/v1/tasks", lambda _: b""),
        "create": ("POST", "/v1/tasks", lambda n: b'{"title": "Task %d: water the plants", "description": "The ficus."}' % n),
        "patch": ("PATCH", f"/v1/tasks/{user.task_ids[0]}", lambda n: b'{"title": "Task %d", "completed": true}' % n),
    }
    async with _lifespan(app):
        results = {}
        for name, (method, path, body) in kinds.items():
            batches = [await _batch(app, method, path, body=body, token=user.token, clock=clock) for _ in range(BATCHES)]
            # The least disturbed one: what else the machine does can only add.
            results[name] = min(batches, key=lambda batch: sum(batch.values()))
        return results


async def _batch(
    app: Any, method: str, path: str, *, body: Callable[[int], bytes], token: str, clock: Clock | None
) -> dict[str, float]:
    scopes = [_scope(method, path, token) for _ in range(REQUESTS)]
    bodies = [body(number) for number in range(REQUESTS)]
    statuses = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    begun = time.thread_time_ns()
    if clock:
        clock.reset()
        clock.running = True
    for scope, content in zip(scopes, bodies, strict=True):

        async def receive(content: bytes = content) -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        await app(scope, receive, send)
    spent = time.thread_time_ns() - begun
    if clock:
        clock.running = False
    if any(status >= 300 for status in statuses):
        raise servers.BenchError(f"{method} {path} answered {sorted(set(statuses))}")
    if clock is None:
        return {"(all)": spent / REQUESTS / 1000}
    inside, outside = await _calibrate()
    return {
        label: max(0.0, nanoseconds - clock.calls.get(label, 0) * inside - clock.inner.get(label, 0) * outside)
        / REQUESTS
        / 1000
        for label, nanoseconds in clock.spent.items()
        if label != "(outside)"
    }


async def _calibrate() -> tuple[float, float]:
    """What a wrapper charges to its own step and to the one around it, in nanoseconds."""
    clock, times = Clock(), 300

    async def nothing() -> None:
        pass

    wrapped, clock.running = clock.wrap("inner", nothing), True
    clock.enter("outer")
    for _ in range(times):
        await wrapped()
    clock.leave()
    return clock.spent["inner"] / times, clock.spent["outer"] / times


def _scope(method: str, path: str, token: str) -> dict[str, Any]:
    """A scope as the server makes it for the requests of `just bench`."""
    headers = [(b"host", b"127.0.0.1:8000"), (b"authorization", b"Bearer " + token.encode())]
    if method in {"POST", "PATCH"}:
        headers += [(b"content-type", b"application/json")]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 40000),
        "scheme": "http",
        "method": method,
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "state": {},
        "extensions": {},
    }


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    """Start and stop the app as a server does."""
    asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    answered: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, asked.get, answered.put))

    async def ask(event: str) -> None:
        await asked.put({"type": event})
        answer = asyncio.create_task(answered.get())
        # An app that fails may end without an answer.
        await asyncio.wait({answer, task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done() or answer.result()["type"] != f"{event}.complete":
            answer.cancel()
            raise servers.BenchError(f"The app did not answer {event}.")

    try:
        await ask("lifespan.startup")
        # The listener of the session cache needs a moment.
        await asyncio.sleep(0.3)
        yield
        await ask("lifespan.shutdown")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _table(figures: dict[str, dict[str, float]]) -> str:
    labels = list(dict.fromkeys(label for steps in figures.values() for label in steps))
    order = ["server: HTTP, sockets (bare function under load)", *(label for label, _ in STEPS)]
    labels.sort(key=lambda label: order.index(label) if label in order else len(order))
    lines = ["CPU us per request | " + " | ".join(figures), "---" + " | --:" * len(figures)]
    for label in labels:
        values = (figures[name].get(label) for name in figures)
        lines.append(f"{label} | " + " | ".join("" if value is None else f"{value:.1f}" for value in values))
    return "\n".join(f"| {line} |" for line in lines)


if __name__ == "__main__":
    main_()
