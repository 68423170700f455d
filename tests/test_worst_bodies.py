"""The worst bodies of every route, as large as it takes them: none holds the event loop, the memory or the database."""

import asyncio
import gc
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args, get_origin
from uuid import UUID, uuid4

import httpx
import msgspec
import needs
import pytest
from client import PASSWORD, Api, User, new_email
from served import ROUTES
from serving import PATIENCE, Serving, run

from app.accounts.commands import set_role
from app.http import raw_json
from app.http.routes import Route

HELD = 0.1
"""Seconds for which the event loop may be held in one piece."""

VALUES = 99_900
"""Nearly as many as a body may have."""


def filled(start: bytes, unit: bytes, end: bytes, size: int, most: int | None = None) -> bytes:
    """A value of `size` bytes, with `most` units at most."""
    count = (size - len(start) - len(end)) // len(unit)
    return start + unit * (count if most is None else min(count, most)) + end


def nested(inside: bytes) -> bytes:
    return b"[" * 97 + inside + b"]" * 97 + b","


DOCUMENTS: dict[str, Callable[[int], bytes]] = {
    "objects": lambda size: filled(b"[", b"{},", b"{}]", size),
    "numbers": lambda size: filled(b"[", b"1,", b"1]", size),
    "texts": lambda size: filled(b"[", b'"",', b'""]', size),
    "repeated keys": lambda size: filled(b"{", b'"a":1,', b'"a":1}', size),
    "no json": lambda size: filled(b"", b"[]", b"", size),
    "no openings": lambda size: filled(b"[" * 101, b"]", b"", size),
    "no text": lambda size: filled(b"[" * 101, b'"', b"", size),
    "deep": lambda size: filled(b"", b"[", b"", size // 2) + b"]" * (size // 2),
    "deep without an end": lambda size: filled(b"", b'{"":[', b"", size),
    "U+0000 at a depth": lambda size: filled(b"[", nested(rb'"\u0000"'), b"1]", size, VALUES // 98),
    "U+0000 in a text": lambda size: filled(b'"', rb"\u0000", b'"', size),
    "backslashes and U+0000": lambda size: filled(b'["' + b"," * VALUES, b"\\\\", rb'\u0000"]', size),
    "backslashes at a depth": lambda size: filled(b"[", nested(b'"' + b"\\\\" * 4000 + b'"'), b"1]", size, VALUES // 98),
    "backslashes and commas": lambda size: filled(b'["' + b"," * VALUES, b"\\\\", b'",[]]', size),
    "quotes and commas": lambda size: filled(b'["' + b"," * VALUES, b'\\\\\\"', b'",[]]', size),
    "a long text": lambda size: filled(b'"', b"a", '😀"'.encode(), size),
    "a blank text": lambda size: filled(b'"', b" ", b'"', size),
    "slow numbers": lambda size: filled(b"[", b"1." + b"3" * 70 + b"e-308,", b"1]", size, VALUES),
    "small numbers": lambda size: filled(b"[", b"1e-16000,", b"1]", size, VALUES),
}

EVERYWHERE = ("objects", "deep", "U+0000 at a depth", "backslashes and commas", "a long text", "slow numbers")
"""For routes that decode what they take, and for the second and third of those that do not."""

AROUND = {
    "PUT /v1/conversations/{id}": b'{"messages":[{"role":"assistant","content":"x","stage3":{"response":%s}}]}',
    "POST /v1/conversations/{id}/messages": b'{"role":"assistant","content":"x","stage3":{"response":%s}}',
    "PUT /v1/query-cache/{query_hash}": b'{"ttl_seconds":60,"result":%s}',
    "POST /v1/batch": b'{"operations":[{"method":"GET","path":"/v1/tasks","body":%s}]}',
}
"""Where a route that keeps documents as they are sent has one, or hands bodies on. The first takes all of the above."""


def message(content: bytes, stage: bytes = b"null") -> bytes:
    return b'{"role":"assistant","content":"%s","stage1":%s},' % (content, stage)


CONVERSATIONS = {
    "numbers in 400 messages": message(b"x", b"[" + b"1e300," * 200 + b"0]") * 400,
    "slow numbers in 400 messages": message(b"x", b"[" + (b"1." + b"3" * 70 + b"e-308,") * 200 + b"0]") * 400,
    "20,000 messages": message(b"x" * 300) * 20_000,
    "U+0000 in the last of many messages": message(b"x" * 200) * 30_000 + message(rb"\u0000"),
    "blanks": message(b"x" * 200) * 15_000 + message(b" " * 4_000_000),
}
"""Messages with a comma at their end."""

WRITE = b'{"method":"POST","path":"/v1/blog-entries","body":{"title":"T","content":"%s"}},'
OPERATIONS = {
    "100 long entries": WRITE % (b"a" * 80_000) * 100,
    "100 long entries of few words": WRITE % (b"ab " * 26_000) * 100,
    "U+0000 in the last of 100 entries": WRITE % (b"a" * 80_000) * 99 + WRITE % rb"\u0000",
}
"""Operations with a comma at their end."""

WITH_A_BODY = [route for route in ROUTES if route.data is not None]


def bodies(route: Route) -> Iterator[tuple[str, bytes]]:
    """The worst bodies of a route, and what they are called."""
    limit = route.options.body_limit
    fields = [field.encode_name.encode() for field in msgspec.structs.fields(route.data)]
    around = AROUND.get(route.name, b'{"' + fields[0] + b'":%s}')
    is_first = route.name == next(iter(AROUND))
    for name in DOCUMENTS if is_first else EVERYWHERE:
        yield name, around % DOCUMENTS[name](limit - len(around))
    if is_first:
        for name, messages in CONVERSATIONS.items():
            yield name, b'{"messages":[' + messages[:-1] + b"]}"
    if route.name == "POST /v1/batch":
        for name, operations in OPERATIONS.items():
            yield name, b'{"operations":[' + operations[:-1] + b"]}"
    if route.name not in AROUND:
        # What has the right type comes further.
        for field in fields:
            yield f"{field.decode()}: a text", b'{"%s":%s}' % (field, DOCUMENTS["a long text"](limit - 100))
            yield f"{field.decode()}: texts", b'{"%s":%s}' % (field, filled(b"[", b'"read",', b'"a"]', limit - 100, VALUES))


class Caller:
    """An admin with a conversation, who speaks to the app itself: what a client library takes for a body is not measured."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._user: User = api.user()
        assert api.runner.run(set_role(api.database, UUID(self._user.id), "admin"))
        self._conversation = UUID(self._user.made("/v1/conversations", {})["id"])

    def path(self, route: Route) -> str:
        path = route.path
        for name, kind in route.parameters.items():
            path = path.replace(f"{{{name}}}", str(self._part(route.name, kind)))
        return path

    def _part(self, route: str, kind: Any) -> Any:
        if kind is UUID:
            return self._conversation if route.startswith("POST /v1/conversations/") else uuid4()
        if kind is date:
            return "2026-01-01"
        return get_args(kind)[0] if get_origin(kind) is Literal else secrets.token_hex(8)

    async def send(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        sent: list[MutableMapping[str, Any]] = []
        events = [
            {"type": "http.request", "body": body[start : start + 65536], "more_body": start + 65536 < len(body)}
            for start in range(0, len(body), 65536)
        ]
        arriving = iter(events)

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            return next(arriving)

        async def send(event: MutableMapping[str, Any]) -> None:
            sent.append(event)

        token = b"Bearer " + self._user.token.encode()
        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"", "client": ("127.0.0.1", 40000),
            "headers": [
                (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), (b"authorization", token),
            ],
        }  # fmt: skip
        await cast("Any", self._api.app)(scope, receive, send)
        return int(sent[0]["status"]), b"".join(event["body"] for event in sent[1:])


@pytest.fixture(scope="module")
def caller(api: Api) -> Caller:
    return Caller(api)


@pytest.fixture(scope="module")
def without_garbage() -> None:
    """Keep the objects of all the tests out of the garbage collector's way: it would look through them in between."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def pieces(without_garbage: None, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each step of the event loop takes, of the time that its thread has the processor: others may have it, too."""
    run, taken = asyncio.Handle._run, list[float]()  # noqa: SLF001 - every step passes here, those of the driver, too

    def measured(handle: asyncio.Handle) -> None:
        started = time.thread_time()
        run(handle)
        taken.append(time.thread_time() - started)

    monkeypatch.setattr(asyncio.Handle, "_run", measured)
    return taken


def test_every_route_that_keeps_documents_says_where() -> None:
    assert {route.name for route in WITH_A_BODY if raw_json.levels_around(route.data)} == AROUND.keys()


@pytest.mark.parametrize("route", WITH_A_BODY, ids=lambda route: route.name)
def test_no_body_holds_the_event_loop(api: Api, caller: Caller, pieces: list[float], route: Route) -> None:
    slow = {}
    for name, body in bodies(route):
        assert len(body) <= route.options.body_limit
        for _ in range(3):
            pieces.clear()
            status, answer = api.runner.run(caller.send(route.method, caller.path(route), body))
            assert status < 500, (name, answer)
            assert status < 300 or len(answer) < 1000, (name, answer[:2000])
            if max(pieces) <= HELD:
                break
        else:
            slow[name] = max(pieces)
    assert not slow


MEMORY = 100 * 1024
"""KiB that a process may have more than when it is idle."""

COSTLY = {"objects", "a long text", "backslashes and commas", "20,000 messages"}


def kib(pid: int, what: str) -> int:
    """What the kernel says of a process: VmHWM, the most it ever had; RssAnon, what is its own."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


class Asking(threading.Thread):
    """Somebody who asks for little, again and again; `seconds` says how long each answer took."""

    def __init__(self, serving: Serving, token: str) -> None:
        super().__init__()
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=serving.url, headers=headers, timeout=PATIENCE, trust_env=False)
        self._ended = threading.Event()
        self.seconds: list[float] = []

    def run(self) -> None:
        while not self._ended.wait(0.05):
            started = time.monotonic()
            assert self._client.get("/v1/me").status_code == 200
            self.seconds.append(time.monotonic() - started)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
        self._client.close()


@needs.linux
def test_no_body_costs_memory_or_keeps_others_waiting(data: Path, tmp_path: Path) -> None:
    # With the PostgreSQL that comes along, whose processes can be looked at.
    with Serving(data, tmp_path / "said") as serving:
        email = new_email()
        token = serving.post("/v1/auth/register", {"email": email, "password": PASSWORD}).json()["token"]
        assert run("users", "role", email, "service", HOLDFAST_DATA=str(serving.data)).returncode == 0
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        conversation = f"/v1/conversations/{serving.post('/v1/conversations', {}, token).json()['id']}"
        paths = dict(zip(AROUND, (conversation, f"{conversation}/messages", "/v1/query-cache/a", "/v1/batch"), strict=True))
        [worker] = serving.workers()
        idle = kib(worker, "VmHWM")
        with (
            httpx.Client(base_url=serving.url, headers=headers, timeout=PATIENCE, trust_env=False) as client,
            Asking(serving, token) as asking,
        ):
            for route in WITH_A_BODY:
                for name, body in bodies(route) if route.name in paths else ():
                    if name in COSTLY:
                        answer = client.request(route.method, paths[route.name], content=body)
                        # A batch reads all of it before it says that its operation takes none.
                        is_refused = name == "objects" or route.name == "POST /v1/batch"
                        assert answer.status_code == 422 if is_refused else answer.is_success, answer.text
            assert client.get(conversation).is_success
        assert kib(worker, "VmHWM") - idle < MEMORY
        backends = [process.pid for process in serving.processes() if process.name() == "postgres"]
        assert max(kib(backend, "RssAnon") for backend in backends) < MEMORY
        assert len(asking.seconds) > 15
        assert max(asking.seconds) < 5
