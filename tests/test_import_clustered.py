"""Imports on a cluster: what is checked out to be worked on, and what others do meanwhile."""

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import clustered
import pytest
from client import Execute
from command import HOLDFAST
from exported import Server
from imported import Imports, became
from sources import habits

pytestmark = clustered.cluster

MEANWHILE = "Meanwhile somebody wrote what does not go together with this. Nothing of it was kept: do it again."

Connection = Any


@pytest.fixture
def imports(own_database: str, own_execute: Execute) -> Imports:
    return Imports(own_database, own_execute, "habits")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "habits.db"
    habits.write(path, users=3, habits=2, days=5)
    return path


def meanwhile(imports: Imports, source: Path, locked: str, work: Callable[[Any], Awaitable[None]]) -> str:
    """Import, and do something when it has its rows and waits for a table. What it says in the end."""

    async def both() -> str:
        holder, beside = [await asyncpg.connect(imports.url) for _ in range(2)]
        running = None
        try:
            async with asyncio.timeout(60):
                async with holder.transaction():
                    await holder.execute(f"lock table {locked} in share mode")
                    running = await asyncio.create_subprocess_exec(
                        *(HOLDFAST, "import", "habits", str(source)),
                        env=os.environ | {"DATABASE_URL": imports.url},
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                    )
                    waits = (
                        "select exists (select from pg_stat_activity where datname = current_database() "
                        "and wait_event_type = 'Lock' and position('import_move(' in query) > 0)"
                    )
                    while not await beside.fetchval(waits):
                        assert running.returncode is None
                        await asyncio.sleep(0.05)
                    await work(beside)
                said, _ = await running.communicate()
                return said.decode()
        finally:
            if running is not None and running.returncode is None:
                running.kill()
                await running.wait()
            await holder.close()
            await beside.close()

    return asyncio.run(both())


def test_nobodys_change_is_lost_and_an_import_that_changes_the_same_row_is_done_again(imports: Imports, source: Path) -> None:
    imports.run(source)
    first, second = imports.rows("select user_id, id, name from habits order by id limit 2")

    def renaming(habit: Any) -> Callable[[Any], Awaitable[None]]:
        where = f"user_id = '{habit['user_id']}' and id = '{habit['id']}'"
        return lambda beside: beside.execute(f"update habits set name = 'Mine' where {where}")

    changed = sqlite3.connect(source)
    changed.execute("update habits set name = 'Theirs' where name = ?", (first["name"],))
    changed.commit()
    said = meanwhile(imports, source, "import_changes", renaming(first))
    assert MEANWHILE in said
    assert imports.rows("select name from habits order by id limit 1")[0]["name"] == "Mine"
    assert "kept: 1 of habits by changed_here" in meanwhile(imports, source, "import_changes", renaming(second))
    assert [row["name"] for row in imports.rows("select name from habits order by id limit 2")] == ["Mine", "Mine"]


def test_an_import_that_somebody_came_before_keeps_nothing_and_is_done_again(imports: Imports, source: Path) -> None:
    imports.run(source)
    email = imports.rows("select email from users where email is not null limit 1")[0]["email"]
    imports.rows("delete from users")
    before = imports.counts()

    async def registering(beside: Any) -> None:
        await beside.execute("insert into users (email) values ($1)", email)

    said = meanwhile(imports, source, "import_items", registering)
    assert MEANWHILE in said
    assert imports.counts() == before | {"users": 1}
    assert became(imports.run(source, "--into-existing"), "imported")["users"] == 2


def test_rows_that_refer_to_each_other_come_back(own_database: str, tmp_path: Path) -> None:
    server = Server(own_database, tmp_path / "data")
    user = server.sql("insert into users (email) values ('ada@example.com') returning id")[0]
    first, second = server.sql(
        f"insert into habits (user_id, name, frequency) select '{user}', name, 'daily' "
        "from unnest(array['One', 'Two']) name returning id"
    )
    for one, other in ((first, second), (second, first)):
        server.sql(f"update habits set related_habit_id = '{other}' where user_id = '{user}' and id = '{one}'")
    before = server.sql("select (id, related_habit_id, updated_at)::text from habits order by id")
    server.exported(tmp_path / "all.zip")
    server.sql("delete from users")
    outcome = server.imported(tmp_path / "all.zip")
    assert became(outcome, "imported") == {"users": 1, "habits": 2}
    assert server.sql("select (id, related_habit_id, updated_at)::text from habits order by id") == before
    assert server.command("rollback", outcome["id"]).returncode == 0
    assert server.sql("select count(*) from users") == [0]
