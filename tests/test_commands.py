"""`holdfast users` and `holdfast doctor`, as an operator types them."""

import asyncio
import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from client import PASSWORD, Api, User, assert_problem, soon_refused
from command import HOLDFAST, holdfast, process

from app.server.doctor import connections_needed, connections_while_restarting
from app.settings import Settings


def test_the_list_shows_every_account_and_no_hash(api: Api, database: str) -> None:
    user = api.user(username="list.ed")
    listed = process(database, "users", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    [line] = [line for line in listed.stdout.splitlines() if user.id in line]
    assert line.split()[1:4] == ["user", user.email, "list.ed"]
    assert "argon2" not in listed.stdout


def test_a_role_is_given_by_the_command_line(api: Api, database: str) -> None:
    user = api.user(username=f"op.{uuid4().hex[:8]}")
    for name, role in ((user.id, "service"), (user.me["username"].upper(), "user")):
        assert holdfast(database, "users", "role", name, role).stdout == f"The account is now: {role}.\n"
        assert user.get("/v1/me").json()["role"] == role
    given = holdfast(database, "users", "role", user.email.upper(), "admin")
    assert (given.returncode, given.stdout) == (0, "The account is now: admin.\n")
    assert user.get("/v1/me").json()["role"] == "admin"
    assert holdfast(database, "users", "role", user.email, "king").returncode == 2


def test_a_guest_gets_no_role_by_the_command_line(api: Api, database: str) -> None:
    guest = User(api, api.post("/v1/auth/guest").json())
    refused = holdfast(database, "users", "role", guest.id, "admin")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "holdfast: role: must be user for a guest\n"
    assert guest.get("/v1/me").json() == guest.me


def test_the_command_line_leaves_the_last_admin_one(runner: asyncio.Runner, own_database: str) -> None:
    insert = "insert into users (email, role) values ('only@example.com', 'admin'), ('other@example.com', 'user')"

    async def run(sql: str) -> str | None:
        connection = await asyncpg.connect(own_database)
        try:
            role: str | None = await connection.fetchval(sql)
            return role
        finally:
            await connection.close()

    runner.run(run(insert))
    refused = holdfast(own_database, "users", "role", "only@example.com", "user")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "holdfast: This is the last active admin: make another account an admin first.\n"
    assert runner.run(run("select role from users where email = 'only@example.com'")) == "admin"
    assert holdfast(own_database, "users", "role", "other@example.com", "admin").returncode == 0
    assert holdfast(own_database, "users", "role", "only@example.com", "user").returncode == 0


def test_a_password_set_by_the_command_line_ends_every_session(api: Api, database: str) -> None:
    user = api.user(username=f"op.{uuid4().hex[:8]}")
    token = user.made("/v1/me/tokens", {"name": "Script", "scopes": ["read"]})["token"]
    done = process(database, "users", "set-password", user.email, given="another horse battery\n")
    said = "The password is changed, and every session and API token of the account is ended.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    soon_refused(lambda: user.get("/v1/me"))
    soon_refused(lambda: api.get("/v1/tasks", token=token))
    assert_problem(api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}), 401, "invalid_credentials")
    fresh = api.post("/v1/auth/login", {"email": user.email, "password": "another horse battery"})
    assert fresh.status_code == 200
    for name, password in ((user.id, "a third horse battery"), (user.me["username"].upper(), "a fourth horse battery")):
        assert holdfast(database, "users", "set-password", name, given=f"{password}\n").stdout == said
        assert api.post("/v1/auth/login", {"email": user.email, "password": password}).status_code == 200


def test_no_name_of_the_account_is_a_password_by_the_command_line(api: Api, database: str) -> None:
    user = api.user(username=f"op.{uuid4().hex[:8]}")
    for name in (user.email, user.me["username"], user.id):
        for password in (user.me["username"].upper(), user.email):
            refused = holdfast(database, "users", "set-password", name, given=f"{password}\n")
            assert (refused.returncode, refused.stdout) == (1, "")
            assert refused.stderr.startswith("holdfast: password: is too easy to guess"), refused.stderr
    assert user.get("/v1/me").status_code == 200


@pytest.mark.parametrize("password", ["short", "password1", "x" * 129, ""])
def test_a_password_that_is_none_is_refused(api: Api, database: str, password: str) -> None:
    user = api.user()
    refused = holdfast(database, "users", "set-password", user.email, given=f"{password}\n")
    assert refused.returncode == 1
    assert refused.stderr.startswith("holdfast: ")
    assert user.get("/v1/me").status_code == 200


def test_the_doctor_finds_a_sound_database_sound(database: str) -> None:
    examined = holdfast(database, "doctor")
    assert examined.returncode == 0, examined.stdout + examined.stderr
    states = {line.split()[1]: line.split()[0] for line in examined.stdout.splitlines() if not line.startswith(" ")}
    for subject in ("connection", "version", "encoding", "locale", "writes", "privileges", "schema", "pool"):
        assert states[subject] == "ok", examined.stdout


