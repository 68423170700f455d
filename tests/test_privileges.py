"""Two roles: one that owns the tables, and the server's, which reads and writes rows and does nothing else."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg
import pytest
from client import Started
from command import holdfast

from app.database.postgres_programs import binaries_folder

PASSWORD = "it's one"


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Roles:
    """A database of its own with its two roles, whose names only the right quoting survives."""

    def __init__(self, server: str, worker: str, runner: asyncio.Runner) -> None:
        self._server, self._runner = server, runner
        self.owner, self.app, self.name = f'O\'Hara \\ "{worker}"', f"app: 'ö' {worker}", f'the "data" of :{worker} %'
        self.superuser = self._url(unquote(urlsplit(server).username or ""), urlsplit(server).password)
        self.as_owner, self.as_app = self._url(self.owner, PASSWORD), self._url(self.app, PASSWORD)

    def _url(self, user: str, password: str | None) -> str:
        parts = urlsplit(self._server)
        host = parts.netloc.rpartition("@")[2]
        secret = "" if password is None else f":{quote(unquote(password), safe='')}"
        return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}{secret}@{host}", path=f"/{quote(self.name, safe='')}"))

    def run(self, url: str, *statements: str) -> list[list[Any]]:
        """Run statements; the rows of each."""

        async def run() -> list[list[Any]]:
            connection = await asyncpg.connect(url)
            try:
                return [[tuple(row) for row in await connection.fetch(statement)] for statement in statements]
            finally:
                await connection.close()

        return self._runner.run(run())

    def make(self) -> None:
        """What ops/role.sql does: the owner and its database."""
        owner, name = (each.replace('"', '""') for each in (self.owner, self.name))
        self.run(self._server, f'create role "{owner}" login password {literal(PASSWORD)}')
        self.run(self._server, f'create database "{name}" owner "{owner}" template template0')

    def drop(self) -> None:
        owner, app, name = (each.replace('"', '""') for each in (self.owner, self.app, self.name))
        self.run(self._server, f'drop database if exists "{name}" with (force)', f'drop role if exists "{app}", "{owner}"')

    def apply(self, **variables: str) -> None:
        """Run what `holdfast roles sql` prints."""
        names = ("--owner", self.owner, "--app", self.app, "--database", self.name)
        printed = holdfast(self.superuser, "roles", "sql", *names, HOLDFAST_APP_PASSWORD=PASSWORD)
        assert printed.returncode == 0, printed.stderr
        assert PASSWORD not in printed.stdout
        psql = [str(binaries_folder() / "psql"), "--no-psqlrc", "--quiet", self._server]
        done = subprocess.run(
            psql, input=printed.stdout, env=os.environ | variables, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def rights(self) -> list[list[Any]]:
        """Every right in the database, and the hash of the password."""
        return self.run(
            self.superuser,
            "select relname::text, relacl::text from pg_class where relnamespace = 'public'::regnamespace order by 1",
            "select proname::text, proacl::text from pg_proc where pronamespace = 'public'::regnamespace order by oid",
            "select defaclobjtype::text, defaclnamespace, defaclacl::text from pg_default_acl order by 1, 2",
            "select nspacl::text from pg_namespace where nspname = 'public'",
            "select datacl::text from pg_database where datname = current_database()",
            f"select rolpassword, rolsuper, rolcreatedb, rolcreaterole from pg_authid where rolname = {literal(self.app)}",
        )


@pytest.fixture(scope="module")
def roles(template: str, worker_id: str, runner: asyncio.Runner) -> Iterator[Roles]:
    """The roles are made before the first migration: the tables get their rights as each later one will."""
    server = urlunsplit(urlsplit(template)._replace(path="/postgres"))
    found = Roles(server, worker_id, runner)
    found.drop()
    found.make()
    found.apply(HOLDFAST_APP_PASSWORD=PASSWORD)
    migrated = holdfast(found.as_owner, "migrate", "up")
    assert migrated.returncode == 0, migrated.stderr
    yield found
    found.drop()


def lines(examined: "subprocess.CompletedProcess[str]") -> dict[str, str]:
    """What the doctor has found -> what to run."""
    found = re.findall(r"(?m)^(?:mind|bad) +too (?:much|little) +(.*)\n +(.*)$", examined.stdout)
    assert len(found) == len(re.findall(r"(?m)^(?:mind|bad)", examined.stdout)), examined.stdout
    return dict(found)


def test_the_servers_role_reads_and_writes_rows_of_later_tables(roles: Roles, started: Started) -> None:
    user = started(database_url=roles.as_app).user()
    task = user.task()
    assert user.patch(f"/v1/tasks/{task['id']}", {"completed": True}).status_code == 200
    assert user.delete(f"/v1/tasks/{task['id']}").status_code == 204
    assert holdfast(roles.as_app, "maintain").returncode == 0


@pytest.mark.parametrize(
    "statement",
    [
        "create table mine (id integer)", "create temporary table mine (id integer)", "create schema mine",
        "create function mine() returns integer language sql return 1", "truncate tasks",
        "alter table tasks add column mine text",
        "drop table tasks", "create trigger mine before update on tasks for each row execute function touch()",
        "create index on tasks (title)", "alter table tasks disable trigger all", "create role mine", "set role postgres",
        "alter function touch() security definer", "drop function touch()", "grant select on tasks to public",
        "copy tasks to program 'true'", "alter database {name} owner to {app}", "select pg_read_file('/etc/hostname')",
    ],
)  # fmt: skip
def test_the_servers_role_may_do_nothing_else(roles: Roles, statement: str) -> None:
    name, app = (f'"{each}"'.replace('"', '""')[1:-1] for each in (roles.name, roles.app))
    try:
        roles.run(roles.as_app, statement.format(name=name, app=app))
    except asyncpg.InsufficientPrivilegeError:
        return
    except asyncpg.PostgresError as error:
        assert error.sqlstate in {"22023", "42704"}, error  # noqa: PT017 - there is no role of that name
        return
    # A right that cannot be given is a warning.
    assert roles.run(roles.superuser, "select has_table_privilege('public', 'tasks', 'select')") == [[(False,)]]
    assert statement.startswith("grant")


def test_nobody_else_is_let_in(roles: Roles, worker_id: str) -> None:
    roles.run(roles.superuser, f"create role stranger_{worker_id} login password 'x'")
    try:
        host = roles.superuser.rpartition("@")[2]
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            roles.run(f"postgresql://stranger_{worker_id}:x@{host}", "select 1")
    finally:
        roles.run(roles.superuser, f"drop role stranger_{worker_id}")


def test_the_doctor_is_content_with_the_servers_role(roles: Roles) -> None:
    examined = holdfast(roles.as_app, "doctor")
    assert examined.returncode == 0, examined.stdout
    for line in ("ok    role", "ok    privileges  suffice to serve; ", "ok    schema"):
        assert line in examined.stdout
    examined = holdfast(roles.as_app, "doctor", "--privileges")
    assert examined.returncode == 0
    assert [line.split()[0] for line in examined.stdout.splitlines()] == ["ok", "ok"], examined.stdout


def test_what_is_printed_can_be_run_again_and_changes_nothing_but_a_password_that_is_given(roles: Roles) -> None:
    before = roles.rights()
    roles.apply()
    assert roles.rights() == before
    roles.apply(HOLDFAST_APP_PASSWORD=PASSWORD)
    *rights, [(password, *attributes)] = roles.rights()
    assert rights == before[:-1]
    assert attributes == [False, False, False]
    assert password.startswith("SCRAM-SHA-256$")
    assert password != before[-1][0][0]


TOO_MUCH = (
    "alter role {app} createdb createrole",
    "grant pg_read_all_settings to {app}",
    "grant temporary on database {name} to public",
    "grant create on database {name} to {app}",
    "grant create on schema public to public",
    "grant truncate, references on tasks, habits to {app}",
)
TOO_LITTLE = (
    "revoke update, delete on tasks from {app}",
    "revoke select on searched from {app}",
    "revoke execute on function touch() from {app}",
    "alter default privileges for role {owner} in schema public revoke insert on tables from {app}",
    "alter default privileges for role {owner} in schema public revoke execute on functions from {app}",
    "revoke usage on schema public from {app}",
)


def test_what_the_doctor_says_to_run_mends_whatever_is_wrong(roles: Roles) -> None:
    owner, app, name = ('"' + each.replace('"', '""') + '"' for each in (roles.owner, roles.app, roles.name))
    before = roles.rights()
    roles.run(roles.superuser, *(each.format(owner=owner, app=app, name=name) for each in (*TOO_MUCH, *TOO_LITTLE)))
    examined = holdfast(roles.as_app, "doctor", "--privileges")
    assert examined.returncode == 1
    found = lines(examined)
    assert list(found) == [
        "has the attribute createdb",
        "has the attribute createrole",
        "is a member of pg_read_all_settings",
        "may make schemas in the database",
        "may make temporary tables in the database",
        "may make tables and functions in the schema public",
        "has the right references on 2 tables of the schema public",
        "has the right truncate on 2 tables of the schema public",
        "may not use the schema public",
        "has not the right select on searched",
        "has not the right update, delete on tasks",
        "may not run 1 functions",
        "will have no rights on the tables that later migrations make",
        "will not have the right to run the functions that later migrations make",
    ]
    plain = holdfast(roles.as_app, "doctor")
    assert plain.returncode == 1
    assert "bad   privileges  the role may not use the schema" in plain.stdout
    assert "Run: holdfast doctor --privileges" in plain.stdout
    roles.run(roles.superuser, *(remedy.partition(": ")[2] for remedy in found.values()))
    examined = holdfast(roles.as_app, "doctor", "--privileges")
    assert (examined.returncode, lines(examined)) == (0, {})
    assert roles.rights() == before


def test_the_doctor_says_of_an_owner_and_of_a_superuser_what_they_may_do_beyond(roles: Roles) -> None:
    for url, expected in (
        (roles.as_owner, {"owns the database", "may make tables and functions in the schema public"}),
        (roles.superuser, {"has the attribute superuser", "has the attribute createrole", "has the attribute createdb"}),
    ):
        examined = holdfast(url, "doctor", "--privileges")
        found = lines(examined)
        assert examined.returncode == 0
        assert expected <= {*found}, examined.stdout
    owned = lines(holdfast(roles.as_owner, "doctor", "--privileges"))
    # Nothing that would keep it from migrating.
    assert {*owned.values()} == {"Serve as another role: `holdfast roles sql` prints what makes it."}
    assert any(re.fullmatch(r"owns \d{2,} tables, views and sequences of the schema public", text) for text in owned)


@pytest.mark.parametrize(
    "words", [("--app", "holdfast"), ("--app", ""), ("--owner", "x" * 64), ("--database", "a\nb"), ("--app", "é" * 32)]
)
def test_names_that_cannot_be_used_are_refused(words: tuple[str, str]) -> None:
    refused = holdfast("", "roles", "sql", *words)
    assert refused.returncode == 2
    assert refused.stdout == ""


def test_what_is_for_the_owner_is_refused_to_the_servers_role_with_a_sentence(roles: Roles, tmp_path: Path) -> None:
    for words, said in (
        (("migrate", "down"), "permission denied for schema public"),
        (("backup", str(tmp_path)), "back up as the tables' owner"),
        (("import", "tasks", roles.superuser), "permission denied to create temporary tables"),
    ):
        refused = holdfast(roles.as_app, *words)
        assert refused.returncode == 1
        assert said in refused.stderr
    assert [*tmp_path.iterdir()] == []


def test_the_servers_role_finds_nothing_to_migrate_where_nothing_is_pending(roles: Roles) -> None:
    """So that `serve --migrate` starts as it, too."""
    done = holdfast(roles.as_app, "migrate", "up")
    assert done.returncode == 0, done.stderr
    assert "Nothing was pending" in done.stdout
