"""Signing in by a provider: the way through the browser, the ID token of a native app, and what each step takes."""

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from client import PASSWORD, Api, Execute, Started, User, assert_problem
from provider_flows import NATIVE, PUBLIC_URL, REDIRECT, App, is_somebody, sign_in_changes, sign_in_settings
from provider_stand_in import StandIn, as_json
from served import ROUTES
from structlog.testing import capture_logs

from app.auth.passwords import Passwords
from app.database import executor
from app.maintenance import jobs
from app.settings import Mail, Settings
from app.settings.providers import OURS, provider_names
from app.telemetry import metrics


@pytest.fixture(scope="module")
def google() -> Iterator[StandIn]:
    with StandIn() as provider:
        yield provider


@pytest.fixture(scope="module")
def api(runner: asyncio.Runner, settings: Settings, passwords: Passwords, google: StandIn) -> Iterator[Api]:
    """The app with a provider."""
    with Api.started(runner, sign_in_settings(settings, google), passwords) as api:
        yield api


@pytest.fixture
def app(api: Api, google: StandIn) -> App:
    """An app in which somebody new signs in."""
    is_somebody(google)
    google.callback, google.claims = {}, {}
    return App(api, google)


# The way through the browser


def test_somebody_new_gets_an_account_with_what_the_provider_says(app: App, google: StandIn) -> None:
    somebody = is_somebody(google, picture="https://example.com/ada.png")
    answer = app.signs_in()
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"token", "expires_at", "user"}
    user = User(app.api, answer.json())
    assert (user.email, user.me["name"]) == (somebody["email"], "Ada Lovelace")
    assert user.me["avatar_url"] == "https://example.com/ada.png"
    assert (user.me["is_external"], user.me["is_verified"], user.me["is_guest"], user.me["role"]) == (True, True, False, "user")
    assert user.get("/v1/me").json() == user.me
    [identity] = user.get("/v1/me/identities").json()["items"]
    assert (identity["provider"], identity["subject"], identity["email"]) == ("google", somebody["sub"], somebody["email"])


def test_a_new_user_has_the_credits_and_the_rights_of_a_registered_one(app: App) -> None:
    user = app.user()
    assert user.get("/v1/credits").json()["max_credits"] == app.api.settings.credits_registered
    assert user.task()["title"] == "Water the plants"


def test_who_comes_again_is_the_same_user_with_another_session(app: App) -> None:
    first, again = app.user(), app.user()
    assert (again.id, again.token == first.token) == (first.id, False)
    assert again.me["last_login_at"] > first.me["last_login_at"]
    assert again.me == first.me | {"last_login_at": again.me["last_login_at"]}
    assert len(again.walk("/v1/me/sessions")) == 2
    assert len(again.walk("/v1/me/identities")) == 1


def test_the_session_says_which_device_it_is(app: App) -> None:
    answer = app.exchange(app.code(), device_name="Ada's phone")
    [session] = User(app.api, answer.json()).get("/v1/me/sessions").json()["items"]
    assert (session["device_name"], session["is_current"]) == ("Ada's phone", True)


def test_the_address_that_the_provider_tells_is_kept_up_to_date_and_the_accounts_own_stays(app: App, google: StandIn) -> None:
    user = app.user()
    is_somebody(google, sub=google.user["sub"], email="new@example.org", name="Countess Lovelace")
    again = app.user()
    assert (again.id, again.email, again.me["name"]) == (user.id, user.email, "Ada Lovelace")
    assert again.get("/v1/me/identities").json()["items"][0]["email"] == "new@example.org"


def test_a_name_that_its_user_took_away_does_not_come_back(app: App) -> None:
    user = app.user()
    assert user.patch("/v1/me", {"name": None}).status_code == 200
    assert app.user().me["name"] is None


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": None}, {"email": None}, {"email": "ada"}])
def test_an_address_that_is_not_verified_or_none_does_not_become_the_accounts(
    app: App, google: StandIn, claims: dict[str, Any]
) -> None:
    is_somebody(google, **claims)
    user = app.user()
    assert (user.me["email"], user.me["is_verified"], user.me["is_external"]) == (None, False, True)


