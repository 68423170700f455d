"""What the tables of the habit tracker have, and what some of their cells are here."""

from datetime import datetime

from app.importing.values import EPOCH, Row

NEEDED = {
    "users": {"id", "email", "password_hash", "created_at"},
    "habits": {"id", "user_id", "name", "created_at"},
    "habit_logs": {"id", "habit_id", "date", "completed"},
}
"""Without these columns it is no habit tracker."""

TAKEN = {
    "users": NEEDED["users"] | {"google_id", "github_id", "name", "avatar_url", "updated_at", "is_active"},
    "habits": NEEDED["habits"]
    | {"description", "updated_at", "is_archived", "execution_time", "frequency", "habit_type", "reward", "related_habit_id"}
    | {"category_id"},
    "habit_logs": NEEDED["habit_logs"] | {"created_at", "notes", "duration"},
    "categories": {"id", "name", "color", "icon"},
    "tags": {"id", "name", "user_id"},
    "habit_tags": {"habit_id", "tag_id"},
    "comments": {"id", "habit_log_id", "text", "created_at"},
}
"""What has a place here. Every other column is reported with its values."""

FIRST_YEAR = 1900
"""Times before it are kept and reported: they are mistakes."""


def times(row: Row, made_at: datetime | None) -> tuple[datetime, datetime]:
    """When a row was made and changed: where its source does not say, at EPOCH."""
    if made_at is not None and made_at.year < FIRST_YEAR:
        row.changes.append("created_at_range")
    made_at = made_at or EPOCH
    return made_at, row.lenient(row.moment, "updated_at") or made_at


def within(row: Row, name: str, least: int, most: int) -> int | None:
    """A number of a range; another one is left out and noted."""
    value = row.lenient(row.integer, name)
    if value is None or least <= value <= most:
        return value
    row.changes.append(f"{name}_range")
    return None


def nature(row: Row) -> str | None:
    """Useful or pleasant, as an enumeration wrote it: by its value or by its name."""
    word = row.lenient(row.optional_text, "habit_type")
    if word is None:
        return None
    if word.lower() in ("useful", "pleasant"):
        return word.lower()
    row.changes.append("habit_type_known")
    return None
