"""`holdfast restore`: a backup put into the place of the database."""

from functools import partial
from pathlib import Path

import rich_click as click

from app.archives import Manifest
from app.backups import databases, restoring
from app.backups.restoring import Restored, Wanted
from app.importing.sources.holdfast import SOURCE
from app.server import point_in_time_commands, restore_user
from app.server.backup_running import done, place
from app.server.import_commands import import_
from app.server.showing import as_json, show_facts, show_json
from app.server.words import give_up, read_settings
from app.settings import Settings
from app.storage import Storage


@click.command()
@click.argument("source", required=False)
@click.argument("name", required=False)
@click.option("--replace", is_flag=True, help="Restore it though the database is not empty, which is kept under another name.")
@click.option("--identity", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="The file with age's key.")
@click.option("--user", help="The e-mail address of an account: bring back what it had and has no more, and nothing else.")
@click.option("--into-import", is_flag=True, help="With --user: by an import, which can be verified and rolled back.")
@click.option(
    "--at", metavar="TIME", help="The embedded server as it was at this time, or at the latest one: see WAL_ARCHIVE_URL."
)
@as_json
@click.pass_context
def restore(
    context: click.Context,
    source: str | None,
    name: str | None,
    identity: Path | None,
    user: str | None,
    *,
    at: str | None,
    replace: bool,
    into_import: bool,
    as_json: bool,
) -> None:
    """Put a backup into the place of the database, with its files.

    SOURCE is the folder or the bucket with the backups; NAME is one of them, otherwise the newest good one. It is restored into
    a new database and compared first: until all of it is there, nothing has changed. Stop the server before.

    With --user the server may go on: the rows of the account that are gone come back, those that are here stay as they are.
    With --at it is not from a backup, but from base backup and log of the PostgreSQL that comes along.
    """
    if at is not None:
        if source or identity or replace or user or into_import:
            raise click.UsageError("--at goes with --json only. It reads the archive of WAL_ARCHIVE_URL.")
        point_in_time_commands.restore_at(at, as_json=as_json)
        return
    if source is None:
        raise click.UsageError("Say SOURCE, or --at TIME.")
    settings = read_settings()
    wanted = Wanted(place(source, settings, is_read=True), name, identity)
    if (user is not None) is not into_import:
        give_up("--user and --into-import belong together: the rows of one account come back by an import.", 2)
    if user is not None:
        if replace:
            give_up("--replace is for the whole database: with --user nothing is replaced.", 2)
        context.invoke(import_, source=SOURCE, location=str(_taken_out(settings, wanted, user)), as_json=as_json)
        return
    storage = Storage(settings)

    async def work(url: str) -> Restored:
        return await databases.alone(url, partial(restoring.restore, url, storage, wanted, is_replacing=replace))

    restored = done(work)
    if as_json:
        show_json(restored)
    else:
        _show(restored)
    if restored.lost:
        give_up(f"{len(restored.lost):,} files could not be brought back, such as {restored.lost[0]}; all else is there.")


def _taken_out(settings: Settings, wanted: Wanted, email: str) -> Path:
    """Write what an account had into an archive, and say so. It stays: verify reads it again."""
    folder = Path.cwd()

    async def work(url: str) -> tuple[Path, Manifest]:
        return await databases.alone(url, partial(restore_user.take_out, url, settings, wanted, email, folder))

    path, made = done(work)
    rows = sum(table.rows for table in made.tables.values())
    click.echo(f"{path}: {rows:,} rows and {made.media.files:,} files that the account had.", err=True)
    if lost := len(made.missing) + len(made.damaged):
        click.echo(f"{lost:,} files are not in the backup: the archive's manifest names them.", err=True)
    return path


def _show(restored: Restored) -> None:
    facts = [
        ("restored", f"{restored.name}, made at {restored.made_at}"),
        ("rows", f"{restored.rows:,} in {restored.tables} tables, each as it was when it was backed up"),
        ("files", f"{restored.files:,} brought back; those that were here stayed"),
    ]
    if restored.migrated:
        facts.append(("schema", "brought up to date"))
    facts += [("passed over", each) for each in restored.skipped]
    if restored.aside:
        facts.append(("before", f"what was there is in the database {restored.aside}: drop it when nobody needs it"))
    facts.append(("sessions", "those of that time are open again: whoever was signed out since is signed in"))
    show_facts(facts)
