"""The rules of usage: taking from what is left, which limit is used up, and the limits of a tier."""

from datetime import UTC, datetime
from math import ceil
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import asdict

from app.accounts import repository as accounts
from app.database.queries import Executor
from app.problems.problem import Problem
from app.usage import repository
from app.usage.schemas import LIMITS, NO_SUBSCRIPTION, Limits, Subscription, Usage, UsageLimits, UsagePut, UserUsage


async def consume(transaction: Executor, user_id: UUID, amount: int) -> None:
    """Take an amount of user messages from what is left. Raises Problem 429 when it is more than that."""
    if not amount or await repository.consume(transaction, user_id, amount):
        return
    await repository.create(transaction, user_id)
    if not await repository.consume(transaction, user_id, amount):
        raise exhausted(await repository.get(transaction, user_id), amount)


def exhausted(usage: Usage, amount: int = 1) -> Problem:
    """Say which limit an amount would exceed: of both the monthly one, because waiting for a day would not help."""
    if usage.monthly_limit is not None and usage.monthly_used + amount > usage.monthly_limit:
        resets_at = usage.monthly_resets_at
        told = {"limit": "monthly", "used": usage.monthly_used, "maximum": usage.monthly_limit}
    else:
        resets_at = usage.daily_resets_at
        told = {"limit": "daily", "used": usage.daily_used, "maximum": usage.daily_limit}
    seconds = max(1, ceil((resets_at - datetime.now(UTC)).total_seconds()))
    return Problem("quota_exhausted", headers=((b"retry-after", b"%d" % seconds),), extra=told | {"resets_at": resets_at})


async def of_user(database: Executor, user_id: UUID) -> UserUsage:
    """Read what a user has used, and what an admin may set. Raises Problem 404."""
    if await accounts.me(database, user_id) is None:
        raise Problem("not_found")
    return await _of_user(database, user_id)


async def set_tier(database: Executor, user_id: UUID, put: UsagePut) -> UserUsage:
    """Give a user a tier, with its limits or others; what was used stays used. Raises Problem 404."""
    tier, own = LIMITS[put.tier], put.limits
    daily = tier.daily if own.daily is UNSET else own.daily
    monthly = tier.monthly if own.monthly is UNSET else own.monthly
    limits, subscription = Limits(daily, monthly), put.subscription or NO_SUBSCRIPTION
    if not await repository.set_tier(database, user_id, put.tier, limits, subscription):
        raise Problem("not_found")
    return await _of_user(database, user_id)


async def _of_user(database: Executor, user_id: UUID) -> UserUsage:
    """Who does not exist has used nothing."""
    usage = await repository.get(database, user_id)
    subscription = Subscription(usage.subscription_id, usage.subscription_status)
    return UserUsage(
        **asdict(usage),
        limits=UsageLimits(daily=usage.daily_limit, monthly=usage.monthly_limit),
        subscription=None if subscription == NO_SUBSCRIPTION else subscription,
    )
