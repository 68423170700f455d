"""What `holdfast doctor` says of the archive of the write-ahead log: is it kept up, and what can be restored from it."""

from app.backups import archiver, archiving, point_in_time
from app.backups.timelines import told
from app.backups.wal_stores import ArchiveError, open_store
from app.database.cluster import FOLDER
from app.database.queries import Executor
from app.server.doctor import Finding
from app.settings import MIB, Settings


async def examine(database: Executor, settings: Settings) -> list[Finding]:
    """Two findings where the log of the embedded server is archived, else none."""
    if settings.wal_archive_url is None:
        return []
    return [await _archiving(database, settings), _reach(settings.wal_archive_url)]


async def _archiving(database: Executor, settings: Settings) -> Finding:
    found = await archiver.archiver(database)
    if not found.is_on:
        text = "the server was started without WAL_ARCHIVE_URL: nothing is archived"
        return Finding("bad", "archive", text, "Stop holdfast serve and start it again; then: holdfast backup --base")
    if found.is_failing or archiving.backlog(settings.data / FOLDER).seconds > archiving.LATE:
        text = f"it fails: {found.waiting} segments wait, and the log has grown to {found.wal_bytes / MIB:,.0f} MiB"
        reason = f"The reason is in {settings.data / 'postgres.log'}. The log grows until it is archived, or the disk is full."
        return Finding("bad", "archive", text, reason)
    if found.last_archived_time is None:
        return Finding("ok", "archive", "is ready: no segment has ended yet")
    return Finding(
        "ok", "archive", f"is kept up: the last segment came at {told(found.last_archived_time.replace(microsecond=0))}"
    )


def _reach(url: str) -> Finding:
    try:
        bases = point_in_time.find_way(open_store(url), None).bases
    except (ArchiveError, OSError) as error:
        text = str(error) if isinstance(error, ArchiveError) else f"cannot be read: {error.strerror}"
        return Finding("bad", "recovery", text, "When the archive can be written, make a base backup: holdfast backup --base")
    oldest, newest = bases[-1].reaches, bases[0].reaches
    return Finding("ok", "recovery", f"to any time from {oldest} on; the newest base backup is of {newest}")
