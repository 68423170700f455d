"""A create that is sent again with its id: the same one answers the row, another one is told that the id is taken."""

import json
from collections.abc import Set as AbstractSet
from typing import Any
from uuid import UUID

import pytest
from client import Api, User, assert_problem
from factories import new_uuid7
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from served import ROUTES, SCHEMAS
from test_contract import sample

from app.database.queries import Executor
from app.http.routes import Route
from app.tags import repository
from app.tags.schemas import Tag, TagCreate

Json = dict[str, Any]

WITH_ID = [route for route in ROUTES if route.method == "POST" and "id" in getattr(route.data, "__struct_fields__", ())]
UNCHANGED = {"/v1/habits/{id}/entries/{date}/comments"}
"""Creates of rows that nothing changes: they have no PATCH."""

OTHERS: dict[str, list[Json]] = {
    "/v1/tasks": [{"title": "Other"}, {"description": "Other"}, {"completed": True}, {"due_date": None}, {"priority": 4}],
    "/v1/habits": [
        {"name": "Other"},
        {"reminder_time": "07:31:00"},
        {"target_value": 20.5},
        {"target_days": 7},
        {"position": 1},
    ],
    "/v1/goals": [
        {"title": "Other"},
        {"target_value": 12.25},
        {"start_value": None},
        {"start_date": "2026-01-02"},
        {"status": "completed"},
    ],
    "/v1/goals/{id}/progress": [{"value": 4}, {"date": "2026-01-02"}, {"note": None}],
    "/v1/habits/{id}/entries/{date}/comments": [{"text": "Other"}],
    "/v1/foods": [{"name": "Other"}, {"calories": None}, {"fiber_g": 0.1}, {"time": "12:00:00"}, {"is_favorite": True}],
    "/v1/foods/{id}/copies": [{"date": "2026-01-02"}],
    "/v1/workouts": [
        {"type": "Other"},
        {"exercises": []},
        {"exercises": [{"name": "Squat", "sets": 3, "reps": 11, "weight": 135, "weight_unit": "lbs"}]},
        {"exercises": [{"name": "Squat", "sets": 3, "reps": 10, "weight": 135, "weight_unit": "kg"}]},
        {"exercises": [{"name": "Squat"}, {"name": "Run"}]},
    ],
    "/v1/blog-entries": [{"title": "Other"}, {"content": "Other"}, {"status": "archived"}, {"is_public": True}],
    "/v1/tags": [{"name": "Other"}, {"color": None}, {"category": "other"}, {"description": None}],
    "/v1/conversations": [{"title": "Other"}],
}
"""What differs from the example of each body."""

PARENTS: dict[str, Json] = {
    "foods": {"date": "2026-01-01", "meal_type": "lunch", "name": "Soup"},
    "goals": {"title": "Read", "goal_type": "yearly"},
    "habits": {"name": "Read"},
}
"""What is made before the rows that belong to it."""


def creates(without: AbstractSet[str] = frozenset()) -> pytest.MarkDecorator:
    """Run a test once for each create that takes an id, without those of these paths."""
    routes = [route for route in WITH_ID if route.path not in without]
    return pytest.mark.parametrize("route", [pytest.param(route, id=route.path) for route in routes])


def create_of(route: Route, user: User) -> tuple[str, Json]:
    """The address of a create, and a body with an id."""
    path = route.path
    if "{id}" in path:
        kind = path.split("/")[2]
        path = path.format(id=user.made(f"/v1/{kind}", PARENTS[kind])["id"], date="2026-01-01")
    body = sample(SCHEMAS[route.data.__name__]) | {"id": str(new_uuid7())}
    return path, {name: value for name, value in body.items() if name != "parent_id"}


def address_of(path: str, id: str) -> str:
    """Where the row is that a create made."""
    return f"/v1/foods/{id}" if path.endswith("/copies") else f"{path}/{id}"


def test_every_create_with_an_id_takes_part() -> None:
    assert [route.path for route in WITH_ID] == sorted(OTHERS)


@creates()
def test_the_same_create_answers_the_row_and_another_one_that_the_id_is_taken(api: Api, route: Route) -> None:
    user = api.user()
    path, body = create_of(route, user)
    made = user.made(path, body)
    # As another program would write it: other forms of numbers, of times, of letters in the id.
    again = json.dumps(body | {"id": body["id"].upper()}).replace(": 135", ": 135.00").replace(": 12.5", ": 1.25e1")
    for same in (json.dumps(body), again):
        answer = user.request("POST", path, content=same.encode(), headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()) == (200, made)
    for difference in OTHERS[route.path]:
        refused = user.post(path, body | difference)
        assert_problem(refused, 409, "id_taken", "id")
    row = user.get(address_of(path, body["id"])).json()
    assert row | made == row


