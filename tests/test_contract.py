"""The OpenAPI document keeps its word: whatever it allows is taken, whatever it forbids is refused, each answer is in it.

Schemathesis makes the requests from the document alone. A new route takes part by itself; one with an id in its path
needs an entry in ROWS.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
import requests
import schemathesis
from client import PASSWORD, Api, User, assert_problem
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.config import GenerationConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CoveragePhaseData, TestPhase
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from served import DOCUMENT, PATHS, SCHEMAS, Json

from app.accounts.commands import set_role

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


def made(answer: httpx.Response) -> str:
    return cast("str", answer.json()["id"])


def uploaded(user: User) -> httpx.Response:
    return user.request("POST", "/v1/media", files={"file": ("a.txt", b"text")})


def link(user: User) -> str:
    answer = user.post(f"/v1/media/{made(uploaded(user))}/links", {"expires_in": 3600})
    return cast("str", answer.json()["url"].rpartition("/")[2])


def other_session(user: User) -> str:
    user.api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD})
    sessions = user.get("/v1/me/sessions").json()["items"]
    # With another password by now there is only the one that asks.
    return cast("str", min(sessions, key=lambda session: session["is_current"])["id"])


def identity(user: User) -> str:
    body = {"provider": "legacy", "subject": str(uuid4())}
    return made(user.put(f"/v1/admin/users/{user.id}/identities", body))


def snapshot(user: User) -> dict[str, str]:
    assert user.put("/v1/progress-snapshots/daily/2026-01-01", {}).status_code in {200, 201}
    return {"period": "daily", "date": "2026-01-01"}


def tagged_task(user: User) -> dict[str, str]:
    names = {
        "id": made(user.post("/v1/tags", {"name": f"T {uuid4()}"})),
        "kind": "tasks",
        "target_id": made(user.post("/v1/tasks", {"title": "T"})),
    }
    assert user.put("/v1/tags/{id}/{kind}/{target_id}".format(**names)).status_code == 204
    return names


def a_goal(user: User) -> str:
    return made(user.post("/v1/goals", {"title": "G", "goal_type": "daily"}))


def habit(user: User) -> str:
    return made(user.post("/v1/habits", {"name": "Stretch"}))


def habit_entry(user: User) -> dict[str, str]:
    names = {"id": habit(user), "date": "2026-01-01"}
    assert user.put("/v1/habits/{id}/entries/{date}".format(**names), {}).status_code == 201
    return names


def habit_comment(user: User) -> dict[str, str]:
    names = {"id": habit(user), "date": "2026-01-01"}
    return names | {"comment_id": made(user.post("/v1/habits/{id}/entries/{date}/comments".format(**names), {"text": "T"}))}


def commented_day(user: User) -> dict[str, str]:
    names = habit_comment(user)
    del names["comment_id"]
    return names


def cached(user: User) -> str:
    assert user.put("/v1/query-cache/abc", {"result": [], "ttl_seconds": 3600}).status_code in {200, 201}
    return "abc"


def blog_entry(user: User) -> Json:
    return user.made("/v1/blog-entries", {"title": "T", "content": "C"})


def an_entry(user: User) -> dict[str, str]:
    goal = a_goal(user)
    return {"id": goal, "entry_id": user.made(f"/v1/goals/{goal}/progress", {"value": 1})["id"]}


def public_entry(user: User) -> dict[str, str]:
    username = f"u{uuid4().hex}"
    assert user.patch("/v1/me", {"username": username}).status_code == 200
    entry = user.made("/v1/blog-entries", {"title": "T", "content": "C", "status": "published", "is_public": True})
    return {"username": username, "slug": entry["slug"]}


def talk(user: User) -> str:
    conversation = made(user.post("/v1/conversations", {}))
    said = {"role": "assistant", "content": "Hello", "stage3": {"response": "Hello"}}
    assert user.post(f"/v1/conversations/{conversation}/messages", said).status_code == 201
    return conversation


Maker = Callable[[User], str | dict[str, str]]

ROWS: dict[str, Maker] = {
    "/v1/auth/{provider}/start": lambda _: "github",
    "/problems/{code}": lambda _: "not_found",
    **dict.fromkeys(
        (
            "/v1/admin/users/{id}",
            "/v1/admin/users/{id}/identities",
            "/v1/admin/users/{id}/password",
            "/v1/admin/users/{id}/credits",
            "/v1/admin/users/{id}/credits/grants",
            "/v1/admin/users/{id}/credits/reset",
            "/v1/admin/users/{id}/sessions",
            "/v1/admin/users/{id}/usage",
        ),
        lambda user: user.api.user().id,
    ),
    "/v1/blog-entries/{id}": lambda user: str(blog_entry(user)["id"]),
    "/v1/blog-entries/by-slug/{slug}": lambda user: str(blog_entry(user)["slug"]),
    "/v1/daily-reviews/by-id/{id}": lambda user: str(user.put("/v1/daily-reviews/2026-11-23", {"mood": 7}).json()["id"]),
    "/v1/daily-reviews/{date}/blog-entry": lambda user: str(
        user.put("/v1/daily-reviews/2026-11-22", {"mood": 7}).json()["date"]
    ),
    "/v1/daily-reviews/{date}": lambda user: str(user.put("/v1/daily-reviews/2026-11-21", {"mood": 7}).json()["date"]),
    "/v1/foods/days/{date}": lambda user: str(
        user.made("/v1/foods", {"date": "2026-01-01", "meal_type": "lunch", "name": "Soup", "calories": 250.5})["date"]
    ),
    "/v1/foods/{id}/copies": lambda user: made(
        user.post("/v1/foods", {"date": "2026-01-01", "meal_type": "lunch", "name": "Soup"})
    ),
    "/v1/foods/{id}": lambda user: made(
        user.post("/v1/foods", {"date": "2026-01-01", "meal_type": "lunch", "name": "Soup", "calories": 250.5})
    ),
    "/v1/goals/{id}": a_goal,
    "/v1/goals/{id}/progress": a_goal,
    "/v1/goals/{id}/progress/{entry_id}": an_entry,
    "/v1/goals/{id}/tree": a_goal,
    "/v1/habits/{id}": habit,
    "/v1/habits/{id}/entries": habit,
    "/v1/habits/{id}/entries/{date}": habit_entry,
    "/v1/habits/{id}/entries/{date}/comments": commented_day,
    "/v1/habits/{id}/entries/{date}/comments/{comment_id}": habit_comment,
    "/v1/habits/{id}/stats": habit,
    "/v1/me/identities/{id}": identity,
    "/v1/me/sessions/{id}": other_session,
    "/v1/me/tokens/{id}": lambda user: made(user.post("/v1/me/tokens", {"name": "T", "scopes": ["read"]})),
    "/v1/progress-snapshots/{period}/{date}": snapshot,
    "/v1/tags/{id}": lambda user: made(user.post("/v1/tags", {"name": f"T {uuid4()}"})),
    "/v1/tags/{id}/taggings": lambda user: tagged_task(user)["id"],
    "/v1/tags/{id}/{kind}/{target_id}": tagged_task,
    "/v1/conversations/{id}": talk,
    "/v1/conversations/{id}/export": talk,
    "/v1/conversations/{id}/messages": talk,
    "/v1/public/users/{username}/blog-entries": lambda user: {"username": public_entry(user)["username"]},
    "/v1/public/users/{username}/blog-entries/{slug}": public_entry,
    "/v1/query-cache/{query_hash}": cached,
    "/v1/tasks/{id}": lambda user: made(user.post("/v1/tasks", {"title": "T"})),
    "/v1/workouts/days/{date}": lambda user: str(
        user.made("/v1/workouts", {"date": "2026-01-01", "type": "run", "exercises": [{"name": "Run"}]})["date"]
    ),
    "/v1/workouts/{id}": lambda user: made(
        user.post("/v1/workouts", {"date": "2026-01-01", "type": "run", "exercises": [{"name": "Run"}]})
    ),
    "/v1/media/{id}": lambda user: made(uploaded(user)),
    "/v1/media/{id}/content": lambda user: made(uploaded(user)),
    "/v1/media/{id}/links": lambda user: made(uploaded(user)),
    "/v1/public/media/{token}": link,
}
"""How to make a row that a path can name, else every answer would be a 404: the path's one parameter, or each by name."""


