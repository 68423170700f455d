"""Bad input: whatever is sent, the answer is the contract's, nothing is stored, and no log line shows a secret or a row."""

import asyncio
import http.client
import json
import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, MutableMapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import asyncpg
import httpx
import pytest
from client import PASSWORD, Api, User, assert_problem, new_email
from factories import new_uuid7
from structlog.testing import capture_logs

Headers = Iterable[tuple[bytes, bytes]]

JSON = "application/json"
KIB = 1024
DEEP = 100_000

SECRETS = re.compile(
    rf"{re.escape(PASSWORD)}|hf_[A-Za-z0-9_-]{{20}}|@example\.com|\$argon2|\b(select|insert into|update|delete from)\s+\w",
    re.IGNORECASE,
)
"""The password, tokens, e-mail addresses, hashes and SQL text: what no log line may show."""

ROUTES = {
    "register": ("POST", "/v1/auth/register"),
    "login": ("POST", "/v1/auth/login"),
    "patch-me": ("PATCH", "/v1/me"),
    "delete-me": ("DELETE", "/v1/me"),
    "password": ("PUT", "/v1/me/password"),
    "create-token": ("POST", "/v1/me/tokens"),
    "create-task": ("POST", "/v1/tasks"),
    "patch-task": ("PATCH", "/v1/tasks/{task}"),
}
"""The routes that take a body."""


def valid(route: str) -> dict[str, Any]:
    """A body that the route takes, with every field."""
    bodies: dict[str, dict[str, Any]] = {
        "register": {"email": new_email(), "password": PASSWORD, "name": "N", "username": "nobody.yet", "timezone": "UTC"},
        "login": {"email": new_email(), "password": PASSWORD},
        "patch-me": {
            "email": new_email(), "username": "nobody.yet", "name": "N", "first_name": "F", "last_name": "L", "bio": "B",
            "avatar_url": "https://example.org/a.png", "timezone": "UTC", "current_password": PASSWORD,
        },
        "delete-me": {"password": PASSWORD},
        "password": {"new": "another good one", "current": PASSWORD},
        "create-token": {"name": "T", "scopes": ["read"], "expires_at": "2100-01-01T00:00:00Z"},
        "create-task": {"title": "T", "description": "D", "completed": True, "id": str(new_uuid7())},
        "patch-task": {"title": "T", "description": "D", "completed": True},
    }  # fmt: skip
    return bodies[route]


NULLABLE = {
    ("register", "name"), ("register", "username"), ("patch-me", "username"), ("patch-me", "name"),
    ("patch-me", "first_name"), ("patch-me", "last_name"), ("patch-me", "bio"), ("patch-me", "avatar_url"),
    ("create-token", "expires_at"), ("create-task", "description"), ("create-task", "id"), ("patch-task", "description"),
}  # fmt: skip


class Caller:
    """Ada, who has a task, and sends anything to it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.user: User = api.user()
        self.task: str = self.user.task()["id"]

    def send(self, route: str, content: bytes | AsyncIterator[bytes], content_type: str | None = JSON) -> httpx.Response:
        """A body to one of ROUTES; with a token where the route wants one."""
        method, path = ROUTES[route]
        headers = {} if content_type is None else {"Content-Type": content_type}
        token = None if path.startswith("/v1/auth/") else self.user.token
        return self.api.request(method, path.format(task=self.task), token=token, content=content, headers=headers)

    def raw(
        self,
        method: str,
        path: str,
        headers: Headers = (),
        body: bytes = b"",
        *,
        query: bytes = b"",
        signed_in: bool = True,
    ) -> httpx.Response:
        """What no client library would send: straight into the ASGI application, as a server without checks would."""
        token = [(b"authorization", b"Bearer " + self.user.token.encode())] if signed_in else []
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("utf-8", "surrogatepass"),
            "query_string": query,
            "root_path": "",
            "headers": [*headers, *token],
            "client": ("127.0.0.1", 40000),
            "server": ("test", 80),
        }
        received: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return received.pop(0) if received else {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        self.api.runner.run(cast("Any", cast("Any", self.api.app))(scope, receive, send))
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return httpx.Response(sent[0]["status"], headers=list(sent[0]["headers"]), content=content)


@pytest.fixture(scope="module")
def ada(api: Api) -> Caller:
    return Caller(api)


@pytest.fixture(autouse=True)
def events(caplog: pytest.LogCaptureFixture) -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged; and the check, after each test of this file, that it is no defect and shows nothing."""
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logged:
        yield logged
    libraries = [record.getMessage() for record in caplog.records if not record.name.startswith(("http", "hypothesis"))]
    assert not [event for event in logged if event["event"] == "unexpected_error"]
    # Before the secret filter: nothing must depend on it.
    assert not SECRETS.search(f"{logged} {libraries}")


@pytest.fixture(scope="module")
def watcher(runner: asyncio.Runner, database: str) -> Iterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection beside the pool's."""
    connection = runner.run(asyncpg.connect(database))
    yield connection
    runner.run(connection.close())


