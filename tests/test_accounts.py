"""Accounts: register, log in and out, one's own profile."""

import asyncio
import hashlib
import statistics
import time
from typing import Any

import asyncpg
import pytest
from client import PASSWORD, Api, assert_problem, etag, new_email, set_by_change, soon_refused, version_tag

from app.auth.passwords import Passwords
from app.settings import Settings

ME_FIELDS = {
    "id", "email", "username", "name", "first_name", "last_name", "bio", "avatar_url", "timezone", "role", "is_guest",
    "is_active", "is_verified", "is_external", "last_login_at", "created_at", "updated_at", "version",
}  # fmt: skip


async def _fetch(url: str, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()


def test_registering_signs_in_and_shows_the_account(api: Api) -> None:
    email = new_email()
    registration = {"email": email, "password": PASSWORD, "name": "Ada", "username": "ada.l", "timezone": "Europe/Berlin"}
    answer = api.post("/v1/auth/register", registration)
    assert answer.status_code == 201
    signed_in = answer.json()
    assert set(signed_in) == {"token", "expires_at", "user"}
    assert signed_in["token"].startswith("hf_")
    assert set(signed_in["user"]) == ME_FIELDS
    assert signed_in["user"] | registration | {"password": None} == signed_in["user"] | {"password": None}
    me = api.get("/v1/me", token=signed_in["token"])
    assert (me.status_code, me.json()) == (200, signed_in["user"])


def test_no_answer_shows_a_password_or_its_hash(api: Api) -> None:
    user = api.user()
    text = api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).text + user.get("/v1/me").text
    assert "password" not in text
    assert "argon2" not in text


def test_the_database_keeps_hashes_alone(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    [row] = runner.run(
        _fetch(database, "select u.*, s.* from users u join sessions s on s.user_id = u.id where u.email = $1", user.email)
    )
    assert row["password_hash"].startswith("$argon2id$")
    assert row["token_hash"] == hashlib.sha256(user.token.encode()).digest()
    assert PASSWORD not in str(dict(row))
    assert user.token not in str(dict(row))


def test_the_password_is_hashed_with_the_recommended_parameters() -> None:
    async def hashed() -> str:
        return await Passwords().hash(PASSWORD)

    assert asyncio.run(hashed()).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_email_is_taken_in_any_letter_case(api: Api) -> None:
    user = api.user()
    answer = api.post("/v1/auth/register", {"email": user.email.upper(), "password": PASSWORD})
    assert_problem(answer, 409, "email_taken", "email")


def test_a_username_is_taken_in_any_letter_case(api: Api) -> None:
    api.user(username="grace")
    answer = api.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD, "username": "GRACE"})
    assert_problem(answer, 409, "username_taken", "username")


