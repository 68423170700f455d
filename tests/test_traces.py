"""Traces: the caller's `traceparent`, and spans of requests and statements as a collector of OpenTelemetry receives them."""

import asyncio
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import clustered
import httpx
import pytest
from client import PASSWORD, Api, Started, new_email
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2
from serving import Serving, until

from app.database import coalescing
from app.telemetry import otlp, tracing
from app.telemetry.trace_context import Caller, caller_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KIND = trace_pb2.Span.SpanKind


# What a caller says


@pytest.mark.parametrize(
    ("traceparent", "is_sampled"),
    [
        # From the recommendation's text, and below from its test suite.
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        # Only the lowest flag has a meaning.
        (f"00-{TRACE}-{SPAN}-ff", True),
        (f"00-{TRACE}-{SPAN}-02", False),
        # A later version may have more flags, and more after them.
        (f"cc-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", True),
        (f"cc-{TRACE}-{SPAN}-00-", False),
    ],
)
def test_a_traceparent_is_read(traceparent: str, is_sampled: bool) -> None:  # noqa: FBT001
    assert caller_of(traceparent.encode()) == Caller(TRACE, SPAN, is_sampled)


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
        f"00-{TRACE}-{SPAN}-01.what-the-future-will-be-like",
        f"00-{TRACE}-{SPAN}-001",
        f"cc-{TRACE}-{SPAN}-01.what-the-future-will-be-like",
        f"cc-{TRACE}-{SPAN}-0",
        f"ff-{TRACE}-{SPAN}-01",
        f".0-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"000-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE}-{SPAN}-0A",
        f"00-.{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN[1:]}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{TRACE}-{SPAN}-.0",
        f"00-{TRACE}-{SPAN}-0.",
        f"0.-{TRACE}-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_a_malformed_traceparent_counts_as_absent(traceparent: str) -> None:
    assert caller_of(traceparent.encode()) is None


# What a collector receives


class Received(NamedTuple):
    """A span, with its attributes and those of the process that made it."""

    span: trace_pb2.Span
    attributes: dict[str, Any]
    process: dict[str, Any]


class Collector:
    """A collector of OpenTelemetry: an HTTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status = 200
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.requests += 1
                if outer.status == 200 and self.path == "/v1/traces":
                    outer.take(body)
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            process = _values(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.received += [Received(span, _values(span.attributes), process) for span in scope.spans]

    def was_tried_after(self, requests: int) -> bool:
        return self.requests > requests

    def requests_seen(self) -> list[Received]:
        return [each for each in self.received if each.span.kind == KIND.SPAN_KIND_SERVER]

    def below(self, request: Received) -> list[Received]:
        """The statements of a request."""
        found = [each for each in self.received if each.span.parent_span_id == request.span.span_id]
        assert all(each.span.trace_id == request.span.trace_id for each in found)
        return found


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in attributes}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that the apps which this test starts send their spans to, at once."""
    collector = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


def traceparent(number: int, flags: str = "01") -> dict[str, str]:
    return {"traceparent": f"00-{number:032x}-{number:016x}-{flags}"}


