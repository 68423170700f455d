"""Which base backup and which timeline lead to a time, and whether every segment on the way there is in the archive.

A restore begins a timeline, so the same place in the log may have been written more than once. A time is looked up where it was
lived through: on the timeline of the segment that was being written then, also when a later restore has left that timeline.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from app.backups import wal
from app.backups.wal_stores import ArchiveError


class Base(msgspec.Struct, frozen=True):
    """A base backup, as its base.json says. ended_at: from then on any time can be reached with it. bytes: once unpacked."""

    name: str
    timeline: int
    start_lsn: str
    end_lsn: str
    ended_at: datetime
    bytes: int
    packed_bytes: int

    @property
    def reaches(self) -> str:
        """The first whole second that it leads to, as people are told it."""
        return told(self.ended_at.replace(microsecond=0) + timedelta(seconds=self.ended_at.microsecond > 0))


class Reign(NamedTuple):
    """The part of the log that a timeline has written, on the way to a later one. until: None, up to its end."""

    timeline: int
    start: int
    until: int | None

    def covers(self, number: int) -> bool:
        """Whether it may have written a segment of this number; the one in which it was left is its own and the next one's."""
        return segment(self.start) <= number and (self.until is None or number <= segment(self.until))


class Plan(NamedTuple):
    """How a time is reached. bases: those that will do, the best one first.

    is_whole: all that was written up to the time is at hand, so that the log may end before another transaction comes.
    """

    timeline: int
    bases: list[Base]
    is_whole: bool


class NotReachable(ArchiveError):
    """A time that the archive does not lead to. The text says which ones it does."""


class Segments:
    """What is in the archive, as names tell it; times are asked for one by one.

    beside: the names of what the server itself still has, the last one written first; then nothing is missing up to now.
    """

    def __init__(
        self, names: Iterable[str], ended: Callable[[str], int], history: Callable[[str], str], beside: Iterable[str] = ()
    ) -> None:
        self._ended, self._history = ended, history
        own = [(int(name[:8], 16), number_of(name)) for name in beside if wal.SEGMENT.fullmatch(name)]
        self.beside, self.own_timeline = set(own), own[0][0] if own else None
        self.archived: dict[int, list[int]] = {}
        self.histories: list[int] = []
        for name in sorted(names):
            if wal.SEGMENT.fullmatch(name):
                self.archived.setdefault(int(name[:8], 16), []).append(number_of(name))
            elif name.endswith(".history"):
                self.histories.append(int(name[:8], 16))

    def ended(self, timeline: int, number: int) -> int:
        """When a segment of the archive ended, in seconds since 1970."""
        return self._ended(name_of(timeline, number))

    def at(self, time: datetime) -> tuple[int, int] | None:
        """The segment that was being written at a time; None: the archive ends before."""
        second, found = int(time.timestamp()), []
        for timeline, numbers in self.archived.items():
            place = bisect_left(numbers, second, key=lambda number, timeline=timeline: self.ended(timeline, number))  # type: ignore[misc]
            if place < len(numbers):
                found.append((self.ended(timeline, numbers[place]), timeline, numbers[place]))
        return min(found)[1:] if found else None

    def last(self) -> tuple[int, int] | None:
        """When and on which timeline the last thing in the archive was written."""
        ends = [(self.ended(timeline, numbers[-1]), timeline) for timeline, numbers in self.archived.items()]
        # A restore whose server has not yet filled a segment.
        ends += [(self._ended(f"{timeline:08X}.history"), timeline) for timeline in self.histories]
        return max(ends, default=None)

    def lineage(self, timeline: int) -> list[Reign]:
        """The timelines that lead to one, the first one first, and it itself."""
        found, start = [], 0
        # The first timeline has no history.
        lines = self._history(f"{timeline:08X}.history").splitlines() if timeline > 1 else []
        for line in lines:
            if line.strip() and not line.startswith("#"):
                parent, lsn, *_ = line.split("\t")
                found.append(Reign(int(parent), start, position(lsn)))
                start = position(lsn)
        return [*found, Reign(timeline, start, None)]

    def has(self, lineage: list[Reign], number: int) -> tuple[int, int] | None:
        """The segment of this number on the way along a lineage, of the latest timeline that has it."""
        for reign in reversed(lineage):
            name = reign.timeline, number
            if reign.covers(number) and (number in self.archived.get(reign.timeline, ()) or name in self.beside):
                return name
        return None


