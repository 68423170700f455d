"""`holdfast doctor`: checks everything that `serve` needs, and says what to do. Never shows a secret."""

from typing import Literal

import msgspec

from app.backups import repository as backups
from app.backups import watching
from app.database import migrations
from app.database.dbmate import single_hosts
from app.database.queries import Executor, load
from app.server import open_files
from app.settings import MIB, Settings

queries = load("doctor")


OLDEST, NEWEST = 15, 18
"""The major versions of PostgreSQL that the tests run on."""


class Finding(msgspec.Struct, frozen=True):
    """What was checked, and its state; `advice` says what to do about it."""

    state: Literal["ok", "mind", "bad"]
    subject: str
    text: str
    advice: str = ""


class Server(msgspec.Struct, frozen=True):
    """What a PostgreSQL says about itself and about us."""

    version: int
    connections: int
    encrypted: bool
    local: bool
    read_only: bool
    superuser: bool
    may_use: bool
    may_create: bool
    encoding: str
    knows_letters: bool


class Replication(msgspec.Struct, frozen=True):
    """What a PostgreSQL says of its part in a replication."""

    is_standby: bool
    system: str
    receives: bool
    is_awaited: bool


async def server(database: Executor) -> Server:
    """Ask the server about itself."""
    return await queries.server.only(database, Server)


async def replication(database: Executor) -> Replication:
    """Ask the server about its part in a replication."""
    return await queries.replication.only(database, Replication)


async def unusable_tables(database: Executor) -> list[str]:
    """The tables that our role may not fully use."""
    return await queries.unusable_tables.values(database)


def connections_needed(settings: Settings) -> int:
    """How many connections all workers may open: their pools, a listener each, and two for commands.

    Where another server may take over, each worker looks after the primary on one more.
    """
    watches = settings.replica_url is not None or len(single_hosts(settings.database_url or "")) > 1
    return settings.workers * (settings.pool_size + settings.max_overflow + 1 + watches) + 2


def connections_while_restarting(settings: Settings) -> int:
    """How many they may open during a rolling restart: the workers that go and those that come, both at their most."""
    return 2 * connections_needed(settings) - 2


async def examine(database: Executor, settings: Settings, *, is_pooled: bool = False) -> list[Finding]:
    """Look at everything, in the order in which it would fail. is_pooled: workers do not connect to the server itself."""
    found = await server(database)
    major = found.version // 10_000
    return [
        Finding("ok", "settings", "can be read")
        if settings.production
        else Finding("mind", "settings", "APP_ENV is development", "Set APP_ENV=production on a real server."),
        Finding("ok", "connection", "works"),
        Finding("ok", "version", f"PostgreSQL {major}")
        if OLDEST <= major <= NEWEST
        else Finding("bad", "version", f"PostgreSQL {major}", f"Use PostgreSQL {OLDEST} to {NEWEST}."),
        Finding("ok", "encoding", found.encoding)
        if found.encoding == "UTF8"
        else Finding("bad", "encoding", found.encoding, "Make a database with encoding UTF8 and move there."),
        Finding("ok", "locale", "knows letters beyond ASCII")
        if found.knows_letters
        else Finding(
            "mind",
            "locale",
            "knows ASCII only: addresses that differ in the case of an accented letter are two accounts",
            "Make a database with locale C.UTF-8 and move there.",
        ),
        _tls(found),
        Finding("bad", "writes", "the server is read-only", "Point DATABASE_URL at the primary.")
        if found.read_only
        else Finding("ok", "writes", "are taken"),
        Finding("mind", "role", "is a superuser", "Use a role of its own: `holdfast roles sql` prints what makes it.")
        if found.superuser
        else Finding("ok", "role", "is no superuser"),
        await _privileges(database, found),
        await _schema(database),
        *await _backups(database, settings),
        _pooled(found, settings) if is_pooled else _pool(found, settings),
        _sockets(settings),
        _limits(settings),
    ]


def _tls(found: Server) -> Finding:
    if found.encrypted:
        return Finding("ok", "tls", "the connection is encrypted")
    if found.local:
        return Finding("ok", "tls", "not needed: the connection goes through a local socket")
    return Finding(
        "mind", "tls", "the connection is not encrypted", "Add ?sslmode=verify-full&sslrootcert=FILE to DATABASE_URL."
    )


