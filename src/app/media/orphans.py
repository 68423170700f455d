"""Objects without a row: deleted with their row, or found later by maintenance."""

from uuid import UUID

import structlog

from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.executor import Database
from app.database.queries import Executor
from app.media import repository
from app.problems.problem import Problem
from app.storage import Storage

log = structlog.get_logger()

BATCH = 100
"""Objects that are deleted in one transaction."""

POSTPONED_SECONDS = 3600
"""An object that cannot be deleted waits, so that it does not stand before the others for ever."""


async def delete_object(database: Executor, storage: Storage, key: str) -> None:
    """Delete an object that has no row any more; what cannot be done now is left to `delete_orphans`."""
    try:
        await storage.delete(key)
        await repository.forget_deletion(database, key)
    except (Problem, DatabaseUnavailable, QueryTimeout) as error:
        log.warning("object_left_behind", error=type(error).__name__)


async def give_up(database: Executor, storage: Storage, user_id: UUID, key: str) -> None:
    """Delete what there is of an object whose upload failed, or came a second time.

    Unless its row is there after all: when the connection is lost in a commit, only the database knows. What cannot be done
    now is left to `delete_orphans`.
    """
    try:
        is_due = await repository.set_due(database, key, 0)
        if is_due or not await repository.is_kept(database, user_id, key):
            await delete_object(database, storage, key)
    except (DatabaseUnavailable, QueryTimeout) as error:
        log.warning("upload_left_behind", error=type(error).__name__)


async def delete_orphans(database: Database, storage: Storage, limit: int = 10_000) -> int:
    """Delete up to `limit` objects that have no row; returns how many. For maintenance.

    A store that fails ends the run; what it could not delete is tried again an hour later.
    """
    await repository.gather_deletions(database)
    deleted = 0
    while deleted < limit:
        wanted = min(BATCH, limit - deleted)
        done = await database.transaction(lambda tx, wanted=wanted: _delete_batch(tx, storage, wanted))  # type: ignore[misc]
        deleted += done
        if done < wanted:
            break
    return deleted


async def _delete_batch(tx: Executor, storage: Storage, limit: int) -> int:
    # Its entries are locked for as long as it takes: an upload that is late does not get a row for what is deleted here.
    deleted = 0
    for key in await repository.due_deletions(tx, limit):
        try:
            await storage.delete(key)
        except Problem:
            await repository.set_due(tx, key, POSTPONED_SECONDS)
            break
        deleted += await repository.forget_deletion(tx, key)
    return deleted
