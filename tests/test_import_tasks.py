"""Importing the task list: every row, every way in, again and back."""

import os
import subprocess
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from client import Api, Execute, Started, User
from imported import Imports, all_same, became
from sources import tasks
from sources.database import change
from sources.planting import Written
from sources.tasks_dirt import BETTER_AUTH, OWN

from app.database import postgres_programs


@pytest.fixture
def imports(own_database: str, own_execute: Execute) -> Imports:
    return Imports(own_database, own_execute, "tasks")


def key(row: dict[str, Any]) -> str:
    """The key of a task: its number, and the microseconds of its creation."""
    at = row["created_at"]
    seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return f"{row['id']}@{round(seconds * 1_000_000)}"


def signed_in(api: Api, written: Written, name: str) -> User:
    """A user of the source, by the password that they had there."""
    login = {"email": written.truth["users"][name]["email"], "password": written.truth["passwords"][name]["password"]}
    answer = api.post("/v1/auth/login", login)
    assert answer.status_code == 200, answer.text
    return User(api, answer.json())


@pytest.mark.parametrize("better_auth", [False, True])
@pytest.mark.parametrize("uuids", [False, True])
def test_every_task_and_user_arrives_and_logs_in_with_the_old_password(
    imports: Imports, empty_database: str, started: Started, *, uuids: bool, better_auth: bool
) -> None:
    written = tasks.write(empty_database, users=4, tasks=6, uuids=uuids, better_auth=better_auth)
    outcome = imports.run(empty_database)
    identities = {"identities": 3} if better_auth else {}
    assert became(outcome, "imported") == {"users": 4, "tasks": 24, **identities}
    assert became(outcome, "rejected") == {}
    assert imports.verified(outcome["id"]) == all_same(outcome)
    here = imports.here("tasks")
    for row in written.truth["tasks"].values():
        found = here[key(row)]
        expected = {name: row[name] for name in ("title", "description", "completed")}
        assert expected == {name: found[name] for name in expected}
        for name in ("created_at", "updated_at"):
            assert found[name].replace(tzinfo=None) == row[name].replace(tzinfo=None)
        assert found["completed_at"] == (found["updated_at"] if row["completed"] else None)
    api = started(database_url=imports.url)
    for name in written.truth["users"]:
        listed = signed_in(api, written, name).walk("/v1/tasks?order=oldest")
        mine = [task for task in written.truth["tasks"].values() if str(task["user_id"]) == name]
        assert sorted(task["title"] for task in listed) == sorted(task["title"] for task in mine)
    hashes = imports.rows("select password_hash from users")
    assert all(row["password_hash"].startswith("$argon2id$") for row in hashes)


def test_accounts_elsewhere_arrive_as_identities(imports: Imports, empty_database: str) -> None:
    written = tasks.write(empty_database, users=3, tasks=1, better_auth=True)
    outcome = imports.run(empty_database)
    expected = {
        (row["provider_id"], row["account_id"], str(row["user_id"]))
        for row in written.truth["accounts"].values()
        if row["provider_id"] != "credential"
    }
    found = imports.rows(
        "select d.provider, d.subject, i.source_key from identities d"
        " join import_items i on i.entity = 'users' and i.target_id = d.user_id",
    )
    assert {(row["provider"], row["subject"], row["source_key"]) for row in found} == expected
    assert len(expected) == 3
    left_out = {line["place"] for line in imports.report(outcome["id"])}
    assert left_out == {"accounts.id", "accounts.created_at", "accounts.updated_at"}


def test_tasks_are_found_by_the_id_that_they_had(imports: Imports, empty_database: str, started: Started) -> None:
    written = tasks.write(empty_database, users=2, tasks=15, uuids=True)
    imports.run(empty_database)
    api = started(database_url=imports.url)
    people = {name: signed_in(api, written, name) for name in written.truth["users"]}
    for number in ("1", "2", "12", "17"):
        row = written.truth["tasks"][number]
        for name, user in people.items():
            user.task()
            for order in ("newest", "oldest"):
                page = user.get(f"/v1/tasks?source_id={number}&order={order}&count=true").json()
                expected = [row["title"]] if name == str(row["user_id"]) else []
                assert [task["title"] for task in page["items"]] == expected
                assert (page["total"], page["total_is_exact"], page["next_cursor"]) == (len(expected), True, None)
            due = user.get(f"/v1/tasks?source_id={number}&order=due").json()["items"]
            assert [task["title"] for task in due] == ([] if row["completed"] else expected)
    user = people[str(written.truth["tasks"]["1"]["user_id"])]
    for number in ("99", "1@", "%25", "@", key(written.truth["tasks"]["1"]).removesuffix("0") + "x"):
        assert user.get(f"/v1/tasks?source_id={number}").json()["items"] == []
    assert user.get(f"/v1/tasks?source_id={key(written.truth['tasks']['1'])}").json()["items"][0]["completed"] in {True, False}
    made = user.task()
    assert user.get(f"/v1/tasks?source_id={made['id']}").json()["items"] == []
    assert user.get("/v1/tasks?source_id=").status_code == 422
    assert user.get(f"/v1/tasks?source_id={'9' * 101}").status_code == 422


