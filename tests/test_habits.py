"""Habits: the whole contract of /v1/habits."""

import asyncio
import base64
import datetime as dt
import json
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest
from client import Api, User, assert_problem, etag, set_by_change, version_tag
from factories import new_uuid7
from habits_model import DAY, Entry, Rhythm, stats
from locks import waited_for

HABIT_FIELDS = [
    "id", "name", "description", "kind", "unit", "target_value", "frequency", "target_days", "weekdays", "interval_days",
    "nature", "reward", "duration_seconds", "related_habit_id", "category", "color", "icon", "reminder_time", "is_archived",
    "position", "created_at", "updated_at", "version",
]  # fmt: skip
ENTRY_FIELDS = [
    "habit_id", "date", "completed", "skipped", "value", "note", "mood", "feeling", "duration_seconds", "completed_at",
    "created_at", "updated_at", "version",
]  # fmt: skip


COMMENT_FIELDS = ["id", "habit_id", "date", "text", "created_at", "updated_at", "version"]


def habit(user: User, **fields: Any) -> str:
    """Make a habit; its path."""
    return "/v1/habits/" + str(user.made("/v1/habits", {"name": "Stretch"} | fields)["id"])


def today_of(user: User) -> dt.date:
    return dt.datetime.now(ZoneInfo(user.me["timezone"])).date()


# Habits


def test_a_created_habit_reads_back_as_it_was_sent(ada: User) -> None:
    sent = {
        "name": " Läse 🎉 ", "description": "", "kind": "numeric", "unit": "pages", "target_value": 12.5, "frequency": "custom",
        "target_days": 3, "weekdays": None, "interval_days": None, "nature": "pleasant", "reward": "Tea",
        "duration_seconds": 90.5, "related_habit_id": habit(ada).rpartition("/")[2], "category": "Mind",
        "color": "#1a2B3c", "icon": "📖", "reminder_time": "07:30:00", "position": 4,
        "is_archived": True, "id": str(new_uuid7()),
    }  # fmt: skip
    answer = ada.post("/v1/habits", sent)
    assert answer.status_code == 201
    made = answer.json()
    assert list(made) == HABIT_FIELDS
    assert made == made | sent | {"updated_at": made["created_at"]}
    assert (answer.headers["location"], version_tag(answer)) == (f"/v1/habits/{sent['id']}", etag(made))
    read = ada.get(answer.headers["location"])
    assert (read.status_code, read.json(), version_tag(read)) == (200, made, etag(made))
    assert ada.get(answer.headers["location"], headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    again = ada.post("/v1/habits", sent)
    assert (again.status_code, again.json()) == (200, made)


def test_what_is_not_sent_gets_its_default_and_a_weekly_habit_means_once_a_week(ada: User) -> None:
    made = ada.made("/v1/habits", {"name": "Stretch"})
    set_by_default = {"kind": "boolean", "frequency": "daily", "is_archived": False, "position": 0}
    null = made.keys() - set_by_default.keys() - {"id", "name", "created_at", "updated_at", "version"}
    assert made == made | set_by_default | dict.fromkeys(null)
    for frequency, target_days in (("weekly", 1), ("custom", 7), ("monthly", 1)):
        assert ada.made("/v1/habits", {"name": "Call mum", "frequency": frequency})["target_days"] == target_days


def test_a_patch_changes_what_it_names_null_clears_and_nothing_changes_nothing(ada: User) -> None:
    path = habit(ada, kind="numeric", target_value=2, color="#000000", reminder_time="07:30:00")
    before = ada.get(path).json()
    for same in ({}, {"name": "Stretch", "target_value": 2.0}):
        assert ada.patch(path, same).json() == before
    changed = ada.patch(path, {"kind": "boolean", "target_value": None, "color": None, "is_archived": True})
    assert (changed.status_code, version_tag(changed)) == (200, etag(changed.json()))
    expected = {"kind": "boolean", "target_value": None, "color": None, "is_archived": True}
    assert changed.json() == before | expected | set_by_change(before, changed.json())
    assert_problem(ada.patch(path, {"name": "X"}, headers={"If-Match": etag(before)}), 412, "version_mismatch")
    assert_problem(ada.delete(path, headers={"If-Match": etag(before)}), 412, "version_mismatch")
    assert ada.delete(path, headers={"If-Match": etag(changed.json())}).status_code == 204
    assert_problem(ada.delete(path), 404, "not_found")


DAILY: dict[str, Any] = {"frequency": "daily"}
WEEKLY: dict[str, Any] = {"frequency": "weekly", "target_days": 3}
CUSTOM: dict[str, Any] = {"frequency": "custom", "target_days": 3}
MONTHLY: dict[str, Any] = {"frequency": "monthly", "target_days": 31}
WEEKDAYS: dict[str, Any] = {"frequency": "weekdays", "weekdays": [1, 3, 5]}
INTERVAL: dict[str, Any] = {"frequency": "interval", "interval_days": 365}

TRANSITIONS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (DAILY, {"frequency": "weekly"}, {"target_days": 1}),
    (DAILY, {"frequency": "custom"}, {"target_days": 7}),
    (DAILY, {"frequency": "weekly", "target_days": 5}, {}),
    (WEEKLY, {"frequency": "daily"}, {"target_days": None}),
    (WEEKLY, {"frequency": "custom"}, {}),
    (CUSTOM, {"frequency": "weekly"}, {}),
    (WEEKLY, {"frequency": "monthly"}, {"target_days": 1}),
    (MONTHLY, {"frequency": "custom"}, {"target_days": 7}),
    (MONTHLY, {"frequency": "daily"}, {"target_days": None}),
    (WEEKLY, {"name": "Other"}, {}),
    (WEEKLY, WEEKDAYS, {"target_days": None}),
    (WEEKDAYS, {"frequency": "daily"}, {"weekdays": None}),
    (WEEKDAYS, {"weekdays": [7]}, {}),
    (WEEKDAYS, INTERVAL, {"weekdays": None}),
    (INTERVAL, {"interval_days": 2}, {}),
    (INTERVAL, {"frequency": "monthly"}, {"interval_days": None, "target_days": 1}),
    (DAILY, DAILY | {"target_days": None, "weekdays": None, "interval_days": None}, {}),
]