@pytest.fixture
def nothing_stored(runner: asyncio.Runner, watcher: "asyncpg.Connection[asyncpg.Record]", ada: Caller) -> Iterator[None]:
    """Checks that the test left every row as it was."""

    def rows() -> asyncpg.Record | None:
        return runner.run(
            watcher.fetchrow(
                "select (select md5(string_agg(u::text, '|' order by id)) from users u),"
                " (select md5(string_agg(t::text, '|' order by user_id, id)) from tasks t),"
                " (select count(*) from sessions), (select count(*) from identities), (select count(*) from api_tokens)"
            )
        )

    before = rows()
    yield
    assert rows() == before


def nested(opening: bytes, closing_: bytes, depth: int, inside: bytes = b"1") -> bytes:
    return opening * depth + inside + closing_ * depth


def in_terms_of(route: str, body: bytes) -> bytes:
    """A body about a title, with the name and a good value of another route's field."""
    field, value = next(iter(valid(route).items()))
    return body.replace(b'"T"', json.dumps(value).encode()).replace(b"title", field.encode())


MALFORMED = {
    "empty": b"",
    "blank": b" \r\n\t ",
    "truncated-object": b'{"title":',
    "truncated-string": b'{"title":"T',
    "truncated-escape": b'{"title":"\\u00',
    "truncated-character": '{"title":"é'.encode()[:-1],
    "no-key": b'{:"T"}',
    "bare-word": b"title",
    "single-quotes": b"{'title':'T'}",
    "line-break-in-text": b'{"title":"a\nb"}',
    "raw-nul-in-text": b'{"title":"a\0b"}',
    "raw-nul-in-key": b'{"ti\0tle":"T"}',
    "raw-nul-alone": b"\0",
    "unknown-escape": b'{"title":"\\x41"}',
    "no-utf-8": b'{"title":"\xff\xfe"}',
    "overlong-utf-8": b'{"title":"\xc0\x80"}',
    "beyond-unicode": b'{"title":"\xf4\x90\x80\x80"}',
    "raw-surrogate": b'{"title":"\xed\xa0\x80"}',
    "escaped-high-surrogate": rb'{"title":"\ud800"}',
    "escaped-low-surrogate": rb'{"title":"\udc00"}',
    "swapped-surrogates": rb'{"title":"\udc00\ud800"}',
    "surrogate-before-a-letter": rb'{"title":"\ud800\u0041"}',
    "surrogate-in-a-key": rb'{"\ud800":"T"}',
    "byte-order-mark": b'\xef\xbb\xbf{"title":"T"}',
    "utf-16": '{"title":"T"}'.encode("utf-16"),
    "utf-32": '{"title":"T"}'.encode("utf-32"),
    "nan": b'{"title":NaN}',
    "infinity": b'{"title":Infinity}',
    "minus-infinity": b'{"title":-Infinity}',
    "leading-zero": b'{"title":01}',
    "plus": b'{"title":+1}',
    "form": b"title=T&completed=true",
    "xml": b'<?xml version="1.0"?><title>T</title>',
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
}


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("body", MALFORMED)
def test_a_body_that_is_no_json_is_refused(ada: Caller, body: str) -> None:
    for route in ROUTES:
        assert_problem(ada.send(route, in_terms_of(route, MALFORMED[body])), 400, "malformed_json")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("route", ROUTES)
def test_a_body_that_goes_on_where_it_should_end_is_refused(ada: Caller, route: str) -> None:
    body = json.dumps(valid(route)).encode()
    for broken in (
        body[:-1] + b",}",
        body + b"{}",
        body + body,
        body + b"x",
        body + b"\0",
        body + b"// no",
        body[:-1],
        b"[" + body,
    ):
        answer = ada.send(route, broken)
        assert answer.status_code in {400, 422}, answer.text
        assert_problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("route", ROUTES)
def test_a_body_that_is_no_object_is_refused(ada: Caller, route: str) -> None:
    for body in (b"[]", b"[{}]", b'"T"', b'""', b"7", b"-0.0", b"1e300", b"1e-400", b"true", b"null", nested(b"[", b"]", 50)):
        assert_problem(ada.send(route, body), 422, "invalid")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(("route", "field"), [(route, field) for route in ROUTES for field in valid(route)])
def test_a_field_of_another_type_is_refused(ada: Caller, route: str, field: str) -> None:
    wrong: list[Any] = [7, -1, 0, 1.5, 1e300, 10**30, [], {}, ["T"], {"T": "T"}, [[["T"]]]]
    wrong += ["true", "", "1"] if field == "completed" else [True, False]
    wrong += [] if (route, field) in NULLABLE else [None]
    for value in wrong:
        answer = ada.send(route, json.dumps(valid(route) | {field: value}).encode())
        assert_problem(answer, 422, "invalid")
        # Of an element of a list: "scopes[...]".
        assert [error["field"].partition("[")[0] for error in answer.json()["errors"]] == [field]


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e99999999999999999999", "9" * 5000, "0." + "9" * 5000, "1e-400"])
def test_a_huge_number_is_refused(ada: Caller, route: str, number: str) -> None:
    for field in valid(route):
        body = json.dumps(valid(route) | {field: 0}).replace(f'"{field}": 0', f'"{field}": {number}')
        assert_problem(ada.send(route, body.encode()), 422, "invalid")
    assert_problem(ada.send(route, f'{{"unknown": {number}}}'.encode()), 422, "invalid")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(("route", "field"), [(route, field) for route in ROUTES for field in valid(route)])
