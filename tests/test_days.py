"""A day of food, a day of training: its rows, and what they come to, in one call."""

from typing import Any
from uuid import UUID

import pytest
from client import Api, Execute, User, assert_problem

Row = dict[str, Any]

DAY = "2026-03-02"

KINDS: dict[str, tuple[Row, Row, Row]] = {
    "foods": (
        {"meal_type": "lunch", "name": "Soup", "calories": 250.5, "protein_g": 12},
        {"meal_type": "dinner", "name": "Bread", "calories": 100, "fiber_g": 4.5},
        {"entries": 0} | dict.fromkeys(("calories", "protein_g", "carbs_g", "fats_g", "fiber_g", "sugar_g", "sodium_mg")),
    ),
    "workouts": (
        {
            "type": "strength",
            "duration_minutes": 45,
            "intensity": "high",
            "exercises": [{"name": "Squat", "sets": 3, "reps": 10, "weight": 60, "weight_unit": "kg"}],
        },
        {"type": "run", "calories_burned": 300, "exercises": [{"name": "Run", "distance": 5, "distance_unit": "km"}]},
        {"count": 0, "low_intensity": 0, "medium_intensity": 0, "high_intensity": 0}
        | dict.fromkeys(("minutes", "calories_burned", "distance_m", "volume_kg")),
    ),
}
"""Of each kind two rows without their dates, and the totals of none."""

every_kind = pytest.mark.parametrize("kind", KINDS)


def made(user: User, kind: str, date: str = DAY) -> list[Row]:
    return [user.made(f"/v1/{kind}", row | {"date": date}) for row in KINDS[kind][:2]]


@every_kind
def test_a_day_has_its_rows_and_their_totals(api: Api, kind: str) -> None:
    user, other = api.user(), api.user()
    rows = made(user, kind)
    for person, date in ((user, "2026-03-01"), (user, "2026-03-03"), (other, DAY)):
        made(person, kind, date)
    [totals] = user.get(f"/v1/{kind}/summary?from={DAY}&to={DAY}").json()["items"]
    day = user.get(f"/v1/{kind}/days/{DAY}")
    assert day.status_code == 200
    assert day.json() == {"items": rows, "next_cursor": None, "totals": totals}
    assert day.headers["cache-control"] == "private, no-cache"
    tag = user.made("/v1/tags", {"name": "Garden"})
    assert user.put(f"/v1/tags/{tag['id']}/{kind}/{rows[1]['id']}").status_code == 204
    tagged = user.get(f"/v1/{kind}/days/{DAY}?with=tags").json()
    assert [[each["name"] for each in row.pop("tags")] for row in tagged["items"]] == [[], ["Garden"]]
    assert tagged == day.json()


@every_kind
def test_a_day_without_anything_has_totals_of_nothing(ada: User, kind: str) -> None:
    for date in ("2001-01-01", "0001-01-01", "9999-12-31"):
        expected: Row = {"items": [], "next_cursor": None, "totals": {"date": date} | KINDS[kind][2]}
        assert ada.get(f"/v1/{kind}/days/{date}").json() == expected


@every_kind
def test_the_rest_of_a_long_day_is_in_the_list_and_the_totals_are_of_all(api: Api, execute: Execute, kind: str) -> None:
    user = api.user()
    made(user, kind)
    columns = {"foods": ("meal_type, name", "'snack', 'Nut'"), "workouts": ("type", "'run'")}
    names, values = columns[kind]
    execute(
        f"insert into {kind} (user_id, date, {names}) select $1, '{DAY}', {values} from generate_series(1, 300)",
        UUID(user.id),
    )
    day = user.get(f"/v1/{kind}/days/{DAY}").json()
    assert len(day["items"]) == 200
    assert day["totals"][{"foods": "entries", "workouts": "count"}[kind]] == 302
    rest = f"/v1/{kind}?order=oldest&from={DAY}&to={DAY}&limit=200&cursor={day['next_cursor']}"
    assert day["items"] + user.get(rest).json()["items"] == user.walk(f"/v1/{kind}?order=oldest")


@every_kind
def test_a_day_is_strict_about_its_address_its_parameters_and_its_caller(api: Api, ada: User, kind: str) -> None:
    for wrong in ("2026-02-30", "2026-3-2", "today", "0000-01-01"):
        assert_problem(ada.get(f"/v1/{kind}/days/{wrong}"), 404, "not_found")
    for query, field in (("with=files", "with"), ("with=tags&with=tags", "with"), ("limit=5", "limit"), ("tag=a", "tag")):
        assert_problem(ada.get(f"/v1/{kind}/days/{DAY}?{query}"), 422, "invalid", field)
    assert_problem(api.get(f"/v1/{kind}/days/{DAY}"), 401, "unauthenticated")
    assert_problem(ada.post(f"/v1/{kind}/days/{DAY}", {}), 405, "method_not_allowed")