def row_of(path: str) -> Maker:
    assert path in ROWS, f"{path} is new: let ROWS make a row that it can name"
    return ROWS[path]


BEYOND_A_SCHEMA = {
    ("", "repeated"),
    ("completed_at", "invalid"),
    ("completed", "not_open"),
    ("content", "required"),
    ("messages[].content", "required"),
    ("current", "required"),
    ("date", "after_tomorrow"),
    ("current_password", "required"),
    ("count", "not_with_q"),
    ("cursor", "not_with_q"),
    ("date", "invalid"),
    ("email", "form"),
    ("entries[].date", "in_future"),
    ("entries[].date", "repeated"),
    ("email", "required"),
    ("date", "invalid"),
    ("due_date", "invalid"),
    ("end_date", "invalid"),
    ("exercises[].distance_unit", "required"),
    ("exercises[].weight_unit", "required"),
    ("expires_at", "past"),
    ("interval_days", "invalid"),
    ("expires_in", "required"),
    ("keep_tokens", "unknown"),
    ("name", "invalid"),
    ("file", "empty"),
    ("new", "too_common"),
    ("password", "required"),
    ("taggable_id", "required"),
    ("taggable_type", "required"),
    ("password", "too_common"),
    ("provider", "unknown"),
    ("recurrence_pattern", "invalid"),
    ("redirect", "unknown"),
    ("recurrence_pattern", "rule"),
    ("skipped", "invalid"),
    ("start_date", "invalid"),
    ("taggable_id", "required"),
    ("taggable_type", "required"),
    ("target_days", "invalid"),
    ("target_value", "invalid"),
    ("timezone", "unknown"),
    ("to", "before_from"),
    ("to", "range_too_long"),
    ("weekdays", "invalid"),
    ("weight_unit", "invalid"),
    ("width", "no_thumbnail"),
}
"""Fields ([]: any place in a list) and the rules that no schema can say: a request that the document allows may break them."""