def test_the_browser_is_sent_off_by_get_and_the_address_is_told_by_post(app: App, google: StandIn) -> None:
    sent, told = app.start(), app.begin()
    assert (sent.status_code, told.status_code) == (302, 200)
    assert set(told.json()) == {"authorization_url"}
    for url in (sent.headers["location"], told.json()["authorization_url"]):
        query = {key: value for key, [value] in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{google.url}/authorize?")
        assert query["redirect_uri"] == f"{PUBLIC_URL}/v1/auth/google/callback"
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        # The provider gets a challenge of ours; the app's is between the app and us.
        assert query["code_challenge"] != app.challenge
        assert len(query["state"]) == len(query["nonce"]) == 43
    assert app.given(app.arrives(google.signs_in(sent.headers["location"])), "code")


def test_what_holds_a_secret_is_kept_by_no_cache_and_told_to_nobody_on_the_way(app: App) -> None:
    back = app.arrives(app.sent_back())
    for answer in (app.start(), app.begin(), back, app.exchange(app.given(back, "code"))):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert back.content == b""


def test_the_database_keeps_hashes_and_sealed_secrets_alone(app: App, execute: Execute) -> None:
    address = app.sent_back()
    query = {key: value for key, [value] in parse_qs(urlsplit(address).query).items()}
    rows = execute("select * from pending_sign_ins")
    kept = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row.values())
    code = app.given(app.arrives(address), "code")
    rows = execute("select * from pending_sign_ins")
    kept += b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row.values())
    for secret in (query["state"], app.verifier, app.challenge, code):
        assert secret.encode() not in kept


@pytest.mark.parametrize(
    "redirect",
    [
        f"{NATIVE[:16]}:49152/signed-in",
        f"{NATIVE[:16]}:1/signed-in",
        f"{NATIVE[:16]}:65535/signed-in",
        NATIVE,
        "http://[::1]:49152",
        "com.example.app:/signed-in",
        f"{REDIRECT}?app=1",
    ],
)
def test_a_native_app_gets_its_code_on_whatever_port_or_scheme_it_listens(api: Api, google: StandIn, redirect: str) -> None:
    is_somebody(google)
    app = App(api, google, redirect=redirect)
    assert app.user().get("/v1/me").status_code == 200


def test_what_a_provider_says_beyond_the_standard_is_not_looked_at(app: App) -> None:
    answer = app.arrives(
        app.sent_back(), scope="openid email", authuser="0", prompt="none", hd="example.com", session_state="a.b"
    )
    assert app.exchange(app.given(answer, "code")).status_code == 200


def test_github_signs_in_by_its_own_routes(started: Started, google: StandIn) -> None:
    google.github_emails = [
        {"email": "second@example.com", "primary": False, "verified": True, "visibility": None},
        {"email": "octo@example.com", "primary": True, "verified": True, "visibility": None},
    ]
    changed = sign_in_settings(started().settings, providers=(google.github_settings(),))
    app = App(started(**sign_in_changes(changed)), google, "github")
    user = app.user()
    assert (user.email, user.me["is_verified"]) == ("octo@example.com", True)
    assert user.get("/v1/me/identities").json()["items"][0]["subject"] == str(google.github_id)


# What goes wrong on the way


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"redirect": "https://evil.example"}, "redirect"),
        ({"redirect": ""}, "redirect"),
        ({"redirect": "x" * 2001}, "redirect"),
        ({"code_challenge": ""}, "code_challenge"),
        ({"code_challenge": "a" * 42}, "code_challenge"),
        ({"code_challenge": "A" * 44}, "code_challenge"),
        ({"code_challenge": "A" * 42 + "="}, "code_challenge"),
        # Its last letter has two bits that mean nothing: no SHA-256 is written so.
        ({"code_challenge": "A" * 42 + "B"}, "code_challenge"),
        ({"code_challenge": "A" * 43 + "\n"}, "code_challenge"),
        ({"code_challenge_method": "plain"}, "code_challenge_method"),
        ({"state": "of the app"}, "state"),
    ],
)
def test_a_start_that_breaks_a_rule_is_refused_and_put_down_nowhere(
    app: App, execute: Execute, changes: dict[str, str], field: str
) -> None:
    before = execute("select count(*) from pending_sign_ins")
    assert_problem(app.start(**changes), 422, "invalid", field)
    assert_problem(app.begin(**changes), 422, "invalid", field)
    assert execute("select count(*) from pending_sign_ins") == before


def test_an_unknown_provider_is_not_there(app: App) -> None:
    for name in ("acme", "GOOGLE", "googl", "x" * 300):
        app.name = name
        assert_problem(app.start(), 404, "not_found")
        assert_problem(app.begin(), 404, "not_found")
        assert_problem(app.api.get(f"/v1/auth/{name}/callback?state=a&code=b"), 404, "not_found")
    assert_problem(app.api.post("/v1/auth/id-token", {"provider": "acme", "id_token": "a.b.c"}), 404, "not_found")


