"""Sockets as attackers and bad networks use them: bodies that stall, readers that sleep, answers before the body was read."""

import asyncio
import contextlib
import http.client
import json
import resource
import secrets
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import pytest
from client import PASSWORD, Api
from serving import PATIENCE, Serving, run, until

from app.http.responses import EncodedResponse, StreamingResponse

SOCKETS = 1100
LARGE = 7_000_000
JSON = b"Content-Type: application/json\r\n"


class Connection:
    """A connection in bytes."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, line: bytes, headers: bytes = b"", body: bytes = b"") -> None:
        self.socket.sendall(line + b" HTTP/1.1\r\nHost: test\r\n" + headers + b"\r\n" + body)

    def answer(self) -> tuple[http.client.HTTPResponse, bytes]:
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        return response, response.read()

    def is_closed(self) -> bool:
        """Wait for the end of the connection; nothing else may come."""
        with contextlib.suppress(ConnectionResetError):
            return self.socket.recv(1) == b""
        return True


def stalled(connection: Connection, path: bytes = b"/v1/auth/register", headers: bytes = JSON) -> None:
    """Begin a request whose body does not end."""
    connection.send(b"POST " + path, headers + b"Content-Length: 1000\r\n", b'{"email"')


def bearer(token: str) -> bytes:
    return f"Authorization: Bearer {token}\r\n".encode()


def account(serving: Serving) -> str:
    answer = serving.post("/v1/auth/register", {"email": f"{time.monotonic_ns()}@example.com", "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server of one worker that loses its patience early, with the few open files that many a shell gives."""
    folder = tmp_path_factory.mktemp("sockets")
    given = {"DATABASE_URL": database, "BODY_TIMEOUT": "1.5", "WRITE_TIMEOUT": "1.5"}
    with Serving(folder / "var", folder / "said", before=FEW_FILES, **given) as serving:
        yield serving


FEW_FILES = ("sh", "-c", 'ulimit -Sn 1024; exec "$@"', "sh")


