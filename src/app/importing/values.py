"""The cells of a source's rows as PostgreSQL takes them. SQLite keeps any type in any column, and JSON has no dates."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

T = TypeVar("T")

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_UNFIT = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL keeps in no text: U+0000, and halves of a character."""


class Refused(Exception):
    """A row cannot be imported. `rule` says which column, and why: `date_form`."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Row:
    """One row of a source. What is taken out of it is converted; a column that the source does not have is None.

    `changes` has a rule for each cell that could not be taken as it is.
    """

    __slots__ = ("changes", "values", "zone")

    def __init__(self, values: Mapping[str, Any], zone: tzinfo = UTC) -> None:
        self.values = values
        self.zone = zone
        self.changes: list[str] = []

    def text(self, name: str) -> str | None:
        """Text, in which U+0000 and halves of a character are replaced. Raises Refused for bytes."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            if isinstance(value, bytes):
                raise Refused(f"{name}_type")
            value = str(value)
        if value.isascii() and "\0" not in value:
            return value
        fit = _UNFIT.sub(REPLACEMENT, value)
        if fit != value:
            self.changes.append(f"{name}_characters")
        return fit

    def optional_text(self, name: str) -> str | None:
        """Text, or None when it is blank: for columns where an empty text means that there is none."""
        value = self.text(name)
        return value if value and not value.isspace() else None

    def lenient(self, taken: Callable[[str], T], name: str) -> T | None:
        """An optional cell, by one of the others: `row.lenient(row.integer, "duration")`. What is refused is noted: None."""
        try:
            return taken(name)
        except Refused as refused:
            self.changes.append(refused.rule)
            return None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean, also as 0, 1 or a word; NULL is the default. Raises Refused."""
        value = self.values.get(name)
        if value is None:
            return default
        if value in (0, 1):
            return bool(value)
        found = _FLAGS.get(str(value).strip().lower())
        if found is None:
            raise Refused(f"{name}_form")
        return found

    def integer(self, name: str) -> int | None:
        """A whole number of 32 bits. Raises Refused for anything else."""
        found = self.values.get(name)
        if found is None:
            return None
        value = found if type(found) is int else self.number(name)
        if value is None:
            return None
        if value != int(value) or not -(2**31) <= value < 2**31:
            raise Refused(f"{name}_form")
        return int(value)

    def number(self, name: str) -> Decimal | None:
        """A number, also as text. Raises Refused for what is none, and for infinite ones."""
        value = self.values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise Refused(f"{name}_form")
        try:
            # By its shortest decimal form: 0.1 is 0.1, as the app showed it.
            number = value if type(value) is Decimal else Decimal(str(value).strip())
        except InvalidOperation:
            raise Refused(f"{name}_form") from None
        if not number.is_finite() or not -30 <= number.adjusted() <= 30:
            raise Refused(f"{name}_form")
        return number

    def moment(self, name: str) -> datetime | None:
        """A time: aware, or naive in the zone of the import. Raises Refused for what is none."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            value = _parsed(value, name)
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - its zone is added below
        if not isinstance(value, datetime):
            raise Refused(f"{name}_form")
        try:
            if value.tzinfo is None:
                value = value.replace(tzinfo=self.zone)
            return value if value.tzinfo is UTC else value.astimezone(UTC)
        except OverflowError:
            raise Refused(f"{name}_range") from None

    def day(self, name: str) -> date | None:
        """A day, also as a time: of that, its own day. Raises Refused for what is none."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                return date.fromisoformat(value) if len(value) == len("2024-02-29") else datetime.fromisoformat(value).date()
            except ValueError:
                value = _parsed(value, name)
        if isinstance(value, datetime):
            return value.date()
        if not isinstance(value, date):
            raise Refused(f"{name}_form")
        return value

    def clock(self, name: str) -> time | None:
        """A time of day. Raises Refused for what is none."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                return time.fromisoformat(value.strip()).replace(tzinfo=None)
            except ValueError:
                value = _parsed(value, name)
        if isinstance(value, datetime):
            value = value.time()
        if not isinstance(value, time):
            raise Refused(f"{name}_form")
        return value.replace(tzinfo=None)


_FLAGS = {
    "true": True,
    "t": True,
    "yes": True,
    "y": True,
    "1": True,
    "false": False,
    "f": False,
    "no": False,
    "n": False,
    "0": False,
}
"""The words of booleans."""


def _parsed(value: str, name: str) -> datetime:
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        raise Refused(f"{name}_form") from None


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of rows for which a source has none."""


def midnight(day: date) -> datetime:
    """The beginning of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def dated(key: Any, made_at: datetime | None) -> str:
    """The key of a row whose number another database of the same app may have as well: 17@1700000000000000."""
    if made_at is None:
        return str(key)
    since = made_at - EPOCH
    return f"{key}@{(since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds}"
