"""Foods: the contract of /v1/foods, and of what they sum up to."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from client import Api, User, assert_problem, etag, set_by_change
from factories import new_uuid7, tag

SOUP: dict[str, Any] = {"date": "2026-03-02", "meal_type": "lunch", "name": "Lentil soup"}
WHOLE = SOUP | {
    "time": "12:30:00", "portion": "1 bowl", "calories": 320.5, "protein_g": 18.0, "carbs_g": 40.25, "fats_g": 7.1,
    "fiber_g": 0.0, "sugar_g": 4.0, "sodium_mg": 480.0, "is_favorite": True, "notes": 'Of "Omi" 🎉',
}  # fmt: skip
FIELDS = [
    "id", "date", "time", "meal_type", "name", "portion", "calories", "protein_g", "carbs_g", "fats_g", "fiber_g", "sugar_g",
    "sodium_mg", "is_favorite", "notes", "created_at", "updated_at", "version",
]  # fmt: skip
NUTRIENTS = ("calories", "protein_g", "carbs_g", "fats_g", "fiber_g", "sugar_g", "sodium_mg")


@pytest.fixture(scope="module")
def path(ada: User) -> str:
    return f"/v1/foods/{eat(ada)['id']}"


def eat(user: User, **fields: Any) -> dict[str, Any]:
    return user.made("/v1/foods", SOUP | fields)


# One food


def test_a_food_reads_back_as_it_was_sent(ada: User) -> None:
    answer = ada.post("/v1/foods", WHOLE)
    assert answer.status_code == 201, answer.text
    food = answer.json()
    assert list(food) == FIELDS
    assert food == food | WHOLE
    assert (answer.headers["location"], answer.headers["etag"]) == (f"/v1/foods/{food['id']}", etag(food))
    read = ada.get(answer.headers["location"])
    assert (read.status_code, read.json(), read.headers["etag"]) == (200, food, etag(food))
    assert ada.get(answer.headers["location"], headers={"If-None-Match": etag(food)}).status_code == 304


def test_what_is_not_sent_is_unknown_rather_than_nothing(ada: User) -> None:
    food = eat(ada)
    assert {food[field] for field in (*NUTRIENTS, "time", "portion", "notes")} == {None}
    assert food["is_favorite"] is False


def test_a_create_sent_again_answers_the_food_as_it_stands(api: Api, ada: User) -> None:
    new = SOUP | {"id": str(new_uuid7())}
    answers = api.together(*(ada.send("POST", "/v1/foods", json=new) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    changed = ada.patch(f"/v1/foods/{new['id']}", {"name": "Stew"})
    again = ada.post("/v1/foods", new)
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, changed.json(), changed.headers["etag"])


def test_a_patch_changes_what_it_names_null_clears_and_nothing_changes_nothing(ada: User) -> None:
    food = eat(ada, **WHOLE)
    path = f"/v1/foods/{food['id']}"
    for same in ({}, {"calories": 320.5, "is_favorite": True}):
        assert ada.patch(path, same).json() == food
    changed = ada.patch(path, {"calories": 0.1, "time": None, "date": "2026-03-03"}).json()
    assert changed == food | {"calories": 0.1, "time": None, "date": "2026-03-03"} | set_by_change(food, changed)


def test_if_match_stops_a_write_on_a_food_that_has_moved_on(ada: User) -> None:
    food = eat(ada)
    path, stale = f"/v1/foods/{food['id']}", {"If-Match": etag(food)}
    changed = ada.patch(path, {"name": "Stew"})
    assert_problem(ada.patch(path, {}, headers=stale), 412, "version_mismatch")
    assert_problem(ada.delete(path, headers=stale), 412, "version_mismatch")
    again = ada.patch(path, {"name": "Soup"}, headers={"If-Match": changed.headers["etag"]})
    assert again.status_code == 200
    assert ada.delete(path, headers={"If-Match": again.headers["etag"]}).status_code == 204
    assert_problem(ada.delete(path), 404, "not_found")


def test_a_foreign_food_does_not_exist_and_stays_as_it_is(ada: User, bob: User) -> None:
    food = eat(ada)
    path = f"/v1/foods/{food['id']}"
    stale = {"If-Match": '"7"'}
    for answer in (bob.get(path), bob.patch(path, {}, headers=stale), bob.delete(path, headers=stale), bob.delete(path)):
        assert_problem(answer, 404, "not_found")
    assert ada.get(path).json() == food
    assert food["id"] not in bob.get("/v1/foods?limit=200").text
    assert bob.get("/v1/foods/summary?from=2026-03-02&to=2026-03-02").json() == {"items": []}


def test_a_time_of_day_needs_no_seconds(ada: User) -> None:
    new = SOUP | {"id": str(new_uuid7()), "time": "12:05"}
    food = ada.made("/v1/foods", new)
    assert food["time"] == "12:05:00"
    for same in (new, new | {"time": "12:05:00.0"}):
        assert (ada.post("/v1/foods", same).status_code, ada.post("/v1/foods", same).json()) == (200, food)
    assert_problem(ada.post("/v1/foods", new | {"time": "12:06"}), 409, "id_taken", "id")
    path = f"/v1/foods/{food['id']}"
    assert ada.patch(path, {"time": "12:05"}).json() == food
    assert ada.patch(path, {"time": "00:00"}).json()["time"] == "00:00:00"


def test_a_food_is_copied_to_another_day_with_its_tags(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    food = user.made("/v1/foods", WHOLE)
    runner.run(tag(database, user.id, "foods", food["id"]))
    copies, new = f"/v1/foods/{food['id']}/copies", {"date": "2026-03-09", "id": str(new_uuid7())}
    answer = user.post(copies, new)
    copy = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/foods/{new['id']}")
    assert answer.headers["etag"] == etag(copy)
    own = ("id", "created_at", "updated_at", "version")
    assert copy == food | new | {field: copy[field] for field in own}
    assert user.get(answer.headers["location"]).json() == copy
    assert [each["id"] for each in user.get("/v1/foods?tag=keto").json()["items"]] == [copy["id"], food["id"]]
    again = user.post(copies, new)
    assert (again.status_code, again.json()) == (200, copy)
    assert_problem(user.post(copies, new | {"date": "2026-03-10"}), 409, "id_taken", "id")
    other = user.made("/v1/foods", WHOLE | {"name": "Another"})
    assert_problem(user.post(f"/v1/foods/{other['id']}/copies", new), 409, "id_taken", "id")
    assert user.patch(f"/v1/foods/{food['id']}", {"name": "Renamed"}).status_code == 200
    assert user.post(copies, new).json() == copy
    assert user.delete(f"/v1/foods/{food['id']}").status_code == 204
    assert (user.post(copies, new).status_code, user.post(copies, new).json()) == (200, copy)
    assert_problem(user.post(copies, {"date": "2026-03-10"}), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "date"),
        ({"date": "1899-12-31"}, "date"),
        ({"date": None}, "date"),
        ({"date": "2026-03-02", "name": "Stew"}, "name"),
    ],
)
def test_a_copy_takes_a_day_and_nothing_else(ada: User, path: str, body: dict[str, Any], field: str) -> None:
    assert_problem(ada.post(f"{path}/copies", body), 422, "invalid", field)


def test_a_food_of_somebody_else_is_not_copied(api: Api, ada: User, bob: User) -> None:
    path = f"/v1/foods/{eat(ada)['id']}/copies"
    assert_problem(bob.post(path, {"date": "2026-03-09"}), 404, "not_found")
    assert_problem(api.post(path, {"date": "2026-03-09"}), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"date": None}, "date"),
        ({"date": "2026-02-30"}, "date"),
        ({"date": "1899-12-31"}, "date"),
        ({"date": "2026-03-02T10:00:00Z"}, "date"),
        ({"time": "25:00:00"}, "time"),
        ({"time": "24:00"}, "time"),
        ({"time": "7:30"}, "time"),
        ({"time": "12:5"}, "time"),
        ({"time": "12:60"}, "time"),
        ({"time": "12:05\n"}, "time"),
        ({"time": "noon"}, "time"),
        ({"time": 1205}, "time"),
        ({"time": "07:30:00Z"}, "time"),
        ({"meal_type": "brunch"}, "meal_type"),
        ({"meal_type": None}, "meal_type"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"portion": "x" * 101}, "portion"),
        ({"calories": -0.1}, "calories"),
        ({"calories": 1_000_000_000.5}, "calories"),
        ({"calories": "320"}, "calories"),
        ({"sodium_mg": True}, "sodium_mg"),
        ({"is_favorite": None}, "is_favorite"),
        ({"is_favorite": 1}, "is_favorite"),
        ({"notes": "a\0"}, "notes"),
        ({"version": 7}, "version"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_named(ada: User, path: str, broken: dict[str, Any], field: str) -> None:
    assert_problem(ada.post("/v1/foods", SOUP | broken), 422, "invalid", field)
    assert_problem(ada.patch(path, broken), 422, "read_only" if field == "version" else "invalid", field)


# Lists


@pytest.fixture(scope="module")
def week(api: Api) -> tuple[User, list[dict[str, Any]]]:
    """Somebody who ate twice a day, made in another order than that of the days; the foods by (date, id)."""
    user = api.user()
    foods = [eat(user, date=f"2026-03-0{day}", meal_type=meal) for meal in ("lunch", "snack") for day in (3, 1, 2)]
    return user, sorted(foods, key=lambda food: (food["date"], food["id"]))


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_give_every_food_once_by_date_and_within_a_date_by_id(week: tuple[User, list[Any]], order: str) -> None:
    user, foods = week
    assert user.walk(f"/v1/foods?limit=4&order={order}") == (foods if order == "oldest" else foods[::-1])


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("from=2026-03-02", [2, 3, 4, 5]),
        ("to=2026-03-02", [0, 1, 2, 3]),
        ("from=2026-03-02&to=2026-03-02", [2, 3]),
        ("meal_type=snack", [1, 3, 5]),
        ("meal_type=dinner", []),
        ("is_favorite=true", []),
        ("is_favorite=false&from=2026-03-03", [4, 5]),
    ],
)
def test_a_filter_keeps_what_is_asked_for(week: tuple[User, list[Any]], query: str, places: list[int]) -> None:
    user, foods = week
    for order in ("oldest", "newest"):
        expected = [foods[place] for place in places]
        page = user.get(f"/v1/foods?order={order}&{query}").json()
        assert page["items"] == (expected if order == "oldest" else expected[::-1])


def test_a_cursor_of_another_range_shows_nothing_outside_of_this_one(week: tuple[User, list[Any]]) -> None:
    user, foods = week
    for order, range_, expected in (("newest", "to=2026-03-01", foods[1::-1]), ("oldest", "from=2026-03-03", foods[4:])):
        cursor = user.get(f"/v1/foods?limit=1&order={order}").json()["next_cursor"]
        assert user.get(f"/v1/foods?order={order}&{range_}&cursor={cursor}").json()["items"] == expected


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_the_filter_by_tag_keeps_what_carries_it(api: Api, runner: asyncio.Runner, database: str, order: str) -> None:
    user = api.user()
    tagged, _ = eat(user), eat(user)
    runner.run(tag(database, user.id, "foods", tagged["id"]))
    assert user.get(f"/v1/foods?tag=keto&order={order}").json()["items"] == [tagged]
    assert user.get(f"/v1/foods?tag=vegan&order={order}").json()["items"] == []


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("from=2026-03-02&to=2026-03-01", "invalid", "to"),
        ("from=2026-3-2", "invalid", "from"),
        ("meal_type=brunch", "invalid", "meal_type"),
        ("is_favorite=1", "invalid", "is_favorite"),
        ("type=run", "invalid", "type"),
        ("cursor=bg", "invalid_cursor", None),
    ],
)
def test_query_parameters_are_strict(ada: User, query: str, code: str, field: str | None) -> None:
    assert_problem(ada.get(f"/v1/foods?{query}"), 422, code, field)


def test_a_food_in_a_list_is_written_as_the_food_alone_is(api: Api) -> None:
    user = api.user()
    eat(user)
    eat(user, **(WHOLE | {"time": "00:00:00.5"}))
    eat(user, time="23:59:59", calories=1e9, protein_g=0.1)
    page = user.get("/v1/foods")
    singles = [user.get(f"/v1/foods/{food['id']}").text for food in page.json()["items"]]
    assert page.text == '{"items":[' + ",".join(singles) + '],"next_cursor":null}'


# Summaries


def summary(user: User, query: str) -> list[dict[str, Any]]:
    answer = user.get(f"/v1/foods/summary?{query}")
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["items"]
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_a_day_sums_up_exactly_and_a_nutrient_that_nobody_entered_stays_unknown(api: Api) -> None:
    user = api.user()
    eat(user, calories=0.1, protein_g=10, sugar_g=0)
    eat(user, calories=0.2)
    eat(user, date="2026-03-05")
    assert summary(user, "from=2026-03-02&to=2026-03-08") == [
        {"date": "2026-03-02", "entries": 2, "calories": 0.3, "protein_g": 10, "carbs_g": None, "fats_g": None,
         "fiber_g": None, "sugar_g": 0, "sodium_mg": None},
        {"date": "2026-03-05", "entries": 1} | dict.fromkeys(NUTRIENTS),
    ]  # fmt: skip


def test_a_week_begins_on_monday_and_counts_its_days_in_the_range(api: Api) -> None:
    user = api.user()
    for day, calories in (("2026-03-01", 1), ("2026-03-02", 10), ("2026-03-08", 100), ("2026-03-09", 1000)):
        eat(user, date=day, calories=calories)
    items = summary(user, "from=2026-03-01&to=2026-03-08&by=week")
    assert [(item["date"], item["entries"], item["calories"]) for item in items] == [
        ("2026-02-23", 1, 1),
        ("2026-03-02", 2, 110),
    ]


def test_without_a_range_the_last_30_days_of_the_user_are_summed_up(api: Api) -> None:
    # Its day is another than that of UTC for most of the time, and always one that UTC has or had or will have.
    zone = "Pacific/Kiritimati" if datetime.now(UTC).hour >= 10 else "Pacific/Pago_Pago"
    user = api.user(timezone=zone)
    today = datetime.now(ZoneInfo(zone)).date()
    for ago in (-1, 0, 29, 30):
        eat(user, date=str(today - timedelta(days=ago)))
    assert [item["date"] for item in summary(user, "")] == [str(today - timedelta(days=29)), str(today)]


def test_a_range_with_one_end_has_30_days(api: Api) -> None:
    user = api.user()
    for day in ("2026-03-01", "2026-03-02", "2026-03-31", "2026-04-01"):
        eat(user, date=day)
    assert [item["date"] for item in summary(user, "from=2026-03-02")] == ["2026-03-02", "2026-03-31"]
    assert [item["date"] for item in summary(user, "to=2026-03-31")] == ["2026-03-02", "2026-03-31"]
    assert summary(user, "from=9999-12-31") == summary(user, "to=0001-01-01") == []


@pytest.mark.parametrize("path", ["/v1/foods/summary", "/v1/workouts/summary"])
def test_a_range_has_366_days_at_most_and_ends_where_it_begins_or_later(ada: User, path: str) -> None:
    assert ada.get(f"{path}?from=2025-01-01&to=2026-01-01").status_code == 200
    assert_problem(ada.get(f"{path}?from=2025-01-01&to=2026-01-02"), 422, "invalid", "to")
    assert_problem(ada.get(f"{path}?from=2026-01-02&to=2026-01-01"), 422, "invalid", "to")
    assert_problem(ada.get(f"{path}?by=month"), 422, "invalid", "by")
    assert_problem(ada.get(f"{path}?from=today"), 422, "invalid", "from")
    assert_problem(ada.get(f"{path}?limit=7"), 422, "invalid", "limit")
    assert_problem(ada.post(path), 405, "method_not_allowed")
