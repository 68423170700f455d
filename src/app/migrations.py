"""Migrations: dbmate, with a lock around it, and with its words made safe to show."""

import asyncio
import os
import re
import shutil
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg
import msgspec
import structlog
from asyncpg.connect_utils import SessionAttribute

from app import resources
from app.database import Connection, Executor, Transaction, load, patiently

log = structlog.get_logger()

queries = load("migrations")

LOCK = 0x686F6C6466617374
"""The advisory lock of whoever migrates: "holdfast" in bytes."""

PATIENCE = 30.0
"""Seconds that one attempt to connect may take."""

LOCK_TIMEOUT = "10s"
"""How long a migration waits for a table: behind it, everybody else would wait too."""

_UP = re.compile(r"(?ms)^--[ \t]*migrate:up(?P<options>[^\n]*)\n(?P<script>.*?)(?=^--[ \t]*migrate:down|\Z)")


class MigrationError(Exception):
    """A migration did not work. The text names it and says why; it shows no URL, no password and no host."""


class Migration(msgspec.Struct, frozen=True):
    """One migration: a file, or a version that was applied by a newer holdfast and has no file here."""

    version: str
    name: str
    applied: bool
    path: Path | None = None


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
    if not await queries.has_versions(on):
        return []
    return [row["version"] for row in await queries.versions(on)]


async def up(url: str, *, patience: float = PATIENCE) -> list[str]:
    """Apply every pending migration, one process at a time: others wait, and find nothing left to do.

    Returns the names of those applied. Raises MigrationError; DatabaseUnavailable or DatabaseRefused when there is no
    database to talk to.
    """
    async with _locked(url, patience) as (connection, single):
        on = Transaction(connection, echo=False)
        known = {_version(file) for file in _files()}
        if unknown := [version for version in await applied_versions(on) if version not in known]:
            log.warning("database_newer_than_code", versions=unknown)
        output = await _dbmate("migrate", single)
        if invalid := [row["name"] for row in await queries.invalid_indexes(on)]:
            raise MigrationError(
                f"Invalid indexes, left by a migration that failed halfway: {', '.join(invalid)}. Drop them, then "
                "migrate again."
            )
    return re.findall(r"(?m)^Applied: (\S+)", output)


async def down(url: str, *, patience: float = PATIENCE) -> str:
    """Take the newest migration back. Returns its name; raises as `up` does."""
    async with _locked(url, patience) as (connection, single):
        applied = await applied_versions(Transaction(connection, echo=False))
        if not applied:
            raise MigrationError("No migration is applied: there is nothing to take back.")
        if applied[-1] not in {_version(file) for file in _files()}:
            # dbmate would take back an older one, from under it.
            raise MigrationError(f"{applied[-1]} was applied by a newer holdfast: only that one can take it back.")
        output = await _dbmate("rollback", single)
    return "".join(re.findall(r"(?m)^Rolled back: (\S+)", output))


async def status(url: str, *, patience: float = PATIENCE) -> list[Migration]:
    """Every migration, oldest first, and whether it is applied. Raises DatabaseUnavailable or DatabaseRefused."""
    connection, _ = await _connect(url, patience, for_writing=False)
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
        applied = await applied_versions(Transaction(connection, echo=False))
        transaction = connection.transaction()
        await transaction.start()
        try:
            for migration in _migrations(applied):
                if migration.applied or migration.path is None:
                    continue
                script, in_transaction = _script(migration.path)
                if in_transaction:
                    await _try(connection, migration.name, script)
                trials.append(Trial(migration.name, in_transaction))
        finally:
            if connection.is_in_transaction():
                await transaction.rollback()
    return trials


async def _try(connection: Connection, name: str, script: str) -> None:
    try:
        await connection.execute(script)
    except asyncpg.PostgresError as error:
        # Not str(error): that has the DETAIL, which may carry a row.
        raise MigrationError(f"{name}: {error.args[0]} ({error.sqlstate})") from None
    if not connection.is_in_transaction():
        raise MigrationError(f"{name} ends the transaction by itself: it, and those before it, stay applied in part.")


