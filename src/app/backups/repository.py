"""The statements of backups, with types."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.backups.form import Manifest, time_of
from app.database.queries import Executor, load
from app.problems import constraints

queries = load("backups")

constraints.declare({"backups_pkey": ("conflict", "name", "is taken")})


class Snapshot(msgspec.Struct, frozen=True):
    """One moment of the database, for other sessions to see it; the server's major version; when it was."""

    id: str
    server: int
    made_at: datetime


class Last(msgspec.Struct, frozen=True):
    """The newest backup that was recorded."""

    name: str
    made_at: datetime
    size_bytes: int
    is_verified: bool
    age_seconds: float


async def begin(on: Executor) -> None:
    """Set up a transaction for what takes long, and for rows as texts."""
    await queries.begin.value(on, bool)


async def snapshot(on: Executor) -> Snapshot:
    """Let other sessions see what this transaction sees, for as long as it lasts."""
    return await queries.snapshot.only(on, Snapshot)


async def server(on: Executor) -> int:
    """The major version of the server."""
    return await queries.server.value(on, int) or 0


async def sessions_beside(on: Executor, pid: int) -> list[int]:
    """The processes that do the work of a command, by its process id, on a server of this machine; none on another one."""
    return await queries.sessions_beside.values(on, pid=pid)


async def is_my_turn(on: Executor, name: str) -> bool:
    """Take the lock of a database, by its name, until the end of the transaction. False: another process has it."""
    return bool(await queries.is_my_turn.value(on, bool, name=name))


async def checksum_statements(on: Executor) -> list[str]:
    """The texts of the statements that count and add up the tables."""
    return await queries.checksum_statements.values(on)


async def objects_statements(on: Executor) -> list[str]:
    """The texts of the statements that give the objects of the store."""
    return await queries.objects_statements.values(on)


async def still_named(on: Executor, keys: Sequence[str]) -> list[str]:
    """Those of some objects that rows still stand for."""
    return await queries.still_named.values(on, keys=keys)


async def has_tables(on: Executor) -> bool:
    """Whether there is anything in the database."""
    return bool(await queries.has_tables.value(on, bool))


async def is_ours(on: Executor) -> bool:
    """Whether the database was ever migrated."""
    return bool(await queries.is_ours.value(on, bool))


async def is_of_cluster(on: Executor) -> bool:
    """Whether the database is the coordinator's of a cluster, or a worker's."""
    return bool(await queries.is_of_cluster.value(on, bool))


async def has_users(on: Executor) -> bool:
    """Whether a database of ours has accounts."""
    return bool(await queries.has_users.value(on, bool))


async def sessions(on: Executor) -> int:
    """How many others are connected."""
    return await queries.sessions.value(on, int) or 0


async def may_create_databases(on: Executor) -> bool:
    """Whether our role may."""
    return bool(await queries.may_create_databases.value(on, bool))


async def creating(on: Executor, name: str) -> str:
    """The text that creates a database like this one."""
    return await queries.creating.value(on, str, name=name) or ""


async def dropping(on: Executor, name: str) -> str:
    """The text that drops a database."""
    return await queries.dropping.value(on, str, name=name) or ""


async def renaming(on: Executor, old: str, new: str) -> str:
    """The text that renames a database."""
    return await queries.renaming.value(on, str, old=old, new=new) or ""


async def record(on: Executor, name: str, made_at: datetime, size_bytes: int, *, is_encrypted: bool, is_verified: bool) -> int:
    """Write a backup down, for doctor and metrics; or, of one that is there, whether it is verified."""
    return await queries.record.count(
        on, name=name, made_at=made_at, size_bytes=size_bytes, is_encrypted=is_encrypted, is_verified=is_verified
    )


async def note(on: Executor, manifest: Manifest, *, is_verified: bool) -> None:
    """Write a backup down where the schema is new enough for it."""
    if await can_be_recorded(on):
        made_at, is_encrypted = time_of(manifest.name), manifest.is_encrypted
        await record(on, manifest.name, made_at, manifest.bytes, is_encrypted=is_encrypted, is_verified=is_verified)


async def last(on: Executor) -> Last | None:
    """The newest backup."""
    return await queries.last.one(on, Last)


async def can_be_recorded(on: Executor) -> bool:
    """Whether the schema is new enough for `record` and `last`."""
    return bool(await queries.can_be_recorded.value(on, bool))
