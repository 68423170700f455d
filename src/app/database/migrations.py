"""Migrations: what is applied, what is pending, and dbmate with a lock around it."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import msgspec
import structlog
from asyncpg.connect_utils import SessionAttribute

from app.database import dbmate, package_files
from app.database.connection import Connection
from app.database.dbmate import MigrationError, single_hosts
from app.database.executor import Transaction
from app.database.hosts import Hosts
from app.database.one_by_one import block, rewritten
from app.database.pooler import connect_directly
from app.database.queries import Executor, load
from app.database.startup import RETRIES, connect_with_retry

log = structlog.get_logger()


queries = load("migrations")


LOCK = 0x686F6C6466617374
"""The advisory lock of a process that migrates: "holdfast" in bytes."""


PATIENCE = 30.0
"""Seconds that one attempt to connect may take."""


_UP = re.compile(r"(?ms)^--[ \t]*migrate:up(?P<options>[^\n]*)\n(?P<script>.*?)(?=^--[ \t]*migrate:down|\Z)")


class Migration(msgspec.Struct, frozen=True):
    """One migration: a file, or a version that was applied by a newer holdfast and has no file here."""

    version: str
    name: str
    applied: bool
    path: Path | None = None


class Script(msgspec.Struct, frozen=True):
    """What a pending migration would run."""

    name: str
    text: str
    in_transaction: bool


class Trial(msgspec.Struct, frozen=True):
    """What a dry run did with a pending migration. One that cannot run in a transaction is not tried."""

    name: str
    tried: bool


def expected_version() -> str:
    """The version that a database must have for this code: that of the newest file. Raises MigrationError."""
    files = _files()
    if not files:
        raise MigrationError("There is no migration in db/migrations: install holdfast again.")
    return _version(files[-1])


async def applied_versions(on: Executor) -> list[str]:
    """The versions that a database has, oldest first; none if it was never migrated."""
    if not await queries.has_versions.value(on, bool):
        return []
    return await queries.versions.values(on)


async def is_distributed(on: Executor) -> bool:
    """Whether `holdfast distribute` has spread the tables over the workers of a cluster."""
    return await can_be_distributed(on) and bool(await queries.is_distributed.value(on, bool))


async def can_be_distributed(on: Executor) -> bool:
    """Whether the schema is new enough to be spread over a cluster."""
    return bool(await queries.can_be_distributed.value(on, bool))


async def invalid_indexes(on: Executor) -> list[str]:
    """The indexes that a failed migration has left unusable."""
    return await queries.invalid_indexes.values(on)


async def can_analyze_new_tables(on: Executor) -> bool:
    """Whether the schema is new enough for `analyze_new_tables`: a worker may run before it is migrated."""
    return bool(await queries.can_analyze_new_tables.value(on, bool))


async def analyze_new_tables(on: Executor) -> int:
    """Have the planner look at the tables that have rows and that it has never looked at; returns how many.

    PostgreSQL does so by itself a minute after many rows came, where autovacuum is on, and not after a few.
    """
    return await queries.analyze_new_tables.value(on, int) or 0


async def up(url: str, *, most: int | None = None, patience: float = PATIENCE, retries: int = RETRIES) -> list[str]:
    """Apply every pending migration, or the next ones, `most` at most; one process at a time: others wait.

    Returns the names of those applied. Raises MigrationError; DatabaseUnavailable or DatabaseRefused when there is no
    database to talk to.
    """
    async with _locked(url, patience, retries) as (connection, single):
        on = Transaction(connection, echo=False)
        found = _migrations(await applied_versions(on))
        if unknown := [migration.version for migration in found if migration.path is None]:
            log.warning("database_newer_than_code", versions=unknown)
        output = ""
        # It would want to make its own table, which the server's role may not.
        if not all(migration.applied for migration in found):
            with _next_files(found, most, one_by_one=await is_distributed(on)) as folder:
                output = await dbmate.run("migrate", single, folder)
        if invalid := await invalid_indexes(on):
            raise MigrationError(
                f"Invalid indexes, left by a migration that failed halfway: {', '.join(invalid)}. Drop them, then "
                "migrate again."
            )
        if await can_analyze_new_tables(on):
            await analyze_new_tables(on)
    return re.findall(r"(?m)^Applied: (\S+)", output)


async def down(url: str, *, patience: float = PATIENCE) -> str:
    """Take the newest migration back. Returns its name; raises as `up` does."""
    async with _locked(url, patience) as (connection, single):
        on = Transaction(connection, echo=False)
        applied = await applied_versions(on)
        if not applied:
            raise MigrationError("No migration is applied: there is nothing to take back.")
        newest = [file for file in _files() if _version(file) == applied[-1]]
        if not newest:
            # dbmate would take back an older one, from under it.
            raise MigrationError(f"{applied[-1]} was applied by a newer holdfast: only that one can take it back.")
        with _folder_of(newest, one_by_one=await is_distributed(on)) as folder:
            output = await dbmate.run("rollback", single, folder)
    return "".join(re.findall(r"(?m)^Rolled back: (\S+)", output))


async def status(url: str, *, patience: float = PATIENCE, retries: int = RETRIES) -> list[Migration]:
    """Every migration, oldest first, and whether it is applied. Raises DatabaseUnavailable or DatabaseRefused."""
    connection, _ = await _connect(url, patience, retries, for_writing=False)
    try:
        return _migrations(await applied_versions(Transaction(connection, echo=False)))
    finally:
        await connection.close(timeout=5)


async def history(url: str, *, patience: float = PATIENCE) -> list[Migration]:
    """The applied migrations in the order of their versions. Raises as `status` does."""
    return [migration for migration in await status(url, patience=patience) if migration.applied]


async def dry_run(url: str, *, patience: float = PATIENCE) -> list[Trial]:
    """Apply every pending migration for real, all in one transaction, and roll it back.

    Tables are locked as in a real run, for as long as that takes. Returns what was tried; raises MigrationError naming
    the first one that fails.
    """
    trials: list[Trial] = []
    async with _locked(url, patience) as (connection, _):
        on = Transaction(connection, echo=False)
        applied, one_by_one = await applied_versions(on), await is_distributed(on)
        transaction = connection.transaction()
        await transaction.start()
        try:
            for migration in _migrations(applied):
                if migration.applied or migration.path is None:
                    continue
                script, in_transaction = _script(migration.path)
                if in_transaction:
                    await _try(connection, migration.name, block(script) if one_by_one else script)
                trials.append(Trial(migration.name, in_transaction))
        finally:
            if connection.is_in_transaction():
                await transaction.rollback()
    return trials


async def pending_scripts(url: str, *, patience: float = PATIENCE) -> list[Script]:
    """What each pending migration would run, oldest first. Raises as `status` does, and MigrationError for a malformed file."""
    return [
        Script(migration.name, *_script(migration.path))
        for migration in await status(url, patience=patience)
        if migration.path is not None and not migration.applied
    ]


async def _try(connection: Connection, name: str, script: str) -> None:
    try:
        await connection.execute(script)
    except asyncpg.PostgresError as error:
        # Not str(error): that has the DETAIL, which may carry a row.
        raise MigrationError(f"{name}: {error.args[0]} ({error.sqlstate})") from None
    if not connection.is_in_transaction():
        raise MigrationError(f"{name} ends the transaction by itself: it, and those before it, stay applied in part.")


def _folder() -> Path:
    return package_files.folder("db") / "migrations"


def _files() -> list[Path]:
    return sorted(_folder().glob("[0-9]*.sql"))


@contextmanager
def _next_files(found: list[Migration], most: int | None, *, one_by_one: bool) -> Iterator[Path]:
    """A folder in which the next migrations are, `most` at most. dbmate applies whatever it finds that is not applied."""
    pending = [migration.path for migration in found if migration.path is not None and not migration.applied]
    if most is None and not one_by_one:
        yield _folder()
        return
    with _folder_of(pending[:most], one_by_one=one_by_one) as folder:
        yield folder


@contextmanager
def _folder_of(files: list[Path], *, one_by_one: bool) -> Iterator[Path]:
    """A folder with nothing but these migrations in it, for a cluster as it takes them."""
    with tempfile.TemporaryDirectory(prefix="holdfast-migrations-") as name:
        for file in files:
            text = file.read_text(encoding="utf-8")
            Path(name, file.name).write_text(rewritten(text, file.name) if one_by_one else text, encoding="utf-8")
        yield Path(name)


def _version(file: Path) -> str:
    return file.name.partition("_")[0]


def _migrations(applied: list[str]) -> list[Migration]:
    files = {_version(file): file for file in _files()}
    return [
        Migration(version, files[version].name, version in applied, files[version])
        if version in files
        else Migration(version, version, applied=True)
        for version in sorted({*files, *applied})
    ]


def _script(file: Path) -> tuple[str, bool]:
    """What a migration does on its way up, and whether it may run inside a transaction."""
    match = _UP.search(file.read_text(encoding="utf-8"))
    if match is None:
        raise MigrationError(f'{file.name} has no line "-- migrate:up".')
    return match["script"], "transaction:false" not in match["options"]


@asynccontextmanager
async def _locked(url: str, patience: float, retries: int = RETRIES) -> AsyncIterator[tuple[Connection, str]]:
    """A connection that holds the migration lock, and the one URL of several that it was made with."""
    connection, single = await _connect(url, patience, retries, for_writing=True)
    try:
        on = Transaction(connection, echo=False)
        waiting = False
        while not await queries.try_lock.value(on, bool, key=LOCK):
            if not waiting:
                log.info("waiting_for_another_migration")
            waiting = True
            await asyncio.sleep(0.2)
        yield connection, single
        await queries.unlock.value(on, bool, key=LOCK)
    finally:
        # Ends the session, and with it the lock when something went wrong.
        await connection.close(timeout=5)


async def _connect(url: str, patience: float, retries: int, *, for_writing: bool) -> tuple[Connection, str]:
    singles = single_hosts(url)

    async def attempt() -> tuple[Connection, str]:
        for single in singles:
            try:
                connection = await connect_directly(
                    Hosts(single),
                    timeout=patience,
                    # Of several servers only one takes migrations.
                    target_session_attrs=SessionAttribute.primary if for_writing and len(singles) > 1 else None,
                    server_settings={"application_name": "holdfast migrate"},
                )
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                if single == singles[-1]:
                    raise
            else:
                return connection, single
        raise AssertionError

    return await connect_with_retry(attempt, url, retries)
