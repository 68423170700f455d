"""Tags: the whole contract of /v1/tags, the links to rows of eight kinds, and the filter tag= on tasks."""

import asyncio
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest
from client import Api, User, assert_problem, etag, set_by_change, version_tag
from factories import new_uuid7
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.slugs import slug
from app.tags.targets import KINDS

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Row = dict[str, Any]

TAG_FIELDS = ["id", "name", "slug", "category", "color", "description", "usage_count", "created_at", "updated_at", "version"]

TARGETS = {
    "tasks": "insert into tasks (user_id, title) values ($1, 'T') returning id",
    "habits": "insert into habits (user_id, name) values ($1, 'H') returning id",
    "goals": "insert into goals (user_id, title, goal_type) values ($1, 'G', 'yearly') returning id",
    "foods": "insert into foods (user_id, date, meal_type, name) values ($1, '2026-01-01', 'lunch', 'F') returning id",
    "workouts": "insert into workouts (user_id, date, type) values ($1, '2026-01-01', 'run') returning id",
    "daily-reviews": "insert into daily_reviews (user_id, date) values ($1, '2026-01-01') returning id",
    "blog-entries": "insert into blog_entries (user_id, title, content, slug) values ($1, 'B', 'B', 'b') returning id",
    "conversations": "insert into conversations (user_id) values ($1) returning id",
}
"""How a row of each kind is made for the user $1."""

Make = Callable[[User, str], str]


@pytest.fixture(scope="module")
def make(runner: asyncio.Runner, database: str) -> Iterator[Make]:
    """Makes a row of a kind for a user, and gives its id."""
    connection: Connection = runner.run(asyncpg.connect(database))
    yield lambda user, kind: str(runner.run(connection.fetchval(TARGETS[kind], UUID(user.id))))
    runner.run(connection.close())


def tag(user: User, name: str = "", **fields: Any) -> Row:
    return user.made("/v1/tags", {"name": name or f"Tag {uuid4()}"} | fields)


def path_to(tag: Row, kind: str, target: str) -> str:
    return f"/v1/tags/{tag['id']}/{kind}/{target}"


def put(user: User, tag: Row, kind: str, target: str) -> None:
    answer = user.put(path_to(tag, kind, target))
    assert (answer.status_code, answer.content) == (204, b""), answer.text


def ids(user: User, path: str) -> list[str]:
    answer = user.get(path)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["items"]]


# Tags


def test_a_created_tag_reads_back_as_it_was_sent(api: Api) -> None:
    user = api.user()
    answer = user.post(
        "/v1/tags", {"name": " Über 7 Brücken! ", "category": "songs", "color": "#1a2B3c", "description": "🎶" * 500}
    )
    assert answer.status_code == 201
    made = answer.json()
    assert list(made) == TAG_FIELDS
    assert (made["name"], made["slug"], made["category"], made["color"], made["description"]) == (
        " Über 7 Brücken! ", "über-7-brücken", "songs", "#1a2B3c", "🎶" * 500
    )  # fmt: skip
    assert (made["usage_count"], version_tag(answer)) == (0, etag(made))
    assert answer.headers["location"] == f"/v1/tags/{made['id']}"
    read = user.get(answer.headers["location"])
    assert (read.status_code, read.json(), version_tag(read)) == (200, made, etag(made))
    assert user.get("/v1/tags").text == '{"items":[' + read.text + '],"next_cursor":null}'


def test_what_is_not_sent_is_null(ada: User) -> None:
    made = tag(ada)
    assert (made["category"], made["color"], made["description"]) == (None, None, None)


def test_a_create_sent_again_answers_the_tag_as_it_stands_with_its_count(ada: User) -> None:
    body = {"name": f"Once {uuid4()}", "id": str(new_uuid7())}
    assert ada.post("/v1/tags", body).status_code == 201
    put(ada, body, "tasks", ada.task()["id"])
    ada.patch(f"/v1/tags/{body['id']}", {"color": "#000000"})
    again = ada.post("/v1/tags", body)
    assert (again.status_code, again.json()["usage_count"], again.json()["color"]) == (200, 1, "#000000")


