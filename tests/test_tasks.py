"""Tasks: the whole contract of /v1/tasks."""

import asyncio
import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from client import Api, User, assert_problem, etag, set_by_change
from factories import new_uuid7

TASK_FIELDS = [
    "id", "user_id", "title", "description", "completed", "completed_at", "due_date", "priority", "created_at", "updated_at",
    "version",
]  # fmt: skip


def test_a_created_task_reads_back_as_it_was_sent(ada: User) -> None:
    sent = {"title": " Überraschung 🎉 ", "description": "", "completed": True, "due_date": "2026-12-01", "priority": 5}
    answer = ada.post("/v1/tasks", sent)
    assert answer.status_code == 201
    task = answer.json()
    assert list(task) == TASK_FIELDS
    assert task == task | sent | {"user_id": ada.id, "completed_at": task["created_at"]}
    assert answer.headers["location"] == f"/v1/tasks/{task['id']}"
    assert answer.headers["etag"] == etag(task)
    read = ada.get(answer.headers["location"])
    assert (read.status_code, read.json(), read.headers["etag"]) == (200, task, etag(task))


def test_what_is_not_sent_gets_its_default(ada: User) -> None:
    task = ada.task()
    assert task == task | dict.fromkeys(("description", "completed_at", "due_date", "priority")) | {"completed": False}


def test_a_task_is_completed_at_the_time_of_the_patch_that_completes_it(ada: User) -> None:
    task = ada.task()
    path = f"/v1/tasks/{task['id']}"
    done = ada.patch(path, {"completed": True}).json()
    assert task["created_at"] < done["completed_at"] <= done["updated_at"]
    assert ada.patch(path, {"completed": True, "title": "Done before"}).json()["completed_at"] == done["completed_at"]
    assert ada.patch(path, {"completed": False}).json()["completed_at"] is None
    again = ada.patch(path, {"completed": True}).json()["completed_at"]
    assert again > done["completed_at"]
    assert ada.patch(path, ada.get(path).json()).json()["completed_at"] == again
    assert_problem(ada.patch(path, {"completed_at": task["created_at"]}), 422, "read_only", "completed_at")


def test_a_due_date_and_a_priority_are_changed_and_cleared(ada: User) -> None:
    task = ada.task(due_date="1900-01-01", priority=0)
    path = f"/v1/tasks/{task['id']}"
    for fields in ({"due_date": "9999-12-31"}, {"priority": 5}, {"due_date": None, "priority": None}):
        changed = ada.patch(path, fields).json()
        assert changed == task | fields | set_by_change(task, changed)
        task = ada.get(path).json()
        assert task == changed


def test_the_database_sets_the_times_within_a_second_and_in_utc(ada: User) -> None:
    task = ada.task()
    created = datetime.fromisoformat(task["created_at"])
    assert task["created_at"].endswith("Z")
    assert task["updated_at"] == task["created_at"]
    assert abs(datetime.now(UTC) - created) < timedelta(seconds=1)
    assert UUID(task["id"]).version == 7
    changed = ada.patch(f"/v1/tasks/{task['id']}", {"completed": True}).json()
    assert changed["created_at"] == task["created_at"]
    assert datetime.fromisoformat(changed["updated_at"]) > created


def test_a_create_with_a_chosen_id_sent_again_answers_the_row_as_it_stands(ada: User) -> None:
    chosen = str(new_uuid7())
    first = ada.post("/v1/tasks", {"title": "Once", "id": chosen})
    assert (first.status_code, first.json()["id"]) == (201, chosen)
    changed = ada.patch(f"/v1/tasks/{chosen}", {"title": "Changed"})
    again = ada.post("/v1/tasks", {"title": "Once", "id": chosen})
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, changed.json(), changed.headers["etag"])
    assert again.headers["location"] == f"/v1/tasks/{chosen}"


def test_a_create_replayed_after_a_delete_makes_the_row_anew(ada: User) -> None:
    chosen = str(new_uuid7())
    ada.task(id=chosen)
    assert ada.delete(f"/v1/tasks/{chosen}").status_code == 204
    assert ada.post("/v1/tasks", {"title": "Anew", "id": chosen}).status_code == 201


