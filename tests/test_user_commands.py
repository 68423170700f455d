"""`holdfast users`, as an operator types it: accounts made, shown, shut and signed out."""

import asyncio
import json
from uuid import uuid4

import asyncpg
import pytest
from client import PASSWORD, Api, Execute, User, assert_problem, new_email, soon_refused
from command import holdfast, process

NOBODY = "holdfast: There is no account with this e-mail address, user name or id.\n"


def facts_of(shown: str) -> dict[str, str]:
    """What `show` says, line by line."""
    return {name.strip(): value.strip() for name, value in (line.split("  ", 1) for line in shown.splitlines())}


def test_an_admin_is_made_with_a_password_that_is_read_and_is_shown_by_each_of_its_names(api: Api, database: str) -> None:
    email, username = new_email(), f"op.{uuid4().hex[:8]}"
    made = process(
        database, "users", "create", email, "--admin", "--username", username, "--name", "Ada\x1b[31m", given=f"{PASSWORD}\r\n"
    )
    assert (made.returncode, made.stderr) == (0, "")
    user = User(api, api.post("/v1/auth/login", {"email": email, "password": PASSWORD}).json())
    assert made.stdout == f"The account is made: {user.id}, an admin.\n"
    assert user.get("/v1/admin/users").status_code == 200
    user.made("/v1/me/tokens", {"name": "Script", "scopes": ["read"]})
    user.put("/v1/consents", {"terms_accepted": True, "marketing_consent": False})
    user.post("/v1/credits/deductions", {"amount": 3})
    shown = holdfast(database, "users", "show", email.upper(), "--json")
    assert (shown.returncode, shown.stderr) == (0, "")
    account = json.loads(shown.stdout)
    assert account["user"] == user.get("/v1/me").json()
    assert account["counts"] == {"sessions": 1, "api_tokens": 1, "consents": 1}
    assert account["credits"] == user.get("/v1/credits").json()
    assert account["usage"] == user.get("/v1/usage").json()
    by_name = holdfast(database, "users", "show", username.upper())
    assert by_name.stdout == holdfast(database, "users", "show", user.id).stdout
    facts = facts_of(by_name.stdout)
    assert (facts["id"], facts["role"], facts["state"], facts["credits"]) == (user.id, "admin", "active", "47 of 50")
    # Names are chosen by anyone who registers: none of them steers a terminal.
    assert facts["name"] == "Ada\N{REPLACEMENT CHARACTER}[31m"
    for text in (shown.stdout, by_name.stdout, made.stdout):
        assert "argon2" not in text
        assert PASSWORD not in text


def test_no_name_forges_a_line_of_what_is_shown(api: Api, database: str) -> None:
    user = api.user(name="Ada\nrole        admin\r\nstate  x")
    assert user.me["name"] == "Ada\nrole        admin\r\nstate  x"
    shown = holdfast(database, "users", "show", user.id).stdout
    assert [line.split()[1] for line in shown.splitlines() if line.startswith(("role", "state"))] == ["user", "active"]
    assert facts_of(shown)["name"] == "Ada�role        admin��state  x"


def test_a_role_is_shown_of_a_guest_who_has_one_because_the_upgrade_is_not_done(
    own_database: str, runner: asyncio.Runner
) -> None:
    async def make(role: str) -> str:
        connection = await asyncpg.connect(own_database)
        try:
            await connection.execute("alter table users drop constraint if exists users_guest_role")
            insert = "insert into users (is_guest, role) values (true, $1) returning id"
            return str(await connection.fetchval(insert, role))
        finally:
            await connection.close()

    for role, shown in (("user", "guest"), ("service", "service"), ("admin", "admin")):
        user_id = runner.run(make(role))
        assert f"{user_id}  {shown} " in holdfast(own_database, "users", "list").stdout
        assert facts_of(holdfast(own_database, "users", "show", user_id).stdout)["role"] == shown