def test_equal_creates_at_once_make_one_tag_and_all_see_it(api: Api, ada: User) -> None:
    """The slug is a second key on which twins meet: a few rounds, for they must come within the same millisecond."""
    for _ in range(4):
        body = {"name": f"Once {uuid4()}", "id": str(new_uuid7())}
        answers = api.together(*(ada.send("POST", "/v1/tags", json=body) for _ in range(20)))
        assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]


def test_a_taken_slug_is_a_conflict_that_names_it(ada: User, bob: User) -> None:
    taken = tag(ada, "Deep Work")
    for body in ({"name": "deep... WORK"}, {"name": "Deep Work", "id": str(new_uuid7())}):
        assert_problem(ada.post("/v1/tags", body), 409, "conflict", "slug")
    other = tag(ada)
    assert_problem(ada.patch(f"/v1/tags/{other['id']}", {"name": "deep-work"}), 409, "conflict", "slug")
    assert ada.get(f"/v1/tags/{other['id']}").json() == other
    assert tag(bob, "Deep Work")["slug"] == taken["slug"]


def test_a_patch_changes_what_it_names_and_null_clears(ada: User) -> None:
    made = tag(ada, category="places", color="#123456")
    path = f"/v1/tags/{made['id']}"
    assert ada.patch(path, {"description": "Places"}).json()["description"] == "Places"
    made = ada.patch(path, {"description": None}).json()
    changed = ada.patch(path, {"category": None, "color": "#abcdef"})
    assert (changed.status_code, version_tag(changed)) == (200, etag(changed.json()))
    assert changed.json() == made | {"category": None, "color": "#abcdef"} | set_by_change(made, changed.json())
    for same in ({}, {"name": made["name"]}):
        assert ada.patch(path, same).json() == changed.json()


def test_a_renamed_tag_has_a_new_slug_and_keeps_its_rows(api: Api) -> None:
    user = api.user()
    made, task = tag(user, "Garden"), user.task()["id"]
    user.task()
    put(user, made, "tasks", task)
    renamed = user.patch(f"/v1/tags/{made['id']}", {"name": "Back Yard"}).json()
    assert (renamed["slug"], renamed["usage_count"]) == ("back-yard", 1)
    assert ids(user, "/v1/tasks?tag=back-yard") == [task]
    assert ids(user, "/v1/tasks?tag=garden") == []
    assert user.post("/v1/tags", {"name": "garden"}).status_code == 201


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_if_match_stops_a_write_on_a_tag_that_has_moved_on(ada: User, method: str) -> None:
    made = tag(ada)
    path = f"/v1/tags/{made['id']}"
    body: dict[str, Any] = {"json": {"category": "x"}} if method == "PATCH" else {}
    changed = ada.patch(path, {"color": "#abcdef"}).json()
    for stale in (etag(made), etag(changed, 1)):
        assert_problem(ada.request(method, path, headers={"If-Match": stale}, **body), 412, "version_mismatch")
    assert ada.request(method, path, headers={"If-Match": etag(changed)}, **body).status_code in {200, 204}


def test_the_etag_tells_when_only_the_count_has_changed(ada: User) -> None:
    made = tag(ada)
    path = f"/v1/tags/{made['id']}"
    before = ada.get(path)
    assert ada.get(path, headers={"If-None-Match": before.headers["etag"]}).status_code == 304
    put(ada, made, "tasks", ada.task()["id"])
    answer = ada.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert (answer.status_code, answer.json(), version_tag(answer)) == (200, made | {"usage_count": 1}, etag(made))


def test_a_deleted_tag_is_gone_and_the_rows_stay(ada: User) -> None:
    made, task = tag(ada), ada.task()
    put(ada, made, "tasks", task["id"])
    path = f"/v1/tags/{made['id']}"
    assert ada.delete(path).status_code == 204
    assert_problem(ada.delete(path), 404, "not_found")
    assert_problem(ada.get(path), 404, "not_found")
    assert_problem(ada.get(f"{path}/taggings"), 404, "not_found")
    assert ada.get(f"/v1/tasks/{task['id']}").json() == task


