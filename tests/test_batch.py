"""POST /v1/batch: several requests in one, all of them or none, each as it would be by itself."""

import json
import time
from typing import Any

import clustered
import httpx
import pytest
from client import Api, User, assert_problem, etag
from factories import new_uuid7, upload
from served import ROUTES

from app.batch import rules
from app.database.executor import Transaction
from app.database.queries import Query

Row = dict[str, Any]

DAY = "2026-01-05"


def asked(method: str, path: str, body: Any = None, **more: Any) -> Row:
    """An operation."""
    return {"method": method, "path": path} | ({} if body is None else {"body": body}) | more


def sent(user: User, *operations: Row, **options: Any) -> httpx.Response:
    return user.post("/v1/batch", {"operations": operations}, **options)


def done(user: User, *operations: Row, **options: Any) -> list[Row]:
    """The results of a batch that goes well."""
    answer = sent(user, *operations, **options)
    assert answer.status_code == 200, answer.text
    results: list[Row] = answer.json()["results"]
    assert len(results) == len(operations)
    assert all(result.keys() == {"status", "body", "etag"} for result in results)
    return results


def refused(answer: httpx.Response, operation: int, status: int, code: str, field: str | None = None) -> None:
    """Check that a batch was refused because of one of its operations."""
    assert_problem(answer, status, code, field)
    assert answer.json()["operation"] == operation


def titles(user: User) -> list[str]:
    return [row["title"] for row in user.walk("/v1/tasks?limit=200&order=oldest")]


def create(title: str = "T", **fields: Any) -> Row:
    return asked("POST", "/v1/tasks", {"title": title} | fields)


@pytest.fixture
def somebody(api: Api) -> User:
    return api.user()


# What it does


def test_a_hundred_creates_are_done_in_their_order(somebody: User) -> None:
    results = done(somebody, *(create(f"T{number}") for number in range(100)))
    assert [result["status"] for result in results] == [201] * 100
    assert [result["body"]["title"] for result in results] == titles(somebody) == [f"T{number}" for number in range(100)]
    assert all(result["etag"] == etag(result["body"]) for result in results)


def test_all_tasks_are_ticked_in_one_call(somebody: User) -> None:
    rows = [somebody.task(title=f"T{number}") for number in range(20)]
    results = done(somebody, *(asked("PATCH", f"/v1/tasks/{row['id']}", {"completed": True}) for row in rows))
    assert [result["body"]["id"] for result in results] == [row["id"] for row in rows]
    assert len(somebody.get("/v1/tasks?completed=true").json()["items"]) == 20


def test_a_failure_in_the_middle_leaves_nothing_behind(somebody: User) -> None:
    row = somebody.task(title="There before")
    change = asked("PATCH", f"/v1/tasks/{row['id']}", {"title": "Changed"})
    gone = asked("DELETE", f"/v1/tasks/{new_uuid7()}")
    refused(sent(somebody, create(), change, gone, create()), 2, 404, "not_found")
    assert somebody.get(f"/v1/tasks/{row['id']}").json() == row
    assert titles(somebody) == ["There before"]


def test_what_is_malformed_is_told_before_anything_is_done(somebody: User) -> None:
    gone = asked("DELETE", f"/v1/tasks/{new_uuid7()}")
    refused(sent(somebody, create(), gone, create(colour="red")), 2, 422, "invalid", "colour")
    refused(sent(somebody, create(), asked("GET", "/v1/tasks?limit=7.0")), 1, 422, "invalid", "limit")
    refused(sent(somebody, asked("POST", "/v1/tasks")), 0, 400, "malformed_json")
    refused(sent(somebody, asked("GET", "/v1/tasks/7")), 0, 404, "not_found")
    assert titles(somebody) == []


def test_a_rule_of_the_database_that_is_broken_ends_the_batch(somebody: User) -> None:
    twice = asked("POST", "/v1/tags", {"name": "Keto"})
    refused(sent(somebody, create(), twice, twice, create()), 2, 409, "conflict", "slug")
    assert titles(somebody) == somebody.get("/v1/tags").json()["items"] == []


