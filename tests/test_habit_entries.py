"""Several days of a habit at once: the contract of PUT /v1/habits/{id}/entries."""

import asyncio
import datetime as dt
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from client import Api, User, assert_problem
from factories import new_uuid7
from habits_model import DAY
from locks import waited_for
from test_habits import habit, today_of

FIRST = dt.date(2026, 1, 1)


def put(user: User, path: str, *entries: dict[str, Any]) -> httpx.Response:
    """Put entries, each of the day after the one before, unless they have dates."""
    dated = [{"date": str(FIRST + place * DAY)} | entry for place, entry in enumerate(entries)]
    return user.put(f"{path}/entries", {"entries": dated})


def listed(user: User, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = user.get(f"{path}/entries?order=oldest&limit=200").json()["items"]
    return items


BODIES: list[dict[str, Any]] = [
    {},
    {"completed": True},
    {"skipped": True},
    {"value": 2.5},
    {"value": 2},
    {"value": 2.5, "skipped": True},
    {"value": 1, "completed": True},
    {"completed": True, "completed_at": None},
    {"completed": True, "completed_at": "2026-01-02T03:04:05Z", "note": "Läuft 🎉", "mood": 3, "feeling": "rested"},
    {"duration_seconds": 0.5, "note": ""},
]


@pytest.mark.parametrize("fields", [{}, {"kind": "numeric", "target_value": 2.5}, {"kind": "numeric"}])
def test_each_entry_is_what_the_put_of_its_day_makes_of_it(ada: User, fields: Any) -> None:
    path, single = habit(ada, **fields), habit(ada, **fields)
    for bodies in (BODIES, BODIES[::-1], BODIES):
        answer = put(ada, path, *bodies)
        assert answer.status_code == 200, answer.text
        items = answer.json()["items"]
        assert items == listed(ada, path)
        others = [ada.put(f"{single}/entries/{FIRST + n * DAY}", body).json() for n, body in enumerate(bodies)]
        moving = {"habit_id", "created_at", "updated_at", "version"}
        for item, other in zip(items, others, strict=True):
            # A time that is given by the server is another for each.
            moves = moving | ({"completed_at"} if item["completed_at"] and other["completed_at"] else set())
            assert {k: v for k, v in item.items() if k not in moves} == {k: v for k, v in other.items() if k not in moves}


def test_they_are_answered_in_the_order_in_which_they_were_sent_and_others_stay(ada: User) -> None:
    path = habit(ada)
    kept = ada.put(f"{path}/entries/2026-02-01", {"note": "Kept"}).json()
    dates = ["2026-01-03", "2026-01-01", "2026-01-02"]
    items = put(ada, path, *({"date": date} for date in dates)).json()["items"]
    assert [item["date"] for item in items] == dates
    assert listed(ada, path)[-1] == kept
    assert len(listed(ada, path)) == 4


def test_what_does_not_change_keeps_its_version_and_the_time_at_which_it_was_completed(ada: User) -> None:
    path = habit(ada)
    first = put(ada, path, {"completed": True}, {"note": "X"}).json()["items"]
    again = put(ada, path, {"completed": True}, {"note": "Y"}).json()["items"]
    assert again[0] == first[0]
    assert again[1]["version"] > first[1]["version"]
    assert again[1] == first[1] | {name: again[1][name] for name in ("note", "version", "updated_at")}


def test_what_was_read_can_be_sent_back(ada: User) -> None:
    path = habit(ada)
    items = put(ada, path, {"completed": True}, {"value": 7}, {"skipped": True}).json()["items"]
    assert put(ada, path, *items).json() == {"items": items}
    shouted = items[2] | {"habit_id": items[2]["habit_id"].upper()}
    assert put(ada, path, shouted).json() == {"items": items[2:]}
    assert listed(ada, path) == items


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 7),
        ("created_at", "2026-01-01T00:00:00Z"),
        ("updated_at", "2026-01-01T00:00:00Z"),
        ("habit_id", "019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f00"),
    ],
)
def test_what_only_the_server_sets_is_refused_where_it_differs_and_nothing_is_written(
    ada: User, field: str, value: Any
) -> None:
    path = habit(ada)
    before = put(ada, path, {"note": "Before"}).json()["items"]
    changed = before[0] | {"note": "After"}
    assert_problem(put(ada, path, changed | {field: value}, {}), 422, "read_only", f"entries[0].{field}")
    # Nor does a day without an entry have any.
    assert_problem(put(ada, path, changed, {field: value}), 422, "read_only", f"entries[1].{field}")
    assert_problem(put(ada, f"/v1/habits/{new_uuid7()}", {field: value}), 404, "not_found")
    assert listed(ada, path) == before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"completed": True, "skipped": True}, "skipped"),
        ({"completed_at": "2026-01-02T03:04:05Z"}, "completed_at"),
        ({"date": "1899-12-31"}, "date"),
        ({"note": "x" * 2001}, "entries[1].note"),
        ({"value": -1}, "entries[1].value"),
        ({"mood": 11}, "entries[1].mood"),
        ({"date": None}, "entries[1].date"),
        ({"date": str(FIRST)}, "entries[1].date"),
        ({"date": "2100-01-01"}, "entries[1].date"),
        ({"if_match": "*"}, "entries[1].if_match"),
    ],
)
def test_one_entry_that_breaks_a_rule_keeps_all_from_being_written(ada: User, wrong: Any, field: str) -> None:
    path = habit(ada)
    before = put(ada, path, {"note": "Before"}).json()["items"]
    assert_problem(put(ada, path, {"note": "After"}, wrong, {}), 422, "invalid", field)
    assert listed(ada, path) == before


