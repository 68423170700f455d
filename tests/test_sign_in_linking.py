"""Whose account it is that a provider signs in to: linked, found by a verified address, handed over to its owner, or new."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from unicodedata import normalize
from uuid import UUID

import asyncpg
import clustered
import httpx
import pytest
from client import PASSWORD, Api, Execute, Started, User, assert_problem, new_email, soon_refused
from locks import waited_for
from provider_flows import App, is_somebody, sign_in_changes, sign_in_settings, stand_ins
from provider_stand_in import StandIn

from app.accounts.commands import set_role
from app.auth.passwords import Passwords
from app.settings import Mail, Settings

ROUNDS = 5
"""How often a race is run: one that is lost seldom is lost, too."""


@pytest.fixture(scope="module")
def providers() -> Iterator[list[StandIn]]:
    with stand_ins(2) as providers:
        yield providers


@pytest.fixture(scope="module")
def api(runner: asyncio.Runner, settings: Settings, passwords: Passwords, providers: list[StandIn]) -> Iterator[Api]:
    """The app with two providers."""
    with Api.started(runner, sign_in_settings(settings, *providers), passwords) as api:
        yield api


@pytest.fixture
def google(api: Api, providers: list[StandIn]) -> App:
    """An app in which somebody new signs in by one provider."""
    is_somebody(providers[0])
    return App(api, providers[0])


@pytest.fixture
def auth0(api: Api, providers: list[StandIn]) -> App:
    """The same by another provider, as somebody else."""
    is_somebody(providers[1])
    return App(api, providers[1], "auth0")


def a_guest(api: Api) -> User:
    return User(api, api.post("/v1/auth/guest").json())


def a_verified_user(api: Api, execute: Execute, **fields: Any) -> User:
    user = api.user(**fields)
    execute("update users set email_verified_at = now() where id = $1", UUID(user.id))
    return user


def identities(user: User) -> set[tuple[str, str]]:
    return {(each["provider"], each["subject"]) for each in user.walk("/v1/me/identities")}


def logs_in(api: Api, email: str) -> bool:
    return api.post("/v1/auth/login", {"email": email, "password": PASSWORD}).status_code == 200


# Linking from within


def test_who_is_signed_in_links_another_way_in_and_stays_who_they_are(google: App, auth0: App) -> None:
    user = google.api.user()
    linked = google.user(user.token)
    assert (linked.id, linked.email, linked.me["is_verified"]) == (user.id, user.email, False)
    assert identities(user) == {("google", google.provider.user["sub"])}
    # The session that began to link goes on, the password stays, and the new way leads in.
    assert user.get("/v1/me").status_code == 200
    assert logs_in(google.api, user.email)
    assert google.user().id == user.id
    assert auth0.user(user.token).id == user.id
    assert len(identities(user)) == 2


def test_a_session_that_is_older_than_15_minutes_links_nothing_and_a_guests_may_be_older(google: App, execute: Execute) -> None:
    user, guest = google.api.user(), a_guest(google.api)
    for each in (user, guest):
        execute("update sessions set created_at = now() - interval '16 minutes' where user_id = $1", UUID(each.id))
    assert_problem(google.begin(token=user.token), 403, "fresh_sign_in_required")
    assert_problem(google.start(token=user.token), 403, "fresh_sign_in_required")
    body = {"provider": "google", "id_token": google.provider.id_token()}
    assert_problem(google.api.post("/v1/auth/id-token", body, token=user.token), 403, "fresh_sign_in_required")
    assert identities(user) == set()
    assert google.user(guest.token).id == guest.id


def test_whoever_has_a_confirmed_address_is_told_of_a_link_and_of_no_mere_sign_in(
    google: App, auth0: App, started: Started, execute: Execute
) -> None:
    google.api = auth0.api = started(**sign_in_changes(google.api.settings), smtp=Mail(host="127.0.0.1", port=1, tls="none"))
    told = "select address, detail::text as detail from outgoing_mails where kind = 'identity_linked' and user_id = $1"
    user, unconfirmed = a_verified_user(google.api, execute), google.api.user()
    assert google.user(user.token).id == google.user().id == user.id
    assert auth0.user(unconfirmed.token).id == unconfirmed.id
    assert execute(told, UUID(user.id)) == [{"address": user.email, "detail": '{"provider": "google"}'}]
    assert execute(told, UUID(unconfirmed.id)) == []
    execute("delete from outgoing_mails")


def test_linking_gives_a_name_and_a_picture_only_to_an_account_without(google: App, auth0: App) -> None:
    api = google.api
    named, nameless = api.user(name="Grace"), api.user()
    is_somebody(google.provider, picture="https://example.com/g.png")
    is_somebody(auth0.provider, picture="https://example.com/a.png")
    assert google.user(named.token).me["name"] == "Grace"
    me = auth0.user(nameless.token).me
    assert (me["name"], me["avatar_url"]) == ("Ada Lovelace", "https://example.com/a.png")


def test_an_identity_of_another_account_is_taken_and_both_are_as_before(google: App) -> None:
    owner, other = google.user(), google.api.user()
    assert_problem(google.signs_in(other.token), 409, "identity_taken")
    assert identities(other) == set()
    assert google.user().id == owner.id
    assert other.get("/v1/me").json() == other.me


def test_ones_own_identity_can_be_linked_again(google: App) -> None:
    user = google.user()
    again = google.user(user.token)
    assert (again.id, len(identities(again))) == (user.id, 1)


def test_an_address_is_not_asked_for_when_who_is_signed_in_links(google: App, execute: Execute) -> None:
    owner = a_verified_user(google.api, execute)
    user = google.api.user()
    is_somebody(google.provider, email=owner.email)
    assert google.user(user.token).id == user.id
    assert identities(owner) == set()


def test_linking_wants_the_session_that_began_it(google: App) -> None:
    for end in (
        lambda user: user.post("/v1/auth/logout"),
        lambda user: User(google.api, _login(user)).request(
            "PUT", "/v1/me/password", json={"current": PASSWORD, "new": "another battery"}
        ),
    ):
        user = google.api.user()
        code = google.code(user.token)
        assert end(user).status_code == 204
        answer = google.exchange(code)
        assert_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert google.user().me["is_external"] is True


def test_a_session_that_has_expired_meanwhile_links_nothing(google: App, execute: Execute) -> None:
    user = google.api.user()
    code = google.code(user.token)
    past = "update sessions set created_at = now() - interval '2 days', expires_at = now() - interval '1 s' where user_id = $1"
    execute(past, UUID(user.id))
    assert_problem(google.exchange(code), 401, "unauthenticated")
    assert execute("select id from identities where user_id = $1", UUID(user.id)) == []


def _login(user: User) -> Any:
    return user.api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).json()


def test_linking_to_an_account_that_was_deleted_or_disabled_comes_to_nothing(google: App, execute: Execute) -> None:
    deleted, disabled = google.api.user(), google.api.user()
    codes = [google.code(user.token) for user in (deleted, disabled)]
    addresses = [google.sent_back(deleted.token)]
    assert deleted.request("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204
    execute("update users set is_active = false where id = $1", UUID(disabled.id))
    assert_problem(google.exchange(codes[0]), 400, "invalid_code")
    assert_problem(google.exchange(codes[1]), 403, "account_disabled")
    assert_problem(google.arrives(addresses[0]), 400, "invalid_state")
    assert execute("select count(*) from identities where subject = $1", google.provider.user["sub"]) == [{"count": 0}]


def test_an_id_token_links_to_the_account_of_the_session_that_sends_it(google: App) -> None:
    user = google.api.user()
    body = {"provider": "google", "id_token": google.provider.id_token()}
    answer = google.api.post("/v1/auth/id-token", body, token=user.token)
    assert (answer.status_code, answer.json()["user"]["id"]) == (200, user.id)
    assert identities(user) == {("google", google.provider.user["sub"])}


# Guests who become users


def test_a_guest_who_links_becomes_a_user_and_keeps_everything(google: App, execute: Execute) -> None:
    guest = a_guest(google.api)
    task = guest.task()
    assert guest.get("/v1/credits").json()["max_credits"] == google.api.settings.credits_guest
    token = guest.post("/v1/me/tokens", {"name": "Script", "scopes": ["read"]}).json()["token"]
    user = google.user(guest.token)
    assert user.id == guest.id
    assert (user.email, user.me["is_verified"]) == (google.provider.user["email"], True)
    assert (user.me["is_guest"], user.me["is_external"], user.me["name"]) == (False, True, "Ada Lovelace")
    assert user.get(f"/v1/tasks/{task['id']}").json() == task
    soon_refused(lambda: guest.get("/v1/me"))
    soon_refused(lambda: google.api.get("/v1/tasks", token=token))
    account = user.get("/v1/credits").json()
    assert (account["available"], account["is_guest"]) == (google.api.settings.credits_registered, False)
    assert [each["type"] for each in user.walk("/v1/credits/transactions")] == ["allocate", "allocate"]
    assert google.user().id == guest.id


def test_a_guest_who_links_by_an_id_token_becomes_a_user_too(google: App) -> None:
    guest = a_guest(google.api)
    body = {"provider": "google", "id_token": google.provider.id_token()}
    answer = google.api.post("/v1/auth/id-token", body, token=guest.token)
    assert (answer.json()["user"]["id"], answer.json()["user"]["is_guest"]) == (guest.id, False)
    soon_refused(lambda: guest.get("/v1/me"))


def test_a_guest_gets_no_address_that_is_anothers_or_that_nobody_has_verified(google: App, execute: Execute) -> None:
    owner, guests = a_verified_user(google.api, execute), [a_guest(google.api) for _ in range(2)]
    told: list[dict[str, Any]] = [{"email": owner.email.upper()}, {"email_verified": False}]
    for guest, claims in zip(guests, told, strict=True):
        is_somebody(google.provider, **claims)
        me = google.user(guest.token).me
        assert (me["id"], me["email"], me["is_guest"], me["is_external"]) == (guest.id, None, False, True)
    assert identities(owner) == set()


def test_a_guest_who_meets_anothers_identity_is_as_before(google: App) -> None:
    google.user()
    guest = a_guest(google.api)
    assert_problem(google.signs_in(guest.token), 409, "identity_taken")
    assert guest.get("/v1/me").json() == guest.me


# By a verified address


def _decomposed(email: str) -> str:
    return normalize("NFD", email).upper()


@pytest.mark.parametrize("spelled", [str, str.upper, _decomposed])
def test_an_address_that_both_sides_have_verified_leads_to_its_account(
    google: App, execute: Execute, spelled: Callable[[str], str]
) -> None:
    user = a_verified_user(google.api, execute, email=f"\u00e9{new_email()}", name="Grace")
    token = user.post("/v1/me/tokens", {"name": "Script", "scopes": ["read"]}).json()["token"]
    is_somebody(google.provider, email=spelled(user.email))
    linked = google.user()
    assert (linked.id, linked.email, linked.me["name"], linked.me["is_external"]) == (user.id, user.email, "Grace", False)
    # Nothing ends: it is the same person.
    assert user.get("/v1/me").status_code == 200
    assert google.api.get("/v1/tasks", token=token).status_code == 200
    assert logs_in(google.api, user.email)
    assert google.user().id == user.id


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": None}, {"email_verified": "no"}])
@pytest.mark.parametrize("is_verified_here", [True, False])
def test_an_address_that_the_provider_does_not_vouch_for_is_taken_and_the_answer_says_how_to_link(
    google: App, execute: Execute, claims: dict[str, Any], *, is_verified_here: bool
) -> None:
    user = a_verified_user(google.api, execute) if is_verified_here else google.api.user()
    before = user.get("/v1/me").json()
    is_somebody(google.provider, email=user.email.upper(), **claims)
    answer = google.signs_in()
    assert_problem(answer, 409, "email_taken")
    assert "/v1/auth/{provider}/start" in answer.json()["detail"]
    assert user.get("/v1/me").json() == before
    assert identities(user) == set()
    assert logs_in(google.api, user.email)
    # As it says there:
    assert google.user(user.token).id == user.id
    assert google.user().id == user.id


@pytest.mark.parametrize("role", ["admin", "service"])
def test_who_has_a_role_is_never_found_by_an_address(google: App, execute: Execute, role: str) -> None:
    user = a_verified_user(google.api, execute)
    assert google.api.runner.run(set_role(google.api.database, UUID(user.id), role))
    is_somebody(google.provider, email=user.email)
    assert_problem(google.signs_in(), 409, "email_taken")
    assert identities(user) == set()
    assert google.user(user.token).me["role"] == role
    assert google.user().id == user.id
    execute("update users set role = 'user' where id = $1 and role = 'service'", UUID(user.id))


def test_a_disabled_account_is_not_found_by_its_address(google: App, execute: Execute) -> None:
    user = a_verified_user(google.api, execute)
    execute("update users set is_active = false where id = $1", UUID(user.id))
    is_somebody(google.provider, email=user.email)
    assert_problem(google.signs_in(), 403, "account_disabled")
    assert execute("select id from identities where user_id = $1", UUID(user.id)) == []


# At the same time


def exchanges(apps: list[App], codes: list[str]) -> list[httpx.Response]:
    """Exchange codes at the same time."""
    sends: list[Awaitable[httpx.Response]] = [
        app.api.send("POST", "/v1/auth/exchange", json={"code": code, "verifier": app.verifier})
        for app, code in zip(apps, codes, strict=True)
    ]
    return apps[0].api.together(*sends)


def test_a_code_that_is_exchanged_twice_at_once_opens_one_session(google: App, execute: Execute) -> None:
    for _ in range(ROUNDS):
        is_somebody(google.provider)
        code = google.code()
        answers = exchanges([google] * 6, [code] * 6)
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5
        [user_id] = [answer.json()["user"]["id"] for answer in answers if answer.status_code == 200]
        assert len(execute("select id from sessions where user_id = $1", UUID(user_id))) == 1


def test_a_state_that_comes_back_twice_at_once_gives_one_code(google: App) -> None:
    for _ in range(ROUNDS):
        address = google.sent_back()
        path = address.partition("example.com")[2]
        answers = google.api.together(*(google.api.send("GET", path) for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [302] + [400] * 5


def test_an_id_token_that_is_sent_twice_at_once_signs_in_once(google: App, execute: Execute) -> None:
    for _ in range(ROUNDS):
        somebody = is_somebody(google.provider)
        body = {"provider": "google", "id_token": google.provider.id_token()}
        answers = google.api.together(*(google.api.send("POST", "/v1/auth/id-token", json=body) for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 5
        found = "select s.id from sessions s join identities i using (user_id) where i.subject = $1"
        assert len(execute(found, somebody["sub"])) == 1


def test_two_first_sign_ins_of_one_identity_at_once_make_one_user(google: App, execute: Execute) -> None:
    for round_ in range(ROUNDS):
        # With an address that is another's unique, and without any.
        somebody = is_somebody(google.provider, **({} if round_ % 2 else {"email": None}))
        answers = exchanges([google] * 6, [google.code() for _ in range(6)])
        if clustered.URL:
            # There each makes a user before it waits for the others', and is given up after a few deadlocks.
            answers = [answer for answer in answers if answer.status_code != 503]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["user"]["id"] for answer in answers}) == 1
        assert len(execute("select id from identities where subject = $1", somebody["sub"])) == 1


def test_two_first_sign_ins_by_one_address_from_two_providers_make_one_user_with_two_identities(
    google: App, auth0: App
) -> None:
    for _ in range(ROUNDS):
        email = is_somebody(google.provider)["email"]
        is_somebody(auth0.provider, email=email.upper())
        apps = [google, auth0] * 3
        answers = exchanges(apps, [app.code() for app in apps])
        assert [answer.status_code for answer in answers] == [200] * 6
        assert len({answer.json()["user"]["id"] for answer in answers}) == 1
        user = User(google.api, answers[0].json())
        assert identities(user) == {("google", google.provider.user["sub"]), ("auth0", auth0.provider.user["sub"])}


def test_a_registration_with_the_address_at_the_same_time_does_not_keep_its_password(google: App, execute: Execute) -> None:
    for _ in range(ROUNDS):
        email = is_somebody(google.provider)["email"]
        code = google.code()
        exchanged, registered = google.api.together(
            google.api.send("POST", "/v1/auth/exchange", json={"code": code, "verifier": google.verifier}),
            google.api.send("POST", "/v1/auth/register", json={"email": email, "password": PASSWORD}),
        )
        assert exchanged.status_code == 200, exchanged.text
        assert registered.status_code in {201, 409}
        assert exchanged.json()["user"]["email"] == email
        assert not logs_in(google.api, email)
        [row] = execute("select is_verified, password_hash from users where email = $1", email)
        assert (row["is_verified"], row["password_hash"]) == (True, None)
        if registered.status_code == 201:
            soon_refused(lambda: google.api.get("/v1/me", token=registered.json()["token"]))  # noqa: B023 - called at once


def test_a_guest_who_links_twice_at_once_becomes_a_user_once(google: App, auth0: App) -> None:
    for _ in range(ROUNDS):
        for app in (google, auth0):
            is_somebody(app.provider)
        guest = a_guest(google.api)
        guest.get("/v1/credits")
        apps = [google, auth0]
        answers = exchanges(apps, [app.code(guest.token) for app in apps])
        # The second one finds that the guest's session has ended.
        assert sorted(answer.status_code for answer in answers) == [200, 401]
        [user] = [User(google.api, answer.json()) for answer in answers if answer.status_code == 200]
        assert (user.id, len(identities(user)), user.me["is_guest"]) == (guest.id, 1, False)
        assert [each["type"] for each in user.walk("/v1/credits/transactions")] == ["allocate", "allocate"]


@pytest.mark.parametrize(
    ("meanwhile", "status"),
    [
        ("delete from users where id = $1", 200),
        ("update users set is_active = false where id = $1", 403),
        ("delete from identities where user_id = $1", 200),
    ],
)
def test_what_happens_to_the_account_before_the_session_is_opened_counts(
    google: App, runner: asyncio.Runner, database: str, meanwhile: str, status: int
) -> None:
    user = google.user()
    is_somebody(google.provider, sub=google.provider.user["sub"], email=None)
    code = google.code()

    async def race() -> httpx.Response:
        holder = await asyncpg.connect(database)
        try:
            async with holder.transaction():
                await holder.execute("select from users where id = $1 for no key update", UUID(user.id))
                await holder.execute(meanwhile, UUID(user.id))
                send = google.api.send("POST", "/v1/auth/exchange", json={"code": code, "verifier": google.verifier})
                exchanged = asyncio.create_task(send)
                await waited_for(holder)
            return await exchanged
        finally:
            await holder.close()

    answer = runner.run(race())
    assert answer.status_code == status, answer.text
    if status == 200:
        # The old account is gone, or the identity is no longer its: somebody new.
        assert answer.json()["user"]["id"] != user.id