def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the statements that are sent in transactions from now on."""
    names, run = list[str](), Transaction.run

    async def noted(self: Transaction, query: Query, values: list[Any]) -> Any:
        names.append(query.name)
        return await run(self, query, values)

    monkeypatch.setattr(Transaction, "run", noted)
    return names


def food(name: str = "Soup", **fields: Any) -> Row:
    return asked("POST", "/v1/foods", {"date": DAY, "meal_type": "lunch", "name": name} | fields)


@clustered.plain("each operation is sent by itself: its row may be on any server")
def test_creates_in_a_row_go_out_as_one_statement(somebody: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [str(new_uuid7()) for _ in range(6)]
    sending = statements(monkeypatch)
    # The same id a second time is another row: the first create is to be done before it.
    repeated = [create(f"R{number}", id=ids[number % 3]) for number in range(6)]
    refused(sent(somebody, *repeated), 3, 409, "id_taken", "id")
    sending.clear()
    chosen = [create(f"T{number}", id=each) for number, each in enumerate(ids)]
    results = done(somebody, food(), *chosen, create("Last"), food("A"), food("B"), asked("GET", "/v1/tasks"))
    assert [result["status"] for result in results] == [201] * 10 + [200]
    assert sending == [
        "accounts.lock", "nutrition.create", "tasks.create_many", "nutrition.create_many", "tasks.page_newest",
    ]  # fmt: skip
    assert [result["body"]["title"] for result in results[1:8]] == [*(f"T{number}" for number in range(6)), "Last"]
    # Those that are there are found one by one, and the new one is made.
    [*again, new] = done(somebody, *chosen, create("New"))
    assert [result["status"] for result in again] == [200] * 6
    assert [result["body"] for result in again] == [result["body"] for result in results[1:7]]
    assert new["status"] == 201


@pytest.mark.parametrize("place", [0, 3, 7])
def test_of_creates_in_a_row_the_one_that_is_refused_is_named(somebody: User, place: int) -> None:
    creates = [create(f"T{number}") for number in range(8)]
    creates[place] = create("Ahead", id=str(new_uuid7(time.time() + 100_000)))
    refused(sent(somebody, *creates), place, 422, "id_in_future", "id")
    # What the body's rules let through, and the table's do not.
    creates[place] = create("Far", due_date="0001-01-01")
    refused(sent(somebody, *creates), place, 422, "invalid", "due_date")
    assert titles(somebody) == []


def test_a_read_sees_what_was_written_before_it(somebody: User) -> None:
    chosen = str(new_uuid7())
    path = f"/v1/tasks/{chosen}"
    found = done(
        somebody,
        create(id=chosen),
        asked("GET", path),
        asked("PATCH", path, {"title": "Changed"}),
        asked("GET", "/v1/tasks?limit=1"),
        asked("DELETE", path),
        asked("GET", "/v1/tasks"),
    )
    assert [result["status"] for result in found] == [201, 200, 200, 200, 204, 200]
    assert found[1] | {"status": 201} == found[0]
    assert found[3]["body"]["items"] == [found[2]["body"]]
    assert (found[4]["body"], found[4]["etag"], found[5]["body"]["items"]) == (None, None, [])


def test_every_slice_answers_in_a_batch_what_it_answers_by_itself(api: Api) -> None:
    ids = {name: str(new_uuid7()) for name in ("task", "habit", "goal", "part", "food", "workout", "entry", "tag", "progress")}
    habit, goal, tag = (f"/v1/{kind}/{ids[name]}" for kind, name in (("habits", "habit"), ("goals", "goal"), ("tags", "tag")))
    exercise = {"name": "Squat", "sets": 3, "weight": 80.5, "weight_unit": "kg"}
    life = [
        asked("POST", "/v1/tasks", {"id": ids["task"], "title": 'T "\\ é 🎉'}),
        asked("POST", "/v1/habits", {"id": ids["habit"], "name": "Stretch"}),
        asked("PUT", f"{habit}/entries/{DAY}", {"note": "N"}),
        asked("PATCH", f"{habit}/entries/{DAY}", {"note": "M"}),
        asked("GET", f"{habit}/stats"),
        asked("POST", "/v1/goals", {"id": ids["goal"], "title": "G", "goal_type": "yearly", "target_value": 10}),
        asked("POST", "/v1/goals", {"id": ids["part"], "title": "P", "goal_type": "daily"}),
        asked("PATCH", f"/v1/goals/{ids['part']}", {"parent_id": ids["goal"], "status": "completed"}),
        asked("POST", f"{goal}/progress", {"id": ids["progress"], "value": 1.50, "date": DAY}),
        asked("GET", f"{goal}/tree"),
        asked("POST", "/v1/foods", {"id": ids["food"], "date": DAY, "meal_type": "lunch", "name": "Soup", "calories": 1e2}),
        asked("POST", "/v1/workouts", {"id": ids["workout"], "date": DAY, "type": "run", "exercises": [exercise]}),
        asked("PATCH", f"/v1/workouts/{ids['workout']}", {"exercises": [exercise, exercise]}),
        asked("PUT", f"/v1/daily-reviews/{DAY}", {"mood": 7}),
        asked("POST", f"/v1/daily-reviews/{DAY}/blog-entry"),
        asked("POST", "/v1/blog-entries", {"id": ids["entry"], "title": "E", "content": "C"}),
        asked("GET", "/v1/blog-entries/by-slug/e"),
        asked("POST", "/v1/tags", {"id": ids["tag"], "name": "Caf\u00e9"}),
        asked("PUT", f"{tag}/tasks/{ids['task']}"),
        asked("GET", f"/v1/tasks?tag={ids['tag']}&limit=5"),
        asked("PUT", f"/v1/progress-snapshots/daily/{DAY}", {"notes": "S"}),
        asked("GET", f"/v1/foods/summary?from={DAY}&to={DAY}"),
        asked("GET", "/v1/search?q=soup%20or%20stretch"),
        asked("DELETE", habit),
    ]
    alone, together = api.user(), api.user()
    answers = [alone.request(each["method"], each["path"], json=each.get("body")) for each in life]
    for operation, answer, result in zip(life, answers, done(together, *life), strict=True):
        assert result["status"] == answer.status_code < 300, operation
        assert timeless(result["body"]) == timeless(answer.json() if answer.content else None), operation
        assert (result["etag"] is None) == ("etag" not in answer.headers)


MOVING = {"created_at", "updated_at", "completed_at", "version", "user_id"}


def timeless(value: Any) -> Any:
    """A body without what differs from one user and moment to the next."""
    if isinstance(value, dict):
        return {
            name: timeless(each) for name, each in value.items() if name not in MOVING and not (name == "id" and is_made(value))
        }
    return [timeless(each) for each in value] if isinstance(value, list) else value


def is_made(row: Row) -> bool:
    """Whether the server chose the id: of reviews, the entries made of them, and snapshots."""
    return "mood" in row or "period" in row or str(row.get("title", "")).startswith("Review of") or "habit_id" in row


def test_a_result_is_the_answer_to_the_byte(somebody: User) -> None:
    row = somebody.made("/v1/foods", {"date": DAY, "meal_type": "lunch", "name": "Soup \u2028", "calories": 250.5})
    path = f"/v1/foods/{row['id']}"
    by_itself = somebody.get(path)
    answer = sent(somebody, asked("GET", path))
    quoted = json.dumps(by_itself.headers["etag"]).encode()
    assert answer.content == b'{"results":[{"status":200,"body":%b,"etag":%b}]}' % (by_itself.content, quoted)


def test_what_is_known_of_files_is_read_and_changed_but_they_are_not_deleted(somebody: User) -> None:
    file = upload(somebody)
    path = f"/v1/media/{file['id']}"
    [_, read] = done(somebody, asked("PATCH", path, {"alt_text": "A"}), asked("GET", path))
    assert read["body"]["alt_text"] == "A"
    refused(sent(somebody, asked("DELETE", path)), 0, 422, "invalid", "path")
    assert somebody.get(f"{path}/content").status_code == 200


# Whose rows


def test_rows_of_another_user_are_refused_as_they_are_by_themselves(api: Api, somebody: User) -> None:
    other = api.user()
    task, habit = other.task(), other.made("/v1/habits", {"name": "Stretch"})
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        for row, path, status, code in ((task, "tasks", 403, "forbidden"), (habit, "habits", 404, "not_found")):
            more = {} if method == "GET" else {"if_match": etag(row, 1)}
            foreign = asked(method, f"/v1/{path}/{row['id']}", body, **more)
            refused(sent(somebody, create(), foreign), 1, status, code)
    assert titles(somebody) == []
    assert other.get(f"/v1/tasks/{task['id']}").json() == task


def test_a_create_that_came_before_is_answered_by_its_row(somebody: User) -> None:
    first, second = str(new_uuid7()), str(new_uuid7())
    change = asked("PATCH", f"/v1/tasks/{first}", {"title": "Changed"})
    batch = [create("First", id=first), change, create("Second", id=second)]
    before = done(somebody, *batch)
    # Its row was changed since, in the same transaction.
    again = done(somebody, *batch)
    assert [result["status"] for result in before] == [201, 200, 201]
    assert [result["status"] for result in again] == [200, 200, 200]
    assert [result["body"] for result in again[1:]] == [result["body"] for result in before[1:]]
    assert sorted(titles(somebody)) == ["Changed", "Second"]
    refused(sent(somebody, create("Third", id=second)), 0, 409, "id_taken", "id")


def test_if_match_is_a_condition_of_its_operation(somebody: User) -> None:
    row = somebody.task()
    path = f"/v1/tasks/{row['id']}"
    stale = asked("PATCH", path, {"title": "B"}, if_match=etag(row))
    refused(
        sent(somebody, create(), asked("PATCH", path, {"title": "A"}, if_match=etag(row)), stale), 2, 412, "version_mismatch"
    )
    assert titles(somebody) == [row["title"]]
    for malformed in ("1", "", 'W/"1"', "é\n"):
        refused(sent(somebody, asked("PATCH", path, {}, if_match=malformed)), 0, 412, "version_mismatch")
    [changed] = done(somebody, asked("PATCH", path, {"title": "A"}, if_match=f'"1", {etag(row)}'))
    assert done(somebody, asked("DELETE", path, if_match=changed["etag"]))[0]["status"] == 204


# What is taken


def test_nobody_and_who_sends_another_form_is_refused(api: Api, somebody: User) -> None:
    assert_problem(api.post("/v1/batch", {"operations": [create()]}), 401, "unauthenticated")
    assert_problem(sent(somebody), 422, "invalid", "operations")
    assert_problem(sent(somebody, *[create()] * 101), 422, "invalid", "operations")
    for operation, field in (
        (asked("HEAD", "/v1/tasks"), "operations[0].method"),
        (asked("GET", "/health/live"), "operations[0].path"),
        ({"method": "GET"}, "operations[0].path"),
        (asked("GET", "/v1/tasks", headers={}), "operations[0].headers"),
        (create("\0"), "operations[0].body"),
    ):
        answer = sent(somebody, operation)
        assert_problem(answer, 422, "invalid", field)
        assert "operation" not in answer.json()


def test_what_an_address_takes_none_of_is_refused_and_not_passed_over(somebody: User) -> None:
    row = somebody.task()
    path = f"/v1/tasks/{row['id']}"
    for operation, field in (
        (asked("GET", path, {"title": "T"}), "operations[1].body"),
        (asked("GET", "/v1/tasks", []), "operations[1].body"),
        (asked("DELETE", path, {}), "operations[1].body"),
        (asked("GET", path, if_match=etag(row)), "operations[1].if_match"),
        (create() | {"if_match": etag(row)}, "operations[1].if_match"),
        (asked("GET", path, if_match=""), "operations[1].if_match"),
    ):
        refused(sent(somebody, create(), operation), 1, 422, "invalid", field)
    # Null is what a result has where there is none.
    assert done(somebody, asked("GET", path) | {"body": None, "if_match": None})[0]["body"] == row
    assert titles(somebody) == [row["title"]]


RESOURCES = {
    "tasks", "habits", "goals", "foods", "workouts", "daily-reviews", "blog-entries", "tags", "progress-snapshots", "search",
}  # fmt: skip
OF_FILES = {"GET /v1/media", "GET /v1/media/{id}", "PATCH /v1/media/{id}"}


def test_a_batch_asks_what_is_in_the_database_and_answers_json(somebody: User) -> None:
    for route in ROUTES:
        if route.path.startswith("/v1/"):
            is_taken = route.path.split("/")[2] in RESOURCES or route.name in OF_FILES
            assert route.options.batched is is_taken, route.name
            if not is_taken:
                path = route.path.replace("{", "").replace("}", "")
                refused(sent(somebody, create(), asked(route.method, path)), 1, 422, "invalid", "path")
    assert titles(somebody) == []


def test_an_address_that_is_not_there_is_told_as_by_itself(somebody: User) -> None:
    refused(sent(somebody, asked("GET", "/v1/nothing")), 0, 404, "not_found")
    answer = sent(somebody, asked("DELETE", "/v1/tasks"))
    refused(answer, 0, 405, "method_not_allowed")
    assert "allow" not in answer.headers
    # The parts of a path may be percent-encoded, as in any request.
    assert done(somebody, asked("GET", "/v1/t%61sks"))[0]["status"] == 200


def test_a_body_has_the_limit_of_its_address_and_all_have_one_together(somebody: User) -> None:
    def entry(size: int) -> Row:
        around = len(json.dumps({"title": "T", "content": ""}, separators=(",", ":")))
        return asked("POST", "/v1/blog-entries", {"title": "T", "content": "x" * (size - around)})

    limit = 2**20
    [made] = done(somebody, entry(150_000))
    assert made["status"] == 201
    refused(sent(somebody, create(), entry(limit + 1)), 1, 413, "body_too_large")
    refused(sent(somebody, create(description="x" * 300_000)), 0, 413, "body_too_large")
    whole = 8 * 2**20
    text = json.dumps({"operations": [create("At the limit")]}).encode()
    headers = {"Content-Type": "application/json"}
    answer = somebody.request("POST", "/v1/batch", content=text.ljust(whole), headers=headers)
    assert answer.status_code == 200, answer.text
    assert_problem(somebody.request("POST", "/v1/batch", content=text.ljust(whole + 1), headers=headers), 413, "body_too_large")
    assert titles(somebody) == ["At the limit"]


def test_values_and_levels_are_counted_for_the_whole(somebody: User) -> None:
    many = asked("GET", "/v1/tasks", [0] * 60_000)
    # Read, and then not taken.
    refused(sent(somebody, many), 0, 422, "invalid", "operations[0].body")
    assert_problem(sent(somebody, many, many), 422, "body_too_complex")
    deep: Any = 0
    for _ in range(100):
        deep = [deep]
    refused(sent(somebody, asked("GET", "/v1/tasks", deep)), 0, 422, "invalid", "operations[0].body")
    assert_problem(sent(somebody, asked("GET", "/v1/tasks", [deep])), 422, "body_too_complex")


def test_answers_are_bounded_together(somebody: User, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = [asked("GET", "/v1/tasks")] * 5
    somebody.task()
    size = len(somebody.get("/v1/tasks").content)
    monkeypatch.setattr(rules, "ANSWERED", 5 * size)
    assert len(done(somebody, *reads)) == 5
    refused(sent(somebody, *reads, asked("GET", "/v1/tasks")), 5, 422, "batch_answer_too_large")
    assert_problem(sent(somebody, create(), *reads), 422, "batch_answer_too_large")
    assert len(titles(somebody)) == 1
