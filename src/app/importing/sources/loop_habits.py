"""Habits of the Loop Habit Tracker: what their rhythms, numbers and colours are here."""

from datetime import time
from decimal import Decimal
from typing import Any, NamedTuple

from app.importing.values import Row

COLUMNS = (
    *("name", "description", "kind", "unit", "target_value", "frequency", "target_days", "interval_days", "color"),
    *("reminder_time", "is_archived", "position", "created_at", "updated_at"),
)

PALETTE = (
    *("#D32F2F", "#E64A19", "#F57C00", "#FF8F00", "#F9A825", "#AFB42B", "#7CB342", "#388E3C", "#00897B", "#00ACC1"),
    *("#039BE5", "#1976D2", "#303F9F", "#5E35B1", "#8E24AA", "#D81B60", "#5D4037", "#424242", "#757575", "#9E9E9E"),
)
"""The app's colours by their numbers, as its light theme shows them."""

_NUMBERED = 14
"""The version from which on a colour is a number of a palette; before, the colour itself in 32 bits, the first 8 set."""

_WIDENED = 21
"""The version from which on the palette is PALETTE. It was made of these before, and grew."""

_FORMER = (0, 1, 4, 5, 7, 8, 9, 10, 13, 14, 15, 17, 19)

EVERY_DAY = 127
"""A reminder's days: a bit for each."""

AT_LEAST = 0
"""The kind of target that has a place here. Of another, "at most", the number would mean the opposite."""


class Mapped(NamedTuple):
    """A habit: what stands in COLUMNS but for the times, and what its entries are judged by."""

    values: tuple[Any, ...]
    is_numeric: bool
    target: Decimal | None


def mapped(row: Row, version: int) -> Mapped:
    """A habit of a backup. What has no place is noted. Raises Refused."""
    is_numeric = _is_numeric(row)
    target = _target(row, is_numeric=is_numeric)
    values = (
        row.text("name"),
        _description(row),
        "numeric" if is_numeric else "boolean",
        row.lenient(row.optional_text, "unit"),
        target,
        *_rhythm(row),
        _color(row, version),
        _reminder(row),
        _is_archived(row),
        _position(row),
    )
    return Mapped(values, is_numeric, target)


def _is_numeric(row: Row) -> bool:
    kind = row.values.get("type") or 0
    if kind not in (0, 1):
        row.changes.append("type_known")
    return kind == 1


def _target(row: Row, *, is_numeric: bool) -> Decimal | None:
    kind, value = row.values.get("target_type") or AT_LEAST, row.lenient(row.number, "target_value")
    if kind != AT_LEAST:
        row.changes.append("target_type_at_least")
        return None
    if value is None or (value == 0 and not is_numeric):
        return None
    if not is_numeric:
        row.changes.append("habits_target_value_numeric")
        return None
    if value <= 0:
        row.changes.append("habits_target_value_range")
        return None
    return value


def _description(row: Row) -> str | None:
    """The question, which was called description before version 23, and below it what is called so since."""
    texts = (row.lenient(row.optional_text, name) for name in ("question", "description"))
    return "\n\n".join(text for text in texts if text is not None) or None


def _rhythm(row: Row) -> tuple[str, int | None, int | None]:
    """A frequency, target_days and interval_days for "n times in d days".

    As they are: once a day and seven times in seven days; n times in 7 days, a week; n times in 30 or 31, which the app calls a
    month; once in d days up to 365. What else its screens let through becomes what is nearest, and is noted: more often than
    daily is daily; n times in 28 or 29 days are a month, too; other rhythms become once in so many days where there are two
    or more for each time, and so many times a week where there are fewer.
    """
    times, days = (row.lenient(row.integer, name) for name in ("freq_num", "freq_den"))
    if times is None or days is None or times < 1 or days < 1:
        row.changes.append("frequency_form")
        return "daily", None, None
    if (times, days) in ((1, 1), (7, 7)):
        return "daily", None, None
    if times < days:
        if days == 7:
            return "weekly", times, None
        if days in (30, 31):
            return "monthly", times, None
        if times == 1 and days <= 365:
            return "interval", None, days
    row.changes.append("frequency_nearest")
    if times >= days:
        return "daily", None, None
    if days in (28, 29):
        return "monthly", times, None
    if days >= 2 * times:
        return "interval", None, min((2 * days + times) // (2 * times), 365)
    return "weekly", min((14 * times + days) // (2 * days), 7), None


def _color(row: Row, version: int) -> str | None:
    color = row.lenient(row.integer, "color")
    if color is None:
        return None
    if version < _NUMBERED:
        if -(2**24) <= color < 0:
            return f"#{color & 0xFFFFFF:06X}"
    else:
        palette = range(len(PALETTE)) if version >= _WIDENED else _FORMER
        if 0 <= color < len(palette):
            return PALETTE[palette[color]]
    row.changes.append("color_known")
    return None


def _reminder(row: Row) -> time | None:
    hour, minute, days = (row.lenient(row.integer, f"reminder_{name}") for name in ("hour", "min", "days"))
    if days not in (None, EVERY_DAY):
        # There is no place for the days. On none of them is no reminder.
        row.changes.append("reminder_days_every")
    if hour is None and minute is None:
        return None
    try:
        return time(hour, minute) if days != 0 else None  # type: ignore[arg-type]
    except (TypeError, ValueError):
        row.changes.append("reminder_form")
        return None


def _is_archived(row: Row) -> bool:
    found = row.values.get("archived") or 0
    if found not in (0, 1):
        row.changes.append("archived_form")
    return found == 1


def _position(row: Row) -> int:
    found = row.lenient(row.integer, "position") or 0
    if 0 <= found <= 1_000_000:
        return found
    row.changes.append("habits_position_range")
    return 0