def test_of_twenty_equal_registrations_at_once_one_succeeds(api: Api) -> None:
    body = {"email": new_email(), "password": PASSWORD}
    answers = api.together(*(api.send("POST", "/v1/auth/register", json=body) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


def test_a_registered_user_cannot_register_again(api: Api) -> None:
    user = api.user()
    body = {"email": new_email(), "password": PASSWORD}
    assert_problem(user.post("/v1/auth/register", body), 409, "already_registered")
    assert_problem(api.post("/v1/auth/register", body, token="hf_" + "a" * 43), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": None}, "email"),
        ({"email": "ada"}, "email"),
        ({"email": "a@"}, "email"),
        ({"email": "a b@example.com"}, "email"),
        ({"email": "a@b@c"}, "email"),
        ({"email": "a@" + "b" * 320}, "email"),
        ({"email": 7}, "email"),
        ({"email": "a\0@example.com"}, "email"),
        ({"email": "a\x07@example.com"}, "email"),
        ({"email": "a\x9b@example.com"}, "email"),
        ({"email": "a\xad@example.com"}, "email"),
        ({"email": "a\u200b@example.com"}, "email"),
        ({"email": "a\u2060@example.com"}, "email"),
        ({"email": "a\u202e@example.com"}, "email"),
        ({"email": "a\u2066@example.com"}, "email"),
        ({"email": "a\u061c@example.com"}, "email"),
        ({"email": "a\u034f@example.com"}, "email"),
        ({"email": "a\ufe0f@example.com"}, "email"),
        ({"email": "a\u3164@example.com"}, "email"),
        ({"email": "a\U000e0061@example.com"}, "email"),
        ({"email": "a@example.com\u200f"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": "password"}, "password"),
        ({"password": "PassWord"}, "password"),
        ({"password": "12345678"}, "password"),
        ({"password": None}, "password"),
        ({"username": "ab"}, "username"),
        ({"username": "a" * 51}, "username"),
        ({"username": "ada lovelace"}, "username"),
        ({"username": "ada@example.com"}, "username"),
        ({"username": "adä"}, "username"),
        ({"username": "ada\n"}, "username"),
        ({"name": "x" * 101}, "name"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"role": "admin"}, "role"),
        ({"is_verified": True}, "is_verified"),
    ],
)
def test_a_registration_that_breaks_a_rule_is_refused(api: Api, fields: dict[str, Any], field: str) -> None:
    body = {"email": new_email(), "password": PASSWORD} | fields
    answer = api.post("/v1/auth/register", body)
    assert_problem(answer, 422, "invalid", field)
    assert PASSWORD not in answer.text


def test_ones_own_email_is_no_password(api: Api) -> None:
    email = new_email()
    assert_problem(api.post("/v1/auth/register", {"email": email, "password": email.upper()}), 422, "invalid", "password")


def test_logging_in_works_by_email_and_by_username_in_any_letter_case(api: Api) -> None:
    user = api.user(username="Hedy.Lamarr")
    for login in ({"email": user.email.upper()}, {"username": "hedy.lamarr"}):
        answer = api.post("/v1/auth/login", login | {"password": PASSWORD})
        assert answer.status_code == 200
        assert answer.json()["user"]["id"] == user.id
        assert answer.json()["token"] != user.token
        assert api.get("/v1/me", token=answer.json()["token"]).status_code == 200


def test_logging_in_notes_the_time_and_leaves_the_version(api: Api) -> None:
    user = api.user()
    again = api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).json()["user"]
    assert again["last_login_at"] > user.me["last_login_at"]
    assert again == user.me | {"last_login_at": again["last_login_at"]}


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(api: Api) -> None:
    user = api.user()
    problems = []
    for login in (
        {"email": user.email, "password": "wrong"},
        {"email": new_email(), "password": PASSWORD},
        {"username": "nobody-at-all", "password": PASSWORD},
        {"email": "\u2003", "password": ""},
    ):
        answer = api.post("/v1/auth/login", login)
        assert_problem(answer, 401, "invalid_credentials")
        problems.append({key: value for key, value in answer.json().items() if key != "request_id"})
    assert all(problem == problems[0] for problem in problems)


def test_an_unknown_user_takes_the_time_of_a_known_one(runner: asyncio.Runner, settings: Settings) -> None:
    with Api.started(runner, settings, Passwords()) as api:
        user = api.user()

        def seconds(email: str) -> float:
            started = time.perf_counter()
            assert api.post("/v1/auth/login", {"email": email, "password": "wrong"}).status_code == 401
            return time.perf_counter() - started

        # By turns: the machine may have other work for a while.
        quotients = [seconds(user.email) / seconds(new_email()) for _ in range(9)]
    # Without the work for nobody, the quotient would be about 10.
    assert 0.4 < statistics.median(quotients) < 2.5


@pytest.mark.parametrize(
    "body",
    [
        {"password": PASSWORD},
        {"password": PASSWORD, "email": "a@example.com", "username": "ada"},
        {"email": "a@example.com"},
        {"email": None, "password": PASSWORD},
        {"email": "a@example.com", "password": None},
        {"email": "a@example.com", "password": "x" * 1001},
    ],
)
def test_a_login_of_another_form_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert_problem(api.post("/v1/auth/login", body), 422, "invalid")


def test_a_disabled_account_cannot_log_in_and_its_tokens_are_dead(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    runner.run(_fetch(database, "update users set is_active = false where email = $1", user.email))
    soon_refused(lambda: user.get("/v1/me"))
    assert_problem(api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}), 403, "account_disabled")
    assert_problem(api.post("/v1/auth/login", {"email": user.email, "password": "wrong"}), 401, "invalid_credentials")


def test_logging_out_ends_this_session_and_no_other(api: Api) -> None:
    user = api.user()
    other = api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).json()["token"]
    answer = user.post("/v1/auth/logout")
    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(user.get("/v1/me"), 401, "unauthenticated")
    assert_problem(user.post("/v1/auth/logout"), 401, "unauthenticated")
    assert api.get("/v1/me", token=other).status_code == 200