@pytest.mark.parametrize(("fields", "changes", "also"), TRANSITIONS)
def test_another_frequency_brings_what_it_needs_and_takes_what_it_has_no_use_for(
    ada: User, fields: Any, changes: Any, also: Any
) -> None:
    path = habit(ada, **fields)
    before = ada.get(path).json()
    assert before == before | fields
    changed = ada.patch(path, changes).json()
    expected = before | changes | also
    assert changed == (expected | set_by_change(before, changed) if expected != before else before)
    assert ada.get(path).json() == changed


@pytest.mark.parametrize(
    ("fields", "changes", "field"),
    [
        (DAILY, {"target_days": 3}, "target_days"),
        (DAILY, {"weekdays": [1]}, "weekdays"),
        (DAILY, {"interval_days": 2}, "interval_days"),
        (WEEKLY, {"target_days": 8}, "target_days"),
        (WEEKLY, {"target_days": None}, "target_days"),
        (MONTHLY, {"target_days": 32}, "target_days"),
        (MONTHLY, {"frequency": "weekly", "target_days": 8}, "target_days"),
        (DAILY, {"frequency": "weekdays"}, "weekdays"),
        (WEEKDAYS, {"weekdays": None}, "weekdays"),
        (WEEKDAYS, {"weekdays": []}, "weekdays"),
        (WEEKDAYS, {"weekdays": [3, 1]}, "weekdays"),
        (WEEKDAYS, {"weekdays": [1, 1]}, "weekdays"),
        (WEEKDAYS, {"weekdays": [0]}, "weekdays[0]"),
        (WEEKDAYS, {"weekdays": [8]}, "weekdays[0]"),
        (WEEKDAYS, {"weekdays": [1.5]}, "weekdays[0]"),
        (WEEKDAYS, {"target_days": 3}, "target_days"),
        (WEEKLY, {"frequency": "interval"}, "interval_days"),
        (INTERVAL, {"interval_days": 1}, "interval_days"),
        (INTERVAL, {"interval_days": 366}, "interval_days"),
        (INTERVAL, {"interval_days": 2**31}, "interval_days"),
        (INTERVAL, {"frequency": "daily", "interval_days": 3}, "interval_days"),
    ],
)
def test_what_a_frequency_needs_and_nothing_else_goes_with_it(ada: User, fields: Any, changes: Any, field: str) -> None:
    assert_problem(ada.post("/v1/habits", {"name": "Stretch"} | fields | changes), 422, "invalid", field)
    path = habit(ada, **fields)
    before = ada.get(path).json()
    assert_problem(ada.patch(path, changes), 422, "invalid", field)
    assert ada.get(path).json() == before


def test_a_habit_that_was_made_with_weekdays_is_made_once(ada: User) -> None:
    body = {"id": str(new_uuid7()), "name": "Run"} | WEEKDAYS
    made = ada.made("/v1/habits", body)
    assert ada.post("/v1/habits", body).json() == made
    for other in ([1, 3], [1, 3, 6]):
        assert_problem(ada.post("/v1/habits", body | {"weekdays": other}), 409, "id_taken", "id")
    daily = {"id": str(new_uuid7()), "name": "Run"}
    ada.made("/v1/habits", daily)
    assert_problem(ada.post("/v1/habits", daily | WEEKDAYS), 409, "id_taken", "id")


def test_a_related_habit_is_another_one_of_ones_own_and_may_go_away(ada: User, bob: User) -> None:
    related, foreign = habit(ada), habit(bob)
    path = habit(ada, related_habit_id=related.rpartition("/")[2])
    own = path.rpartition("/")[2]
    assert_problem(ada.patch(path, {"related_habit_id": own}), 422, "invalid", "related_habit_id")
    for other in (foreign.rpartition("/")[2], str(new_uuid7())):
        body = {"related_habit_id": other}
        assert_problem(ada.patch(path, body), 404, "not_found", "related_habit_id")
        assert_problem(ada.post("/v1/habits", {"name": "X"} | body), 404, "not_found", "related_habit_id")
    before = ada.get(path).json()
    assert_problem(ada.delete(related, headers={"If-Match": '"1"'}), 412, "version_mismatch")
    assert ada.get(path).json() == before
    assert ada.delete(related).status_code == 204
    after = ada.get(path).json()
    assert after == before | {"related_habit_id": None} | set_by_change(before, after)
    assert ada.delete(path).status_code == 204