def test_no_provider_can_be_called_as_another_route_is() -> None:
    """Its own would not be found: a word that stands in a path comes before a parameter."""
    words = {route.path.split("/")[3] for route in ROUTES if route.path.startswith("/v1/auth/")}
    could_be_names = {word for word in words if re.fullmatch("[a-z][a-z0-9]*", word)}
    assert {"login", "exchange"} <= could_be_names
    assert could_be_names <= OURS
    for name in could_be_names:
        with pytest.raises(ValueError, match="a name that Holdfast uses itself"):
            provider_names(f"google,{name}")


def test_only_a_session_begins_to_link(app: App) -> None:
    user = app.api.user()
    token = user.post("/v1/me/tokens", {"name": "Script", "scopes": ["read", "write"]}).json()["token"]
    for ask in (app.start, app.begin):
        assert_problem(ask(token=token), 403, "session_required")
        assert_problem(ask(token="hf_" + "a" * 43), 401, "unauthenticated")
    assert_problem(
        app.api.post("/v1/auth/id-token", {"provider": "google", "id_token": "a.b.c"}, token=token), 403, "session_required"
    )


def test_who_declines_at_the_provider_comes_back_to_the_app_and_is_told_why(app: App) -> None:
    answer = app.arrives(app.sent_back(), code=None, error="access_denied", error_description="secret words")
    assert app.given(answer, "error") == "access_denied"
    assert "secret" not in answer.headers["location"]


@pytest.mark.parametrize("error", ["server_error", "https://evil.example", "<script>", "a\r\nb", ""])
def test_another_error_of_the_provider_is_not_handed_on(app: App, error: str) -> None:
    assert app.given(app.arrives(app.sent_back(), code=None, error=error), "error") == "provider_refused"


def test_a_provider_that_sends_neither_a_code_nor_an_error_has_refused(app: App) -> None:
    assert app.given(app.arrives(app.sent_back(), code=None), "error") == "provider_refused"


def test_a_provider_that_refuses_its_code_is_told_to_the_app(app: App) -> None:
    assert app.given(app.arrives(app.sent_back(), code="another"), "error") == "provider_refused"


def test_a_provider_that_cannot_be_reached_is_told_and_nothing_is_half_done(
    app: App, google: StandIn, execute: Execute, started: Started
) -> None:
    address = app.sent_back()
    google.answers["/token"] = as_json({}, 500)
    try:
        assert app.given(app.arrives(address), "error") == "provider_unavailable"
    finally:
        del google.answers["/token"]
    before = execute("select count(*) from pending_sign_ins")
    gone = sign_in_settings(app.api.settings, providers=(google.settings("google", issuer="http://127.0.0.1:9"),))
    app.api = started(**sign_in_changes(gone))
    for answer in (app.start(), app.begin()):
        assert_problem(answer, 503, "provider_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert execute("select count(*) from pending_sign_ins") == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"code": "a"}, "verifier"),
        ({"verifier": "a"}, "code"),
        ({"code": 7, "verifier": "a"}, "code"),
        ({"code": "a", "verifier": None}, "verifier"),
        ({"code": "a" * 201, "verifier": "a"}, "code"),
        ({"code": "a", "verifier": "a", "device_name": ""}, "device_name"),
        ({"code": "a", "verifier": "a", "device_name": " "}, "device_name"),
        ({"code": "a", "verifier": "a", "device_name": "x" * 101}, "device_name"),
        ({"code": "a", "verifier": "a", "provider": "google"}, "provider"),
    ],
)
def test_an_exchange_that_breaks_a_rule_is_refused(api: Api, body: dict[str, Any], field: str) -> None:
    assert_problem(api.post("/v1/auth/exchange", body), 422, "invalid", field)


@pytest.mark.parametrize("code", ["", "a", "a" * 43, "\u00e4", "hf_" + "a" * 43])
def test_a_code_of_nobody_is_refused(app: App, code: str) -> None:
    assert_problem(app.exchange(code), 400, "invalid_code")


def test_a_code_lives_for_a_minute_and_a_start_for_ten(app: App, execute: Execute) -> None:
    code = app.code()
    [row] = execute("select expires_at from pending_sign_ins where code_hash is not null order by expires_at desc limit 1")
    assert timedelta(seconds=50) < row["expires_at"] - datetime.now(UTC) <= timedelta(seconds=60)
    execute("update pending_sign_ins set expires_at = now() where code_hash is not null")
    assert_problem(app.exchange(code), 400, "invalid_code")
    address = app.sent_back()
    [row] = execute("select expires_at from pending_sign_ins where code_hash is null order by expires_at desc limit 1")
    assert timedelta(minutes=9) < row["expires_at"] - datetime.now(UTC) <= timedelta(minutes=10)
    execute("update pending_sign_ins set expires_at = now()")
    assert_problem(app.arrives(address), 400, "invalid_state")


