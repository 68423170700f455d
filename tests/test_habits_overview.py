"""A dashboard in one call: the contract of /v1/habits/overview."""

from typing import Any

import pytest
from client import Api, User, assert_problem
from habits_model import DAY
from test_habits import habit, today_of

OVERVIEW = "/v1/habits/overview"


@pytest.fixture
def ada(api: Api) -> User:
    """Somebody with no habits but those of the test."""
    return api.user()


def lived(user: User, *marks: str, **fields: Any) -> str:
    """Make a habit with an entry for each mark, the last of which is of today; its path."""
    path = habit(user, **fields)
    for mark in marks:
        for ago, character in enumerate(reversed(mark)):
            body = {"d": {"completed": True, "note": "Läuft 🎉"}, "s": {"skipped": True}, "v": {"value": 2.5}}.get(character)
            if body is not None:
                assert user.put(f"{path}/entries/{today_of(user) - ago * DAY}", body).status_code == 201
    return path


def shown(user: User, **query: Any) -> dict[str, Any]:
    answer = user.get(OVERVIEW, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("timezone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_every_habit_is_as_its_own_addresses_give_it(api: Api, timezone: str) -> None:
    user = api.user(timezone=timezone)
    paths = [
        lived(user, "dd.dsd.dddd", category="Body", position=2, reminder_time="07:30:00.5"),
        lived(user, "d..dd.v.vvd", frequency="weekly", target_days=2, kind="numeric", target_value=2.5, position=1),
        lived(user, "d.d.d.d.d.d", frequency="weekdays", weekdays=[1, 3, 5], position=3),
        lived(user, "dddddssssss", frequency="monthly", target_days=5, position=4),
        lived(user, "d..d..ds..d", frequency="interval", interval_days=3, position=5),
        habit(user, position=6, description="Nothing yet"),
    ]
    first, last = today_of(user) - 7 * DAY, today_of(user) + DAY
    found = shown(user, **{"from": first, "to": last})
    assert (found["from"], found["to"], found["items_left_out"]) == (str(first), str(last), 0)
    assert [item["position"] for item in found["items"]] == [1, 2, 3, 4, 5, 6]
    for path in paths:
        [item] = [item for item in found["items"] if path.endswith(item["id"])]
        assert item.pop("entries") == user.get(f"{path}/entries?from={first}&to={last}").json()["items"]
        assert item.pop("stats") == user.get(f"{path}/stats").json()
        assert item == user.get(path).json()


def test_the_text_of_entries_is_that_of_the_list(ada: User) -> None:
    path = lived(ada, "vdsd")
    entries = ada.get(f"{path}/entries").text.removeprefix('{"items":').removesuffix(',"next_cursor":null}')
    assert entries in ada.get(OVERVIEW).text


def test_the_heat_map_counts_days_and_categories_of_all_habits_in_the_range(api: Api) -> None:
    user = api.user()
    lived(user, "d..ddd", category="Body")
    lived(user, "...sdd", category="Body")
    lived(user, "d....d", category="Mind")
    lived(user, "d")
    lived(user, "dddddd", category="Body", is_archived=True)
    habit(user, category="Home")
    today = today_of(user)
    found = shown(user, **{"from": today - 2 * DAY, "to": today})
    assert found["by_day"] == [
        {"date": str(today - ago * DAY), "completed": completed} for ago, completed in ((2, 1), (1, 2), (0, 4))
    ]
    assert found["by_category"] == [
        {"category": "Body", "habits": 2, "completed": 5},
        {"category": "Home", "habits": 1, "completed": 0},
        {"category": "Mind", "habits": 1, "completed": 1},
        {"category": None, "habits": 1, "completed": 1},
    ]
    archived = shown(user, is_archived="true")
    assert [item["is_archived"] for item in archived["items"]] == [True]
    assert archived["by_category"] == [{"category": "Body", "habits": 1, "completed": 6}]


def test_days_after_today_are_in_the_range_and_not_in_the_statistics(ada: User) -> None:
    path, tomorrow = habit(ada), today_of(ada) + DAY
    assert ada.put(f"{path}/entries/{tomorrow}", {"completed": True}).status_code == 201
    assert ada.put(f"{path}/entries/{tomorrow + DAY}", {"skipped": True}).status_code == 201
    [item] = (found := shown(ada, **{"from": tomorrow}))["items"]
    assert [entry["date"] for entry in item["entries"]] == [str(tomorrow + DAY), str(tomorrow)]
    assert item["stats"]["total_completed"] == 0
    assert item["stats"] == ada.get(f"{path}/stats").json()
    assert found["by_day"] == [{"date": str(tomorrow), "completed": 1}]
    assert found["by_category"] == [{"category": None, "habits": 1, "completed": 1}]


def test_without_a_range_it_is_of_the_30_days_that_end_today(api: Api) -> None:
    user = api.user(timezone="Pacific/Kiritimati")
    today = today_of(user)
    assert shown(user) == {
        "from": str(today - 29 * DAY), "to": str(today), "items": [], "items_left_out": 0, "by_day": [], "by_category": [],
    }  # fmt: skip
    assert shown(user, to="2026-03-31")["from"] == "2026-03-02"
    assert shown(user, **{"from": "2026-03-02"})["to"] == "2026-03-31"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-01-02&to=2026-01-01", "to"),
        ("from=2025-01-01&to=2026-01-02", "to"),
        ("from=2026-02-30", "from"),
        ("from=2026-01-01&from=2026-01-01", "from"),
        ("is_archived=1", "is_archived"),
        ("by=week", "by"),
        ("limit=7", "limit"),
    ],
)
def test_a_range_that_is_none_or_too_long_is_refused(ada: User, query: str, field: str) -> None:
    assert_problem(ada.get(f"{OVERVIEW}?{query}"), 422, "invalid", field)


def test_a_year_and_a_day_is_not_too_long(ada: User) -> None:
    path = habit(ada)
    for day in ("2024-01-01", "2024-12-31", "2023-12-31", "2025-01-01"):
        ada.put(f"{path}/entries/{day}", {"completed": True})
    found = shown(ada, **{"from": "2024-01-01", "to": "2024-12-31"})
    assert [entry["date"] for entry in found["items"][0]["entries"]] == ["2024-12-31", "2024-01-01"]


def test_it_shows_ones_own_habits_and_those_alone(api: Api, ada: User, bob: User) -> None:
    lived(bob, "ddd", category="Private")
    found = shown(ada)
    assert (found["items"], found["by_day"], found["by_category"]) == ([], [], [])
    assert_problem(api.get(OVERVIEW), 401, "unauthenticated")
