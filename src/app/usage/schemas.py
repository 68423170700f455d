"""What goes out of /v1/usage, and what the tiers allow."""

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import Timestamp
from app.problems import constraints

constraints.owned(
    "usage",
    bounds=dict.fromkeys(
        ("daily_used", "daily_limit", "monthly_used", "monthly_limit", "total_queries"), constraints.NOT_NEGATIVE
    ),
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


class UsagePut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A tier for a user."""

    tier: Annotated[UsageTier, Meta(examples=["pro"])]
    limits: UsageLimits = UsageLimits()


class Usage(msgspec.Struct, frozen=True):
    """What a user has sent and may send."""

    tier: UsageTier
    daily_used: Annotated[int, Meta(description="User messages of this UTC day.", examples=[3])]
    daily_limit: Annotated[int | None, Meta(description="User messages per UTC day; null: no limit.", examples=[10])]
    daily_resets_at: Annotated[Timestamp, Meta(description="The next midnight in UTC.")]
    monthly_used: Annotated[int, Meta(description="User messages of this UTC month.", examples=[42])]
    monthly_limit: Annotated[int | None, Meta(description="User messages per UTC month; null: no limit.", examples=[100])]
    monthly_resets_at: Annotated[Timestamp, Meta(description="The first of the next month in UTC.")]
    total_queries: Annotated[int, Meta(description="User messages ever sent.", examples=[1234])]
