"""Waiting until one session of the database waits for another."""

import asyncio
from uuid import UUID

import asyncpg
import clustered

from app.database.queries import load


async def lock_user(holder: "asyncpg.Connection[asyncpg.Record]", user_id: str) -> None:
    """Do within the holder's transaction what the app does first where two requests of a user shall not meet."""
    lock = load("accounts").lock
    await holder.execute((lock.distributed if clustered.URL and lock.distributed else lock).sql, UUID(user_id))


async def waited_for(holder: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Return once another session waits for the end of the holder's transaction, which has written or locked rows.

    `pg_locks` is of the whole cluster, which other workers' tests share: only a wait for this very transaction counts.
    """
    waits = "select exists (select 1 from pg_locks where not granted and transactionid = pg_current_xact_id()::xid)"
    if clustered.URL:
        # The transaction that is waited for is one of a worker, which the coordinator asks about.
        waits = """
            select exists (select from citus_lock_waits where citus_pid_for_gpid(blocking_gpid) = pg_backend_pid())
                or exists (select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid)))"""
    async with asyncio.timeout(10):
        while not await holder.fetchval(waits):  # noqa: ASYNC110 - another session cannot set an event
            await asyncio.sleep(0.01)
