"""When a goal recurs: recurrence rules of RFC 5545, for days only."""

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from dateutil.rrule import rrulestr
from msgspec import UnsetType

from app.http.fields import END, LAST_DAY
from app.problems.problem import Problem, invalid

_WEEKDAY = "(MO|TU|WE|TH|FR|SA|SU)"
_DAY_OF_YEAR = "[+-]?(36[0-6]|3[0-5][0-9]|[12][0-9]{2}|[1-9][0-9]?)"


def _part(name: str, value: str, *, many: bool = True) -> str:
    return f"{name}={value}(,{value})*" if many else f"{name}={value}"


_ANY = "|".join(
    (
        _part("INTERVAL", "[1-9][0-9]{0,2}", many=False),
        _part("COUNT", "[1-9][0-9]{0,3}", many=False),
        _part("UNTIL", "[0-9]{8}(T([01][0-9]|2[0-3])[0-5][0-9]([0-5][0-9]|60)Z?)?", many=False),
        _part("WKST", _WEEKDAY, many=False),
        _part("BYMONTH", "(1[0-2]|[1-9])"),
    )
)
_MONTHLY = "|".join((_ANY, _part("BYMONTHDAY", "[+-]?(3[01]|[12][0-9]|[1-9])"), _part("BYSETPOS", _DAY_OF_YEAR)))
_YEARLY = "|".join((_MONTHLY, _part("BYYEARDAY", _DAY_OF_YEAR), _part("BYWEEKNO", "[+-]?(5[0-3]|[1-4][0-9]|[1-9])")))

RECURRENCE = (
    "^(RRULE:)?FREQ=("
    f"(DAILY|WEEKLY)(;({_ANY}|{_part('BYDAY', _WEEKDAY)}))*"
    f"|MONTHLY(;({_MONTHLY}|{_part('BYDAY', f'([+-]?[1-5])?{_WEEKDAY}')}))*"
    f"|YEARLY(;({_YEARLY}|{_part('BYDAY', f'([+-]?(5[0-3]|[1-4][0-9]|[1-9]))?{_WEEKDAY}')}))*"
    f"){END}"
)
"""RFC 5545, 3.3.10, for days only: FREQ is the first part, and each FREQ takes the parts that have a meaning for it."""

HORIZON = 10
"""Years within which the next day must come."""


class Occurrence(NamedTuple):
    """The next occurrence of a recurring goal."""

    start_date: date
    end_date: date | None
    pattern: str


def next_occurrence(pattern: str, start: date, end: date | None) -> Occurrence | None:
    """The occurrence after the one that began on `start` and was to end on `end`.

    It begins on the rule's first day after `start`, which is the rule's DTSTART and counts as its first occurrence (RFC 5545,
    3.3.10): a COUNT is one lower in the next pattern. It lasts as long as the previous one, and does not end before it
    begins. None: the rule is used up (COUNT, UNTIL), names no day within HORIZON years, or is not a rule; or `start` is not
    within 1901 to 2089.
    """
    try:
        parts = _parts(pattern)
        until = date.fromisoformat(parts["UNTIL"][:8]) if "UNTIL" in parts else LAST_DAY
        count = int(parts.get("COUNT", "2"))
        begin = _next_day(parts, start)
        next_end = end and max(begin, end + (begin - start)) if begin else None
    except (ValueError, IndexError, OverflowError):
        return None
    if begin is None or begin > until or count < 2:
        return None
    return Occurrence(begin, next_end, re.sub(r"COUNT=\d+", f"COUNT={count - 1}", pattern))


def check(pattern: str | None | UnsetType) -> None:
    """Raise Problem 422 for a rule that RFC 5545 forbids or python-dateutil refuses, or that names no day.

    Decoding has checked its form.
    """
    if not isinstance(pattern, str):
        return
    try:
        parts = _parts(pattern)
        date.fromisoformat(parts.get("UNTIL", "20000101")[:8])
        day = _next_day({**parts, "INTERVAL": "1"}, date(2000, 1, 1))
    except (ValueError, IndexError):
        raise _refused("is not a recurrence rule of RFC 5545") from None
    if "COUNT" in parts and "UNTIL" in parts:
        raise _refused("must not have both COUNT and UNTIL")
    if "BYSETPOS" in parts and not any(name.startswith("BY") for name in parts.keys() - {"BYSETPOS"}):
        raise _refused("must not have BYSETPOS without another BY part")
    if day is None:
        raise _refused("names no day that ever comes")


def _refused(message: str) -> Problem:
    return invalid("recurrence_pattern", "rule", message)


def _parts(pattern: str) -> dict[str, str]:
    """The parts of a rule by their names. Raises ValueError for a text that is no rule, and for a part that is there twice."""
    if not re.fullmatch(RECURRENCE, pattern):
        raise ValueError(pattern)
    pairs = [part.partition("=")[::2] for part in pattern.removeprefix("RRULE:").split(";")]
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError(pattern)
    return dict(pairs)


def _next_day(parts: dict[str, str], after: date) -> date | None:
    """The first day of a rule after its DTSTART, within HORIZON years, ignoring COUNT and UNTIL. None: there is none.

    Raises ValueError or IndexError for a rule that python-dateutil refuses.
    """
    # For a day that never comes dateutil searches up to the year 9999: 5 s of CPU. So the dates are moved shortly before that
    # end: from 1901 to 2099 the calendar repeats every 28 years, and over all every 400 years.
    if not 1901 <= after.year <= 2099 - HORIZON:
        return None
    years = 8000 + 1961 + (after.year - 1961) % 28 - after.year
    rule = ";".join(f"{name}={value}" for name, value in parts.items() if name not in {"COUNT", "UNTIL"})
    start = datetime.combine(after.replace(year=after.year + years), time())
    found = rrulestr(rule, dtstart=start).after(start)
    if found is None or found > start + timedelta(days=366 * HORIZON):
        return None
    return found.date().replace(year=found.year - years)