@pytest.mark.parametrize("form", [OWN, BETTER_AUTH])
def test_every_kind_of_dirt_has_its_fate(form: str, imports: Imports, empty_database: str) -> None:
    written = tasks.write(empty_database, users=2, tasks=3, better_auth=form == BETTER_AUTH, dirt={*tasks.KINDS.of(form)})
    before = imports.counts()
    outcome = imports.run(empty_database)
    reported = [line for line in imports.report(outcome["id"]) if line["kind"] != "left_out"]
    here = {entity: {name.split("@")[0] for name in imports.here(entity)} for entity in ("users", "tasks")}
    for planted in written.planted:
        told = [line for line in reported if planted.key in {line["place"], str((line["content"] or {}).get("id"))}]
        if planted.kind == "unknown_hash_in_account":
            # It is its user's, and told there.
            told = [line for line in reported if line["entity"] == "users" and "account_hash_known" in line["rule"]]
        assert bool(told) == (planted.fate != "kept"), planted
        if planted.fate == "rejected":
            assert "rejected" in {line["kind"] for line in told}, planted
            assert planted.entity == "accounts" or planted.key not in here[planted.entity], planted
        elif planted.entity == "tasks":
            assert planted.key in here["tasks"], planted
    # The tasks of a second account with the same address are the first one's.
    owner = imports.rows("select user_id from import_items where entity = 'users' and not is_made")
    assert len(owner) == 1
    imports.verified(outcome["id"])
    again = imports.run(empty_database)
    assert became(again, "imported") == became(again, "updated") == {}
    imports.rolled_back(again["id"])
    imports.rolled_back(outcome["id"])
    assert imports.counts() == before


def test_an_import_is_repeated_and_taken_back(imports: Imports, empty_database: str, started: Started) -> None:
    written = tasks.write(empty_database, users=3, tasks=4)
    before = imports.counts()
    dry = imports.run(empty_database, "--dry-run")
    assert became(dry, "imported") == {"users": 3, "tasks": 12}
    assert imports.counts() == before
    first = imports.run(empty_database)
    full = imports.counts()
    again = imports.run(empty_database)
    assert became(again, "unchanged") == {"users": 3, "tasks": 12}
    assert became(again, "imported") == became(again, "updated") == {}
    change(
        empty_database,
        "update tasks set title = 'Changed there', completed = true, updated_at = now() where id = 2",
        "update users set name = 'Other' where id = (select user_id from tasks where id = 2)",
        "insert into tasks select 1000, user_id, 'New', null, false, now(), now() from tasks where id = 2",
    )
    second = imports.run(empty_database)
    assert became(second, "updated") == {"users": 1, "tasks": 1}
    assert became(second, "imported") == {"tasks": 1}
    api = started(database_url=imports.url)
    user = signed_in(api, written, str(written.truth["tasks"]["2"]["user_id"]))
    assert user.me["name"] == "Other"
    found = user.get("/v1/tasks?source_id=2").json()["items"][0]
    assert (found["title"], found["completed"]) == ("Changed there", True)
    assert second["id"] in imports.given_up("rollback", first["id"])
    imports.rolled_back(second["id"])
    assert user.get("/v1/tasks?source_id=2").json()["items"][0]["title"] == written.truth["tasks"]["2"]["title"]
    assert user.get("/v1/tasks?source_id=1000").json()["items"] == []
    # What a user has changed or made here stays, and so does the user.
    assert user.patch(f"/v1/tasks/{found['id']}", {"title": "Changed here"}).status_code == 200
    own = user.task(title="Own")
    imports.rolled_back(first["id"])
    assert {task["id"]: task["title"] for task in user.walk("/v1/tasks")} == {found["id"]: "Changed here", own["id"]: "Own"}
    assert imports.rows("select id::text from users") == [{"id": user.id}]
    third = imports.run(empty_database)
    assert became(third, "imported")["tasks"] == 12
    assert full["tasks"] == 12


def test_the_command_copies_the_source_before_it_reads_it(imports: Imports, empty_database: str, tmp_path: Path) -> None:
    tasks.write(empty_database, users=1, tasks=3)
    imports.run(empty_database, "--backup", str(tmp_path / "kept"))
    [copy] = (tmp_path / "kept").iterdir()
    assert copy.stat().st_mode & 0o077 == 0
    listed = subprocess.run(
        [postgres_programs.binaries_folder() / "pg_restore", "--data-only", "--file=-", copy],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.count("@example.com") == 1
    assert "COPY public.tasks" in listed.stdout


def test_a_source_that_cannot_be_copied_is_not_read(
    imports: Imports, empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks.write(empty_database, users=1, tasks=1)
    failing = tmp_path / "bin" / "pg_dump"
    failing.parent.mkdir()
    failing.write_text("#!/bin/sh\necho 'pg_dump: error: aborting because of server version mismatch' >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(postgres_programs, "binaries_folder", lambda: failing.parent)
    monkeypatch.setenv("PATH", f"{failing.parent}{os.pathsep}{os.environ['PATH']}")
    before = imports.counts()
    said = imports.refused(empty_database, "--backup", str(tmp_path / "kept"))
    assert "pg_dump cannot copy the source: error: aborting because of server version mismatch" in said
    assert [*(tmp_path / "kept").iterdir()] == []
    assert imports.counts() == before


def test_what_is_no_task_list_is_refused(imports: Imports, empty_database: str) -> None:
    change(empty_database, "create table users (id text, email text, created_at timestamptz)")
    said = imports.refused(empty_database)
    assert said == "holdfast: This is no database of the task list: it has no table tasks.\n"
    columns = "id integer, user_id text, title text, completed boolean, created_at timestamptz"
    change(empty_database, f"create table tasks ({columns})")
    said = imports.refused(empty_database)
    assert "it has neither users.password_hash nor accounts.user_id, provider_id, password." in said