def test_a_habit_goes_while_another_begins_to_name_it(
    runner: asyncio.Runner, connection: "asyncpg.Connection[asyncpg.Record]", ada: User
) -> None:
    related, path = habit(ada), habit(ada)

    async def delete_meanwhile() -> int:
        async with connection.transaction():
            ids = [UUID(each.rpartition("/")[2]) for each in (related, path)]
            await connection.execute("update habits set related_habit_id = $1 where id = $2", *ids)
            deleting = asyncio.create_task(ada.send("DELETE", related))
            await waited_for(connection)
        return (await deleting).status_code

    assert runner.run(delete_meanwhile()) == 204
    assert ada.get(path).json()["related_habit_id"] is None
    assert ada.get(related).status_code == 404


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"description": "x" * 10_001}, "description"),
        ({"kind": "number"}, "kind"),
        ({"kind": None}, "kind"),
        ({"unit": ""}, "unit"),
        ({"target_value": 2}, "target_value"),
        ({"kind": "numeric", "target_value": 0}, "target_value"),
        ({"kind": "numeric", "target_value": "2"}, "target_value"),
        ({"frequency": "hourly"}, "frequency"),
        ({"target_days": 0}, "target_days"),
        ({"nature": "dull"}, "nature"),
        ({"reward": "x" * 501}, "reward"),
        ({"duration_seconds": -1}, "duration_seconds"),
        ({"duration_seconds": 10_000_000.5}, "duration_seconds"),
        ({"duration_seconds": 1e300}, "duration_seconds"),
        ({"related_habit_id": "x"}, "related_habit_id"),
        ({"category": "x" * 101}, "category"),
        ({"color": "red"}, "color"),
        ({"color": "#1a2b3c\n"}, "color"),
        ({"icon": ""}, "icon"),
        ({"reminder_time": "25:00:00"}, "reminder_time"),
        ({"reminder_time": "07:30:00Z"}, "reminder_time"),
        ({"is_archived": 1}, "is_archived"),
        ({"position": -1}, "position"),
        ({"position": 1.0}, "position"),
        ({"version": 7}, "version"),
    ],
)
def test_a_habit_that_breaks_a_rule_is_refused_with_its_field(ada: User, fields: Any, field: str) -> None:
    path = habit(ada)
    assert_problem(ada.post("/v1/habits", {"name": "Stretch"} | fields), 422, "invalid", field)
    assert_problem(ada.patch(path, fields), 422, "read_only" if field == "version" else "invalid", field)
    assert ada.get("/v1/habits?limit=1").json()["items"] == [ada.get(path).json()]


def test_the_list_goes_both_ways_in_pages_and_is_written_as_single_habits_are(api: Api) -> None:
    user = api.user()
    fields: list[dict[str, Any]] = [
        {},
        {"reminder_time": "07:30:00.500", "frequency": "weekdays", "weekdays": [2, 7]},
        {"kind": "numeric", "target_value": 0.1, "reminder_time": "23:59:00"},
    ]
    made = [user.get(habit(user, **each)).text for each in fields]
    assert '"reminder_time":"07:30:00.500000"' in made[1]
    assert user.get("/v1/habits?order=oldest").text == '{"items":[' + ",".join(made) + '],"next_cursor":null}'
    first = user.get("/v1/habits?limit=2").json()
    rest = user.get(f"/v1/habits?limit=2&cursor={first['next_cursor']}").json()
    assert [each["id"] for each in first["items"] + rest["items"]] == [json.loads(text)["id"] for text in made[::-1]]
    assert rest["next_cursor"] is None
    assert_problem(user.get(f"/v1/habits?order=oldest&cursor={first['next_cursor']}"), 422, "invalid_cursor")