def test_a_disabled_account_is_not_let_in(app: App, execute: Execute) -> None:
    user = app.user()
    execute("update users set is_active = false where id = $1", UUID(user.id))
    assert_problem(app.signs_in(), 403, "account_disabled")
    assert_problem(_by_id_token(app), 403, "account_disabled")


def test_what_was_sealed_with_a_key_that_is_gone_is_no_sign_in_any_more(app: App, started: Started) -> None:
    address = app.sent_back()
    app.api = started(**sign_in_changes(sign_in_settings(app.api.settings, app.provider, secret_keys=("n" * 32,))))
    assert app.given(app.arrives(address), "error") == "invalid_state"


def test_a_key_that_was_replaced_still_opens(app: App, started: Started) -> None:
    address = app.sent_back()
    app.api = started(**sign_in_changes(sign_in_settings(app.api.settings, app.provider, secret_keys=("n" * 32, "k" * 32))))
    assert app.exchange(app.given(app.arrives(address), "code")).status_code == 200


# By an ID token


def _by_id_token(app: App, *, id_token: str | None = None, **changes: Any) -> httpx.Response:
    body = {"provider": app.name, "id_token": id_token or app.provider.id_token(jti=token_hex(8))} | changes
    return app.api.post("/v1/auth/id-token", body)


def test_an_id_token_signs_in_the_same_user_as_the_browser_does(app: App) -> None:
    answer = _by_id_token(app, device_name="Ada's phone")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    user = User(app.api, answer.json())
    assert (user.email, user.me["is_external"]) == (app.provider.user["email"], True)
    assert user.get("/v1/me/sessions").json()["items"][0]["device_name"] == "Ada's phone"
    assert _by_id_token(app).json()["user"]["id"] == user.id
    assert app.user().id == user.id


def test_the_nonce_of_an_id_token_is_the_apps_to_give(app: App) -> None:
    with_nonce = app.provider.id_token(nonce="of the app")
    assert_problem(_by_id_token(app, id_token=with_nonce, nonce="of another"), 401, "invalid_id_token")
    assert _by_id_token(app, id_token=with_nonce, nonce="of the app").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"provider": "google"}, "id_token"),
        ({"id_token": "a.b.c"}, "provider"),
        ({"provider": "google", "id_token": 7}, "id_token"),
        ({"provider": "google", "id_token": "a" * 16_001}, "id_token"),
        ({"provider": "google", "id_token": "a.b.c", "nonce": "x" * 1001}, "nonce"),
        ({"provider": "google", "id_token": "a.b.c", "device_name": ""}, "device_name"),
        ({"provider": "google", "id_token": "a.b.c", "email": "ada@example.com"}, "email"),
    ],
)
def test_an_id_token_that_breaks_a_rule_is_refused(api: Api, body: dict[str, Any], field: str) -> None:
    assert_problem(api.post("/v1/auth/id-token", body), 422, "invalid", field)


@pytest.mark.parametrize("id_token", ["", "a", "a.b.c", "..", "\u00e4.b.c"])
def test_what_is_no_id_token_is_refused(app: App, id_token: str) -> None:
    body = {"provider": "google", "id_token": id_token}
    answer = app.api.post("/v1/auth/id-token", body)
    assert_problem(answer, 401, "invalid_id_token")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_sign_in_from_another_device_is_told_by_mail_where_the_settings_say_so(
    app: App, started: Started, execute: Execute
) -> None:
    told = sign_in_settings(app.api.settings, app.provider)
    app.api = started(**sign_in_changes(told), new_device_mail=True, smtp=Mail(host="127.0.0.1", port=1, tls="none"))
    mails = "select kind, address from outgoing_mails where user_id = $1"
    expected: list[dict[str, str]] = []
    for agent, is_news in (("Firefox", False), ("Firefox", False), ("Safari", True), ("Safari", False)):
        body = {"code": app.code(), "verifier": app.verifier}
        answer = app.api.post("/v1/auth/exchange", body, headers={"User-Agent": agent})
        assert answer.status_code == 200, answer.text
        user = answer.json()["user"]
        expected += [{"kind": "new_device", "address": user["email"]}] if is_news else []
        assert execute(mails, UUID(user["id"])) == expected
    body = {"provider": "google", "id_token": app.provider.id_token()}
    assert app.api.post("/v1/auth/id-token", body, headers={"User-Agent": "Chrome"}).status_code == 200
    assert len(execute(mails, UUID(user["id"]))) == 2