def test_a_foreign_tag_does_not_exist(ada: User, bob: User) -> None:
    made, task = tag(ada), bob.task()["id"]
    path = f"/v1/tags/{made['id']}"
    stale = {"If-Match": '"9"'}
    for answer in (
        bob.get(path),
        bob.get(f"{path}/taggings"),
        bob.patch(path, {"name": "Mine"}, headers=stale),
        bob.delete(path, headers=stale),
        bob.put(path_to(made, "tasks", task)),
        bob.delete(path_to(made, "tasks", task)),
    ):
        assert_problem(answer, 404, "not_found")
    assert ada.get(path).json() == made
    assert made["id"] not in ids(bob, "/v1/tags?limit=200")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"name": ""}, "name"),
        ({"name": " \u2003"}, "name"),
        ({"name": "?!"}, "name"),
        ({"name": "_"}, "name"),
        ({"name": "🎉"}, "name"),
        ({"name": "\u0301"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "T", "category": ""}, "category"),
        ({"name": "T", "category": "x" * 101}, "category"),
        ({"name": "T", "color": "red"}, "color"),
        ({"name": "T", "color": "#1a2b3c\n"}, "color"),
        ({"name": "T", "slug": "t"}, "slug"),
        ({"name": "T", "usage_count": 7}, "usage_count"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_with_its_field(ada: User, body: Row, field: str) -> None:
    assert_problem(ada.post("/v1/tags", body), 422, "invalid", field)
    if field not in body or body[field] != "":
        return
    assert_problem(ada.patch(f"/v1/tags/{tag(ada)['id']}", body), 422, "invalid", field)


def test_a_patch_cannot_take_the_name_away(ada: User) -> None:
    made = tag(ada)
    for name in (None, "...", " "):
        assert_problem(ada.patch(f"/v1/tags/{made['id']}", {"name": name}), 422, "invalid", "name")
    assert ada.get(f"/v1/tags/{made['id']}").json() == made


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_give_every_tag_once_and_in_order_with_its_count(api: Api, order: str) -> None:
    user = api.user()
    made = [tag(user) for _ in range(5)]
    tasks = [user.task()["id"] for _ in range(5)]
    for n, each in enumerate(made):
        for task in tasks[:n]:
            put(user, each, "tasks", task)
    seen = [(row["id"], row["usage_count"]) for row in user.walk(f"/v1/tags?limit=2&order={order}")]
    expected = [(each["id"], n) for n, each in enumerate(made)]
    assert seen == (expected if order == "oldest" else expected[::-1])


# What carries them


def test_a_row_of_each_kind_carries_a_tag_and_takes_it_along_when_it_goes(api: Api, make: Make) -> None:
    assert TARGETS.keys() == KINDS.keys()
    user = api.user()
    made, other = tag(user), tag(user)
    targets = {kind: make(user, kind) for kind in KINDS}
    for n, (kind, target) in enumerate(targets.items(), 1):
        put(user, made, kind, target)
        put(user, made, kind, target)
        assert user.get(f"/v1/tags/{made['id']}").json()["usage_count"] == n
    put(user, other, "tasks", targets["tasks"])
    taggings = user.get(f"/v1/tags/{made['id']}/taggings").json()["items"]
    assert [list(each) for each in taggings] == [["id", "taggable_type", "taggable_id", "created_at"]] * 8
    assert [(each["taggable_type"], each["taggable_id"]) for each in taggings] == [*targets.items()][::-1]
    for kind, target in targets.items():
        [one] = user.get(f"/v1/tags/{made['id']}/taggings?taggable_type={kind}").json()["items"]
        assert (one["taggable_type"], one["taggable_id"]) == (kind, target)
        assert ids(user, f"/v1/tags?taggable_type={kind}&taggable_id={target}&order=oldest") == (
            [made["id"], other["id"]] if kind == "tasks" else [made["id"]]
        )
        # The id is there, but not as a row of another kind.
        for wrong in KINDS.keys() - {kind}:
            assert_problem(user.put(path_to(made, wrong, target)), 404, "not_found")
            assert_problem(user.delete(path_to(made, wrong, target)), 404, "not_found")
        wrong = "goals" if kind == "tasks" else "tasks"
        assert ids(user, f"/v1/tags?taggable_type={wrong}&taggable_id={target}") == []
    assert user.delete(f"/v1/tasks/{targets['tasks']}").status_code == 204
    assert user.get(f"/v1/tags/{made['id']}").json()["usage_count"] == 7


def test_a_tag_is_taken_off_one_row_and_stays_on_the_others(api: Api, make: Make) -> None:
    user = api.user()
    made, other = tag(user), tag(user)
    for kind in KINDS:
        first, second = make(user, kind), ""
        put(user, made, kind, first)
        put(user, other, kind, first)
        if kind not in {"daily-reviews", "blog-entries"}:
            put(user, made, kind, second := make(user, kind))
        assert user.delete(path_to(made, kind, first)).status_code == 204
        assert_problem(user.delete(path_to(made, kind, first)), 404, "not_found")
        assert ids(user, f"/v1/tags?taggable_type={kind}&taggable_id={first}") == [other["id"]]
        if second:
            assert ids(user, f"/v1/tags?taggable_type={kind}&taggable_id={second}") == [made["id"]]


def test_two_rows_of_one_id_and_of_two_kinds_are_two_rows(api: Api, runner: asyncio.Runner, database: str) -> None:
    user, shared = api.user(), new_uuid7()
    user.task(id=str(shared))

    async def make_goal() -> None:
        connection = await asyncpg.connect(database)
        sql = "insert into goals (user_id, id, title, goal_type) values ($1, $2, 'G', 'yearly')"
        await connection.execute(sql, UUID(user.id), shared)
        await connection.close()

    runner.run(make_goal())
    made, other = tag(user), tag(user)
    put(user, made, "tasks", str(shared))
    put(user, other, "goals", str(shared))
    assert ids(user, f"/v1/tags?taggable_type=tasks&taggable_id={shared}") == [made["id"]]
    assert ids(user, f"/v1/tags?taggable_type=goals&taggable_id={shared}") == [other["id"]]
    assert_problem(user.delete(path_to(made, "goals", str(shared))), 404, "not_found")


def test_fifty_equal_puts_at_once_make_one_row(api: Api, ada: User) -> None:
    made, task = tag(ada), ada.task()["id"]
    answers = api.together(*(ada.send("PUT", path_to(made, "tasks", task)) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {204}
    assert ada.get(f"/v1/tags/{made['id']}").json()["usage_count"] == 1


def test_a_foreign_or_missing_row_takes_no_tag(ada: User, bob: User, make: Make) -> None:
    made = tag(ada)
    for kind in KINDS:
        assert_problem(ada.put(path_to(made, kind, make(bob, kind))), 404, "not_found")
        assert_problem(ada.put(path_to(made, kind, str(new_uuid7()))), 404, "not_found")
    assert_problem(ada.put(f"/v1/tags/{new_uuid7()}/tasks/{ada.task()['id']}"), 404, "not_found")
    assert ada.get(f"/v1/tags/{made['id']}").json()["usage_count"] == 0
    assert ids(ada, f"/v1/tags?taggable_type=tasks&taggable_id={bob.task()['id']}") == []


def test_another_word_for_a_kind_leads_nowhere(api: Api, ada: User) -> None:
    made, task = tag(ada), ada.task()["id"]
    for kind in ("task", "TASKS", "tags", "daily_reviews", "users"):
        for method in ("PUT", "DELETE"):
            assert_problem(ada.request(method, path_to(made, kind, task)), 404, "not_found")
            # Before the query, as for an address that the router does not know.
            assert_problem(ada.request(method, path_to(made, kind, task) + "?dry=true"), 404, "not_found")
            assert_problem(api.request(method, path_to(made, kind, task)), 401, "unauthenticated")
    assert_problem(ada.put(path_to(made, "tasks", "7")), 404, "not_found")
    assert_problem(ada.get(path_to(made, "tasks", task)), 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("taggable_type=tasks", "taggable_id"),
        (f"taggable_id={UUID(int=7)}", "taggable_type"),
        (f"taggable_type=users&taggable_id={UUID(int=7)}", "taggable_type"),
        ("taggable_type=tasks&taggable_id=7", "taggable_id"),
        ("name=garden", "name"),
    ],
)
def test_a_list_of_the_tags_of_a_row_wants_its_kind_and_its_id(ada: User, query: str, field: str) -> None:
    assert_problem(ada.get(f"/v1/tags?{query}"), 422, "invalid", field)


def test_the_rows_that_carry_a_tag_come_in_pages(api: Api) -> None:
    user = api.user()
    made, other = tag(user), tag(user)
    tasks = [user.task()["id"] for _ in range(5)]
    for task in tasks:
        put(user, made, "tasks", task)
        put(user, other, "tasks", task)
    path = f"/v1/tags/{made['id']}/taggings?limit=2"
    assert [each["taggable_id"] for each in user.walk(path)] == tasks[::-1]
    assert user.get(f"/v1/tags/{tag(user)['id']}/taggings").json() == {"items": [], "next_cursor": None}
    assert_problem(user.get(f"{path}&cursor=nonsense"), 422, "invalid_cursor")
    assert_problem(user.get(f"{path}&taggable_type=users"), 422, "invalid", "taggable_type")


# The filter


def test_a_list_of_tasks_keeps_those_that_carry_a_tag(api: Api) -> None:
    user, other = api.user(), api.user()
    garden, home = tag(user, "Garden"), tag(user, "Home")
    first, second, third = (user.task(completed=n == 1)["id"] for n in range(3))
    for made, task in ((garden, first), (garden, second), (home, second), (home, third)):
        put(user, made, "tasks", task)
    assert ids(user, "/v1/tasks?tag=garden") == [second, first]
    assert ids(user, "/v1/tasks?tag=home&order=oldest") == [second, third]
    assert ids(user, "/v1/tasks?tag=garden&completed=true") == [second]
    assert ids(user, "/v1/tasks?tag=Garden") == []
    assert ids(user, "/v1/tasks?tag=unknown") == []
    page = user.get("/v1/tasks?tag=garden&limit=1").json()
    assert ids(user, f"/v1/tasks?tag=garden&limit=1&cursor={page['next_cursor']}") == [first]
    # A tag of the same slug that is somebody else's says nothing here.
    put(other, tag(other, "Garden"), "tasks", foreign := other.task()["id"])
    assert ids(user, "/v1/tasks?tag=garden") == [second, first]
    assert ids(other, "/v1/tasks?tag=garden") == [foreign]


# Slugs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Garden", "garden"),
        ("  --a__b//c..  ", "a-b-c"),
        ("Straße №5 ½", "straße-no5-1-2"),
        ("ﬁn\u00a0de\u2003siècle", "fin-de-siècle"),
        ("e\u0301te\u0301", "été"),
        ("日本語 タグ", "日本語-タグ"),
        ("हिन्दी", "हिन्दी"),
        ("İzmir", "i\u0307zmir"),
        ("🎉", ""),
        ("\u0301", ""),
        ("a?b#c%d e/f", "a-b-c-d-e-f"),
    ],
)
def test_a_slug_reads_like_its_text(text: str, expected: str) -> None:
    assert slug(text, 100) == expected


def test_a_slug_that_is_too_long_ends_where_it_may() -> None:
    assert slug("ab cd", 3) == "ab"
    assert slug("ﷺ" * 100, 100).startswith("صلى")
    assert len(slug("ﷺ" * 100, 100)) <= 100


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(1, 30))
@example("ΑΣ\u0345", 5)
def test_a_slug_can_stand_in_an_address_whatever_its_text(text: str, longest: int) -> None:
    made = slug(text, longest)
    assert len(made) <= longest
    assert "--" not in made
    assert made == made.strip("-")
    assert all(each == "-" or each.isalnum() or unicodedata.category(each) in {"Mn", "Mc"} for each in made)
    assert not any(each.isspace() for each in made)
    assert slug(made, longest) == made
