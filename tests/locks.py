"""Waiting until one session of the database waits for another."""

import asyncio

import asyncpg
import clustered


async def waited_for(holder: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Return once another session waits for the end of the holder's transaction, which has written or locked rows.

    `pg_locks` is of the whole cluster, which other workers' tests share: only a wait for this very transaction counts.
    """
    waits = "select exists (select 1 from pg_locks where not granted and transactionid = pg_current_xact_id()::xid)"
    if clustered.URL:
        # The transaction that is waited for is one of a worker, which the coordinator asks about.
        waits = "select exists (select from citus_lock_waits where citus_pid_for_gpid(blocking_gpid) = pg_backend_pid())"
    async with asyncio.timeout(10):
        while not await holder.fetchval(waits):  # noqa: ASYNC110 - another session cannot set an event
            await asyncio.sleep(0.01)