def test_a_request_and_its_statements_are_spans_of_the_callers_trace(collector: Collector, started: Started) -> None:
    api = started()
    user = api.user()
    task = user.task()
    path = f"/v1/tasks/{task['id']}"
    assert user.get(path, headers=traceparent(7)).status_code == 200
    assert user.request("HEAD", f"/v1/tasks/{user.id}?x=secret", headers=traceparent(8)).status_code == 422
    taken = {"email": user.email, "password": PASSWORD}
    assert api.post("/v1/auth/register", taken, headers=traceparent(9)).status_code == 409
    assert api.get("/v1/nonsense", headers=traceparent(10)).status_code == 401
    assert api.request("BREW", "/v1/tasks", headers=traceparent(11), token=user.token).status_code == 405
    assert api.get("/health/ready", headers=traceparent(12)).status_code == 200
    until(lambda: len(collector.requests_seen()) >= 7, "the spans are there")
    seen = {int.from_bytes(each.span.parent_span_id): each for each in collector.requests_seen()}
    assert {number: each.span.name for number, each in seen.items() if number} == {
        7: "GET /v1/tasks/{id}",
        8: "HEAD /v1/tasks/{id}",
        9: "POST /v1/auth/register",
        10: "GET",
        11: "HTTP",
    }
    for number in range(7, 12):
        assert int.from_bytes(seen[number].span.trace_id) == number
    assert seen[7].attributes == {
        "http.request.method": "GET", "http.route": "/v1/tasks/{id}", "http.response.status_code": 200, "url.scheme": "http",
    }  # fmt: skip
    assert seen[11].attributes == {"http.request.method": "_OTHER", "http.response.status_code": 405, "url.scheme": "http"}
    # A client's mistake is no error of the server.
    assert {each.span.status.code for each in seen.values()} == {trace_pb2.Status.STATUS_CODE_UNSET}
    [read] = [each for each in collector.below(seen[7]) if each.span.name == "tasks.get"]
    assert read.span.kind == KIND.SPAN_KIND_CLIENT
    assert read.attributes == {"db.system.name": "postgresql", "db.query.summary": "tasks.get"}
    request = seen[7].span
    assert request.start_time_unix_nano <= read.span.start_time_unix_nano < read.span.end_time_unix_nano
    assert read.span.end_time_unix_nano <= request.end_time_unix_nano
    [refused] = [each for each in collector.below(seen[9]) if each.span.name == "accounts.register"]
    assert refused.attributes["error.type"] == "23505"
    assert refused.span.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert read.process.items() >= {"service.name": "holdfast", "telemetry.sdk.language": "python"}.items()
    told = str([each[:2] for each in collector.received])
    for hidden in (user.id, task["id"], user.email, user.token, PASSWORD, "secret", "nonsense", "insert", "127.0.0.1"):
        assert hidden not in told


@clustered.plain("each call is sent by itself: its row may be on any server")
def test_calls_that_go_out_together_are_a_statement_of_each_of_their_requests(
    collector: Collector, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescing, "FEW", 1)
    api = started()
    user = api.user()
    tasks = [user.task()["id"] for _ in range(12)]
    # Every third caller does not sample.
    sent = [
        user.send("GET", f"/v1/tasks/{task}", headers=traceparent(100 + n, "00" if n % 3 == 0 else "01"))
        for n, task in enumerate(tasks)
    ]
    assert {answer.status_code for answer in api.together(*sent)} == {200}
    until(lambda: len([each for each in collector.requests_seen() if each.span.parent_span_id]) >= 8, "the spans are there")
    sampled = {100 + n for n in range(12) if n % 3}
    requests = [each for each in collector.requests_seen() if each.span.parent_span_id]
    assert {int.from_bytes(each.span.trace_id) for each in requests} == sampled
    found = [[each for each in collector.below(request) if each.span.name.startswith("tasks.get")] for request in requests]
    # Each has one, of its own or of the batch.
    assert [len(each) for each in found] == [1] * 8
    batched = [each for [each] in found if each.span.name == "tasks.get_many"]
    assert len(batched) >= 4
    for [each] in found:
        assert ("db.operation.batch.size" in each.attributes) is (each.span.name == "tasks.get_many")
    for (start, size), times in Counter(
        (each.span.start_time_unix_nano, each.attributes["db.operation.batch.size"]) for each in batched
    ).items():
        assert 2 <= size <= 12, start
        assert times <= size


def test_a_statement_that_fails_says_so_to_its_request(collector: Collector, started: Started) -> None:
    api = started(query_timeout=0.2)
    user = api.user()

    async def meet_a_lock() -> httpx.Response:
        blocking = await api.database.pool._pool.acquire()  # noqa: SLF001
        try:
            async with blocking.transaction():
                await blocking.execute("lock table tasks in access exclusive mode")
                return await user.send("GET", "/v1/tasks", headers=traceparent(5))
        finally:
            await api.database.pool._pool.release(blocking)  # noqa: SLF001

    assert api.runner.run(meet_a_lock()).status_code == 504
    [request] = until(
        lambda: [each for each in collector.requests_seen() if int.from_bytes(each.span.parent_span_id) == 5],
        "the span is there",
    )
    assert request.span.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert request.attributes["error.type"] == "504"
    [cancelled] = until(
        lambda: [each for each in collector.below(request) if each.span.status.code == trace_pb2.Status.STATUS_CODE_ERROR],
        "its statement is there",
    )
    assert cancelled.attributes["error.type"] in {"57014", "TimeoutError"}
    assert not cancelled.span.status.message


