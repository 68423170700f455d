"""Values that differ: several scripts, emoji, quotes, newlines. The same seed gives the same values."""

import json
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar
from uuid import UUID

Value = TypeVar("Value")

PHRASES = (
    "Water the plants",
    "Read thirty pages",
    "Lies ein Buch \N{EN DASH} «Über die Grenze»",
    "Прочитать главу",
    "読書を三十分する",
    "اقرأ صفحة واحدة",
    "לקרוא עמוד אחד",
    "पानी पियो",
    "Đi bộ buổi sáng",
    'She said "no" & left; it\'s 100 % fine',
    "\N{PERSON IN LOTUS POSITION}\U0001f3fd\N{ZERO WIDTH JOINER}\N{FEMALE SIGN}\ufe0f breathe",
    "cafe\N{COMBINING ACUTE ACCENT} and café",
    "<b>bold</b> {json} $1 %s \\n \\u0000 ${x} -- ; '",
    "tab\there",
    "Robert'); DROP TABLE tasks;--",
)
"""Each is a title that anyone may have typed."""

_PLAIN = (
    "The quick answer is that it depends on what you measure, and when.",
    "First, sort the rows by time; then look at those that come twice.",
    "However, the second model disagrees: its ranking puts response C first.",
    '\n\n```python\nprint("hello")\n```\n\n',
)


def _corpus() -> str:
    random = Random(0)
    return " ".join(random.choice(_PLAIN if random.random() < 0.9 else PHRASES) for _ in range(4000))


CORPUS = _corpus()
BYTES_PER_CHARACTER = len(json.dumps(CORPUS)) / len(CORPUS)

EPOCH = datetime(2023, 1, 1)  # noqa: DTZ001 - the apps wrote utcnow(), which is naive
THREE_YEARS = 3 * 365 * 86_400


class Varied:
    """A source of values."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def one(self, values: Sequence[Value]) -> Value:
        """One of these."""
        return values[int(self.random.random() * len(values))]

    def often(self, share: float = 0.5) -> bool:
        """True, in this share of the calls."""
        return self.random.random() < share

    def uuid(self) -> UUID:
        """A random id of version 4, as uuid.uuid4() makes them."""
        return UUID(int=self.random.getrandbits(128), version=4)

    def title(self) -> str:
        """A line of up to 60 characters, seldom twice the same."""
        return f"{self.one(PHRASES)} {self.random.getrandbits(20)}"

    def prose(self, size: int) -> str:
        """A text of about this many bytes in a file of JSON, with newlines and more than one script; 20 characters at least."""
        length = max(20, int(size / BYTES_PER_CHARACTER))
        start = int(self.random.random() * (len(CORPUS) - length))
        return CORPUS[start : start + length]

    def maybe(self, value: Value, share: float = 0.7) -> Value | None:
        """The value, or nothing."""
        return value if self.often(share) else None

    def at(self) -> datetime:
        """A time of three years, with microseconds, naive: what the apps stored without a zone is UTC."""
        return EPOCH + timedelta(seconds=int(self.random.random() * THREE_YEARS), microseconds=self.random.getrandbits(19))

    def after(self, at: datetime, days: int = 30) -> datetime:
        """A time within so many days after another."""
        return at + timedelta(seconds=1 + int(self.random.random() * days * 86_400))

    def day(self) -> date:
        """A day of the three years."""
        return self.at().date()

    def clock(self) -> time:
        """A time of the day, to the second."""
        return self.at().time().replace(microsecond=0)

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high."""
        return low + int(self.random.random() * (high - low + 1))

    def amount(self, low: int, high: int) -> Decimal:
        """A number with two decimals from low to high."""
        return Decimal(self.number(low * 100, high * 100)).scaleb(-2)
