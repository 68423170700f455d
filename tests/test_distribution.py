"""`holdfast distribute`: where each table belongs, there and back again, and what a database without Citus says to it."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import clustered
import pytest
from client import Started
from command import holdfast
from seeds import fill
from test_faults import _ON_UPDATE_FAIL, script
from write_schema import dump

from app.database import migrations, one_by_one, package_files
from app.database.breaker import FAILURES

UNTIL, SINCE = "20261123030020", "20261123030021"
"""After the first of these versions a database can be distributed: what comes then runs on distributed ones."""

COORDINATOR = {
    "api_tokens": "looked up by a token, before the user is known",
    "audit_events": "the operator's, about everybody",
    "backups": "the operator's",
    "identities": "looked up by what a provider says, before the user is known",
    "import_changes": "the operator's; they go with import_items",
    "import_items": "a source has each user once, whoever that is here",
    "import_reports": "the operator's, of a run for many users",
    "imports": "the operator's",
    "mail_tokens": "looked up by a token, before the user is known",
    "media_deletions": "looked up by the key of an object",
    "outgoing_mails": "sent in the order of their times, whoever they are for",
    "pending_sign_ins": "looked up by a token, before the user is known",
    "query_cache": "looked up by a question, for everybody",
    "rate_limits": "looked up by an address, before the user is known",
    "schema_migrations": "dbmate's",
    "sessions": "looked up by a token, before the user is known",
    "storage_use": "looked up together with the token",
    "used_id_tokens": "looked up by a token, before the user is known",
}
"""The tables whose rows all lie on one server however many there are, and why."""


def answered(url: str, sql: str, *values: object) -> list[asyncpg.Record]:
    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    return asyncio.run(ask())


# Where it belongs


def test_every_table_is_spread_by_user_or_has_a_reason_to_stay(database: str) -> None:
    rows = answered(database, "select entity::text as name, placement from table_placements()")
    placed = {row["name"]: row["placement"] for row in rows}
    assert {name for name, placement in placed.items() if placement == "everywhere"} == {"users"}
    assert {name for name, placement in placed.items() if placement == "coordinator"} == set(COORDINATOR), (
        "a key of an owned table that must be unique has user_id in it; or say here why the table stays on one server"
    )


def files(first: str = "", last: str = "9") -> list[Path]:
    """The migrations whose versions are between these."""
    found = sorted((package_files.folder("db") / "migrations").glob("*.sql"))
    return [file for file in found if first <= file.name.partition("_")[0] <= last]


def test_a_migration_that_makes_a_table_spreads_it(database: str) -> None:
    rows = answered(database, "select entity::text as name from table_placements() where placement = 'by user'")
    spread = {row["name"] for row in rows}
    for file in files(SINCE):
        up = file.read_text(encoding="utf-8").partition("-- migrate:down")[0]
        for name in spread & set(re.findall(r"(?m)^create table (\w+)", up)):
            assert f"call distribute_table('{name}');" in up, f"{file.name} forgets {name}, see CONTRIBUTING.md"


def test_migrations_as_a_cluster_takes_them_make_the_same_schema(empty_database: str, database: str) -> None:
    """Statement by statement: what only several statements in one query can do, such as a bare select, is found here."""
    if not clustered.URL:
        asyncio.run(migrations.up(empty_database, most=len(files(last=UNTIL))))
        for file in files(SINCE):
            rewritten = one_by_one.rewritten(file.read_text(encoding="utf-8"), file.name)
            up = rewritten.partition("-- migrate:up")[2].partition("\n")[2].partition("-- migrate:down")[0]
            asyncio.run(script(empty_database, up))
            applied = "insert into schema_migrations values ($1) returning version"
            answered(empty_database, applied, file.name.partition("_")[0])
        assert dump(empty_database) == dump(database)


# Without a cluster


@clustered.plain("there is one")
def test_without_a_cluster_nothing_is_distributed_and_it_says_what_is_missing(own_database: str) -> None:
    for words in ((), ("--dry-run",)):
        said = holdfast(own_database, "distribute", *words)
        assert said.returncode == 1
        assert "no coordinator of a Citus cluster" in said.stderr
        assert "create extension citus" in said.stderr
    undone = holdfast(own_database, "distribute", "--undo")
    assert (undone.returncode, undone.stdout) == (0, "Nothing was distributed.\n")


def test_what_is_not_migrated_is_not_distributed(empty_database: str) -> None:
    said = holdfast(empty_database, "distribute")
    assert (said.returncode, said.stderr) == (
        1,
        "holdfast: The database does not have the schema of this holdfast: run holdfast migrate up first.\n",
    )


def test_a_dry_run_goes_one_way_only(own_database: str) -> None:
    said = holdfast(own_database, "distribute", "--dry-run", "--undo")
    assert said.returncode == 2
    assert "without --undo" in said.stderr


@clustered.plain("the trigger is not on its shards")
def test_a_worker_that_is_away_is_no_reason_to_shut_everybody_out(started: Started, own_database: str) -> None:
    """The coordinator of a cluster says so with an ERROR, on a connection that goes on."""
    api = started(database_url=own_database, pool_size=1, max_overflow=0)
    user = api.user()
    task = user.task()
    api.runner.run(script(own_database, _ON_UPDATE_FAIL.format(times=3 * FAILURES, sqlstate="08006")))
    connections = {
        (user.patch(f"/v1/tasks/{task['id']}", {"title": "Changed"}).status_code, api.database.pool.breaker_state)
        for _ in range(3 * FAILURES)
    }
    assert connections == {(503, "closed")}
    assert user.patch(f"/v1/tasks/{task['id']}", {"title": "Changed"}).status_code == 200


# On a cluster


@pytest.fixture
def cluster_database(template: str, worker_id: str) -> Iterator[str]:
    """The URL of a migrated database on each server of the cluster, of which nothing is distributed yet."""
    name = f"{urlsplit(template).path[1:]}_{worker_id}_fresh"
    urls = clustered.make(name)
    asyncio.run(migrations.up(urls[0]))
    yield urls[0]
    clustered.remove(urls)


async def filled(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await fill(connection, users=30, rows=300, owner="1 + place % 30")
    finally:
        await connection.close()


def counted(url: str) -> dict[str, int]:
    names = [row["name"] for row in answered(url, "select entity::text as name from table_placements()")]
    return {name: answered(url, f"select count(*) from {name}")[0]["count"] for name in names}


def without_parentheses(schema: str) -> str:
    """Of the condition of a trigger that is put together again, the inner ones are left out."""
    return re.sub(r"(?m)^CREATE TRIGGER .*", lambda found: re.sub(r"[()]", "", found[0]), schema)


@clustered.cluster
def test_everything_is_there_after_it_was_distributed_and_after_it_was_brought_back(cluster_database: str) -> None:
    asyncio.run(filled(cluster_database))
    schema = dump(cluster_database)
    rows = counted(cluster_database)
    assert min(rows[name] for name in ("users", "tasks", "messages", "credit_transactions", "taggings")) > 0

    planned = holdfast(cluster_database, "distribute", "--dry-run")
    assert planned.stdout.splitlines()[-1].endswith("Nothing was changed.")
    assert not answered(cluster_database, "select is_distributed()")[0][0]

    done = holdfast(cluster_database, "distribute")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(rows) - len(COORDINATOR)
    assert counted(cluster_database) == rows
    assert not answered(cluster_database, "select from placed_tables() where not is_placed")
    holders = answered(
        cluster_database, "select nodeport, count(*) from citus_shards where table_name = 'tasks'::regclass group by 1"
    )
    assert len(holders) > 1, "all users are on one worker"
    assert holdfast(cluster_database, "distribute").stdout == "Everything is where it belongs.\n"

    undone = holdfast(cluster_database, "distribute", "--undo")
    assert undone.returncode == 0, undone.stderr
    assert counted(cluster_database) == rows
    assert without_parentheses(dump(cluster_database)) == without_parentheses(schema)
    assert not answered(cluster_database, "select from pg_dist_partition")


@clustered.cluster
def test_what_a_migration_forgot_is_told_by_doctor_and_made_good_by_distributing_again(own_database: str) -> None:
    answered(own_database, "create table forgotten (user_id uuid not null, id uuid not null, primary key (user_id, id))")
    said = holdfast(own_database, "doctor")
    assert "not where they belong: forgotten" in said.stdout
    assert holdfast(own_database, "distribute").stdout.split()[:3] == ["by", "user", "forgotten"]
    said = holdfast(own_database, "doctor")
    assert "not where they belong" not in said.stdout
    assert "workers, all of them are reached" in said.stdout


PLANTS = """-- migrate:up
create table plants (
    user_id uuid not null,
    id uuid not null default new_id(),
    goal_id uuid,
    version bigint not null default new_version(),
    updated_at timestamptz not null default now(),
    primary key (user_id, id)
);
create trigger plants_touch before update on plants for each row execute function touch();
call distribute_table('plants');
alter table plants add constraint plants_user_exists foreign key (user_id) references users on delete cascade;
alter table plants add constraint plants_goal_exists foreign key (user_id, goal_id) references goals on delete cascade;
comment on table plants is 'What grows.';
alter table tasks add column plant_id uuid;
alter table tasks add constraint tasks_plant_known check (plant_id <> '00000000-0000-0000-0000-000000000000') not valid;
alter table tasks validate constraint tasks_plant_known;
create function plants() returns bigint language sql stable as $$ select count(*) from plants $$;

