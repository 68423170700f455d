"""`holdfast restore --user`: what one account had at the time of a backup, as an archive that an import reads."""

from functools import partial
from pathlib import Path

from app.archives import Manifest
from app.backups import databases, programs, repository, restoring, verifying
from app.backups.files import BackedUp
from app.backups.form import BackupFailed
from app.backups.making import work_folder
from app.backups.restoring import Wanted
from app.database.executor import Transaction, on_connection
from app.exporting import files
from app.exporting.files import ExportFailed
from app.exporting.repository import user_named
from app.importing.repository import check_out_account, forget_gone
from app.importing.sources.holdfast import SOURCE
from app.settings import Settings


async def take_out(url: str, settings: Settings, wanted: Wanted, email: str, to: Path) -> tuple[Path, Manifest]:
    """Restore a backup beside the database of a URL, and export one account of it into a file in the folder `to`.

    Returns the file and what it has. Raises BackupFailed.
    """
    source, identity = wanted.source, wanted.identity
    backup, _ = await restoring.chosen(source, wanted.name)
    host = await databases.single(url)
    await restoring.check_age(host, backup)
    found = programs.find(await on_connection(host, repository.server))
    with work_folder() as folder:
        contents = await verifying.fetch(source, backup, folder, identity)
        async with databases.scratch(host, "backup_user") as other:
            await found.restore(other, folder / "database")
            if differences := await verifying.compare(other, contents):
                raise BackupFailed(f"The backup is not good: {'; '.join(differences[:5])}.")
            owner = await on_connection(other, partial(user_named, email=email))
            path = to / f"holdfast-restored-{backup.name}-{owner or 'nobody'}.zip"
            stored = BackedUp(settings, folder / "media", source, backup.media, identity)
            try:
                made = await on_connection(other, lambda on: files.write(on, lambda: stored, path, email))
            except ExportFailed as error:
                raise BackupFailed(f"{error} It was looked for in {backup.name}.") from None
    if owner is not None:

        async def forget(on: Transaction) -> None:
            await check_out_account(on, owner)
            await forget_gone(on, owner, SOURCE)

        await on_connection(host, lambda on: on.transaction(forget))
    return path, made
