"""`holdfast demo`: an account with a year of data, the same for the same seed."""

import json
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from client import Api, Execute, User
from command import holdfast, process

from app.demo import year

TODAY = date(2026, 11, 22)


def without_ids(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {
        table: [{name: value for name, value in row.items() if name != "id" and not name.endswith("_id")} for row in made]
        for table, made in rows.items()
    }


def test_a_seed_gives_the_same_year_to_everybody_and_each_their_own_ids() -> None:
    one, same, other = (year.rows(1, UUID(int=number), TODAY) for number in (1, 1, 2))
    assert one == same
    assert without_ids(one) == without_ids(other)
    assert not {row["id"] for row in one["tasks"]} & {row["id"] for row in other["tasks"]}
    assert without_ids(year.rows(2, UUID(int=1), TODAY)) != without_ids(one)


@pytest.mark.parametrize("seed", range(5))
def test_a_year_is_full_and_ends_before_today(seed: int) -> None:
    rows = year.rows(seed, uuid4(), TODAY)
    least = {
        "tasks": 300,
        "habits": 6,
        "habit_entries": 1500,
        "foods": 1000,
        "workouts": 120,
        "daily_reviews": 280,
        "goals": 10,
    }
    least |= {"blog_entries": 30, "conversations": 30, "messages": 60, "tags": 5, "taggings": 200, "goal_progress": 200}
    assert {table: len(rows[table]) for table, count in least.items() if len(rows[table]) < count} == {}
    times = [value for made in rows.values() for row in made for value in row.values() if isinstance(value, datetime)]
    assert max(times).date() < TODAY
    assert (max(times) - min(times)).days >= 360
    for habit in rows["habits"]:
        assert [each["completed"] for each in rows["habit_entries"] if each["habit_id"] == habit["id"]].count(True) > 10


def test_the_account_is_made_whole_and_signs_in_and_is_not_made_twice(api: Api, database: str, execute: Execute) -> None:
    email = f"demo-{uuid4()}@example.com"
    made = process(database, "demo", "--email", email, "--json")
    assert (made.returncode, made.stderr) == (0, "")
    account = json.loads(made.stdout)
    user = User(api, api.post("/v1/auth/login", {"email": email, "password": account["password"]}).json())
    assert user.id == account["id"]
    counts = {
        table: execute(f"select count(*) as n from {table} where user_id = $1::text::uuid", user.id)[0]["n"]
        for table in account["rows"]
    }
    assert counts == account["rows"]
    assert all(counts.values())
    habits = user.get("/v1/habits").json()["items"]
    assert {each["frequency"] for each in habits} == {"daily", "weekly", "weekdays", "interval", "monthly"}
    assert user.get(f"/v1/habits/{habits[-1]['id']}/stats").json()["total_completed"] > 100
    [top] = [each for each in user.get("/v1/goals?limit=200").json()["items"] if each["title"] == "Run 600 km"]
    assert len(user.get(f"/v1/goals/{top['id']}/tree").json()["children"]) == 12
    assert user.get("/v1/search?q=plants").json()["items"]
    talk = user.get("/v1/conversations?limit=1").json()["items"][0]
    assert talk["message_count"] == len(user.get(f"/v1/conversations/{talk['id']}").json()["messages"]) > 0
    sport = user.get("/v1/tags?limit=200").json()["items"]
    assert sum(each["usage_count"] for each in sport) == counts["taggings"]
    again = holdfast(database, "demo", "--email", email.upper())
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith("holdfast: There is an account with this e-mail address already")


def test_in_production_the_demo_wants_a_yes(database: str, execute: Execute) -> None:
    email = f"demo-{uuid4()}@example.com"
    refused = holdfast(database, "demo", "--email", email, APP_ENV="production")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "holdfast: APP_ENV is production: say --yes if the account shall be made here.\n"
    assert execute("select id from users where email = $1", email) == []
    made = holdfast(database, "demo", "--email", email, "--yes", APP_ENV="production")
    assert made.returncode == 0, made.stderr
    assert "password" in made.stdout
    assert holdfast(database, "demo", "--email", "nobody").stderr == "holdfast: email: has not the required form\n"
    assert holdfast(database, "demo", "--seed", "many").returncode == 2