REFUSALS = {
    "already_refunded",
    "already_verified",
    "conflict",
    "email_taken",
    "id_in_future",
    "id_taken",
    "idempotency_conflict",
    "id_not_time_ordered",
    "invalid_credentials",
    "insufficient_credits",
    "invalid_code",
    "invalid_cursor",
    "invalid_token",
    "invalid_state",
    "not_found",
    "read_only",
    "range_not_satisfiable",
    "quota_exhausted",
    "seq_conflict",
    "username_taken",
    "version_mismatch",
    "wrong_password",
}
"""Other problems that a request may have which the document allows."""

GIVEN_OUT = ("cursor", "If-Match", "If-None-Match")
"""What only the server can give: made up, it hides how everything else in the same request is treated."""


SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}

CHANGES_CALLER = re.compile("/v1/(auth/.*|me|me/password|me/sessions)$")
"""Where a request can end the session of who sends it, or give the account another e-mail or password."""


def operations(wanted: Callable[[Json], bool] = lambda _: True) -> pytest.MarkDecorator:
    """Run a test once for every operation that is wanted."""
    return pytest.mark.parametrize(
        ("path", "method"),
        [
            pytest.param(path, method, id=f"{method.upper()} {path}")
            for path, item in PATHS.items()
            for method, operation in item.items()
            if wanted(operation)
        ],
    )


def needs_a_token(operation: Json) -> bool:
    return "security" not in operation


def can_be_wrong(operation: Json) -> bool:
    """Whether the document forbids anything: a body, a parameter that is more than some text.

    A form has no types: a list of one text is sent as that text. Bad forms have tests of their own.
    """
    is_form = "multipart/form-data" in operation.get("requestBody", {}).get("content", ())
    return ("requestBody" in operation and not is_form) or any(
        # What operations share are headers, of any text.
        "$ref" not in each and each["schema"] != {"type": "string"}
        for each in operation["parameters"]
    )


@pytest.fixture(scope="module")
def schema(api: Api) -> Any:
    """The document as Schemathesis reads it, but for who is calling: that is up to the tests."""
    assert api.get("/openapi.json").content == DOCUMENT
    parsed = json.loads(DOCUMENT)
    del parsed["security"], parsed["components"]["securitySchemes"]
    for item in parsed["paths"].values():
        for operation in item.values():
            operation.pop("security", None)
    return schemathesis.openapi.from_dict(parsed)


