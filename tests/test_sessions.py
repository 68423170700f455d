"""Where one is signed in: the names of devices, places of last use, how long sessions last, and signing out everywhere."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import pytest
from client import PASSWORD, Api, Execute, Started, User, assert_problem, new_email, soon_refused

from app.auth.passwords import Passwords
from app.settings import Settings


@pytest.fixture
def ada(api: Api) -> User:
    """Somebody new for each test: her sessions change."""
    return api.user()


def log_in(api: Api, user: User, **body: Any) -> User:
    """Sign a user in once more."""
    headers = {"User-Agent": body.pop("user_agent", "Firefox on Linux")}
    answer = api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD} | body, headers=headers)
    assert answer.status_code == 200, answer.text
    return User(api, answer.json())


def sessions_of(user: User) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = user.get("/v1/me/sessions").json()["items"]
    return listed


def current(user: User) -> dict[str, Any]:
    """The session that asks."""
    [session] = [each for each in sessions_of(user) if each["is_current"]]
    return session


def shift(execute: Execute, user: User, *, days: float = 0, hours: float = 0) -> None:
    """Make a session as if it had been made, and last been used, so long ago."""
    execute(
        "with shifted as materialized ("
        "select token_hash, created_at - $2::interval as created, last_seen_at - $2::interval as seen"
        " from sessions where token_hash = $1)"
        " update sessions s set created_at = x.created, last_seen_at = x.seen from shifted x where s.token_hash = x.token_hash",
        sha256(user.token.encode()).digest(),
        timedelta(days=days, hours=hours),
    )
    user.api.token_cache.forget()


def lasts(session: dict[str, Any]) -> timedelta:
    """From when a session was made to its end."""
    return datetime.fromisoformat(session["expires_at"]) - datetime.fromisoformat(session["created_at"])


# Names of devices


def test_registering_and_signing_in_name_the_device(api: Api) -> None:
    ada = api.user(device_name="Ada's phone")
    other = log_in(api, ada, device_name="L" * 100)
    unnamed = log_in(api, ada)
    assert [each["device_name"] for each in sessions_of(ada)] == [None, "L" * 100, "Ada's phone"]
    assert current(unnamed)["device_name"] is None
    assert current(other)["device_name"] == "L" * 100


def test_a_guest_who_registers_names_the_device(api: Api) -> None:
    guest = api.post("/v1/auth/guest").json()
    body = {"email": new_email(), "password": PASSWORD, "device_name": "Tablet"}
    ada = User(api, api.post("/v1/auth/register", body, token=guest["token"]).json())
    assert [each["device_name"] for each in sessions_of(ada)] == ["Tablet"]


@pytest.mark.parametrize("name", ["", " ", "\u3000", "x" * 101, 7, ["x"], "a\0b"])
def test_what_is_no_name_of_a_device_is_refused(api: Api, ada: User, name: Any) -> None:
    login = {"email": ada.email, "password": PASSWORD, "device_name": name}
    assert_problem(api.post("/v1/auth/login", login), 422, "invalid", "device_name")
    registration = {"email": new_email(), "password": PASSWORD, "device_name": name}
    assert_problem(api.post("/v1/auth/register", registration), 422, "invalid", "device_name")
    path = f"/v1/me/sessions/{current(ada)['id']}"
    assert_problem(ada.patch(path, {"device_name": name}), 422, "invalid", "device_name")
    assert [each["device_name"] for each in sessions_of(ada)] == [None]


def test_a_session_is_named_and_its_name_is_cleared(api: Api, ada: User) -> None:
    other = log_in(api, ada)
    named, before = current(other)["id"], sessions_of(other)
    path = f"/v1/me/sessions/{named}"
    answer = ada.patch(path, {"device_name": "Laptop"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == before[0] | {"device_name": "Laptop", "is_current": False}
    assert sessions_of(other) == [before[0] | {"device_name": "Laptop"}, before[1]]
    assert other.patch(path, {}).json() == before[0] | {"device_name": "Laptop"}
    assert other.patch(path, {"device_name": None}).json() == before[0]
    assert sessions_of(other) == before


def test_a_session_is_named_by_its_owner_alone(api: Api, ada: User) -> None:
    path, body = f"/v1/me/sessions/{current(ada)['id']}", {"device_name": "Mine now"}
    assert_problem(api.user().patch(path, body), 404, "not_found")
    assert_problem(api.patch(path, body), 401, "unauthenticated")
    assert_problem(ada.patch(f"/v1/me/sessions/{uuid4()}", body), 404, "not_found")
    assert_problem(ada.patch("/v1/me/sessions/nonsense", body), 404, "not_found")
    assert_problem(ada.patch(path, {"ip": "192.0.2.7"}), 422, "invalid", "ip")
    assert current(ada)["device_name"] is None
    log_in(api, ada)
    assert ada.post("/v1/auth/logout").status_code == 204
    assert_problem(log_in(api, ada).patch(path, body), 404, "not_found")


# The place of last use


def test_a_session_shows_where_it_was_used_last(started: Started, execute: Execute) -> None:
    api = started(trusted_proxies=(ip_network("127.0.0.1/32"),))
    ada = api.user()
    made = current(ada)
    assert (made["ip"], made["last_ip"], made["last_user_agent"]) == ("127.0.0.1", "127.0.0.1", made["user_agent"])
    elsewhere = {"X-Forwarded-For": "198.51.100.7", "User-Agent": "Chrome on Android " + "x" * 600}
    # Within the hour nothing is written.
    assert ada.get("/v1/tasks", headers=elsewhere).status_code == 200
    assert current(ada) == made
    shift(execute, ada, hours=2)
    assert ada.get("/v1/tasks", headers=elsewhere).status_code == 200
    used = current(ada)
    assert (used["ip"], used["user_agent"]) == (made["ip"], made["user_agent"])
    assert (used["last_ip"], used["last_user_agent"]) == ("198.51.100.7", elsewhere["User-Agent"][:500])
    assert used["last_seen_at"] > made["last_seen_at"]
    assert ada.get("/v1/tasks", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200
    assert current(ada) == used


def test_an_unrouted_request_tells_the_place_as_well(api: Api, ada: User, execute: Execute) -> None:
    shift(execute, ada, hours=2)
    assert_problem(ada.get("/v1/nowhere", headers={"User-Agent": "curl"}), 404, "not_found")
    assert current(ada)["last_user_agent"] == "curl"


# The greatest age


def test_a_session_ends_after_its_greatest_age_however_much_it_is_used(started: Started, execute: Execute) -> None:
    api = started(session_days=30, session_max_days=90)
    ada = api.user()
    assert lasts(current(ada)) == timedelta(days=30)
    for days, left in ((50, 80), (35, 90), (4, 90)):
        shift(execute, ada, days=days)
        assert ada.get("/v1/me").status_code == 200
        assert abs(lasts(current(ada)) - timedelta(days=left)) < timedelta(minutes=1)
    shift(execute, ada, days=1.5)
    assert_problem(ada.get("/v1/me"), 401, "unauthenticated")
    assert_problem(ada.get("/v1/me"), 401, "unauthenticated")


def test_a_session_of_before_is_bound_by_its_age_at_its_next_touch(started: Started, execute: Execute) -> None:
    api, other = (started(session_days=30, session_max_days=days) for days in (365, 40))
    ada, bob = api.user(), api.user()
    for user in (ada, bob):
        shift(execute, user, days=35)
        assert user.get("/v1/me").status_code == 200
        shift(execute, user, days=4)
    # Made 39 days ago: one more day.
    assert ada.at(other).get("/v1/me").status_code == 200
    assert abs(lasts(current(ada)) - timedelta(days=40)) < timedelta(minutes=1)
    shift(execute, bob, days=4)
    assert_problem(bob.at(other).get("/v1/me"), 401, "unauthenticated")
    soon_refused(lambda: bob.get("/v1/me"))


def test_a_session_that_would_last_longer_than_its_greatest_age_is_cut(started: Started) -> None:
    api = started(session_days=30, session_max_days=7)
    ada = api.user()
    guest = api.post("/v1/auth/guest").json()
    for user in (ada, log_in(api, ada)):
        assert lasts(current(user)) == timedelta(days=7)
    [session] = api.get("/v1/me/sessions", token=guest["token"]).json()["items"]
    assert lasts(session) == timedelta(days=7)


# Signing out everywhere


@pytest.fixture
def there(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> Iterator[Api]:
    """Another worker on the same database."""
    with Api.started(runner, settings, passwords) as api:
        yield api


def test_signing_out_everywhere_ends_every_session_and_no_api_token(api: Api, there: Api, ada: User) -> None:
    other, bob = log_in(api, ada), api.user()
    script = ada.made("/v1/me/tokens", {"name": "Script", "scopes": ["read"]})["token"]
    for user in (ada, other, bob):
        assert user.at(there).get("/v1/me").status_code == 200
    answer = ada.delete("/v1/me/sessions")
    assert (answer.status_code, answer.content) == (204, b"")
    for user in (ada, other):
        assert_problem(user.get("/v1/me"), 401, "unauthenticated")
        soon_refused(lambda user=user: user.at(there).get("/v1/me"))  # type: ignore[misc]
    assert api.get("/v1/tasks", token=script).status_code == 200
    assert there.get("/v1/tasks", token=script).status_code == 200
    assert bob.get("/v1/me").status_code == 200
    assert [each["is_current"] for each in sessions_of(log_in(api, ada))] == [True]


def test_signing_out_everywhere_is_for_sessions(api: Api, ada: User) -> None:
    assert_problem(api.delete("/v1/me/sessions"), 401, "unauthenticated")
    script = ada.made("/v1/me/tokens", {"name": "Script", "scopes": ["read", "write"]})["token"]
    assert_problem(api.delete("/v1/me/sessions", token=script), 403, "session_required")
    assert_problem(ada.request("DELETE", "/v1/me/sessions?all=true"), 422, "invalid")
    assert len(sessions_of(ada)) == 1


def test_a_login_in_flight_does_not_outlive_signing_out_everywhere(api: Api) -> None:
    for _ in range(5):
        ada = api.user()
        logins = [api.send("POST", "/v1/auth/login", json={"email": ada.email, "password": PASSWORD}) for _ in range(4)]
        answers = api.together(*logins[:2], ada.send("DELETE", "/v1/me/sessions"), *logins[2:])
        assert answers[2].status_code == 204
        assert_problem(ada.get("/v1/me"), 401, "unauthenticated")
        later = log_in(api, ada)
        alive = [api.get("/v1/me", token=answer.json()["token"]).status_code == 200 for answer in answers[:2] + answers[3:]]
        assert len(sessions_of(later)) == 1 + sum(alive)