def test_fifty_equal_creates_at_once_make_one_task_and_all_see_it(api: Api, ada: User) -> None:
    chosen = str(new_uuid7())
    answers = api.together(*(ada.send("POST", "/v1/tasks", json={"title": "Once", "id": chosen}) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
    assert {answer.json()["id"] for answer in answers} == {chosen}


def test_two_users_may_choose_the_same_id_and_keep_their_own_rows(ada: User, bob: User) -> None:
    chosen = str(new_uuid7())
    assert ada.post("/v1/tasks", {"title": "Ada's", "id": chosen}).status_code == 201
    assert bob.post("/v1/tasks", {"title": "Bob's", "id": chosen}).status_code == 201
    assert ada.get(f"/v1/tasks/{chosen}").json()["title"] == "Ada's"
    assert bob.get(f"/v1/tasks/{chosen}").json()["title"] == "Bob's"
    for user in (ada, bob):
        stale = user.patch(f"/v1/tasks/{chosen}", {"title": "X"}, headers={"If-Match": '"9"'})
        assert_problem(stale, 412, "version_mismatch")
    assert bob.delete(f"/v1/tasks/{chosen}").status_code == 204
    assert ada.get(f"/v1/tasks/{chosen}").status_code == 200


def test_an_id_of_another_uuid_version_is_refused(ada: User) -> None:
    for chosen in (uuid4(), UUID(int=0), UUID("ffffffff-ffff-ffff-ffff-ffffffffffff")):
        assert_problem(ada.post("/v1/tasks", {"title": "T", "id": str(chosen)}), 422, "id_not_time_ordered", "id")


def test_an_id_lies_at_most_a_day_in_the_future(ada: User) -> None:
    hour = 3600
    assert ada.post("/v1/tasks", {"title": "T", "id": str(new_uuid7(time.time() + 23 * hour))}).status_code == 201
    late = ada.post("/v1/tasks", {"title": "T", "id": str(new_uuid7(time.time() + 25 * hour))})
    assert_problem(late, 422, "id_in_future", "id")


def test_a_row_made_offline_sorts_where_it_was_made(api: Api) -> None:
    user = api.user()
    today = user.task()["id"]
    yesterday = user.task(id=str(new_uuid7(time.time() - 86400)))["id"]
    assert [task["id"] for task in user.get("/v1/tasks").json()["items"]] == [today, yesterday]


def test_a_patch_changes_what_it_names_and_null_clears(ada: User) -> None:
    task = ada.task(description="Twice a week")
    path = f"/v1/tasks/{task['id']}"
    changed = ada.patch(path, {"title": "Water the cactus"})
    assert (changed.status_code, changed.headers["etag"]) == (200, etag(changed.json()))
    assert changed.json() == task | {"title": "Water the cactus"} | set_by_change(task, changed.json())
    cleared = ada.patch(path, {"description": None}).json()
    assert cleared == changed.json() | {"description": None} | set_by_change(changed.json(), cleared)


def test_an_empty_patch_and_an_equal_one_change_nothing(ada: User) -> None:
    task = ada.task()
    for same in ({}, {"title": task["title"]}):
        assert ada.patch(f"/v1/tasks/{task['id']}", same).json() == task


def test_a_merge_patch_may_say_so_in_its_content_type(ada: User) -> None:
    task = ada.task()
    answer = ada.request(
        "PATCH",
        f"/v1/tasks/{task['id']}",
        content=b'{"completed": true}',
        headers={"Content-Type": "application/merge-patch+json; charset=utf-8"},
    )
    assert (answer.status_code, answer.json()["completed"]) == (200, True)


def test_the_last_write_wins_without_if_match(ada: User) -> None:
    path = f"/v1/tasks/{ada.task()['id']}"
    ada.patch(path, {"title": "First"})
    assert ada.patch(path, {"title": "Second"}).json()["title"] == "Second"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_if_match_stops_a_write_on_a_row_that_has_moved_on(ada: User, method: str) -> None:
    task = ada.task()
    path, tag, version = f"/v1/tasks/{task['id']}", etag(task), task["version"]
    body: dict[str, Any] = {"json": {"completed": True}} if method == "PATCH" else {}
    for header in (
        etag(task, -1), etag(task, 1), '"1"', f"W/{tag}", str(version), '""', tag[:-1], f'"0{version}"', f'"-{version}"',
        '"99999999999999999999"', "''", f'{tag} "2"',
    ):  # fmt: skip
        answer = ada.request(method, path, headers={"If-Match": header}, **body)
        assert_problem(answer, 412, "version_mismatch")
    assert ada.get(path).json() == task
    assert ada.request(method, path, headers={"If-Match": tag}, **body).status_code in {200, 204}


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_if_match_star_takes_any_version(ada: User, method: str) -> None:
    path = f"/v1/tasks/{ada.task()['id']}"
    body: dict[str, Any] = {"json": {"completed": True}} if method == "PATCH" else {}
    assert ada.request(method, path, headers={"If-Match": "*"}, **body).status_code in {200, 204}


def test_of_twenty_conditional_writes_at_once_one_wins(api: Api, ada: User) -> None:
    task = ada.task()
    path, condition = f"/v1/tasks/{task['id']}", {"If-Match": etag(task)}
    answers = api.together(*(ada.send("PATCH", path, json={"title": f"T{n}"}, headers=condition) for n in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    [won] = [answer.json() for answer in answers if answer.status_code == 200]
    assert ada.get(path).json() == won == task | {"title": won["title"]} | set_by_change(task, won)


def test_if_none_match_saves_the_answer_that_the_client_has(ada: User) -> None:
    task = ada.task()
    path, tag = f"/v1/tasks/{task['id']}", etag(task)
    for header in (tag, f'"7", {tag}', f"W/{tag}", "*"):
        answer = ada.get(path, headers={"If-None-Match": header})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    for header in (etag(task, -1), etag(task, 1), '"1"'):
        assert ada.get(path, headers={"If-None-Match": header}).status_code == 200


def test_a_deleted_task_is_gone(ada: User) -> None:
    path = f"/v1/tasks/{ada.task()['id']}"
    answer = ada.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(ada.delete(path), 404, "not_found")
    assert_problem(ada.get(path), 404, "not_found")


def test_a_foreign_task_is_forbidden_and_stays_as_it_is(ada: User, bob: User) -> None:
    task = ada.task()
    path = f"/v1/tasks/{task['id']}"
    for answer in (
        bob.get(path),
        bob.patch(path, {"title": "Mine"}),
        bob.delete(path),
        bob.patch(path, {"title": "Mine"}, headers={"If-Match": '"7"'}),
        bob.delete(path, headers={"If-Match": '"7"'}),
        bob.get(path, headers={"If-None-Match": etag(task)}),
    ):
        assert_problem(answer, 403, "forbidden")
        assert "Water" not in answer.text
    assert ada.get(path).json() == task
    assert task["id"] not in bob.get("/v1/tasks?limit=200").text


def test_a_task_that_does_not_exist_is_not_found(ada: User) -> None:
    path = f"/v1/tasks/{new_uuid7()}"
    assert_problem(ada.get(path), 404, "not_found")
    assert_problem(ada.patch(path, {"title": "T"}, headers={"If-Match": '"1"'}), 404, "not_found")
    assert_problem(ada.delete(path, headers={"If-Match": '"1"'}), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/tasks"),
        ("POST", "/v1/tasks"),
        ("DELETE", "/v1/tasks"),
        ("GET", "/v1/tasks/nonsense"),
        ("GET", f"/v1/tasks/{UUID(int=7)}"),
        ("PATCH", f"/v1/tasks/{UUID(int=7)}"),
        ("DELETE", f"/v1/tasks/{UUID(int=7)}"),
        ("GET", "/v1/nonsense"),
    ],
)
def test_nobody_gets_in(api: Api, method: str, path: str) -> None:
    answer = api.request(method, path)
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_checks_come_in_their_order(api: Api, ada: User, bob: User) -> None:
    foreign = f"/v1/tasks/{bob.task()['id']}"
    too_large = {"title": "x" * 300_000}
    text = {"Content-Type": "text/plain"}
    assert_problem(api.post("/v1/tasks", too_large), 401, "unauthenticated")
    assert_problem(ada.request("PATCH", "/v1/tasks/7", json=too_large), 404, "not_found")
    assert_problem(ada.request("PUT", foreign, json=too_large), 405, "method_not_allowed")
    assert_problem(ada.request("PATCH", foreign, json=too_large, headers=text), 413, "body_too_large")
    assert_problem(ada.request("PATCH", foreign, content=b"{", headers=text), 415, "unsupported_media_type")
    json = {"Content-Type": "application/json", "If-Match": '"9"'}
    assert_problem(ada.request("PATCH", foreign, content=b"{", headers=json), 400, "malformed_json")
    assert_problem(ada.request("PATCH", foreign, content=b'{"title":7}', headers=json), 422, "invalid", "title")
    assert_problem(ada.request("PATCH", foreign, content=b'{"title":"7"}', headers=json), 403, "forbidden")


def test_a_method_that_a_path_does_not_take_is_405_with_what_it_takes(ada: User) -> None:
    answer = ada.request("PUT", "/v1/tasks")
    assert_problem(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= {method.strip() for method in answer.headers["allow"].split(",")}


@pytest.mark.parametrize(
    "malformed", ["7", "nonsense", "0", "00000000-0000-0000-0000-00000000000g", "%00", "%ff", "..%2f", "a" * 3000]
)
def test_a_malformed_id_is_not_found(ada: User, malformed: str) -> None:
    assert_problem(ada.get(f"/v1/tasks/{malformed}"), 404, "not_found")


def test_head_answers_as_get_without_the_body(ada: User) -> None:
    task = ada.task()
    path = f"/v1/tasks/{task['id']}"
    for each in (path, "/v1/tasks"):
        get, head = ada.get(each), ada.request("HEAD", each)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
        assert head.headers.get("etag") == get.headers.get("etag")
    assert ada.request("HEAD", path, headers={"If-None-Match": etag(task)}).status_code == 304
    missing = ada.request("HEAD", f"/v1/tasks/{new_uuid7()}")
    assert (missing.status_code, missing.content) == (404, b"")


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_give_every_task_once_and_in_order(api: Api, order: str) -> None:
    user = api.user()
    made = [user.task(title=f"T{n}")["id"] for n in range(7)]
    seen, cursor, sizes = [], "", []
    while True:
        page = user.get(f"/v1/tasks?limit=3&order={order}{cursor}").json()
        assert list(page) == ["items", "next_cursor"]
        seen += [task["id"] for task in page["items"]]
        sizes.append(len(page["items"]))
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sizes == [3, 3, 1]
    assert seen == (made if order == "oldest" else made[::-1])


def test_a_task_in_a_list_is_written_as_the_task_alone_is(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    user.task(title='Quote " backslash \\ 🎉 \u2028', description="line\nbreak\ttab")
    last = user.task()["id"]

    async def set_whole_second() -> None:
        connection = await asyncpg.connect(database)
        sql = "update tasks set created_at = '2020-01-02 03:04:05+00', updated_at = '2020-01-02 03:04:05.5+00' where id = $1"
        await connection.execute(sql, last)
        await connection.close()

    runner.run(set_whole_second())
    page = user.get("/v1/tasks")
    singles = [user.get(f"/v1/tasks/{task['id']}").text for task in page.json()["items"]]
    assert len(singles) == 2
    assert '"created_at":"2020-01-02T03:04:05Z","updated_at":"2020-01-02T03:04:05.500000Z"' in singles[0]
    assert page.text == '{"items":[' + ",".join(singles) + '],"next_cursor":null}'


def test_the_last_full_page_has_no_next_cursor(api: Api) -> None:
    user = api.user()
    for _ in range(2):
        user.task()
    assert user.get("/v1/tasks?limit=2").json()["next_cursor"] is None
    assert user.get("/v1/tasks?limit=1").json()["next_cursor"] is not None


def test_a_list_without_tasks_is_empty(api: Api) -> None:
    assert api.user().get("/v1/tasks").json() == {"items": [], "next_cursor": None}


def test_a_cursor_survives_inserts_and_deletes(api: Api) -> None:
    user = api.user()
    made = [user.task()["id"] for _ in range(4)]
    first = user.get("/v1/tasks?limit=2").json()
    user.delete(f"/v1/tasks/{made[2]}")
    user.task()
    rest = user.get(f"/v1/tasks?limit=2&cursor={first['next_cursor']}").json()
    assert [task["id"] for task in rest["items"]] == [made[1], made[0]]


def test_a_cursor_of_another_user_shows_nothing_but_ones_own(api: Api) -> None:
    ada, bob = api.user(), api.user()
    own = bob.task()["id"]
    for _ in range(3):
        ada.task()
    cursor = ada.get("/v1/tasks?limit=1").json()["next_cursor"]
    assert [task["id"] for task in bob.get(f"/v1/tasks?cursor={cursor}").json()["items"]] == [own]


def test_the_filter_keeps_what_is_asked_for(api: Api) -> None:
    user = api.user()
    done, open_ = user.task(completed=True)["id"], user.task()["id"]
    assert [task["id"] for task in user.get("/v1/tasks?completed=true").json()["items"]] == [done]
    assert [task["id"] for task in user.get("/v1/tasks?completed=false").json()["items"]] == [open_]
    assert len(user.get("/v1/tasks").json()["items"]) == 2


def test_open_tasks_are_listed_by_due_date_and_those_without_one_last(api: Api) -> None:
    user = api.user()
    days = ("9999-12-31", None, "2026-03-01", "1900-01-01", None, "2026-03-01")
    ids = [user.task(due_date=day, priority=n % 2)["id"] for n, day in enumerate(days)]
    user.task(due_date="2026-02-01", completed=True)
    expected = [ids[n] for n in (3, 2, 5, 0, 1, 4)]
    assert listed(user, "order=due&limit=1") == listed(user, "order=due&completed=false&limit=4") == expected
    assert listed(user, "order=due&from=2026-03-01&limit=1") == expected[1:4]
    assert listed(user, "order=oldest&from=2026-03-01&completed=false&limit=1") == [ids[0], ids[2], ids[5]]
    assert listed(user, "order=due&from=0001-01-01&to=2026-03-01&limit=2") == expected[:3]
    assert listed(user, "order=due&priority=1") == [ids[3], ids[5], ids[1]]
    assert listed(user, "order=newest&to=2026-03-01&completed=false") == [ids[5], ids[3], ids[2]]
    assert listed(user, "priority=0&completed=false") == [ids[4], ids[2], ids[0]]


def listed(user: User, query: str) -> list[str]:
    """The ids of the tasks on all pages of a list."""
    return [task["id"] for task in user.walk(f"/v1/tasks?{query}")]


def test_a_cursor_by_due_date_is_one_of_no_other_order(api: Api) -> None:
    user = api.user()
    for _ in range(2):
        user.task(due_date="2026-03-01")
    for order, other in (("due", "newest"), ("newest", "due"), ("oldest", "due")):
        cursor = user.get(f"/v1/tasks?limit=1&order={order}").json()["next_cursor"]
        assert_problem(user.get(f"/v1/tasks?order={other}&cursor={cursor}"), 422, "invalid_cursor")
    far = base64.urlsafe_b64encode(b"d" + bytes([255] * 20)).decode().rstrip("=")
    assert_problem(user.get(f"/v1/tasks?order=due&cursor={far}"), 422, "invalid_cursor")


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "",
        "%20",
        "bg",
        base64.urlsafe_b64encode(b"x" + bytes(16)).decode().rstrip("="),
        base64.urlsafe_b64encode(b"n" + bytes(15)).decode().rstrip("="),
        base64.urlsafe_b64encode(b"n" + bytes(17)).decode().rstrip("="),
        base64.urlsafe_b64encode(b"n" + bytes(16)).decode(),
        base64.urlsafe_b64encode(b"o" + bytes(16)).decode().rstrip("="),
        base64.urlsafe_b64encode(b"n" + bytes(16)).decode().rstrip("=") + "%0A",
    ],
)
def test_a_cursor_of_another_make_or_order_is_refused(ada: User, cursor: str) -> None:
    assert_problem(ada.get(f"/v1/tasks?cursor={cursor}"), 422, "invalid_cursor")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=201", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("limit=7.0", "limit"),
        ("limit=07", "limit"),
        ("limit=%2B7", "limit"),
        ("limit=1e1", "limit"),
        ("limit=", "limit"),
        ("limit=٣", "limit"),
        ("limit=7&limit=7", "limit"),
        ("order=sideways", "order"),
        ("order=NEWEST", "order"),
        ("completed=1", "completed"),
        ("completed=True", "completed"),
        ("completed=null", "completed"),
        ("completed=", "completed"),
        ("priority=6", "priority"),
        ("priority=-1", "priority"),
        ("priority=99999999999999999999", "priority"),
        ("from=2026-02-30", "from"),
        ("from=2026-02-02&to=2026-02-01", "to"),
        ("due_date=2026-02-02", "due_date"),
        ("order=due&completed=true", "completed"),
        ("color=red", "color"),
        ("limit", "limit"),
        ("=7", ""),
        ("cursor=%00", "cursor"),
        ("cursor=" + "a" * 300, "cursor"),
    ],
)
def test_query_parameters_are_strict(ada: User, query: str, field: str) -> None:
    assert_problem(ada.get(f"/v1/tasks?{query}"), 422, "invalid", field)


def test_a_query_that_is_no_utf_8_is_refused(ada: User) -> None:
    assert_problem(ada.get("/v1/tasks?cursor=%ff"), 422, "invalid")


def test_a_route_without_parameters_takes_none(ada: User) -> None:
    assert_problem(ada.get(f"/v1/tasks/{ada.task()['id']}?limit=1"), 422, "invalid", "limit")
    assert_problem(ada.post("/v1/tasks?dry=true", {"title": "T"}), 422, "invalid", "dry")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": None}, "title"),
        ({"title": 7}, "title"),
        ({"title": ["T"]}, "title"),
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "\u2003\n"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "T", "description": "a\0"}, "description"),
        ({"title": "T", "description": "x" * 1001}, "description"),
        ({"title": "T", "description": 7}, "description"),
        ({"title": "T", "completed": None}, "completed"),
        ({"title": "T", "completed": 1}, "completed"),
        ({"title": "T", "completed": "true"}, "completed"),
        ({"title": "T", "due_date": "1899-12-31"}, "due_date"),
        ({"title": "T", "due_date": "10000-01-01"}, "due_date"),
        ({"title": "T", "due_date": "2026-02-30"}, "due_date"),
        ({"title": "T", "due_date": "2026-02-28T00:00:00Z"}, "due_date"),
        ({"title": "T", "due_date": 7}, "due_date"),
        ({"title": "T", "priority": -1}, "priority"),
        ({"title": "T", "priority": 6}, "priority"),
        ({"title": "T", "priority": 10**30}, "priority"),
        ({"title": "T", "priority": 2.5}, "priority"),
        ({"title": "T", "priority": "3"}, "priority"),
        ({"title": "T", "completed_at": "2020-01-01T00:00:00Z"}, "completed_at"),
        ({"title": "T", "color": "red"}, "color"),
        ({"title": "T", "user_id": str(UUID(int=7))}, "user_id"),
        ({"title": "T", "version": 7}, "version"),
        ({"title": "T", "created_at": "2020-01-01T00:00:00Z"}, "created_at"),
        ({"title": "T", "id": "7"}, "id"),
        ({"title": "T", "id": 7}, "id"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_with_its_field(ada: User, body: Any, field: str) -> None:
    before = ada.get("/v1/tasks?limit=1").json()["items"]
    assert_problem(ada.post("/v1/tasks", body), 422, "invalid", field)
    assert ada.get("/v1/tasks?limit=1").json()["items"] == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": None}, "title"),
        ({"completed": None}, "completed"),
        ({"due_date": "1899-12-31"}, "due_date"),
        ({"priority": 6}, "priority"),
        ({"user_id": str(UUID(int=7))}, "user_id"),
        ({"title": " "}, "title"),
        ({"id": str(UUID(int=7))}, "id"),
        ({"version": 1}, "version"),
    ],
)
def test_a_patch_that_breaks_a_rule_is_refused_with_its_field(ada: User, body: Any, field: str) -> None:
    task = ada.task()
    code = "read_only" if field in {"id", "user_id", "version"} else "invalid"
    assert_problem(ada.patch(f"/v1/tasks/{task['id']}", body), 422, code, field)
    assert ada.get(f"/v1/tasks/{task['id']}").json() == task


def test_a_title_of_200_characters_counts_characters_not_bytes(ada: User) -> None:
    assert ada.task(title="🎉" * 200)["title"] == "🎉" * 200


def test_a_backslash_before_u0000_is_a_legal_text(ada: User) -> None:
    title = r"C:\u0000"
    assert ada.task(title=title)["title"] == title
