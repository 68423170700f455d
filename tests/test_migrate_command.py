"""`holdfast migrate`, and the wrapper around dbmate: what it does when migrations fail, and what it never shows."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import asyncpg
import httpx
import pytest
from command import holdfast
from serving import run

from app.database import embedded, migrations, package_files
from app.database.dbmate import MigrationError
from app.database.migrations import Trial
from app.database.postgres_programs import binaries_folder

ONE = "-- migrate:up\ncreate table one (id integer primary key);\n\n-- migrate:down\ndrop table one;\n"
TWO = "-- migrate:up\ncreate table two (id integer primary key);\n\n-- migrate:down\ndrop table two;\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    running = embedded.start(tmp_path_factory.mktemp("postgres"), durable=False)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def url(server: embedded.Server, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of the test's own."""
    name = f"d{abs(hash(request.node.name))}"
    createdb = binaries_folder() / "createdb"
    sockets = httpx.URL(server.url).params["host"]
    subprocess.run([str(createdb), f"--host={sockets}", "--port=5432", "--username=holdfast", name], check=True)
    return server.url.replace("/holdfast?", f"/{name}?")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of migrations of the test's own."""
    place = tmp_path / "db/migrations"
    place.mkdir(parents=True)
    real = package_files.folder

    def instead(name: Literal["sql", "db"]) -> Path:
        return tmp_path / "db" if name == "db" else real(name)

    monkeypatch.setattr(package_files, "folder", instead)
    return place


def tables(url: str) -> list[str]:
    async def ask() -> list[str]:
        connection = await asyncpg.connect(url)
        try:
            rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public' order by 1")
            return [row["tablename"] for row in rows if row["tablename"] != "schema_migrations"]
        finally:
            await connection.close()

    return asyncio.run(ask())


def execute(url: str, statement: str) -> None:
    async def go() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(go())


def test_without_a_url_the_commands_work_on_the_server_that_comes_along_and_stop_it(tmp_path: Path) -> None:
    files = sorted(file.name for file in (package_files.folder("db") / "migrations").glob("*.sql"))
    data = tmp_path / "var"
    for word, state in (("up", "applied"), ("status", "applied")):
        done = run("migrate", word, HOLDFAST_DATA=str(data))
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [f"{state}     {name}" for name in files]
        assert not (data / "postgres/postmaster.pid").exists()