@creates(without=UNCHANGED)
def test_a_create_replayed_after_a_change_answers_the_row_as_it_stands(api: Api, route: Route) -> None:
    user = api.user()
    path, body = create_of(route, user)
    user.made(path, body)
    changed = user.patch(address_of(path, body["id"]), OTHERS[route.path][0])
    assert changed.status_code == 200, changed.text
    for sent in (body, body | OTHERS[route.path][-1]):
        answer = user.post(path, sent)
        assert (answer.status_code, answer.json()) == (200, changed.json())


@creates()
def test_of_two_different_creates_of_one_id_at_once_one_is_made(api: Api, route: Route) -> None:
    user = api.user()
    for _ in range(5):
        path, body = create_of(route, user)
        difference = OTHERS[route.path][0]
        if route.path == "/v1/tags":
            body, difference = body | {"name": str(new_uuid7())}, {"name": str(new_uuid7())}
        answers = api.together(*(user.send("POST", path, json=sent) for sent in (body, body | difference)))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert {answer.json().get("code") for answer in answers} == {None, "id_taken"}


def test_what_is_absent_from_a_create_is_its_default(ada: User) -> None:
    habit = {"id": str(new_uuid7()), "name": "Swim", "frequency": "weekly"}
    made = ada.made("/v1/habits", habit)
    assert made["target_days"] == 1
    assert ada.post("/v1/habits", habit).json() == made
    assert ada.post("/v1/habits", habit | {"target_days": 1, "description": None}).json() == made
    assert_problem(ada.post("/v1/habits", habit | {"target_days": 2}), 409, "id_taken", "id")
    goal = ada.made("/v1/goals", {"title": "Read", "goal_type": "yearly"})
    path, entry = f"/v1/goals/{goal['id']}/progress", {"id": str(new_uuid7()), "value": 3}
    today = ada.made(path, entry)
    for same in (entry, entry | {"date": None}, entry | {"date": today["date"]}):
        assert ada.post(path, same).json() == today


def test_an_id_whose_row_was_deleted_takes_another_body(ada: User) -> None:
    task = {"id": str(new_uuid7()), "title": "Water the plants"}
    ada.made("/v1/tasks", task)
    assert ada.delete(f"/v1/tasks/{task['id']}").status_code == 204
    assert ada.post("/v1/tasks", task | {"title": "Other"}).status_code == 201


def test_an_id_is_told_to_be_taken_before_another_tag_has_the_name(ada: User) -> None:
    tag = {"id": str(new_uuid7()), "name": "First"}
    ada.made("/v1/tags", tag)
    ada.made("/v1/tags", {"name": "Second"})
    assert_problem(ada.post("/v1/tags", tag | {"name": "Second"}), 409, "id_taken", "id")
    assert_problem(ada.post("/v1/tags", {"name": "Second"}), 409, "conflict", "slug")


def test_a_duplicate_that_meets_the_other_one_at_the_name_first_is_treated_as_one_that_meets_it_at_the_id(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = {"id": str(new_uuid7()), "name": "Met at the name", "color": "#1a2b3c"}
    made = ada.made("/v1/tags", tag)
    create = repository.create

    async def meeting_at_the_name(database: Executor, user_id: UUID, new: TagCreate) -> Tag | None:
        """What becomes of an insert that began before the other one's id was there: the database finds the name taken."""
        return await create(database, user_id, replace(new, id=new_uuid7()))

    monkeypatch.setattr(repository, "create", meeting_at_the_name)
    again = ada.post("/v1/tags", tag)
    assert (again.status_code, again.json()) == (200, made)
    assert_problem(ada.post("/v1/tags", tag | {"color": None}), 409, "id_taken", "id")
    for other in ({"name": tag["name"]}, tag | {"id": str(new_uuid7())}):
        assert_problem(ada.post("/v1/tags", other), 409, "conflict", "slug")


numbers = st.none() | st.floats(0, 1_000_000_000) | st.integers(0, 10**12).map(lambda n: n / 1000)


@settings(deadline=None)
@given(calories=numbers, protein=numbers, time=st.none() | st.times().map(str), notes=st.none() | st.text("a\n é😀"))
def test_whatever_a_create_says_its_replay_says_the_same(
    ada: User, calories: float | None, protein: float | None, time: str | None, notes: str | None
) -> None:
    food: Json = {
        "id": str(new_uuid7()),
        "date": "2026-01-01",
        "meal_type": "lunch",
        "name": "Soup",
        "time": time,
        "notes": notes,
    }
    food |= {"calories": calories, "protein_g": protein}
    made = ada.made("/v1/foods", food)
    answer = ada.post("/v1/foods", food)
    assert (answer.status_code, answer.json()) == (200, made)
    other = 1 if calories is None else None
    assert ada.post("/v1/foods", food | {"calories": other}).status_code == 409