def test_tomorrow_and_holidays_can_be_written_as_by_the_put_of_a_day(ada: User) -> None:
    path, today = habit(ada), today_of(ada)
    planned = [{"date": str(today + ahead * DAY), "skipped": ahead > 1} for ahead in range(4)]
    assert put(ada, path, *planned).status_code == 200
    assert_problem(put(ada, path, *planned[:2], planned[2] | {"skipped": False}), 422, "invalid", "entries[2].date")


def test_it_takes_1_to_366_days(ada: User) -> None:
    path = habit(ada)
    assert_problem(put(ada, path), 422, "invalid", "entries")
    assert_problem(ada.put(f"{path}/entries", {}), 422, "invalid", "entries")
    assert_problem(put(ada, path, *[{"date": str(FIRST - n * DAY)} for n in range(367)]), 422, "invalid", "entries")
    answer = put(ada, path, *[{"date": str(FIRST - n * DAY), "completed": True} for n in range(366)])
    assert (answer.status_code, len(answer.json()["items"])) == (200, 366)
    assert put(ada, path, *answer.json()["items"]).json() == answer.json()


def test_the_habit_must_be_ones_own(api: Api, ada: User, bob: User) -> None:
    path = habit(bob)
    for whose in (path, f"/v1/habits/{new_uuid7()}"):
        assert_problem(put(ada, whose, {"completed": True}), 404, "not_found")
    assert listed(bob, path) == []
    assert_problem(api.request("PUT", f"{path}/entries", json={"entries": [{"date": "2026-01-01"}]}), 401, "unauthenticated")


def test_puts_of_the_same_days_at_once_wait_for_each_other_and_one_of_them_is_last(api: Api, ada: User) -> None:
    path = habit(ada)
    dates = [str(FIRST + n * DAY) for n in range(20)]
    bodies = [{"entries": [{"date": date, "note": str(n)} for date in dates[:: 1 if n % 2 else -1]]} for n in range(16)]
    answers = api.together(*(ada.send("PUT", f"{path}/entries", json=body) for body in bodies))
    assert {answer.status_code for answer in answers} == {200}
    assert len({entry["note"] for entry in listed(ada, path)}) == 1


def test_an_entry_that_changes_meanwhile_is_not_what_was_sent_back(
    runner: asyncio.Runner, connection: "asyncpg.Connection[asyncpg.Record]", ada: User
) -> None:
    path = habit(ada)
    [entry] = put(ada, path, {"note": "Before"}).json()["items"]

    async def put_meanwhile() -> httpx.Response:
        async with connection.transaction():
            await connection.execute("update habit_entries set mood = 7 where habit_id = $1", UUID(entry["habit_id"]))
            putting = asyncio.create_task(ada.send("PUT", f"{path}/entries", json={"entries": [entry | {"note": "After"}]}))
            await waited_for(connection)
        return await putting

    answer = runner.run(put_meanwhile())
    assert_problem(answer, 422, "read_only")
    assert [error["field"] for error in answer.json()["errors"]] == ["entries[0].updated_at", "entries[0].version"]
    assert [(each["note"], each["mood"]) for each in listed(ada, path)] == [("Before", 7)]
