"""What GET gave can be sent back by PUT and PATCH of the same address, on every route: a new one takes part by itself.

One with an id in its path needs an entry in ROWS of test_contract.py.
"""

import json
import re
from collections.abc import Callable
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from client import Api, Execute, User, assert_problem, etag
from hypothesis import given, settings
from hypothesis import strategies as st
from served import ROUTES
from test_contract import row_of

from app.accounts.commands import set_role
from app.http import sent_back
from app.http.routes import Route

Json = dict[str, Any]

PLANS = sent_back.sent_back_by(ROUTES)

LEFT_OUT = {
    "PATCH /v1/me/sessions/{id}": "read in the list of sessions",
    "PUT /v1/admin/users/{id}/identities": "one is added to a list, which its owner reads at /v1/me/identities",
    "PUT /v1/admin/users/{id}/password": "a password is never read",
    "PUT /v1/habits/{id}/entries": "takes them back by itself, as test_habit_entries.py says: its GET is a list with filters",
    "PUT /v1/me/password": "a password is never read",
}
"""Routes with a body whose address cannot be read, and why."""

SET_BY_EVERY_PUT = {
    "PUT /v1/query-cache/{query_hash}": {"cached_at", "expires_at"},
}
"""Fields that a PUT sets even when nothing else changes."""

MOVING = {
    "/v1/admin/users/{id}": {"last_login_at"},
    "/v1/admin/users/{id}/usage": {"daily_used", "daily_resets_at", "monthly_used", "monthly_resets_at", "total_queries"},
    "/v1/consents": {"stale"},
    "/v1/blog-entries/{id}": {"view_count"},
    "/v1/conversations/{id}": {"message_count", "last_activity_at"},
    "/v1/goals/{id}": {"current_value", "percentage"},
    "/v1/me": {"last_login_at", "credits", "consents", "usage"},
    "/v1/tags/{id}": {"usage_count"},
}
"""Fields that change without a change of their row."""

FILLED: dict[str, Json] = {
    "/v1/admin/users/{id}/usage": {"tier": "pro", "limits": {"daily": 7}, "subscription": {"id": "sub_1", "status": "active"}},
    "/v1/me": {"name": "Ada", "bio": "Wrote the first program.", "username": None},
    "/v1/consents": {"terms_accepted": True, "source": "web"},
    "/v1/goals/{id}": {
        "target_value": 12.5,
        "start_date": "2026-01-01",
        "status": "completed",
        "is_recurring": True,
        "recurrence_pattern": "FREQ=WEEKLY",
    },
    "/v1/habits/{id}": {
        "kind": "numeric",
        "target_value": 0.1,
        "reminder_time": "07:30:00.5",
        "frequency": "weekdays",
        "weekdays": [1, 3],
    },
    "/v1/habits/{id}/entries/{date}": {"value": 2.5, "mood": 7, "completed": True, "completed_at": "2026-01-01T07:30:00.5Z"},
    "/v1/blog-entries/{id}": {"status": "published", "excerpt": "Å \u2028 \U0001f9d8"},
    "/v1/progress-snapshots/{period}/{date}": {"weight": 70.5, "weight_unit": "kg"},
    "/v1/workouts/{id}": {
        "date": "2026-01-01",
        "type": "strength",
        "exercises": [
            {"name": "Squat", "weight": 135, "weight_unit": "lbs"},
            {"name": "Run", "distance": 3.1, "distance_unit": "miles"},
        ],
    },
}
"""What is written to a row by the method of its route first, so that not all of it is null."""


@pytest.fixture(scope="module")
def admin(api: Api) -> User:
    """Somebody to whom every route is open."""
    user = api.user()
    assert api.runner.run(set_role(api.database, UUID(user.id), "admin"))
    return user


def address(route: Route, user: User) -> str:
    """Make a row that a route's path can name; returns its address."""
    names = row_of(route.path)(user) if route.parameters else {}
    path = route.path.format(**names) if isinstance(names, dict) else re.sub(r"{\w+}", names, route.path)
    if route.path in FILLED:
        answer = user.request(route.method, path, json=FILLED[route.path])
        assert answer.status_code in {200, 201}, answer.text
    return path


def routes(wanted: Callable[[Route], bool] = lambda _: True) -> pytest.MarkDecorator:
    """Run a test once for each PUT and PATCH of an address that can be read."""
    found = [route for route in ROUTES if route.name in PLANS and wanted(route)]
    return pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in found])


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        # Another digit: of a time, an id, a hash.
        return re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), value) if re.search(r"\d", value) else "x"
    return "x" if value is None else []


