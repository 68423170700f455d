"""A day of life in each of the five apps: how many calls each screen takes."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from client import Api, User

from app.accounts.commands import set_role

Json = dict[str, Any]

TODAY = "2026-01-05"


class Client(User):
    """Somebody with an app, whose calls are counted."""

    calls = 0

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        self.calls += 1
        answer = super().request(method, path, **options)
        assert answer.status_code < 300, answer.text
        return answer

    def screen(self, calls: int, show: Callable[[], Json]) -> Json:
        """What a screen shows, by so many calls."""
        before = self.calls
        shown = show()
        assert self.calls - before == calls
        return shown


@pytest.fixture
def client(api: Api) -> Client:
    user = api.user()
    return Client(api, {"token": user.token, "user": user.me})


def test_the_habit_tracker_draws_its_dashboard_and_its_heat_map_in_one_call_each(client: Client) -> None:
    habits = [client.made("/v1/habits", {"name": name, "category": "Body"}) for name in ("Run", "Stretch", "Swim")]

    def write(habit: Json, week: list[Json]) -> Json:
        return client.put(f"/v1/habits/{habit['id']}/entries", {"entries": week}).json()  # type: ignore[no-any-return]

    for habit in habits:
        week = [{"date": f"2026-01-0{day}", "completed": day != 3} for day in range(1, 5)]
        client.screen(1, partial(write, habit, week))
    overview = f"/v1/habits/overview?from=2026-01-01&to={TODAY}"
    dashboard = client.screen(1, lambda: client.get(overview).json())
    assert [(habit["name"], len(habit["entries"]), habit["stats"]["total_completed"]) for habit in dashboard["items"]] == [
        (name, 4, 3) for name in ("Run", "Stretch", "Swim")
    ]
    entry = f"/v1/habits/{habits[0]['id']}/entries/{TODAY}"
    assert client.screen(1, lambda: client.put(entry, {"completed": True}).json())["completed"] is True
    heat_map = client.screen(1, lambda: client.get(overview).json())
    assert [(day["date"][-2:], day["completed"]) for day in heat_map["by_day"]] == [("01", 3), ("02", 3), ("04", 3), ("05", 1)]
    assert heat_map["by_category"] == [{"category": "Body", "habits": 3, "completed": 10}]


def test_the_council_opens_a_conversation_in_one_call_and_takes_two_for_the_first_turn(client: Client) -> None:
    def first_turn() -> Json:
        conversation = client.made("/v1/conversations", {})
        client.made(f"/v1/conversations/{conversation['id']}/messages", {"role": "user", "content": "Which bike?"})
        return conversation

    path = f"/v1/conversations/{client.screen(2, first_turn)['id']}"
    answered = {"role": "assistant", "stage1": [{"model": "a", "response": "A red one"}], "stage3": {"response": "A red one"}}
    client.screen(1, lambda: client.post(f"{path}/messages", answered).json())
    opened = client.screen(1, lambda: client.get(path).json())
    assert (opened["title"], [message["role"] for message in opened["messages"]]) == ("Which bike?", ["user", "assistant"])


def test_the_task_list_is_one_call_with_its_total_and_its_tags_and_ticking_all_of_it_another(client: Client) -> None:
    tasks = [client.made("/v1/tasks", {"title": f"T{n}"}) for n in range(5)]
    tag = client.made("/v1/tags", {"name": "Garden"})
    client.put(f"/v1/tags/{tag['id']}/tasks/{tasks[0]['id']}")
    shown = client.screen(1, lambda: client.get("/v1/tasks?count=true&with=tags&completed=false&limit=2").json())
    assert (len(shown["items"]), shown["total"], shown["total_is_exact"]) == (2, 5, True)
    [tagged] = client.screen(1, lambda: client.get("/v1/tasks?with=tags&tag=garden").json())["items"]
    assert (tagged["id"], [each["slug"] for each in tagged["tags"]]) == (tasks[0]["id"], ["garden"])
    ticks = [{"method": "PATCH", "path": f"/v1/tasks/{task['id']}", "body": {"completed": True}} for task in tasks]
    done = client.screen(1, lambda: client.post("/v1/batch", {"operations": ticks}).json())
    assert [(result["status"], result["body"]["completed"]) for result in done["results"]] == [(200, True)] * 5
    assert client.get("/v1/tasks?completed=false").json()["items"] == []


def test_the_life_manager_shows_a_day_of_food_with_its_totals_and_workouts_of_a_type_in_one_call_each(client: Client) -> None:
    for meal, calories in (("breakfast", 300.5), ("lunch", 700)):
        client.made("/v1/foods", {"date": TODAY, "meal_type": meal, "name": meal, "calories": calories})
    day = client.screen(1, lambda: client.get(f"/v1/foods/days/{TODAY}").json())
    assert ([food["name"] for food in day["items"]], day["totals"]["calories"]) == (["breakfast", "lunch"], 1000.5)
    for kind in ("run", "swim", "run"):
        client.made("/v1/workouts", {"date": TODAY, "type": kind, "duration_minutes": 30, "exercises": []})
    runs = client.screen(1, lambda: client.get("/v1/workouts?type=run").json())
    assert [workout["type"] for workout in runs["items"]] == ["run", "run"]


def test_the_assistant_takes_two_calls_for_a_message_and_one_for_the_profile(api: Api, client: Client) -> None:
    writer, query = api.user(), uuid4().hex
    assert api.runner.run(set_role(api.database, UUID(writer.id), "service"))
    assert writer.put(f"/v1/query-cache/{query}", {"result": {"answer": 42}}).status_code == 201

    def message() -> Json:
        cached = client.get(f"/v1/query-cache/{query}").json()
        deduction = {"amount": 1, "description": "A question", "idempotency_key": "q1"}
        return {"answer": cached["result"], "balance": client.post("/v1/credits/deductions", deduction).json()["available"]}

    assert client.screen(2, message) == {"answer": {"answer": 42}, "balance": 49}
    client.put("/v1/consents", {"terms_accepted": True, "marketing_consent": False})
    profile = client.screen(1, lambda: client.get("/v1/me?with=credits,consents,usage").json())
    assert profile["email"] == client.email
    assert profile["credits"]["available"] == 49
    assert profile["consents"]["terms_accepted"] is True
    assert profile["usage"]["tier"] == "free"