def test_the_doctor_says_what_to_do_about_a_pool_that_is_too_large(database: str) -> None:
    examined = holdfast(database, "doctor", WORKERS="100")
    assert examined.returncode == 1
    assert "bad   pool" in examined.stdout
    assert "Lower WORKERS" in examined.stdout


def test_the_doctor_says_what_to_do_about_a_low_limit_of_open_files(database: str) -> None:
    examined = subprocess.run(
        ["sh", "-c", 'ulimit -n 3000; exec "$@"', "sh", HOLDFAST, "doctor"],
        env=os.environ | {"DATABASE_URL": database, "MAX_CONNECTIONS": "5000"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert examined.returncode == 0, examined.stdout + examined.stderr
    assert "mind  sockets" in examined.stdout
    assert "only 3000 are allowed" in examined.stdout
    assert "LimitNOFILE" in examined.stdout
    assert "ok    sockets" in holdfast(database, "doctor", MAX_CONNECTIONS="100").stdout


def test_the_doctor_says_which_limits_hold_and_minds_that_none_do(database: str) -> None:
    limited = holdfast(database, "doctor", RATE_LIMITS="on", GUEST_REQUESTS_PER_MINUTE="77", USER_MAX_BYTES=str(5 * 2**20))
    assert "ok    limits" in limited.stdout
    assert "guests 77, and store 5 MiB of rows, guests 10" in limited.stdout
    unlimited = holdfast(database, "doctor", RATE_LIMITS="off")
    assert "mind  limits" in unlimited.stdout
    assert "Set RATE_LIMITS=on" in unlimited.stdout


def test_the_doctor_says_what_to_do_about_an_old_schema(own_database: str, runner: asyncio.Runner) -> None:
    assert holdfast(own_database, "migrate", "down").returncode == 0
    examined = holdfast(own_database, "doctor")
    assert examined.returncode == 1
    assert "Run: holdfast migrate up" in examined.stdout


def test_the_doctor_minds_a_locale_that_knows_ascii_only(database: str, worker_id: str, runner: asyncio.Runner) -> None:
    """In the locale C lower() leaves É as it is: two spellings of an address would be two accounts."""
    name = f"locale_c_{worker_id}"
    url = urlunsplit(urlsplit(database)._replace(path=f"/{name}"))

    async def on_server(statement: str) -> None:
        connection = await asyncpg.connect(database)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    runner.run(on_server(f"create database {name} encoding 'UTF8' locale_provider libc locale 'C' template template0"))
    try:
        examined = holdfast(url, "doctor")
    finally:
        runner.run(on_server(f"drop database {name} with (force)"))
    assert "ok    encoding" in examined.stdout
    assert "mind  locale" in examined.stdout
    assert "Make a database with locale C.UTF-8" in examined.stdout


def test_the_doctor_shows_no_secret_when_there_is_no_database() -> None:
    url = "postgresql://adalovelace:s3cret@127.0.0.1:1/enchantress?connect_timeout=1"
    examined = subprocess.run(
        [
            sys.executable,
            "-c",
            "from app.server.cli import main; main()",
            "doctor",
        ],
        env=os.environ | {"DATABASE_URL": url, "DB_START_RETRIES": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert examined.returncode == 1
    *logged, sentence = examined.stderr.splitlines()
    assert "could not be reached" in sentence
    assert "127.0.0.1" not in examined.stdout + sentence
    assert ["127.0.0.1:1" in line for line in logged] == [True]
    for secret in ("adalovelace", "s3cret", "enchantress", "Traceback"):
        assert secret not in examined.stdout + examined.stderr


def test_every_worker_counts_its_pool_and_its_listener() -> None:
    settings = Settings(workers=4, pool_size=5, max_overflow=10)
    assert connections_needed(settings) == 4 * 16 + 2
    assert connections_while_restarting(settings) == 2 * 4 * 16 + 2


COUNT = """
import os
from app import settings
from app.server import supervisor
read = settings.from_environment(os.environ)
supervisor.warn_about_connections(read.database_url, read)
"""


def test_serve_warns_when_the_workers_may_open_more_connections_than_there_are(database: str) -> None:
    warned = subprocess.run(
        [sys.executable, "-c", COUNT],
        env=os.environ | {"DATABASE_URL": database, "WORKERS": "100"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "connections_may_run_out" in warned.stdout + warned.stderr


LOADED = """
import sys
from app.server.cli import other
other("migrate"), other("doctor")
print("litestar" in sys.modules)
"""


def test_migrate_and_doctor_start_without_the_framework() -> None:
    shown = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout == "False\n"