def test_nul_is_refused_in_every_text(ada: Caller, route: str, field: str) -> None:
    for text in (r"\u0000", r"a\u0000", r"\u0000a@example.org", r"\ud83c\udf89\u0000"):
        if field == "scopes":
            continue
        body = json.dumps(valid(route) | {field: "@@"}).replace('"@@"', f'"{text}"')
        assert_problem(ada.send(route, body.encode()), 422, "invalid", field)


@pytest.mark.usefixtures("nothing_stored")
def test_nul_is_refused_inside_a_list(ada: Caller) -> None:
    for scopes in (r'["\u0000"]', r'["read", "re\u0000ad"]', r'["read\u0000"]'):
        answer = ada.send("create-token", f'{{"name": "T", "scopes": {scopes}}}'.encode())
        assert_problem(answer, 422, "invalid")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    "time_",
    [
        "2100-01-01T00:00:00", "2100-01-01", "2100-01-01 00:00:00", "01.01.2100", "tomorrow", "", " ", "infinity", "4102444800",
        "10000-01-01T00:00:00Z", "+10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
        "2100-02-30T00:00:00Z", "2100-01-01T24:00:00Z", "2100-01-01T00:00:61Z", "2100-01-01T00:00:00+99:99",
        "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1970-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_a_naive_a_far_and_an_impossible_time_is_refused(ada: Caller, time_: str) -> None:
    body = json.dumps({"name": "T", "scopes": ["read"], "expires_at": time_}).encode()
    assert_problem(ada.send("create-token", body), 422, "invalid")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "key",
    ["unknown", "", " ", r"\u0000", r"a\u0000b", "🎉", "' or 1=1 --", "__class__", "x` - at `$.y", "k" * 200_000, r"\u2028\""],
    ids=lambda key: key[:12].encode("unicode-escape").decode(),
)
def test_an_unknown_field_is_refused_whatever_its_name(ada: Caller, route: str, key: str) -> None:
    for value in ("null", "{}", '"T"', "[[[1]]]"):
        body = json.dumps(valid(route))[:-1] + f', "{key}": {value}}}'
        answer = ada.send(route, body.encode())
        assert_problem(answer, 422, "invalid")
        assert len(answer.content) < 2000


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("route", ROUTES)
def test_a_nesting_bomb_is_refused(ada: Caller, route: str) -> None:
    field = next(iter(valid(route)))
    # 100,000 objects are larger than a body may be: the second is the deepest that fits.
    bombs = [nested(b"[", b"]", DEEP), nested(b'{"":', b"}", 50_000), nested(b'[{"":', b"}]", 30_000), b"[" * 2 * DEEP]
    for bomb in bombs:
        for body in (bomb, b'{"unknown":' + bomb + b"}", b'{"' + field.encode() + b'":' + bomb + b"}"):
            answer = ada.send(route, body)
            assert answer.status_code in {400, 422}, answer.text
            assert_problem(answer, answer.status_code, answer.json()["code"])
    assert_problem(ada.send(route, nested(b'{"":', b"}", DEEP)), 413, "body_too_large")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("route", ROUTES)
