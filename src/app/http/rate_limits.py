"""Limits on attempts that hold across workers: counted in the database, one upsert each."""

import hashlib

from app.database.queries import Executor, load
from app.http.services import Services
from app.problems import constraints
from app.problems.catalog import later

constraints.declare(
    {
        "rate_limits_pkey": ("conflict", "bucket", "is taken"),
        "rate_limits_bucket_length": constraints.has_length("bucket", "1 to 200"),
    }
)


queries = load("rate_limits")


async def hit(services: Services, name: str, subject: str, maximum: int, seconds: int) -> None:
    """Count one attempt of `subject` at `name`; at most `maximum` per window of `seconds`.

    Raises Problem 429 with Retry-After. Does nothing when RATE_LIMITS is off.
    """
    if not services.settings.rate_limits:
        return
    # A hash: e-mail addresses do not belong in a table that is not treated as personal data.
    bucket = f"{name}:{hashlib.sha256(subject.lower().encode()).hexdigest()[:32]}"
    retry_after = await queries.hit.value(services.database, int, bucket=bucket, maximum=maximum, seconds=seconds)
    if retry_after:
        raise later("rate_limited", retry_after)


async def delete_past_windows(database: Executor, limit: int) -> int:
    """Remove up to `limit` counts of attempts in windows that are over; returns how many."""
    return await queries.delete_past_windows.count(database, limit=limit)