def plan(segments: Segments, bases: Iterable[Base], time: datetime | None) -> Plan:
    """Find the way to a time, or to the end of the log where it is None. Raises NotReachable."""
    bases = sorted(bases, key=lambda base: base.ended_at, reverse=True)
    if not bases:
        raise NotReachable("There is no base backup in the archive: nothing can be restored from it.")
    if time is not None and time < bases[-1].ended_at:
        raise NotReachable(f"The first base backup is of {bases[-1].reaches}: nothing before that can be restored.")
    last, place = segments.last(), segments.at(time) if time else None
    if place is None and time is not None and last is not None and not segments.beside:
        raise NotReachable(f"{ENDS.format(told(last[0]))}, {told(time)} is later. {EVERYTHING}")
    timeline = place[0] if place else segments.own_timeline or (last[1] if last else bases[0].timeline)
    lineage = segments.lineage(timeline)
    fitting = [base for base in bases if (time is None or base.ended_at <= time) and _leads_to(base, lineage)]
    if not fitting:
        raise NotReachable(f"No base backup leads to {told(time) if time else 'the end of the log'} on timeline {timeline}.")
    whole = [base for base in fitting if _gap(segments, lineage, base, place) is None]
    if not whole:
        gap = _gap(segments, lineage, fitting[0], place) or 0
        before = segments.has(lineage, gap - 1)
        up_to = (
            f" What is before it ends at {told(segments.ended(*before))}." if before and before not in segments.beside else ""
        )
        raise NotReachable(f"{name_of(timeline, gap)} is missing in the archive, and what comes after it is of no use.{up_to}")
    return Plan(timeline, whole, segments.own_timeline is not None or _is_whole(segments, lineage, place, time))


ENDS = "The archive ends at {}"

EVERYTHING = "For everything that there is: --at latest."


def _is_whole(segments: Segments, lineage: list[Reign], place: tuple[int, int] | None, time: datetime | None) -> bool:
    """Whether the segment of a time, whose end is known to the second, did not end before it."""
    if place is None or time is None:
        return False
    return segments.ended(*place) > time.timestamp() or segments.has(lineage, place[1] + 1) is not None


def _leads_to(base: Base, lineage: list[Reign]) -> bool:
    return any(
        base.timeline == timeline and (until is None or position(base.end_lsn) <= until) for timeline, _, until in lineage
    )


def _gap(segments: Segments, lineage: list[Reign], base: Base, place: tuple[int, int] | None) -> int | None:
    """The first number that is missing from a base on, up to the segment of the time, or as far as there are any."""
    if place is not None:
        last = place[1]
    else:
        known = [number for reign in lineage for number in segments.archived.get(reign.timeline, ()) if reign.covers(number)]
        last = max(known, default=0)
    # A base has the segments that it needs itself.
    first = segment(position(base.end_lsn)) + 1
    return next((number for number in range(first, last + 1) if segments.has(lineage, number) is None), None)


def segment(lsn: int) -> int:
    """The number of the segment that a place in the log is in."""
    return lsn // wal.SEGMENT_BYTES


def position(lsn: str) -> int:
    """A place in the log, which PostgreSQL writes as 0/3000028, as a number."""
    high, low = lsn.split("/")
    return (int(high, 16) << 32) | int(low, 16)


def number_of(name: str) -> int:
    """The number of a segment, which counts on through all timelines."""
    return (int(name[8:16], 16) << 8) | int(name[16:24], 16)


def name_of(timeline: int, number: int) -> str:
    """The name of a segment."""
    return f"{timeline:08X}{number >> 8:08X}{number & 0xFF:08X}"


def told(time: datetime | float) -> str:
    """A time as people are told it, in UTC."""
    moment = (time if isinstance(time, datetime) else datetime.fromtimestamp(time, UTC)).astimezone(UTC)
    fraction = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} UTC"
