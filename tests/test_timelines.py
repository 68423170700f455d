"""How a time is found in an archive: the base backup, the timeline, and what is missing on the way."""

from datetime import UTC, datetime, timedelta

import pytest

from app.backups import timelines
from app.backups.timelines import Base, NotReachable, Segments, name_of, plan, position

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def base(minute: float, number: int, timeline: int = 1) -> Base:
    """One that was made in a segment."""
    lsn = f"0/{number:X}000{{}}"
    return Base(f"{minute}", timeline, lsn.format("028"), lsn.format("158"), at(minute), 1, 1)


def archive(*runs: tuple[int, int, int, float], switches: dict[int, str] | None = None) -> Segments:
    """Runs of segments, one a minute: timeline, first and last number, and the minute in which the first one ended."""
    ends = {name_of(tli, n): at(minute + n - first) for tli, first, last, minute in runs for n in range(first, last + 1)}
    histories = {f"{tli:08X}.history": text for tli, text in (switches or {}).items()}
    first_ends = {f"{tli:08X}.history": at(minute - 1) for tli, _, _, minute in reversed(runs)}
    return Segments(
        [*ends, *histories, "000000010000000000000002.00000028.backup", "cluster"],
        lambda name: int((ends | first_ends)[name].timestamp()),
        lambda name: histories[name],
    )


# One timeline, segments 1 to 20; the first one ended at 12:01.
PLAIN = archive((1, 1, 20, 1))


@pytest.mark.parametrize(("minute", "made"), [(3, 2), (9.99, 2), (10, 10), (19.5, 10)])
def test_the_newest_base_backup_before_a_time_is_taken(minute: float, made: float) -> None:
    found = plan(PLAIN, [base(2, 3), base(10, 11)], at(minute))
    assert (found.timeline, found.bases[0].ended_at) == (1, at(made))


def test_without_a_time_the_newest_base_backup_and_the_whole_log_are_taken() -> None:
    found = plan(PLAIN, [base(2, 3), base(10, 11)], None)
    assert (found.timeline, [each.ended_at for each in found.bases]) == (1, [at(10), at(2)])


@pytest.mark.parametrize(
    ("bases", "minute", "said"),
    [
        ([], 3, "There is no base backup"),
        ([base(2, 3)], 1.9, "The first base backup is of 2026-11-22 12:02:00 UTC"),
        ([base(2, 3)], 20.1, "The archive ends at 2026-11-22 12:20:00 UTC, 2026-11-22 12:20:06 UTC is later.*latest"),
    ],
)
def test_a_time_that_the_archive_does_not_lead_to_is_refused(bases: list[Base], minute: float, said: str) -> None:
    with pytest.raises(NotReachable, match=said):
        plan(PLAIN, bases, at(minute))


@pytest.mark.parametrize(("minute", "is_whole"), [(19.999, True), (20, False), (20.001, False)])
def test_the_log_is_whole_up_to_the_second_before_its_last_segment_ended(minute: float, is_whole: bool) -> None:  # noqa: FBT001
    assert plan(PLAIN, [base(2, 3)], at(minute)).is_whole is is_whole
    # What the server still has goes on to now.
    own = Segments(["000000010000000000000004"], lambda _: int(at(4).timestamp()), lambda _: "", ["000000010000000000000005"])
    assert plan(own, [base(2, 3)], at(minute)).is_whole


def test_a_missing_segment_stops_only_what_lies_behind_it() -> None:
    gappy = archive((1, 1, 6, 1), (1, 8, 20, 8))
    assert plan(gappy, [base(2, 3)], at(5.5)).bases[0].ended_at == at(2)
    with pytest.raises(NotReachable, match=r"^000000010000000000000007 is missing .* ends at 2026-11-22 12:06:00 UTC"):
        plan(gappy, [base(2, 3)], at(7.5))
    with pytest.raises(NotReachable, match="000000010000000000000007"):
        plan(gappy, [base(2, 3)], None)
    # One that was made after it does not need it.
    assert [each.ended_at for each in plan(gappy, [base(2, 3), base(9, 10)], at(12)).bases] == [at(9)]


# Written up to 12:10 on timeline 1; then restored to a place in its segment 5; and later, from timeline 2, to one in segment 7.
TREE = archive(
    (1, 1, 10, 1), (2, 5, 8, 11), (3, 7, 9, 15),
    switches={2: "1\t0/5000800\tbefore 12:04", 3: "1\t0/5000800\tbefore 12:04\n\n2\t0/7000900\tbefore 12:12\n"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("minute", "timeline"), [(3, 1), (9.5, 1), (10.5, 2), (12.5, 2), (13.9, 2), (14.5, 3), (16.5, 3), (None, 3)]
)
def test_a_time_is_looked_up_on_the_timeline_that_was_lived_through_then(minute: float | None, timeline: int) -> None:
    assert plan(TREE, [base(1, 2)], None if minute is None else at(minute)).timeline == timeline


def test_a_base_backup_of_a_part_that_was_left_leads_nowhere_else() -> None:
    bases = [base(1, 2), base(8, 9), base(12.2, 6, 2), base(14, 8, 2)]
    assert [each.ended_at for each in plan(TREE, bases, at(9)).bases] == [at(8), at(1)]
    # 12:14 is on timeline 2 behind the place where timeline 3 begins.
    assert [each.ended_at for each in plan(TREE, bases, at(16.5)).bases] == [at(12.2), at(1)]


def test_numbers_of_segments_go_on_over_the_end_of_a_file_name() -> None:
    assert name_of(1, 0x1FF) == "0000000100000001000000FF"
    assert timelines.number_of("000000010000000100000000") == 0x100
    assert timelines.segment(position("1/28")) == 0x100
