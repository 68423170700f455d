"""The life manifest's users, goals, habits, entries and tags as they are here: columns that are made by a rule of their own."""

from datetime import date, datetime
from decimal import Decimal

from app.accounts.inputs import timezones
from app.importing.sources import cells
from app.importing.sources.cells import MILLION, TIMES, Cells
from app.importing.sources.hashes import known_hash
from app.importing.values import Row

# Users


def _username(row: Row) -> str | None:
    """The name to log in with; one that cannot be it is shown as the name."""
    name = row.text("username")
    if name is None or (name.isascii() and 3 <= len(name) <= 50 and all(each.isalnum() or each in "_.-" for each in name)):
        return name
    row.changes.append("users_username_form")
    return None


def _name(row: Row) -> str | None:
    """What the user is called, if the name to log in with cannot be that here."""
    return row.text("username") if "users_username_form" in row.changes else None


def _zone(row: Row) -> str:
    zone = row.lenient(row.optional_text, "timezone")
    if zone in timezones():
        return str(zone)
    row.changes.append("timezone_known")
    return "UTC"


USERS: Cells = (
    ("email", lambda row: row.optional_text("email")),
    ("username", _username),
    ("name", _name),
    ("password_hash", lambda row: known_hash(row, "password_hash")),
    ("first_name", cells.words("first_name")),
    ("last_name", cells.words("last_name")),
    ("bio", cells.words("bio")),
    ("avatar_url", cells.words("avatar_url")),
    ("timezone", _zone),
    ("is_active", lambda row: row.flag("is_active", default=True)),
    # The app says that it was, not when.
    ("email_verified_at", lambda row: cells.created(row) if row.lenient(row.flag, "is_verified") else None),
    ("last_login_at", lambda row: row.lenient(row.moment, "last_login_at")),
    *TIMES,
)


# Goals


def _ending(row: Row) -> date | None:
    start, end = row.lenient(row.day, "start_date"), row.lenient(row.day, "end_date")
    if start and end and end < start:
        row.changes.append("goals_end_date_order")
        return None
    return end


def status(row: Row) -> str | None:
    """A goal's status, by the word that it has here."""
    word = row.text("status")
    return "active" if word == "in_progress" else word


def _completed(row: Row) -> datetime | None:
    at = row.lenient(row.moment, "completed_at")
    if status(row) == "completed":
        return at or cells.updated(row)
    if at:
        row.changes.append("goals_completed_at_status")
    return None


def _is_recurring(row: Row) -> bool:
    is_recurring = row.lenient(row.flag, "is_recurring") or False
    if is_recurring and row.lenient(row.optional_text, "recurrence_pattern") is None:
        row.changes.append("goals_recurrence_pattern_needed")
        return False
    return is_recurring


GOALS: Cells = (
    ("title", cells.needed("title")),
    ("description", cells.words("description")),
    ("goal_type", lambda row: "life" if row.values.get("goal_type") == "life_goal" else row.text("goal_type")),
    ("category", cells.words("category")),
    ("target_value", cells.number("target_value", 0, above=True)),
    ("target_unit", cells.words("target_unit")),
    ("start_date", lambda row: row.lenient(row.day, "start_date")),
    ("end_date", _ending),
    ("status", status),
    ("priority", cells.whole("priority", 0, 5)),
    ("is_recurring", _is_recurring),
    ("recurrence_pattern", cells.words("recurrence_pattern")),
    ("completed_at", _completed),
    *TIMES,
)


# Habits


def _target_days(row: Row) -> int | None:
    frequency, days = row.values.get("frequency"), row.lenient(row.integer, "target_days")
    if frequency in ("weekly", "monthly", "custom"):
        if days is not None and 1 <= days <= (31 if frequency == "monthly" else 7):
            return days
        # Once a week is what is left of "weekly" when nothing says how often.
        row.changes.append("habits_target_days_needed")
        return 1
    if days is not None:
        row.changes.append("habits_target_days_needed")
    return None


_target = cells.number("target_value", 0, above=True)


def _habit_target(row: Row) -> Decimal | None:
    value: Decimal | None = _target(row)
    if value is not None and row.values.get("kind") != "numeric":
        row.changes.append("habits_target_value_numeric")
        return None
    return value


HABITS: Cells = (
    ("name", cells.needed("name")),
    ("description", cells.words("description")),
    ("kind", cells.needed("kind")),
    ("unit", cells.words("unit")),
    ("target_value", _habit_target),
    ("frequency", cells.needed("frequency")),
    ("target_days", _target_days),
    ("category", cells.words("category")),
    ("color", cells.color("color")),
    ("icon", cells.words("icon")),
    ("reminder_time", cells.clock("reminder_time")),
    ("is_archived", cells.flag("is_archived")),
    ("position", cells.whole("position", 0, MILLION)),
    *TIMES,
)


# The journal, and tags


def _published(row: Row) -> datetime | None:
    at = row.lenient(row.moment, "published_at")
    if row.values.get("status") == "published":
        return at or cells.created(row)
    if at:
        row.changes.append("blog_entries_published_at_status")
    return None


def _views(row: Row) -> int:
    views = row.lenient(row.number, "view_count")
    if views is None or views < 0 or views != int(views):
        if views is not None:
            row.changes.append("blog_entries_view_count_range")
        return 0
    return int(views)


BLOG: Cells = (
    ("title", cells.needed("title")),
    ("content", cells.needed("content")),
    ("excerpt", cells.words("excerpt")),
    ("status", cells.needed("status")),
    ("is_featured", cells.flag("is_featured")),
    ("is_public", cells.flag("is_public")),
    ("view_count", _views),
    ("published_at", _published),
    *TIMES,
)

TAGS: Cells = (
    ("name", cells.needed("name")),
    ("category", cells.words("category")),
    ("color", cells.color("color")),
    ("description", cells.words("description")),
    *TIMES,
)