def test_a_session_ends_by_time_and_slides_while_it_is_used(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    hashed = hashlib.sha256(user.token.encode()).digest()
    moved = "update sessions set last_seen_at = now() - interval '2 hours', expires_at = now() + interval '1 hour' "
    runner.run(_fetch(database, moved + "where token_hash = $1", hashed))
    assert user.get("/v1/me").status_code == 200
    [row] = runner.run(
        _fetch(
            database,
            "select expires_at > now() + interval '29 days' as moved_on, last_seen_at > now() - interval '1 minute' as seen "
            "from sessions where token_hash = $1",
            hashed,
        )
    )
    assert dict(row) == {"moved_on": True, "seen": True}
    expired = "update sessions set created_at = now() - interval '1 day', expires_at = now() - interval '1 second' "
    runner.run(_fetch(database, expired + "where token_hash = $1", hashed))
    soon_refused(lambda: user.get("/v1/me"))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer hf_",
        b"Basic YTpi",
        b"hf_" + b"a" * 43,
        b"Bearer hf_" + b"a" * 43,
        b"Bearer hf_" + b"a" * 44,
        b"Bearer hf_" + b"a" * 42 + b"\xff",
        b"Bearer hf_" + b"\x00" * 43,
        b"Bearer \xf0\x9f\x8e\x89",
        b"Bearer hf_" + b"a" * 43 + b", Bearer hf_" + b"b" * 43,
        b"Bearer " + b"a" * 20_000,
    ],
)
def test_a_token_of_another_make_is_nobodys(api: Api, header: bytes) -> None:
    answer = api.get("/v1/me", headers={"Authorization": header})
    assert_problem(answer, 401, "unauthenticated")


def test_the_word_bearer_has_no_letter_case(api: Api) -> None:
    token = api.user().token
    assert api.get("/v1/me", headers={"Authorization": f"bEARER {token}"}).status_code == 200


def test_ones_own_account_changes_by_a_merge_patch(api: Api) -> None:
    user = api.user(name="Ada")
    answer = user.patch("/v1/me", {"bio": "First programmer", "timezone": "Asia/Tokyo", "name": None})
    changed = answer.json()
    assert (answer.status_code, version_tag(answer)) == (200, etag(changed))
    expected = {"bio": "First programmer", "timezone": "Asia/Tokyo", "name": None}
    assert changed == user.me | expected | set_by_change(user.me, changed)
    assert user.patch("/v1/me", {}).json() == changed
    assert user.get("/v1/me").json() == changed


def test_ones_own_account_has_an_etag(api: Api) -> None:
    user = api.user()
    tag = user.get("/v1/me").headers["etag"]
    assert user.get("/v1/me", headers={"If-None-Match": tag}).status_code == 304
    assert_problem(user.patch("/v1/me", {"bio": "x"}, headers={"If-Match": etag(user.me, 1)}), 412, "version_mismatch")
    assert user.patch("/v1/me", {"bio": "x"}, headers={"If-Match": tag}).status_code == 200
    assert_problem(user.patch("/v1/me", {"bio": "y"}, headers={"If-Match": tag}), 412, "version_mismatch")


def test_a_new_email_is_unverified_and_logs_in(api: Api, runner: asyncio.Runner, database: str) -> None:
    user, email = api.user(), new_email()
    runner.run(_fetch(database, "update users set email_verified_at = now() where email = $1", user.email))
    same = user.patch("/v1/me", {"email": user.email.upper(), "current_password": PASSWORD}).json()
    assert (same["email"], same["is_verified"]) == (user.email.upper(), True)
    other = user.patch("/v1/me", {"email": email, "current_password": PASSWORD}).json()
    assert (other["email"], other["is_verified"]) == (email, False)
    assert api.post("/v1/auth/login", {"email": email, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": None}, "email"),
        ({"email": "ada"}, "email"),
        ({"email": "a\u200b@example.com"}, "email"),
        ({"email": "somebody@example.com"}, "current_password"),
        ({"current_password": None}, "current_password"),
        ({"timezone": None}, "timezone"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"bio": "x" * 10_001}, "bio"),
        ({"avatar_url": "x" * 501}, "avatar_url"),
        ({"first_name": "x" * 101}, "first_name"),
        ({"role": "admin"}, "role"),
        ({"is_active": False}, "is_active"),
        ({"password": PASSWORD}, "password"),
        ({"id": "x"}, "id"),
    ],
)
def test_a_change_of_ones_account_that_breaks_a_rule_is_refused(api: Api, body: dict[str, Any], field: str) -> None:
    user = api.user()
    code = "read_only" if field in {"role", "is_active", "id"} else "invalid"
    assert_problem(user.patch("/v1/me", body), 422, code, field)
    assert user.get("/v1/me").json() == user.me