def _files() -> list[Path]:
    return sorted((resources.folder("db") / "migrations").glob("[0-9]*.sql"))


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
async def _locked(url: str, patience: float) -> AsyncIterator[tuple[Connection, str]]:
    """A connection that holds the migration lock, and the one URL of several that it was made with."""
    connection, single = await _connect(url, patience, for_writing=True)
    try:
        on = Transaction(connection, echo=False)
        waiting = False
        while not await queries.try_lock(on, key=LOCK):
            if not waiting:
                log.info("waiting_for_another_migration")
            waiting = True
            await asyncio.sleep(0.2)
        yield connection, single
        await queries.unlock(on, key=LOCK)
    finally:
        # Ends the session, and with it the lock when something went wrong.
        await connection.close(timeout=5)


async def _connect(url: str, patience: float, *, for_writing: bool) -> tuple[Connection, str]:
    singles = _single_hosts(url)

    async def attempt() -> tuple[Connection, str]:
        for single in singles:
            try:
                connection: Connection = await asyncpg.connect(
                    single,
                    connection_class=Connection,
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

    return await patiently(attempt)


def _single_hosts(url: str) -> list[str]:
    """A URL for each host of a URL: asyncpg tries several, dbmate does not, and both must talk to the same one."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    if hosts:
        return [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")]
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    names, ports = options.get("host", "").split(","), options.get("port", "").split(",")
    if len(names) == 1:
        return [url]
    return [
        urlunsplit(parts._replace(query=_query(options | {"host": name, "port": ports[place % len(ports)]})))
        for place, name in enumerate(names)
    ]


def _query(options: dict[str, str]) -> str:
    return urlencode({name: value for name, value in options.items() if value}, quote_via=quote, safe="/")


def _for_dbmate(single: str) -> str:
    """The URL as dbmate means it: without sslmode it would insist on TLS, where asyncpg prefers it."""
    parts = urlsplit(single)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    options.pop("target_session_attrs", None)
    options.setdefault("sslmode", os.environ.get("PGSSLMODE", "prefer"))
    return urlunsplit(parts._replace(query=_query(options)))


async def _dbmate(command: str, single: str) -> str:
    """Run a dbmate command. Returns what it printed; raises MigrationError with PostgreSQL's own words."""
    program = Path(sysconfig.get_path("scripts")) / "dbmate"
    found = str(program) if program.exists() else shutil.which("dbmate")
    if found is None:
        raise MigrationError("dbmate is missing: install holdfast again.")
    process = await asyncio.create_subprocess_exec(
        found,
        f"--migrations-dir={resources.folder('db') / 'migrations'}",
        "--no-dump-schema",
        # It would read a .env that happens to lie here.
        f"--env-file={os.devnull}",
        command,
        # By the environment, which other users cannot see; the command line they can.
        env={name: value for name, value in os.environ.items() if not name.startswith("DBMATE_")}
        | {
            "DATABASE_URL": _for_dbmate(single),
            "PGOPTIONS": f"{os.environ.get('PGOPTIONS', '')} -c lock_timeout={LOCK_TIMEOUT}",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A Ctrl-C on the terminal reaches us, and we end it.
        start_new_session=True,
    )
    try:
        output, errors = (text.decode(errors="replace") for text in await process.communicate())
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode != 0:
        raise MigrationError(_failure(output, errors, single))
    return output


def _failure(output: str, errors: str, single: str) -> str:
    """One line about a failure, from what dbmate printed: "20261121000300_tasks.sql: line 3, column 9: ... (42601)"."""
    begun = re.findall(r"(?m)^(?:Applying|Rolling back): (\S+)", output)
    message = errors.strip().removeprefix("Error: ").replace("pq: ", "")
    message = re.sub(r"line: (\d+), column: (\d+), position: \d+: ", r"line \1, column \2: ", message)
    message = re.sub(r" at position \d+:\d+(?= \()", "", message)
    return _without_secrets(f"{begun[-1] if begun else 'dbmate'}: {' '.join(message.split())}", single)


def _without_secrets(text: str, single: str) -> str:
    parts = urlsplit(single)
    options = dict(parse_qsl(parts.query))
    for secret in (parts.password, unquote(parts.password or ""), options.get("password"), parts.netloc):
        if secret:
            text = text.replace(secret, "***")
    for host in (parts.hostname, options.get("host")):
        if host:
            text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", "***", text)
    return text
