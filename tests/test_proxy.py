"""ops/nginx.conf with a real nginx in front of a real server: what it keeps from the server, and what it hands on."""

import contextlib
import http.client
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import needs
import pytest
from client import PASSWORD
from proxy import CONF, Proxy, read
from serving import Serving, free_port, until

from app.problems.catalog import KINDS

pytestmark = needs.nginx

FASTER = {
    "client_header_timeout 10s": "client_header_timeout 1s",
    "client_body_timeout 20s": "client_body_timeout 1s",
    "send_timeout 20s": "send_timeout 4s",
}
"""Of what waits for a client, so that the tests need not."""


def is_closed_after(connection: socket.socket) -> float:
    """Seconds until the other end closes the connection without a word."""
    began = time.monotonic()
    with contextlib.suppress(ConnectionResetError):
        assert connection.recv(1) == b""
    return time.monotonic() - began


def post(path: bytes, body: bytes, *headers: bytes) -> bytes:
    head = [b"POST " + path + b" HTTP/1.1", b"Host: x", b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*head, *headers, b"", body])


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("served")
    with Serving(
        folder / "var",
        folder / "said",
        DATABASE_URL=database,
        TRUSTED_PROXIES="127.0.0.1",
        RATE_LIMITS="on",
        WRITE_TIMEOUT="3",
    ) as serving:
        yield serving