def test_a_taken_email_or_username_is_refused_in_a_change_too(api: Api) -> None:
    user, other = api.user(), api.user(username="lise.meitner")
    changed = user.patch("/v1/me", {"email": other.email, "current_password": PASSWORD})
    assert_problem(changed, 409, "email_taken", "email")
    assert_problem(user.patch("/v1/me", {"username": "Lise.Meitner"}), 409, "username_taken", "username")


def test_deleting_ones_account_takes_the_password_and_deletes_everything(
    api: Api, runner: asyncio.Runner, database: str
) -> None:
    user = api.user()
    user.task()
    assert_problem(user.request("DELETE", "/v1/me", json={}), 422, "invalid", "password")
    assert_problem(user.request("DELETE", "/v1/me", json={"password": "wrong"}), 403, "wrong_password")
    stale = user.request("DELETE", "/v1/me", json={"password": PASSWORD}, headers={"If-Match": '"9"'})
    assert_problem(stale, 412, "version_mismatch")
    assert user.get("/v1/me").status_code == 200
    answer = user.request("DELETE", "/v1/me", json={"password": PASSWORD})
    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(user.get("/v1/me"), 401, "unauthenticated")
    assert_problem(api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}), 401, "invalid_credentials")
    for table in ("users where id", "tasks where user_id", "sessions where user_id", "identities where user_id"):
        assert runner.run(_fetch(database, f"select 1 from {table} = $1::text::uuid", user.id)) == []
    assert api.user(email=user.email).id != user.id


def test_nobody_has_no_account(api: Api) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        assert_problem(api.request(method, "/v1/me"), 401, "unauthenticated")


def test_a_hash_of_other_parameters_is_renewed_at_the_next_login(
    api: Api, runner: asyncio.Runner, settings: Settings, database: str
) -> None:
    user = api.user()
    with Api.started(runner, settings, Passwords(memory_kib=16, passes=1)) as renewing:
        assert renewing.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).status_code == 200
    [row] = runner.run(_fetch(database, "select password_hash, version from users where email = $1", user.email))
    assert "m=16,t=1" in row["password_hash"]
    assert row["version"] == user.me["version"]
    assert api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).status_code == 200


def test_an_email_is_one_in_every_form_of_its_letters(api: Api) -> None:
    name = new_email()
    user = api.user(email=f"\u00e9.{name}")
    for spelled in (f"e\u0301.{name}", f"E\u0301.{name.upper()}", f"\u00c9.{name}"):
        again = api.post("/v1/auth/register", {"email": spelled, "password": PASSWORD})
        assert_problem(again, 409, "email_taken", "email")
        signed_in = api.post("/v1/auth/login", {"email": spelled, "password": PASSWORD})
        assert signed_in.json()["user"]["id"] == user.id


def test_only_a_session_changes_an_email_and_a_username(api: Api) -> None:
    user = api.user()
    token = user.made("/v1/me/tokens", {"name": "Script", "scopes": ["me:write", "me:read"]})["token"]
    for body in (
        {"email": new_email(), "current_password": PASSWORD},
        {"username": "taken.over"},
        {"name": "Ada", "email": new_email()},
    ):
        assert_problem(api.patch("/v1/me", body, token=token), 403, "session_required")
    assert user.get("/v1/me").json() == user.me
    # What stands may be sent back, and the rest of the profile is a program's to change.
    same = {"email": user.email, "username": None, "name": "Ada"}
    assert api.patch("/v1/me", same, token=token).json()["name"] == "Ada"
    assert user.patch("/v1/me", {"username": "ada.by.hand"}).status_code == 200


def test_an_email_changes_only_for_who_knows_the_password(api: Api) -> None:
    user, email = api.user(), new_email()
    assert_problem(user.patch("/v1/me", {"email": email}), 422, "invalid", "current_password")
    wrong = user.patch("/v1/me", {"email": email, "current_password": "wrong"})
    assert_problem(wrong, 403, "wrong_password")
    assert user.get("/v1/me").json() == user.me
    assert user.patch("/v1/me", {"email": email, "current_password": PASSWORD}).json()["email"] == email
