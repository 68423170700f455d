"""Ids made here: those of rows whose creator did not choose one."""

from datetime import UTC, date, datetime
from secrets import randbits
from time import time_ns
from uuid import UUID

_LAST = 253_402_214_400_000_000
"""9999-12-31 in microseconds since 1970: where new_id() of the database stops, too."""

_newest = 0


def new_id() -> UUID:
    """Make a UUIDv7 (RFC 9562, 5.7) of now as the database does: microseconds after the version, then 62 random bits.

    Each sorts after those that this process made before, also when the clock was set back: they count on from the newest.
    """
    global _newest  # noqa: PLW0603 - the newest id of the process is the process's
    _newest = min(max(time_ns() // 1000, _newest + 1), _LAST)
    milliseconds, microseconds = divmod(_newest, 1000)
    fraction = microseconds * 4096 // 1000
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | randbits(62))


def first_id(day: date) -> UUID:
    """The id before those of all rows that are made on a day in UTC or later. Before 1970 there are no times in ids."""
    seconds = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return UUID(int=max(0, int(seconds)) * 1000 << 80)
