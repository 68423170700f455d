"""What goes out of /v1/usage, and what the tiers allow."""

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import MOVES, NOT_BLANK, Timestamp
from app.problems import constraints

constraints.owned(
    "usage",
    bounds=dict.fromkeys(
        ("daily_used", "daily_limit", "monthly_used", "monthly_limit", "total_queries"), constraints.NOT_NEGATIVE
    ),
    length={"subscription_id": "1 to 100", "subscription_status": "1 to 100"},
    known=("tier",),
)


UsageTier = Annotated[Literal["free", "pro", "enterprise"], Meta(title="UsageTier", examples=["free"])]


class Limits(NamedTuple):
    """User messages that are allowed; None: there is no limit."""

    daily: int | None
    monthly: int | None


LIMITS: dict[UsageTier, Limits] = {
    "free": Limits(10, 100),
    "pro": Limits(100, 3000),
    "enterprise": Limits(None, None),
}
"""Per UTC day and UTC month, where a user has no limits of their own."""


class UsageLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits of a user's own, in place of the tier's. Null: no limit; an absent one is the tier's."""

    daily: Annotated[int, Meta(ge=0, le=2_000_000_000, examples=[20])] | None | UnsetType = UNSET
    monthly: Annotated[int, Meta(ge=0, le=2_000_000_000, examples=[500])] | None | UnsetType = UNSET


SubscriptionId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=NOT_BLANK,
        description="What the payment provider calls the subscription.",
        examples=["sub_1NqZ2x"],
    ),
]
SubscriptionStatus = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=NOT_BLANK,
        description="As the payment provider says it; nothing depends on it.",
        examples=["active"],
    ),
]


class Subscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is paid for the tier."""

    id: SubscriptionId | None = None
    status: SubscriptionStatus | None = None


NO_SUBSCRIPTION = Subscription()


class UsagePut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A tier for a user."""

    tier: Annotated[UsageTier, Meta(examples=["pro"])]
    limits: UsageLimits = UsageLimits()
    subscription: Annotated[Subscription | None, Meta(description="Null or absent: there is none (any more).")] = None


class Usage(msgspec.Struct, frozen=True):
    """What a user has sent and may send."""

    tier: UsageTier
    daily_used: Annotated[int, Meta(description="User messages of this UTC day.", examples=[3]), MOVES]
    daily_limit: Annotated[int | None, Meta(description="User messages per UTC day; null: no limit.", examples=[10])]
    daily_resets_at: Annotated[Timestamp, Meta(description="The next midnight in UTC."), MOVES]
    monthly_used: Annotated[int, Meta(description="User messages of this UTC month.", examples=[42]), MOVES]
    monthly_limit: Annotated[int | None, Meta(description="User messages per UTC month; null: no limit.", examples=[100])]
    monthly_resets_at: Annotated[Timestamp, Meta(description="The first of the next month in UTC."), MOVES]
    total_queries: Annotated[int, Meta(description="User messages ever sent.", examples=[1234]), MOVES]
    subscription_id: SubscriptionId | None
    subscription_status: SubscriptionStatus | None


class UserUsage(Usage, frozen=True):
    """What a user has sent and may send, as admins see it: with what they may set, as they would send it."""

    limits: UsageLimits
    subscription: Subscription | None