def test_several_workers_send_what_waits_before_they_end_and_log_the_trace(
    collector: Collector, shared_database: str, tmp_path: Path
) -> None:
    variables: dict[str, Any] = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_SERVICE_NAME": "of-my-own",
        # Nothing is sent before the end.
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "WORKERS": "2",
        "DATABASE_URL": shared_database,
    }
    with Serving(tmp_path / "var", tmp_path / "said", **variables) as serving:
        token = serving.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD}).json()["token"]

        async def ask(number: int, client: httpx.AsyncClient) -> int:
            answer = await client.post("/v1/tasks", json={"title": str(number)}, headers=traceparent(number))
            return answer.status_code

        async def ask_at_the_same_time() -> list[int]:
            # As many connections: the workers share them.
            async with httpx.AsyncClient(
                base_url=serving.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False
            ) as client:
                return await asyncio.gather(*(ask(1000 + number, client) for number in range(60)))

        assert set(asyncio.run(ask_at_the_same_time())) == {201}
        workers = serving.workers()
        assert collector.received == []
        started = time.monotonic()
        assert serving.stop() == 0
        assert time.monotonic() - started < 15
        lines = [json.loads(line) for line in serving.words().splitlines() if line.startswith('{"method')]
    seen = {int.from_bytes(each.span.trace_id): each for each in collector.requests_seen() if each.span.parent_span_id}
    assert sorted(seen) == list(range(1000, 1060))
    for request in seen.values():
        # By itself or with others, and of no other request.
        created = [each.span.name for each in collector.below(request) if each.span.name.startswith("tasks.create")]
        assert len(created) == 1, created
    assert {each.process["service.name"] for each in seen.values()} == {"of-my-own"}
    assert len({each.process["service.instance.id"] for each in seen.values()}) == len(workers)
    logged = {line["trace_id"]: line["request_id"] for line in lines if line["route"] == "/v1/tasks"}
    assert {*logged} == {f"{number:032x}" for number in range(1000, 1060)}


# A collector that is of no use


@contextmanager
def black_hole() -> Iterator[str]:
    """A collector that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_collector_that_hangs_holds_up_neither_requests_nor_the_end(
    started: Started, api: Api, monkeypatch: pytest.MonkeyPatch, passwords: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(otlp, "FLUSH_WITHIN", 0.5)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    with black_hole() as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        with Api.started(api.runner, api.settings, passwords) as traced:
            user = traced.user()
            # On a cluster the first page on a connection opens others.
            user.get("/v1/tasks")
            for _ in range(20):
                answer = user.get("/v1/tasks")
                assert answer.status_code == 200
                assert answer.elapsed.total_seconds() < 0.5
            before = time.monotonic()
        assert time.monotonic() - before < 2
    assert "traces_not_sent" in capsys.readouterr().out


def test_an_absent_collector_is_told_of_once_and_once_more_when_it_is_back(
    collector: Collector, started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    collector.status = 400
    user = started().user()
    until(lambda: "traces_not_taken" in capsys.readouterr().out, "it is told of")
    for _ in range(3):
        tried = collector.requests
        user.get("/v1/tasks")
        until(partial(collector.was_tried_after, tried), "it was tried again")
    collector.status = 200
    user.get("/v1/tasks")
    until(lambda: collector.received, "it takes spans again")
    said = until(lambda: "traces_sent_again" in (said := capsys.readouterr().out) and said, "it is told of")
    assert "traces_not_taken" not in said


def test_without_the_extra_the_log_says_what_to_install(
    collector: Collector, started: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "app.telemetry.otlp", None)
    assert started().get("/health/live").status_code == 200
    assert '"install": "holdfast[otel]", "event": "tracing_not_installed"' in capsys.readouterr().out


def test_a_variable_that_cannot_be_used_is_told_of_and_requests_are_answered(
    collector: Collector, started: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    assert started().get("/health/live").status_code == 200
    assert "tracing_not_started" in capsys.readouterr().out


@pytest.mark.parametrize(
    "variables",
    [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}],
    ids=["unset", "empty", "disabled", "none"],
)
def test_nothing_is_traced_unless_it_is_asked_for(variables: dict[str, str]) -> None:
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    assert tracing.is_asked_for(asked)
    assert not tracing.is_asked_for(asked | variables if variables else {})