# What it costs, and what is kept of it


@pytest.fixture
def limited(app: App, runner: asyncio.Runner, passwords: Passwords) -> Iterator[App]:
    """The app where attempts are counted, in a network of its own."""
    settings = sign_in_settings(app.api.settings, app.provider, rate_limits=True)
    with Api.started(runner, settings, passwords, f"192.0.2.{next(_networks)}") as app.api:
        yield app


_networks = count(1)


def test_a_sign_in_by_a_provider_takes_at_most_two_statements_more_than_a_login(
    limited: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = limited
    user = app.user()
    registered = app.api.user()
    sent: list[str] = []
    execute = executor._execute  # noqa: SLF001 - what every statement goes through

    async def counting(connection: Any, query: Any, *rest: Any, **options: Any) -> Any:
        sent.append(query.name)
        return await execute(connection, query, *rest, **options)

    monkeypatch.setattr(executor, "_execute", counting)
    assert app.api.post("/v1/auth/login", {"email": registered.email, "password": PASSWORD}).status_code == 200
    login, sent[:] = list(sent), []
    code = app.code()
    before = len(sent)
    answer = app.exchange(code)
    assert answer.json()["user"]["id"] == user.id
    assert len(sent) <= len(login) + 2, (login, sent)
    # Apart from the limit: the code is spent, and the session opened.
    assert sent[before:] == ["rate_limits.hit", "sign_in.spend_code", "sign_in.sign_in"]


@pytest.mark.parametrize("step", ["start", "begin", "exchange", "id-token"])
def test_each_step_is_limited_for_each_network(limited: App, step: str) -> None:
    app = limited
    steps: dict[str, Callable[[], httpx.Response]] = {
        "start": app.start,
        "begin": app.begin,
        "exchange": lambda: app.exchange("a" * 43),
        "id-token": lambda: _by_id_token(app, id_token="a.b.c"),
    }
    statuses = [steps[step]().status_code for _ in range(61)]
    # A window may have ended in the middle.
    statuses += [steps[step]().status_code for _ in range(61)] if statuses[-1] != 429 else []
    assert 429 in statuses
    assert statuses.index(429) >= 60
    answer = steps[step]()
    assert_problem(answer, 429, "rate_limited")
    assert 0 < int(answer.headers["retry-after"]) <= 60


def test_every_outcome_is_logged_and_counted_and_nobody_is_named(app: App) -> None:
    def counted(outcome: str, provider: str = "google") -> float:
        counter = metrics.sign_ins.labels(provider, outcome)
        return float(counter._value.get())  # noqa: SLF001 - a scrape would do, and take long

    before = {outcome: counted(outcome) for outcome in ("created", "signed_in", "access_denied", "invalid_id_token")}
    before_codes = counted("invalid_code", "none")
    with capture_logs() as logs:
        user = app.user()
        app.user()
        app.arrives(app.sent_back(), code=None, error="access_denied")
        app.exchange("a" * 43)
        _by_id_token(app, id_token="a.b.c")
    lines = [line for line in logs if line["event"] == "sign_in"]
    assert [line["outcome"] for line in lines] == ["created", "signed_in", "access_denied", "invalid_code", "invalid_id_token"]
    assert [line["user_id"] for line in lines] == [user.id, user.id, None, None, None]
    assert {len(str(line["network"])) for line in lines} == {16}
    assert lines[0]["identity"] == lines[1]["identity"] != app.provider.user["sub"]
    assert app.provider.user["sub"] not in str(logs)
    assert app.provider.user["email"] not in str(logs)
    assert "127.0.0.1" not in str(lines)
    assert {outcome: counted(outcome) - number for outcome, number in before.items()} == dict.fromkeys(before, 1)
    assert counted("invalid_code", "none") == before_codes + 1


def test_what_nobody_finished_goes_with_maintenance(app: App, execute: Execute) -> None:
    api = app.api
    api.runner.run(jobs.run(api.database, api.storage))
    app.begin()
    app.code()
    _by_id_token(app)
    left = "select (select count(*) from pending_sign_ins) + (select count(*) from used_id_tokens) as rows"
    [before] = execute(left)
    api.runner.run(jobs.run(api.database, api.storage))
    assert execute(left) == [before]
    execute("update pending_sign_ins set expires_at = now()")
    execute("update used_id_tokens set expires_at = now()")
    counts = api.runner.run(jobs.run(api.database, api.storage))
    assert counts["expired sign-ins"] + counts["used ID tokens"] == before["rows"]
    assert execute(left) == [{"rows": 0}]