async def _privileges(database: Executor, found: Server) -> Finding:
    if not found.may_use:
        return Finding("bad", "privileges", "the role may not use the schema", "Run: holdfast doctor --privileges")
    if tables := await unusable_tables(database):
        return Finding("bad", "privileges", f"no full access to {', '.join(tables)}", "Run: holdfast doctor --privileges")
    if not found.may_create:
        return Finding("ok", "privileges", "suffice to serve; to migrate, to import and to back up is for the tables' owner")
    return Finding("ok", "privileges", "suffice to serve and to migrate")


async def _schema(database: Executor) -> Finding:
    applied, expected = await migrations.applied_versions(database), migrations.expected_version()
    if applied and applied[-1] == expected:
        return Finding("ok", "schema", f"is {expected}, as expected")
    if applied and applied[-1] > expected:
        return Finding("bad", "schema", "is newer than this holdfast", "Install the newer holdfast.")
    return Finding("bad", "schema", "lacks migrations" if applied else "is empty", "Run: holdfast migrate up")


async def _backups(database: Executor, settings: Settings) -> list[Finding]:
    if not await backups.can_be_recorded(database):
        return []
    last = await backups.last(database)
    if last is None:
        is_wanted = settings.production or watching.is_too_old(None, settings)
        return [Finding("mind" if is_wanted else "ok", "backup", "none was made of this database", "Run: holdfast backup")]
    text = f"{last.name}, {last.age_seconds / 3600:,.1f} hours old, {last.size_bytes:,} bytes"
    if watching.is_too_old(last, settings):
        return [Finding("mind", "backup", text, f"It should be no older than {settings.backup_max_age_hours}: holdfast backup")]
    if not last.is_verified:
        return [Finding("mind", "backup", f"{text}, not verified", f"Run: holdfast backup --verify {last.name}")]
    return [Finding("ok", "backup", f"{text}, verified")]


def _pool(found: Server, settings: Settings) -> Finding:
    needed = connections_needed(settings)
    text = f"{settings.workers} workers may open {needed} connections, the server has {found.connections}"
    if (twice := connections_while_restarting(settings)) <= found.connections:
        return Finding("ok", "pool", text)
    if needed <= found.connections:
        advice = "A reload under full load may be refused some: lower DB_MAX_OVERFLOW, or raise max_connections."
        return Finding("mind", "pool", f"{text}; {twice} during a reload", advice)
    return Finding("bad", "pool", text, "Lower WORKERS, DB_POOL_SIZE or DB_MAX_OVERFLOW, or raise max_connections.")


def _pooled(found: Server, settings: Settings) -> Finding:
    clients, direct = connections_while_restarting(settings), 2 * settings.workers + 2
    text = f"{settings.workers} workers may open {clients} connections to the pooler (max_client_conn) during a reload"
    if direct <= found.connections:
        return Finding("ok", "pool", f"{text}, {direct} past it")
    return Finding("bad", "pool", f"{text}, {direct} past it, the server has {found.connections}", "Raise max_connections.")


def _sockets(settings: Settings) -> Finding:
    needed, available = open_files.needed(settings), open_files.available()
    if needed <= available:
        return Finding("ok", "sockets", f"a worker may have {settings.max_connections}")
    text = f"a worker may need {needed} open files, only {available} are allowed here"
    return Finding("mind", "sockets", text, "Raise the hard limit (LimitNOFILE, ulimit -Hn), or lower MAX_CONNECTIONS.")


def _limits(settings: Settings) -> Finding:
    if not settings.rate_limits:
        text = "no attempts and no requests are counted, and users may store whatever they want"
        return Finding("mind", "limits", text, "Set RATE_LIMITS=on, unless this server is there to be measured.")
    rates = f"{settings.user_requests_per_minute} requests a minute and worker, guests {settings.guest_requests_per_minute}"
    room = f"{settings.user_max_bytes / MIB:,.0f} MiB of rows, guests {settings.guest_max_bytes / MIB:,.0f}"
    return Finding("ok", "limits", f"a user may send {rates}, and store {room}")