@pytest.fixture
def many_files() -> Iterator[None]:
    """The test itself needs a socket for each of the server's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * SOCKETS:
        pytest.skip(f"this machine allows only {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * SOCKETS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Many sockets


@pytest.mark.usefixtures("many_files")
def test_health_and_metrics_answer_beside_1100_sockets(database: str, tmp_path: Path) -> None:
    # Patient, so that every one of them is still there.
    with Serving(tmp_path / "var", tmp_path / "said", before=FEW_FILES, DATABASE_URL=database) as serving:
        for is_stalled in (False, True):
            with contextlib.ExitStack() as open_sockets:
                for _ in range(SOCKETS):
                    connection = open_sockets.enter_context(Connection(serving.port))
                    if is_stalled:
                        stalled(connection)
                for path in ("/health/live", "/health/ready", "/metrics"):
                    with Connection(serving.port) as asking:
                        asking.socket.settimeout(3)
                        asking.send(b"GET " + path.encode())
                        assert asking.answer()[0].status == 200


def test_a_server_that_may_not_have_so_many_says_so_and_takes_no_more_than_it_may(database: str, tmp_path: Path) -> None:
    few = ("sh", "-c", 'ulimit -n 320; exec "$@"', "sh")
    with (
        Serving(tmp_path / "var", tmp_path / "said", before=few, DATABASE_URL=database) as serving,
        contextlib.ExitStack() as open_sockets,
    ):
        [limited] = [json.loads(line) for line in serving.words().splitlines() if '"connections_limited"' in line]
        assert (limited["connections"], limited["wanted"]) == (49, 10_000)
        waiting = [open_sockets.enter_context(Connection(serving.port)) for _ in range(100)]
        for connection in waiting[:-1]:
            connection.socket.close()
        # It waited for its turn, and was not refused.
        waiting[-1].send(b"GET /health/ready")
        assert waiting[-1].answer()[0].status == 200


# Bodies that stall


def test_a_body_that_stalls_is_a_408_and_the_end_of_the_connection(served: Serving) -> None:
    form = b"Content-Type: multipart/form-data; boundary=x\r\n" + bearer(account(served))
    for path, headers in ((b"/v1/auth/register", JSON), (b"/v1/media", form)):
        with Connection(served.port) as connection:
            began = time.monotonic()
            stalled(connection, path, headers)
            response, content = connection.answer()
            assert 1.4 < time.monotonic() - began < 4
            assert (response.status, json.loads(content)["code"]) == (408, "request_timeout")
            assert response.getheader("Connection") == "close"
            assert connection.is_closed()


def test_a_chunked_body_that_stalls_is_a_408(served: Serving) -> None:
    with Connection(served.port) as connection:
        connection.send(b"POST /v1/auth/register", JSON + b"Transfer-Encoding: chunked\r\n", b"5\r\n{    \r\n")
        response, _ = connection.answer()
        assert response.status == 408
        assert connection.is_closed()


def test_a_body_that_arrives_slowly_is_waited_for(served: Serving) -> None:
    body = json.dumps({"email": f"{time.monotonic_ns()}@example.com", "password": PASSWORD}).encode()
    with Connection(served.port) as connection:
        connection.send(b"POST /v1/auth/register", JSON + b"Content-Length: %d\r\n" % len(body))
        for part in (body[:10], body[10:20], body[20:30], body[30:]):
            time.sleep(0.9)
            connection.socket.sendall(part)
        assert connection.answer()[0].status == 201


def test_a_stalled_body_does_not_hold_up_the_end(database: str, tmp_path: Path) -> None:
    with Serving(tmp_path / "var", tmp_path / "said", DATABASE_URL=database) as serving:
        token = account(serving)
        with contextlib.ExitStack() as open_sockets:
            for path, headers in (
                (b"/v1/auth/register", JSON),
                (b"/v1/tasks", JSON),
                (b"/v1/media", b"Content-Type: multipart/form-data; boundary=x\r\n" + bearer(token)),
            ):
                stalled(open_sockets.enter_context(Connection(serving.port)), path, headers)
            time.sleep(0.5)
            began = time.monotonic()
            serving.process.send_signal(signal.SIGTERM)
            assert serving.process.wait(PATIENCE) == 0
            assert time.monotonic() - began < 5
        assert "Traceback" not in serving.words()


def test_half_a_head_holds_up_the_end_no_longer_than_a_head_may_take(database: str, tmp_path: Path) -> None:
    with Serving(tmp_path / "var", tmp_path / "said", DATABASE_URL=database) as serving, Connection(serving.port) as half:
        half.socket.sendall(b"GET /health/live HTTP/1.1\r\nHos")
        time.sleep(0.5)
        began = time.monotonic()
        serving.process.send_signal(signal.SIGTERM)
        assert serving.process.wait(PATIENCE) == 0
        assert time.monotonic() - began < 15
        assert half.is_closed()


# Answers before the body was read


@pytest.mark.parametrize("size", [1000, 60_000, 200_000, 300_000, 1_000_000, 5_000_000])
def test_after_an_early_answer_the_next_request_is_answered_or_the_client_knows(served: Serving, size: int) -> None:
    outcomes: Counter[str] = Counter()
    for path, expected in ((b"/v1/tasks", 401), (b"/nowhere", 404), (b"/v1/media", 401)):
        for _ in range(50):
            with Connection(served.port) as connection:
                connection.send(b"POST " + path, JSON + b"Content-Length: %d\r\n" % size, b"a" * size)
                assert connection.answer()[0].status == expected
                connection.send(b"GET /health/live")
                outcomes[str(connection.answer()[0].status)] += 1
    assert outcomes == {"200": 150}


def test_a_body_that_is_too_large_to_be_read_in_vain_ends_the_connection(served: Serving) -> None:
    for headers in (b"Content-Length: 900000000\r\n", b"Transfer-Encoding: chunked\r\n"):
        with Connection(served.port) as connection:
            connection.send(b"POST /v1/tasks", JSON + headers)
            if b"chunked" in headers:
                with contextlib.suppress(OSError):
                    for _ in range(400):
                        connection.socket.sendall(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
            response, _ = connection.answer()
            assert (response.status, response.getheader("Connection")) == (401, "close")
            assert connection.is_closed()


def test_a_client_that_asks_first_is_answered_without_its_body(served: Serving) -> None:
    with Connection(served.port) as connection:
        connection.send(b"POST /v1/tasks", JSON + b"Expect: 100-continue\r\nContent-Length: 1000\r\n")
        began = time.monotonic()
        response, _ = connection.answer()
        assert (response.status, response.getheader("Connection")) == (401, "close")
        assert time.monotonic() - began < 1
        assert connection.is_closed()


def test_an_early_answer_does_not_wait_long_for_a_body_that_stalls(served: Serving) -> None:
    with Connection(served.port) as connection:
        began = time.monotonic()
        stalled(connection, b"/v1/tasks")
        response, content = connection.answer()
        assert (response.status, json.loads(content)["code"]) == (401, "unauthenticated")
        assert response.getheader("Connection") == "close"
        assert time.monotonic() - began < 4
        assert connection.is_closed()


def test_a_body_where_none_is_expected_does_not_break_the_next_request(served: Serving) -> None:
    with Connection(served.port) as connection:
        for _ in range(20):
            connection.send(b"GET /health/live", b"Content-Length: 100000\r\n", b"a" * 100_000)
            assert connection.answer()[0].status == 200


# Readers that sleep


@pytest.fixture(scope="module")
def large(served: Serving, database: str) -> tuple[bytes, str]:
    """The path of an answer of 7 MB, more than the kernel keeps for a reader, and who may read it."""
    email = f"{time.monotonic_ns()}@example.com"
    answer = served.post("/v1/auth/register", {"email": email, "password": PASSWORD})
    assert run("users", "role", email, "admin", DATABASE_URL=database).returncode == 0
    token = answer.json()["token"]
    path = f"/v1/query-cache/{secrets.token_hex(32)}"
    made = httpx.put(
        served.url + path,
        json={"result": "d" * LARGE, "ttl_seconds": 3600},
        headers={"Authorization": f"Bearer {token}"},
        timeout=PATIENCE,
        trust_env=False,
    )
    assert made.status_code == 201, made.text
    return path.encode(), token


def test_a_reader_that_takes_nothing_is_cut_off(served: Serving, large: tuple[bytes, str]) -> None:
    path, token = large
    with Connection(served.port, receive_buffer=4096) as connection:
        connection.send(b"GET " + path, bearer(token))
        until(lambda: '"answer_not_taken"' in served.words(), "the server has had enough")
        # What was on its way still arrives; the rest never does.
        response = http.client.HTTPResponse(connection.socket)
        response.begin()
        assert int(response.getheader("Content-Length") or 0) > LARGE
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            response.read()
    assert "unexpected_error" not in served.words()
    assert "Traceback" not in served.words()


def test_a_reader_that_takes_little_by_little_gets_it_all(served: Serving, large: tuple[bytes, str]) -> None:
    path, token = large
    with Connection(served.port, receive_buffer=4096) as connection:
        connection.send(b"GET " + path, bearer(token))
        response = http.client.HTTPResponse(connection.socket)
        response.begin()
        size = 0
        for _ in range(12):
            # The kernel tells the server of room only when a third of its buffer, which is megabytes, is empty again.
            time.sleep(0.25)
            size += len(response.read(500_000))
        size += len(response.read())
        assert size == int(response.getheader("Content-Length") or 0)


def test_readers_that_sleep_hold_little_memory(served: Serving, large: tuple[bytes, str]) -> None:
    path, token = large
    with contextlib.ExitStack() as open_sockets:

        def memory_beside_25_more() -> int:
            notes = served.words().count('"answer_not_taken"')
            for _ in range(25):
                connection = open_sockets.enter_context(Connection(served.port, receive_buffer=4096))
                connection.send(b"GET " + path, bearer(token))
            until(lambda: served.words().count('"answer_not_taken"') == notes + 25, "all have been given up")
            [worker] = served.workers()
            return int(psutil.Process(worker).memory_info().rss)

        first = memory_beside_25_more()
        # 25 times 7 MB would be 175.
        assert memory_beside_25_more() - first < 60e6


def test_an_answer_of_more_than_256_kib_is_sent_in_pieces_one_after_another(api: Api) -> None:
    body = bytes(range(256)) * 4096
    for size, pieces in ((256 * 1024, 1), (256 * 1024 + 1, 5), (len(body), 16)):
        sent: list[Any] = []

        async def send(message: Any, sent: list[Any] = sent) -> None:
            # Nothing comes before the one ahead of it was taken.
            assert sent is not None
            await asyncio.sleep(0)
            sent.append(message)

        scope: Any = {"state": {"request_id": "x"}}
        api.runner.run(EncodedResponse(body[:size]).send(scope, send))
        start, *messages = sent
        assert (b"content-length", b"%d" % size) in start["headers"]
        assert b"".join(message["body"] for message in messages) == body[:size]
        assert [message["more_body"] for message in messages] == [True] * (pieces - 1) + [False]
        assert max(len(message["body"]) for message in messages) <= 256 * 1024


def test_a_part_of_a_streamed_answer_is_sent_in_pieces(api: Api) -> None:
    parts = [b"a" * 10, b"", bytes(range(256)) * 1024]

    async def chunks() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    sent: list[Any] = []

    async def send(message: Any) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    scope: Any = {"state": {"request_id": "x"}}
    api.runner.run(StreamingResponse(chunks()).send(scope, send))
    bodies = [message["body"] for message in sent[1:]]
    assert b"".join(bodies) == b"".join(parts)
    assert [len(body) for body in bodies] == [10, 65536, 65536, 65536, 65536, 0]
    assert [message["more_body"] for message in sent[1:]] == [True] * 5 + [False]
