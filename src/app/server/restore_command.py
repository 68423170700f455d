"""`holdfast restore`: a backup put into the place of the database."""

from functools import partial
from pathlib import Path

import rich_click as click

from app.backups import databases, restoring
from app.backups.restoring import Restored
from app.server.backup_running import done, place
from app.server.showing import as_json, show_facts, show_json
from app.server.words import give_up, read_settings
from app.storage import Storage


@click.command()
@click.argument("source")
@click.argument("name", required=False)
@click.option("--replace", is_flag=True, help="Restore it though the database is not empty, which is kept under another name.")
@click.option("--identity", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="The file with age's key.")
@as_json
def restore(source: str, name: str | None, identity: Path | None, *, replace: bool, as_json: bool) -> None:
    """Put a backup into the place of the database, with its files.

    SOURCE is the folder or the bucket with the backups; NAME is one of them, otherwise the newest good one. It is restored into
    a new database and compared first: until all of it is there, nothing has changed. Stop the server before.
    """
    settings = read_settings()
    here = place(source, settings, is_read=True)
    storage = Storage(settings)

    async def work(url: str) -> Restored:
        again = partial(restoring.restore, url, storage, here, name, identity, is_replacing=replace)
        return await databases.alone(url, again)

    restored = done(work)
    if as_json:
        show_json(restored)
    else:
        _show(restored)
    if restored.lost:
        give_up(f"{len(restored.lost):,} files could not be brought back, such as {restored.lost[0]}; all else is there.")


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