def test_the_list_can_be_narrowed_to_what_is_put_away_and_to_a_tag(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    kept, away = habit(user), habit(user, is_archived=True)

    async def tag() -> None:
        connection = await asyncpg.connect(database)
        sql = """
            with tag as (insert into tags (user_id, name, slug) values ($1, 'Garden', 'garden') returning user_id, id)
            insert into taggings (user_id, tag_id, taggable_type, taggable_id) select user_id, id, 'habits', $2 from tag"""
        await connection.execute(sql, UUID(user.id), UUID(kept.rpartition("/")[2]))
        await connection.close()

    runner.run(tag())
    for query, expected in (
        ("is_archived=true", [away]),
        ("is_archived=false", [kept]),
        ("tag=garden", [kept]),
        ("tag=garden&is_archived=true", []),
        ("tag=nonsense", []),
        ("order=oldest&tag=garden", [kept]),
        ("order=oldest&is_archived=true", [away]),
    ):
        assert [f"/v1/habits/{each['id']}" for each in user.get(f"/v1/habits?{query}").json()["items"]] == expected, query
    assert_problem(user.get("/v1/habits?category=Body"), 422, "invalid", "category")


def test_a_habit_of_somebody_else_does_not_exist(ada: User, bob: User) -> None:
    path = habit(ada)
    day = f"{path}/entries/{today_of(ada)}"
    entry = ada.put(day, {"note": "Private"}).json()
    comment = ada.made(f"{day}/comments", {"text": "Private"})
    for whose in (path, f"/v1/habits/{new_uuid7()}"):
        entries = f"{whose}/entries/{today_of(ada)}"
        for headers in ({}, {"If-Match": '"7"', "If-None-Match": etag(entry)}):
            for answer in (
                bob.get(whose, headers=headers),
                bob.patch(whose, {"name": "Mine"}, headers=headers),
                bob.delete(whose, headers=headers),
                bob.get(f"{whose}/stats"),
                bob.get(f"{whose}/entries"),
                bob.get(entries, headers=headers),
                bob.put(entries, {"completed": True}, headers=headers),
                bob.patch(entries, {"mood": 1}, headers=headers),
                bob.delete(entries, headers=headers),
                bob.get(f"{entries}/comments"),
                bob.post(f"{entries}/comments", {"text": "Mine"}),
                bob.get(f"{entries}/comments/{comment['id']}", headers=headers),
                bob.delete(f"{entries}/comments/{comment['id']}", headers=headers),
            ):
                assert_problem(answer, 404, "not_found")
    assert ada.get(day).json() == entry
    assert ada.get(f"{day}/comments").json()["items"] == [comment]
    assert path.rpartition("/")[2] not in bob.get("/v1/habits").text + bob.get("/v1/habits/today").text


# Entries


def test_an_entry_is_made_once_and_then_replaced_whole(ada: User) -> None:
    path = f"{habit(ada)}/entries/{today_of(ada)}"
    sent = {
        "completed": True, "skipped": False, "value": 2.5, "note": "In the park", "mood": 7, "feeling": "rested",
        "duration_seconds": 600.5, "completed_at": "2026-01-01T07:30:00.500000Z",
    }  # fmt: skip
    made = ada.put(path, sent)
    tag = etag(made.json())
    assert (made.status_code, list(made.json()), version_tag(made)) == (201, ENTRY_FIELDS, tag)
    assert made.json() == made.json() | sent | {"date": str(today_of(ada)), "habit_id": path.split("/")[3]}
    again = ada.put(path, sent)
    assert (again.status_code, again.json()) == (200, made.json())
    read = ada.get(path)
    assert (read.status_code, read.json(), version_tag(read)) == (200, made.json(), tag)
    assert ada.get(path, headers={"If-None-Match": read.headers["etag"]}).status_code == 304
    other = ada.put(path, {"skipped": True})
    assert (other.status_code, version_tag(other)) == (200, etag(other.json()))
    expected = dict.fromkeys(sent) | {"completed": False, "skipped": True}
    assert other.json() == made.json() | expected | set_by_change(made.json(), other.json())
    assert ada.delete(path).status_code == 204
    assert_problem(ada.delete(path), 404, "not_found")
    assert_problem(ada.get(path), 404, "not_found")
    assert ada.put(path, sent).status_code == 201


@pytest.mark.parametrize(
    ("fields", "body", "completed"),
    [
        ({"kind": "numeric", "target_value": 2.5}, {"value": 2.5}, True),
        ({"kind": "numeric", "target_value": 2.5}, {"value": 2.4999}, False),
        ({"kind": "numeric", "target_value": 2.5}, {}, False),
        ({"kind": "numeric", "target_value": 2.5}, {"value": 9, "completed": False}, False),
        ({"kind": "numeric", "target_value": 2.5}, {"value": 1, "completed": True}, True),
        ({"kind": "numeric", "target_value": 2.5}, {"value": 9, "skipped": True}, False),
        ({"kind": "numeric"}, {"value": 0.1}, True),
        ({"kind": "numeric"}, {"value": 0}, False),
        ({}, {"value": 9}, False),
        ({}, {}, False),
    ],
)
def test_the_value_decides_for_a_numeric_habit_unless_it_is_said(ada: User, fields: Any, body: Any, *, completed: bool) -> None:
    answer = ada.put(f"{habit(ada, **fields)}/entries/2026-01-01", body)
    assert (answer.status_code, answer.json()["completed"]) == (201, completed)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"completed": None}, "completed"),
        ({"completed": 1}, "completed"),
        ({"completed": True, "skipped": True}, "skipped"),
        ({"skipped": None}, "skipped"),
        ({"value": -1}, "value"),
        ({"value": "1"}, "value"),
        ({"note": "x" * 2001}, "note"),
        ({"note": "a\0"}, "note"),
        ({"mood": 0}, "mood"),
        ({"mood": 11}, "mood"),
        ({"feeling": ""}, "feeling"),
        ({"feeling": "x" * 51}, "feeling"),
        ({"duration_seconds": -0.5}, "duration_seconds"),
        ({"duration_seconds": 10_000_001}, "duration_seconds"),
        ({"completed_at": "2026-01-01T07:30:00Z"}, "completed_at"),
        ({"completed": True, "completed_at": "2026-01-01T07:30:00"}, "completed_at"),
        ({"completed": True, "completed_at": "1899-12-31T23:59:59Z"}, "completed_at"),
        ({"completed": True, "completed_at": "9999-12-31T23:59:59-12:00"}, "completed_at"),
        ({"date": "2026-01-02"}, "date"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_refused_with_its_field(ada: User, body: Any, field: str) -> None:
    path = habit(ada)
    code = "read_only" if field == "date" else "invalid"
    assert_problem(ada.put(f"{path}/entries/2026-01-01", body), 422, code, field)
    assert ada.get(f"{path}/entries").json() == {"items": [], "next_cursor": None}
    made = ada.put(f"{path}/entries/2026-01-01", {"note": "Before"}).json()
    assert_problem(ada.patch(f"{path}/entries/2026-01-01", body), 422, code, field)
    assert ada.get(f"{path}/entries/2026-01-01").json() == made


def test_an_entry_is_changed_by_a_merge_patch(ada: User) -> None:
    path = f"{habit(ada)}/entries/2026-01-01"
    assert_problem(ada.patch(path, {"mood": 1}), 404, "not_found")
    before = ada.put(path, {"note": "In the park", "mood": 7, "feeling": "rested"}).json()
    assert ada.patch(path, {}).json() == before
    answer = ada.patch(path, {"mood": None, "duration_seconds": 0.5}, headers={"If-Match": etag(before)})
    after = answer.json()
    assert (answer.status_code, version_tag(answer)) == (200, etag(after))
    assert after == before | {"mood": None, "duration_seconds": 0.5} | set_by_change(before, after)
    assert_problem(ada.patch(path, {"mood": 1}, headers={"If-Match": etag(before)}), 412, "version_mismatch")
    assert ada.get(path).json() == after


@pytest.mark.parametrize(
    ("fields", "entry", "changes", "completed"),
    [
        ({"kind": "numeric", "target_value": 2}, {"value": 1}, {"value": 2}, True),
        ({"kind": "numeric", "target_value": 2}, {"value": 2}, {"value": 1.5}, False),
        ({"kind": "numeric", "target_value": 2}, {"value": 2}, {"value": None}, False),
        ({"kind": "numeric", "target_value": 2}, {"value": 2}, {"value": 1, "completed": True}, True),
        ({"kind": "numeric", "target_value": 2}, {"value": 1, "completed": True}, {"note": "Done"}, True),
        ({"kind": "numeric", "target_value": 2}, {"value": 2}, {"skipped": True}, False),
        ({"kind": "numeric", "target_value": 2}, {"value": 2, "skipped": True}, {"skipped": False}, True),
        ({"kind": "numeric", "target_value": 2}, {"value": 1, "completed": True}, {"value": 1, "skipped": False}, True),
        ({"kind": "numeric"}, {"value": 0}, {"value": 0.1}, True),
        ({}, {"completed": True}, {"value": 0}, True),
    ],
)
def test_a_patched_value_decides_for_a_numeric_habit_unless_it_is_said(
    ada: User, fields: Any, entry: Any, changes: Any, *, completed: bool
) -> None:
    path = f"{habit(ada, **fields)}/entries/2026-01-01"
    ada.put(path, entry)
    answer = ada.patch(path, changes)
    assert (answer.status_code, answer.json()["completed"]) == (200, completed), answer.text
    assert (answer.json()["completed_at"] is not None) == completed


def test_an_entry_keeps_the_time_at_which_it_was_completed_until_it_no_longer_is(ada: User) -> None:
    path = f"{habit(ada)}/entries/2026-01-01"
    began = dt.datetime.now(dt.UTC)
    made = ada.put(path, {"completed": True}).json()
    assert began - dt.timedelta(seconds=1) < dt.datetime.fromisoformat(made["completed_at"]) < dt.datetime.now(dt.UTC)
    for same in (ada.put(path, {"completed": True}), ada.patch(path, {"completed": True})):
        assert same.json() == made
    assert ada.put(path, {"completed": True, "note": "X"}).json()["completed_at"] == made["completed_at"]
    assert ada.patch(path, {"completed": False}).json()["completed_at"] is None
    assert ada.patch(path, {"completed": True}).json()["completed_at"] > made["completed_at"]
    sent = "2026-01-01T07:30:00Z"
    assert ada.patch(path, {"completed_at": sent}).json()["completed_at"] == sent
    assert ada.patch(path, {"completed_at": None}).json()["completed_at"] is None
    assert_problem(ada.patch(path, {"completed": False, "completed_at": sent}), 422, "invalid", "completed_at")


def test_an_entry_that_is_put_while_its_time_is_changed_keeps_the_new_time(
    runner: asyncio.Runner, connection: "asyncpg.Connection[asyncpg.Record]", ada: User
) -> None:
    path = f"{habit(ada)}/entries/2026-01-01"
    ada.put(path, {"completed": True})
    habit_id = UUID(path.split("/")[3])
    changed = "update habit_entries set completed_at = '2026-01-01T07:30:00Z' where habit_id = $1"

    async def put_meanwhile() -> httpx.Response:
        async with asyncio.timeout(10), connection.transaction():
            await connection.execute(changed, habit_id)
            putting = asyncio.create_task(ada.send("PUT", path, json={"completed": True, "note": "X"}))
            await waited_for(connection)
        return await putting

    answer = runner.run(put_meanwhile())
    assert (answer.status_code, answer.json()["note"]) == (200, "X")
    assert answer.json()["completed_at"] == "2026-01-01T07:30:00Z"


def test_that_the_time_of_a_completed_entry_is_not_known_can_be_said_by_every_change(ada: User) -> None:
    path, unknown = f"{habit(ada)}/entries/2026-01-01", {"completed": True, "completed_at": None}
    assert ada.put(path, unknown).json()["completed_at"] is None
    assert ada.put(path, {"completed": True}).json()["completed_at"] is None
    assert ada.patch(path, {"completed_at": "2026-01-01T07:30:00Z"}).status_code == 200
    for change in (ada.put, ada.patch):
        answer = change(path, unknown)
        assert (answer.status_code, answer.json()["completed_at"]) == (200, None)
    assert ada.put(path, {"completed": False, "completed_at": None}).json()["completed_at"] is None
    assert ada.put(path, {"completed": True}).json()["completed_at"] is not None


def test_patches_of_an_entry_at_once_lose_nothing_of_each_other(api: Api, ada: User) -> None:
    path = f"{habit(ada)}/entries/2026-01-01"
    ada.put(path, {})
    changes = {"note": "X", "mood": 3, "feeling": "rested", "value": 2.0, "duration_seconds": 60.0, "completed": True}
    answers = api.together(*(ada.send("PATCH", path, json={name: value}) for name, value in changes.items()))
    assert {answer.status_code for answer in answers} == {200}
    found = ada.get(path).json()
    assert found == found | changes


# Comments


def test_a_comment_with_a_taken_id_is_a_404_where_the_habit_is_not_there(ada: User, bob: User) -> None:
    path = habit(ada)
    comment = {"id": str(new_uuid7()), "text": "Went well"}
    ada.made(f"{path}/entries/2026-01-01/comments", comment)
    for other in (habit(bob), f"/v1/habits/{new_uuid7()}"):
        assert_problem(ada.post(f"{other}/entries/2026-01-01/comments", comment), 404, "not_found")
    assert_problem(ada.post(f"{path}/entries/2026-01-02/comments", comment), 409, "conflict", "id")


def test_a_day_is_commented_several_times(ada: User) -> None:
    day = f"{habit(ada)}/entries/2026-01-01"
    assert ada.get(f"{day}/comments").json() == {"items": [], "next_cursor": None}
    body = {"id": str(new_uuid7()), "text": " Läuft 🎉 "}
    answer = ada.post(f"{day}/comments", body)
    first = answer.json()
    assert (answer.status_code, list(first)) == (201, COMMENT_FIELDS)
    assert first == first | body | {"habit_id": day.split("/")[3], "date": "2026-01-01", "updated_at": first["created_at"]}
    path = answer.headers["location"]
    assert (path, version_tag(answer)) == (f"{day}/comments/{first['id']}", etag(first))
    again = ada.post(f"{day}/comments", body)
    assert (again.status_code, again.json()) == (200, first)
    assert_problem(ada.post(f"{day}/comments", body | {"text": "Other"}), 409, "id_taken", "id")
    second = ada.made(f"{day}/comments", {"text": "x" * 2000})
    ada.made(day.replace("01-01", "01-02") + "/comments", {"text": "Of another day"})
    assert ada.get(f"{day}/comments").json()["items"] == [second, first]
    page = ada.get(f"{day}/comments?order=oldest&limit=1").json()
    assert page["items"] == [first]
    assert ada.get(f"{day}/comments?order=oldest&cursor={page['next_cursor']}").json()["items"] == [second]
    read = ada.get(path)
    assert (read.status_code, read.json()) == (200, first)
    assert ada.get(path, headers={"If-None-Match": read.headers["etag"]}).status_code == 304
    assert_problem(ada.get(path.replace("01-01", "01-02")), 404, "not_found")
    assert_problem(ada.delete(path, headers={"If-Match": '"1"'}), 412, "version_mismatch")
    assert ada.delete(path).status_code == 204
    assert_problem(ada.delete(path), 404, "not_found")
    # The entry of the day comes and goes without its comments.
    assert_problem(ada.get(day), 404, "not_found")
    ada.put(day, {})
    assert ada.delete(day).status_code == 204
    assert ada.get(f"{day}/comments").json()["items"] == [second]


@pytest.mark.parametrize("text", [None, "", " ", "x" * 2001, "a\0", 7])
def test_a_comment_that_breaks_a_rule_is_refused(ada: User, text: Any) -> None:
    path = f"{habit(ada)}/entries/2026-01-01/comments"
    assert_problem(ada.post(path, {"text": text}), 422, "invalid", "text")
    assert_problem(ada.post(path.replace("2026", "1899"), {"text": "X"}), 422, "invalid", "date")
    assert ada.get(path).json()["items"] == []


def test_an_entry_is_changed_only_as_the_version_says(ada: User) -> None:
    path = f"{habit(ada)}/entries/2026-01-01"
    assert_problem(ada.put(path, {}, headers={"If-Match": '"1"'}), 412, "version_mismatch")
    assert_problem(ada.get(path), 404, "not_found")
    made = ada.put(path, {"mood": 1}).json()
    for stale in (etag(made, -1), etag(made, 1), f"W/{etag(made)}", "nonsense"):
        assert_problem(ada.put(path, {"mood": 2}, headers={"If-Match": stale}), 412, "version_mismatch")
        assert_problem(ada.delete(path, headers={"If-Match": stale}), 412, "version_mismatch")
    changed = ada.put(path, {"mood": 3}, headers={"If-Match": etag(made)}).json()
    assert changed == made | {"mood": 3} | set_by_change(made, changed)
    assert ada.delete(path, headers={"If-Match": etag(changed)}).status_code == 204


@pytest.mark.parametrize(
    "body", [{"completed": False, "completed_at": "2026-01-02T03:04:05Z"}, {"completed": True, "skipped": True}]
)
def test_the_condition_of_a_put_is_told_before_what_the_entry_may_not_be(ada: User, body: dict[str, Any]) -> None:
    path = f"{habit(ada)}/entries/2026-01-01"
    entry = ada.put(path, {"mood": 1}).json()
    for headers in ({"If-Match": '"1"'}, {"If-None-Match": "*"}, {"If-None-Match": etag(entry)}):
        assert_problem(ada.put(path, body, headers=headers), 412, "version_mismatch")
    for headers in ({}, {"If-Match": etag(entry)}, {"If-None-Match": '"1"'}):
        assert_problem(ada.put(path, body, headers=headers), 422, "invalid")


def test_fifty_entries_of_a_day_at_once_make_one(api: Api, ada: User) -> None:
    path = habit(ada)
    day = f"{path}/entries/2026-01-01"
    answers = api.together(*(ada.send("PUT", day, json={"completed": True, "value": n}) for n in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
    [left] = ada.get(f"{path}/entries").json()["items"]
    assert len({answer.json()["version"] for answer in answers}) == 50
    assert left == max((answer.json() for answer in answers), key=lambda entry: int(entry["version"]))


def test_of_changes_at_once_that_name_the_same_version_one_is_done(api: Api, ada: User) -> None:
    day = f"{habit(ada)}/entries/2026-01-01"
    condition = {"If-Match": ada.put(day, {}).headers["etag"]}
    changes = [ada.send("PUT", day, json={"value": n}, headers=condition) for n in range(1, 11)]
    answers = api.together(*changes, ada.send("DELETE", day, headers=condition))
    assert sorted(answer.status_code // 100 for answer in answers) == [2, *[4] * 10]
    assert 201 not in {answer.status_code for answer in answers}


def test_entries_are_listed_by_day_within_a_range(api: Api) -> None:
    user = api.user()
    path = habit(user)
    days = [f"2026-01-0{n}" for n in (3, 1, 5, 2, 4)]
    for day in days:
        user.put(f"{path}/entries/{day}", {"value": 0.5, "note": f'"{day}"'})

    def listed(query: str) -> list[str]:
        return [entry["date"] for entry in user.get(f"{path}/entries?{query}").json()["items"]]

    assert listed("") == sorted(days, reverse=True)
    assert listed("order=oldest") == sorted(days)
    assert listed("from=2026-01-02&to=2026-01-04") == ["2026-01-04", "2026-01-03", "2026-01-02"]
    assert listed("from=2026-01-05") == ["2026-01-05"]
    assert listed("to=2025-12-31") == []
    for order in ("newest", "oldest"):
        first = user.get(f"{path}/entries?limit=3&order={order}").json()
        second = f"limit=3&order={order}&cursor={first['next_cursor']}"
        assert [entry["date"] for entry in first["items"]] + listed(second) == listed(f"order={order}")
    assert_problem(user.get(f"{path}/entries?order=newest&cursor={first['next_cursor']}"), 422, "invalid_cursor")
    assert_problem(user.get(f"{path}/entries?from=2026-01-02&to=2026-01-01"), 422, "invalid", "to")
    assert_problem(user.get(f"{path}/entries?from=20260102"), 422, "invalid", "from")
    singles = [user.get(f"{path}/entries/{day}").text for day in sorted(days)]
    assert user.get(f"{path}/entries?order=oldest").text == '{"items":[' + ",".join(singles) + '],"next_cursor":null}'
    assert user.get(f"{habit(user)}/entries").json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(("order", "day"), [("newest", dt.date.min), ("oldest", dt.date.max)])
def test_a_made_up_cursor_at_either_end_of_the_calendar_is_an_empty_page(ada: User, order: str, day: dt.date) -> None:
    key = order[:1].encode() + day.toordinal().to_bytes(4) + bytes(16)
    cursor = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
    page = ada.get(f"{habit(ada)}/entries?from=0001-01-01&order={order}&cursor={cursor}")
    assert page.json() == {"items": [], "next_cursor": None}


def test_entries_and_comments_go_with_their_habit(ada: User) -> None:
    path = habit(ada)
    ada.put(f"{path}/entries/2026-01-01", {})
    ada.made(f"{path}/entries/2026-01-01/comments", {"text": "X"})
    ada.delete(path)
    ada.made("/v1/habits", {"name": "Anew", "id": path.rpartition("/")[2]})
    for below in ("entries", "entries/2026-01-01/comments"):
        assert ada.get(f"{path}/{below}").json()["items"] == []


@pytest.mark.parametrize("day", ["2026-13-01", "2026-02-30", "20260101", "2026-W01-1", "today", "1", "2026-01-01T00:00:00"])
def test_a_malformed_day_is_not_found(ada: User, day: str) -> None:
    assert_problem(ada.put(f"{habit(ada)}/entries/{day}", {}), 404, "not_found")


@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_what_lies_ahead_can_be_skipped_but_not_done(api: Api, timezone: str) -> None:
    user = api.user(timezone=timezone)
    path = habit(user)
    today = today_of(user)
    assert user.put(f"{path}/entries/{today + DAY}", {"completed": True}).status_code == 201
    later = f"{path}/entries/{today + 2 * DAY}"
    for body in ({"completed": True}, {}, {"value": 1}):
        assert_problem(user.put(later, body), 422, "invalid", "date")
    assert user.put(later, {"skipped": True, "note": "Holidays"}).status_code == 201
    assert user.patch(later, {"note": "Abroad"}).status_code == 200
    assert_problem(user.patch(later, {"skipped": False}), 422, "invalid", "date")
    assert_problem(user.patch(later, {"completed": True}), 422, "invalid", "skipped")
    assert_problem(user.put(f"{path}/entries/1899-12-31", {}), 422, "invalid", "date")
    assert_problem(user.put(f"{path}/entries/9999-12-31", {"skipped": True, "completed": True}), 422, "invalid")
    found = user.get(f"{path}/stats").json()
    assert (found["total_completed"], found["current_streak"]) == (0, 0)


# Statistics


@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize(
    ("history", "current", "longest"),
    [
        ("", 0, 0),
        ("d", 1, 1),
        ("dd.", 2, 2),
        ("dd..", 0, 2),
        ("dd.d", 1, 2),
        ("ddd.dd", 2, 3),
        ("dsd", 2, 2),
        ("dssd.", 2, 2),
        ("ds", 1, 1),
        ("d.s", 0, 1),
        ("ds.", 1, 1),
        ("ss", 0, 0),
        ("dddxd", 1, 3),
        ("dddx", 3, 3),
    ],
)
def test_a_daily_streak(api: Api, timezone: str, history: str, current: int, longest: int) -> None:
    """The last character is today: done, skipped, x for entered but not done, a dot for no entry."""
    user = api.user(timezone=timezone)
    path = habit(user)
    today = today_of(user)
    lived = {}
    for age, mark in enumerate(reversed(history)):
        if mark != ".":
            lived[today - age * DAY] = entry = Entry(completed=mark == "d", skipped=mark == "s")
            user.put(f"{path}/entries/{today - age * DAY}", entry._asdict())
    found = user.get(f"{path}/stats").json()
    assert (found["current_streak"], found["longest_streak"]) == (current, longest)
    assert found == stats(lived, Rhythm(), today, today)


def test_a_habit_without_a_due_day_has_no_rate_and_no_best_weekday(ada: User) -> None:
    path = habit(ada)
    ada.put(f"{path}/entries/{today_of(ada)}", {"skipped": True})
    assert ada.get(f"{path}/stats").json() == {
        "current_streak": 0, "longest_streak": 0, "completion_rate": dict.fromkeys(["7", "30", "90", "365"]),
        "total_completed": 0, "by_week": [], "by_month": [], "best_weekday": None,
    }  # fmt: skip


def test_more_than_a_weeks_target_is_a_rate_of_one(ada: User) -> None:
    path = habit(ada, frequency="custom", target_days=2)
    for age in range(7):
        ada.put(f"{path}/entries/{today_of(ada) - age * DAY}", {"completed": age < 3})
    assert ada.get(f"{path}/stats").json()["completion_rate"] == {"7": 1, "30": 1, "90": 1, "365": 1}


def test_totals_go_by_iso_weeks_and_months_and_the_best_weekday_is_that_of_most_days(ada: User) -> None:
    path = habit(ada)
    for day in ("2025-12-29", "2026-01-04", "2026-01-05", "2026-02-01", "2026-02-03"):
        ada.put(f"{path}/entries/{day}", {"completed": True})
    ada.put(f"{path}/entries/2026-03-03", {"completed": False})
    found = ada.get(f"{path}/stats").json()
    assert found["by_week"] == [
        {"week": "2025-12-29", "completed": 2}, {"week": "2026-01-05", "completed": 1},
        {"week": "2026-01-26", "completed": 1}, {"week": "2026-02-02", "completed": 1},
    ]  # fmt: skip
    assert found["by_month"] == [
        {"month": "2025-12-01", "completed": 1}, {"month": "2026-01-01", "completed": 2},
        {"month": "2026-02-01", "completed": 2},
    ]  # fmt: skip
    # Two Mondays, two Sundays, one Tuesday.
    assert (found["total_completed"], found["best_weekday"]) == (5, 1)


# Today


NOT_DONE = {"entry": None, "is_done": False, "completed_this_week": 0, "completed_this_period": 0}


def test_today_lists_what_is_due_in_the_users_order_with_its_state(api: Api) -> None:
    user = api.user()
    assert user.get("/v1/habits/today").json() == {"date": str(today_of(user)), "items": [], "items_left_out": 0}
    last, first = habit(user, position=2, reminder_time="07:30:00"), habit(user, position=1, reminder_time="07:30:00")
    second = habit(user, position=1)
    habit(user, is_archived=True)
    entry = user.put(f"{first}/entries/{today_of(user)}", {"completed": True, "value": 1}).json()
    user.put(f"{second}/entries/{today_of(user) - 7 * DAY}", {"completed": True})
    expected = [
        user.get(path).json() | state
        for path, state in (
            (first, {"entry": entry, "is_done": True, "completed_this_week": 1, "completed_this_period": 1, "remind_at": None}),
            (second, NOT_DONE | {"remind_at": None}),
            (last, NOT_DONE | {"remind_at": f"{today_of(user)}T07:30:00Z"}),
        )
    ]
    answer = user.get("/v1/habits/today")
    assert answer.status_code == 200
    assert answer.json() == {"date": str(today_of(user)), "items": expected, "items_left_out": 0}
    assert_problem(user.patch("/v1/habits/today", {}), 405, "method_not_allowed")


def test_today_ends_with_the_habit_that_reaches_its_bytes_and_says_how_many_more_are_due(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = api.user()
    paths = [habit(user, position=place, description="x" * 1000) for place in (3, 1, 2, 4)]
    habit(user, position=0, is_archived=True)
    monkeypatch.setattr("app.habits.repository.PAGE_BYTES", 2_000)
    read = user.get("/v1/habits/today").json()
    assert [each["id"] for each in read["items"]] == [paths[place].rpartition("/")[2] for place in (1, 2)]
    assert read["items_left_out"] == 2
    monkeypatch.setattr("app.habits.repository.PAGE_BYTES", 1)
    read = user.get("/v1/habits/today").json()
    assert (len(read["items"]), read["items_left_out"]) == (1, 3)


def test_a_weekly_habit_is_due_until_its_days_are_done_and_stays_until_the_day_is_over(api: Api) -> None:
    user = api.user()
    path = habit(user, frequency="weekly", target_days=1)
    today = today_of(user)
    user.put(f"{path}/entries/{today - (today.weekday() + 1) * DAY}", {"completed": True})
    [due] = user.get("/v1/habits/today").json()["items"]
    assert (due["is_done"], due["completed_this_week"]) == (False, 0)
    user.put(f"{path}/entries/{today}", {"completed": True})
    [due] = user.get("/v1/habits/today").json()["items"]
    assert (due["is_done"], due["completed_this_week"]) == (True, 1)
    if today.weekday():
        user.put(f"{path}/entries/{today - DAY}", {"completed": True})
        assert user.get("/v1/habits/today").json()["items"] == []


def test_what_is_due_today_follows_weekdays_months_and_intervals(api: Api) -> None:
    user = api.user(timezone="Asia/Kolkata")
    today = today_of(user)
    on_other_days = [day for day in range(1, 8) if day != today.isoweekday()]
    due = [
        habit(user, frequency="weekdays", weekdays=[today.isoweekday()], reminder_time="00:15:00"),
        habit(user, frequency="interval", interval_days=3),
        habit(user, frequency="monthly", target_days=31),
    ]
    done = habit(user, frequency="interval", interval_days=4)
    for path, age in ((due[1], 3), (done, 3)):
        user.put(f"{path}/entries/{today - age * DAY}", {"completed": True})
    habit(user, frequency="weekdays", weekdays=on_other_days)
    user.put(f"{due[2]}/entries/{today}", {"completed": True})
    items = user.get("/v1/habits/today").json()["items"]
    assert [f"/v1/habits/{item['id']}" for item in items] == due
    assert [item["completed_this_period"] for item in items] == [0, 0, 1]
    assert items[0]["remind_at"] == f"{today - DAY}T18:45:00Z"