def test_every_put_and_patch_takes_back_what_its_address_gives_or_says_why_not() -> None:
    with_body = {route.name for route in ROUTES if route.method in {"PUT", "PATCH"} and route.data is not None}
    assert with_body == PLANS.keys() | LEFT_OUT.keys()
    readable = {route.path for route in ROUTES if route.method == "GET" and not route.is_list}
    assert not {name for name in LEFT_OUT if name.partition(" ")[2] in readable}


@routes()
def test_what_was_read_can_be_sent_back_and_changes_nothing(admin: User, route: Route) -> None:
    path = address(route, admin)
    for spelled_anew in (False, True):
        read = admin.get(path)
        body = json.dumps(read.json(), sort_keys=True, separators=(",", ":")).encode() if spelled_anew else read.content
        headers = {"content-type": "application/json"}
        answer = admin.request(route.method, path, content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        kept = read.json().keys() - SET_BY_EVERY_PUT.get(route.name, set())
        again = admin.get(path).json()
        assert {name: again[name] for name in kept} == {name: read.json()[name] for name in kept}
    if "etag" in read.headers:
        sent = {"content": read.content, "headers": {"content-type": "application/json", "if-match": read.headers["etag"]}}
        assert admin.request(route.method, path, **sent).status_code == 200


@routes()
def test_a_field_that_only_the_server_sets_is_refused_with_another_value(admin: User, route: Route) -> None:
    path = address(route, admin)
    row = admin.get(path).json()
    fields = PLANS[route.name].fields
    assert fields.compared
    for name in fields.compared:
        answer = admin.request(route.method, path, json=row | {name: other(row[name])})
        assert_problem(answer, 422, "read_only", name)
        assert answer.json()["detail"].startswith(f"{name}: ")
        if row[name] is not None:
            assert_problem(admin.request(route.method, path, json=row | {name: None}), 422, "read_only", name)
    everything = row | {name: other(row[name]) for name in fields.compared}
    refused = admin.request(route.method, path, json=everything)
    assert [error["field"] for error in refused.json()["errors"]] == fields.compared
    assert admin.get(path).json() == row


@routes()
def test_a_field_that_moves_by_itself_is_not_looked_at(admin: User, route: Route) -> None:
    fields = PLANS[route.name].fields
    assert fields.all - {*fields.compared} == MOVING.get(route.path, set())
    path = address(route, admin)
    row = admin.get(path).json()
    for name in MOVING.get(route.path, ()):
        # What has to be asked for is not in every answer.
        values: list[Any] = [other(row.get(name)), None, {"a": []}]
        for value in values:
            assert admin.request(route.method, path, json=row | {name: value}).status_code == 200
    assert admin.get(path).json() == row


def is_of_one_user(route: Route) -> bool:
    return route.path not in {"/v1/me", "/v1/consents"} and not route.options.roles


@routes(is_of_one_user)
def test_a_foreign_row_is_told_before_what_was_sent_is_compared(api: Api, admin: User, route: Route) -> None:
    path = address(route, admin)
    row = admin.get(path).json()
    stranger = api.user()
    read = stranger.get(path)
    for headers in ({}, {"If-Match": '"1"'}, {"If-Match": etag(row)}):
        answer = stranger.request(route.method, path, json=row, headers=headers)
        if 201 in route.options.also and "habit_id" not in row:
            # Nobody has a row there yet: this user could make one.
            assert_problem(answer, *((412, "version_mismatch") if headers else (422, "read_only")))
        else:
            assert_problem(answer, read.status_code, read.json()["code"])
            assert read.json()["code"] == ("forbidden" if "tasks" in path else "not_found")
    assert stranger.get(path).status_code == read.status_code


@routes(lambda route: "id" in route.parameters)
def test_what_is_wrong_with_a_body_is_told_before_there_is_no_such_row(admin: User, route: Route) -> None:
    path = address(route, admin)
    row = admin.get(path).json()
    assert admin.delete(path).status_code in {204, 405}
    if "admin" in path:
        path = re.sub(r"[0-9a-f]{12}(?=/|$)", "0" * 12, path)
    answer = admin.request(route.method, path, json=row)
    assert_problem(answer, *((422, "read_only") if 201 in route.options.also else (404, "not_found")))
    assert_problem(admin.request(route.method, path, json=row | {"nonsense": 1}), 422, "invalid", "nonsense")
    taken = next(name for name in PLANS[route.name].fields.taken if name in row)
    assert_problem(admin.request(route.method, path, json=row | {taken: {}}), 422, "invalid", taken)


@routes(lambda route: route.versions)
def test_another_version_is_told_before_what_was_sent_is_compared(admin: User, route: Route) -> None:
    path = address(route, admin)
    row = admin.get(path).json() | {"created_at": "x"}
    for tag in (etag(row, 1), "W/" + etag(row), "nonsense"):
        answer = admin.request(route.method, path, json=row, headers={"If-Match": tag})
        assert_problem(answer, 412, "version_mismatch")
    assert_problem(admin.request(route.method, path, json=row, headers={"If-Match": etag(row)}), 422, "read_only", "created_at")
    assert_problem(admin.request(route.method, path, json=row, headers={"If-Match": "*"}), 422, "read_only", "created_at")


@pytest.fixture
def habit(ada: User) -> str:
    return str(ada.made("/v1/habits", {"name": "Stretch"})["id"])


PUTS = {"/v1/daily-reviews/2026-05-01": {"mood": 7}, "/v1/progress-snapshots/daily/2026-05-01": {}}


@pytest.mark.parametrize("path", PUTS)
def test_where_nothing_stands_only_null_is_equal_to_it(api: Api, path: str) -> None:
    user = api.user()
    sent, nulls = PUTS[path] | {"version": 1}, PUTS[path] | {"id": None, "created_at": None, "version": None}
    for headers in ({}, {"If-None-Match": "*"}):
        assert_problem(user.put(path, sent, headers=headers), 422, "read_only", "version")
    for body in (sent, nulls):
        assert_problem(user.put(path, body, headers={"If-Match": "*"}), 412, "version_mismatch")
    assert user.get(path).status_code == 404
    made = user.put(path, nulls, headers={"If-None-Match": "*"})
    assert made.status_code == 201
    assert user.put(path, made.json()).status_code == 200
    assert_problem(user.put(path, made.json(), headers={"If-None-Match": "*"}), 412, "version_mismatch")
    assert_problem(user.put(path, nulls), 422, "read_only")


def test_what_is_made_may_say_what_its_path_says(ada: User, habit: str) -> None:
    conversation = str(uuid4())
    rows: dict[str, Json] = {
        f"/v1/habits/{habit}/entries/2026-05-01": {"habit_id": habit.upper(), "date": "2026-05-01", "completed": True},
        "/v1/progress-snapshots/monthly/2026-05-01": {"period": "monthly", "date": "2026-05-01"},
        f"/v1/conversations/{conversation}": {"id": conversation, "title": "Bikes", "messages": []},
    }
    for path, row in rows.items():
        for name in row.keys() & {"habit_id", "date", "period", "id"}:
            assert_problem(ada.put(path, row | {name: other(row[name])}), 422, "read_only", name)
        assert ada.put(path, row | {"created_at": None}).status_code == 201, path


def test_of_many_who_make_what_is_not_there_one_does(api: Api) -> None:
    user = api.user()
    for day in range(1, 9):
        sent = (user.send("PUT", f"/v1/daily-reviews/2026-05-0{day}", json={"id": None, "steps": n}) for n in range(8))
        assert sorted(answer.status_code for answer in api.together(*sent)) == [201, *[422] * 7]


def test_a_time_in_another_form_and_a_number_with_a_fraction_of_nothing_are_equal(ada: User) -> None:
    task = ada.task()
    path = f"/v1/tasks/{task['id']}"
    same = {
        "id": task["id"].upper(),
        "created_at": task["created_at"].replace("Z", "+00:00"),
        "updated_at": task["updated_at"].replace("T", " "),
    }
    sent = json.dumps(same)[:-1].encode() + b', "version": %d.0}' % task["version"]
    answer = ada.request("PATCH", path, content=sent, headers={"content-type": "application/merge-patch+json"})
    assert (answer.status_code, answer.json()) == (200, task)
    assert_problem(ada.patch(path, {"created_at": "2026-01-01T00:00:00+01:00"}), 422, "read_only", "created_at")
    wrongs: list[Any] = [True, str(task["version"]), [task["version"]], {}]
    for wrong in wrongs:
        assert_problem(ada.patch(path, {"version": wrong}), 422, "read_only", "version")


def test_what_equals_what_stands_in_python_only_is_another_value(ada: User) -> None:
    task = ada.task()
    path = f"/v1/tasks/{task['id']}"
    assert_problem(ada.patch(path, task | {"completed": 0}), 422, "invalid", "completed")
    assert_problem(ada.patch(path, task | {"completed": [False]}), 422, "invalid", "completed")


def test_what_was_changed_in_what_was_read_is_changed(ada: User) -> None:
    task = ada.task(description="The ficus")
    path = f"/v1/tasks/{task['id']}"
    changed = ada.patch(path, task | {"title": "Water the ficus", "description": None, "completed": True}).json()
    assert changed["version"] > task["version"]
    assert (changed["title"], changed["description"], changed["completed"]) == ("Water the ficus", None, True)
    assert_problem(ada.patch(path, task | {"title": "Stale"}), 422, "read_only")
    assert ada.get(path).json() == changed


def test_what_neither_the_answer_nor_the_body_has_stays_unknown(ada: User) -> None:
    task = ada.task()
    path = f"/v1/tasks/{task['id']}"
    for body in ({"id": task["id"], "nonsense": 1}, {"nonsense": 1, "version": 1}, {"user": ada.id}):
        answer = ada.patch(path, body)
        assert_problem(answer, 422, "invalid")
        assert answer.json()["errors"][0]["code"] == "unknown_field"
    assert_problem(ada.post("/v1/tasks", {"title": "T", "version": 1}), 422, "invalid", "version")


def test_a_guest_sends_back_an_account_without_an_e_mail(api: Api) -> None:
    guest = User(api, api.post("/v1/auth/guest").json())
    me = guest.get("/v1/me").json()
    assert me["email"] is None
    assert guest.patch("/v1/me", me).json() == me
    assert guest.patch("/v1/me", me | {"name": "Ada"}).json()["name"] == "Ada"
    assert_problem(guest.patch("/v1/me", {"email": None}), 422, "invalid", "email")


def test_a_row_that_breaks_the_rule_of_todays_bodies_can_be_sent_back(ada: User, execute: Execute) -> None:
    goal = ada.made("/v1/goals", {"title": "Read", "goal_type": "daily"})
    execute("update goals set recurrence_pattern = 'every day' where id::text = $1", goal["id"])
    path = f"/v1/goals/{goal['id']}"
    read = ada.get(path).json()
    assert ada.patch(path, read).json() == read
    changed = ada.patch(path, read | {"title": "Write"}).json()
    assert (changed["title"], changed["recurrence_pattern"]) == ("Write", "every day")
    assert_problem(ada.patch(path, changed | {"recurrence_pattern": "each day"}), 422, "invalid", "recurrence_pattern")


def test_a_file_is_attached_to_another_row_of_its_kind_by_what_was_read(ada: User) -> None:
    tasks = [ada.task()["id"], ada.task()["id"]]
    media = ada.request("POST", "/v1/media", files={"file": ("a.txt", b"text")}).json()
    path = f"/v1/media/{media['id']}"
    attached = ada.patch(path, media | {"taggable_type": "tasks", "taggable_id": tasks[0]}).json()
    moved = ada.patch(path, attached | {"taggable_id": tasks[1]})
    assert (moved.status_code, moved.json()["taggable_id"]) == (200, tasks[1])


SQUAT = {"name": "Squat", "weight": 135, "weight_unit": "lbs"}
RUN = {"name": "Run", "distance": 3.1, "distance_unit": "miles"}


@pytest.fixture
def workout(ada: User) -> Json:
    return ada.made("/v1/workouts", {"date": "2026-01-01", "type": "strength", "exercises": [SQUAT, RUN, {"name": "Rest"}]})


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_exercises_that_were_read_can_be_moved_left_out_copied_changed_and_added_to(
    ada: User, workout: Json, method: str
) -> None:
    path = f"/v1/workouts/{workout['id']}"
    squat, run, rest = workout["exercises"]
    lists = [
        [rest, squat, run],
        [rest],
        [squat, squat, run | {"notes": "Easy"}],
        [squat | {"weight": 100}, {"name": "New", "weight_kg": None}, {"name": "Newer", "position": 3}],
    ]
    for sent in lists:
        # As it was, for each list.
        row = ada.patch(path, {"exercises": [SQUAT, RUN, {"name": "Rest"}]}).json()
        answer = ada.request(method, path, json=row | {"exercises": sent})
        assert answer.status_code == 200, answer.text
        exercises = answer.json()["exercises"]
        assert [each["position"] for each in exercises] == [*range(1, len(sent) + 1)]
        given = [{name: each[name] for name in each if name not in {"position", "weight_kg"}} for each in sent]
        assert [each | same for each, same in zip(exercises, given, strict=True)] == exercises
    assert answer.json()["exercises"][0]["weight_kg"] == 45.359237


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_the_server_sets_of_an_exercise_is_refused_with_another_value(ada: User, workout: Json, method: str) -> None:
    path = f"/v1/workouts/{workout['id']}"
    squat, run, rest = workout["exercises"]
    for sent, field in (
        ([squat, run | {"distance_m": 5000}, rest], "exercises[1].distance_m"),
        ([run, squat | {"weight_kg": 61}, rest], "exercises[1].weight_kg"),
        ([squat | {"position": 7}, run], "exercises[0].position"),
        ([squat, run | {"position": "2"}], "exercises[1].position"),
        ([squat, run, rest, {"name": "New", "weight_kg": 10}], "exercises[3].weight_kg"),
    ):
        body = workout | {"exercises": sent}
        answer = ada.request(method, path, json=body)
        assert_problem(answer, 422, "read_only")
        assert field in [error["field"] for error in answer.json()["errors"]]
        # Without anything else that only the server sets.
        assert ada.patch(path, {"exercises": sent}).json()["code"] == "read_only"
    wrong = ada.patch(path, {"exercises": [squat | {"sets": "many"}]})
    assert_problem(wrong, 422, "invalid", "exercises[0].sets")
    assert ada.get(path).json() == workout


def test_exercises_with_their_places_can_be_patched_by_themselves(ada: User, workout: Json) -> None:
    path = f"/v1/workouts/{workout['id']}"
    assert ada.patch(path, {"exercises": workout["exercises"]}).json() == workout
    backwards = ada.patch(path, {"exercises": workout["exercises"][::-1]}).json()["exercises"]
    assert [each["name"] for each in backwards] == ["Rest", "Run", "Squat"]


@pytest.fixture
def conversation(ada: User) -> Json:
    path = f"/v1/conversations/{ada.made('/v1/conversations', {'title': 'Bikes'})['id']}"
    for content in ("Which?", "This one."):
        said = {"role": "assistant", "content": content, "stage1": {"a": [1.50, None]}}
        assert ada.post(f"{path}/messages", said).status_code == 201
    return cast("Json", ada.get(path).json())


def test_messages_that_were_read_can_be_left_out_changed_and_added_to(ada: User, conversation: Json) -> None:
    path = f"/v1/conversations/{conversation['id']}"
    first, second = conversation["messages"]
    new = {"role": "assistant", "content": "Or that one."}
    sent = [second, first | {"content": "Which one?"}, new, new | {"seq": 4, "created_at": None}]
    saved = ada.put(path, conversation | {"messages": sent})
    assert saved.status_code == 200, saved.text
    messages = ada.get(path).json()["messages"]
    assert [each["content"] for each in messages] == ["This one.", "Which one?", "Or that one.", "Or that one."]
    assert [each["seq"] for each in messages] == [1, 2, 3, 4]


def test_what_the_server_sets_of_a_message_is_refused_with_another_value(ada: User, conversation: Json) -> None:
    path = f"/v1/conversations/{conversation['id']}"
    first, second = conversation["messages"]
    for sent, field in (
        ([first, second | {"created_at": "2020-01-01T00:00:00Z"}], "messages[1].created_at"),
        ([first | {"created_at": second["created_at"]}, second], "messages[0].created_at"),
        (
            [first, second, {"role": "assistant", "content": "A", "created_at": "2020-01-01T00:00:00Z"}],
            "messages[2].created_at",
        ),
        ([first | {"seq": 3}, second], "messages[0].seq"),
    ):
        answer = ada.put(path, {"title": "Bikes", "messages": sent})
        assert_problem(answer, 422, "read_only")
        assert answer.json()["errors"][0]["field"] == field
    assert_problem(ada.patch(path, conversation | {"messages": [first]}), 422, "read_only", "messages")
    imported = {"messages": [{"role": "assistant", "content": "A", "created_at": "2020-01-01T00:00:00Z"}]}
    assert_problem(ada.put(path[:-12] + "0" * 12, imported), 422, "read_only", "messages[0].created_at")
    assert ada.get(path).json() == conversation


def test_a_conversation_that_is_read_in_parts_can_be_sent_back(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/conversations/{ada.made('/v1/conversations', {})['id']}"
    messages = [{"role": "assistant", "content": f"Said {number}"} for number in range(1200)]
    saved = ada.put(path, {"messages": messages}).json()
    read = ada.get(path)
    assert ada.put(path, read.json()).json()["version"] == read.json()["version"]
    assert ada.patch(path, saved | {"title": "Long"}).json()["title"] == "Long"
    monkeypatch.setattr(sent_back, "LARGEST", 100_000)
    refused = ada.patch(path, {"message_count": 1200, "id": saved["id"], "title": "Longer"})
    assert_problem(refused, 422, "read_only")
    assert "too large" in refused.json()["detail"]
    assert ada.patch(path, {"title": "Longer"}).json()["title"] == "Longer"


def test_of_a_list_that_is_too_long_nothing_is_looked_at(
    ada: User, conversation: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent_back, "ITEMS", 1)
    answer = ada.put(f"/v1/conversations/{conversation['id']}", {"messages": conversation["messages"]})
    assert_problem(answer, 422, "invalid", "messages[0].seq")


def test_of_many_who_send_back_what_they_changed_at_once_one_is_taken(api: Api, ada: User) -> None:
    review = ada.put("/v1/daily-reviews/2026-05-02", {"mood": 1}).json()
    for row, path, field in (
        (ada.task(), "/v1/tasks/{id}", "title"),
        (review, "/v1/daily-reviews/{date}", "highlights"),
    ):
        address = path.format(**row)
        sent = (ada.send("PATCH", address, json=row | {field: f"From {number}"}) for number in range(12))
        answers = api.together(*sent)
        taken = [answer.json() for answer in answers if answer.status_code == 200]
        assert len(taken) == 1
        assert {answer.json()["code"] for answer in answers if answer.status_code != 200} == {"read_only"}
        assert ada.get(address).json() == taken[0]


def test_a_change_of_other_fields_in_between_is_compared_again(api: Api, ada: User) -> None:
    task = ada.task()
    path = f"/v1/tasks/{task['id']}"
    bodies = [{"id": task["id"], "title": "T"}, {"created_at": task["created_at"], "description": "D"}]
    answers = api.together(*(ada.send("PATCH", path, json=body) for body in bodies))
    assert [answer.status_code for answer in answers] == [200, 200]
    row = ada.get(path).json()
    assert (row["title"], row["description"]) == ("T", "D")


NESTED = b"[" * 100_000

HOSTILE = [
    b'{"id":' + NESTED + b"]" * 100_000 + b"}",
    b'{"id":' + NESTED,
    b'{"version":1e99999,"title":"T"}',
    b'{"version":' + b"9" * 10_000 + b"}",
    b'{"id":"\xff\xfe"}',
    b'{"id":"\\ud800"}',
    b'{"id":"\\u0000"}',
    b'{"id":1,"id":2,"title":"\\u0000"}',
    b'{"id":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
    b'{"id":1,"title":' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"id":[' + b"0," * 100_000 + b"0]}",
    b'{"title":7,"":{}}',
]


@pytest.mark.parametrize("body", HOSTILE, ids=[str(body[:24]) for body in HOSTILE])
def test_no_body_breaks_the_comparison(ada: User, body: bytes) -> None:
    task = ada.task()
    answer = ada.request("PATCH", f"/v1/tasks/{task['id']}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text
    assert ada.get(f"/v1/tasks/{task['id']}").json() == task


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
numbers = st.none() | st.floats(0, 1_000_000, allow_subnormal=False) | st.integers(0, 100_000).map(lambda n: n / 100)
exercises = st.fixed_dictionaries(
    {"name": texts.map("n{}".format), "weight": numbers, "weight_unit": st.just("lbs"), "distance_unit": st.just("miles")},
    optional={"distance": numbers, "notes": st.none() | texts, "sets": st.none() | st.integers(0, 100)},
)


@settings(max_examples=25, deadline=None)
@given(sent=st.lists(exercises, max_size=5), order=st.randoms(use_true_random=False), notes=st.none() | texts)
def test_whatever_a_workout_holds_it_can_be_sent_back_in_any_order(
    ada: User, sent: list[Json], order: Any, notes: str | None
) -> None:
    made = ada.made("/v1/workouts", {"date": "2026-01-01", "type": "run", "notes": notes, "exercises": sent})
    path = f"/v1/workouts/{made['id']}"
    for method in ("PUT", "PATCH"):
        assert ada.request(method, path, json=made).json() == made
    mixed = made["exercises"][:]
    order.shuffle(mixed)
    moved = ada.put(path, made | {"exercises": mixed}).json()["exercises"]
    assert [each | {"position": 0} for each in moved] == [each | {"position": 0} for each in mixed]