@pytest.fixture(scope="module")
def proxy(served: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with Proxy(tmp_path_factory.mktemp("proxy"), served.port, FASTER) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def token(proxy: Proxy) -> str:
    registration = {"email": f"{time.monotonic_ns()}@example.com", "password": PASSWORD}
    answer = httpx.post(f"{proxy.url}/v1/auth/register", json=registration, trust_env=False)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def assert_problem(response: http.client.HTTPResponse, document: Any, status: int, code: str) -> None:
    assert (response.status, document["status"], document["code"]) == (status, status, code)
    assert response.getheader("Content-Type") == "application/problem+json"
    assert document["request_id"] == response.getheader("X-Request-Id")
    kind = KINDS[code]
    assert (document["type"], document["title"], kind.status) == (f"/problems/{code}", kind.title, status)


def test_requests_and_answers_pass_with_their_headers(proxy: Proxy, token: str) -> None:
    with httpx.Client(base_url=proxy.url, headers=bearer(token), trust_env=False) as client:
        made = client.post("/v1/tasks", json={"title": "Water the plants"}, headers={"X-Request-Id": "mine"})
        assert (made.status_code, made.headers["X-Request-Id"]) == (201, "mine")
        path, tag = made.headers["Location"], made.headers["ETag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert client.patch(path, json={"completed": True}, headers={"If-Match": tag}).status_code == 200
        assert client.patch(path, json={"completed": True}, headers={"If-Match": tag}).status_code == 412
        assert client.head(path).status_code == 200
        assert client.delete(path).status_code == 204
        assert client.get(path).json()["code"] == "not_found"


def test_the_caller_is_told_on_and_cannot_lie(proxy: Proxy) -> None:
    def attempt(source: str, claimed: bytes) -> int:
        body = json.dumps({"email": f"{time.monotonic_ns()}@example.com", "password": PASSWORD}).encode()
        response, _ = proxy.talk(post(b"/v1/auth/login", body, b"X-Forwarded-For: " + claimed), source)
        return response.status

    # Ten a minute and address, whatever the caller says of itself; and for another caller ten more.
    assert [attempt("127.0.0.2", b"192.0.2.%d" % number) for number in range(11)] == [401] * 10 + [429]
    assert attempt("127.0.0.3", b"127.0.0.2") == 401


def test_one_caller_cannot_have_all_connections(served: Serving, tmp_path: Path) -> None:
    with Proxy(tmp_path, served.port, {}) as proxy, contextlib.ExitStack() as open_sockets:
        for _ in range(50):
            connection = open_sockets.enter_context(proxy.connect("127.0.0.4"))
            connection.sendall(post(b"/v1/auth/login", b"x" * 100)[:-1])
        # nginx reads them one after another.
        until(lambda: proxy.talk(b"GET /problems/invalid HTTP/1.1\r\nHost: x\r\n\r\n", "127.0.0.4")[0].status == 429, "enough")
        response, document = proxy.talk(b"GET /problems/invalid HTTP/1.1\r\nHost: x\r\n\r\n", "127.0.0.4")
        assert_problem(response, document, 429, "rate_limited")
        assert response.getheader("Retry-After") == "1"
        assert proxy.talk(b"GET /problems/invalid HTTP/1.1\r\nHost: x\r\n\r\n", "127.0.0.5")[0].status == 200


def test_one_caller_cannot_send_all_requests(proxy: Proxy) -> None:
    with proxy.connect("127.0.0.6") as connection:
        statuses = []
        for _ in range(400):
            connection.sendall(b"GET /problems/invalid HTTP/1.1\r\nHost: x\r\n\r\n")
            statuses.append(read(connection)[0].status)
    assert {*statuses[:200]} == {200}
    assert 429 in statuses
    assert proxy.talk(b"GET /problems/invalid HTTP/1.1\r\nHost: x\r\n\r\n", "127.0.0.7")[0].status == 200


def test_a_slow_head_is_cut_off(proxy: Proxy) -> None:
    with proxy.connect() as connection:
        connection.sendall(b"GET /v1/tasks HTTP/1.1\r\nHost: ")
        assert is_closed_after(connection) < 3


def test_a_slow_body_never_reaches_the_server(proxy: Proxy, served: Serving) -> None:
    body = post(b"/v1/consents", b"x" * 100)
    with proxy.connect() as connection:
        connection.sendall(body[:-1])
        assert is_closed_after(connection) < 3
    asked = '"route":"none"'
    before = served.words().count(asked)
    proxy.talk(post(b"/nowhere", b"x" * 100))
    # The slow one would have been answered, and logged, before this one.
    until(lambda: served.words().count(asked) == before + 1, "the whole one is logged")
    assert "/v1/consents" not in served.words()


def test_a_reader_that_sleeps_is_cut_off_and_the_server_is_rid_of_it_at_once(proxy: Proxy, served: Serving, token: str) -> None:
    # Less than nginx keeps in a file (proxy_max_temp_file_size), more than the kernel keeps for one that does not read.
    content = os.urandom(14_000_000)
    media = httpx.post(f"{proxy.url}/v1/media", files={"file": ("a", content)}, headers=bearer(token), trust_env=False)
    assert media.status_code == 201, media.text
    path = f"/v1/media/{media.json()['id']}/content"
    with proxy.connect(receive_buffer=4096) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        time.sleep(6)
        got = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(1_000_000):
                got += len(piece)
        assert 0 < got < len(content)
    # It had given everything to nginx, or it would have given up before nginx did.
    assert "answer_not_taken" not in served.words()
    whole = httpx.get(proxy.url + path, headers=bearer(token), trust_env=False)
    assert whole.content == content


def stored(served: Serving) -> int:
    """Bytes in the server's file store."""
    return sum(file.stat().st_size for file in (served.data / "media").rglob("*") if file.is_file())


def test_an_upload_passes_while_it_arrives(proxy: Proxy, served: Serving, token: str) -> None:
    size = 30_000_000
    before = stored(served)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    with proxy.connect() as connection:
        connection.sendall(
            b"POST /v1/media HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n" % (token.encode(), len(head) + size + 9)
        )
        connection.sendall(head + b"a" * (size // 2))
        until(lambda: stored(served) - before > size // 4, "a part is stored")
        connection.sendall(b"a" * (size // 2) + b"\r\n--x--\r\n")
        response, media = read(connection)
        assert (response.status, media["size_bytes"]) == (201, size)


def test_what_nginx_answers_by_itself_is_a_problem(proxy: Proxy, tmp_path: Path) -> None:
    long = b"a" * 100_000
    for request, status, code in (
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET /" + long + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + long + b"\r\n\r\n", 431, "headers_too_large"),
        (b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n", 413, "body_too_large"),
    ):
        assert_problem(*proxy.talk(request), status, code)
    with Proxy(tmp_path, free_port(), {}) as without_server:
        response, document = without_server.talk(b"GET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n")
        assert_problem(response, document, 503, "server_unavailable")
        assert response.getheader("Retry-After") == "5"


def test_health_and_metrics_are_for_the_machine_itself(proxy: Proxy) -> None:
    for path in (b"/metrics", b"/health/live", b"/health/ready"):
        get = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        assert_problem(*proxy.talk(get, "127.0.0.8"), 404, "not_found")
    assert proxy.talk(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")[0].status == 200


def test_every_problem_of_the_proxy_is_one_that_the_server_explains(proxy: Proxy) -> None:
    codes = {*re.findall(r'"/problems/(\w+)"', CONF)}
    assert {"bad_request", "server_unavailable"} < codes
    for code in codes:
        assert httpx.get(f"{proxy.url}/problems/{code}", trust_env=False).status_code == 200
