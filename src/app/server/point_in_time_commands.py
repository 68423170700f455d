"""`holdfast backup --base` and `holdfast restore --at`: recovery of the embedded server to a point in time."""

from datetime import UTC, datetime

import rich_click as click

from app.backups import base_backups, point_in_time, priority
from app.backups.form import BackupFailed
from app.backups.point_in_time import Restored
from app.backups.retention import Keep
from app.backups.timelines import Base, told
from app.backups.wal_stores import open_store
from app.server import data_lock
from app.server.data_lock import ServeError
from app.server.running import run
from app.server.showing import show_json
from app.server.words import give_up
from app.settings import Settings

LATEST = "latest"


def make_base(keep: str | None, *, as_json: bool) -> None:
    """Make a base backup of the embedded server, and say what it is. keep: which of the others stay, as in daily=7."""

    def work(settings: Settings) -> tuple[Base, list[str]]:
        rule = Keep.of(keep) if keep else None
        store = open_store(_archive(settings))
        with data_lock.database(settings) as database:
            priority.lower_own()
            base = base_backups.make(store, database, settings.data.resolve())
        return base, base_backups.prune(store, rule) if rule else []

    try:
        base, removed = run(work)
    except BackupFailed as error:
        give_up(str(error), 2)
    except KeyboardInterrupt:
        give_up("Interrupted: nothing was kept.", 130)
    if as_json:
        show_json({"base": base, "removed": removed})
        return
    click.echo(
        f"base backup {base.name}: {base.bytes / 2**20:,.1f} MiB, packed {base.packed_bytes / 2**20:,.1f}, every file verified"
    )
    if removed:
        click.echo(f"removed {', '.join(removed)}, and the log before the first that is left")
    click.echo(f"From {base.reaches} on every time can be restored: holdfast restore --at TIME")


def restore_at(text: str, *, as_json: bool) -> None:
    """Bring the embedded server to where it was at a time, and say what came of it."""
    at = _time(text)
    say = (lambda line: click.echo(line, err=True)) if as_json else click.echo

    def work(settings: Settings) -> Restored:
        url = _archive(settings)
        with data_lock.nobody_serves(settings):
            return point_in_time.restore(url, settings.data, at, say)

    try:
        done = run(work)
    except KeyboardInterrupt:
        give_up("Interrupted: nothing has changed.", 130)
    if as_json:
        show_json({"base": done.base.name, "until": done.until, "aside": str(done.aside) if done.aside else None})
        return
    last = f"the last transaction is of {told(done.until)}" if done.until else "no transaction came after the base backup"
    click.echo(f"Restored: {last}.")
    if done.aside:
        click.echo(f"What was there before stands in {done.aside}. Delete it when you are sure that you do not need it.")
    click.echo("Sessions and tokens that were ended since then are valid again. Next: holdfast serve; holdfast backup --base")


def _time(text: str) -> datetime | None:
    """A time of the command line; None: the latest. One without a zone is UTC, which is said."""
    if text == LATEST:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        give_up("--at takes a time such as 2026-11-22T18:30:00, with or without +01:00 at its end, or the word latest.", 2)
    if time.tzinfo is not None:
        return time
    click.echo(f"{text} is taken as UTC.", err=True)
    return time.replace(tzinfo=UTC)


def _archive(settings: Settings) -> str:
    if settings.database_url is not None:
        raise ServeError(
            "This is for the PostgreSQL that comes along. That of DATABASE_URL has tools of its own: see docs/point-in-time.md."
        )
    if settings.wal_archive_url is None:
        raise ServeError("WAL_ARCHIVE_URL: must be set, to where the write-ahead log is archived.")
    return settings.wal_archive_url
