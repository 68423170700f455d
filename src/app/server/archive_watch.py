"""Whether the write-ahead log of the embedded server is archived while `serve` runs: a thread looks once a minute, and logs."""

import threading
import time
from contextlib import suppress

import structlog

from app.backups import archiving, base_backups, wal
from app.backups.wal_stores import ArchiveError, open_store
from app.database.cluster import FOLDER
from app.settings import MIB, Settings

log = structlog.get_logger()

EVERY = 60.0
"""Seconds between two looks."""

AGAIN_AFTER = 600.0
"""Seconds until a warning is repeated, for as long as its reason lasts."""


def begin(settings: Settings) -> None:
    """Watch until the process ends."""
    threading.Thread(target=_watch, args=(settings,), daemon=True).start()


def _watch(settings: Settings) -> None:
    look_for_base(settings)
    watch = Watch(settings)
    while True:
        watch.look()
        time.sleep(EVERY)


def look_for_base(settings: Settings) -> None:
    """Warn when there is no base backup, without which the log is of no use."""
    # An archive that cannot be reached was told by the start.
    with suppress(ArchiveError, OSError):
        if not base_backups.found(open_store(settings.wal_archive_url or "")):
            log.warning("wal_archive_without_base", run="holdfast backup --base")


class Watch:
    """What was warned of, and when."""

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data
        self._warned: float | None = None

    def look(self) -> None:
        """Warn when segments wait for too long, at most every ten minutes, and say when they no longer do."""
        backlog = archiving.backlog(self._data / FOLDER)
        if backlog.seconds <= archiving.LATE:
            if self._warned is not None:
                self._warned = None
                log.info("wal_archive_works_again")
        elif self._warned is None or time.monotonic() - self._warned >= AGAIN_AFTER:
            self._warned = time.monotonic()
            log.warning(
                "wal_archive_fails",
                segments=backlog.segments,
                mib=backlog.segments * wal.SEGMENT_BYTES // MIB,
                seconds=round(backlog.seconds),
                log=str(self._data / "postgres.log"),
            )
