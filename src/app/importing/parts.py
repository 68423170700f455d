"""The parts of an import: what a run and a verification alike do with what a source has staged."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg

from app.database.executor import Transaction
from app.importing import repository
from app.importing.sources.source import USER
from app.importing.staging import Staging

END: Any = object()
"""What anext() gives when a source has been read to its end."""


class ImportFailed(Exception):
    """An import, a verification or a rollback cannot be done. The text is for whoever typed the command."""


class NotKeptError(Exception):
    """Ends a transaction that is not to be committed."""


async def lock(on: Transaction) -> None:
    """Begin with imports on this connection. Raises ImportFailed: another one is under way."""
    if not await repository.try_lock(on):
        raise ImportFailed("Another import, verification or rollback is running: wait until it has ended.")
    await repository.fail_abandoned(on)


async def account_of(on: Transaction, email: str | None) -> UUID | None:
    """The account of --user. Raises ImportFailed: there is none."""
    if email is None:
        return None
    user = await repository.user_named(on, email)
    if user is None:
        raise ImportFailed("There is no account with the e-mail address of --user: make it first, by `holdfast users create`.")
    return user


async def chunks(on: Transaction, entity: str, rows: int) -> AsyncIterator[tuple[int, int]]:
    """The staged rows of a table, so many at a time: the first place and the last."""
    bounds = await repository.bounds(on, entity)
    if bounds.first is None or bounds.last is None:
        return
    # References between rows of one table are resolved among those that are moved together.
    size = bounds.last - bounds.first + 1 if entity in ("habits", "goals") else rows
    for first in range(bounds.first, bounds.last + 1, size):
        yield first, min(first + size - 1, bounds.last)


async def check_in(on: Transaction) -> None:
    """Bring what was checked out of a cluster back. Raises ImportFailed: somebody wrote something in between."""
    try:
        await repository.check_in(on)
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.SerializationError):
        raise ImportFailed(
            "Meanwhile somebody wrote what does not go together with this. Nothing of it was kept: do it again."
        ) from None


async def place_owners(on: Transaction, staging: Staging, id: UUID, source: str, *, into_existing: bool) -> int:
    """Find the account of each user of the source. Returns how many get none."""
    if staging.user is not None:
        await repository.place_owner(on, USER, staging.user)
    if "users" not in staging.tables:
        return 0
    return await repository.place_users(on, id, source, into_existing=into_existing)
