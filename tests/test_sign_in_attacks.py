"""Attacks on signing in by a provider: each is tried as its attacker would, and comes to nothing."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from client import PASSWORD, Api, Execute, Started, User, assert_problem, new_email, soon_refused
from provider_flows import PUBLIC_URL, REDIRECT, App, is_somebody, sign_in_settings, stand_ins
from provider_stand_in import StandIn, ec_key, rsa_key

from app.auth.passwords import Passwords
from app.settings import Settings


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
def app(api: Api, providers: list[StandIn]) -> App:
    """The app of a victim, in which somebody new signs in."""
    for provider in providers:
        is_somebody(provider)
    return App(api, providers[0])


@pytest.fixture
def mallory(api: Api, app: App) -> App:
    """The same app, as an attacker runs it: with a verifier of their own."""
    return App(api, app.provider)


@contextmanager
def sits_there(provider: StandIn, somebody: dict[str, Any]) -> Iterator[None]:
    """Have somebody else sit at the provider for as long as the block runs."""
    before, provider.user = provider.user, somebody
    yield
    provider.user = before


def a_stranger() -> dict[str, Any]:
    email = new_email()
    return {"sub": f"stranger {email}", "email": email, "email_verified": True, "name": "Mallory", "picture": None}


# What is sent again


def test_a_code_is_taken_once(app: App) -> None:
    code = app.code()
    assert app.exchange(code).status_code == 200
    assert_problem(app.exchange(code), 400, "invalid_code")


def test_a_state_is_taken_once_whatever_came_of_it(app: App) -> None:
    done, declined = app.sent_back(), app.sent_back()
    assert app.given(app.arrives(done), "code")
    assert app.given(app.arrives(declined, code=None, error="access_denied"), "error")
    for address in (done, declined):
        answer = app.arrives(address)
        assert_problem(answer, 400, "invalid_state")
        assert "location" not in answer.headers


def test_a_wrong_verifier_spends_the_code(app: App) -> None:
    for wrong in ("", "a", app.challenge, App(app.api, app.provider).verifier, app.verifier + "a", app.verifier[:-1]):
        code = app.code()
        assert_problem(app.exchange(code, verifier=wrong), 400, "invalid_code")
        assert_problem(app.exchange(code), 400, "invalid_code")


def test_the_verifier_of_another_flow_is_worth_nothing(app: App, mallory: App) -> None:
    assert mallory.code()
    assert_problem(app.exchange(app.code(), verifier=mallory.verifier), 400, "invalid_code")


def test_an_id_token_is_taken_once(app: App) -> None:
    body = {"provider": "google", "id_token": app.provider.id_token()}
    assert app.api.post("/v1/auth/id-token", body).status_code == 200
    answer = app.api.post("/v1/auth/id-token", body)
    assert_problem(answer, 401, "invalid_id_token")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_an_id_token_whose_signature_is_written_otherwise_is_the_same_one(app: App) -> None:
    token = app.provider.id_token()
    signed, _, signature = token.rpartition(".")
    assert app.api.post("/v1/auth/id-token", {"provider": "google", "id_token": token}).status_code == 200
    # The last letter of 256 bytes in base64url has four bits that mean nothing; padding and blanks mean nothing to some.
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(signature[-1])
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [f"{signature[:-1]}{letters[last ^ bits]}" for bits in (1, 7, 15)]
    for other in (*others, f"{signature}==", f"{signature}\n", f" {signature}"):
        answer = app.api.post("/v1/auth/id-token", {"provider": "google", "id_token": f"{signed}.{other}"})
        assert_problem(answer, 401, "invalid_id_token")


def test_the_second_signature_of_a_curve_for_the_same_words_is_not_another_token(app: App) -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    app.provider.keys = [rsa_key(), ec_key()]
    try:
        token = app.provider.id_token()
        signed, _, signature = token.rpartition(".")
        halves = base64.urlsafe_b64decode(f"{signature}==")
        mirrored = halves[:32] + (order - int.from_bytes(halves[32:])).to_bytes(32)
        other = f"{signed}.{base64.urlsafe_b64encode(mirrored).rstrip(b'=').decode()}"
        answers = [app.api.post("/v1/auth/id-token", {"provider": "google", "id_token": each}) for each in (token, other)]
    finally:
        app.provider.keys = [rsa_key()]
    assert answers[0].status_code == 200, answers[0].text
    assert_problem(answers[1], 401, "invalid_id_token")


def test_an_id_token_of_another_provider_or_its_nonce_of_another_flow_is_refused(app: App, providers: list[StandIn]) -> None:
    body = {"provider": "google", "id_token": providers[1].id_token()}
    assert_problem(app.api.post("/v1/auth/id-token", body), 401, "invalid_id_token")
    body = {"provider": "google", "id_token": app.provider.id_token(nonce="of another"), "nonce": "of this one"}
    assert_problem(app.api.post("/v1/auth/id-token", body), 401, "invalid_id_token")


def test_an_id_token_with_the_nonce_of_another_flow_does_not_end_this_one(app: App) -> None:
    [other] = parse_qs(urlsplit(app.begin().json()["authorization_url"]).query)["nonce"]
    for nonce in (other, "", None):
        app.provider.claims = {"nonce": nonce}
        try:
            assert app.given(app.arrives(app.sent_back()), "error") == "provider_refused"
        finally:
            app.provider.claims = {}


def test_an_id_token_of_the_browsers_flow_cannot_be_sent_by_an_app_that_gives_another_nonce(app: App) -> None:
    token = app.provider.id_token(nonce="of our flow")
    body = {"provider": "google", "id_token": token, "nonce": "of the app"}
    assert_problem(app.api.post("/v1/auth/id-token", body), 401, "invalid_id_token")


# What is mixed up


def test_a_state_comes_back_to_the_callback_of_its_own_provider_alone(app: App, providers: list[StandIn]) -> None:
    address = app.sent_back()
    path = urlsplit(address).path
    wrong = address.replace(path, path.replace("google", "auth0"))
    providers[1].asked.clear()
    answer = app.arrives(wrong)
    assert_problem(answer, 400, "invalid_state")
    assert "location" not in answer.headers
    assert providers[1].asked == [], "no code is sent to another provider"
    # It has spent nothing: the one whom it belongs to comes back.
    assert app.given(app.arrives(address), "code")


def test_who_sends_somebody_back_must_be_whom_they_were_sent_to(app: App, providers: list[StandIn]) -> None:
    answer = app.arrives(app.sent_back(), iss=providers[1].issuer)
    assert app.given(answer, "error") == "provider_refused"


def test_a_code_that_the_provider_gave_to_another_flow_is_refused(app: App, mallory: App) -> None:
    with sits_there(app.provider, a_stranger()):
        [code] = parse_qs(urlsplit(mallory.sent_back()).query)["code"]
    # The provider knows by its own challenge that it was asked for by another flow.
    assert app.given(app.arrives(app.sent_back(), code=code), "error") == "provider_refused"


def test_a_state_is_no_code_and_a_code_no_token(app: App) -> None:
    address = app.sent_back()
    [state] = parse_qs(urlsplit(address).query)["state"]
    assert_problem(app.exchange(state), 400, "invalid_code")
    code = app.given(app.arrives(address), "code")
    for token in (code, f"hf_{code}", state, f"hf_{state}"):
        assert_problem(app.api.get("/v1/me", token=token), 401, "unauthenticated")
    assert_problem(app.arrives(address, state=code), 400, "invalid_state")


@pytest.mark.parametrize("state", ["", None, "a" * 43, "%00", "' or 1=1 --"])
def test_a_state_of_nobody_leads_nowhere(app: App, state: str | None) -> None:
    answer = app.arrives(app.sent_back(), state=state)
    assert answer.status_code in {400, 422}
    assert "location" not in answer.headers


# Where a browser could be sent

HOST, PATH = "app.example", "/signed-in"

ELSEWHERE = [
    f"https://{HOST}.evil.example{PATH}",
    f"https://evil.example/{HOST}{PATH}",
    f"https://evil{HOST}{PATH}",
    f"https://{HOST}@evil.example{PATH}",
    f"https://{HOST}:pass@evil.example{PATH}",
    f"https://user@{HOST}{PATH}",
    f"https://{HOST}\\@evil.example{PATH}",
    f"https://evil.example\\.{HOST}{PATH}",
    f"https://{HOST}%2eevil.example{PATH}",
    f"https://{HOST}%40evil.example{PATH}",
    f"https://%61pp.example{PATH}",
    f"https://{HOST}:8443{PATH}",
    f"https://{HOST}:443{PATH}",
    f"https://{HOST}:{PATH}",
    f"https://{HOST}.{PATH}",
    f"https://APP.example{PATH}",
    f"HTTPS://{HOST}{PATH}",
    f"http://{HOST}{PATH}",
    f"//{HOST}{PATH}",
    f"{HOST}{PATH}",
    PATH,
    f"https://{HOST}",
    f"https://{HOST}/",
    f"https://{HOST}{PATH}/",
    f"https://{HOST}{PATH}/../evil",
    f"https://{HOST}/x/..{PATH}",
    f"https://{HOST}/%2e%2e{PATH}",
    f"https://{HOST}/.{PATH}",
    f"https://{HOST}/{PATH}",
    f"https://{HOST}{PATH}x",
    f"https://{HOST}{PATH}?next=https://evil.example",
    f"https://{HOST}{PATH}#@evil.example",
    f"https://{HOST}{PATH};x",
    f"https://{HOST}{PATH}%0d%0aLocation:%20https://evil.example",
    f"https://{HOST}{PATH}\r\nLocation: https://evil.example",
    f"https://{HOST}{PATH}\n",
    f" https://{HOST}{PATH}",
    f"\thttps://{HOST}{PATH}",
    f"https://{HOST}\u3002evil.example{PATH}",
    f"https://\uff41pp.example{PATH}",
    f"https://{HOST}\u200b{PATH}",
    f"{REDIRECT}?app=1&x=2",
    f"{REDIRECT}?app=2",
    "javascript:alert(1)",
    "data:text/html,<script>",
    "com.example.app:/other",
    "com.example.app.evil:/signed-in",
    "com.example.app://evil.example/signed-in",
    "http://127.0.0.1:8080/other",
    "http://127.0.0.1:8080@evil.example/signed-in",
    "http://127.0.0.1@evil.example:80/signed-in",
    "http://127.0.0.1.evil.example:80/signed-in",
    "http://127.0.0.1:80.evil.example/signed-in",
    "http://127.0.0.1:0/signed-in",
    "http://127.0.0.1:65536/signed-in",
    "http://127.0.0.1:080/signed-in",
    "http://127.0.0.1:\u0668\u0660/signed-in",
    "http://127.0.0.1:+80/signed-in",
    "http://127.0.0.1: 80/signed-in",
    "http://127.0.0.1:80:80/signed-in",
    "http://127.0.0.1:/signed-in",
    "http://127.0.0.1:80//signed-in",
    "http://127.0.0.1:80/signed-in/signed-in",
    "http://127.0.0.1:80/signed-in?x=/signed-in",
    "http://127.0.0.1:80/evil#/signed-in",
    "http://127.0.0.2:80/signed-in",
    "http://127.1:80/signed-in",
    "http://2130706433:80/signed-in",
    "http://0:80/signed-in",
    "http://localhost:80/signed-in",
    "https://127.0.0.1:80/signed-in",
    "http://[::1]:80/",
    "http://[::1]:80/signed-in",
    "http://[::1]:80@evil.example",
    "http://[::ffff:127.0.0.1]:80",
    "http://[::]:80",
]


@pytest.mark.parametrize("redirect", ELSEWHERE)
def test_a_sign_in_ends_at_no_other_address_than_those_of_the_settings(app: App, redirect: str) -> None:
    for answer in (app.start(redirect=redirect), app.begin(redirect=redirect)):
        assert_problem(answer, 422, "invalid", "redirect")
        assert "location" not in answer.headers
        assert "evil" not in answer.text


def test_a_redirect_that_comes_with_the_providers_answer_is_not_looked_at(app: App) -> None:
    answer = app.arrives(app.sent_back(), redirect="https://evil.example", redirect_uri="https://evil.example")
    assert app.given(answer, "code")


def test_an_address_that_was_taken_out_of_the_settings_meanwhile_gets_no_code(app: App, started: Started) -> None:
    address = app.sent_back()
    now = sign_in_settings(app.api.settings, app.provider)
    app.api = started(providers=now.providers, public_url=PUBLIC_URL, secret_keys=now.secret_keys, sign_in_redirects=())
    answer = app.arrives(address)
    assert_problem(answer, 400, "invalid_state")
    assert "location" not in answer.headers


@pytest.mark.parametrize("name", ["host", "x-forwarded-host", "forwarded", "x-forwarded-proto", "origin", "referer"])
def test_a_header_that_lies_about_where_we_are_changes_no_address(app: App, name: str) -> None:
    lie = {name: "host=evil.example" if name == "forwarded" else "evil.example"}
    query = {"redirect": REDIRECT, "code_challenge": app.challenge}
    told = app.api.post("/v1/auth/google/start", query, headers=lie)
    sent = app.api.get("/v1/auth/google/start", params=query, headers=lie)
    for url in (told.json()["authorization_url"], sent.headers["location"]):
        assert "evil" not in url
        assert parse_qs(urlsplit(url).query)["redirect_uri"] == [f"{PUBLIC_URL}/v1/auth/google/callback"]
    address = app.provider.signs_in(told.json()["authorization_url"])
    back = app.api.get(address.removeprefix(PUBLIC_URL), headers=lie)
    assert str(back.headers["location"]).startswith(f"{REDIRECT}?code=")


# Somebody else's browser


def test_a_code_in_somebody_elses_browser_is_worth_nothing_there(app: App, mallory: App) -> None:
    """Login CSRF: the victim's app is handed a code of the attacker, and would work in the attacker's account."""
    with sits_there(app.provider, a_stranger()):
        code = mallory.code()
    app.begin()
    assert_problem(app.exchange(code), 400, "invalid_code")


def test_a_code_that_somebody_saw_on_its_way_is_worth_nothing_to_them(app: App, mallory: App) -> None:
    code = app.code()
    assert_problem(mallory.exchange(code), 400, "invalid_code")


def test_a_start_of_mine_that_a_victim_finishes_gives_me_nothing(app: App, mallory: App, execute: Execute) -> None:
    url = mallory.begin().json()["authorization_url"]
    # The victim is sent there, signs in at the provider, and comes back: to the app of the victim, which has another verifier.
    code = mallory.given(mallory.arrives(app.provider.signs_in(url)), "code")
    assert_problem(app.exchange(code), 400, "invalid_code")
    assert_problem(mallory.exchange(code), 400, "invalid_code")
    assert execute("select id from identities where subject = $1", app.provider.user["sub"]) == []


def test_a_link_of_mine_that_a_victim_finishes_links_nothing(app: App, mallory: App, execute: Execute) -> None:
    attacker = mallory.api.user()
    url = mallory.begin(token=attacker.token).json()["authorization_url"]
    code = mallory.given(mallory.arrives(app.provider.signs_in(url)), "code")
    assert execute("select id from identities where subject = $1", app.provider.user["sub"]) == []
    assert_problem(app.exchange(code), 400, "invalid_code")
    assert attacker.walk("/v1/me/identities") == []
    assert app.user().id != attacker.id


def test_a_link_of_a_victim_that_i_finish_does_not_link_me(app: App, mallory: App) -> None:
    victim = app.api.user()
    url = app.begin(token=victim.token).json()["authorization_url"]
    with sits_there(app.provider, a_stranger()):
        code = app.given(mallory.arrives(app.provider.signs_in(url)), "code")
    assert_problem(mallory.exchange(code), 400, "invalid_code")
    assert victim.walk("/v1/me/identities") == []


def test_nothing_happens_to_an_account_before_the_exchange(app: App, execute: Execute) -> None:
    user = app.api.user()
    before = execute("select version from users where id = $1", UUID(user.id))
    assert app.code(user.token)
    is_somebody(app.provider, email=user.email)
    assert app.code()
    assert execute("select version from users where id = $1", UUID(user.id)) == before
    assert user.walk("/v1/me/identities") == []
    assert len(user.walk("/v1/me/sessions")) == 1


# An account that waits for its victim


def test_whoever_registered_a_victims_address_has_nothing_left_when_the_victim_comes(
    app: App, providers: list[StandIn], execute: Execute
) -> None:
    api, email = app.api, app.provider.user["email"]
    attacker = api.user(email=email, name="Ada")
    task = attacker.task()
    token = attacker.post("/v1/me/tokens", {"name": "Script", "scopes": ["read", "write"]}).json()["token"]
    second = User(api, api.post("/v1/auth/login", {"email": email, "password": PASSWORD}).json())
    own = App(api, providers[1], "auth0")
    providers[1].user = a_stranger()
    assert own.user(attacker.token).id == attacker.id
    link_under_way = App(api, providers[1], "auth0")
    waiting = link_under_way.code(attacker.token)

    victim = app.user()
    assert (victim.id, victim.email, victim.me["is_verified"], victim.me["name"]) == (attacker.id, email, True, "Ada")
    # What is in the account stays.
    assert victim.get(f"/v1/tasks/{task['id']}").json() == task
    # What opens it is the victim's alone.
    for dead in (attacker.token, second.token, token):
        soon_refused(lambda: api.get("/v1/tasks", token=dead))  # noqa: B023 - called at once
    assert_problem(api.post("/v1/auth/login", {"email": email, "password": PASSWORD}), 401, "invalid_credentials")
    assert [each["provider"] for each in victim.walk("/v1/me/identities")] == ["google"]
    assert len(victim.walk("/v1/me/sessions")) == 1
    assert victim.walk("/v1/me/tokens") == []
    assert_problem(link_under_way.exchange(waiting), 401, "unauthenticated")
    assert own.user().id != victim.id
    assert execute("select password_hash from users where id = $1", UUID(victim.id)) == [{"password_hash": None}]


def test_an_identity_that_took_a_victims_address_loses_the_account_to_it(app: App, providers: list[StandIn]) -> None:
    own = App(app.api, providers[1], "auth0")
    is_somebody(providers[1], email=None)
    attacker = own.user()
    assert attacker.patch("/v1/me", {"email": app.provider.user["email"]}).status_code == 200
    victim = app.user()
    assert (victim.id, victim.me["is_verified"]) == (attacker.id, True)
    soon_refused(lambda: attacker.get("/v1/me"))
    assert own.user().id != victim.id


def test_a_change_of_address_that_an_attacker_asked_for_ends_when_the_victim_comes(app: App, execute: Execute) -> None:
    attacker = app.api.user(email=app.provider.user["email"])
    user_id = UUID(attacker.id)
    asked = """
        insert into mail_tokens (user_id, purpose, token_hash, email, expires_at)
        select $1, purpose, sha256((purpose || $1::uuid)::bytea), 'mallory@example.com', now() + interval '1 day'
        from unnest(array['password_reset', 'email_change']) as purpose"""
    execute(asked, user_id)
    waiting = "insert into outgoing_mails (user_id, kind, address) values ($1, 'email_change', 'mallory@example.com')"
    execute(waiting, user_id)
    assert app.user().id == attacker.id
    assert execute("select purpose from mail_tokens where user_id = $1", user_id) == []
    assert execute("select kind from outgoing_mails where user_id = $1", user_id) == []


def test_who_comes_in_at_the_moment_when_the_victim_does_is_put_out(app: App, providers: list[StandIn]) -> None:
    for _ in range(8):
        own = App(app.api, providers[1], "auth0")
        providers[1].user = a_stranger()
        victim_email = is_somebody(app.provider)["email"]
        attacker = app.api.user(email=victim_email)
        assert own.user(attacker.token).id == attacker.id
        codes = [own.code(), app.code()]
        theirs, victims, by_password = app.api.together(
            app.api.send("POST", "/v1/auth/exchange", json={"code": codes[0], "verifier": own.verifier}),
            app.api.send("POST", "/v1/auth/exchange", json={"code": codes[1], "verifier": app.verifier}),
            app.api.send("POST", "/v1/auth/login", json={"email": victim_email, "password": PASSWORD}),
        )
        assert victims.json()["user"]["id"] == attacker.id
        for answer in (theirs, by_password):
            if answer.status_code == 200 and answer.json()["user"]["id"] == attacker.id:
                soon_refused(lambda: app.api.get("/v1/me", token=answer.json()["token"]))  # noqa: B023 - called at once
        victim = User(app.api, victims.json())
        assert len(victim.walk("/v1/me/sessions")) == 1
        assert [each["provider"] for each in victim.walk("/v1/me/identities")] == ["google"]


def test_an_address_that_was_verified_here_is_not_taken_from_its_owner(app: App, execute: Execute) -> None:
    user = app.api.user(email=app.provider.user["email"])
    execute("update users set email_verified_at = now() where id = $1", UUID(user.id))
    assert app.user().id == user.id
    assert user.get("/v1/me").status_code == 200
    assert app.api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).status_code == 200


# Who somebody claims to be


@pytest.mark.parametrize("sub", ["x" * 255, "\u00e4" * 255, "auth0|1089", "0"])
def test_a_subject_is_kept_to_the_letter(app: App, sub: str) -> None:
    is_somebody(app.provider, sub=f"{sub[:200]}{sha256(new_email().encode()).hexdigest()}"[-255:])
    user = app.user()
    assert user.get("/v1/me/identities").json()["items"][0]["subject"] == app.provider.user["sub"]
    is_somebody(app.provider, sub=app.provider.user["sub"].swapcase())
    assert app.user().id != user.id


@pytest.mark.parametrize("sub", ["x" * 256, "", None, "a\x00b", "a\nb", ["a"], {"a": 1}])
def test_a_subject_that_cannot_be_kept_is_refused_and_not_cut(app: App, sub: Any) -> None:
    is_somebody(app.provider, sub=sub)
    assert app.given(app.arrives(app.sent_back()), "error") == "provider_refused"
    body = {"provider": "google", "id_token": app.provider.id_token()}
    assert_problem(app.api.post("/v1/auth/id-token", body), 401, "invalid_id_token")


def test_the_same_subject_of_two_providers_is_two_people(app: App, providers: list[StandIn]) -> None:
    is_somebody(providers[1], sub=app.provider.user["sub"])
    assert App(app.api, providers[1], "auth0").user().id != app.user().id


@pytest.mark.parametrize(
    "email", ["a\u200b@example.com", "a\u202e@example.com", "a b@example.com", "a@b@example.com", "x" * 321]
)
def test_an_address_that_only_looks_like_anothers_becomes_nobodys(app: App, email: str) -> None:
    is_somebody(app.provider, email=email)
    assert app.user().me["email"] is None
