"""What the year is drawn with: its days, chance that repeats by its seed, and ids as old as their rows."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

T = TypeVar("T")

Row = dict[str, Any]

DAYS = 365


class Draw(NamedTuple):
    """Chance for what is in the rows, and for the ends of their ids; the first day, and the one after the last."""

    chance: Random
    ids: Random
    first: date
    end: date

    @classmethod
    def of(cls, seed: int, user_id: UUID, today: date) -> "Draw":
        """The year before a day. The same seed has the same rows whoever they are of; the ids are each user's own."""
        # Not for secrets: it shall repeat.
        return cls(Random(seed), Random(f"{seed} {user_id}"), today - timedelta(days=DAYS), today)  # noqa: S311

    def days(self) -> list[date]:
        """The days of the year, the first one first."""
        return [self.first + timedelta(days=number) for number in range(DAYS)]

    def at(self, day: date, first_hour: int, last_hour: int) -> datetime:
        """A moment of a day between two hours."""
        seconds = self.chance.randrange(first_hour * 3600, last_hour * 3600)
        return datetime.combine(day, time(), UTC) + timedelta(seconds=seconds)

    def id_at(self, at: datetime) -> str:
        """An id (UUIDv7) that sorts with what was made at a time."""
        milliseconds = int(at.timestamp() * 1000)
        return str(UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | self.ids.getrandbits(62)))

    def happens(self, probability: float) -> bool:
        """Whether something happens."""
        return self.chance.random() < probability

    def one_of(self, choices: Sequence[T]) -> T:
        """One of several."""
        return self.chance.choice(choices)

    def about(self, value: float, spread: float, digits: int = 0) -> float:
        """A number near another one, and never below zero."""
        found = round(max(0.0, self.chance.gauss(value, spread)), digits)
        return found if digits else int(found)

    def rating(self, middle: float) -> int:
        """A mark from 1 to 10."""
        return min(10, max(1, round(self.chance.gauss(middle, 1.4))))
