"""`holdfast export`: everything, or one account, as a file."""

from datetime import UTC, datetime
from pathlib import Path

import rich_click as click

from app.archives import Manifest
from app.database.executor import Transaction, on_connection
from app.exporting import files
from app.exporting.files import ExportFailed
from app.server.running import on_database
from app.server.showing import as_json, show_json, show_list
from app.server.words import give_up, read_settings
from app.storage import Storage


@click.command()
@click.option("--user", help="The e-mail address of an account: that one alone. Otherwise everybody's.")
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file. Otherwise holdfast-export-<date>.zip in this folder. One of this name is replaced.",
)
@as_json
def export(user: str | None, to: Path | None, *, as_json: bool) -> None:
    """Write everything, or one account, into an archive: all rows and files, with what a move to another server needs.

    `holdfast import holdfast FILE` reads it there. It has the hashes of passwords: keep it as you keep the database. It
    may be done while `serve` runs, and is as of one moment.
    """
    path = (to or Path(f"holdfast-export-{datetime.now(UTC):%Y-%m-%d}.zip")).absolute()

    async def work(on: Transaction) -> Manifest:
        return await files.write(on, lambda: Storage(read_settings()), path, user)

    try:
        made = on_database(lambda url: on_connection(url, work))
    except ExportFailed as error:
        give_up(str(error))
    except KeyboardInterrupt:
        give_up("Interrupted: nothing was kept.", 130)
    if as_json:
        show_json({"file": str(path), "size_bytes": path.stat().st_size, "manifest": made})
    else:
        _show(path, made)
    if made.missing or made.damaged:
        give_up(
            f"{len(made.missing):,} files are not in the store any more, {len(made.damaged):,} are not what was stored there: "
            "the manifest names them. All else is in the archive."
        )


def _show(path: Path, made: Manifest) -> None:
    rows = [(entity, f"{table.rows:,}") for entity, table in made.tables.items() if table.rows]
    rows.append(("files", f"{made.media.files:,}"))
    show_list(rows, ("Table", "Rows"), lambda row: (row[0], f"{row[1]:>12}"), lambda row: f"{row[0]:<20} {row[1]}")
    click.echo(f"{path}: {path.stat().st_size:,} bytes, {made.sha256}")