def test_a_body_over_the_limit_is_refused_with_a_content_length_and_without(ada: Caller, route: str) -> None:
    large = in_terms_of(route, b'{"title":"' + b"x" * 10_000_000 + b'"}')

    async def chunks(content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    for body in (large, large[: 256 * KIB + 1]):
        assert_problem(ada.send(route, body), 413, "body_too_large")
        assert_problem(ada.send(route, chunks(body)), 413, "body_too_large")
    # One byte less, and it is read.
    assert_problem(ada.send(route, large[: 256 * KIB]), 400, "malformed_json")
    assert_problem(ada.send(route, chunks(large[: 256 * KIB])), 400, "malformed_json")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("route", ROUTES)
def test_a_wrong_content_type_is_refused(ada: Caller, route: str) -> None:
    body = json.dumps(valid(route)).encode()
    for content_type in (
        None,
        "",
        "json",
        "text/plain",
        "text/json",
        "application/jsonx",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; charset=",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; charset='utf-8'",
        "application /json",
        "*/*",
        ";",
        "application/msgpack",
        ";charset=utf-8" * 1000,
    ):
        assert_problem(ada.send(route, body, content_type), 415, "unsupported_media_type")


def test_a_content_type_has_no_letter_case_and_may_say_utf_8(ada: Caller) -> None:
    for content_type in ("Application/JSON", "application/json;charset=UTF-8", 'application/json; charset="utf-8"; a=b'):
        assert ada.send("patch-task", b"{}", content_type).status_code == 200


def test_odd_bytes_in_a_content_type_are_refused(ada: Caller) -> None:
    for value in (b"\xff", b"\x00", b"application/json\x00", b"application/json; charset=\xff", "application/jsön".encode()):
        answer = ada.raw("POST", "/v1/tasks", [(b"content-type", value)], b'{"title":"T"}')
        assert_problem(answer, 415, "unsupported_media_type")


def test_of_equal_keys_the_last_counts_and_each_is_checked(ada: Caller) -> None:
    answer = ada.send("create-task", b'{"title":"first","title":"last"}')
    assert (answer.status_code, answer.json()["title"]) == (201, "last")
    assert_problem(ada.send("create-task", b'{"title":7,"title":"last"}'), 422, "invalid", "title")


def test_every_character_but_nul_is_kept(ada: Caller) -> None:
    text = "\x01\x1f\x7f\x80\u00a0\u2028\u202e\ufeff\ufffe\uffff\ufdd0\U0001f389\U0010ffff'\"\\%_$1:name{}"
    answer = ada.send("create-task", json.dumps({"title": text}).encode())
    assert (answer.status_code, answer.json()["title"]) == (201, text)
    raw = ada.send("create-task", json.dumps({"title": "🎉é\u2028"}, ensure_ascii=False).encode())
    assert (raw.status_code, raw.json()["title"]) == (201, "🎉é\u2028")


def test_a_body_where_none_is_expected_is_not_looked_at(ada: Caller) -> None:
    for body in (b"{", b"\xff" * 1000, b"x" * 10_000_000, nested(b"[", b"]", DEEP)):
        assert ada.user.request("GET", "/v1/me", content=body).status_code == 200
        assert ada.user.request("HEAD", "/v1/tasks", content=body).status_code == 200
        path = f"/v1/tasks/{ada.user.task()['id']}"
        assert ada.user.request("DELETE", path, content=body, headers={"Content-Type": "text/plain"}).status_code == 204
        assert_problem(ada.user.get("/v1/nonsense"), 404, "not_found")


@pytest.mark.parametrize("value", [b"abc", b"", b"1e3", b"0x10", b"\xff", "١٢".encode(), b"12, 12", b"9" * 30, b"9" * 5000])
@pytest.mark.usefixtures("nothing_stored")
def test_a_malformed_content_length_is_refused(ada: Caller, value: bytes) -> None:
    headers = [(b"content-length", value), (b"content-type", b"application/json")]
    answer = ada.raw("POST", "/v1/tasks", headers, b'{"title":"T"}')
    assert answer.status_code in {400, 413}
    assert_problem(answer, answer.status_code, answer.json()["code"])


ODD_VALUES = {
    "empty": b"",
    "blank": b"  \t ",
    "no-utf-8": b"\xff\xfe\x80",
    "utf-8": "é🎉".encode(),
    "nul": b"a\0b",
    "controls": b"\x01\x7f\x1b[31m",
    "line-break": b"a\r\nx-injected: yes",
    "huge": b"a" * 1_000_000,
    "quotes": b"'\"`;--\\",
    "braces": b"{0} %s %(a)s ${x}",
    "commas": b"," * 10_000,
}


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize(
    "name", ["if-match", "if-none-match", "x-request-id", "x-forwarded-for", "user-agent", "cookie", "accept"]
)
def test_odd_bytes_in_a_header_do_no_harm(ada: Caller, name: str, value: str) -> None:
    headers = [(name.encode(), ODD_VALUES[value]), (b"content-type", b"application/json")]
    registration = json.dumps({"email": new_email(), "password": PASSWORD}).encode()
    answers = [
        ada.raw("GET", "/v1/me", headers),
        ada.raw("GET", "/v1/tasks", headers),
        ada.raw("GET", f"/v1/tasks/{ada.task}", headers),
        ada.raw("POST", "/v1/auth/register", headers, registration, signed_in=False),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 201]
    patched = ada.raw("PATCH", f"/v1/tasks/{ada.task}", headers, b"{}")
    assert patched.status_code == (412 if name in {"if-match", "if-none-match"} else 200)
    for answer in (*answers, patched):
        assert re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", answer.headers["x-request-id"])
        assert "x-injected" not in answer.headers


@pytest.mark.parametrize("value", ODD_VALUES)
def test_odd_bytes_in_the_authorization_are_nobodys(ada: Caller, value: str) -> None:
    odd = ODD_VALUES[value]
    token = ada.user.token.encode()
    for header in (odd, b"Bearer " + odd, b"Bearer hf_" + odd, b"Bearer " + token + odd.strip() + b"x", b"Basic " + odd):
        for path in ("/v1/me", "/v1/tasks", "/v1/nonsense"):
            answer = ada.raw("GET", path, [(b"authorization", header)], signed_in=False)
            assert_problem(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"
    # The first of several counts, as everywhere.
    first = ada.raw("GET", "/v1/me", [(b"authorization", b"Bearer " + odd)])
    assert_problem(first, 401, "unauthenticated")


def test_many_headers_do_no_harm(ada: Caller) -> None:
    headers = [(b"x-%d" % number, b"a" * 100) for number in range(20_000)]
    assert ada.raw("GET", "/v1/me", headers).status_code == 200
    assert ada.raw("GET", "/v1/me", [(b"if-none-match", b'"7"')] * 20_000).status_code == 200


def test_a_sane_request_id_is_echoed_and_logged(ada: Caller, events: list[MutableMapping[str, Any]]) -> None:
    for sane in ("a", "7", "A.b_c:d-e", "x" * 128, "0f8fad5b-d9cb-469f-a165-70867728950e"):
        for path in ("/v1/me", "/v1/nonsense", "/v1/tasks/7", "/health/live"):
            answer = ada.raw("GET", path, [(b"x-request-id", sane.encode())])
            assert answer.headers.get_list("x-request-id") == [sane]
            if answer.status_code >= 400:
                assert answer.json()["request_id"] == sane
    assert len(events) == 20


def test_an_insane_request_id_is_replaced(ada: Caller) -> None:
    seen = set()
    for insane in (b"", b" ", b"a b", b"x" * 129, b"\xff", b"a\n", b"\na", b"a\0", "é".encode(), b"<script>", b"a,b", b'"a"'):
        answer = ada.raw("GET", "/v1/nonsense", [(b"x-request-id", insane)])
        [new] = answer.headers.get_list("x-request-id")
        assert re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", new)
        assert answer.json()["request_id"] == new
        seen.add(new)
    assert len(seen) == 12


@pytest.mark.parametrize(
    "path",
    [
        "*", "/v1", "/v1/", "/v1/../v1/tasks", "/v1/./tasks", "/v1%2ftasks", "/V1/TASKS", "/v1/tasks;a=1",
        "/v1/tasks/\0", "/v1/tasks/\n", "/v1/tasks/\xff", "/v1/tasks/\udcff", "/v1/tasks/🎉",
        "/v1/tasks/{id}", "/v1/tasks/{id:uuid}", "/v1/tasks/../../etc/passwd", "/v1/tasks/' or '1'='1", "http://x/v1/tasks",
        "/problems/\xff", "/problems/\0", "/problems/../health/live", "/docs/../../pyproject.toml", "/metrics/\0",
        "/v1/" + "a" * 100_000, "/v1/" + "a/" * 20_000, "/v1/tasks/" + "0" * 36, "\\v1\\tasks",
    ],
    ids=lambda path: ascii(path[:30])[1:-1],
)  # fmt: skip
def test_an_odd_path_is_not_found(ada: Caller, path: str) -> None:
    for method in ("GET", "POST", "HEAD", "DELETE", "FOO"):
        answer = ada.raw(method, path, [(b"content-type", b"application/json")], b'{"title":"T"}')
        # A template may fit where the id does not; then the method counts first.
        assert answer.status_code in ({404} if method in {"GET", "HEAD"} else {404, 405}), (method, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        nobody = ada.raw(method, path, signed_in=False)
        assert nobody.status_code in {401, 404, 405}
        assert nobody.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["", "/", "//", "/" * 100_000], ids=len)
def test_the_root_leads_to_the_page_of_this_server_however_it_is_written(ada: Caller, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = ada.raw(method, path, signed_in=False)
        assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
    assert_problem(ada.raw("POST", path), 405, "method_not_allowed")


def test_slashes_too_many_lead_to_the_same_row_under_the_same_rules(ada: Caller) -> None:
    task = f"/v1/tasks/{ada.task}"
    for path in (f"{task}/", f"//v1/tasks/{ada.task}", f"/v1//tasks///{ada.task}//"):
        assert ada.raw("GET", path).json()["id"] == ada.task
        assert_problem(ada.raw("GET", path, signed_in=False), 401, "unauthenticated")
        assert_problem(ada.raw("GET", path, query=b"dry=true"), 422, "invalid", "dry")
        assert_problem(ada.raw("PUT", path), 405, "method_not_allowed")
    for path in ("/v1/tasks/", "//v1/tasks", "/v1//tasks"):
        assert ada.raw("GET", path).status_code == 200
        assert_problem(ada.raw("GET", path, signed_in=False), 401, "unauthenticated")


@pytest.mark.parametrize("form", ["(%s)", " %s", "%s\n", "%s,", '"%s"'])
def test_an_id_in_another_spelling_is_not_found(ada: Caller, form: str) -> None:
    assert_problem(ada.raw("GET", f"/v1/tasks/{form % ada.task}"), 404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        b"\xff", b"limit=\xff", b"\0", b"limit=%00", b"%", b"%zz=1", b"limit=%ed%a0%80", b"cursor=%ff", b"limit=1;limit=2",
        b"?", b"x" * 100_000, b"limit=" + b"9" * 5000, b"limit=1&" * 1000, b"cursor=" + b"A" * 100_000, b"limit[]=1",
        b"=", b"completed=%E2%80%AEeurt", b"order=newest%00", b"limit=+1", b"limit=1%20",
    ],
    ids=lambda query: ascii(query[:20])[2:-1],
)  # fmt: skip
def test_an_odd_query_is_refused(ada: Caller, query: bytes) -> None:
    answer = ada.raw("GET", "/v1/tasks", query=query)
    assert_problem(answer, 422, "invalid")
    assert len(answer.content) < 2000


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "FOO", "get", "PROPFIND", "GËT", "POST\n", "PRI", "M" * 5000])
def test_an_unknown_method_is_refused(ada: Caller, method: str) -> None:
    for path in ("/v1/tasks", f"/v1/tasks/{ada.task}", "/v1/me", "/v1/auth/login", "/health/live"):
        assert_problem(ada.raw(method, path), 405, "method_not_allowed")
    assert_problem(ada.raw(method, "/v1/nonsense"), 404, "not_found")
    assert_problem(ada.raw(method, "/v1/tasks", signed_in=False), 401, "unauthenticated")


