"""Typed calls of sql/queries/usage.sql."""

from uuid import UUID

from app.database.queries import Executor, load
from app.usage.schemas import LIMITS, NO_SUBSCRIPTION, Limits, Subscription, Usage, UsageTier

queries = load("usage")


async def get(database: Executor, user_id: UUID) -> Usage:
    """Read what is left. Writes nothing: a reset that is due is shown, a user without a row is free."""
    free = LIMITS["free"]
    return await queries.get.only(database, Usage, user_id=user_id, daily_limit=free.daily, monthly_limit=free.monthly)


async def create(database: Executor, user_id: UUID) -> int:
    """Make a user's row, as free. 0: it is there."""
    free = LIMITS["free"]
    return await queries.create.count(database, user_id=user_id, daily_limit=free.daily, monthly_limit=free.monthly)


async def consume(database: Executor, user_id: UUID, amount: int) -> int:
    """Take an amount of user messages from what is left. 0: there is less left, or no row yet."""
    return await queries.consume.count(database, user_id=user_id, amount=amount)


async def set_tier(
    database: Executor, user_id: UUID, tier: UsageTier, limits: Limits, subscription: Subscription = NO_SUBSCRIPTION
) -> int:
    """Give a user a tier, with the tier's LIMITS or others. What was used stays. 0: there is no such user."""
    return await queries.set_tier.count(
        database,
        user_id=user_id,
        tier=tier,
        daily_limit=limits.daily,
        monthly_limit=limits.monthly,
        subscription_id=subscription.id,
        subscription_status=subscription.status,
    )
