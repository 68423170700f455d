"""What the lists of the eight kinds have in common, beside pages and their order, which each slice's own tests look at."""

import asyncio
from typing import Any

import asyncpg
import pytest
from client import Started, User

from app.tags.targets import KINDS

Row = dict[str, Any]

every_kind = pytest.mark.parametrize("kind", KINDS)

ORDERS = {
    "tasks": ("newest", "oldest", "due"),
    "goals": ("newest", "oldest", "priority", "end_date"),
    "conversations": ("activity", "created"),
}
"""Where they are others than newest and oldest."""

SORTED = ("priority", "end_date")
"""Orders of goals, for which all of them are sorted: so a page of these ends with its last item."""


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


# How many rows are looked at


@every_kind
def test_a_page_ends_after_the_rows_that_it_may_look_at_and_the_next_one_goes_on_there(
    runner: asyncio.Runner, started: Started, own_database: str, kind: str
) -> None:
    async def look_at_three() -> None:
        connection = await asyncpg.connect(own_database)
        await connection.execute(
            "create or replace function walked_rows() returns integer language sql immutable parallel safe return 3"
        )
        await connection.close()

    runner.run(look_at_three())
    user = started(database_url=own_database).user()
    rows = [made(user, kind, n) for n in range(10)]
    wanted = [rows[n]["id"] for n in (0, 4, 5, 6)]
    tag(user, "Rare", kind, *(row for row in rows if row["id"] in wanted))
    for order in ORDERS.get(kind, ("newest", "oldest")):
        path = f"/v1/{kind}?order={order}"
        everything = items(user, path)
        assert sorted(everything) == sorted(row["id"] for row in rows)
        in_order = [each for each in everything if each in wanted]
        if order in SORTED:
            assert pages(user, f"{path}&tag=rare") == [in_order]
        else:
            looked_at = [everything[n : n + 3] for n in range(0, 10, 3)]
            assert pages(user, f"{path}&tag=rare") == [[each for each in three if each in wanted] for three in looked_at]
        for limit in (1, 2):
            assert items(user, f"{path}&tag=rare&limit={limit}") == in_order
            assert max(map(len, pages(user, f"{path}&tag=rare&limit={limit}"))) <= limit
        assert items(user, f"{path}&tag=none") == []