def test_an_empty_method_is_refused(ada: Caller) -> None:
    assert_problem(ada.raw("", "/v1/tasks"), 400, "bad_request")


def test_options_says_what_a_path_takes(ada: Caller) -> None:
    for path, methods in (
        ("/v1/tasks", {"GET", "POST"}),
        (f"/v1/tasks/{ada.task}", {"GET", "PATCH", "DELETE"}),
        ("/v1/auth/login", {"POST"}),
    ):
        answer = ada.raw("OPTIONS", path, signed_in=False)
        assert (answer.status_code, answer.content) == (204, b"")
        assert methods <= {method.strip() for method in answer.headers["allow"].split(",")}
        assert answer.headers["x-request-id"]


def _entries_of_caches() -> int:
    """How much every function cache of the app holds."""
    modules = [module for name, module in sys.modules.items() if name.startswith("app.") and isinstance(module, ModuleType)]
    infos = {
        id(value): value.cache_info() for module in modules for value in vars(module).values() if hasattr(value, "cache_info")
    }
    return sum(info.currsize for info in infos.values())


def test_what_callers_send_is_not_kept_for_ever(ada: Caller) -> None:
    # Content types, names of fields and parameters: a cache without a bound would be a leak that anybody can fill.
    def odd(number: int) -> None:
        ada.send("register", b"{}", f"application/json; a={number}")
        ada.raw("GET", "/v1/tasks", [(b"user-agent", b"%d" % number)], query=b"a%d=1" % number)
        ada.raw(f"M{number}", f"/problems/{number}", [(b"authorization", b"%d" % number)], signed_in=False)

    odd(0)
    before = _entries_of_caches()
    for number in range(1, 400):
        odd(number)
    assert _entries_of_caches() - before < 200


