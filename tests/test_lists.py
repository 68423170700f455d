"""What the lists of the eight kinds have in common, beside pages and their order, which each slice's own tests look at."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from client import Api, Execute, Started, User, assert_problem

from app.main import create_app
from app.settings import Settings
from app.tags.targets import KINDS

Row = dict[str, Any]

every_kind = pytest.mark.parametrize("kind", KINDS)

ORDERS = {
    "tasks": ("newest", "oldest", "due"),
    "goals": ("newest", "oldest", "priority", "end_date"),
    "conversations": ("activity", "created"),
}
"""Where they are others than newest and oldest."""


def made(user: User, kind: str, n: int) -> Row:
    """The n-th row of a kind; days, and what else a list goes by, are not in the order of creation."""
    day = f"2026-01-{n * 7 % 10 + 1:02}"
    bodies: dict[str, Row] = {
        "tasks": {"title": "Water the plants", "due_date": None if n == 3 else day},
        "habits": {"name": "Stretch"},
        "goals": {"title": "Read", "goal_type": "yearly", "priority": n % 3, "end_date": day},
        "foods": {"date": day, "meal_type": "lunch", "name": "Soup"},
        "workouts": {"date": day, "type": "run"},
        "blog-entries": {"title": "A day", "content": "It rained."},
        "conversations": {},
    }
    if kind == "daily-reviews":
        answer = user.put(f"/v1/daily-reviews/{day}", {"mood": 7})
        assert answer.status_code == 201, answer.text
        review: Row = answer.json()
        return review
    return user.made(f"/v1/{kind}", bodies[kind])


def tag(user: User, name: str, kind: str, *rows: Row) -> Row:
    """A new tag, on these rows."""
    tag = user.made("/v1/tags", {"name": name})
    for row in rows:
        assert user.put(f"/v1/tags/{tag['id']}/{kind}/{row['id']}").status_code == 204
    return tag


SHOWS_TAGS = {
    route.path.replace("{date}", "2026-01-01"): words
    for route in create_app(Settings()).routing.routes
    if route.path != "/v1/me"
    and (words := [word for word in ("with", "tag") if word in getattr(route.filters, "__struct_encode_fields__", ())])
}
"""The addresses that show tags, or go by them, and the parameters by which they do."""


def test_the_addresses_that_show_tags_are_the_lists_of_all_kinds_and_the_days() -> None:
    lists = {f"/v1/{kind}": ["with", "tag"] for kind in KINDS}
    assert lists | {f"/v1/{kind}/days/2026-01-01": ["with"] for kind in ("foods", "workouts")} == SHOWS_TAGS


@pytest.mark.parametrize("path", SHOWS_TAGS)
def test_a_token_needs_the_scope_of_tags_to_see_them_and_to_go_by_them(api: Api, path: str) -> None:
    user = api.user()
    kind = path.split("/")[2]
    garden = tag(user, "Garden", kind, made(user, kind, 0))
    narrow, wide, all_of_it = (
        User(api, {"token": user.made("/v1/me/tokens", {"name": "T", "scopes": scopes})["token"], "user": user.me})
        for scopes in ([f"{kind}:read"], [f"{kind}:read", "tags:read"], ["read"])
    )
    plain = user.get(path).json()["items"]
    queries = {"with": "with=tags", "tag": f"tag={garden['slug']}"}
    assert narrow.get(path).json()["items"] == plain
    for query in (queries[word] for word in SHOWS_TAGS[path]):
        asked = f"{path}?{query}"
        assert_problem(narrow.get(asked), 403, "insufficient_scope")
        # Conversations are not read in a batch.
        if kind != "conversations":
            in_batch = narrow.post("/v1/batch", {"operations": [{"method": "GET", "path": asked}]})
            assert_problem(in_batch, 403, "insufficient_scope")
        expected = user.get(asked)
        assert expected.status_code == 200
        for reader in (wide, all_of_it):
            assert reader.get(asked).json() == expected.json()


def pages(user: User, path: str) -> list[list[str]]:
    """The ids of each page of a list."""
    found, cursor = [], ""
    while cursor is not None:
        page = user.get(f"{path}{cursor and '&cursor='}{cursor}").json()
        found.append([each["id"] for each in page["items"]])
        cursor = page["next_cursor"]
    return found


def items(user: User, path: str) -> list[str]:
    """The ids of a list, over all of its pages."""
    return [each for page in pages(user, path) for each in page]


# Tags


@every_kind
def test_each_item_gets_its_own_tags_by_name_where_they_are_asked_for(api: Api, kind: str) -> None:
    user, other = api.user(), api.user()
    first, second, bare = (made(user, kind, n) for n in range(3))
    garden = tag(user, "Garden", kind, first, second)
    attic = tag(user, "Attic", kind, first)
    tag(other, "Garden", kind, made(other, kind, 0))
    tag(user, "Elsewhere", "goals" if kind == "tasks" else "tasks", user.made(*ELSEWHERE[kind == "tasks"]))
    expected = {first["id"]: [attic, garden], second["id"]: [garden], bare["id"]: []}
    for order in ORDERS.get(kind, ("newest", "oldest")):
        path = f"/v1/{kind}?order={order}"
        plain = user.get(path).json()["items"]
        assert "tags" not in plain[0]
        carrying = user.get(f"{path}&with=tags").json()["items"]
        assert carrying == [row | {"tags": [carried(each) for each in expected[row["id"]]]} for row in plain]
        assert all(list(row)[-1] == "tags" for row in carrying)
        found = user.get(f"{path}&with=tags&tag=attic").json()["items"]
        assert found == [row for row in carrying if row["id"] == first["id"]]


ELSEWHERE = {
    True: ("/v1/goals", {"title": "Read", "goal_type": "yearly"}),
    False: ("/v1/tasks", {"title": "Water the plants"}),
}
"""A row of another kind than the one that is looked at."""


def carried(tag: Row) -> Row:
    """A tag as a row of a list has it."""
    return {name: tag[name] for name in ("id", "name", "slug", "category", "color")}


@every_kind
def test_of_several_tags_an_item_has_all(api: Api, kind: str) -> None:
    user = api.user()
    both, one, other, _ = rows = [made(user, kind, n) for n in range(4)]
    tag(user, "Garden", kind, both, one)
    tag(user, "Home", kind, both, other)
    for order in ORDERS.get(kind, ("newest", "oldest")):
        path = f"/v1/{kind}?order={order}"
        assert items(user, f"{path}&tag=garden&tag=home") == [both["id"]]
        assert sorted(items(user, f"{path}&tag=home")) == sorted([both["id"], other["id"]])
        assert sorted(items(user, f"{path}&tag=garden&tag=garden")) == sorted([both["id"], one["id"]])
        assert items(user, f"{path}&tag=garden&tag=unknown") == []
        assert len(items(user, path)) == len(rows)
    ten = "&".join(f"tag=t{n}" for n in range(10))
    assert user.get(f"/v1/{kind}?{ten}").status_code == 200
    assert_problem(user.get(f"/v1/{kind}?{ten}&tag=garden"), 422, "invalid", "tag")
    assert_problem(user.get(f"/v1/{kind}?tag=garden&tag={'x' * 101}"), 422, "invalid", "tag")
    assert_problem(user.get(f"/v1/{kind}?tag=garden&limit=1&limit=1"), 422, "invalid", "limit")
    assert_problem(user.get(f"/v1/{kind}?with=tags&with=tags"), 422, "invalid", "with")
    for wrong in ("", "tag", "tags,tags", "files"):
        assert_problem(user.get(f"/v1/{kind}?with={wrong}"), 422, "invalid", "with")


@pytest.mark.parametrize(("kind", "word"), [("blog-entries", "rained"), ("conversations", "bike")])
def test_what_a_search_finds_has_its_tags_and_can_be_narrowed_by_several(api: Api, kind: str, word: str) -> None:
    user = api.user()
    rows = [made(user, kind, n) for n in range(2)]
    for row in rows if kind == "conversations" else []:
        user.made(f"/v1/conversations/{row['id']}/messages", {"role": "assistant", "content": "Which bike?"})
    garden, home = tag(user, "Garden", kind, *rows), tag(user, "Home", kind, rows[0])
    found = user.get(f"/v1/{kind}?q={word}&with=tags").json()["items"]
    assert {row["id"]: row["tags"] for row in found} == {
        rows[0]["id"]: [carried(garden), carried(home)],
        rows[1]["id"]: [carried(garden)],
    }
    assert items(user, f"/v1/{kind}?q={word}&tag=home&tag=garden") == [rows[0]["id"]]
    assert "tags" not in user.get(f"/v1/{kind}?q={word}").json()["items"][0]


def test_of_more_than_100_tags_an_item_shows_the_first_100_by_name(api: Api, execute: Execute) -> None:
    user = api.user()
    task = user.task()
    execute(
        """
        with tag as (
            insert into tags (user_id, name, slug)
            select $1, 'Tag ' || lpad(n::text, 3, '0'), 'tag-' || n from generate_series(0, 100) n
            returning user_id, id)
        insert into taggings (user_id, tag_id, taggable_type, taggable_id) select user_id, id, 'tasks', $2 from tag""",
        UUID(user.id),
        UUID(task["id"]),
    )
    [shown] = user.get("/v1/tasks?with=tags").json()["items"]
    assert [each["name"] for each in shown["tags"]] == [f"Tag {n:03}" for n in range(100)]


# What has changed


@every_kind
def test_what_changed_since_a_version_has_a_greater_one(api: Api, kind: str) -> None:
    user, other = api.user(), api.user()
    rows = [made(user, kind, n) for n in range(4)]
    made(other, kind, 0)
    address = rows[1]["date"] if kind == "daily-reviews" else rows[1]["id"]
    changed = user.patch(f"/v1/{kind}/{address}", CHANGES[kind]).json()
    versions = {row["id"]: row["version"] for row in (*rows, changed)}
    for order in ORDERS.get(kind, ("newest", "oldest")):
        path = f"/v1/{kind}?order={order}"
        everything = items(user, path)
        for since in (0, *(version + step for version in versions.values() for step in (-1, 0))):
            expected = [each for each in everything if versions[each] > since]
            assert items(user, f"{path}&changed_since={since}") == expected
            assert items(user, f"{path}&changed_since={since}&limit=1") == expected
            assert user.get(f"{path}&changed_since={since}&count=true").json()["total"] == len(expected)
    tag(user, "Garden", kind, *rows)
    assert items(user, f"/v1/{kind}?changed_since={changed['version'] - 1}&tag=garden") == [changed["id"]]
    for wrong in ("-1", "7.0", "2026-01-01", "", str(2**53 + 1)):
        assert_problem(user.get(f"/v1/{kind}?changed_since={wrong}"), 422, "invalid", "changed_since")


CHANGES = {
    "tasks": {"completed": False, "description": "The ficus, too"},
    "habits": {"description": "Ten minutes"},
    "goals": {"description": "Novels"},
    "foods": {"notes": "Too salty"},
    "workouts": {"notes": "Went well"},
    "daily-reviews": {"lessons": "Sleep"},
    "blog-entries": {"excerpt": "Rain"},
    "conversations": {"title": "Bikes"},
}


@pytest.mark.parametrize(("kind", "word"), [("blog-entries", "rained"), ("conversations", "bike")])
def test_what_a_search_finds_can_be_narrowed_to_what_has_changed(api: Api, kind: str, word: str) -> None:
    user = api.user()
    rows = [made(user, kind, n) for n in range(2)]
    for row in rows if kind == "conversations" else []:
        user.made(f"/v1/conversations/{row['id']}/messages", {"role": "assistant", "content": "Which bike?"})
    changed = user.patch(f"/v1/{kind}/{rows[0]['id']}", CHANGES[kind]).json()
    assert items(user, f"/v1/{kind}?q={word}&changed_since={changed['version'] - 1}") == [changed["id"]]
    assert items(user, f"/v1/{kind}?q={word}&changed_since={changed['version']}") == []


# How many there are


@every_kind
def test_the_total_is_of_all_pages_and_of_the_filters(api: Api, kind: str) -> None:
    user, other = api.user(), api.user()
    rows = [made(user, kind, n) for n in range(5)]
    made(other, kind, 0)
    tag(user, "Garden", kind, *rows[:3])
    for order in ORDERS.get(kind, ("newest", "oldest")):
        path = f"/v1/{kind}?order={order}&limit=2"
        plain = user.get(path).json()
        assert plain.keys() == user.get(f"{path}&count=false").json().keys() == {"items", "next_cursor"}
        first = user.get(f"{path}&count=true").json()
        assert first == plain | {"total": 5, "total_is_exact": True}
        second = user.get(f"{path}&count=true&cursor={first['next_cursor']}").json()
        assert (second["total"], second["total_is_exact"], len(second["items"])) == (5, True, 2)
        narrowed = user.get(f"{path}&count=true&tag=garden&with=tags").json()
        assert (narrowed["total"], narrowed["total_is_exact"], len(narrowed["items"])) == (3, True, 2)
        assert user.get(f"{path}&count=true&tag=none").json() == {
            "items": [],
            "next_cursor": None,
            "total": 0,
            "total_is_exact": True,
        }
    for wrong in ("1", "yes", ""):
        assert_problem(user.get(f"/v1/{kind}?count={wrong}"), 422, "invalid", "count")
    assert_problem(api.get(f"/v1/{kind}?count=true"), 401, "unauthenticated")


@pytest.mark.parametrize("kind", ["foods", "workouts", "daily-reviews"])
def test_the_total_of_a_list_by_date_is_of_its_range(api: Api, kind: str) -> None:
    user = api.user()
    days = sorted(made(user, kind, n)["date"] for n in range(10))
    for order in ("newest", "oldest"):
        for query, expected in (
            (f"from={days[3]}", 7),
            (f"to={days[3]}", 4),
            (f"from={days[3]}&to={days[5]}", 3),
            (f"from={days[3]}&to={days[3]}", 1),
            ("from=2027-01-01", 0),
        ):
            page = user.get(f"/v1/{kind}?order={order}&count=true&{query}").json()
            assert (page["total"], page["total_is_exact"]) == (expected, True) == (len(page["items"]), True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("order=due", 3),
        ("order=newest", 4),
        ("completed=true", 1),
        ("order=due&from=2026-01-02", 1),
        ("order=due&to=2026-01-01", 1),
        ("priority=5", 1),
    ],
)
def test_the_total_of_tasks_is_of_those_that_the_order_and_the_filters_list(api: Api, query: str, expected: int) -> None:
    user = api.user()
    user.task(due_date="2026-01-01")
    user.task(due_date="2026-01-02", priority=5)
    user.task()
    user.task(completed=True, due_date="2026-01-02")
    page = user.get(f"/v1/tasks?count=true&{query}").json()
    assert page["total"] == len(page["items"]) == expected


def test_a_total_is_exact_up_to_10000(api: Api, execute: Execute) -> None:
    user = api.user()
    many = "insert into tasks (user_id, title) select $1, 'Water the plants' from generate_series(1, 10000)"
    execute(many, UUID(user.id))
    page = user.get("/v1/tasks?count=true&limit=1").json()
    assert (page["total"], page["total_is_exact"]) == (10_000, True)
    user.task(completed=True)
    page = user.get("/v1/tasks?count=true&limit=1").json()
    assert (page["total"], page["total_is_exact"]) == (10_000, False)
    page = user.get("/v1/tasks?count=true&completed=true").json()
    assert (page["total"], page["total_is_exact"]) == (1, True)


@every_kind
def test_a_total_that_would_have_to_look_at_too_many_rows_is_not_exact(
    runner: asyncio.Runner, started: Started, own_database: str, kind: str
) -> None:
    runner.run(look_at(own_database, "counted_rows", 5))
    user = started(database_url=own_database).user()
    rows = [made(user, kind, n) for n in range(5)]
    tag(user, "Rare", kind, rows[0], rows[2])
    page = user.get(f"/v1/{kind}?count=true&tag=rare").json()
    assert (page["total"], page["total_is_exact"]) == (2, True)
    made(user, kind, 5)
    page = user.get(f"/v1/{kind}?count=true&tag=rare").json()
    assert page["total"] <= len(page["items"]) == 2
    assert not page["total_is_exact"]


@pytest.mark.parametrize("kind", ["blog-entries", "conversations"])
def test_what_a_search_finds_is_not_counted(ada: User, kind: str) -> None:
    assert_problem(ada.get(f"/v1/{kind}?q=bike&count=true"), 422, "invalid", "count")
    assert ada.get(f"/v1/{kind}?q=bike&count=false").status_code == 200


# How many rows are looked at


async def look_at(database: str, function: str, rows: int) -> None:
    """Have lists look at so few rows."""
    connection = await asyncpg.connect(database)
    await connection.execute(
        f"create or replace function {function}() returns integer language sql immutable parallel safe return {rows}"
    )
    await connection.close()


@every_kind
def test_a_page_ends_after_the_rows_that_it_may_look_at_and_the_next_one_goes_on_there(
    runner: asyncio.Runner, started: Started, own_database: str, kind: str
) -> None:
    runner.run(look_at(own_database, "walked_rows", 3))
    user = started(database_url=own_database).user()
    rows = [made(user, kind, n) for n in range(10)]
    wanted = [rows[n]["id"] for n in (0, 4, 5, 6)]
    tag(user, "Rare", kind, *(row for row in rows if row["id"] in wanted))
    for order in ORDERS.get(kind, ("newest", "oldest")):
        path = f"/v1/{kind}?order={order}"
        everything = items(user, path)
        assert sorted(everything) == sorted(row["id"] for row in rows)
        in_order = [each for each in everything if each in wanted]
        looked_at = [everything[n : n + 3] for n in range(0, 10, 3)]
        assert pages(user, f"{path}&tag=rare") == [[each for each in three if each in wanted] for three in looked_at]
        for limit in (1, 2):
            assert items(user, f"{path}&tag=rare&limit={limit}") == in_order
            assert max(map(len, pages(user, f"{path}&tag=rare&limit={limit}"))) <= limit
        assert items(user, f"{path}&tag=none") == []
