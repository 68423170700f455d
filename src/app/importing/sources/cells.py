"""The cells of a target's row, each by what it takes from a row of a source: for sources with many plain columns.

What the target needs is taken strictly: a row without it is refused. Everything else that the target's checks would refuse is
left empty and noted in the row's `changes`, so that one odd cell does not cost the row. Text is never cut: too long a one is
refused where the rows are moved.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from app.importing.values import EPOCH, Refused, Row

Cell = Callable[[Row], Any]
Cells = Sequence[tuple[str, Cell]]
"""The columns of a target, and what is in them."""

BILLION = 10**9
MILLION = 10**6


def columns(cells: Cells) -> list[str]:
    """The names of the columns."""
    return [name for name, _ in cells]


def values(cells: Cells, row: Row) -> list[Any]:
    """What a row has for them. Raises Refused."""
    return [cell(row) for _, cell in cells]


def needed(name: str) -> Cell:
    """Text that the target needs."""
    return lambda row: row.text(name)


def words(name: str) -> Cell:
    """Text; a blank one is none."""

    def taken(row: Row) -> str | None:
        return None if row.values.get(name) is None else row.lenient(row.optional_text, name)

    return taken


def one_of(name: str, *known: str) -> Cell:
    """A word, which is left empty unless it is one of these."""

    def taken(row: Row) -> str | None:
        word = row.lenient(row.optional_text, name)
        if word is None or word in known:
            return word
        row.changes.append(f"{name}_known")
        return None

    return taken


def number(name: str, low: int, high: int = BILLION, *, above: bool = False) -> Cell:
    """A number from `low`, or above it, to `high`."""
    # Compared with an int, a Decimal makes one of it each time.
    least, most = Decimal(low), Decimal(high)

    def taken(row: Row) -> Decimal | None:
        if row.values.get(name) is None:
            return None
        value = row.lenient(row.number, name)
        if value is None or (least <= value <= most and not (above and value == least)):
            return value
        row.changes.append(f"{name}_range")
        return None

    return taken


def whole(name: str, low: int, high: int) -> Cell:
    """A whole number from `low` to `high`."""

    def taken(row: Row) -> int | None:
        if row.values.get(name) is None:
            return None
        value = row.lenient(row.integer, name)
        if value is None or low <= value <= high:
            return value
        row.changes.append(f"{name}_range")
        return None

    return taken


def measured(name: str, low: int, high: int, unit: str, *units: str) -> tuple[tuple[str, Cell], tuple[str, Cell]]:
    """A number and its unit, which is one of `units`: without that the number says nothing, and is left empty."""
    amount, known = number(name, low, high), one_of(unit, *units)

    def taken(row: Row) -> Decimal | None:
        value: Decimal | None = amount(row)
        if value is not None and row.values.get(unit) not in units:
            row.changes.append(f"{unit}_needed")
            return None
        return value

    return (name, taken), (unit, known)


def feeling(name: str, word: str, number: str) -> tuple[tuple[str, Cell], tuple[str, Cell]]:
    """A mood: a word, or a number of 1 to 10, as text even. The columns are those of the word and of the number."""

    def mood(row: Row) -> int | None:
        return _MOODS.get(row.values.get(name))

    def said(row: Row) -> str | None:
        value = row.values.get(name)
        return None if value is None or value in _MOODS else row.lenient(row.optional_text, name)

    return (word, said), (number, mood)


_MOODS: dict[Any, int] = {text: mood for mood in range(1, 11) for text in (mood, str(mood))}


def flag(name: str) -> Cell:
    """A boolean; without one it is false."""

    def taken(row: Row) -> bool:
        value = row.values.get(name)
        return value if type(value) is bool else row.lenient(row.flag, name) or False

    return taken


def day(name: str) -> Cell:
    """A day that the target needs."""
    return lambda row: row.day(name)


def clock(name: str) -> Cell:
    """A time of day."""

    def taken(row: Row) -> time | None:
        return None if row.values.get(name) is None else row.lenient(row.clock, name)

    return taken


def color(name: str) -> Cell:
    """A color as #rrggbb."""

    def taken(row: Row) -> str | None:
        value = row.lenient(row.optional_text, name)
        if value is None or (len(value) == 7 and value[0] == "#" and all(digit in _HEX for digit in value[1:])):
            return value
        row.changes.append(f"{name}_form")
        return None

    return taken


_HEX = set("0123456789abcdefABCDEF")


def created(row: Row) -> datetime:
    """When the row was made."""
    return row.lenient(row.moment, "created_at") or EPOCH


def updated(row: Row) -> datetime:
    """When it was changed last; where that is not known, when it was made."""
    return row.lenient(row.moment, "updated_at") or row.lenient(row.moment, "created_at") or EPOCH


TIMES: Cells = (("created_at", created), ("updated_at", updated))


def key(row: Row, name: str, rule: str) -> str:
    """A key that the row cannot do without. Raises Refused by `rule`."""
    value = row.values.get(name)
    if value is None:
        raise Refused(rule)
    return str(value)
