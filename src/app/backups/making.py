"""How a backup is made: the database and its files as of one moment, copied to their place, the manifest last."""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO

import msgspec

from app.backups import age, counting, files, form, programs, repository
from app.backups.counting import Contents
from app.backups.databases import NO_RIGHT, single
from app.backups.destination import Destination, read_file
from app.backups.form import CONTENTS, MANIFEST, MEDIA, BackupFailed, File, Manifest
from app.backups.programs import Programs
from app.database import migrations
from app.database.executor import Transaction, on_connection
from app.storage import Storage

PREFIX, LOCK = "holdfast-backup-", "lock"


class Taken(msgspec.Struct, frozen=True):
    """What was taken of the database: where the dump lies, its objects of the store, what its tables have, when and of what."""

    folder: Path
    listed: IO[bytes]
    contents: Contents
    made_at: datetime
    server: int
    schema: str


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for files on their way, in TMPDIR, gone at the end. Those that killed processes have left are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # Whoever lives holds the lock; and another user's is not ours to remove.
        with suppress(OSError), (left / LOCK).open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder, (Path(folder) / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(folder)


async def take(url: str, folder: Path, listed: IO[bytes]) -> Taken:
    """Dump the database of a URL into a folder, and count it, as of one moment. `listed` gets the objects of the store.

    Raises BackupFailed, and as statements do.
    """
    host = await single(url)
    found = programs.find(await on_connection(host, repository.server))
    return await on_connection(host, lambda on: on.snapshot(partial(_take, found, host, folder, listed)))


async def _take(found: Programs, host: str, folder: Path, listed: IO[bytes], on: Transaction) -> Taken:
    await repository.begin(on)
    snapshot = await repository.snapshot(on)
    versions = await migrations.applied_versions(on)
    if not versions:
        raise BackupFailed("There is nothing to back up: the database was never migrated.")
    await counting.list_objects(on, listed)
    # Both see what this transaction sees. One after the other: a server that is in use needs a core, too.
    await found.dump(host, folder / "database", snapshot.id)
    contents = await counting.contents(on)
    return Taken(folder, listed, contents, snapshot.made_at, snapshot.server, versions[-1])


async def make(taken: Taken, storage: Storage, to: Destination, recipients: tuple[str, ...]) -> Manifest:
    """Copy what was taken, and the objects of the store, to their place. Raises BackupFailed; then nothing is left there."""
    name = form.name_of(taken.made_at)
    if name in await to.names():
        raise BackupFailed("There is a backup of this second already: try again.")
    try:
        return await _make(name, taken, storage, to, recipients)
    except BaseException:
        # What cannot be removed now has no manifest, and goes with the next retention.
        with suppress(BackupFailed):
            await asyncio.shield(to.delete_all(name))
        raise


async def _make(name: str, taken: Taken, storage: Storage, to: Destination, recipients: tuple[str, ...]) -> Manifest:
    ending = ".age" if recipients else ""

    async def put(path: Path, key: str) -> File:
        file = await to.put(f"{name}/{key}{ending}", read_file(path), recipients)
        return msgspec.structs.replace(file, path=file.path.removeprefix(f"{name}/"))

    put_files = [await put(path, f"database/{path.name}") for path in sorted((taken.folder / "database").iterdir())]
    told = taken.folder / CONTENTS
    told.write_bytes(form.as_text(taken.contents))
    put_files.append(await put(told, CONTENTS))
    folder = form.media_folder(recipients)
    count, size, lost = await files.copy(counting.objects_in(taken.listed), storage, to, folder, recipients)
    named = taken.folder / MEDIA
    with named.open("w", encoding="utf-8") as keys:
        keys.writelines(f"{each.key}\n" for each in counting.objects_in(taken.listed))
    # Whoever sees the place sees these names anyway, and retention has to read them without the key.
    file = await to.put(f"{name}/{MEDIA}", read_file(named))
    put_files.append(msgspec.structs.replace(file, path=MEDIA))
    manifest = Manifest(
        name=name,
        made_at=taken.made_at.isoformat(timespec="seconds"),
        server=taken.server,
        schema=taken.schema,
        is_encrypted=bool(recipients),
        files=put_files,
        media=folder,
        media_files=count,
        media_bytes=size,
        missing=lost,
    )
    await to.put_text(f"{name}/{MANIFEST}", form.sealed(manifest))
    return manifest


async def check_recipients(recipients: tuple[str, ...]) -> None:
    """See that something can be encrypted for them, before there is something to encrypt. Raises BackupFailed."""
    if recipients:
        async for _ in age.through(age.encrypting(recipients), read_file(Path(os.devnull)), "--recipient"):
            pass


async def check_rights(url: str) -> None:
    """See that a backup can be tried. Raises BackupFailed."""
    if not await on_connection(url, repository.may_create_databases):
        raise BackupFailed(NO_RIGHT)
