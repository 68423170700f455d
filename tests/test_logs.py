"""What is logged and counted: enough to find a fault, and nothing that belongs to a user."""

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import asyncpg
import pytest
import structlog
from client import PASSWORD, Api, User, new_email
from factories import new_uuid7
from serving import until
from structlog.testing import capture_logs

from app.accounts.schemas import Registration
from app.auth.passwords import Passwords
from app.auth.tokens import new_token
from app.settings import Settings
from app.telemetry import logs

TOKEN = "hf_" + "Ab_-" * 10 + "xyz"
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo"


def masked(**event: Any) -> str:
    """What the filter leaves of an event, as it would be printed."""
    return str(structlog.processors.JSONRenderer()(None, "info", dict(logs.without_secrets(None, "info", event))))


@pytest.mark.parametrize(
    "key",
    [
        "password", "Password", "new_password", "password_hash", "secret", "client_secret", "token", "access_token", "tokens",
        "authorization", "Authorization", "cookie", "set-cookie", "database_url", "DATABASE_URL", "dsn", "token_hash",
    ],
)  # fmt: skip
def test_what_is_named_like_a_secret_is_masked_however_deep(key: str) -> None:
    for event in (
        {key: "s3cr3t"},
        {"outer": {key: "s3cr3t"}},
        {"outer": [{"inner": {key: "s3cr3t"}}]},
        {"outer": ({key: ["s3cr3t", "s3cr3t"]},)},
        {key: ["s3cr3t"]},
        {key: ("s3cr3t",)},
        {key: b"s3cr3t"},
        {key: {"value": "s3cr3t"}},
        {key: [{"value": ["s3cr3t"]}]},
    ):
        assert "s3cr3t" not in masked(**event)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"token {TOKEN} was sent", TOKEN),
        (f"Authorization: Bearer {TOKEN}", TOKEN),
        ("Bearer s3cr3t.of.another-make", "s3cr3t"),
        ("bearer s3cr3t", "s3cr3t"),
        ("BEARER s3cr3t", "s3cr3t"),
        ("could not connect to postgresql://ada:s3cr3t@db/holdfast", "s3cr3t"),
        ("postgresql://ada:s3cr3t@db1:5432,db2/holdfast", "s3cr3t"),
        ("postgresql://ada:p@ss-s3cr3t@db/holdfast", "s3cr3t"),
        ("s3://s3cr3t:s3cr3t@bucket", "s3cr3t:"),
        (f"hash {HASH} is old", "aGFzaGhhc2hoYXNo"),
        (new_token()[0], "hf_"),
    ],
    ids=[
        "token", "header", "other-bearer", "small", "large", "url", "several-hosts", "at-in-password", "storage", "hash", "new",
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_masked_in_every_text(text: str, secret: str) -> None:
    for event in ({"event": text}, {"note": text}, {"outer": [{"note": text}]}, {"outer": ({"a": [text]},)}):
        shown = masked(**event)
        assert secret not in shown
        assert "***" in shown


def test_what_is_no_secret_is_left_as_it_is() -> None:
    event = {
        "event": "request",
        "ms": 1.5,
        "status": 200,
        "ok": True,
        "none": None,
        "url": "https://a.example/x",
        "n": [1, "a"],
    }
    assert logs.without_secrets(None, "info", dict(event)) == event


def test_what_is_printed_by_its_repr_shows_no_secret_either() -> None:
    registration = Registration(email="ada@example.com", password="s3cr3t-password")
    for value in (ValueError(f"Bearer {TOKEN}"), Settings(database_url="postgresql://ada:s3cr3t@db/d"), {TOKEN: 1}, {TOKEN}):
        shown = masked(value=value, values=[value])
        assert TOKEN not in shown
        assert "s3cr3t" not in shown
    assert "s3cr3t-password" not in masked(registration=registration)


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., io.TextIOWrapper]]:
    """Configure logging onto a stream of the test's own; everything is put back in the end."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configure(*, production: bool, terminal: bool = False) -> io.TextIOWrapper:
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
        # What a test before has left, whose loop ended too soon: nothing would write it, nor what comes after it.
        logs.flush()
        monkeypatch.setattr(sys, "stderr", stream)
        logs.configure(production=production)
        # A logger that is kept would outlive the test's stream.
        structlog.configure(cache_logger_on_first_use=False)
        return stream

    yield configure
    # As in a process that was never configured: requests' lines go through structlog.
    configure(production=False, terminal=True)
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


def lines_of(stream: io.TextIOWrapper) -> list[str]:
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode().splitlines()


def test_a_librarys_log_line_shows_the_kind_of_an_exception_and_its_places_and_not_its_text(
    configured: Callable[..., io.TextIOWrapper],
) -> None:
    stream = configured(production=True)
    library = logging.getLogger("some.library")

    def fail() -> None:
        raise asyncpg.UniqueViolationError("duplicate key\nDETAIL:  Key (email)=(ada@example.com) already exists.")

    def fail_in_turn() -> None:
        try:
            fail()
        except asyncpg.UniqueViolationError as cause:
            raise LookupError("row of ada@example.com at db.internal") from cause

    try:
        fail()
    except asyncpg.UniqueViolationError:
        library.exception("a statement failed")
    try:
        fail_in_turn()
    except LookupError:
        library.exception("a look-up failed with %s", f"Bearer {TOKEN}")
    library.info("not shown: only from warnings on")
    lines = lines_of(stream)
    assert lines[0] == "ERROR some.library a statement failed"
    assert re.fullmatch(r"UniqueViolationError at .*test_logs\.py:\d+ fail < .*", lines[1])
    text = "\n".join(lines)
    assert "LookupError at " in text
    for hidden in ("ada@example.com", "DETAIL", "duplicate key", "db.internal", TOKEN, "not shown", "row of"):
        assert hidden not in text


def test_lines_are_json_wherever_nobody_looks_at_a_terminal(configured: Callable[..., io.TextIOWrapper]) -> None:
    for production, terminal in ((True, True), (True, False), (False, False)):
        stream = configured(production=production, terminal=terminal)
        structlog.get_logger().warning("something", password="s3cr3t", text="line\nbreak")

        async def answered() -> None:
            logs.note_request("GET", "/v1/tasks", 200, 0.00123, None)
            await asyncio.sleep(2 * logs.GATHERED)

        asyncio.run(answered())
        something, request = (json.loads(line) for line in lines_of(stream))
        assert (something["event"], something["level"], something["password"]) == ("something", "warning", "***")
        assert something["timestamp"].endswith("Z")
        assert request | {"timestamp": None} == {
            "event": "request", "level": "info", "method": "GET", "route": "/v1/tasks", "status": 200, "ms": 1.23,
            "user_id": None, "request_id": None, "timestamp": None,
        }  # fmt: skip


def test_a_terminal_gets_lines_for_people(configured: Callable[..., io.TextIOWrapper]) -> None:
    stream = configured(production=False, terminal=True)
    logs.note_request("GET", "/v1/tasks", 200, 0.00123, None)
    [line] = lines_of(stream)
    assert "request" in line
    with pytest.raises(json.JSONDecodeError):
        json.loads(line)


def requests_in(events: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return [event for event in events if event["event"] == "request"]


def test_each_request_is_one_line_with_its_route_and_without_its_path(ada: User, api: Api) -> None:
    task = ada.task()["id"]
    missing = str(new_uuid7())
    requests = [
        ("GET", f"/v1/tasks/{task}", "/v1/tasks/{id}", 200),
        ("HEAD", f"/v1/tasks/{task}", "/v1/tasks/{id}", 200),
        ("GET", f"/v1/tasks/{missing}", "/v1/tasks/{id}", 404),
        ("GET", "/v1/tasks?limit=7&cursor=bm90LWE", "/v1/tasks", 422),
        ("PUT", f"/v1/tasks/{task}", "none", 405),
        ("GET", "/v1/somewhere-else", "none", 404),
        ("GET", "/problems/not_found", "/problems/{code}", 200),
        ("GET", "/v1/me", "/v1/me", 200),
    ]
    for method, path, route, status in requests:
        with capture_logs() as events:
            answer = ada.request(method, path)
        assert answer.status_code == status
        [event] = requests_in(events)
        assert len(events) == 1
        ms = event.pop("ms")
        assert 0 < ms < 10_000
        user_id = event.pop("user_id")
        # Where the route is public, nobody looks who is calling.
        assert user_id == (None if route in {"none", "/problems/{code}"} else ada.id)
        assert event == {"event": "request", "log_level": "info", "method": method, "route": route, "status": status}
        for hidden in (task, missing, "limit", "bm90LWE", "somewhere-else", ada.token):
            assert hidden not in str(events)
    with capture_logs() as events:
        api.get("/v1/me")
    assert requests_in(events)[0]["user_id"] is None


def test_a_line_carries_the_id_of_its_request(api: Api, ada: User, configured: Callable[..., io.TextIOWrapper]) -> None:
    stream = configured(production=True)

    async def at_once() -> list[str]:
        answers = await asyncio.gather(
            *(ada.send("GET", "/v1/me", headers={"X-Request-Id": f"mine-{n}"}) for n in range(20)),
            *(ada.send("GET", "/v1/tasks") for _ in range(20)),
            *(api.send("POST", "/v1/auth/register", json={"email": ada.email, "password": PASSWORD}) for _ in range(5)),
        )
        await asyncio.sleep(2 * logs.GATHERED)
        return [answer.headers["x-request-id"] for answer in answers]

    ids = api.runner.run(at_once())
    lines = [json.loads(line) for line in lines_of(stream)]
    assert sorted(line["request_id"] for line in lines if line["event"] == "request") == sorted(ids)
    failed = [line["request_id"] for line in lines if line["event"] == "query_failed"]
    assert sorted(failed) == sorted(ids[40:])
    assert ada.email not in str(lines)


def test_a_line_carries_the_trace_that_its_caller_says(
    api: Api, ada: User, configured: Callable[..., io.TextIOWrapper]
) -> None:
    stream = configured(production=True)
    parents = [f"00-{n:032x}-{n:016x}-01" for n in range(1, 9)]
    taken = {"email": ada.email, "password": PASSWORD}

    async def twice() -> None:
        headers = [("traceparent", parents[6]), ("traceparent", parents[7]), ("x-request-id", "twice")]
        await api.transport.handle_async_request(api.http.build_request("GET", "/health/live", headers=headers))

    async def at_once() -> None:
        await asyncio.gather(
            *(
                api.send("POST", "/v1/auth/register", json=taken, headers={"traceparent": parent, "x-request-id": parent})
                for parent in parents[:5]
            ),
            *(api.send("GET", "/v1/tasks", headers={"x-request-id": f"none-{n}"}) for n in range(5)),
            api.send("GET", "/v1/tasks", headers={"traceparent": f"{parents[5]}x", "x-request-id": "malformed"}),
            twice(),
        )
        await asyncio.sleep(2 * logs.GATHERED)

    api.runner.run(at_once())
    lines = [json.loads(line) for line in lines_of(stream)]
    assert {line["event"] for line in lines} == {"request", "query_failed"}
    assert len(lines) == 5 + 5 + 5 + 2
    for line in lines:
        expected = line["request_id"].split("-")[1] if line["request_id"].startswith("00-") else None
        assert line.get("trace_id") == expected, line


def test_an_unexpected_error_is_logged_by_its_places_and_not_its_text(
    ada: User, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"row of {ada.email} with {ada.token}")

    monkeypatch.setattr("app.accounts.repository.me", broken)
    with capture_logs() as events:
        answer = ada.get("/v1/me")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    [error] = [event for event in events if event["event"] == "unexpected_error"]
    assert (error["error"], error["log_level"]) == ("RuntimeError", "error")
    assert "broken" in error["places"][-1]
    assert requests_in(events)[0]["status"] == 500
    for text in (str(events), answer.text):
        assert ada.email not in text
        assert ada.token not in text
        assert "row of" not in text


def test_echo_shows_statements_and_never_parameters(
    runner: asyncio.Runner, settings: Settings, passwords: Passwords, ada: User
) -> None:
    from msgspec.structs import replace  # noqa: PLC0415

    with Api.started(runner, replace(settings, echo_sql=True), passwords) as api, capture_logs() as events:
        user = api.user()
        user.task(title="A secret title")
    echoed = {event["query"]: event for event in events if event["event"] == "sql"}
    assert {"accounts.register", "tasks.create"} <= echoed.keys()
    assert "insert into tasks" in echoed["tasks.create"]["sql"]
    assert 0 < echoed["tasks.create"]["seconds"] < 10
    for hidden in ("A secret title", user.email, user.token, PASSWORD, "$argon2"):
        assert hidden not in str(events)
    with capture_logs() as events:
        ada.task()
    assert not [event for event in events if event["event"] == "sql"]


class Metrics:
    """The numbers of /metrics, and what became of them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.before = self.now()

    def now(self) -> dict[str, float]:
        lines = [line for line in self.api.get("/metrics").text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def grown(self) -> dict[str, float]:
        """What has grown since, and by how much, except the request for the metrics itself."""
        now = self.now()
        return {
            name: value - self.before.get(name, 0)
            for name, value in now.items()
            if value != self.before.get(name, 0) and 'route="/metrics"' not in name
        }


def test_requests_are_counted_by_route_and_status(api: Api, ada: User) -> None:
    task = ada.task()["id"]
    metrics = Metrics(api)
    for _ in range(3):
        ada.get(f"/v1/tasks/{task}")
    ada.get(f"/v1/tasks/{new_uuid7()}")
    ada.request("HEAD", f"/v1/tasks/{task}")
    api.get("/v1/tasks")
    api.get("/v1/nonsense")
    grown = metrics.grown()
    counted = {name: value for name, value in grown.items() if name.startswith("holdfast_requests_total")}
    assert counted == {
        'holdfast_requests_total{method="GET",route="/v1/tasks/{id}",status="200"}': 3,
        'holdfast_requests_total{method="GET",route="/v1/tasks/{id}",status="404"}': 1,
        'holdfast_requests_total{method="HEAD",route="/v1/tasks/{id}",status="200"}': 1,
        'holdfast_requests_total{method="GET",route="/v1/tasks",status="401"}': 1,
        'holdfast_requests_total{method="other",route="none",status="401"}': 1,
    }
    assert grown['holdfast_request_seconds_count{method="GET",route="/v1/tasks/{id}"}'] == 4
    assert 0 < grown['holdfast_request_seconds_sum{method="GET",route="/v1/tasks/{id}"}'] < 10


def test_queries_are_timed_by_name_and_failures_counted_by_class(api: Api, ada: User) -> None:
    metrics = Metrics(api)
    ada.task()
    ada.task()
    api.post("/v1/auth/register", {"email": ada.email, "password": PASSWORD})
    grown = metrics.grown()
    assert grown['holdfast_query_seconds_count{query="tasks.create"}'] == 2
    assert 0 < grown['holdfast_query_seconds_sum{query="tasks.create"}'] < 10
    assert grown['holdfast_query_seconds_count{query="accounts.register"}'] == 1
    assert {name: value for name, value in grown.items() if name.startswith("holdfast_failed_queries_total")} == {
        'holdfast_failed_queries_total{sqlstate_class="23"}': 1
    }


def test_the_pool_shows_its_connections(api: Api, ada: User) -> None:
    api.together(*(ada.send("GET", "/v1/tasks") for _ in range(20)))
    metrics = Metrics(api)
    # What a worker does by itself now and then may be under way.
    now = until(lambda: (read := metrics.now())['holdfast_pool_connections{state="used"}'] == 0 and read, "none is used")
    assert 1 <= now['holdfast_pool_connections{state="idle"}'] <= 10
    assert now["holdfast_pool_waiting"] == 0
    assert now["holdfast_argon2_waiting"] == 0
    assert now["holdfast_pool_acquire_seconds_count"] >= 1
    assert "holdfast_connection_errors_total" in now


def test_metrics_are_prometheus_text_and_name_nobody(api: Api, ada: User) -> None:
    answer = api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for hidden in (ada.id, ada.email, ada.token, new_email().partition("@")[2], "select "):
        assert hidden not in answer.text


def test_a_login_is_logged_with_its_account_and_its_network_and_neither_in_clear(api: Api) -> None:
    user, unknown = api.user(), new_email()
    with capture_logs() as lines:
        for email, password in ((user.email, PASSWORD), (user.email.upper(), "wrong"), (unknown, "wrong"), (unknown, "again")):
            api.post("/v1/auth/login", {"email": email, "password": password})
    logins = [line for line in lines if line["event"] == "login"]
    assert [line["outcome"] for line in logins] == ["signed_in", *["invalid_credentials"] * 3]
    assert [line["user_id"] for line in logins] == [user.id, user.id, None, None]
    assert logins[0]["account"] == logins[1]["account"] != logins[2]["account"] == logins[3]["account"]
    assert len({line["network"] for line in logins}) == 1
    for secret in (user.email, unknown, "127.0.0", PASSWORD):
        assert secret not in str(logins).lower()
