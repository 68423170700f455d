"""Guests: signed in without an account, and registered later without losing anything."""

import pytest
from client import PASSWORD, Api, User, assert_problem, new_email, soon_refused


@pytest.fixture
def guest(api: Api) -> User:
    answer = api.post("/v1/auth/guest")
    assert answer.status_code == 201, answer.text
    return User(api, answer.json())


def test_a_guest_is_somebody_with_rows_of_their_own(guest: User) -> None:
    assert (guest.me["is_guest"], guest.me["email"], guest.me["role"]) == (True, None, "user")
    task = guest.task()
    assert guest.get(f"/v1/tasks/{task['id']}").json() == task
    assert guest.get("/v1/me").json() == guest.me


def test_a_guest_who_registers_keeps_the_id_and_every_row(api: Api, guest: User) -> None:
    task = guest.task()
    email = new_email()
    answer = guest.post("/v1/auth/register", {"email": email, "password": PASSWORD, "name": "Ada", "timezone": "Asia/Tokyo"})
    assert answer.status_code == 201
    user = User(api, answer.json())
    assert user.id == guest.id
    assert (user.me["is_guest"], user.me["email"], user.me["name"], user.me["timezone"]) == (False, email, "Ada", "Asia/Tokyo")
    assert user.get(f"/v1/tasks/{task['id']}").json() == task
    assert api.post("/v1/auth/login", {"email": email, "password": PASSWORD}).json()["user"]["id"] == guest.id


def test_the_guests_own_sessions_and_tokens_end_with_the_registration(guest: User) -> None:
    token = guest.post("/v1/me/tokens", {"name": "Script", "scopes": ["read"]}).json()["token"]
    assert guest.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD}).status_code == 201
    soon_refused(lambda: guest.get("/v1/me"))
    soon_refused(lambda: guest.api.get("/v1/tasks", token=token))


def test_a_guest_who_meets_a_taken_email_is_as_before(api: Api, guest: User) -> None:
    taken = api.user().email
    answer = guest.post("/v1/auth/register", {"email": taken, "password": PASSWORD})
    assert_problem(answer, 409, "email_taken", "email")
    assert guest.get("/v1/me").json() == guest.me


def test_of_ten_registrations_of_one_guest_at_once_one_succeeds(api: Api, guest: User) -> None:
    answers = api.together(
        *(guest.send("POST", "/v1/auth/register", json={"email": new_email(), "password": PASSWORD}) for _ in range(10))
    )
    statuses = sorted(answer.status_code for answer in answers)
    # The others come while it happens (409), or when the guest's token is dead already (401).
    assert statuses[0] == 201
    assert set(statuses[1:]) <= {401, 409}


def test_a_guest_deletes_the_account_without_a_password(guest: User) -> None:
    assert guest.request("DELETE", "/v1/me", json={}).status_code == 204
    soon_refused(lambda: guest.get("/v1/me"))


def test_guests_do_not_see_each_other(api: Api, guest: User) -> None:
    other = User(api, api.post("/v1/auth/guest").json())
    assert_problem(other.get(f"/v1/tasks/{guest.task()['id']}"), 403, "forbidden")


def test_a_guest_gets_an_email_and_a_password_only_by_registering(api: Api, guest: User) -> None:
    for email in (new_email(), api.user().email):
        assert_problem(guest.patch("/v1/me", {"email": email}), 422, "invalid", "email")
    changed = guest.request("PUT", "/v1/me/password", json={"new": PASSWORD})
    assert_problem(changed, 422, "invalid", "new")
    assert guest.get("/v1/me").json() == guest.me
    assert guest.patch("/v1/me", {"name": "Ada"}).json()["name"] == "Ada"
