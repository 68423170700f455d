"""Where one is signed in: the names of devices, places of last use, how long sessions last, and signing out everywhere."""

from typing import Any
from uuid import uuid4

import pytest
from client import PASSWORD, Api, User, assert_problem, new_email


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
