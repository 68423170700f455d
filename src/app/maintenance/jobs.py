"""What has to be done regularly: expired rows removed, old ledgers folded. In `serve`, or by `holdfast maintain`.

Every job works in batches, each a transaction of its own that first takes an advisory lock: so one process at a time
maintains, however many workers and commands there are, and nothing is locked for long.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter, time

import asyncpg
import structlog

from app.accounts.repository import delete_expired_sessions, delete_expired_tokens
from app.background import beside
from app.confirmations.repository import delete_expired_tokens as delete_expired_mail_tokens
from app.credits.repository import fold_transactions
from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.executor import Database
from app.database.migrations import analyze_new_tables, can_analyze_new_tables
from app.database.queries import Executor
from app.http.rate_limits import delete_past_windows
from app.http.storage_quota import StorageQuota
from app.mail.repository import delete_old as delete_old_mails
from app.maintenance.repository import is_my_turn
from app.media.orphans import delete_orphans
from app.media.repository import delete_expired_links
from app.query_cache.repository import delete_expired as delete_expired_answers
from app.sign_in.repository import delete_expired_id_tokens, delete_expired_sign_ins
from app.storage import Storage
from app.telemetry import metrics

log = structlog.get_logger()


EVERY = 600.0
"""Seconds between the rounds of a worker, about: each worker tries, the first one works."""


BATCH = 1000
"""Rows that one transaction touches at most."""


Job = Callable[[Executor, int], Awaitable[int]]


JOBS: dict[str, Job] = {
    "expired sessions": delete_expired_sessions,
    "expired API tokens": delete_expired_tokens,
    "expired links": delete_expired_links,
    "expired links in mails": delete_expired_mail_tokens,
    "old mails": delete_old_mails,
    "expired sign-ins": delete_expired_sign_ins,
    "used ID tokens": delete_expired_id_tokens,
    "past rate limits": delete_past_windows,
    "expired cached answers": delete_expired_answers,
    "folded transactions": fold_transactions,
}


OBJECTS = "objects without a row"


async def run(database: Database, storage: Storage) -> dict[str, int]:
    """Do every job until nothing is left; returns how many rows or objects each one removed.

    A job stops early when another process has the lock: that one goes on. Raises as the database does.
    """
    counts = dict.fromkeys(JOBS, 0)
    for name, job in JOBS.items():
        with _noted(name):
            while True:
                done = await _batch(database, job)
                counts[name] += done
                metrics.maintained.labels(name).inc(done)
                if done < BATCH:
                    break
    with _noted(OBJECTS):
        # Not under the lock: an object store is slow. Its batches lock the rows that they are about.
        counts[OBJECTS] = await delete_orphans(database, storage)
        metrics.maintained.labels(OBJECTS).inc(counts[OBJECTS])
    if await can_analyze_new_tables(database):
        await analyze_new_tables(database)
    if any(counts.values()):
        log.info("maintained", **{name.replace(" ", "_"): count for name, count in counts.items() if count})
    return counts


async def _batch(database: Database, job: Job) -> int:
    async def work(transaction: Executor) -> int:
        return await job(transaction, BATCH) if await is_my_turn(transaction) else 0

    return await database.transaction(work)


@contextmanager
def _noted(name: str) -> Iterator[None]:
    """Tell the metrics what becomes of a job. One that another process is at counts as done."""
    started = perf_counter()
    try:
        yield
    except Exception:
        metrics.job_failures.labels(name).inc()
        raise
    metrics.job_time.labels(name).set(time())
    metrics.job_seconds.labels(name).observe(perf_counter() - started)


@asynccontextmanager
async def regularly(database: Database, storage: Storage, quota: StorageQuota | None) -> AsyncIterator[None]:
    """Maintain every ten minutes or so for as long as the block runs. What goes wrong is logged, and tried again.

    What each user stores is settled by every worker for itself: it alone knows who wrote something.
    """
    for name in (*JOBS, OBJECTS):
        # From 0 on: one that is never done is seen, too.
        for metric in (metrics.job_time, metrics.job_seconds, metrics.job_failures, metrics.maintained):
            metric.labels(name)

    async def maintain_for_ever() -> None:
        while True:
            await asyncio.sleep(EVERY * random.uniform(0.5, 1.5))  # noqa: S311 - so that workers do not come all at once
            try:
                database.check_pressure("maintenance")
                await run(database, storage)
                if quota is not None:
                    await quota.settle(database)
            except (DatabaseUnavailable, QueryTimeout, asyncpg.PostgresError) as error:
                log.warning("maintain_failed", error=type(error).__name__)

    async with beside(maintain_for_ever()):
        yield