-- migrate:down
drop function plants();
alter table tasks drop column plant_id;
drop table plants;
"""
"""A migration as CONTRIBUTING.md has it: nothing in it is there for a cluster but one line, and the place of the keys."""


@pytest.mark.parametrize("is_distributed", [pytest.param(True, marks=clustered.cluster), False])
def test_a_migration_runs_here_and_there_and_back(
    own_database: str, empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_distributed: bool
) -> None:
    url = own_database if is_distributed else empty_database
    asyncio.run(migrations.up(url))
    for file in files():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "29991231000000_plants.sql").write_text(PLANTS, encoding="utf-8")
    monkeypatch.setattr(migrations, "_folder", lambda: tmp_path)
    before = dump(url)
    tried = asyncio.run(migrations.dry_run(url))
    assert [trial.tried for trial in tried] == [True]
    assert dump(url) == before
    for _ in range(2):
        assert asyncio.run(migrations.up(url)) == ["29991231000000_plants.sql"]
        placed = answered(url, "select is_placed from placed_tables() where entity = 'plants'::regclass")
        assert placed[0]["is_placed"] is is_distributed
        assert answered(url, "select plants()")[0][0] == 0
        assert asyncio.run(migrations.down(url)) == "29991231000000_plants.sql"
        assert dump(url) == before


@clustered.cluster
def test_every_migration_since_runs_on_a_database_that_is_distributed_already(template: str, worker_id: str) -> None:
    urls = clustered.make(f"{urlsplit(template).path[1:]}_{worker_id}_older")
    try:
        asyncio.run(migrations.up(urls[0], most=len(files(last=UNTIL))))
        answered(urls[0], "select distribute_tables()::text")
        asyncio.run(migrations.up(urls[0]))
        assert not answered(urls[0], "select from placed_tables() where not is_placed")
    finally:
        clustered.remove(urls)


@clustered.cluster
def test_a_backup_of_a_cluster_is_restored_as_a_plain_database(own_database: str, empty_database: str, tmp_path: Path) -> None:
    asyncio.run(filled(own_database))
    answered(own_database, "delete from media")
    rows = counted(own_database)
    made = holdfast(own_database, "backup", str(tmp_path / "backups"), HOLDFAST_DATA=str(tmp_path))
    assert made.returncode == 0, made.stderr
    assert "restored, compared, the ledger adds up" in made.stdout
    restored = holdfast(empty_database, "restore", str(tmp_path / "backups"), HOLDFAST_DATA=str(tmp_path))
    assert restored.returncode == 0, restored.stderr
    assert counted(empty_database) == rows | {"backups": 1}
    assert not answered(empty_database, "select is_distributed()")[0][0]


@clustered.cluster
def test_an_export_of_a_cluster_has_what_everybody_has(own_database: str, tmp_path: Path) -> None:
    asyncio.run(filled(own_database))
    answered(own_database, "delete from media")
    exported = holdfast(own_database, "export", "--to", str(tmp_path / "all.zip"), HOLDFAST_DATA=str(tmp_path))
    assert exported.returncode == 0, exported.stderr
    found = dict(re.findall(r"(?m)^(\w+) +([\d,]+)$", exported.stdout))
    for name in ("users", "tasks", "messages", "taggings"):
        assert int(found[name].replace(",", "")) == answered(own_database, f"select count(*) from {name}")[0]["count"]


@clustered.cluster
def test_maintenance_is_done_on_a_cluster(own_database: str, tmp_path: Path) -> None:
    asyncio.run(filled(own_database))
    past = "update sessions set created_at = '2026-01-01', last_seen_at = '2026-01-01', expires_at = '2026-01-02'"
    answered(own_database, past)
    old = answered(own_database, "select count(*) from sessions")[0]["count"]
    done = holdfast(own_database, "maintain", "--json", HOLDFAST_DATA=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["expired_sessions"] == old > 0
    assert answered(own_database, "select count(*) from sessions")[0]["count"] == 0
