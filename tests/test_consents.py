"""/v1/consents: what was said, and nothing that was not."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest
from client import Api, User, assert_problem
from locks import lock_user, waited_for

from app.auth.passwords import Passwords
from app.settings import Settings


def test_before_anything_was_said_nothing_is_agreed_to(api: Api) -> None:
    user = api.user()
    assert user.get("/v1/consents").json() == {
        "terms_accepted": False, "terms_version": None, "marketing_consent": False, "stale": False, "source": None,
        "created_at": None,
    }  # fmt: skip
    assert user.get("/v1/consents/history").json() == {"items": [], "next_cursor": None}


def test_what_is_said_is_current_and_everything_said_is_history(api: Api) -> None:
    user = api.user()
    first = user.put("/v1/consents", {"terms_accepted": True, "marketing_consent": True, "source": "web"})
    assert first.status_code == 201
    said = first.json()
    assert said == said | {
        "terms_accepted": True, "terms_version": "1", "marketing_consent": True, "stale": False, "source": "web"
    }  # fmt: skip
    assert user.get("/v1/consents").json() == said
    second = user.put("/v1/consents", {"terms_accepted": False})
    assert second.status_code == 200
    assert second.json() == second.json() | {"terms_accepted": False, "terms_version": None, "marketing_consent": False}
    history = user.get("/v1/consents/history").json()["items"]
    assert [event["terms_accepted"] for event in history] == [False, True]
    assert list(history[0]) == ["id", "terms_accepted", "terms_version", "marketing_consent", "source", "created_at"]


def test_the_same_said_again_adds_nothing(api: Api) -> None:
    user = api.user()
    answers = [user.put("/v1/consents", {"terms_accepted": True}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert len({answer.text for answer in answers}) == 1
    assert len(user.get("/v1/consents/history").json()["items"]) == 1


def test_a_consent_is_stale_when_the_terms_have_moved_on(
    api: Api, runner: asyncio.Runner, settings: Settings, passwords: Passwords
) -> None:
    user = api.user()
    user.put("/v1/consents", {"terms_accepted": True})
    other = api.user()
    other.put("/v1/consents", {"terms_accepted": False})
    with Api.started(runner, msgspec.structs.replace(settings, terms_version="2"), passwords) as later:
        now = User(later, {"token": user.token, "user": user.me})
        assert now.get("/v1/consents").json()["stale"] is True
        assert User(later, {"token": other.token, "user": other.me}).get("/v1/consents").json()["stale"] is False
        assert now.put("/v1/consents", {"terms_accepted": True, "terms_version": "1"}).json()["stale"] is True
        assert now.put("/v1/consents", {"terms_accepted": True}).json() == now.get("/v1/consents").json()
        assert now.get("/v1/consents").json()["stale"] is False


def test_a_part_is_said_anew_and_the_rest_stays(
    api: Api, runner: asyncio.Runner, settings: Settings, passwords: Passwords
) -> None:
    user = api.user()
    nothing = user.patch("/v1/consents", {})
    assert (nothing.status_code, nothing.json()) == (200, user.get("/v1/consents").json())
    first = user.patch("/v1/consents", {"marketing_consent": True, "source": "web"})
    assert first.status_code == 201
    said: dict[str, Any] = {
        "terms_accepted": False,
        "terms_version": None,
        "marketing_consent": True,
        "source": "web",
        "stale": False,
    }
    assert first.json() == first.json() | said
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"terms_accepted": True}, {"terms_accepted": True, "terms_version": "1"}),
        ({"marketing_consent": False}, {"marketing_consent": False}),
        ({"source": None}, {"source": None}),
        ({"terms_version": "0"}, {"terms_version": "0", "stale": True}),
        ({"terms_accepted": False}, {"terms_accepted": False, "stale": False}),
        ({"terms_accepted": True, "terms_version": "0.5"}, {"terms_accepted": True, "terms_version": "0.5", "stale": True}),
        ({"terms_accepted": True}, {"terms_version": "1", "stale": False}),
    ]
    for changes, then in steps:
        answer = user.patch("/v1/consents", changes)
        said = said | then
        assert (answer.status_code, answer.json()) == (200, answer.json() | said)
        assert user.get("/v1/consents").json() == answer.json()
    with Api.started(runner, msgspec.structs.replace(settings, terms_version="2"), passwords) as later:
        now = User(later, {"token": user.token, "user": user.me})
        assert now.patch("/v1/consents", {"marketing_consent": True}).json()["stale"] is True
        assert now.patch("/v1/consents", {"terms_accepted": True}).json()["terms_version"] == "2"
    events = len(user.get("/v1/consents/history").json()["items"])
    for same in ({}, {"terms_accepted": True, "terms_version": "2"}):
        assert user.patch("/v1/consents", same).status_code == 200
    for field, value in (("terms_accepted", None), ("marketing_consent", 1), ("source", ""), ("terms_version", "x" * 101)):
        assert_problem(user.patch("/v1/consents", {field: value}), 422, "invalid", field)
    assert_problem(user.patch("/v1/consents", {"created_at": None}), 422, "read_only", "created_at")
    assert len(user.get("/v1/consents/history").json()["items"]) == events


def test_of_parts_that_are_said_at_once_none_is_lost(api: Api) -> None:
    for _ in range(5):
        user = api.user()
        parts = [{"terms_accepted": True}, {"marketing_consent": True}, {"source": "web"}]
        answers = api.together(*(user.send("PATCH", "/v1/consents", json=part) for part in parts))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
        consent = user.get("/v1/consents").json()
        assert (consent["terms_accepted"], consent["marketing_consent"], consent["source"]) == (True, True, "web")


def test_what_is_said_twice_at_once_is_said_once(api: Api) -> None:
    for _ in range(5):
        user = api.user()
        answers = api.together(*(user.send("PUT", "/v1/consents", json={"terms_accepted": True}) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
        assert len(user.get("/v1/consents/history").json()["items"]) == 1


def test_a_withdrawal_that_waits_for_a_change_comes_after_it(
    api: Api, runner: asyncio.Runner, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    user = api.user()
    no = {"terms_accepted": True, "marketing_consent": False}
    assert user.put("/v1/consents", no).status_code == 201
    agreed = """
        insert into consent_events (user_id, terms_accepted, terms_version, marketing_consent)
        select user_id, terms_accepted, terms_version, true from consent_events where user_id = $1"""

    async def withdraw_meanwhile() -> httpx.Response:
        async with connection.transaction():
            await lock_user(connection, user.id)
            withdrawing = asyncio.create_task(user.send("PUT", "/v1/consents", json=no))
            await waited_for(connection)
            await connection.execute(agreed, UUID(user.id))
        return await withdrawing

    answer = runner.run(withdraw_meanwhile())
    assert (answer.status_code, answer.json()["marketing_consent"]) == (200, False)
    assert user.get("/v1/consents").json()["marketing_consent"] is False


def test_users_speak_for_themselves(ada: User, bob: User) -> None:
    ada.put("/v1/consents", {"terms_accepted": True})
    assert bob.get("/v1/consents").json()["terms_accepted"] is False
    assert bob.get("/v1/consents/history").json()["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "terms_accepted"),
        ({"terms_accepted": None}, "terms_accepted"),
        ({"terms_accepted": "yes"}, "terms_accepted"),
        ({"terms_accepted": 1}, "terms_accepted"),
        ({"terms_accepted": True, "terms_version": ""}, "terms_version"),
        ({"terms_accepted": True, "terms_version": "x" * 101}, "terms_version"),
        ({"terms_accepted": True, "marketing_consent": None}, "marketing_consent"),
        ({"terms_accepted": True, "source": " "}, "source"),
        ({"terms_accepted": True, "created_at": "2020-01-01T00:00:00Z"}, "created_at"),
    ],
)
def test_what_breaks_a_rule_is_not_said(api: Api, body: Any, field: str) -> None:
    user = api.user()
    assert_problem(user.put("/v1/consents", body), 422, "read_only" if field == "created_at" else "invalid", field)
    assert user.get("/v1/consents/history").json()["items"] == []


def test_the_history_comes_in_pages(api: Api) -> None:
    user = api.user()
    for n in range(5):
        user.put("/v1/consents", {"terms_accepted": n % 2 == 0})
    first = user.get("/v1/consents/history?limit=3").json()
    rest = user.get(f"/v1/consents/history?limit=3&cursor={first['next_cursor']}").json()
    assert [event["terms_accepted"] for event in first["items"] + rest["items"]] == [True, False, True, False, True]
    assert rest["next_cursor"] is None