def at_the_limits(schema: Any, path: str, method: str, sent_before: set[str]) -> Iterator[Case[Any]]:
    """What lies at or just beyond each limit that the document names: always the same requests.

    Less what would only be said again: a body under its second type, which is read as under the first, and more than two of the
    five wrong types of a value, which one decoder refuses, and those of `sent_before`, to which it adds.
    """
    generation = GenerationConfig(with_security_parameters=False)
    cases = schema.iter_coverage_cases(
        schema[path][method], generation_modes=list(GenerationMode), generation_config=generation
    )
    called = next(iter(PATHS[path][method].get("requestBody", {}).get("content", ())), None)
    wrong_types: Counter[tuple[Any, ...]] = Counter()
    for case in cast("Iterable[Case[Any]]", cases):
        assert case.meta is not None
        made_of = cast("CoveragePhaseData", case.meta.phase.data)
        if made_of.description.endswith("Incorrect type"):
            place = made_of.parameter_location, made_of.parameter, made_of.description
            wrong_types[place] += 1
            if wrong_types[place] > 2:
                continue
        if case.media_type in {called, None} or made_of.parameter_location is ParameterLocation.HEADER:
            # Under different descriptions, or for another method of the path, the same request comes again.
            asked = f"{case.method} {path} {case.query!r} {case.headers!r} {case.body!r}"
            if made_of.parameter_location is ParameterLocation.PATH or asked not in sent_before:
                sent_before.add(asked)
                yield case


class Caller:
    """Sends what Schemathesis makes, signed in where that is needed, and checks the answers."""

    def __init__(self, api: Api) -> None:
        self.api = api
        # So that the caller is not the last admin, who stays.
        assert api.runner.run(set_role(api.database, UUID(api.user().id), "admin"))
        self.user = self._somebody()
        self.names: dict[str, dict[str, str] | str] = {}
        self.sent: set[str] = set()

    def _somebody(self) -> User:
        """A user who has one of each, so that lists are not empty, and to whom every route is open."""
        user = self.api.user()
        assert self.api.runner.run(set_role(self.api.database, UUID(user.id), "admin"))
        for make in ROWS.values():
            make(user)
        return user

    def _names(self, case: Case[Any]) -> dict[str, str] | str:
        """What names a row in the path: it is made when a request changed the last one."""
        if case.path not in self.names:
            self.names[case.path] = row_of(case.path)(self.user)
        return self.names[case.path]

    def check(self, case: Case[Any]) -> None:
        meta = case.meta
        assert meta is not None
        if case.path_parameters and meta.components[ParameterLocation.PATH].mode.is_positive:
            names = self._names(case)
            case.path_parameters = names if isinstance(names, dict) else dict.fromkeys(case.path_parameters, names)
        if meta.generation.mode.is_positive and meta.phase.name is TestPhase.COVERAGE:
            for name in GIVEN_OUT:
                case.query.pop(name, None)
                case.headers.pop(name, None)
        token = self.user.token if needs_a_token(PATHS[case.path].get(case.method.lower(), {})) else None
        answer, read = send(self.api, case, token)
        # To schemathesis a 413 is no refusal; but a text beyond its limit may be beyond that of the body, too.
        checks = [check for check in CHECKS if answer.status_code != 413 or check is not negative_data_rejection]
        case.validate_response(read, checks=checks)
        if meta.generation.mode.is_positive:
            check_taken(answer)
            assert answer.status_code != 404 or case.method not in SAFE, told(answer)
        if case.method not in SAFE and answer.status_code < 400:
            # A row that was changed keeps its id; its day, its slug or itself it may have lost, or all that are below.
            if case.method != "PATCH" or not case.path.endswith("/{id}"):
                self.names = {path: names for path, names in self.names.items() if not path.startswith(case.path)}
            if CHANGES_CALLER.match(case.path) and not self._is_as_before():
                self.user, self.names = self._somebody(), {}

    def _is_as_before(self) -> bool:
        """Whether the caller is signed in, under the e-mail that is known, and with the password that is."""
        login = {"email": self.user.email, "password": PASSWORD}
        return self.user.get("/v1/me").status_code == 200 and self.api.post("/v1/auth/login", login).status_code == 200