def test_what_callers_send_makes_no_metrics(ada: Caller) -> None:
    def labels() -> set[str]:
        text = ada.api.get("/metrics").text
        return {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("holdfast_requests_total")}

    def odd(number: int) -> None:
        ada.raw(f"M{number}", "/v1/tasks")
        ada.raw("GET", f"/v1/m{number}")
        ada.raw("GET", f"/v1/tasks/{new_uuid7()}")
        ada.raw("GET", f"/problems/{number}")

    odd(0)
    before = labels()
    for number in range(1, 20):
        odd(number)
    assert labels() <= before | {'holdfast_requests_total{method="GET",route="/metrics",status="200"}'}


def test_a_taken_address_reaches_neither_the_answer_nor_the_log(
    api: Api, ada: Caller, events: list[MutableMapping[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    taken = api.user(username="taken.name")
    for answer in (
        api.post("/v1/auth/register", {"email": taken.email, "password": PASSWORD}),
        api.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD, "username": "TAKEN.name"}),
        ada.user.patch("/v1/me", {"email": taken.email.upper(), "current_password": PASSWORD}),
    ):
        assert answer.status_code == 409
        for text in (answer.text, str(events), *capfd.readouterr()):
            assert taken.email not in text.lower()
            assert "Key (" not in text
            assert "already exists" not in text
            assert "taken.name" not in text.lower()
            assert not SECRETS.search(text)
    [failed, *_] = [event for event in events if event["event"] == "query_failed"]
    assert (failed["sqlstate"], failed["constraint"]) == ("23505", "users_email_unique")


def test_an_answer_to_a_wrong_password_repeats_none_of_it(api: Api) -> None:
    secret = "my-secret-Pässwörd"
    for body in (
        {"email": new_email(), "password": secret},
        {"email": secret, "password": PASSWORD, "extra": secret},
        {"username": secret * 100, "password": secret},
    ):
        answer = api.post("/v1/auth/login", body)
        assert answer.status_code in {401, 422}
        assert secret not in answer.text
        assert PASSWORD not in answer.text


# The same over a socket: what the server in front of the app does with bytes that no client library sends. Some of it
# granian answers by itself, without a body.


class Server:
    """A running `holdfast serve`, spoken to in bytes."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.log = log
        self.lines_before = 0

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def talk(self, *parts: bytes) -> httpx.Response | None:
        """Send bytes, read one answer. None: the connection was ended without one."""
        with self.connect() as connection:
            # An answer may come, and the connection end, before everything is sent.
            with suppress(OSError):
                for part in parts:
                    connection.sendall(part)
            with closing(http.client.HTTPResponse(connection)) as response:
                try:
                    response.begin()
                    content = response.read()
                except (http.client.HTTPException, OSError):
                    return None
                return httpx.Response(response.status, headers=response.getheaders(), content=content)

    def request(self, head: bytes, *parts: bytes, token: str = "") -> httpx.Response | None:
        authorization = f"Authorization: Bearer {token}\r\n".encode() if token else b""
        return self.talk(head + b"\r\nHost: test\r\nConnection: close\r\n" + authorization, *parts)

    def events(self) -> list[dict[str, Any]]:
        """What was logged since the last call."""
        lines = self.log.read_text().splitlines()
        new, self.lines_before = lines[self.lines_before :], len(lines)
        return [json.loads(line) for line in new]

    def wait_for(self, route: str) -> list[dict[str, Any]]:
        """What was logged, once a request of this route is among it."""
        events: list[dict[str, Any]] = []
        end = time.monotonic() + 5
        while not any(event.get("route") == route for event in events) and time.monotonic() < end:
            time.sleep(0.02)
            events += self.events()
        return events


@pytest.fixture(scope="module")
def running(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": database, "RATE_LIMITS": "off", "PORT": str(port)}
    with log.open("wb") as file:
        command = [str(Path(sys.executable).with_name("holdfast")), "serve", "--no-migrate"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=file)
    try:
        server = Server(port, log)
        end = time.monotonic() + 30
        while True:
            try:
                server.connect().close()
                break
            except OSError:
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The server, and the check that it lives on and has logged neither a secret nor a defect."""
    running.events()
    before = len(running.log.read_text())
    yield running
    answer = running.request(b"GET /health/ready HTTP/1.1", b"\r\n")
    assert answer is not None
    assert answer.status_code == 200
    lines = running.log.read_text()[before:]
    assert not SECRETS.search(lines)
    assert "unexpected_error" not in lines
    assert "Traceback" not in lines


def assert_from_granian(answer: httpx.Response | None, *statuses: int) -> None:
    """An answer of the server in front of the app: a status without a body, and the end of the connection."""
    assert answer is not None
    assert (answer.status_code in statuses, answer.content) == (True, b""), (answer.status_code, answer.content)


def test_header_bombs_are_refused_before_the_app(server: Server, ada: Caller) -> None:
    get = partial(server.request, b"GET /v1/me HTTP/1.1", token=ada.user.token)
    within = get(b"".join(b"x-%d: a\r\n" % number for number in range(50)) + b"x: " + b"a" * 100_000 + b"\r\n\r\n")
    assert within is not None
    assert within.status_code == 200
    assert_from_granian(get(b"".join(b"x-%d: a\r\n" % number for number in range(10_000)) + b"\r\n"), 431)
    assert_from_granian(get(b"x: " + b"a" * 1_000_000 + b"\r\n\r\n"), 431)
    assert_from_granian(get(b"x" * 1_000_000 + b": a\r\n\r\n"), 431)


def test_odd_bytes_in_headers_over_a_socket(server: Server, ada: Caller) -> None:
    for name in (b"If-Match", b"If-None-Match", b"X-Request-Id", b"X-Forwarded-For", b"User-Agent", b"Cookie"):
        for value in (b"\xff\xfe", "é🎉".encode(), b"", b"\t", b"'; drop table users; --", b"a" * 60_000):
            answer = server.request(b"GET /v1/me HTTP/1.1", name + b": " + value + b"\r\n\r\n", token=ada.user.token)
            assert answer is not None
            assert answer.status_code == 200
            assert re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", answer.headers["x-request-id"])
        for value in (b"\0", b"\x01", b"a\rb", b"a\r\n folded"):
            answer = server.request(b"GET /v1/me HTTP/1.1", name + b": " + value + b"\r\n\r\n", token=ada.user.token)
            assert_from_granian(answer, 400)
    for value in (b"\xff", "Bearer é".encode(), b"Bearer hf_" + b"\xff" * 43, b"Bearer " + b"a" * 60_000):
        answer = server.request(b"GET /v1/me HTTP/1.1", b"Authorization: " + value + b"\r\n\r\n")
        assert answer is not None
        assert_problem(answer, 401, "unauthenticated")


@pytest.mark.usefixtures("nothing_stored")
def test_odd_lengths_over_a_socket(server: Server, ada: Caller) -> None:
    post = partial(server.request, b"POST /v1/tasks HTTP/1.1\r\nContent-Type: application/json", token=ada.user.token)
    for value in (b"-1", b"abc", b"", b"1e3", b"+5", b"5, 5", b"0x5", b"\xff", b"9" * 30):
        assert_from_granian(post(b"Content-Length: " + value + b'\r\n\r\n{"title":"T"}'), 400)
    assert_from_granian(post(b'Content-Length: 13\r\nContent-Length: 14\r\n\r\n{"title":"T"} '), 400)
    assert_from_granian(post(b'Transfer-Encoding: gzip\r\n\r\n{"title":"T"}'), 400)
    empty = post(b"\r\n")
    assert empty is not None
    assert_problem(empty, 400, "malformed_json")


@pytest.mark.usefixtures("nothing_stored")
def test_large_bodies_over_a_socket(server: Server, ada: Caller) -> None:
    post = partial(server.request, b"POST /v1/tasks HTTP/1.1\r\nContent-Type: application/json", token=ada.user.token)
    part = b"a" * 100_000
    declared = post(b"Content-Length: 10000000\r\n\r\n")
    assert declared is not None
    assert_problem(declared, 413, "body_too_large")
    for answer in (
        post(b"Content-Length: 10000000\r\n\r\n", *[part] * 100),
        post(b"Transfer-Encoding: chunked\r\n\r\n", *[b"186a0\r\n" + part + b"\r\n"] * 100, b"0\r\n\r\n"),
    ):
        # The connection may end while we still send, and take the answer with it.
        if answer is not None:
            assert_problem(answer, 413, "body_too_large")
    bomb = nested(b"[", b"]", DEEP)
    deep = post(b"Content-Length: %d\r\n\r\n" % (len(bomb) + 10), b'{"title":' + bomb + b"}")
    assert deep is not None
    assert_problem(deep, 422, "body_too_complex")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("chunk", [b"zz", b"-1", b"ffffffffffffffffff", b""])
def test_a_broken_chunk_is_the_callers_fault(server: Server, ada: Caller, chunk: bytes) -> None:
    head = b"POST /v1/tasks HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
    answer = server.request(head, b"\r\n" + chunk + b'\r\n{"title":"T"}\r\n0\r\n\r\n', token=ada.user.token)
    if answer is not None:
        assert_problem(answer, 400, "bad_request")


@pytest.mark.usefixtures("nothing_stored")
def test_a_caller_who_goes_away_in_the_middle_is_no_defect(server: Server, ada: Caller) -> None:
    with server.connect() as connection:
        head = f"POST /v1/tasks HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {ada.user.token}\r\n"
        connection.sendall(head.encode() + b'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"title":')
        time.sleep(0.1)
    events = server.wait_for("/v1/tasks")
    assert [event["event"] for event in events if event["event"] != "request"] == []
    assert all(event["status"] < 500 for event in events)


def test_odd_targets_and_methods_over_a_socket(server: Server, ada: Caller) -> None:
    def get(target: bytes, method: bytes = b"GET") -> httpx.Response | None:
        return server.request(method + b" " + target + b" HTTP/1.1", b"\r\n", token=ada.user.token)

    for target in (b"/v1/tasks/\xff", b"/v1/tasks/\0", b"/v1/ta sks", b"v1/tasks", b'/v1/"<>', b"/v1/tasks?a=\xff"):
        assert_from_granian(get(target), 400)
    for target in (b"/" + b"a" * 70_000, b"/" + b"a" * 1_000_000):
        assert_from_granian(get(target), 414, 431)
    for target in (
        b"/v1/tasks/%ff",
        b"/v1/tasks/%00",
        b"/v1/tasks/%0a",
        b"/v1/%",
        b"/v1/%zz",
        b"/v1/../v1/tasks",
        b"*",
        b"/v1/%c3%28",
    ):
        answer = get(target)
        assert answer is not None
        assert_problem(answer, 404, "not_found")
    for method in (b"TRACE", b"FOO", b"get", b"PROPFIND", b"M" * 1000):
        answer = get(b"/v1/tasks", method)
        assert answer is not None
        assert_problem(answer, 405, "method_not_allowed")
    for method in (b"", b"G\xffT", b"G(T"):
        assert_from_granian(get(b"/v1/tasks", method), 400)


def test_what_is_no_http_is_refused(server: Server) -> None:
    for garbage in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"GET /v1/me\r\n\r\n",
        b"\0" * 1000,
        b"hello\r\n\r\n",
    ):
        assert_from_granian(server.talk(garbage), 400)
    # HTTP/2 is not spoken: the connection ends.
    assert server.talk(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") is None


def test_the_log_of_the_server_shows_no_secret_and_no_path(server: Server, ada: Caller, database: str) -> None:
    get = partial(server.request, token=ada.user.token)
    for answer in (
        get(b"GET /v1/tasks?cursor=in-the-query HTTP/1.1", b"X-Request-Id: sane-id\r\n\r\n"),
        get(f"GET /v1/tasks/{ada.task} HTTP/1.1".encode(), b"\r\n"),
        get(b"GET /v1/in-the-path HTTP/1.1", b"User-Agent: in-the-agent\r\nCookie: in-the-cookie\r\n\r\n"),
    ):
        assert answer is not None
    taken = json.dumps({"email": ada.user.email, "password": PASSWORD}).encode()
    head = b"POST /v1/auth/register HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d" % len(taken)
    conflict = server.request(head, b"\r\n", taken)
    assert conflict is not None
    assert_problem(conflict, 409, "email_taken", "email")
    events = server.wait_for("/v1/auth/register")
    text = str(events)
    for hidden in ("in-the-query", "in-the-path", "in-the-agent", "in-the-cookie", ada.task, ada.user.email, "Key (", database):
        assert hidden not in text
    assert {"sane-id", "/v1/tasks/{id}", ada.user.id} <= {str(value) for event in events for value in event.values()}
