"""The OpenAPI document and the page that shows it. What others make of them: test_clients.py."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import Api

from app.problems.catalog import KINDS

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    answer = api.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    parsed: dict[str, Any] = answer.json()
    return parsed


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def fields(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, schema in document["components"]["schemas"].items():
        for field, each in schema.get("properties", {}).items():
            yield name, field, each


def resolved(document: dict[str, Any], component: dict[str, Any]) -> dict[str, Any]:
    """What a reference of the document leads to; anything else as it is."""
    if "$ref" not in component:
        return component
    _, _, section, name = component["$ref"].split("/")
    shared: dict[str, Any] = document["components"][section][name]
    return shared


def test_the_document_is_openapi_3_1_and_its_references_lead_somewhere(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    for section in ("schemas", "responses", "parameters", "headers"):
        references = set(re.findall(rf"'\$ref': '#/components/{section}/([^']+)'", str(document)))
        assert references == set(document["components"][section])


def test_operation_ids_stay(document: dict[str, Any]) -> None:
    """Generated clients have functions of these names. Whoever changes a line of operation_ids.txt breaks them, and decides to.

    A new operation needs a new line there; a function that is called otherwise keeps its id by `operation_id=` at its route.
    """
    known = Path(__file__).with_name("operation_ids.txt").read_text(encoding="utf-8").splitlines()
    found = {f"{operation['operationId']} {method.upper()} {path}" for path, method, operation in operations(document)}
    assert {*known} == found, (
        f"tests/operation_ids.txt: add {sorted(found - {*known})}, or say why {sorted({*known} - found)} went"
    )
    assert len({line.split()[0] for line in known}) == len(known)


def test_every_operation_says_what_it_does_and_to_which_group_it_belongs(document: dict[str, Any]) -> None:
    groups = {tag["name"] for tag in document["tags"] if tag["description"]}
    for path, method, operation in operations(document):
        assert method in METHODS
        assert operation["summary"], path
        assert operation["tags"], path
        assert groups.issuperset(operation["tags"]), f"{path}: give its group a description in TAGS of openapi.py"


def test_every_operation_documents_its_problems(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        if not path.startswith("/v1/"):
            continue
        documented = {int(status) for status in operation["responses"]}
        assert {422, 500, 503, 504} <= documented, path
        if operation.get("security") != []:
            assert 401 in documented, path
        if "{" in path:
            assert 404 in documented, path
        if "requestBody" in operation:
            assert {400, 413, 415} <= documented, path
    for path, method in (("/v1/tasks/{id}", "patch"), ("/v1/tasks/{id}", "delete"), ("/v1/me", "patch"), ("/v1/me", "delete")):
        assert "412" in document["paths"][path][method]["responses"]
    assert "304" in document["paths"]["/v1/tasks/{id}"]["get"]["responses"]
    assert "403" in document["paths"]["/v1/tasks/{id}"]["get"]["responses"]
    assert "409" in document["paths"]["/v1/auth/register"]["post"]["responses"]
    assert "429" in document["paths"]["/v1/auth/login"]["post"]["responses"]


def test_every_answer_of_a_problem_is_problem_json_with_an_example(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        for status, shared in operation["responses"].items():
            response = resolved(document, shared)
            if int(status) >= 400 and path.startswith("/v1/"):
                [(media_type, content)] = response["content"].items()
                assert media_type == "application/problem+json"
                for code, example in content["examples"].items():
                    assert KINDS[code].status == int(status)
                    assert example["value"]["type"] == f"/problems/{code}"
                    # Where the words promise errors, the example has them.
                    assert ("errors" in example["value"]) == ("errors" in KINDS[code].explanation)


def test_bodies_and_parameters_are_described_as_strictly_as_they_are_read(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["TaskCreate"]["additionalProperties"] is False
    assert schemas["TaskCreate"]["required"] == ["title"]
    assert schemas["TaskCreate"]["properties"]["title"]["maxLength"] == 200
    assert schemas["TaskPatch"]["required"] == []
    components = document["components"]["parameters"]
    sent = document["paths"]["/v1/tasks"]["get"]["parameters"]
    parameters = {
        each["name"]: each for each in (components[one["$ref"].split("/")[-1]] if "$ref" in one else one for one in sent)
    }
    shared, of_replica = {"tag", "with", "count", "changed_since"}, {"X-Read-Preference", "X-Read-After"}
    assert set(parameters) == {
        "limit",
        "cursor",
        "order",
        "completed",
        "from",
        "to",
        "priority",
        "source_id",
        *shared,
        *of_replica,
    }
    assert parameters["limit"]["schema"] | {"description": ""} == {
        "type": "integer", "minimum": 1, "maximum": 200, "default": 50, "description": ""
    }  # fmt: skip
    assert parameters["completed"]["schema"]["type"] == "boolean"


def test_what_only_the_server_sets_is_marked(document: dict[str, Any]) -> None:
    marked: dict[str, set[str]] = {}
    for name, field, each in fields(document):
        if each.get("readOnly"):
            marked.setdefault(name, set()).add(field)
    times = {"created_at", "updated_at", "version"}
    assert marked["Task"] == {"id", "user_id", "completed_at", *times}
    assert marked["Goal"] == {"id", "previous_id", "completed_at", "current_value", "percentage", *times}
    assert marked["WorkoutExercise"] == {"position", "weight_kg", "distance_m"}
    assert marked["ConversationMessage"] == {"seq", "created_at"}
    assert marked["Conversation"] == marked["ListedConversation"] == {"id", "message_count", "last_activity_at", *times}
    # Its owner changes the name, an admin the role.
    assert not marked["User"] & {"name", "role"}
    assert not {name for name in marked if name.endswith(("Create", "Patch", "Put"))}
    for path in ("/v1/tasks/{id}", "/v1/me", "/v1/workouts/{id}"):
        refusal = resolved(document, document["paths"][path]["patch"]["responses"]["422"])
        assert "read_only" in refusal["content"]["application/problem+json"]["examples"], path
    for path in ("/v1/tasks", "/v1/media"):
        answers = document["paths"][path]["post"]["responses"]
        assert "the same create came before" in answers["200"]["description"].lower(), path
        taken = resolved(document, answers["409"])
        assert "id_taken" in taken["content"]["application/problem+json"]["examples"], path
        refused = resolved(document, answers["422"])["content"]["application/problem+json"]["examples"]
        assert {"id_not_time_ordered", "id_in_future"} <= refused.keys(), path


def test_every_field_of_a_row_and_of_a_body_has_an_example(document: dict[str, Any]) -> None:
    for name, field, each in fields(document):
        # A list shows its rows, a file needs no example, nor does a row within a row.
        is_row = "$ref" in str(each) and "enum" not in resolved(document, next(iter(each.get("anyOf", [each]))))
        plain = each.get("type") == "array" or each.get("format") == "binary" or field == "next_cursor" or is_row
        assert plain or each.get("examples"), f"{name}.{field}: {each}"


def test_what_is_said_of_a_field_stands_on_the_field(document: dict[str, Any]) -> None:
    for name, field, each in fields(document):
        for alternative in each.get("anyOf", ()):
            assert set(alternative) <= {"$ref", "type"}, f"{name}.{field}: {each}"
    description = document["components"]["schemas"]["TaskCreate"]["properties"]["description"]
    assert description == {"examples": ["The ficus, too"], "type": ["string", "null"], "maxLength": 1000}


def test_a_default_is_told_in_words_because_generators_demand_a_field_that_has_one(document: dict[str, Any]) -> None:
    assert not [f"{name}.{field}" for name, field, each in fields(document) if "default" in each]
    assert document["components"]["schemas"]["GoalCreate"]["properties"]["status"] == {
        "examples": ["active"], "$ref": "#/components/schemas/GoalStatus", "description": "Default: `active`."
    }  # fmt: skip


def test_every_enumeration_has_a_name(document: dict[str, Any]) -> None:
    named = {name for name, schema in document["components"]["schemas"].items() if "enum" in schema}
    assert {"GoalStatus", "HabitFrequency", "ListOrder", "ProblemCode", "UserRole", "WeightUnit"} <= named
    everywhere = re.findall(r"'enum': \[[^]]*,", str(document))
    assert len(everywhere) == len(named)
    assert document["components"]["schemas"]["ProblemCode"]["enum"] == sorted(KINDS)


def test_the_names_of_schemas_are_plain_and_say_whose_they_are(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if not re.fullmatch("([A-Z][a-z]+)+", name)] == []
    assert {"CreditAccount", "CreditTransaction", "ConversationMessage", "GoalProgress", "TaskPage"} <= set(schemas)
    assert not {"Account", "Change", "Hit", "Me", "Message", "Page", "Progress", "Removed", "Token", "Transaction"} & set(
        schemas
    )


def test_every_merge_patch_can_be_sent_as_one(document: dict[str, Any], api: Api) -> None:
    for path, method, operation in operations(document):
        types = set(operation.get("requestBody", {}).get("content", ()))
        assert ("application/merge-patch+json" in types) is (method == "patch"), path
        assert method != "patch" or "application/json" in types
    user = api.user()
    task = user.task()
    headers = {"content-type": "application/merge-patch+json"}
    answer = user.request("PATCH", f"/v1/tasks/{task['id']}", content=b'{"completed":true}', headers=headers)
    assert (answer.status_code, answer.json()["completed"]) == (200, True)


def test_the_document_is_small_because_answers_are_shared(document: dict[str, Any], api: Api) -> None:
    for path, _, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path.startswith("/v1/"):
                assert set(response) == {"$ref"}, path
    sent = api.get("/openapi.json", headers={"accept-encoding": "identity"})
    packed = int(api.get("/openapi.json").headers["content-length"])
    count = len([*operations(document)])
    for what, size, limit in (("", len(sent.content), 3_250), (" compressed", packed, 350)):
        assert size / count < limit, (
            f"the document has {size / count:.0f} bytes an operation{what}, of at most {limit}: "
            "share what repeats as a component, or shorten what a description says twice"
        )


def test_public_routes_ask_for_no_token(document: dict[str, Any]) -> None:
    public = {path for path, _, operation in operations(document) if operation.get("security") == []}
    entries = "/v1/public/users/{username}/blog-entries"
    assert public == {
        "/v1/auth/guest", "/v1/auth/login", "/v1/auth/exchange", "/v1/auth/password-reset", "/v1/auth/password-reset/confirm",
        "/v1/auth/verification/confirm", entries, f"{entries}/{{slug}}",
        "/v1/public/media/{token}", "/health/live", "/health/ready", "/metrics",
        "/problems/{code}",
    }  # fmt: skip
    assert document["paths"]["/v1/auth/register"]["post"]["security"] == [{}, {"token": []}]


def test_every_problem_is_explained_where_its_type_leads(api: Api) -> None:
    for code, kind in KINDS.items():
        answer = api.get(f"/problems/{code}")
        assert answer.status_code == 200
        assert answer.json() == {
            "code": code, "title": kind.title, "status": kind.status, "explanation": kind.explanation
        }  # fmt: skip
    assert api.get("/problems/nonsense").status_code == 404


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/start.js"])
def test_what_is_large_is_sent_compressed_and_only_once(api: Api, path: str) -> None:
    plain = api.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for accepted in ("gzip", "br, GZIP;q=0.5", "x-gzip , deflate"):
        packed = api.get(path, headers={"accept-encoding": accepted})
        assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "accept-encoding")
        assert packed.content == plain.content
        assert packed.headers["etag"] != plain.headers["etag"]
    for refused in ("gzip;q=0", "br, gzip; q=0.0", "notgzip"):
        assert api.get(path, headers={"accept-encoding": refused}).headers["etag"] == plain.headers["etag"]
    for accepted, first in (("identity", plain), ("gzip", packed)):
        again = api.get(path, headers={"accept-encoding": accepted, "if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("etag", "vary", "cache-control"):
            assert again.headers[name] == first.headers[name]
    assert api.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_the_page_loads_nothing_from_elsewhere(api: Api) -> None:
    page = api.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"https?:", page.text)
    for source in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert source.startswith("/docs/")
        assert api.get(source).status_code == 200


def test_the_page_cannot_be_framed_and_keeps_no_token(api: Api) -> None:
    policy = api.get("/docs").headers["content-security-policy"]
    assert {"frame-ancestors 'none'", "base-uri 'none'"} <= {each.strip() for each in policy.split(";")}
    assert "persistAuthorization" not in api.get("/docs/start.js").text


def test_the_page_is_folded_and_has_a_filter(api: Api) -> None:
    """As it is told to be; what comes of it is seen in test_clients.py, where there is a browser."""
    assert 'docExpansion: "none", filter: true' in api.get("/docs/start.js").text


def test_the_assets_are_compressed_and_typed(api: Api) -> None:
    for name, kind in (
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("start.js", "text/javascript"),
    ):
        answer = api.get(f"/docs/{name}")
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-encoding"] == "gzip"
        assert len(answer.content) < 2_000_000
    for name in ("nonsense", "..%2fmain.py", "LICENSE"):
        assert api.get(f"/docs/{name}").status_code == 404