def send(api: Api, case: Case[Any], token: str | None) -> tuple[httpx.Response, schemathesis.Response]:
    """Send a request; its answer, and the same one as Schemathesis reads it."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://test")).prepare()
    answer = api.request(
        str(prepared.method), str(prepared.url), token=token, content=prepared.body or b"", headers=dict(prepared.headers)
    )
    # Made here of what is there: Schemathesis would make the request once more, out of httpx's.
    headers = {name: [value] for name, value in answer.headers.items()}
    return answer, schemathesis.Response(answer.status_code, headers, answer.content, prepared, 0.0, verify=True)


def check_taken(answer: httpx.Response) -> None:
    """Check that a request was done that the document allows, or refused for what no schema can say."""
    if answer.status_code < 400:
        return
    problem = answer.json()
    if "operation" in problem:
        # Of a batch the document says how it looks, and nothing of what its operations will be told.
        return
    broken = {
        (re.sub(r"\[\d+\]", "[]", each["field"]), each["code"])
        for each in problem.get("errors", ())
        # To a schema 1.0 is an integer; to the server it is none.
        if each["code"] != "nul_character" and not re.fullmatch("Expected int.*, got float", each["message"])
    }
    assert problem["code"] == "invalid" or problem["code"] in REFUSALS, told(answer)
    assert problem["code"] != "invalid" or broken <= BEYOND_A_SCHEMA, told(answer)


def told(answer: httpx.Response) -> str:
    request = answer.request
    return f"{request.method} {request.url}\n{request.content!r}\n{answer.text}"


@pytest.fixture(scope="module")
def caller(api: Api) -> Caller:
    return Caller(api)


@operations()
def test_what_lies_at_a_limit_is_taken_or_refused_as_documented_and_nobody_is_refused_before(
    caller: Caller, schema: Any, path: str, method: str
) -> None:
    """Both in one test: to make up the requests of an operation takes as long as to send them."""
    nobodys = set()
    for case in at_the_limits(schema, path, method, caller.sent):
        # One request for each place in which something can be wrong, and for each other method; browsers send OPTIONS bare.
        assert case.meta is not None
        kind = (case.method, *((place, part.mode) for place, part in case.meta.components.items()))
        if kind not in nobodys and case.method != "OPTIONS" and needs_a_token(PATHS[path][method]):
            nobodys.add(kind)
            answer, read = send(caller.api, case, None)
            assert_problem(answer, 401, "unauthenticated")
            case.validate_response(read, checks=[content_type_conformance, response_schema_conformance])
        caller.check(case)
    assert nobodys or not needs_a_token(PATHS[path][method])


def made_up(caller: Caller, strategy: st.SearchStrategy[Case[Any]]) -> None:
    @settings(
        max_examples=2,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def check(case: Case[Any]) -> None:
        caller.check(case)

    check()


@operations()
def test_what_the_document_allows_is_taken(caller: Caller, schema: Any, path: str, method: str) -> None:
    made_up(caller, schema[path][method].as_strategy(GenerationMode.POSITIVE))


@operations(can_be_wrong)
def test_what_the_document_forbids_is_refused(caller: Caller, schema: Any, path: str, method: str) -> None:
    made_up(caller, schema[path][method].as_strategy(GenerationMode.NEGATIVE))


def sample(schema: Json) -> Any:
    """What the reference page offers to send: the examples of the fields."""
    if "$ref" in schema and "examples" not in schema:
        return sample(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "examples" in schema:
        return schema["examples"][0]
    if "properties" in schema:
        return {name: sample(each) for name, each in schema["properties"].items()}
    if schema.get("type") == "array":
        return [sample(schema["items"])]
    if "anyOf" in schema:
        return sample(schema["anyOf"][0])
    raise AssertionError(f"there is no example for {schema}")


NOT_AS_OFFERED = {
    "POST /v1/auth/exchange",  # with a code that somebody was given
    "POST /v1/auth/id-token",  # that a provider has signed
    "POST /v1/auth/login",  # with an e-mail or a user name, not with both
    "POST /v1/auth/password-reset/confirm",  # the token of a mail
    "POST /v1/auth/verification/confirm",  # as above
    "POST /v1/credits/refunds",  # for services
    "PATCH /v1/media/{id}",  # there is no such row to attach it to
}


def test_what_the_reference_page_offers_to_send_is_taken(api: Api) -> None:
    caller, refused = Caller(api), {}
    for path, item in PATHS.items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None or method == "delete":
                continue
            names = row_of(path)(caller.user) if "{" in path else {}
            address = path.format(**names) if isinstance(names, dict) else re.sub(r"{\w+}", names, path)
            answer = caller.user.request(method.upper(), address, json=sample(content["schema"]))
            # A conflict is with what another operation made of the same examples.
            if answer.status_code >= 300 and answer.status_code != 409:
                refused[f"{method.upper()} {path}"] = told(answer)
    assert set(refused) == NOT_AS_OFFERED, refused
