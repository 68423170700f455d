"""The first and the last date there is: every route that takes a date answers them, and right.

The routes and where they take dates come from the OpenAPI document: a new one takes part by itself.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from client import Api, User, assert_problem
from served import PATHS, SCHEMAS
from test_contract import row_of, sample

from app.accounts.commands import set_role

FIRST, EARLIEST, LATEST = "0001-01-01", "1900-01-01", "9999-12-31"
DAYS = (FIRST, EARLIEST, LATEST)
TIMES = (
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00",
)


def formats(schema: dict[str, Any]) -> set[str]:
    return {each.get("format", "") for each in (schema, *schema.get("anyOf", ()))}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def dated(properties: dict[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (name, values)
        for name, schema in properties.items()
        for kind, values in (("date", DAYS), ("date-time", TIMES))
        if kind in formats(schema)
    ]


def requests() -> Iterator[Any]:
    """Each place of each operation that takes a date or a time, with each value."""
    for path, item in PATHS.items():
        for method, operation in item.items():
            parameters = [each for each in operation["parameters"] if "$ref" not in each]
            places = {
                place: dated({each["name"]: each["schema"] for each in parameters if each["in"] == place})
                for place in ("path", "query")
            }
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            body = resolved(content["schema"]) if content else {}
            places["body"] = dated(body.get("properties", {}))
            for place, found in places.items():
                for name, values in found:
                    for value in values:
                        yield pytest.param(
                            (method, path), place, name, value, id=f"{method.upper()} {path} {place} {name} {value}"
                        )


@pytest.fixture(scope="module")
def admin(api: Api) -> User:
    user = api.user(timezone="Pacific/Kiritimati")
    assert api.runner.run(set_role(api.database, UUID(user.id), "admin"))
    return user


@pytest.mark.parametrize(("operation", "place", "name", "value"), list(requests()))
def test_the_first_and_the_last_date_are_taken_or_refused(
    admin: User, operation: tuple[str, str], place: str, name: str, value: str
) -> None:
    method, path = operation
    content = PATHS[path][method].get("requestBody", {}).get("content", {}).get("application/json")
    body: dict[str, Any] = sample(content["schema"]) if content else {}
    names = {}
    if "{" in path:
        made = row_of(path)(admin)
        names = made if isinstance(made, dict) else dict.fromkeys(("id", "date", "slug", "code", "query_hash"), made)
    if place == "path":
        names[name] = value
    elif place == "body":
        body = {name: value} if method == "patch" else body | {name: value}
    sent: dict[str, Any] = {"json": body} if content else {}
    query = f"?{urlencode({name: value})}" if place == "query" else ""
    answer = admin.request(method.upper(), path.format(**names) + query, **sent)
    assert answer.status_code in ({200, 201, 204, 304, 404, 422} if place == "path" else {200, 201, 422}), answer.text
    if answer.status_code == 422:
        # Another field only where the range of two was turned round.
        [error] = answer.json()["errors"]
        assert error["field"] == name or error["code"] == "before_from" or "before start_date" in error["message"]
    if value == EARLIEST and place == "body":
        assert answer.status_code < 300 or name == "end_date", answer.text


def on_the_last_day(user: User) -> dict[str, tuple[str, ...]]:
    """Each list by date, with rows on the first and the last day: the path of the list, and the dates of its rows."""
    habit = row_of("/v1/habits/{id}")(user)
    for day in (EARLIEST, LATEST):
        for _ in range(3):
            user.task(due_date=day)
            user.made("/v1/foods", {"date": day, "meal_type": "lunch", "name": "Soup", "calories": 100})
            user.made("/v1/workouts", {"date": day, "type": "run", "duration_minutes": 10})
            user.made("/v1/goals", {"title": "Read", "goal_type": "daily", "start_date": day, "end_date": day})
        assert user.put(f"/v1/habits/{habit}/entries/{day}", {"skipped": True}).status_code == 201
        assert user.put(f"/v1/daily-reviews/{day}", {"mood": 5}).status_code == 201
        assert user.put(f"/v1/progress-snapshots/daily/{day}", {}).status_code == 201
    several, one = (EARLIEST,) * 3 + (LATEST,) * 3, (EARLIEST, LATEST)
    return {
        "/v1/tasks": several,
        "/v1/foods": several,
        "/v1/workouts": several,
        "/v1/goals": several,
        f"/v1/habits/{habit}/entries": one,
        "/v1/daily-reviews": one,
        "/v1/progress-snapshots": one,
    }


def pages(user: User, path: str, query: str) -> list[str]:
    return [row.get("date") or row.get("due_date") or row["end_date"] for row in user.walk(f"{path}?limit=1{query}")]


def test_every_list_by_date_has_its_rows_of_the_last_day_once(api: Api) -> None:
    user = api.user()
    lists = on_the_last_day(user)
    assert {each.split("/")[2] for each in lists} == {
        path.split("/")[2]
        for path, item in PATHS.items()
        # Events are of the time when they were made.
        if "get" in item
        and path != "/v1/admin/audit-events"
        and {"from", "to", "cursor"} <= {each.get("name") for each in item["get"]["parameters"]}
        and "date" in formats(next(each["schema"] for each in item["get"]["parameters"] if each.get("name") == "to"))
    }
    for path, expected in lists.items():
        early, late = ([day for day in expected if day == end] for end in (EARLIEST, LATEST))
        for order, days in (("oldest", [*early, *late]), ("newest", [*late, *early])):
            assert pages(user, path, f"&order={order}") == days, path
            assert pages(user, path, f"&order={order}&from={LATEST}") == late, path
            assert pages(user, path, f"&order={order}&from={FIRST}&to={LATEST}") == days, path
            for to in (EARLIEST, "9999-12-30"):
                assert pages(user, path, f"&order={order}&from={FIRST}&to={to}") == early, path


def test_rows_of_the_last_day_are_read_changed_and_deleted_by_their_address(api: Api) -> None:
    user = api.user()
    habit = row_of("/v1/habits/{id}")(user)
    for path, body in (
        (f"/v1/habits/{habit}/entries/{LATEST}", {"skipped": True}),
        (f"/v1/daily-reviews/{LATEST}", {"mood": 5}),
        (f"/v1/progress-snapshots/daily/{LATEST}", {"weight": 70, "weight_unit": "kg"}),
    ):
        made = user.put(path, body)
        assert (made.status_code, made.json()["date"]) == (201, LATEST)
        assert user.put(path, body).status_code == 200
        assert user.get(path).json()["date"] == LATEST
        assert user.delete(path).status_code == 204
        assert user.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/v1/foods/summary", "/v1/workouts/summary"])
def test_a_summary_has_the_last_day_and_its_week(api: Api, path: str) -> None:
    user = api.user()
    on_the_last_day(user)
    for query in (f"from={LATEST}", f"to={LATEST}", f"from={LATEST}&to={LATEST}"):
        assert [item["date"] for item in user.get(f"{path}?{query}").json()["items"]] == [LATEST]
    assert [item["date"] for item in user.get(f"{path}?by=week&to={LATEST}").json()["items"]] == ["9999-12-27"]
    assert user.get(f"{path}?from={FIRST}").json()["items"] == []


def test_a_token_may_end_in_the_last_second_and_not_after_it(api: Api) -> None:
    user = api.user()
    new = {"name": "T", "scopes": ["read"]}
    token = user.made("/v1/me/tokens", new | {"expires_at": "9999-12-31T23:59:59.999998Z"})
    assert token["expires_at"] == "9999-12-31T23:59:59.999998Z"
    assert api.get("/v1/tasks", token=token["token"]).status_code == 200
    for beyond in ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+14:00"):
        assert_problem(user.post("/v1/me/tokens", new | {"expires_at": beyond}), 422, "invalid", "expires_at")
    [listed] = user.get("/v1/me/tokens").json()["items"]
    assert listed["expires_at"] == token["expires_at"]
