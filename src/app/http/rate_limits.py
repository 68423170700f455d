"""Limits on attempts that hold across workers: counted in the database, one upsert each."""

from app.database.queries import Executor, load
from app.http.services import Services
from app.problems import constraints
from app.problems.problem import later

constraints.declare(
    {
        "rate_limits_pkey": ("conflict", "bucket", "is taken"),
        "rate_limits_bucket_length": constraints.has_length("bucket", "1 to 200"),
    }
)


queries = load("rate_limits")


async def hit(services: Services, name: str, subject: str, maximum: int, seconds: int) -> None:
    """Count one attempt of `subject` at `name`; at most `maximum` per window of `seconds`.

    The table keeps a hash of the subject's normal form, which the database makes: addresses do not belong in a table that is
    not treated as personal data.
    Raises Problem 429 with Retry-After. Does nothing when RATE_LIMITS is off.
    """
    if services.settings.rate_limits:
        arguments = {"name": name, "subject": subject, "maximum": maximum, "seconds": seconds}
        _refuse(await queries.hit.value(services.database, int, **arguments))


async def hit_with_pauses(services: Services, name: str, subject: str, maximum: int, seconds: int) -> None:
    """Count as `hit` does; past the maximum single attempts are let through, with pauses of 1, 2, 4, ... seconds."""
    if services.settings.rate_limits:
        arguments = {"name": name, "subject": subject, "maximum": maximum, "seconds": seconds}
        _refuse(await queries.hit_with_pauses.value(services.database, int, **arguments))


async def is_allowed(services: Services, database: Executor, name: str, subject: str, *, maximum: int, seconds: int) -> bool:
    """Count as `hit` does, perhaps within a transaction, and say whether it is within the limit."""
    if not services.settings.rate_limits:
        return True
    arguments = {"name": name, "subject": subject, "maximum": maximum, "seconds": seconds}
    return not await queries.hit.value(database, int, **arguments)


def _refuse(retry_after: int | None) -> None:
    if retry_after:
        raise later("rate_limited", retry_after)


async def delete_past_windows(database: Executor, limit: int) -> int:
    """Remove up to `limit` counts of attempts in windows that are over; returns how many."""
    return await queries.delete_past_windows.count(database, limit=limit)
