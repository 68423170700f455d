"""The largest answers that are no page: a tree of goals, what is due today, the overview of habits.

None holds the event loop nor the memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import needs
import pytest
from client import Api, Execute, User
from serving import Serving
from test_worst_bodies import HELD, MEMORY, kib, pieces, without_garbage  # noqa: F401 - the last two are fixtures

from app.goals.rules import TREE_BYTES
from app.habits.overview import OVERVIEW_BYTES
from app.http.pagination import PAGE_BYTES

TREE = """
with top as (insert into goals (user_id, id, title, goal_type) values ($1, $1, 'Top', 'yearly') returning user_id, id)
insert into goals (user_id, title, description, category, goal_type, parent_id)
select user_id, left(repeat($2, 255), 255), left(repeat($2, 10000), $3), left($2, 100), 'yearly', id
from top, generate_series(2, $4)"""

TODAY = """
with habit as (
    insert into habits (user_id, name, description, category, icon)
    select $1, left(repeat($2, 255), 255), left(repeat($2, 10000), $3), left($2, 100), left($2, 100)
    from generate_series(1, $4)
    returning user_id, id)
insert into habit_entries (user_id, habit_id, date, note)
select user_id, id, (now() at time zone 'UTC')::date, left(repeat($2, 2000), least($3, 2000)) from habit"""

OVERVIEW = """
with habit as (
    insert into habits (user_id, name, description, category, icon)
    select $1, left(repeat($2, 255), 255), left(repeat($2, 10000), $3), left($2, 100), left($2, 100)
    from generate_series(1, $4)
    returning user_id, id),
shown as (select user_id, id from habit order by id limit 1200)
insert into habit_entries (user_id, habit_id, date, completed, completed_at, note)
select user_id, id, (now() at time zone 'UTC')::date - day, true, now(), left(repeat($2, 2000), least($3, 2000))
from shown, generate_series(0, 19) day"""

LARGEST = {
    # Around each goal are up to 90 bytes.
    "tree": ("/v1/goals/{id}/tree", TREE, TREE_BYTES + 900_000),
    # The row that reaches the limit is whole.
    "today": ("/v1/habits/today", TODAY, PAGE_BYTES + 80_000),
    # So is this one, with twenty entries.
    "overview": ("/v1/habits/overview", OVERVIEW, OVERVIEW_BYTES + 400_000),
}
"""Addresses, the rows of somebody who stores more than they show, and the bytes that their answers may have."""

TEXTS = {
    "six bytes in JSON": ("\x01", 10_000, 1_500),
    "four bytes in Python": ("a" * 200 + "\U0001f389", 10_000, 1_500),
    "short": ("a", 0, 10_000),
}
"""What the longest field repeats, its length in characters, and how many rows have it: more than an answer shows."""


class Stored(NamedTuple):
    """Somebody who stores more than an answer shows."""

    user: User
    path: str
    size: int
    rows: int


@pytest.fixture(scope="module", params=LARGEST)
def largest(request: pytest.FixtureRequest) -> tuple[str, str, int]:
    return LARGEST[request.param]


@pytest.fixture(scope="module", params=TEXTS)
def stored(request: pytest.FixtureRequest, api: Api, execute: Execute, largest: tuple[str, str, int]) -> Stored:
    (path, rows, size), text, user = largest, TEXTS[request.param], api.user()
    execute(rows, user.id, *text)
    return Stored(user, path.format(id=user.id), size, text[2])


def counted(answer: dict[str, Any]) -> int:
    """How many goals or habits an answer shows or says that it leaves out."""
    if "items" in answer:
        return len(answer["items"]) + int(answer["items_left_out"])
    return 1 + len(answer["children"]) + int(answer["children_left_out"])


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("answers")
    with Serving(folder / "var", folder / "said", DATABASE_URL=database) as serving:
        yield serving


def test_no_answer_holds_the_event_loop(stored: Stored, pieces: list[float]) -> None:  # noqa: F811
    held = []
    for _ in range(3):
        pieces.clear()
        answer = stored.user.get(stored.path)
        held.append(max(pieces))
        assert answer.status_code == 200
        if held[-1] < HELD:
            break
    assert len(answer.content) < stored.size
    assert counted(answer.json()) == stored.rows
    assert min(held) < HELD


@needs.linux
def test_no_answer_costs_memory(served: Serving, stored: Stored) -> None:
    [worker] = served.workers()
    # The most it ever had is from now on: it has answered the others of this file.
    Path(f"/proc/{worker}/clear_refs").write_text("5")
    idle = kib(worker, "VmHWM")
    assert served.get(stored.path, stored.user.token).status_code == 200
    assert kib(worker, "VmHWM") - idle < MEMORY
