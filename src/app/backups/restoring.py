"""How a backup is put back: into a new database, compared, and only then under the name of the old one."""

import asyncio
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

import msgspec

from app.backups import counting, files, programs, repository, verifying
from app.backups.counting import Contents
from app.backups.databases import STOP, beside, name_in, replace, scratch, single
from app.backups.destination import Destination
from app.backups.form import NAME, BackupDamaged, BackupFailed, Manifest
from app.backups.making import work_folder
from app.database import migrations
from app.database.executor import Transaction, on_connection
from app.storage import Storage

NO_ROOM = (
    "The role of DATABASE_URL may not create databases, so the backup can only be restored into a database without tables: "
    "make an empty one (dropdb, createdb), or run `alter role ... createdb` as the superuser."
)

OF_CLUSTER = (
    "The database belongs to a Citus cluster, whose other servers have parts of it, so nothing was restored. A backup becomes "
    "a plain database: name one without Citus by DATABASE_URL; `holdfast distribute` can spread that one afterwards."
)


SESSIONS_END_WITHIN = 5.0
"""Seconds in which a session ends whose client has gone; `drop database` waits as long."""


class Wanted(msgspec.Struct, frozen=True):
    """Which backup: where it lies, its name or None for the newest good one, and the file with the key if it is encrypted."""

    source: Destination
    name: str | None
    identity: Path | None


class Fetched(msgspec.Struct, frozen=True):
    """A backup whose dump is in a folder here, plain and checked."""

    source: Destination
    manifest: Manifest
    identity: Path | None
    folder: Path
    contents: Contents


class Restored(msgspec.Struct, frozen=True):
    """What was restored. aside: what the database that was there is called now; None: there was nothing in it."""

    name: str
    made_at: str
    tables: int
    rows: int
    migrated: bool
    files: int
    lost: list[str]
    skipped: list[str]
    aside: str | None


async def chosen(source: Destination, name: str | None) -> tuple[Manifest, list[str]]:
    """The backup of a name, or the newest one that is whole and not known to be bad; and the newer ones that are passed over.

    Raises BackupFailed.
    """
    if name is not None:
        found = await source.manifest(name) if NAME.fullmatch(name) else None
        if found is None:
            raise BackupFailed(f"{source.shown} has no finished backup {name}: `holdfast backups` shows which there are.")
        return found, []
    skipped: list[str] = []
    for each in reversed(await source.names()):
        try:
            manifest, verified = await source.manifest(each), await source.verified(each)
        except BackupDamaged as error:
            skipped.append(str(error))
            continue
        if manifest is not None and (verified is None or verified.is_good):
            return manifest, skipped
        skipped.append(f"{each} {'was never finished' if manifest is None else 'was found bad when it was verified'}.")
    raise BackupFailed(" ".join([f"{source.shown} has no good backup.", *skipped]))


async def check_age(url: str, manifest: Manifest) -> None:
    """See that neither Holdfast nor PostgreSQL is older than a backup. Raises BackupFailed."""
    if manifest.schema > migrations.expected_version():
        raise BackupFailed(f"{manifest.name} is of a newer holdfast, with schema {manifest.schema}: install that one first.")
    server = await on_connection(url, repository.server)
    if manifest.server > server:
        raise BackupFailed(
            f"{manifest.name} is of PostgreSQL {manifest.server}, and this is {server}: an older one cannot read it."
        )


async def restore(url: str, storage: Storage, wanted: Wanted, *, is_replacing: bool) -> Restored:
    """Restore a backup into the place of the database of a URL. Raises BackupFailed; then that one is as it was."""
    source, identity = wanted.source, wanted.identity
    manifest, skipped = await chosen(source, wanted.name)
    host = await single(url)
    await check_age(host, manifest)
    programs.find(await on_connection(host, repository.server))
    had_rows = await _check_target(host, is_replacing=is_replacing)
    may_create = await on_connection(host, repository.may_create_databases)
    if not may_create and await on_connection(host, repository.has_tables):
        raise BackupFailed(NO_ROOM)
    with work_folder() as folder:
        contents = await verifying.fetch(source, manifest, folder, identity)
        fetched = Fetched(source, manifest, identity, folder, contents)
        aside = None
        if may_create:
            async with scratch(host, "backup_restored") as other:
                brought, lost = await _restore(other, fetched, storage)
                await _check_target(host, is_replacing=is_replacing)
                aside = beside(host, f"before_{datetime.now(UTC):%Y%m%d%H%M%S}") if had_rows else None
                await replace(host, name_in(other), aside)
        else:
            brought, lost = await _restore(host, fetched, storage, is_one=True)
    return Restored(
        manifest.name,
        manifest.made_at,
        len(contents.tables),
        contents.rows,
        manifest.schema < migrations.expected_version(),
        brought,
        lost,
        skipped,
        aside,
    )


async def _check_target(url: str, *, is_replacing: bool) -> bool:
    """See that what is in a database may be replaced, and that nobody uses it. Returns whether there is anything."""

    async def look(on: Transaction) -> bool:
        if await repository.is_of_cluster(on):
            raise BackupFailed(OF_CLUSTER)
        is_used = await repository.has_users(on) if await repository.is_ours(on) else await repository.has_tables(on)
        if is_used and not is_replacing:
            raise BackupFailed(
                "The database is not empty, so nothing was restored. --replace puts the backup into its place, and keeps what "
                "is there under another name."
            )
        return is_used

    is_used = await on_connection(url, look)
    end = time.monotonic() + SESSIONS_END_WITHIN
    while others := await on_connection(url, repository.sessions):
        if time.monotonic() > end:
            raise BackupFailed(f"The database is in use (connections: {others:,}), so nothing was restored. {STOP}")
        await asyncio.sleep(0.2)
    return is_used


async def _restore(url: str, fetched: Fetched, storage: Storage, *, is_one: bool = False) -> tuple[int, list[str]]:
    """Restore a dump and compare it; then bring the files back. Returns how many came, and the keys of those that are lost."""
    found = programs.find(await on_connection(url, repository.server))
    await found.restore(url, fetched.folder / "database", jobs=None if is_one else programs.ALL_JOBS)
    if differences := await verifying.compare(url, fetched.contents):
        told = "; ".join(differences[:5])
        raise BackupFailed(f"What was restored is not what was backed up{'' if is_one else ', so it was dropped'}: {told}.")
    # It is served at once, and the planner should know it.
    await on_connection(url, migrations.analyze_new_tables)
    # Its own row came after its moment.
    await on_connection(url, partial(repository.note, manifest=fetched.manifest, is_verified=True))
    with TemporaryFile() as listed:

        async def list_objects(on: Transaction) -> None:
            await counting.list_objects(on, listed)

        await on_connection(url, lambda on: on.snapshot(list_objects))
        return await files.bring_back(
            counting.objects_in(listed), fetched.source, fetched.manifest.media, storage, fetched.identity
        )