def test_the_commands_go_up_and_down_and_say_what_they_did(url: str) -> None:
    files = sorted(file.name for file in (package_files.folder("db") / "migrations").glob("*.sql"))

    def migrate(*arguments: str) -> list[str]:
        done = holdfast(url, "migrate", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert migrate("dry-run") == [f"works       {name}" for name in files] + ["Everything was rolled back."]
    assert migrate("status") == [f"pending     {name}" for name in files]
    assert migrate("up") == [f"applied     {name}" for name in files]
    assert migrate("up") == ["Nothing was pending: the schema is up to date."]
    assert migrate("down") == [f"taken back  {files[-1]}"]
    assert migrate("history") == files[:-1]


def test_a_number_of_migrations_is_applied_and_what_is_left_is_printed(url: str) -> None:
    paths = sorted((package_files.folder("db") / "migrations").glob("*.sql"))
    files = [path.name for path in paths]

    def migrate(*arguments: str) -> str:
        done = holdfast(url, "migrate", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert migrate("up", "2").splitlines() == [f"applied     {name}" for name in files[:2]]
    assert migrate("up", "1", "--json") == f'[\n  "{files[2]}"\n]\n'
    shown = migrate("sql")
    # Nothing ran: it shows the same again.
    assert migrate("sql") == shown
    assert [line.split(",")[0] for line in shown.splitlines() if line.startswith("-- 20")] == [
        f"-- {name}" for name in files[3:]
    ]
    for path in paths[3:]:
        up = path.read_text(encoding="utf-8").partition("-- migrate:up")[2].partition("-- migrate:down")[0]
        assert up.partition("\n")[2].strip() in shown
    assert "migrate:" not in shown
    assert migrate("up", "1000").splitlines() == [f"applied     {name}" for name in files[3:]]
    assert migrate("up", "1") == "Nothing was pending: the schema is up to date.\n"
    assert migrate("sql") == "-- Nothing is pending: the schema is up to date.\n"
    for wrong in ("0", "-1", "many"):
        assert holdfast(url, "migrate", "up", wrong).returncode == 2


def test_of_the_next_migrations_one_fails_and_those_before_it_stay(folder: Path, url: str) -> None:
    (folder / "20260101000000_one.sql").write_text(ONE)
    (folder / "20260102000000_two.sql").write_text(TWO)
    (folder / "20260103000000_broken.sql").write_text("-- migrate:up\ncreate tabel three ();\n\n-- migrate:down\n")
    assert asyncio.run(migrations.up(url, most=1)) == ["20260101000000_one.sql"]
    with pytest.raises(MigrationError, match=r"^20260103000000_broken.sql: "):
        asyncio.run(migrations.up(url, most=2))
    assert tables(url) == ["one", "two"]
    assert asyncio.run(migrations.down(url)) == "20260102000000_two.sql"


def test_the_expected_version_is_that_of_the_newest_file(folder: Path, url: str) -> None:
    (folder / "20260101000000_one.sql").write_text(ONE)
    (folder / "20260102000000_two.sql").write_text(TWO)
    assert migrations.expected_version() == "20260102000000"
    assert asyncio.run(migrations.up(url)) == ["20260101000000_one.sql", "20260102000000_two.sql"]
    assert [migration.version for migration in asyncio.run(migrations.history(url))] == [
        "20260101000000",
        "20260102000000",
    ]


def test_a_migration_that_fails_is_named_with_postgresqls_words_and_leaves_nothing(folder: Path, url: str) -> None:
    (folder / "20260101000000_one.sql").write_text(ONE)
    (folder / "20260102000000_broken.sql").write_text(
        "-- migrate:up\ncreate table half (id integer);\ncreate tabel two (id integer);\n\n-- migrate:down\n"
    )
    with pytest.raises(MigrationError) as caught:
        asyncio.run(migrations.up(url))
    assert str(caught.value) == ('20260102000000_broken.sql: line 3, column 8: syntax error at or near "tabel" (42601)')
    assert tables(url) == ["one"]


def test_what_dbmate_says_is_shown_without_the_url(folder: Path, url: str) -> None:
    sockets = httpx.URL(url).params["host"]
    (folder / "20260101000000_tells.sql").write_text(
        f"-- migrate:up\ndo $$ begin raise exception 'at {sockets} with hunter2'; end $$;\n\n-- migrate:down\n"
    )
    with pytest.raises(MigrationError) as caught:
        asyncio.run(migrations.up(f"{url}&password=hunter2"))
    assert "20260101000000_tells.sql: at *** with ***" in str(caught.value)


def test_a_dry_run_tries_everything_and_keeps_nothing(folder: Path, url: str) -> None:
    (folder / "20260101000000_one.sql").write_text(ONE)
    (folder / "20260102000000_index.sql").write_text(
        "-- migrate:up transaction:false\ncreate index concurrently one_id on one (id);\n\n"
        "-- migrate:down transaction:false\ndrop index concurrently one_id;\n"
    )
    (folder / "20260103000000_two.sql").write_text(TWO)
    assert asyncio.run(migrations.dry_run(url)) == [
        Trial("20260101000000_one.sql", tried=True),
        Trial("20260102000000_index.sql", tried=False),
        Trial("20260103000000_two.sql", tried=True),
    ]
    assert tables(url) == []
    assert len(asyncio.run(migrations.up(url))) == 3


def test_a_dry_run_names_the_migration_that_would_fail_on_the_rows_there_are(folder: Path, url: str) -> None:
    (folder / "20260101000000_one.sql").write_text(ONE)
    asyncio.run(migrations.up(url))
    execute(url, "insert into one values (1), (2)")
    (folder / "20260102000000_check.sql").write_text(
        "-- migrate:up\nalter table one add constraint small check (id < 2);\n\n-- migrate:down\n"
    )
    with pytest.raises(MigrationError, match=r"^20260102000000_check.sql: check constraint .* \(23514\)$"):
        asyncio.run(migrations.dry_run(url))


def test_an_index_that_a_failed_migration_left_invalid_is_reported(folder: Path, url: str) -> None:
    (folder / "20260101000000_one.sql").write_text(
        "-- migrate:up\ncreate table one (id integer);\ninsert into one values (1), (1);\n\n-- migrate:down\n"
    )
    (folder / "20260102000000_index.sql").write_text(
        "-- migrate:up transaction:false\ncreate unique index concurrently one_id on one (id);\n\n-- migrate:down\n"
    )
    with pytest.raises(MigrationError, match=r"20260102000000_index.sql: .*23505"):
        asyncio.run(migrations.up(url))
    (folder / "20260102000000_index.sql").unlink()
    with pytest.raises(MigrationError, match=r"Invalid indexes.*: one_id\."):
        asyncio.run(migrations.up(url))


def test_a_version_of_a_newer_holdfast_is_shown_and_not_taken_back(folder: Path, url: str) -> None:
    (folder / "20260101000000_one.sql").write_text(ONE)
    (folder / "20260102000000_two.sql").write_text(TWO)
    asyncio.run(migrations.up(url))
    (folder / "20260102000000_two.sql").unlink()
    assert [(each.name, each.applied) for each in asyncio.run(migrations.status(url))] == [
        ("20260101000000_one.sql", True),
        ("20260102000000", True),
    ]
    with pytest.raises(MigrationError, match="newer holdfast"):
        asyncio.run(migrations.down(url))
    assert tables(url) == ["one", "two"]


def test_a_stray_env_file_and_dbmates_own_variables_change_nothing(
    folder: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "20260101000000_one.sql").write_text(ONE)
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://127.0.0.1:1/elsewhere\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DBMATE_MIGRATIONS_TABLE", "elsewhere")
    asyncio.run(migrations.up(url))
    assert tables(url) == ["one"]
    assert len(asyncio.run(migrations.history(url))) == 1


def test_of_several_hosts_the_one_that_answers_is_migrated(folder: Path, url: str) -> None:
    (folder / "20260101000000_one.sql").write_text(ONE)
    several = url.replace("host=", "host=/nowhere,").replace("port=5432", "port=1,5432")
    assert asyncio.run(migrations.up(several)) == ["20260101000000_one.sql"]
