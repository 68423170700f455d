"""How fast an import is: beside a COPY of the same rows into the same tables, and beside a loop of inserts.

`just bench-imports` makes a habit tracker's SQLite file, imports and verifies it, copies what came of it out and in again, and
writes a smaller file row by row by SQLAlchemy, as people do who write such a move themselves.
"""
# ruff: noqa: S603 - it runs our own commands

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import rich_click as click
from sqlalchemy import MetaData, Table, create_engine, insert, select
from sqlalchemy.ext.asyncio import create_async_engine

from app.database import embedded, migrations

TABLES = ("users", "identities", "tags", "habits", "habit_entries", "habit_comments", "taggings")
HOLDFAST = Path(sys.executable).with_name("holdfast")
TESTS = Path(__file__).parent.parent / "tests"


def made(folder: Path, users: int, habits: int, days: int) -> Path:
    """A file with so many users, habits of each, and logs of each habit."""
    path = folder / f"{users}-{habits}-{days}.db"
    words = [str(path), "--users", str(users), "--habits", str(habits), "--days", str(days), "--no-truth"]
    subprocess.run([sys.executable, "-m", "sources.habits", *words], cwd=TESTS, check=True, capture_output=True)
    return path


def holdfast(url: str, *words: str) -> str:
    """Run a command on the database; what it says. Raises ClickException with what it says when it fails."""
    done = subprocess.run(
        [HOLDFAST, *words], env=os.environ | {"DATABASE_URL": url}, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise click.ClickException(f"holdfast {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


async def copied(url: str, folder: Path) -> float:
    """Seconds that a COPY of every imported row takes, into the same tables with their constraints and indexes."""
    connection = await asyncpg.connect(url)
    columns = {}
    for table in TABLES:
        found = await connection.fetch(
            "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped "
            "and attgenerated = '' order by attnum",
            table,
        )
        columns[table] = [row[0] for row in found]
        await connection.copy_from_table(table, columns=columns[table], output=folder / table, format="binary")
    await connection.execute("truncate users cascade")
    started = time.perf_counter()
    async with connection.transaction():
        for table in TABLES:
            await connection.copy_to_table(table, columns=columns[table], source=folder / table, format="binary")
    seconds = time.perf_counter() - started
    await connection.close()
    return seconds


async def row_by_row(url: str, source: Path) -> float:
    """Seconds that SQLAlchemy takes to insert users, habits and logs, one after another, in one transaction."""
    theirs = create_engine(f"sqlite:///{source}")
    old = MetaData()
    old.reflect(theirs)
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    started = time.perf_counter()
    async with engine.begin() as here:
        new = MetaData()
        await here.run_sync(lambda connection: new.reflect(connection, only=["users", "habits", "habit_entries"]))
        users: dict[int, object] = {}
        habits: dict[int, tuple[object, object]] = {}

        async def put(table: Table, **values: object) -> object:
            done = await here.execute(insert(table).values(**values).returning(*table.primary_key))
            return tuple(done.one())

        with theirs.connect() as there:
            for row in there.execute(select(old.tables["users"])):
                (users[row.id],) = await put(new.tables["users"], email=row.email, name=row.name)
            for row in there.execute(select(old.tables["habits"])):
                habits[row.id] = await put(new.tables["habits"], user_id=users[row.user_id], name=row.name)
            for row in there.execute(select(old.tables["habit_logs"])):
                user_id, habit_id = habits[row.habit_id]
                values = {"user_id": user_id, "habit_id": habit_id, "date": row.date, "completed": bool(row.completed)}
                await put(new.tables["habit_entries"], **values)
    seconds = time.perf_counter() - started
    await engine.dispose()
    return seconds


@click.command()
@click.option("--users", default=1_000, show_default=True, help="With 10 habits of 100 logs each.")
def main(users: int) -> None:
    """Measure an import, and what it is measured against, one after another on a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        embedded.prepare(folder / "data")
        server = embedded.start(folder / "data")
        try:
            asyncio.run(migrations.up(server.url))
            large, small = made(folder, users, 10, 100), made(folder, 100, 10, 20)
            imported = timed(lambda: holdfast(server.url, "import", "habits", str(large)))
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            run = holdfast(server.url, "imports").split()[0]
            again = timed(lambda: holdfast(server.url, "import", "habits", str(large)))
            verified = timed(lambda: holdfast(server.url, "verify", run))
            copy = asyncio.run(copied(server.url, folder))
            asyncio.run(emptied(server.url))
            slow = asyncio.run(row_by_row(server.url, small))
            asyncio.run(emptied(server.url))
            fast = timed(lambda: holdfast(server.url, "import", "habits", str(small)))
        finally:
            server.stop()
    click.echo(
        f"{users * 1_000:,} logs: COPY {copy:.1f} s, import {imported:.1f} s ({imported / copy:.2f} times), {memory:.0f} MiB"
    )
    click.echo(f"again, nothing changed: {again:.1f} s; verify: {verified:.1f} s ({verified / imported:.2f} of the import)")
    click.echo(f"20,000 logs: by SQLAlchemy row by row {slow:.1f} s, import {fast:.1f} s ({slow / fast:.1f} times as fast)")


async def emptied(url: str) -> None:
    """Remove every user, and with them all rows."""
    connection = await asyncpg.connect(url)
    await connection.execute("truncate users, import_items, imports cascade")
    await connection.close()


if __name__ == "__main__":
    main()
