"""How the commands of backups are run, and how they end."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from app.backups import priority
from app.backups.destination import Destination
from app.backups.form import BackupFailed
from app.server.running import on_database
from app.server.words import give_up
from app.settings import Settings

T = TypeVar("T")


def done(work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    """Do something with the database of a URL. What cannot be done ends the process with a sentence."""

    def gently(url: str) -> Coroutine[Any, Any, T]:
        # Not before: an embedded server that this command starts, and another takes over, keeps its priority.
        priority.lower_own()
        return work(url)

    try:
        return on_database(gently)
    except BackupFailed as error:
        give_up(str(error))
    except KeyboardInterrupt:
        give_up("Interrupted: the database is as it was.", 130)


def place(given: str | None, settings: Settings, *, is_read: bool = False) -> Destination:
    """The place that was given, or that of BACKUP_URL. Ends the process when there is none."""
    where = given or settings.backup_url
    if where is None:
        give_up("Say where the backups lie: a folder or a bucket's URL, here or by BACKUP_URL.", 2)
    try:
        return Destination(where, settings, is_read=is_read)
    except BackupFailed as error:
        give_up(str(error), 2)
