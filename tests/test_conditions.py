"""Conditional requests (RFC 9110, 13): one set of promises for every route that has an ETag.

The routes are the app's own: a new one takes part by itself, or fails here until it says why not.
"""

import re
import time
from collections.abc import Callable
from typing import Any, get_origin
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from client import PASSWORD, Api, User, assert_problem
from served import ROUTES
from test_bad_input import Caller
from test_contract import ROWS, a_goal, habit

from app.accounts.commands import set_role
from app.http.pagination import Page
from app.http.routes import Route
from app.http.totals import CountedPage

Headers = dict[str, list[str]]
"""A header's lines by its name."""

Json = dict[str, Any]

READS = {route.path: route for route in ROUTES if route.method == "GET" and route.options.conditional}
CHANGES = {route.name: route for route in ROUTES if route.versions}
MAKING = {name: route for name, route in CHANGES.items() if route.method == "PUT" and 201 in route.options.also}
OWNED = {name: route for name, route in CHANGES.items() if name not in MAKING and route.path.count("{")}

WITHOUT_ETAG = {
    "GET /v1/admin/users/{id}/credits": "no version: each deduction moves it, and each reset",
    "GET /v1/admin/users/{id}/usage": "no version: each message moves it, and each day",
    "GET /v1/auth/{provider}/callback": "a redirect, once",
    "GET /v1/auth/{provider}/start": "a redirect, another one each time",
    "GET /v1/consents": "what was said last is an event, which has no version",
    "GET /v1/conversations/{id}/export": "a download",
    "GET /v1/credits": "no version: each deduction moves it, and each reset",
    "GET /v1/foods/days/{date}": "a list, and what is computed of it",
    "GET /v1/foods/summary": "computed",
    "GET /v1/goals/{id}/tree": "computed out of many rows",
    "GET /v1/habits/overview": "computed out of many rows",
    "GET /v1/habits/today": "computed, and another one tomorrow",
    "GET /v1/habits/{id}/stats": "computed, and other ones tomorrow",
    "GET /v1/me/export": "made anew each time, out of everything",
    "GET /v1/query-cache/{query_hash}": "no version: it expires, and only services write it",
    "GET /v1/search": "a list",
    "GET /v1/usage": "no version: each message moves it, and each day",
    "GET /v1/workouts/days/{date}": "a list, and what is computed of it",
    "GET /v1/workouts/summary": "computed",
}
"""Reads of one thing that are not conditional."""

UNCONDITIONAL = {
    "DELETE /v1/admin/users/{id}/sessions": "all of them",
    "DELETE /v1/me/identities/{id}": "has no ETag, and is never changed",
    "DELETE /v1/me/sessions": "all of them",
    "DELETE /v1/me/sessions/{id}": "has no ETag",
    "DELETE /v1/me/tokens/{id}": "cannot be read, nor changed",
    "DELETE /v1/media/{id}/links": "all of them",
    "DELETE /v1/query-cache": "all of them",
    "DELETE /v1/query-cache/{query_hash}": "has no ETag",
    "DELETE /v1/tags/{id}/{kind}/{target_id}": "a link has no content",
    "PATCH /v1/me/sessions/{id}": "has no ETag",
    "PATCH /v1/consents": "has no ETag, and adds to a history",
    "PUT /v1/admin/users/{id}/identities": "an identity is linked, and never changed",
    "PUT /v1/admin/users/{id}/password": "cannot be read",
    "PUT /v1/admin/users/{id}/usage": "has no ETag",
    "PUT /v1/consents": "has no ETag, and adds to a history",
    "PUT /v1/habits/{id}/entries": "several rows; that of a day is conditional",
    "PUT /v1/me/password": "cannot be read; the current password is its condition",
    "PUT /v1/query-cache/{query_hash}": "has no ETag",
    "PUT /v1/tags/{id}/{kind}/{target_id}": "a link has no content",
}
"""Changes that take no conditions."""

