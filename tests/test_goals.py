"""Goals: the whole contract of /v1/goals, of their progress and their trees."""

import asyncio
import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import clustered
import pytest
from client import Api, User, assert_problem, etag, set_by_change, version_tag
from factories import new_uuid7
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statements import STATEMENTS

from app.goals import rules

FIELDS = [
    "id", "title", "description", "goal_type", "category", "start_value", "target_value", "target_unit", "start_date",
    "end_date", "status", "priority", "is_recurring", "recurrence_pattern", "parent_id", "previous_id", "completed_at",
    "current_value", "percentage", "created_at", "updated_at", "version",
]  # fmt: skip
WEEKLY = {"is_recurring": True, "recurrence_pattern": "FREQ=WEEKLY"}


def goal(user: User, **fields: Any) -> dict[str, Any]:
    return user.made("/v1/goals", {"title": "Read", "goal_type": "yearly"} | fields)


def progress(user: User, id: str, **fields: Any) -> dict[str, Any]:
    return user.made(f"/v1/goals/{id}/progress", {"value": 4.5, "date": "2026-01-01"} | fields)


def goals(user: User, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = user.get(f"/v1/goals?limit=200{query}").json()["items"]
    return items


def tree(user: User, id: str) -> dict[str, Any]:
    answer = user.get(f"/v1/goals/{id}/tree")
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


# Create, read, change, delete


def test_a_created_goal_reads_back_as_it_was_sent(ada: User) -> None:
    parent = goal(ada)["id"]
    sent = {
        "title": " Überraschung 🎉 ", "goal_type": "monthly", "description": "", "category": "learning", "start_value": -2.5,
        "target_value": 12.5,
        "target_unit": "books", "start_date": "2026-01-01", "end_date": "2026-01-31", "status": "paused", "priority": 5,
        "is_recurring": True, "recurrence_pattern": "FREQ=MONTHLY;BYDAY=-1FR", "parent_id": parent,
    }  # fmt: skip
    answer = ada.post("/v1/goals", sent)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert list(made) == FIELDS
    assert made == made | sent
    assert (made["completed_at"], made["previous_id"], made["current_value"], made["percentage"]) == (None, None, None, 0)
    assert answer.headers["location"] == f"/v1/goals/{made['id']}"
    assert version_tag(answer) == etag(made)
    read = ada.get(answer.headers["location"])
    assert (read.status_code, read.json(), version_tag(read)) == (200, made, etag(made))


def test_what_is_not_sent_gets_its_default(ada: User) -> None:
    made = goal(ada)
    assert (made["status"], made["priority"], made["is_recurring"]) == ("active", 0, False)
    values = ("description", "category", "start_value", "target_value", "target_unit", "start_date", "end_date")
    assert [made[field] for field in (*values, "recurrence_pattern", "parent_id")] == [None] * 9


def test_a_create_with_a_chosen_id_sent_again_answers_the_goal_as_it_stands(api: Api, ada: User) -> None:
    chosen = str(new_uuid7())
    body = {"title": "Once", "goal_type": "daily", "id": chosen}
    answers = api.together(*(ada.send("POST", "/v1/goals", json=body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    progress(ada, chosen)
    again = ada.post("/v1/goals", body)
    assert (again.status_code, again.json()["title"], again.json()["current_value"]) == (200, "Once", 4.5)


def test_a_version_alone_is_not_the_tag_of_an_answer_with_derived_data(ada: User) -> None:
    made = goal(ada)
    assert ada.get(f"/v1/goals/{made['id']}", headers={"If-None-Match": etag(made)}).status_code == 200


def test_a_patch_changes_what_it_names_and_null_clears(ada: User) -> None:
    made = goal(ada, description="A", category="B", target_value=1, start_date="2026-01-01")
    path = f"/v1/goals/{made['id']}"
    assert ada.patch(path, {}).json() == made
    expected = {
        "title": "T", "description": None, "start_date": None, "priority": 2, "start_value": 7, "target_value": -2.25,
        "goal_type": "life",
    }  # fmt: skip
    answer = ada.patch(path, expected)
    changed = answer.json()
    assert changed == made | expected | set_by_change(made, changed)
    assert version_tag(answer) == etag(changed)


@pytest.mark.parametrize("changes", [{"title": "T"}, {"status": "completed"}, {"parent_id": "parent"}])
def test_if_match_holds_back_every_kind_of_change(ada: User, changes: dict[str, Any]) -> None:
    if "parent_id" in changes:
        changes = {"parent_id": goal(ada)["id"]}
    made = goal(ada)
    path, tag = f"/v1/goals/{made['id']}", etag(made)
    for stale in (etag(made, -1), etag(made, 1), f"W/{tag}", tag.strip('"')):
        assert_problem(ada.patch(path, changes, headers={"If-Match": stale}), 412, "version_mismatch")
    assert ada.patch(path, changes, headers={"If-Match": tag}).status_code == 200
    assert_problem(ada.delete(path, headers={"If-Match": tag}), 412, "version_mismatch")
    assert ada.delete(path, headers={"If-Match": "*"}).status_code == 204


def test_a_foreign_goal_does_not_exist(ada: User, bob: User) -> None:
    made = goal(ada)
    path = f"/v1/goals/{made['id']}"
    progress(ada, made["id"])
    for each in (path, f"/v1/goals/{new_uuid7()}"):
        stale = {"If-Match": '"9"'}
        for answer in (
            bob.get(each),
            bob.patch(each, {"title": "T"}, headers=stale),
            bob.patch(each, {"status": "completed"}, headers=stale),
            bob.patch(each, {"parent_id": goal(bob)["id"]}, headers=stale),
            bob.delete(each, headers=stale),
            bob.get(f"{each}/tree"),
            bob.get(f"{each}/progress"),
            bob.post(f"{each}/progress", {"value": 1}),
        ):
            assert_problem(answer, 404, "not_found")
    assert ada.get(path).json() == made | {"current_value": 4.5}
    assert made["id"] not in bob.get("/v1/goals?limit=200").text


def test_deleting_a_goal_deletes_everything_below_it_and_its_progress(ada: User) -> None:
    above = goal(ada)["id"]
    top = goal(ada, parent_id=above)["id"]
    middle = goal(ada, parent_id=top)["id"]
    bottom = goal(ada, parent_id=middle)["id"]
    progress(ada, bottom)
    assert ada.delete(f"/v1/goals/{top}").status_code == 204
    for gone in (top, middle, bottom):
        assert_problem(ada.get(f"/v1/goals/{gone}"), 404, "not_found")
        assert_problem(ada.get(f"/v1/goals/{gone}/progress"), 404, "not_found")
        assert_problem(ada.delete(f"/v1/goals/{gone}"), 404, "not_found")
    assert tree(ada, above)["children"] == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": None}, "title"),
        ({"title": " "}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"title": "a\0"}, "title"),
        ({"goal_type": "hourly"}, "goal_type"),
        ({"goal_type": None}, "goal_type"),
        ({"status": "done"}, "status"),
        ({"status": None}, "status"),
        ({"priority": 6}, "priority"),
        ({"priority": -1}, "priority"),
        ({"priority": True}, "priority"),
        ({"target_value": 0}, "target_value"),
        ({"target_value": -1}, "target_value"),
        ({"start_value": 5, "target_value": 5}, "target_value"),
        ({"start_value": 0, "target_value": 0.0}, "target_value"),
        ({"start_value": "7"}, "start_value"),
        ({"start_value": -1e10}, "start_value"),
        ({"start_value": 10**30}, "start_value"),
        ({"target_value": "7"}, "target_value"),
        ({"target_value": 1e10}, "target_value"),
        ({"target_unit": ""}, "target_unit"),
        ({"category": "x" * 101}, "category"),
        ({"start_date": "2026-02-30"}, "start_date"),
        ({"start_date": "1899-12-31"}, "start_date"),
        ({"end_date": "2026-01-01T00:00:00Z"}, "end_date"),
        ({"start_date": "2026-01-02", "end_date": "2026-01-01"}, "end_date"),
        ({"is_recurring": True}, "recurrence_pattern"),
        ({"is_recurring": None}, "is_recurring"),
        ({"parent_id": "7"}, "parent_id"),
        ({"completed_at": "2026-01-01T00:00:00Z"}, "completed_at"),
        ({"current_value": 1}, "current_value"),
        ({"percentage": 1}, "percentage"),
        ({"previous_id": None}, "previous_id"),
        ({"user_id": str(new_uuid7())}, "user_id"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_field(ada: User, fields: dict[str, Any], field: str) -> None:
    assert_problem(ada.post("/v1/goals", {"title": "T", "goal_type": "daily"} | fields), 422, "invalid", field)
    made = goal(ada)
    if field in {"current_value", "percentage", "previous_id"}:
        # As it stands, or not looked at: what was read can be sent back.
        assert ada.patch(f"/v1/goals/{made['id']}", fields).json() == made
    else:
        code = "read_only" if field == "completed_at" else "invalid"
        assert_problem(ada.patch(f"/v1/goals/{made['id']}", fields), 422, code, field)
    assert ada.get(f"/v1/goals/{made['id']}").json() == made


# Status


def test_completed_at_is_set_exactly_while_a_goal_is_completed(ada: User) -> None:
    made = goal(ada, status="completed")
    assert abs(datetime.fromisoformat(made["completed_at"]) - datetime.now(UTC)) < timedelta(seconds=5)
    path = f"/v1/goals/{made['id']}"
    again = ada.patch(path, {"status": "completed", "title": "T"}).json()
    assert again["completed_at"] == made["completed_at"]
    assert ada.patch(path, {"status": "cancelled"}).json()["completed_at"] is None
    done = ada.patch(path, {"status": "completed"}).json()
    assert done["completed_at"] > made["completed_at"]
    assert ada.patch(path, {"description": "D"}).json()["completed_at"] == done["completed_at"]


# Progress


def test_the_current_value_is_that_of_the_newest_progress_by_date_then_by_id(ada: User) -> None:
    made = goal(ada, target_value=8)
    goal_id = made["id"]
    path = f"/v1/goals/{goal_id}"
    for day, value, percentage in (
        ("2026-01-02", 2, 25),
        ("2026-01-01", 4, 25),
        ("2026-01-02", 3, 37.5),
        ("2026-01-03", 8, 100),
    ):
        progress(ada, goal_id, date=day, value=value)
        assert ada.get(path).json()["percentage"] == percentage
    assert ada.get(path).json() == made | {"current_value": 8, "percentage": 100}
    assert ada.patch(path, {"target_value": 32}).json()["percentage"] == 25
    assert goals(ada)[0] == ada.get(path).json()


@pytest.mark.parametrize(
    ("start", "target", "value", "status", "percentage"),
    [
        (None, 3, 1, "active", 33.33),
        (None, 3, 2, "active", 66.67),
        (None, 10, 25, "active", 100),
        (None, 10, -5, "active", 0),
        (None, 1e-9, 1e9, "active", 100),
        (None, 1e9, 1e-9, "active", 0),
        (None, 10, 9.5, "completed", 100),
        (None, 10, None, "completed", 100),
        (None, 10, None, "active", 0),
        (None, None, 5, "active", 0),
        (None, None, None, "cancelled", 0),
        (None, None, 5, "completed", 100),
        (90, 80, None, "active", 0),
        (90, 80, 95, "active", 0),
        (90, 80, 87.5, "paused", 25),
        (90, 80, 79, "active", 100),
        (90, 80, 95, "completed", 100),
        (20, 0, 5, "active", 75),
        (-5, 5, 0, "active", 50),
        (5, -5, -4, "cancelled", 90),
        (5, None, 7, "active", 0),
        (1e9, -1e9, 0, "active", 50),
    ],
)
def test_the_percentage_lies_between_0_and_100_and_is_never_null(
    ada: User, *, start: float | None, target: float | None, value: float | None, status: str, percentage: float
) -> None:
    goal_id = goal(ada, start_value=start, target_value=target, status=status)["id"]
    if value is not None:
        progress(ada, goal_id, value=value)
    read = ada.get(f"/v1/goals/{goal_id}").json()
    assert (read["current_value"], read["percentage"]) == (value, percentage)


values = st.decimals(-1_000_000_000, 1_000_000_000, places=2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["active", "completed", "paused"]), *[st.none() | values] * 3), min_size=1))
def test_every_percentage_is_how_much_of_the_way_is_done(
    runner: asyncio.Runner, connection: "asyncpg.Connection[asyncpg.Record]", rows: list[tuple[Any, ...]]
) -> None:
    sql = "select goal_percentage($1, $2, $3, $4)"
    for status, start, target, current in rows:
        assume(target is None or target != (start or 0))
        found = runner.run(connection.fetchval(sql, status, start, target, current))
        if status == "completed":
            expected = 100.0
        elif target is None or current is None:
            expected = 0.0
        else:
            begin = Fraction(start or 0)
            done: Fraction = (Fraction(current) - begin) / (Fraction(target) - begin)
            expected = min(100.0, max(0.0, float(done) * 100))
        assert 0 <= found <= 100
        assert abs(float(found) - expected) <= 0.005 + 1e-9


def test_progress_reads_back_in_its_list_and_can_be_sent_again(api: Api, ada: User) -> None:
    goal_id, chosen = goal(ada)["id"], str(new_uuid7())
    body = {"id": chosen, "date": "2026-02-01", "value": 1.5, "note": "🎉"}
    answers = api.together(*(ada.send("POST", f"/v1/goals/{goal_id}/progress", json=body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    made = answers[0].json()
    assert list(made) == ["id", "goal_id", "date", "value", "note", "created_at", "updated_at", "version"]
    assert made == made | body | {"goal_id": goal_id}
    assert answers[0].headers["location"] == f"/v1/goals/{goal_id}/progress/{chosen}"
    read = ada.get(answers[0].headers["location"])
    assert (read.status_code, read.text, version_tag(read)) == (200, answers[0].text, etag(made))
    page = ada.get(f"/v1/goals/{goal_id}/progress")
    assert page.text == '{"items":[' + answers[0].text + '],"next_cursor":null}'
    other = goal(ada)["id"]
    assert_problem(ada.post(f"/v1/goals/{other}/progress", body), 409, "conflict", "id")


def test_without_a_date_progress_is_of_today_where_the_user_is(api: Api) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        user = api.user(timezone=zone)
        day = datetime.now(ZoneInfo(zone)).date()
        made = user.made(f"/v1/goals/{goal(user)['id']}/progress", {"value": 1})
        assert made["date"] in {str(day), str(day + timedelta(days=1))}


def test_progress_with_a_taken_id_is_a_404_where_the_goal_is_not_there(ada: User) -> None:
    taken = {"id": str(new_uuid7()), "value": 1}
    ada.made(f"/v1/goals/{goal(ada)['id']}/progress", taken)
    assert_problem(ada.post(f"/v1/goals/{new_uuid7()}/progress", taken), 404, "not_found")


def test_progress_is_of_tomorrow_at_the_latest_where_the_user_is(api: Api) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        user = api.user(timezone=zone)
        path = f"/v1/goals/{goal(user)['id']}/progress"
        today = datetime.now(ZoneInfo(zone)).date()
        made = user.made(path, {"value": 1, "date": str(today + timedelta(days=1))})
        # A day more than needed: it may be midnight in between.
        for day in (today + timedelta(days=3), date(9999, 12, 31)):
            assert_problem(user.post(path, {"value": 1, "date": str(day)}), 422, "invalid", "date")
            assert_problem(user.patch(f"{path}/{made['id']}", {"date": str(day)}), 422, "invalid", "date")
        assert user.patch(f"{path}/{made['id']}", {"date": "1900-01-01"}).json()["date"] == "1900-01-01"


def test_an_entry_of_progress_is_changed_and_deleted_and_the_goal_follows(ada: User) -> None:
    goal_id = goal(ada, target_value=8)["id"]
    first, second = progress(ada, goal_id, value=2), progress(ada, goal_id, value=4, date="2026-01-02", note="N")
    path = f"/v1/goals/{goal_id}/progress/{second['id']}"
    changed = ada.patch(path, {"value": 6, "note": None}, headers={"If-Match": etag(second)}).json()
    assert changed == second | {"value": 6, "note": None} | set_by_change(second, changed)
    assert ada.get(f"/v1/goals/{goal_id}").json()["percentage"] == 75
    assert ada.patch(path, {}).json() == ada.patch(path, changed).json() == changed
    stale = {"If-Match": etag(second)}
    for answer in (ada.patch(path, {"value": 1}, headers=stale), ada.delete(path, headers=stale)):
        assert_problem(answer, 412, "version_mismatch")
    assert ada.patch(path, {"date": "2025-12-31"}).json()["date"] == "2025-12-31"
    assert ada.get(f"/v1/goals/{goal_id}").json()["current_value"] == 2
    assert ada.delete(f"/v1/goals/{goal_id}/progress/{first['id']}").status_code == 204
    assert ada.get(f"/v1/goals/{goal_id}").json()["current_value"] == 6
    assert ada.delete(path).status_code == 204
    for answer in (ada.get(path), ada.patch(path, {}), ada.delete(path)):
        assert_problem(answer, 404, "not_found")
    assert ada.get(f"/v1/goals/{goal_id}").json()["current_value"] is None


def test_an_entry_is_only_found_below_its_own_goal_and_by_its_own_user(ada: User, bob: User) -> None:
    goal_id = goal(ada)["id"]
    entry = progress(ada, goal_id)
    path = f"/v1/goals/{goal_id}/progress/{entry['id']}"
    other = f"/v1/goals/{goal(ada)['id']}/progress/{entry['id']}"
    for user, address in ((bob, path), (ada, other)):
        for answer in (user.get(address), user.patch(address, {"value": 1}), user.delete(address)):
            assert_problem(answer, 404, "not_found")
    assert ada.get(path).json() == entry


@pytest.mark.parametrize("body", [{"value": None}, {"value": "1"}, {"value": 1e10}, {"date": None}, {"date": "1899-12-31"}])
def test_a_change_of_progress_that_breaks_a_rule_is_refused_with_its_field(ada: User, body: dict[str, Any]) -> None:
    goal_id = goal(ada)["id"]
    path = f"/v1/goals/{goal_id}/progress/{progress(ada, goal_id)['id']}"
    assert_problem(ada.patch(path, body), 422, "invalid", *body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "value"),
        ({"value": None}, "value"),
        ({"value": "1"}, "value"),
        ({"value": 1e10}, "value"),
        ({"value": 1, "date": "1899-12-31"}, "date"),
        ({"value": 1, "date": "01.01.2026"}, "date"),
        ({"value": 1, "note": "x" * 10_001}, "note"),
        ({"value": 1, "goal_id": str(new_uuid7())}, "goal_id"),
    ],
)
def test_progress_that_breaks_a_rule_is_refused_with_its_field(ada: User, body: dict[str, Any], field: str) -> None:
    assert_problem(ada.post(f"/v1/goals/{goal(ada)['id']}/progress", body), 422, "invalid", field)


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_of_progress_give_every_entry_once_by_date(ada: User, order: str) -> None:
    goal_id = goal(ada)["id"]
    days = ["2026-01-03", "2026-01-01", "2026-01-02", "2026-01-01", "2026-01-05"]
    made = sorted(
        (progress(ada, goal_id, date=day, value=n) for n, day in enumerate(days)), key=lambda each: (each["date"], each["id"])
    )
    seen = ada.walk(f"/v1/goals/{goal_id}/progress?limit=2&order={order}&from=2026-01-01&to=2026-01-04")
    assert seen == (made[:4] if order == "oldest" else made[3::-1])
    assert_problem(ada.get(f"/v1/goals/{goal_id}/progress?from=2026-01-02&to=2026-01-01"), 422, "invalid", "to")
    assert ada.get(f"/v1/goals/{goal_id}/progress?from=2027-01-01").json() == {"items": [], "next_cursor": None}


# Lists


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_give_every_goal_once_and_in_order_as_the_goal_alone_is_written(api: Api, order: str) -> None:
    user = api.user()
    made = [goal(user, target_value=n + 1, status="completed" if n == 3 else "active")["id"] for n in range(5)]
    for goal_id in made[:3]:
        progress(user, goal_id, value=0.75)
    seen, cursor = "", ""
    while True:
        page = user.get(f"/v1/goals?limit=2&order={order}{cursor}")
        seen += page.text.removeprefix('{"items":[').rpartition('],"next_cursor"')[0] + ","
        if page.json()["next_cursor"] is None:
            break
        cursor = f"&cursor={page.json()['next_cursor']}"
    expected = made if order == "oldest" else made[::-1]
    assert seen == "".join(user.get(f"/v1/goals/{goal_id}").text + "," for goal_id in expected)


def test_the_filters_keep_what_is_asked_for(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    parent = goal(user, goal_type="yearly")["id"]
    child = goal(user, goal_type="daily", parent_id=parent)["id"]
    done = goal(user, goal_type="daily", status="completed", parent_id=child)["id"]

    async def tag() -> None:
        connection = await asyncpg.connect(database)
        sql = """
            with tag as (insert into tags (user_id, name, slug) values ($1, 'G', 'garden') returning user_id, id)
            insert into taggings (user_id, tag_id, taggable_type, taggable_id) select user_id, id, 'goals', $2 from tag"""
        await connection.execute(sql, user.id, child)
        await connection.close()

    runner.run(tag())
    for query, expected in (
        ("&goal_type=daily", [done, child]),
        ("&goal_type=daily&order=oldest", [child, done]),
        ("&status=completed", [done]),
        (f"&parent_id={parent}", [child]),
        (f"&parent_id={parent}&status=completed", []),
        (f"&parent_id={new_uuid7()}", []),
        ("&tag=garden", [child]),
        ("&tag=none", []),
    ):
        assert [each["id"] for each in goals(user, query)] == expected, query
    for query, field in (("status=done", "status"), ("goal_type=", "goal_type"), ("parent_id=7", "parent_id"), ("x=1", "x")):
        assert_problem(user.get(f"/v1/goals?{query}"), 422, "invalid", field)


def walked(user: User, query: str) -> list[str]:
    """The ids of the goals on all pages of a list."""
    return [each["id"] for each in user.walk(f"/v1/goals?{query}")]


def test_goals_are_listed_by_priority_and_by_end_date(api: Api) -> None:
    user = api.user()
    fields = [(0, "2026-03-01"), (5, None), (2, "9999-12-31"), (2, None), (5, "2026-01-31"), (0, "2026-03-01")]
    ids = [goal(user, priority=priority, end_date=day)["id"] for priority, day in fields]
    by_priority, by_end = [ids[n] for n in (4, 1, 3, 2, 5, 0)], [ids[n] for n in (4, 0, 5, 2, 1, 3)]
    for limit in (1, 2, 6):
        assert walked(user, f"order=priority&limit={limit}") == by_priority
        assert walked(user, f"order=end_date&limit={limit}") == by_end
    assert walked(user, "order=priority&priority=2&limit=1") == [ids[3], ids[2]]
    first = user.get("/v1/goals?order=priority&limit=1")
    assert first.text.startswith('{"items":[' + user.get(f"/v1/goals/{ids[4]}").text)
    for other in ("newest", "end_date"):
        query = f"order={other}&cursor={first.json()['next_cursor']}"
        assert_problem(user.get(f"/v1/goals?{query}"), 422, "invalid_cursor")
    for order in ("priority", "end_date"):
        far = base64.urlsafe_b64encode(order[:1].encode() + bytes([255] * 20)).decode().rstrip("=")
        assert user.get(f"/v1/goals?order={order}&cursor={far}").status_code == (200 if order == "priority" else 422)


def test_a_range_keeps_the_goals_that_share_a_day_with_it(api: Api) -> None:
    user = api.user()
    dates = [("2026-01-01", "2026-01-31"), ("2026-02-01", None), (None, "2026-01-15"), (None, None)]
    both, starts, ends, _ = (goal(user, start_date=start, end_date=end, category=f"c{start}")["id"] for start, end in dates)
    for query, expected in (
        ("from=2026-01-31&to=2026-01-31", [both]),
        ("from=2026-01-15&to=2026-02-01", [ends, starts, both]),
        ("from=2026-02-01", [starts]),
        ("to=2025-12-31", [ends]),
        ("from=2026-01-16&to=2026-01-30&order=end_date", [both]),
        ("from=2026-01-16&order=priority", [starts, both]),
        ("category=c2026-01-01&order=oldest", [both]),
        ("category=C2026-01-01", []),
    ):
        assert walked(user, query) == expected, query
    for query, field in (("from=2026-01-02&to=2026-01-01", "to"), ("priority=6", "priority"), ("order=due", "order")):
        assert_problem(user.get(f"/v1/goals?{query}"), 422, "invalid", field)


# Trees


def test_an_open_occurrence_does_not_lower_what_is_rolled_up(ada: User) -> None:
    top = goal(ada)["id"]
    weekly = goal(ada, parent_id=top, start_date="2026-01-05", target_value=4, **WEEKLY)["id"]
    progress(ada, weekly, value=1)
    assert tree(ada, top)["rolled_up_percentage"] == 25
    for _ in range(2):
        assert ada.patch(f"/v1/goals/{weekly}", {"status": "completed"}).status_code == 200
        assert tree(ada, top)["rolled_up_percentage"] == 100
        [weekly] = [each["id"] for each in goals(ada, f"&parent_id={top}&status=active")]
    other = goal(ada, parent_id=top)["id"]
    assert tree(ada, top)["rolled_up_percentage"] == 66.67
    assert ada.delete(f"/v1/goals/{other}").status_code == 204
    # Completed means 100 %, whatever is still open below.
    goal(ada, parent_id=top, target_value=4)
    assert ada.patch(f"/v1/goals/{top}", {"status": "completed"}).status_code == 200
    assert (tree(ada, top)["goal"]["percentage"], tree(ada, top)["rolled_up_percentage"]) == (100, 100)


def test_a_tree_nests_every_sub_goal_and_rolls_percentages_up(ada: User) -> None:
    top = goal(ada, target_value=10)["id"]
    progress(ada, top, value=1)
    first, second = goal(ada, parent_id=top)["id"], goal(ada, parent_id=top, status="completed")["id"]
    halves = [goal(ada, parent_id=first, target_value=4)["id"] for _ in range(3)]
    for goal_id, value in zip(halves, (1, 2, 4), strict=True):
        progress(ada, goal_id, value=value)
    goal(ada, parent_id=first, status="cancelled")
    given_up = goal(ada, parent_id=second, status="cancelled")["id"]
    read = tree(ada, top)
    assert (read["goal"]["percentage"], read["rolled_up_percentage"]) == (10, 79.17)
    assert [child["goal"]["id"] for child in read["children"]] == [first, second]
    assert [child["rolled_up_percentage"] for child in read["children"]] == [58.33, 100]
    assert [each["rolled_up_percentage"] for each in read["children"][0]["children"]] == [25, 50, 100, 0]
    assert [each["goal"]["id"] for each in read["children"][1]["children"]] == [given_up]
    assert read["children"][0]["goal"] == ada.get(f"/v1/goals/{first}").json()
    assert tree(ada, first) == read["children"][0]
    assert tree(ada, given_up) == {
        "goal": ada.get(f"/v1/goals/{given_up}").json(), "children": [], "children_left_out": 0, "rolled_up_percentage": 0
    }  # fmt: skip


@contextmanager
def connected(runner: asyncio.Runner, database: str) -> Iterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = runner.run(asyncpg.connect(database))
    yield connection
    runner.run(connection.close())


CHAIN = """
    with place as (select n, new_id() as id from generate_series(1, $2::integer) n),
    chain as (select id, lag(id) over (order by n) as parent_id from place)
    insert into goals (user_id, id, title, goal_type, parent_id, target_value)
    select $1, id, 'G', 'daily', parent_id, 4 from chain
    returning id, parent_id"""


def chain_of(user: User, runner: asyncio.Runner, database: str, depth: int) -> list[str]:
    """A chain from before there was a limit, or that an import of that time made: its ids, the top first."""

    async def insert(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            return [str(row["id"]) for row in await connection.fetch(CHAIN, user.id, depth)]

    with connected(runner, database) as connection:
        return runner.run(insert(connection))


@clustered.plain("a chain that is too deep cannot be made: triggers of shards stay on")
@pytest.mark.parametrize("depth", [500, 5_000])
def test_a_chain_of_any_depth_is_read_cut_moved_and_deleted(
    api: Api, runner: asyncio.Runner, database: str, depth: int
) -> None:
    user = api.user()
    chain = chain_of(user, runner, database, depth)
    progress(user, chain[-1], value=1)
    read, levels = tree(user, chain[0]), []
    while True:
        levels.append((read["goal"]["id"], read["rolled_up_percentage"], read["children_left_out"]))
        if not read["children"]:
            break
        [read] = read["children"]
    # What is left out still counts.
    assert levels == [(each, 25, int(place == 99)) for place, each in enumerate(chain[:100])]
    assert tree(user, levels[-1][0])["goal"]["id"] == levels[-1][0]
    assert tree(user, chain[-100])["children_left_out"] == 0
    assert_problem(user.patch(f"/v1/goals/{chain[0]}", {"parent_id": chain[-1]}), 422, "goals_cycle", "parent_id")
    assert user.patch(f"/v1/goals/{chain[-1]}", {"title": "Still there"}).status_code == 200
    new = {"title": "T", "goal_type": "daily", "parent_id": chain[-1]}
    assert_problem(user.post("/v1/goals", new), 422, "goals_too_deep", "parent_id")
    assert user.patch(f"/v1/goals/{chain[-1]}", {"parent_id": chain[98]}).status_code == 200
    assert user.delete(f"/v1/goals/{chain[0]}").status_code == 204
    assert goals(user) == []


def test_a_chain_of_100_goals_takes_no_more_at_its_end_nor_below_what_moves(api: Api) -> None:
    user = api.user()
    chain = [goal(user)["id"]]
    for _ in range(99):
        chain.append(goal(user, parent_id=chain[-1])["id"])
    new = {"title": "T", "goal_type": "daily", "parent_id": chain[-1]}
    assert_problem(user.post("/v1/goals", new), 422, "goals_too_deep", "parent_id")
    assert tree(user, chain[0])["children_left_out"] == 0
    single, top, middle = goal(user)["id"], goal(user)["id"], goal(user, parent_id=chain[97])["id"]
    bottom = goal(user, parent_id=top)["id"]
    assert_problem(user.patch(f"/v1/goals/{single}", {"parent_id": chain[-1]}), 422, "goals_too_deep", "parent_id")
    assert_problem(user.patch(f"/v1/goals/{top}", {"parent_id": middle}), 422, "goals_too_deep", "parent_id")
    assert_problem(user.patch(f"/v1/goals/{chain[0]}", {"parent_id": single}), 422, "goals_too_deep", "parent_id")
    assert user.patch(f"/v1/goals/{top}", {"parent_id": chain[97]}).status_code == 200
    assert user.patch(f"/v1/goals/{bottom}", {"title": "The 100th level"}).status_code == 200
    assert user.patch(f"/v1/goals/{single}", {"parent_id": chain[98]}).status_code == 200
    assert user.patch(f"/v1/goals/{chain[1]}", {"parent_id": None}).status_code == 200


def test_a_tree_of_10_000_goals_is_answered_soon(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    top = goal(user)["id"]
    with connected(runner, database) as connection:
        wide = """
            insert into goals (user_id, title, goal_type, parent_id)
            select $1, 'G', 'daily', $2::text::uuid from generate_series(1, 9999) n"""
        runner.run(connection.execute(wide, user.id, top))
    began = time.monotonic()
    assert len(tree(user, top)["children"]) == 9_999
    moved = user.patch(f"/v1/goals/{top}", {"parent_id": goal(user)["id"]})
    assert moved.status_code == 200
    assert time.monotonic() - began < 5


@clustered.plain("it turns the statistics of one server")
def test_a_tree_is_read_soon_by_a_plan_for_any_user(runner: asyncio.Runner, own_database: str) -> None:
    """After five calls PostgreSQL may take one plan for all: made of statistics in which every goal has 1,500 children."""
    [query] = [each.query for each in STATEMENTS if (each.file, each.name) == ("goals", "tree")]
    with connected(runner, own_database) as connection:

        def grown(goals: int) -> dict[str, Any]:
            user = runner.run(connection.fetchval("insert into users (is_guest) values (true) returning id"))
            top = "insert into goals (user_id, title, goal_type) values ($1, 'Top', 'yearly') returning id"
            root = runner.run(connection.fetchval(top, user))
            below = """
                insert into goals (user_id, title, goal_type, parent_id)
                select $1, 'Goal', 'yearly', $2 from generate_series(1, $3::integer)"""
            runner.run(connection.execute(below, user, root, goals))
            return {"user_id": user, "id": root, "limit": 10_001, "bytes": 8 << 20}

        grown(1_500)
        grown(1_500)
        runner.run(connection.execute("analyze goals"))
        tree = grown(9_999)
        runner.run(connection.execute("set plan_cache_mode = force_generic_plan"))
        rows = runner.run(connection.fetch(query.sql, *(tree[name] for name in query.order), timeout=5))
    assert len(rows) == 10_000


def test_a_tree_that_is_too_large_says_so(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LARGEST_TREE", 3)
    top = goal(ada)["id"]
    middle = goal(ada, parent_id=top)["id"]
    goal(ada, parent_id=middle)
    assert len(tree(ada, top)["children"][0]["children"]) == 1
    goal(ada, parent_id=middle)
    assert_problem(ada.get(f"/v1/goals/{top}/tree"), 422, "goals_tree_too_large")
    assert tree(ada, middle)["goal"]["id"] == middle


def test_a_tree_of_long_texts_has_the_oldest_goals_and_says_what_it_leaves_out(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = {"description": "x" * 1000}
    top = goal(ada, **long)["id"]
    first, second = goal(ada, parent_id=top, **long)["id"], goal(ada, parent_id=top, **long)["id"]
    below = goal(ada, parent_id=first, target_value=4, **long)["id"]
    progress(ada, below, value=1)
    goal(ada, parent_id=second, status="completed", **long)
    whole = tree(ada, top)
    assert (whole["rolled_up_percentage"], whole["children_left_out"]) == (62.5, 0)

    def ids(read: dict[str, Any]) -> list[str]:
        return [read["goal"]["id"], *(each for child in read["children"] for each in ids(child))]

    def left_out(read: dict[str, Any]) -> int:
        return int(read["children_left_out"]) + sum(map(left_out, read["children"]))

    for room, shown, not_shown in (
        (1_700, [top], 2),
        (3_500, [top, first], 2),
        (5_000, [top, first, second], 2),
        (7_000, [top, first, below, second], 1),
    ):
        monkeypatch.setattr(rules, "TREE_BYTES", room)
        read = tree(ada, top)
        assert (ids(read), left_out(read)) == (shown, not_shown), room
        # What is left out still counts.
        assert read["rolled_up_percentage"] == 62.5
    # The goal that was asked for comes first, though it is newer than the one below it.
    newest = goal(ada, **long)["id"]
    assert ada.patch(f"/v1/goals/{top}", {"parent_id": newest}).status_code == 200
    monkeypatch.setattr(rules, "TREE_BYTES", 1_700)
    read = tree(ada, newest)
    assert (read["goal"]["id"], read["children"], read["children_left_out"]) == (newest, [], 1)
    monkeypatch.setattr(rules, "TREE_BYTES", 3_500)
    assert ids(tree(ada, newest)) == [newest, top]


# Moves


def test_a_goal_moves_with_everything_below_it(ada: User) -> None:
    old, new, moved = goal(ada)["id"], goal(ada)["id"], goal(ada)["id"]
    below = goal(ada, parent_id=moved)["id"]
    path = f"/v1/goals/{moved}"
    assert ada.patch(path, {"parent_id": old}).json()["parent_id"] == old
    assert ada.patch(path, {"parent_id": new, "title": "T"}).json()["title"] == "T"
    assert tree(ada, old)["children"] == []
    assert tree(ada, new)["children"][0]["children"][0]["goal"]["id"] == below
    assert ada.patch(path, {"title": "U"}).json()["parent_id"] == new
    assert ada.patch(path, {"parent_id": None}).json()["parent_id"] is None
    assert tree(ada, new)["children"] == []


def test_a_goal_cannot_be_below_itself(ada: User) -> None:
    top = goal(ada)["id"]
    middle = goal(ada, parent_id=top)["id"]
    bottom = goal(ada, parent_id=middle)["id"]
    for parent in (top, middle, bottom):
        answer = ada.patch(f"/v1/goals/{top}", {"parent_id": parent, "title": "T"})
        assert_problem(answer, 422, "goals_cycle", "parent_id")
    assert (tree(ada, top)["goal"]["parent_id"], tree(ada, top)["goal"]["title"]) == (None, "Read")
    chosen = str(new_uuid7())
    itself = ada.post("/v1/goals", {"title": "T", "goal_type": "daily", "id": chosen, "parent_id": chosen})
    assert_problem(itself, 422, "goals_cycle", "parent_id")


def test_a_parent_that_is_not_there_or_not_ones_own_is_not_found(ada: User, bob: User) -> None:
    made = goal(ada)
    own = made["id"]
    for parent in (goal(bob)["id"], str(new_uuid7())):
        new = ada.post("/v1/goals", {"title": "T", "goal_type": "daily", "parent_id": parent})
        assert_problem(new, 404, "not_found", "parent_id")
        assert_problem(ada.patch(f"/v1/goals/{own}", {"parent_id": parent}), 404, "not_found", "parent_id")
    assert ada.get(f"/v1/goals/{own}").json() == made


def test_opposite_moves_at_once_never_close_a_circle(api: Api) -> None:
    user = api.user()
    for _ in range(20):
        ids = [goal(user)["id"] for _ in range(4)]
        moves = [(ids[n], ids[(n + 1) % 4]) for n in range(4)]
        answers = api.together(
            *(user.send("PATCH", f"/v1/goals/{goal_id}", json={"parent_id": parent}) for goal_id, parent in moves)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 422]
        refused = next(answer for answer in answers if answer.status_code == 422)
        assert_problem(refused, 422, "goals_cycle", "parent_id")
    assert len([each for each in goals(user) if each["parent_id"] is None]) == 20


# Recurring goals


def occurrences(user: User) -> list[dict[str, Any]]:
    return goals(user, "&order=oldest")


def test_completing_a_recurring_goal_makes_its_next_occurrence(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    fields = {
        "description": "D", "category": "C", "target_value": 10, "target_unit": "km", "priority": 4, "goal_type": "weekly",
        "start_date": "2026-01-05", "end_date": "2026-01-11", **WEEKLY,
    }  # fmt: skip
    parent = goal(user)["id"]
    made = goal(user, parent_id=parent, **fields)
    progress(user, made["id"])
    goal(user, parent_id=made["id"])
    with connected(runner, database) as connection:
        tag_id = runner.run(
            connection.fetchval("insert into tags (user_id, name, slug) values ($1, 'R', 'run') returning id", user.id)
        )
        tagging = "insert into taggings (user_id, tag_id, taggable_type, taggable_id) values ($1, $2, 'goals', $3)"
        runner.run(connection.execute(tagging, user.id, tag_id, made["id"]))
    done = user.patch(f"/v1/goals/{made['id']}", {"status": "completed"}).json()
    assert (done["status"], done["start_date"]) == ("completed", "2026-01-05")
    *_, following = occurrences(user)
    own = ("id", "created_at", "updated_at", "version")
    expected = {"start_date": "2026-01-12", "end_date": "2026-01-18", "previous_id": made["id"]}
    assert following == made | expected | {field: following[field] for field in own}
    assert following["id"] > made["id"]
    assert following["version"] > made["version"]
    assert (following["status"], following["current_value"], following["completed_at"]) == ("active", None, None)
    assert tree(user, following["id"])["children"] == []
    assert [each["id"] for each in goals(user, "&tag=run")] == [following["id"], made["id"]]


def test_twenty_completions_at_once_make_one_next_occurrence(api: Api) -> None:
    user = api.user()
    path = f"/v1/goals/{goal(user, start_date='2026-01-01', **WEEKLY)['id']}"
    answers = api.together(*(user.send("PATCH", path, json={"status": "completed"}) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(occurrences(user)) == 2


def test_a_goal_reopened_and_completed_again_makes_no_other_one_unless_it_was_deleted(api: Api) -> None:
    user = api.user()
    path = f"/v1/goals/{goal(user, start_date='2026-01-01', **WEEKLY)['id']}"
    for _ in range(3):
        user.patch(path, {"status": "completed"})
        user.patch(path, {"status": "active"})
    first, second = occurrences(user)
    user.patch(path, {"status": "completed"})
    user.delete(f"/v1/goals/{second['id']}")
    for changes in ({"status": "completed"}, {"title": "T"}):
        user.patch(path, changes)
        assert [each["id"] for each in occurrences(user)] == [first["id"]]
    user.patch(path, {"status": "active"})
    user.patch(path, {"status": "completed"})
    assert [each["start_date"] for each in occurrences(user)] == ["2026-01-01", "2026-01-08"]


@pytest.mark.parametrize(
    ("made", "changed", "count"),
    [
        ({"status": "completed"}, [{"status": "completed"}], 1),
        ({}, [{"status": "completed"}, {"status": "completed"}], 2),
        ({}, [{"status": "completed"}, {"status": "active"}, {"status": "completed"}], 2),
        ({"status": "cancelled"}, [{"title": "T"}, {"status": "completed"}], 2),
    ],
)
def test_a_batch_makes_the_occurrences_that_its_requests_make(
    api: Api, made: dict[str, Any], changed: list[dict[str, Any]], count: int
) -> None:
    by_requests, by_batch = api.user(), api.user()
    fields = {"title": "G", "goal_type": "weekly", "start_date": "2026-01-01", **WEEKLY, **made}
    path = f"/v1/goals/{goal(by_requests, **fields)['id']}"
    for changes in changed:
        assert by_requests.patch(path, changes).status_code == 200
    goal_id = str(new_uuid7())
    operations = [{"method": "POST", "path": "/v1/goals", "body": fields | {"id": goal_id}}]
    operations += [{"method": "PATCH", "path": f"/v1/goals/{goal_id}", "body": changes} for changes in changed]
    assert by_batch.post("/v1/batch", {"operations": operations}).status_code == 200
    assert len(occurrences(by_requests)) == len(occurrences(by_batch)) == count


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ({}, {"status": "completed"}),
        (WEEKLY, {"status": "cancelled"}),
        (WEEKLY, {"status": "completed", "is_recurring": False}),
        ({"recurrence_pattern": "FREQ=DAILY"}, {"status": "completed"}),
        (WEEKLY | {"status": "completed"}, {"status": "completed"}),
        (WEEKLY | {"recurrence_pattern": "FREQ=WEEKLY;COUNT=1"}, {"status": "completed"}),
        (WEEKLY | {"recurrence_pattern": "FREQ=WEEKLY;UNTIL=20260107"}, {"status": "completed"}),
        (WEEKLY | {"recurrence_pattern": "FREQ=YEARLY;INTERVAL=11"}, {"status": "completed"}),
        (WEEKLY | {"start_date": "9999-12-31"}, {"status": "completed"}),
        (WEEKLY | {"start_date": "1900-01-01"}, {"status": "completed"}),
    ],
)
def test_no_next_occurrence_is_made_where_there_is_none(api: Api, fields: dict[str, Any], changes: dict[str, Any]) -> None:
    user = api.user()
    path = f"/v1/goals/{goal(user, **{'start_date': '2026-01-01'} | fields)['id']}"
    assert user.patch(path, changes).status_code == 200
    assert len(occurrences(user)) == 1


@pytest.mark.parametrize(
    ("pattern", "before", "next_pattern", "expected"),
    [
        ("FREQ=DAILY", ("2026-02-28", None), None, ("2026-03-01", None)),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", ("2026-01-07", "2026-01-08"), None, ("2026-01-19", "2026-01-20")),
        ("FREQ=MONTHLY", ("2026-01-31", "2026-02-01"), None, ("2026-03-31", "2026-04-01")),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", ("2026-01-31", None), None, ("2026-02-28", None)),
        ("FREQ=YEARLY", ("2024-02-29", None), None, ("2028-02-29", None)),
        ("FREQ=DAILY;COUNT=10", ("2026-01-01", None), "FREQ=DAILY;COUNT=9", ("2026-01-02", None)),
        ("FREQ=WEEKLY;UNTIL=20260108T235959Z", ("2026-01-01", None), None, ("2026-01-08", None)),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", ("2026-01-01", None), None, ("2026-02-13", None)),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", ("2026-01-01", None), None, ("2026-05-11", None)),
    ],
)
def test_the_next_occurrence_begins_on_the_rules_next_day(
    api: Api, pattern: str, before: tuple[str, str | None], next_pattern: str | None, expected: tuple[str, str | None]
) -> None:
    user = api.user()
    made = goal(user, is_recurring=True, recurrence_pattern=pattern, start_date=before[0], end_date=before[1])
    user.patch(f"/v1/goals/{made['id']}", {"status": "completed"})
    following = occurrences(user)[1]
    assert (following["start_date"], following["end_date"]) == expected
    assert following["recurrence_pattern"] == (next_pattern or pattern)


def test_a_goal_without_a_start_comes_again_after_today(api: Api) -> None:
    user = api.user()
    made = goal(user, end_date="2026-01-01", is_recurring=True, recurrence_pattern="FREQ=DAILY")
    user.patch(f"/v1/goals/{made['id']}", {"status": "completed"})
    following = occurrences(user)[1]
    assert date.fromisoformat(following["start_date"]) - datetime.now(UTC).date() in {timedelta(0), timedelta(days=1)}
    assert following["end_date"] >= following["start_date"]


@pytest.mark.parametrize(
    "pattern",
    [
        "", "weekly", "FREQ=SECONDLY", "FREQ=HOURLY", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=99999999", "FREQ=DAILY\nFREQ=WEEKLY", "FREQ=DAILY\n", "DTSTART:20260101T000000\nRRULE:FREQ=DAILY",
        "RDATE:20260101", "EXRULE:FREQ=DAILY", "FREQ=DAILY;BYHOUR=1", "FREQ=DAILY;FREQ=WEEKLY", "FREQ=DAILY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=1MO", "FREQ=DAILY;COUNT=2;COUNT=3", "FREQ=DAILY;UNTIL=20260231", "FREQ=DAILY;UNTIL=99999999",
        "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYYEARDAY=400",
        "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1", "FREQ=MONTHLY;BYSETPOS=367", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", "FREQ=DAILY;",
        "FREQ=YEARLY;BYEASTER=1", "FREQ=DAILY;" + "BYDAY=MO;" * 60,
        # What RFC 5545, 3.3.10, forbids though each part is right.
        "FREQ=DAILY;COUNT=2;UNTIL=20270101", "FREQ=WEEKLY;UNTIL=20270101T000000Z;BYDAY=MO;COUNT=1", "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=MONTHLY;INTERVAL=2;WKST=SU;BYSETPOS=-1", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO",
        "FREQ=YEARLY;BYDAY=MO,-1FR;BYWEEKNO=1", "FREQ=YEARLY;BYYEARDAY=1,367", "FREQ=YEARLY;BYYEARDAY=-1,-367",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,367",
        "FREQ=DAILY;UNTIL=20270101T240000Z", "FREQ=DAILY;UNTIL=20270101T236000", "FREQ=DAILY;UNTIL=20270101T235961Z",
    ],
)  # fmt: skip
def test_a_rule_that_is_none_is_refused(ada: User, pattern: str) -> None:
    before = datetime.now(UTC)
    answer = ada.post("/v1/goals", {"title": "T", "goal_type": "daily", "recurrence_pattern": pattern})
    assert_problem(answer, 422, "invalid", "recurrence_pattern")
    path = f"/v1/goals/{goal(ada)['id']}"
    assert_problem(ada.patch(path, {"recurrence_pattern": pattern}), 422, "invalid", "recurrence_pattern")
    assert datetime.now(UTC) - before < timedelta(seconds=2)


@pytest.mark.parametrize(
    "pattern",
    [
        "FREQ=DAILY;COUNT=2", "FREQ=DAILY;UNTIL=20270101", "FREQ=DAILY;UNTIL=20270101T235960Z",
        "FREQ=MONTHLY;BYMONTHDAY=1,2;BYSETPOS=2", "FREQ=YEARLY;BYYEARDAY=366,-366",
        "FREQ=YEARLY;BYSETPOS=366;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYDAY=MO,TU,WE,TH,FR,SA,SU",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "FREQ=YEARLY;BYDAY=53MO,-53MO",
    ],
)  # fmt: skip
def test_a_rule_at_the_limits_of_the_rfc_is_taken(ada: User, pattern: str) -> None:
    assert goal(ada, recurrence_pattern=pattern)["recurrence_pattern"] == pattern


def test_an_imported_pattern_that_is_no_rule_makes_no_trouble(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    with connected(runner, database) as connection:
        sql = """
            insert into goals (user_id, title, goal_type, is_recurring, recurrence_pattern)
            values ($1, 'G', 'daily', true, 'weekly')"""
        runner.run(connection.execute(sql, user.id))
    [imported] = goals(user)
    assert user.patch(f"/v1/goals/{imported['id']}", {"status": "completed"}).json()["status"] == "completed"
    assert len(goals(user)) == 1
