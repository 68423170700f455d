"""Pages that end early: whatever the sizes of the rows, all pages give each of them once, cut as plain Python cuts them."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from client import Api, User
from hypothesis import example, given, settings
from hypothesis import strategies as st

Row = dict[str, Any]
Make = Callable[[User, str, int, str], Row]
"""Makes the row at a place of a list, with a text. The other text names what the list is of: an id, or a word."""


class List(NamedTuple):
    """A list that ends its pages early, and how it gets its rows."""

    path: str
    reader: str
    """The module that asks for its pages."""
    make: Make
    orders: tuple[str, ...] = ("newest", "oldest")
    key: str = "id"
    measure: Callable[[bytes], int] = len
    """How many bytes a row counts for."""


def day(place: int) -> str:
    return f"2026-01-{1 + place:02}"


def workout(user: User, _: str, place: int, text: str) -> Row:
    exercises = [{"name": "Squat", "notes": text[:half]} for half in (len(text) // 2, len(text))]
    return user.made("/v1/workouts", {"date": day(place // 2), "type": "run", "exercises": exercises})


def review(user: User, _: str, place: int, text: str) -> Row:
    answer = user.put(f"/v1/daily-reviews/{day(place)}", {"tomorrow": text})
    assert answer.status_code == 201
    return dict(answer.json())


def progress(user: User, goal: str, place: int, text: str) -> Row:
    if place == 0:
        user.made("/v1/goals", {"id": goal, "title": "T", "goal_type": "yearly"})
    return user.made(f"/v1/goals/{goal}/progress", {"date": day(place // 2), "value": place, "note": text})


def entry(user: User, habit: str, place: int, text: str) -> Row:
    if place == 0:
        user.made("/v1/habits", {"id": habit, "name": "N"})
    answer = user.put(f"/v1/habits/{habit}/entries/{day(place)}", {"note": text})
    assert answer.status_code == 201
    return dict(answer.json())


def file(user: User, task: str, place: int, text: str) -> Row:
    if place == 0:
        user.task(id=task)
    fields = {"taggable_type": "tasks", "taggable_id": task}
    answer = user.request("POST", "/v1/media", files={"file": ("a.bin", b"0")}, data=fields)
    answer = user.patch(f"/v1/media/{answer.json()['id']}", {"alt_text": text})
    assert answer.status_code == 200
    return dict(answer.json())


def message(user: User, conversation: str, place: int, text: str) -> Row:
    if place == 0:
        user.made("/v1/conversations", {"id": conversation})
    return user.made(f"/v1/conversations/{conversation}/messages", {"role": "assistant", "content": f"{text}."})


def talk(user: User, word: str, _: int, text: str) -> Row:
    row = user.made("/v1/conversations", {"title": f"{text}."})
    message(user, row["id"], 1, f"{word} {text}")
    return row


def account(user: User, word: str, _: int, text: str) -> Row:
    registered = user.api.user(name=word)
    answer = registered.patch("/v1/me", {"bio": text})
    assert answer.status_code == 200
    return dict(answer.json())


LISTS = {
    "blog entries": List(
        "/v1/blog-entries", "app.blog_entries.repository",
        lambda user, _, __, text: user.made("/v1/blog-entries", {"title": "T", "content": "C", "excerpt": text}),
    ),
    "workouts": List("/v1/workouts", "app.workouts.repository", workout),
    "daily reviews": List("/v1/daily-reviews", "app.daily_reviews.repository", review),
    "goals": List(
        "/v1/goals", "app.goals.repository",
        lambda user, _, __, text: user.made("/v1/goals", {"title": "T", "goal_type": "yearly", "description": text}),
    ),
    "progress of a goal": List("/v1/goals/{of}/progress", "app.goals.repository", progress),
    "habits": List(
        "/v1/habits", "app.habits.repository",
        lambda user, _, __, text: user.made("/v1/habits", {"name": "N", "description": text}),
    ),
    "entries of a habit": List("/v1/habits/{of}/entries", "app.habits.repository", entry, key="date"),
    "foods": List(
        "/v1/foods", "app.nutrition.repository",
        lambda user, _, place, text: user.made(
            "/v1/foods", {"date": day(place // 2), "meal_type": "lunch", "name": "Soup", "notes": text}
        ),
    ),
    "files": List("/v1/media?", "app.media.repository", file),
    "files of a row": List("/v1/media?taggable_type=tasks&taggable_id={of}", "app.media.repository", file),
    "messages": List(
        "/v1/conversations/{of}/messages", "app.conversations.reading", message, key="seq",
        measure=lambda row: len(msgspec.json.decode(row)["content"].encode()),
    ),
    "found conversations": List(
        "/v1/conversations?q={of}", "app.conversations.repository", talk, orders=("activity", "created")
    ),
    "users": List("/v1/admin/users?q={of}", "app.admin.repository", account, orders=("",)),
}  # fmt: skip
"""Every list whose 200 largest rows pass PAGE_BYTES: tests/test_page_bytes.py finds those that are not cut."""


class Page(msgspec.Struct):
    """A page whose items stay as they were written."""

    items: list[msgspec.Raw]
    next_cursor: str | None


def cut(rows: list[bytes], limit: int, most: int, measure: Callable[[bytes], int]) -> list[list[bytes]]:
    """The pages of a list in plain Python: one ends with the row that reaches a number of bytes."""
    pages: list[list[bytes]] = [[]]
    for row in rows:
        if len(pages[-1]) == limit or sum(map(measure, pages[-1])) >= most:
            pages.append([])
        pages[-1].append(row)
    return pages


def walked(user: User, path: str, limit: int) -> Iterator[list[bytes]]:
    """All pages of a list, each as the rows that are in it."""
    cursor: str | None = ""
    while cursor is not None:
        answer = user.get(f"{path}&limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, answer.text
        page = msgspec.json.decode(answer.content, type=Page)
        yield [bytes(item) for item in page.items]
        cursor = page.next_cursor


# Of one, two, four and six bytes in JSON.
TEXTS = st.lists(st.sampled_from(["a", '"', "🎉", "\x01"]), max_size=150).map("".join)


@pytest.mark.parametrize("each", LISTS.values(), ids=LISTS.keys())
def test_pages_end_at_their_bytes_and_give_every_row_once(
    api: Api, database: str, each: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An example makes an account and its rows, and there are thirteen lists.
    @settings(max_examples=20)
    @given(st.lists(TEXTS, max_size=7), st.integers(1, 5), st.integers(1, 2500), st.sampled_from(each.orders))
    @example(["", "", ""], 2, 1, each.orders[0])
    @example(["", "", ""], 3, 1_000_000, each.orders[-1])
    def check(texts: list[str], limit: int, most: int, order: str) -> None:
        user, of = api.user(), str(uuid4())
        if "admin" in each.path:
            of = of.replace("-", "")
            api.runner.run(be_admin(database, user))
        if "?q=" in each.path:
            of = f"w{of.replace('-', '')}"
        elif "{of}" in each.path or each.make is file:
            of = str(api.user().task()["id"])
        made = [each.make(user, of, place, text) for place, text in enumerate(texts)]
        if not made and "/{of}/" in each.path:
            return
        path = each.path.replace("{of}", of) + ("" if "?" in each.path else "?") + (f"&order={order}" if order else "")
        [rows] = walked(user, path, 200)
        keys = [row[each.key] for row in made]
        assert [msgspec.json.decode(row)[each.key] for row in rows] == (keys if order == "oldest" else keys[::-1])
        # At random, and exactly what two rows have.
        for bytes_ in {most, sum(map(each.measure, rows[:2]))} - {0}:
            with monkeypatch.context() as patched:
                patched.setattr(importlib.import_module(each.reader), "PAGE_BYTES", bytes_)
                assert list(walked(user, path, limit)) == cut(rows, limit, bytes_, each.measure)

    check()


async def be_admin(database: str, user: User) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("update users set role = 'admin' where id = $1::text::uuid", user.id)
    await connection.close()