BODIES: dict[str, Json] = {
    "DELETE /v1/me": {"password": PASSWORD},
    "PATCH /v1/admin/users/{id}": {"is_verified": True},
    "PATCH /v1/me": {"bio": "WORD"},
    "PATCH /v1/workouts/{id}": {"exercises": [{"name": "WORD"}]},
    "PUT /v1/conversations/{id}": {"messages": [{"role": "user", "content": "WORD"}]},
    "PUT /v1/daily-reviews/{date}": {"lessons": "WORD"},
    "PUT /v1/habits/{id}/entries/{date}": {"note": "WORD"},
    "PUT /v1/progress-snapshots/{period}/{date}": {"weight": 70, "weight_unit": "kg"},
    "PUT /v1/workouts/{id}": {"date": "2026-01-02", "type": "WORD"},
}
"""A change of a row that ROWS makes, all of it or a merge patch, where it is not simply one of a text."""


def body_of(route: Route) -> Json | None:
    """The body of a change: one of BODIES, or the first field that takes a text."""
    if route.data is None or route.name in BODIES:
        return BODIES.get(route.name)
    texts = (name for name in route.data.__struct_fields__ if _is_taken(route.data, {name: "WORD"}))
    name = next(texts, None)
    assert name, f"{route.name} changes no text: give BODIES a body for it"
    return {name: "WORD"}


def _is_taken(kind: Any, body: Json) -> bool:
    try:
        msgspec.convert(body, kind)
    except msgspec.ValidationError:
        return False
    return True


every_read = pytest.mark.parametrize("route", READS.values(), ids=[f"GET {path}" for path in READS])
every_change = pytest.mark.parametrize("route", CHANGES.values(), ids=CHANGES)
every_change_of_an_owned_row = pytest.mark.parametrize("route", OWNED.values(), ids=OWNED)
every_making_put = pytest.mark.parametrize("route", MAKING.values(), ids=MAKING)


def test_every_read_of_one_thing_has_an_etag_or_says_why_not() -> None:
    reads = [route for route in ROUTES if route.method == "GET" and route.path.startswith("/v1/")]
    single = {route.name for route in reads if get_origin(route.answer) not in {Page, CountedPage}}
    assert {name for name in single if not READS.get(name.removeprefix("GET "))} == WITHOUT_ETAG.keys()


def test_every_change_takes_conditions_or_says_why_not() -> None:
    changes = {route.name for route in ROUTES if route.method in {"DELETE", "PATCH", "PUT"}}
    assert changes - CHANGES.keys() == UNCONDITIONAL.keys()
    assert {route.path for route in CHANGES.values()} <= READS.keys()


@pytest.fixture(scope="module")
def staying_admin(api: Api) -> User:
    """The last admin cannot leave: with this one everybody else can."""
    user = api.user()
    assert api.runner.run(set_role(api.database, UUID(user.id), "admin"))
    return user


@pytest.fixture
def somebody(api: Api, staying_admin: User) -> User:
    """A user to whom every route is open."""
    user = api.user()
    assert api.runner.run(set_role(api.database, UUID(user.id), "admin"))
    return user


def address(user: User, path: str) -> str:
    """The address of a row that is made for it, below a path of the document."""
    if path == "/docs/{name}":
        return "/docs/start.js"
    if "{" not in path:
        return path
    names = ROWS[path](user)
    return path.format(**(names if isinstance(names, dict) else dict.fromkeys(re.findall(r"{(\w+)}", path), names)))


async def sent(user: User, method: str, url: str, headers: Headers, body: Json | None = None) -> httpx.Response:
    lines = [(name, line) for name, each in headers.items() for line in each]
    signed = [("Authorization", f"Bearer {user.token}"), *lines]
    return await user.api.http.request(method, url, headers=signed, json=body)


def ask(user: User, method: str, url: str, headers: Headers, body: Json | None = None) -> httpx.Response:
    return user.api.runner.run(sent(user, method, url, headers, body))


# Lists of tags

