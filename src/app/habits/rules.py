"""The rule of a habit's entries that depends on the user's date."""

import datetime as dt
from zoneinfo import ZoneInfo

from app.problems.catalog import invalid


def check_day(date: dt.date, timezone: str, *, is_skipped: bool) -> None:
    """Raise Problem 422 for an entry of a day that cannot have happened yet, in the user's time zone.

    Tomorrow is accepted: a phone may be in another time zone than its account. So is any later day that is skipped:
    holidays are planned.
    """
    tomorrow = dt.datetime.now(ZoneInfo(timezone)).date() + dt.timedelta(days=1)
    if date > tomorrow and not is_skipped:
        raise invalid("date", "in_future", "lies ahead: such a day can only be skipped")
