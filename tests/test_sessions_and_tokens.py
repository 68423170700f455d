"""One's own passwords, sessions, identities and API tokens."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from client import PASSWORD, Api, User, assert_problem, soon_refused
from locks import waited_for

NEW = "another horse battery"


@pytest.fixture
def ada(api: Api) -> User:
    """Somebody new for each test: her password and her sessions change."""
    return api.user()


def log_in(api: Api, user: User, password: str = PASSWORD) -> User:
    answer = api.post("/v1/auth/login", {"email": user.email, "password": password}, headers={"User-Agent": "Firefox on Linux"})
    assert answer.status_code == 200, answer.text
    return User(api, answer.json())


def put_password(user: User, **body: Any) -> Any:
    return user.request("PUT", "/v1/me/password", json=body)


def test_a_changed_password_logs_in_and_the_old_one_does_not(api: Api, ada: User) -> None:
    answer = put_password(ada, current=PASSWORD, new=NEW)
    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(api.post("/v1/auth/login", {"email": ada.email, "password": PASSWORD}), 401, "invalid_credentials")
    log_in(api, ada, NEW)


def test_a_changed_password_ends_the_other_sessions_and_keeps_this_one(api: Api, ada: User) -> None:
    other = log_in(api, ada)
    assert put_password(ada, current=PASSWORD, new=NEW).status_code == 204
    soon_refused(lambda: other.get("/v1/me"))
    assert ada.get("/v1/me").status_code == 200


def test_a_password_changes_only_for_who_knows_it(ada: User) -> None:
    assert_problem(put_password(ada, current="wrong", new=NEW), 403, "wrong_password")
    assert_problem(put_password(ada, new=NEW), 422, "invalid", "current")
    assert_problem(put_password(ada, current=PASSWORD), 422, "invalid", "new")
    assert_problem(put_password(ada, current=PASSWORD, new="short"), 422, "invalid", "new")
    assert_problem(put_password(ada, current=PASSWORD, new="password1"), 422, "invalid", "new")
    assert_problem(put_password(ada, current=None, new=NEW), 422, "invalid", "current")


def test_of_five_password_changes_at_once_one_succeeds(api: Api, ada: User) -> None:
    bodies = [{"current": PASSWORD, "new": f"{NEW} {number}"} for number in range(5)]
    answers = api.together(*(ada.send("PUT", "/v1/me/password", json=body) for body in bodies))
    won = [body["new"] for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 204]
    assert len(won) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert_problem(answer, 409, "conflict", "current")
        elif answer.status_code != 204:
            assert_problem(answer, 403, "wrong_password")
    log_in(api, ada, won[0])


def test_sessions_show_where_one_is_signed_in(api: Api, ada: User) -> None:
    other = log_in(api, ada)
    page = other.get("/v1/me/sessions").json()
    assert page["next_cursor"] is None
    newest, oldest = page["items"]
    times, places = {"created_at", "last_seen_at", "expires_at"}, {"user_agent", "ip", "last_user_agent", "last_ip"}
    assert set(newest) == {"id", "is_current", "device_name"} | times | places
    assert (newest["is_current"], newest["user_agent"], newest["ip"]) == (True, "Firefox on Linux", "127.0.0.1")
    assert oldest["is_current"] is False
    assert ada.token not in str(page)
    first = other.get("/v1/me/sessions?limit=1").json()
    assert [first["items"][0]["id"]] == [newest["id"]]
    rest = other.get(f"/v1/me/sessions?limit=1&cursor={first['next_cursor']}").json()
    assert [each["id"] for each in rest["items"]] == [oldest["id"]]


def test_a_session_is_ended_by_its_owner_alone(api: Api, ada: User) -> None:
    other, bob = log_in(api, ada), api.user()
    [session] = [each for each in ada.get("/v1/me/sessions").json()["items"] if not each["is_current"]]
    assert_problem(bob.delete(f"/v1/me/sessions/{session['id']}"), 404, "not_found")
    assert ada.delete(f"/v1/me/sessions/{session['id']}").status_code == 204
    assert_problem(ada.delete(f"/v1/me/sessions/{session['id']}"), 404, "not_found")
    soon_refused(lambda: other.get("/v1/me"))
    assert_problem(ada.delete("/v1/me/sessions/nonsense"), 404, "not_found")


def test_identities_are_listed(ada: User, runner: asyncio.Runner, database: str) -> None:
    assert ada.get("/v1/me/identities").json() == {"items": [], "next_cursor": None}

    async def link() -> None:
        connection = await asyncpg.connect(database)
        sql = "insert into identities (user_id, provider, subject, email) values ($1, 'google', $2, 'ada@example.com')"
        await connection.execute(sql, ada.id, ada.id)
        await connection.close()

    runner.run(link())
    [identity] = ada.get("/v1/me/identities").json()["items"]
    assert set(identity) == {"id", "provider", "subject", "email", "created_at"}
    assert (identity["provider"], identity["subject"], identity["email"]) == ("google", ada.id, "ada@example.com")


def test_an_api_token_is_shown_once_and_recognised_by_its_end(ada: User) -> None:
    expires_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    body = {"name": "Script", "scopes": ["read", "tasks:write"], "expires_at": expires_at}
    answer = ada.post("/v1/me/tokens", body)
    assert answer.status_code == 201
    made = answer.json()
    assert made["token"].startswith("hf_")
    assert made["token"].endswith(made["last_characters"])
    [listed] = ada.get("/v1/me/tokens").json()["items"]
    assert listed == {key: value for key, value in made.items() if key != "token"}
    assert (listed["scopes"], listed["last_used_at"]) == (["read", "tasks:write"], None)
    assert ada.api.get("/v1/tasks", token=made["token"]).status_code == 200
    assert ada.get("/v1/me/tokens").json()["items"][0]["last_used_at"] is not None


@pytest.mark.parametrize(
    ("scopes", "reads", "writes", "reads_me"),
    [
        (["read"], 200, 403, 200),
        (["write"], 403, 201, 403),
        (["read", "write"], 200, 201, 200),
        (["tasks:read"], 200, 403, 403),
        (["tasks:write"], 403, 201, 403),
        (["habits:read", "me:read"], 403, 403, 200),
    ],
)
def test_scopes_say_what_a_token_may_do(ada: User, scopes: list[str], reads: int, writes: int, reads_me: int) -> None:
    token = ada.post("/v1/me/tokens", {"name": "Script", "scopes": scopes}).json()["token"]
    answers = (
        (ada.api.get("/v1/tasks", token=token), reads),
        (ada.api.request("HEAD", "/v1/tasks", token=token), reads),
        (ada.api.post("/v1/tasks", {"title": "T"}, token=token), writes),
        (ada.api.get("/v1/me", token=token), reads_me),
    )
    for answer, status in answers:
        assert answer.status_code == status
        if status == 403 and answer.content:
            assert_problem(answer, 403, "insufficient_scope")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/me/password", {"current": PASSWORD, "new": NEW}),
        ("DELETE", "/v1/me", {"password": PASSWORD}),
        ("GET", "/v1/me/sessions", None),
        ("POST", "/v1/me/tokens", {"name": "More", "scopes": ["write"]}),
        ("GET", "/v1/me/tokens", None),
        ("POST", "/v1/auth/logout", None),
        ("POST", "/v1/auth/register", {"email": "x@example.com", "password": PASSWORD}),
        ("DELETE", "/v1/me/sessions/00000000-0000-7000-8000-000000000000", None),
        ("DELETE", "/v1/me/sessions", None),
        ("DELETE", "/v1/me/identities/00000000-0000-7000-8000-000000000000", None),
        ("PATCH", "/v1/me/sessions/00000000-0000-7000-8000-000000000000", {"device_name": "Mine"}),
    ],
)
def test_an_api_token_cannot_widen_its_own_reach(ada: User, method: str, path: str, body: Any) -> None:
    token = ada.post("/v1/me/tokens", {"name": "Script", "scopes": ["read", "write"]}).json()["token"]
    assert_problem(ada.api.request(method, path, json=body, token=token), 403, "session_required")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": ["read"]}, "name"),
        ({"name": " ", "scopes": ["read"]}, "name"),
        ({"name": "x" * 101, "scopes": ["read"]}, "name"),
        ({"name": "S"}, "scopes"),
        ({"name": "S", "scopes": []}, "scopes"),
        ({"name": "S", "scopes": ["admin"]}, "scopes[0]"),
        ({"name": "S", "scopes": ["read\n"]}, "scopes[0]"),
        ({"name": "S", "scopes": "read"}, "scopes"),
        ({"name": "S", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "S", "scopes": ["read"], "expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"name": "S", "scopes": ["read"], "expires_at": "+12026-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "S", "scopes": ["read"], "token": "hf_mine"}, "token"),
    ],
)
def test_a_token_that_breaks_a_rule_is_refused(ada: User, body: Any, field: str) -> None:
    assert_problem(ada.post("/v1/me/tokens", body), 422, "invalid", field)
    assert ada.get("/v1/me/tokens").json()["items"] == []


def test_a_far_expiry_is_kept_and_a_token_is_ended_by_its_owner_alone(api: Api, ada: User) -> None:
    made = ada.post("/v1/me/tokens", {"name": "S", "scopes": ["read"], "expires_at": "9999-12-31T23:59:59Z"}).json()
    assert made["expires_at"] == "9999-12-31T23:59:59Z"
    assert_problem(api.user().delete(f"/v1/me/tokens/{made['id']}"), 404, "not_found")
    assert ada.delete(f"/v1/me/tokens/{made['id']}").status_code == 204
    assert_problem(ada.delete(f"/v1/me/tokens/{made['id']}"), 404, "not_found")
    soon_refused(lambda: api.get("/v1/tasks", token=made["token"]))


def test_nobody_has_neither_sessions_nor_tokens(api: Api) -> None:
    for method, path in (
        ("GET", "/v1/me/sessions"),
        ("GET", "/v1/me/tokens"),
        ("POST", "/v1/me/tokens"),
        ("GET", "/v1/me/identities"),
        ("PUT", "/v1/me/password"),
    ):
        assert_problem(api.request(method, path), 401, "unauthenticated")


def api_token(user: User, *scopes: str) -> dict[str, Any]:
    return user.made("/v1/me/tokens", {"name": "Script", "scopes": list(scopes or ("read", "write"))})


def test_a_changed_password_ends_every_api_token_that_is_not_named(api: Api, ada: User) -> None:
    kept, ended, expired = api_token(ada), api_token(ada), api_token(api.user())
    answer = put_password(ada, current=PASSWORD, new=NEW, keep_tokens=[expired["id"]])
    assert_problem(answer, 422, "invalid", "keep_tokens")
    assert put_password(ada, current=PASSWORD, new=NEW, keep_tokens=[kept["id"]]).status_code == 204
    soon_refused(lambda: api.get("/v1/tasks", token=ended["token"]))
    assert api.get("/v1/tasks", token=kept["token"]).status_code == 200
    assert [each["id"] for each in ada.get("/v1/me/tokens").json()["items"]] == [kept["id"]]
    assert put_password(ada, current=NEW, new=PASSWORD).status_code == 204
    soon_refused(lambda: api.get("/v1/tasks", token=kept["token"]))
    assert api.get("/v1/tasks", token=expired["token"]).status_code == 200


def test_a_login_in_flight_does_not_outlive_the_password_it_used(api: Api) -> None:
    for number in range(20):
        ada = api.user()
        body = {"email": ada.email, "password": PASSWORD}
        change = {"current": PASSWORD, "new": f"{NEW} {number}"}
        logins = [api.send("POST", "/v1/auth/login", json=body) for _ in range(6)]
        answers = api.together(*logins[:3], ada.send("PUT", "/v1/me/password", json=change), *logins[3:])
        assert answers[3].status_code == 204
        sessions = ada.get("/v1/me/sessions").json()["items"]
        assert [each["is_current"] for each in sessions] == [True], number
        assert {answer.status_code for answer in answers[:3] + answers[4:]} <= {200, 401}


def test_a_login_that_waits_for_a_password_change_finds_the_password_changed(
    api: Api, ada: User, runner: asyncio.Runner, database: str
) -> None:
    async def race(*, change_first: bool) -> tuple[int, int]:
        connection = await asyncpg.connect(database)
        try:
            transaction = connection.transaction()
            await transaction.start()
            # Holds the row as the first of the two does, so that the second waits for it with a snapshot of before.
            await connection.execute("select 1 from users where id = $1 for update", ada.id)
            login = api.send("POST", "/v1/auth/login", json={"email": ada.email, "password": PASSWORD})
            change = ada.send("PUT", "/v1/me/password", json={"current": PASSWORD, "new": NEW})
            first, second = (change, login) if change_first else (login, change)
            one = asyncio.create_task(first)
            await asyncio.sleep(0.3)
            two = asyncio.create_task(second)
            await asyncio.sleep(0.3)
            await transaction.commit()
            return (await one).status_code, (await two).status_code
        finally:
            await connection.close()

    assert runner.run(race(change_first=False)) == (200, 204)
    assert len(ada.get("/v1/me/sessions").json()["items"]) == 1
    assert put_password(ada, current=NEW, new=PASSWORD).status_code == 204
    assert runner.run(race(change_first=True)) == (204, 401)
    assert len(ada.get("/v1/me/sessions").json()["items"]) == 1


def test_a_token_made_during_a_password_change_does_not_outlive_it(
    api: Api, ada: User, runner: asyncio.Runner, database: str
) -> None:
    other = log_in(api, ada)

    async def race() -> tuple[int, int]:
        connection = await asyncpg.connect(database)
        try:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("select 1 from users where id = $1 for update", ada.id)
            change = asyncio.create_task(ada.send("PUT", "/v1/me/password", json={"current": PASSWORD, "new": NEW}))
            await waited_for(connection)
            token = {"name": "Late", "scopes": ["read"]}
            make = asyncio.create_task(other.send("POST", "/v1/me/tokens", json=token))
            await asyncio.sleep(0.3)
            await transaction.commit()
            return (await change).status_code, (await make).status_code
        finally:
            await connection.close()

    assert runner.run(race()) == (204, 401)
    assert ada.get("/v1/me/tokens").json()["items"] == []


@pytest.mark.parametrize("new", ["        ", " \t \u2003 \u3000  ", "aaaaaaaa", "AaAaAaAa", "a a a a a", "zzzzzzzz\n"])
def test_blanks_and_one_letter_are_no_password(ada: User, new: str) -> None:
    assert_problem(put_password(ada, current=PASSWORD, new=new), 422, "invalid", "new")


def test_ones_own_names_are_no_new_password(api: Api) -> None:
    ada = api.user(username="ada.of.the.sea", email="ada-of-the-hills@example.com")
    for new in (ada.email.upper(), "ADA.of.the.sea", "ada-of-the-hills", f" {ada.email}"):
        assert_problem(put_password(ada, current=PASSWORD, new=new), 422, "invalid", "new")