NAMING: dict[str, Callable[[str], list[str]]] = {
    "the tag": lambda tag: [tag],
    "a list that begins with it": lambda tag: [f'{tag}, "5", "other"'],
    "a list that ends with it": lambda tag: [f'"5",W/"6-0123456789abcdef" ,\t{tag}'],
    "a list with empty elements": lambda tag: [f", ,{tag},,"],
    "several lines": lambda tag: ['"5"', f'"6", {tag}', '"7"'],
    "tags with commas": lambda tag: [f'"a,b", ",", {tag}'],
    "a hundred tags": lambda tag: [", ".join(['"1795253400123456-0123456789abcdef"'] * 99 + [tag])],
    "*": lambda _: ["*"],
}
"""What names a strong tag in either header."""

WEAKLY_NAMING: dict[str, Callable[[str], list[str]]] = {
    "its weak form": lambda tag: [f"W/{tag}"],
    "a list of weak tags": lambda tag: [f'W/"5", W/{tag}'],
}
"""What names a tag in If-None-Match only: If-Match compares strongly."""

NOT_NAMING: dict[str, Callable[[str], list[str]]] = {
    "another tag": lambda _: ['"1795253400123456"'],
    "another hashed tag": lambda _: ['"1795253400123456-0123456789abcdef"'],
    "the version of nothing": lambda _: ['"0"'],
    "a list without it": lambda _: ['"5", W/"6", "other", "7"'],
    "lines without it": lambda _: ['"5"', '"6"'],
    "a quoted star": lambda _: ['"*"'],
    "a number beyond any": lambda tag: [tag.replace('"', '"99999999999999999999', 1)],
    "a leading zero": lambda tag: [tag.replace('"', '"0', 1)],
    "a quoted tag": lambda tag: [f'"a,", "b,{tag[1:-1]}"'],
}
"""What is a list of tags, without this one."""

MALFORMED: dict[str, Callable[[str], list[str]]] = {
    "nothing": lambda _: [""],
    "commas": lambda _: [",,,"],
    "no quotes": lambda tag: [tag.strip('"')],
    "half of the quotes": lambda tag: [tag.strip('"') + '"'],
    "a lower-case w": lambda tag: [f"w/{tag}"],
    "a blank after W/": lambda tag: [f"W/ {tag}"],
    "no comma": lambda tag: [f'{tag} "5"'],
    "something in the list": lambda tag: [f"{tag}, 5"],
    "something after the tag": lambda tag: [f"{tag}x"],
    "a star among tags": lambda tag: [f"*, {tag}"],
    "two stars": lambda _: ["*", "*"],
    "a control character": lambda tag: [f'{tag}, "\x01"'],
    "too many tags": lambda tag: [", ".join(['"1795253400123456-0123456789abcdef"'] * 200 + [tag])],
    "a long tag": lambda tag: [f'{tag}, "{"a" * 10_000}"'],
    "too many lines": lambda tag: [tag] * 300,
}


@every_read
def test_a_read_whose_tag_is_named_is_a_304_and_any_other_a_200(somebody: User, route: Route) -> None:
    url = address(somebody, route.path)
    read = somebody.get(url)
    assert read.status_code == 200
    tag = read.headers["etag"]
    for name, lines in (NAMING | WEAKLY_NAMING).items():
        answer = ask(somebody, "GET", url, {"If-None-Match": lines(tag)})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag), name
    for name, lines in (NOT_NAMING | MALFORMED).items():
        answer = ask(somebody, "GET", url, {"If-None-Match": lines(tag)})
        assert (answer.status_code, answer.headers["etag"]) == (200, tag), name
        assert answer.content == read.content, name


