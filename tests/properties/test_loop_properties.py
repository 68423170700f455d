"""Streaks as the Loop Habit Tracker defines them, and ours: where they agree, and where docs/habits.md says that they do not.

Loop looks at days. "So often in so many days" gives each group of so many repetitions a window from its first day on; all but
the newest are moved back to close a gap, at most until they end with their last repetition. A day in a window, a skipped one
and one with a repetition belong to a streak, which is as long as its days.
"""

from datetime import date
from itertools import pairwise

import pytest
from habits_model import DAY, Entry, Rhythm, days, stats
from hypothesis import given
from hypothesis import strategies as st

TODAY = date(2026, 11, 18)
"""A Wednesday."""

Streak = list[date]


def loop_streaks(done: list[date], skipped: list[date], times: int, within: int) -> list[Streak]:
    """The streaks up to today, oldest first."""
    windows: list[tuple[date, date]] = []
    for first, last in sorted(zip(done, done[times - 1 :], strict=False), reverse=True):
        if (last - first).days < within:
            begin, end = first, first + (within - 1) * DAY
            if windows:
                shift = min(end - last, end - windows[-1][0] + DAY) if end >= windows[-1][0] else 0 * DAY
                begin, end = begin - shift, end - shift
            windows.append((begin, end))
    kept = {*done, *skipped, *(day for begin, end in windows for day in days(begin, end))}
    streaks: list[Streak] = []
    for day in sorted(day for day in kept if day <= TODAY):
        if streaks and streaks[-1][-1] == day - DAY:
            streaks[-1].append(day)
        else:
            streaks.append([day])
    return streaks


def lived(marks: str) -> tuple[dict[date, Entry], list[date], list[date]]:
    """What was entered on the days up to today: d done, s skipped; those done; those skipped."""
    dated = zip(days(TODAY - (len(marks) - 1) * DAY, TODAY), marks, strict=True)
    history = {day: Entry(mark == "d", mark == "s") for day, mark in dated}
    done, skipped = ([day for day, entry in history.items() if entry[place]] for place in (0, 1))
    return history, done, skipped


def ours(marks: str, rhythm: Rhythm) -> tuple[int, int]:
    history, _, _ = lived(marks)
    found = stats(history, rhythm, TODAY, TODAY)
    return found["current_streak"], found["longest_streak"]


@given(marks=st.text("d.", min_size=1, max_size=60))
def test_the_days_of_a_daily_habit_without_skips_make_the_same_streaks(marks: str) -> None:
    _, done, _ = lived(marks)
    streaks = loop_streaks(done, [], 1, 1)
    current = len(streaks[-1]) if streaks and streaks[-1][-1] >= TODAY - DAY else 0
    assert ours(marks, Rhythm()) == (current, max(map(len, streaks), default=0))


@given(marks=st.text("d.", min_size=1, max_size=60), interval_days=st.integers(2, 9))
def test_what_is_one_streak_of_an_interval_here_is_one_there_too(marks: str, interval_days: int) -> None:
    _, done, _ = lived(marks)
    streaks = loop_streaks(done, [], 1, interval_days)
    for one, other in pairwise(done):
        if (other - one).days <= interval_days:
            assert any({one, other} <= {*streak} for streak in streaks)
    _, longest = ours(marks, Rhythm("interval", interval_days=interval_days))
    assert longest <= max((len({*streak} & {*done}) for streak in streaks), default=0)


@pytest.mark.parametrize(
    ("marks", "rhythm", "times", "within", "here", "there"),
    [
        # A skipped day lengthens a streak there.
        ("dsd", Rhythm(), 1, 1, 2, 3),
        # Two weeks from Monday to Sunday; there any seven days, and more lie between the beginning of one and the next.
        ("ddd........ddd...", Rhythm("custom", 3), 3, 7, 2, 7),
        # Four in a row over a Sunday are enough there, and no week here.
        ("......dddd", Rhythm("custom", 4), 4, 7, 0, 4),
        # Days that were done, not all days that they cover.
        ("d..d..d", Rhythm("interval", interval_days=3), 1, 3, 3, 7),
        # A day too late: there an earlier repetition in time makes up for it.
        ("d...d.d", Rhythm("interval", interval_days=3), 1, 3, 2, 7),
    ],
)
def test_where_the_two_differ(*, marks: str, rhythm: Rhythm, times: int, within: int, here: int, there: int) -> None:
    _, done, skipped = lived(marks)
    streaks = loop_streaks(done, skipped, times, within)
    assert (ours(marks, rhythm)[1], max(map(len, streaks))) == (here, there)
