"""What users, conversations and usage of the council chat become: the same from its files and from its tables."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app.conversations.rules import title_of
from app.importing.staging import Staging
from app.importing.values import EPOCH, Row, midnight

SPELLINGS = {
    "daily_used": ("daily_used", "daily_count", "daily_queries_used"),
    "monthly_used": ("monthly_used", "monthly_count", "monthly_queries_used"),
    "last_reset_daily": ("last_reset_daily", "last_daily_reset"),
    "last_reset_monthly": ("last_reset_monthly", "last_monthly_reset"),
}
"""What the app called the fields of its usage files, from one version to the next."""

USAGE = {"user_id", "tier", "daily_limit", "monthly_limit", "total_queries", "subscription_id", "subscription_status"}.union(
    *SPELLINGS.values()
)

TIERS = ("free", "pro", "enterprise")

FREE = {"daily_limit": 10, "monthly_limit": 100}
"""The limits of the app's free tier, for a file that does not say them."""

LATEST = datetime(9999, 1, 1, tzinfo=UTC)


class Rows:
    """The tables that are filled."""

    def declare(self, staging: Staging) -> None:
        """Say which tables and columns are filled."""
        self.staging = staging
        self._users = staging.table("users", "is_external", "created_at", "updated_at")
        self._identities = staging.table("identities", "provider", "subject", "created_at")
        self._conversations = staging.table(
            "conversations", "id", "title", "last_seq", "last_activity_at", "extra", "created_at", "updated_at"
        )
        self.messages = staging.table(
            "messages",
            "conversation_id",
            "seq",
            "role",
            "content",
            "stage1",
            "stage2",
            "stage3",
            "metadata",
            "extra",
            "created_at",
        )
        self._usage = staging.table(
            "usage",
            *("tier", "daily_used", "daily_limit", "monthly_used", "monthly_limit", "total_queries", "last_reset_daily"),
            *("last_reset_monthly", "created_at", "subscription_id", "subscription_status"),
        )

    def user(self, uid: str, made_at: datetime | None) -> None:
        """Stage the account of an id that Firebase gave."""
        made_at = made_at or EPOCH
        self._users.add(uid, None, *(True, made_at, made_at))
        self._identities.add(f"{uid}/firebase", uid, "firebase", uid, made_at)

    def conversation(self, key: str, owner: str | None, row: Row, *values: Any, at: str) -> None:
        """Stage a conversation: `values` are its columns. What was changed in it is reported."""
        self._conversations.add(key, owner, *values, at=at)
        if row.changes:
            self.staging.report("changed", "conversations", at, ", ".join(row.changes), content=dict(row.values), owner=owner)

    def usage(self, uid: str, row: Row, at: str) -> None:
        """Stage what a user has used up."""
        values = row.values
        tier = row.lenient(row.optional_text, "tier") or "free"
        if tier not in TIERS:
            row.changes.append("usage_tier_known")
            tier = "free"
        limits: dict[str, int | None] = {}
        for name, limit in FREE.items():
            if name not in values and tier == "free":
                row.changes.append(f"{name}_missing")
                limits[name] = limit
            else:
                # None is no limit: a limit that cannot be read is the one of the free tier.
                limits[name] = _counted(row, name, limit if values.get(name) is not None else None)
        last_daily, last_monthly = (_spelled(row, name, row.day) for name in ("last_reset_daily", "last_reset_monthly"))
        began = min((midnight(day) for day in (last_daily, last_monthly) if day), default=EPOCH)
        if values.get("user_id") not in (None, uid):
            row.changes.append("user_id_differs")
        self._usage.add(
            uid,
            uid,
            tier,
            _spelled(row, "daily_used", lambda name: _counted(row, name, 0)) or 0,
            limits["daily_limit"],
            _spelled(row, "monthly_used", lambda name: _counted(row, name, 0)) or 0,
            limits["monthly_limit"],
            _counted(row, "total_queries", 0) or 0,
            last_daily or EPOCH.date(),
            (last_monthly or EPOCH.date()).replace(day=1),
            began,
            row.lenient(row.optional_text, "subscription_id"),
            row.lenient(row.optional_text, "subscription_status"),
            at=at,
        )
        if row.changes:
            self.staging.report("changed", "usage", at, ", ".join(row.changes), content=dict(values), owner=uid)


def _spelled(row: Row, name: str, taken: Callable[[str], Any]) -> Any:
    """A cell by the first of its names that the row has."""
    for spelling in SPELLINGS[name]:
        if spelling in row.values:
            return row.lenient(taken, spelling)
    return None


def _counted(row: Row, name: str, other: int | None) -> int | None:
    """A number from 0 on; another one is `other`."""
    before = len(row.changes)
    found = row.lenient(row.integer, name)
    if found is not None and found >= 0:
        return found
    if found is not None:
        row.changes.append(f"{name}_range")
    return other if len(row.changes) > before else None


def began(row: Row) -> datetime:
    """When a conversation began; without that, in 1970."""
    made_at = row.lenient(row.moment, "created_at")
    if made_at is None and not any(change.startswith("created_at") for change in row.changes):
        row.changes.append("created_at_missing")
    # Later there is no room for the times of its messages.
    if made_at is not None and made_at >= LATEST:
        row.changes.append("created_at_range")
        made_at = None
    return made_at or EPOCH


def titled(row: Row, first: str | None) -> str | None:
    """The title of a conversation, or the one that its first message gives it. None: it gets the one of those without."""
    title = row.lenient(row.optional_text, "title")
    if title is None:
        if row.values.get("title") is not None and "title_type" not in row.changes:
            row.changes.append("title_blank")
        title = title_of(first or "") or None
    return title