@every_change
def test_a_change_is_made_when_its_conditions_fit_and_otherwise_nothing_changes(api: Api, somebody: User, route: Route) -> None:
    body = body_of(route)

    user = somebody
    url = address(user, route.path)
    tag = user.get(url).headers["etag"]
    version = int(re.findall(r"\d+", tag)[0])
    neighbours = [f'"{version - 1}", "{version + 1}"']
    before = user.get(url).content
    refused: dict[str, Headers] = {
        **{f"If-Match: {name}": {"If-Match": lines(tag)} for name, lines in (WEAKLY_NAMING | NOT_NAMING | MALFORMED).items()},
        "If-Match: its neighbours": {"If-Match": neighbours},
        **{
            f"If-None-Match: {name}": {"If-None-Match": lines(tag)}
            for name, lines in (NAMING | WEAKLY_NAMING | MALFORMED).items()
        },
        "If-None-Match: it and the next": {"If-None-Match": [f'"{version}", "{version + 1}"']},
        "both name it": {"If-Match": [tag], "If-None-Match": [tag]},
        "any, but it": {"If-Match": ["*"], "If-None-Match": [tag]},
        "any, and none": {"If-Match": ["*"], "If-None-Match": ["*"]},
        "it, and malformed": {"If-Match": [tag], "If-None-Match": ["5"]},
    }
    for name, headers in refused.items():
        answer = ask(user, route.method, url, headers, body)
        assert answer.status_code == 412, name
        assert_problem(answer, 412, "version_mismatch")
    assert user.get(url).content == before

    def fitting(tag: str) -> dict[str, Headers]:
        return {
            **{f"If-Match: {name}": {"If-Match": lines(tag)} for name, lines in NAMING.items()},
            **{f"If-None-Match: {name}": {"If-None-Match": lines(tag)} for name, lines in NOT_NAMING.items()},
            "a weak tag beside it": {"If-Match": [f'W/"5", W/{tag}, {tag}']},
            "If-None-Match: its neighbours": {"If-None-Match": neighbours},
            "it, and not another": {"If-Match": [tag], "If-None-Match": ['"5"']},
            "any, and not another": {"If-Match": ["*"], "If-None-Match": ['"5", "7"']},
        }

    for name in fitting(tag):
        answer = ask(user, route.method, url, fitting(user.get(url).headers["etag"])[name], body)
        assert answer.status_code == (204 if route.method == "DELETE" else 200), name
        if route.method == "DELETE":
            user = api.user() if route.path == "/v1/me" else user
            url = address(user, route.path)


# Where nothing is

NOWHERE: dict[str, Callable[[User], Json]] = {
    "id": lambda _: {"id": uuid4()},
    "date": lambda _: {"date": "2026-04-01"},
    "id date": lambda user: {"id": habit(user), "date": "2026-04-01"},
    "id date comment_id": lambda user: {"id": habit(user), "date": "2026-04-01", "comment_id": uuid4()},
    "id entry_id": lambda user: {"id": a_goal(user), "entry_id": uuid4()},
    "period date": lambda _: {"period": "monthly", "date": "2026-04-01"},
}
"""The parameters of a path at which there is nothing, but could be."""

IF_MATCH = {"*": ["*"], "a tag": ['"1795253400123456"'], "the version of nothing": ['"0"'], "malformed": ["5"]}


def nowhere(user: User, path: str) -> str:
    return path.format(**NOWHERE[" ".join(re.findall(r"{(\w+)}", path))](user))


@every_making_put
def test_a_put_makes_nothing_under_if_match_and_once_under_if_none_match(somebody: User, route: Route) -> None:
    body = body_of(route)
    url = nowhere(somebody, route.path)
    for name, lines in IF_MATCH.items():
        assert ask(somebody, "PUT", url, {"If-Match": lines}, body).status_code == 412, name
    for lines in (["5"], [""], ["*, *"]):
        assert_problem(ask(somebody, "PUT", url, {"If-None-Match": lines}, body), 412, "version_mismatch")
    both = {"If-Match": ["*"], "If-None-Match": ["*"]}
    assert_problem(ask(somebody, "PUT", url, both, body), 412, "version_mismatch")
    assert_problem(somebody.get(url), 404, "not_found")

    made = ask(somebody, "PUT", url, {"If-None-Match": ["*"]}, body)
    assert made.status_code == 201
    assert ask(somebody, "PUT", url, {"If-None-Match": ["*"]}, body).status_code == 412
    assert somebody.get(url).json()["version"] == made.json()["version"]
    elsewhere = nowhere(somebody, route.path).replace("2026-04", "2026-05")
    assert ask(somebody, "PUT", elsewhere, {"If-None-Match": [made.headers["etag"]]}, body).status_code == 201


