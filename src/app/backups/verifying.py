"""How a backup is verified: by restoring it into a database of its own, and comparing everything."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic

from app.backups import counting, files, form, programs, repository
from app.backups.counting import Contents
from app.backups.databases import scratch, single
from app.backups.destination import Destination
from app.backups.form import CONTENTS, VERIFIED, BackupFailed, Manifest, Verified
from app.credits.repository import broken_accounts
from app.database import migrations
from app.database.executor import Transaction, on_connection


async def verify(
    url: str, source: Destination, manifest: Manifest, folder: Path, contents: Contents, *, is_read_back: bool
) -> Verified:
    """Restore the dump in a folder beside the database of a URL, compare it with the backup's contents, and write that down.

    is_read_back: whether the files of the backup are read where they lie; those that were just fetched were checked by that.
    Raises BackupFailed when it cannot be tried.
    """
    started = monotonic()
    differences: list[str] = []
    if is_read_back:
        differences += await read_back(source, manifest)
    host = await single(url)
    found = programs.find(await on_connection(host, repository.server))
    async with scratch(host, "backup_scratch") as other:
        try:
            await found.restore(other, folder / "database")
        except BackupFailed as error:
            differences.append(str(error))
        else:
            differences += await compare(other, contents)
            differences += [f"{key}: the file is missing or has another size" for key in await _lost(other, source, manifest)]
    return await write_down(source, manifest, differences, monotonic() - started)


async def write_down(source: Destination, manifest: Manifest, differences: list[str], seconds: float) -> Verified:
    """Write beside a backup what its verification has found. Raises BackupFailed."""
    verified = Verified(
        verified_at=datetime.now(UTC).isoformat(timespec="seconds"),
        is_good=not differences,
        differences=differences,
        seconds=round(seconds, 1),
    )
    await source.put_text(f"{manifest.name}/{VERIFIED}", form.as_text(verified))
    return verified


async def read_back(source: Destination, manifest: Manifest) -> list[str]:
    """Read every file of a backup where it lies. Returns what is wrong."""
    differences = []
    for file in manifest.files:
        try:
            async for _ in source.checked(f"{manifest.name}/{file.path}", file):
                pass
        except BackupFailed as error:
            differences.append(str(error))
    return differences


async def compare(url: str, contents: Contents) -> list[str]:
    """Compare a database that was restored with what the backup should have; then bring its schema up to date.

    Returns the differences; the ledger has to add up, too.
    """
    restored = await on_connection(url, lambda on: on.snapshot(counting.contents))
    differences = contents.differences(restored)
    if not differences:
        if (await on_connection(url, migrations.applied_versions))[-1] != migrations.expected_version():
            await migrations.up(url)
        if broken := await on_connection(url, broken_accounts):
            differences.append(f"the ledger does not add up for {len(broken):,} accounts")
    return differences


async def fetch(source: Destination, manifest: Manifest, folder: Path, identity: Path | None) -> Contents:
    """Bring the dump and the contents of a backup into a folder, each file checked. Raises BackupFailed."""
    (folder / "database").mkdir()
    for file in manifest.files:
        path = file.path.removesuffix(".age")
        if path == form.MEDIA:
            continue
        await source.fetch(manifest.name, file, folder / path, identity)
    return form.decoded((folder / CONTENTS).read_bytes(), Contents, f"{manifest.name}/{CONTENTS}")


async def _lost(url: str, source: Destination, manifest: Manifest) -> list[str]:
    there = await source.sizes(manifest.media)
    with TemporaryFile() as listed:

        async def list_objects(on: Transaction) -> None:
            await counting.list_objects(on, listed)

        await on_connection(url, lambda on: on.snapshot(list_objects))
        lost = files.missing(counting.objects_in(listed), there, is_encrypted=manifest.is_encrypted)
    # What was lost before is told by the manifest.
    return sorted({*lost} - {*manifest.missing})
