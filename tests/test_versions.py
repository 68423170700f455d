"""Versions never repeat: one that a client has read is never that of another row, or of another state of the row."""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import httpx
import pytest
from client import Api, User, assert_problem
from factories import new_uuid7

DATED = {"date": "2026-01-01"}

Make: TypeAlias = Callable[[], httpx.Response]
"""Makes a row, always at the same address."""


def habit_entry(user: User) -> tuple[str, Make]:
    path = f"/v1/habits/{user.made('/v1/habits', {'name': 'Stretch'})['id']}/entries/2026-01-01"
    return path, lambda: user.put(path, {"completed": True})


def daily_review(user: User) -> tuple[str, Make]:
    path = "/v1/daily-reviews/2026-01-01"
    return path, lambda: user.put(path, {"mood": 5})


def snapshot(user: User) -> tuple[str, Make]:
    path = "/v1/progress-snapshots/daily/2026-01-01"
    return path, lambda: user.put(path, {})


def saved_conversation(user: User) -> tuple[str, Make]:
    path = f"/v1/conversations/{new_uuid7()}"
    return path, lambda: user.put(path, {"messages": [{"role": "user", "content": "Which bike?"}]})


def with_a_chosen_id(list_path: str, **fields: object) -> Callable[[User], tuple[str, Make]]:
    def at(user: User) -> tuple[str, Make]:
        body = {"id": str(new_uuid7())} | fields
        return f"{list_path}/{body['id']}", lambda: user.post(list_path, body)

    return at


REMADE = {
    "blog entry": with_a_chosen_id("/v1/blog-entries", title="A day", content="It rained."),
    "conversation": with_a_chosen_id("/v1/conversations", title="Bikes"),
    "daily review": daily_review,
    "food": with_a_chosen_id("/v1/foods", meal_type="lunch", name="Soup", **DATED),
    "goal": with_a_chosen_id("/v1/goals", title="Read", goal_type="yearly"),
    "habit": with_a_chosen_id("/v1/habits", name="Stretch"),
    "habit entry": habit_entry,
    "progress snapshot": snapshot,
    "saved conversation": saved_conversation,
    "tag": with_a_chosen_id("/v1/tags", name="Garden"),
    "task": with_a_chosen_id("/v1/tasks", title="Water the plants"),
    "workout": with_a_chosen_id("/v1/workouts", type="run", **DATED),
}


@pytest.fixture
def ada(api: Api) -> User:
    """Somebody who has nothing yet."""
    return api.user()


@pytest.mark.parametrize("row", REMADE.values(), ids=REMADE)
def test_a_tag_of_a_deleted_row_is_not_the_tag_of_the_one_that_is_made_in_its_place(
    ada: User, row: Callable[[User], tuple[str, Make]]
) -> None:
    path, make = row(ada)
    first = make()
    assert first.status_code == 201
    stale = first.headers["etag"]
    assert ada.delete(path).status_code == 204
    second = make()
    assert second.status_code == 201
    assert second.json()["version"] > first.json()["version"]
    assert second.headers["etag"] != stale
    assert ada.get(path, headers={"If-None-Match": stale}).status_code == 200
    assert_problem(ada.delete(path, headers={"If-Match": stale}), 412, "version_mismatch")


def test_a_stale_tag_changes_nothing_of_the_row_that_was_made_anew(ada: User) -> None:
    for path, make, method, change in (
        (*REMADE["habit entry"](ada), "PUT", {"mood": 1}),
        (*REMADE["daily review"](ada), "PUT", {"mood": 1}),
        (*REMADE["daily review"](ada), "PATCH", {"mood": 1}),
        (*REMADE["task"](ada), "PATCH", {"title": "Overwritten"}),
    ):
        ada.delete(path)
        stale = make().headers["etag"]
        ada.delete(path)
        anew = make().json()
        assert_problem(ada.request(method, path, json=change, headers={"If-Match": stale}), 412, "version_mismatch")
        assert ada.get(path).json() == anew


def test_of_fifty_changes_at_once_each_has_a_greater_version_that_every_client_can_read(api: Api, ada: User) -> None:
    task = ada.task()
    path = f"/v1/tasks/{task['id']}"
    answers = api.together(*(ada.send("PATCH", path, json={"title": f"T{n}"}) for n in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    changed = sorted((answer.json() for answer in answers), key=lambda row: row["updated_at"])
    versions = [task["version"], *(row["version"] for row in changed)]
    assert all(before < after for before, after in pairwise(versions))
    assert versions[-1] < 2**53
    assert ada.get(path).json() == changed[-1]
