"""How the PostgreSQL that comes along archives its write-ahead log: the options it is started with, and whether it keeps up."""

import os
import shlex
import sys
import time
from pathlib import Path
from typing import NamedTuple

import structlog

from app.backups import wal
from app.backups.wal import ArchiveFailed
from app.backups.wal_stores import StoreFailed, folder_of, open_store
from app.database.cluster import FOLDER, finish_restore
from app.database.embedded import NO_EXTRAS, Extras
from app.database.postgres_programs import EmbeddedError, of_stores
from app.database.unprivileged import Account, account_for, give
from app.settings import Settings

log = structlog.get_logger()

TIMEOUT = 60
"""Seconds after which a segment is archived that is not full: what a lost disk costs at most."""


def extras(settings: Settings) -> Extras:
    """What the embedded server is started with so that it archives its log; nothing without WAL_ARCHIVE_URL.

    Call it with the folder's lock. Raises ArchiveFailed for the archive of another database, StoreFailed, EmbeddedError.
    """
    url = settings.wal_archive_url
    if url is None:
        return NO_EXTRAS
    data = settings.data.resolve()
    finish_restore(data)
    cluster = data / FOLDER
    prepare_folder(url, account_for(data, cluster), cluster)
    _see_whose(url, cluster)
    # It is on for every start, a command's too: what is written while it is off never comes into the archive.
    options = {
        "archive_mode": "on",
        "archive_command": f"{command('put', url)} %p",
        "archive_timeout": str(TIMEOUT),
    }
    return Extras(options, variables(url), paths(url))


def command(action: str, *words: str) -> str:
    """What PostgreSQL runs: our program with these words. Its own, %p and the like, come after them."""
    program = [sys.executable, "-P", "-m", "app.backups.wal_command", action, *words]
    return quoted(*program)


def quoted(*words: str) -> str:
    """Words for the shell of one of PostgreSQL's commands, which replaces %p and the like."""
    return shlex.join(words).replace("%", "%%")


def variables(url: str) -> dict[str, str]:
    """What the program needs of our environment: a bucket's credentials."""
    return of_stores() if folder_of(url) is None else {}


def paths(url: str) -> list[Path]:
    """What the program has to get at."""
    folder = folder_of(url)
    return [Path(sys.executable), *([] if folder is None else [folder])]


def prepare_folder(url: str, account: Account | None, cluster: Path) -> None:
    """Make the folder of an archive; the part where segments are belongs to the server's user. Raises EmbeddedError."""
    folder = folder_of(url)
    if folder is None:
        return
    if folder.resolve().is_relative_to(cluster):
        raise EmbeddedError("WAL_ARCHIVE_URL: must not be inside of the folder of PostgreSQL itself.")
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            # As the data folder: root's server runs as another user, who must get through.
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        segments = folder / "wal"
        segments.mkdir(mode=0o700, exist_ok=True)
        if account is not None and segments.stat().st_uid != account.uid:
            for path in (*segments.iterdir(), segments):
                give(path, account)
    except OSError as error:
        raise EmbeddedError(f"The folder of WAL_ARCHIVE_URL cannot be used: {error.strerror}.") from None


def _see_whose(url: str, cluster: Path) -> None:
    """See that the archive is not that of another database, before a first segment gets there."""
    try:
        owner = wal.owner_of(open_store(url))
    except StoreFailed as error:
        # It may be away for a while: PostgreSQL keeps its segments until then.
        log.warning("wal_archive_unreachable", reason=str(error))
        return
    ours = wal.cluster_of(cluster)
    if owner is not None and ours is None:
        raise ArchiveFailed(
            "WAL_ARCHIVE_URL has the archive of a database that is not in the data folder. Bring it back: "
            "holdfast restore --at latest. Or begin with a new one: name another place."
        )
    if owner not in {None, ours}:
        raise ArchiveFailed(wal.OF_ANOTHER)


class Backlog(NamedTuple):
    """The segments that wait for being archived."""

    segments: int
    seconds: float
    """For how long the oldest of them has."""


LATE = 2.0 * TIMEOUT
"""Seconds from which on a segment that waits is a sign that something is wrong: one takes less than a second."""


def backlog(cluster: Path) -> Backlog:
    """Look what has not been archived yet. It grows below pg_wal, for as long as archiving fails."""
    ready = []
    for path in (cluster / "pg_wal" / "archive_status").glob("*.ready"):
        try:
            ready.append(path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return Backlog(len(ready), max(0.0, time.time() - min(ready)) if ready else 0.0)