@pytest.mark.parametrize(
    ("words", "password", "sentence"),
    [
        (("nobody",), PASSWORD, "email: has not the required form"),
        (("a\u200bda@example.com",), PASSWORD, "email: must not have invisible characters"),
        (("ada@example.com", "--username", "a b"), PASSWORD, "username: has not the required form"),
        (("ada@example.com",), "short", "A password has 8 to 128 characters."),
        (("ada@example.com",), "password1", "password: is too easy to guess"),
        (("ada@example.com",), "ada@example.com", "password: is too easy to guess"),
    ],
)
def test_an_account_is_made_by_the_rules_of_registering(
    database: str, execute: Execute, words: tuple[str, ...], password: str, sentence: str
) -> None:
    before = execute("select count(*) as n from users")
    refused = holdfast(database, "users", "create", *words, given=f"{password}\n")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"holdfast: {sentence}"), refused.stderr
    assert execute("select count(*) as n from users") == before


def test_a_taken_address_is_said_in_a_sentence(api: Api, database: str) -> None:
    taken = holdfast(database, "users", "create", api.user().email.upper(), given=f"{PASSWORD}\n")
    assert (taken.returncode, taken.stdout) == (1, "")
    assert taken.stderr == "holdfast: Another account has this e-mail address; letter case does not count.\n"


def test_a_disabled_account_is_signed_out_and_signs_in_anew_when_it_is_enabled(api: Api, database: str) -> None:
    user = api.user()
    token = user.made("/v1/me/tokens", {"name": "Script", "scopes": ["read"]})["token"]
    disabled = holdfast(database, "users", "disable", user.email)
    assert (disabled.returncode, disabled.stdout) == (0, "The account is disabled, and 1 session is ended.\n")
    soon_refused(lambda: user.get("/v1/me"))
    soon_refused(lambda: api.get("/v1/tasks", token=token))
    login = {"email": user.email, "password": PASSWORD}
    assert_problem(api.post("/v1/auth/login", login), 403, "account_disabled")
    enabled = holdfast(database, "users", "enable", user.id)
    assert (enabled.returncode, enabled.stdout) == (0, "The account may sign in.\n")
    assert_problem(user.get("/v1/me"), 401, "unauthenticated")
    assert api.get("/v1/tasks", token=token).status_code == 200
    assert api.post("/v1/auth/login", login).status_code == 200


def test_the_command_line_ends_sessions_and_no_api_token(api: Api, database: str) -> None:
    user = api.user()
    api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD})
    token = user.made("/v1/me/tokens", {"name": "Script", "scopes": ["read"]})["token"]
    ended = holdfast(database, "users", "end-sessions", user.email)
    assert (ended.returncode, ended.stdout) == (0, "2 sessions are ended.\n")
    soon_refused(lambda: user.get("/v1/me"))
    assert api.get("/v1/tasks", token=token).status_code == 200


@pytest.mark.parametrize("command", ["show", "disable", "enable", "end-sessions", "role", "set-password"])
def test_nobody_of_this_name_is_a_sentence(database: str, command: str) -> None:
    role = ["admin"] if command == "role" else []
    for name in ("nobody@example.com", "nobody", str(uuid4())):
        refused = holdfast(database, "users", command, name, *role, given=f"{PASSWORD}\n")
        assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", NOBODY)
    assert holdfast(database, "users", command).returncode == 2


@pytest.mark.parametrize("words", [("show", "\udcff"), ("create", "\udcff@example.com"), ("role", "\udcff", "admin")])
def test_a_word_that_is_no_text_is_a_sentence(database: str, words: tuple[str, ...]) -> None:
    refused = process(database, "users", *words, given=f"{PASSWORD}\n")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "holdfast: A word of this command is no text in UTF-8.\n"


@pytest.fixture
def only_admin(own_database: str) -> str:
    """The URL of a database with one account."""
    made = holdfast(own_database, "users", "create", "only@example.com", "--admin", given=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    return own_database


def test_the_last_active_admin_is_not_disabled_by_the_command_line(only_admin: str) -> None:
    refused = holdfast(only_admin, "users", "disable", "only@example.com")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "holdfast: This is the last active admin: make another account an admin first.\n"
    assert json.loads(holdfast(only_admin, "users", "show", "only@example.com", "--json").stdout)["user"]["is_active"] is True
    holdfast(only_admin, "users", "create", "second@example.com", "--admin", given=f"{PASSWORD}\n")
    assert holdfast(only_admin, "users", "disable", "only@example.com").returncode == 0
    assert holdfast(only_admin, "users", "disable", "second@example.com").returncode == 1