@every_making_put
def test_of_ten_puts_at_once_that_want_nothing_to_be_there_one_makes_it(api: Api, somebody: User, route: Route) -> None:
    for _ in range(3):
        url = nowhere(somebody, route.path)
        puts = [sent(somebody, "PUT", url, {"If-None-Match": ["*"]}, body_of(route)) for _ in range(10)]
        answers = api.together(*puts)
        assert sorted(answer.status_code for answer in answers) == [201, *[412] * 9]
        made = next(answer for answer in answers if answer.status_code == 201)
        assert somebody.get(url).json()["version"] == made.json()["version"]
        assert somebody.delete(url).status_code == 204


@every_change
def test_of_ten_changes_at_once_of_one_version_one_is_made(api: Api, somebody: User, route: Route) -> None:
    url = address(somebody, route.path)
    tag = somebody.get(url).headers["etag"]
    body = body_of(route)
    answers = api.together(*(sent(somebody, route.method, url, {"If-Match": [f'"5", {tag}']}, body) for _ in range(10)))
    statuses = sorted(answer.status_code for answer in answers)
    if route.method == "DELETE":
        assert statuses[0] == 204
        assert {*statuses[1:]} <= {401, 404}
    else:
        assert statuses == [200, *[412] * 9]


@every_change_of_an_owned_row
def test_a_row_that_is_not_there_or_is_anothers_is_never_a_412(api: Api, somebody: User, route: Route) -> None:
    urls, tag = {nowhere(somebody, route.path): 404}, '"5"'
    # A day or a period names the caller's own row, and an admin may change every account.
    if "{id}" in route.path and not route.path.startswith("/v1/admin/"):
        owner = api.user()
        url = address(owner, route.path)
        urls[url], tag = (403 if route.path == "/v1/tasks/{id}" else 404), owner.get(url).headers["etag"]
    body = body_of(route)
    for url, status in urls.items():
        for headers in (
            *({"If-Match": lines} for lines in (*IF_MATCH.values(), [tag], [f"W/{tag}"])),
            *({"If-None-Match": lines} for lines in (["*"], ["5"], [tag])),
        ):
            assert ask(somebody, route.method, url, headers, body).status_code == status, headers


# Hostile lists

BOMBS = {
    "commas": [b"," * 65_000],
    "blanks": [b" \t" * 32_000 + b"x"],
    "blanks and commas": [b", " * 32_000 + b'"'],
    "quotes": [b'"' * 65_000],
    "tags": [b'"1795253400123456",' * 3_400],
    "lines": [b'"1795253400123456"'] * 20_000,
    "lines of commas": [b"," * 1_000] * 65,
    "just below the limit": [b'"1",' * 1_023 + b"x"],
    "blanks just below the limit": [b", " * 2_000 + b"x"],
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_hostile_list_costs_no_time_and_names_nothing(api: Api, bomb: str) -> None:
    ada = Caller(api)
    url, body = f"/v1/tasks/{ada.task}", [(b"content-type", b"application/json")]
    for method, name, status in (
        ("GET", b"if-none-match", 200),
        ("PATCH", b"if-match", 412),
        ("PATCH", b"if-none-match", 412),
        ("DELETE", b"if-match", 412),
    ):
        headers = [*body, *((name, line) for line in BOMBS[bomb])]
        spent = []
        for _ in range(3):
            start = time.process_time()
            answer = ada.raw(method, url, headers, b"{}" if method == "PATCH" else b"")
            spent.append(time.process_time() - start)
            assert answer.status_code == status, method
        assert min(spent) < 0.1, (method, name)
