"""Habits in plain Python, day by day: what the statements of sql/queries/habits.sql are compared with."""

import calendar
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

DAY = timedelta(days=1)


class Entry(NamedTuple):
    completed: bool = False
    skipped: bool = False


class Rhythm(NamedTuple):
    """How often a habit is due: the fields of a habit that say so."""

    frequency: str = "daily"
    target_days: int | None = None
    weekdays: list[int] | None = None
    interval_days: int | None = None


Verdict = Literal["met", "missed", "excused"]

History = Mapping[date, Entry]


def monday(day: date) -> date:
    return day - day.weekday() * DAY


def days(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


def length_of_month(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def stats(history: History, rhythm: Rhythm, created_on: date, today: date) -> dict[str, Any]:
    """What /v1/habits/{id}/stats answers."""
    past = {day: entry for day, entry in history.items() if day <= today}
    began = min([created_on, *history])
    done = [day for day in past if past[day].completed]
    current, longest = streaks(past, rhythm, began, today)
    weekdays = Counter(day.isoweekday() for day in done)
    return {
        "current_streak": current,
        "longest_streak": longest,
        "completion_rate": {str(n): rate(past, rhythm, max(began, today - (n - 1) * DAY), today) for n in (7, 30, 90, 365)},
        "total_completed": len(done),
        "by_week": totals("week", Counter(monday(day) for day in done)),
        "by_month": totals("month", Counter(day.replace(day=1) for day in done)),
        "best_weekday": min(weekdays, key=lambda weekday: (-weekdays[weekday], weekday), default=None),
    }


def streaks(past: History, rhythm: Rhythm, began: date, today: date) -> tuple[int, int]:
    """The current and the longest one; the last period is not over."""
    if rhythm.frequency == "interval":
        return runs_in_time(past, rhythm.interval_days or 0, began, today)
    run = longest = 0
    periods = judged(past, rhythm, began, today)
    for place, each in enumerate(periods, 1):
        if each == "met":
            run += 1
        elif each == "missed" and place < len(periods):
            run = 0
        longest = max(longest, run)
    return run, longest


def runs_in_time(past: History, interval_days: int, began: date, today: date) -> tuple[int, int]:
    """Done again and again, each time before `interval_days` other days went by, those that were skipped left out."""
    run = longest = waited = 0
    for day in days(began, today):
        entry = past.get(day, Entry())
        if entry.completed:
            run, waited = run + 1, 0
        elif not entry.skipped and day < today:
            waited += 1
            if waited >= interval_days:
                run = 0
        longest = max(longest, run)
    return run, longest


def judged(past: History, rhythm: Rhythm, began: date, today: date) -> list[Verdict]:
    """Each period from the first to the present one, or to the next, where there is none today."""
    if rhythm.frequency in {"daily", "weekdays"}:
        due = [day for day in days(began, today) if is_due_day(rhythm, day)]
        verdicts = [verdict(past.get(day, Entry()).completed, past.get(day, Entry()).skipped) for day in due]
        return verdicts if is_due_day(rhythm, today) else [*verdicts, "missed"]
    periods: dict[date, list[Entry]] = {}
    monthly = rhythm.frequency == "monthly"
    first = began.replace(day=1) if monthly else monday(began)
    last = today.replace(day=length_of_month(today)) if monthly else monday(today) + 6 * DAY
    for day in days(first, last):
        periods.setdefault(day.replace(day=1) if monthly else monday(day), []).append(past.get(day, Entry()))
    target = rhythm.target_days or 0
    return [
        verdict(
            sum(entry.completed for entry in period) >= min(target, len(period)),
            all(entry.completed or entry.skipped for entry in period),
        )
        for period in periods.values()
    ]


def verdict(is_met: bool, is_excused: bool) -> Verdict:  # noqa: FBT001
    return "met" if is_met else "excused" if is_excused else "missed"


def is_due_day(rhythm: Rhythm, day: date) -> bool:
    return rhythm.weekdays is None or day.isoweekday() in rhythm.weekdays


def share(rhythm: Rhythm, day: date) -> float:
    """How much of a day is due."""
    target = rhythm.target_days or 0
    if rhythm.frequency == "monthly":
        return min(target, length_of_month(day)) / length_of_month(day)
    if rhythm.frequency == "interval":
        return 1 / (rhythm.interval_days or 0)
    return target / 7 if rhythm.frequency in {"weekly", "custom"} else 1


def rate(past: History, rhythm: Rhythm, first: date, today: date) -> float | None:
    window = [day for day in days(first, today) if is_due_day(rhythm, day)]
    due = sum(share(rhythm, day) for day in window if not past.get(day, Entry()).skipped)
    return min(1.0, sum(past.get(day, Entry()).completed for day in window) / due) if due else None


def totals(name: str, counts: Counter[date]) -> list[dict[str, Any]]:
    return [{name: first.isoformat(), "completed": counts[first]} for first in sorted(counts)]


def is_due(history: History, rhythm: Rhythm, today: date) -> bool:
    """Whether /v1/habits/today lists it, unless it is archived."""
    if rhythm.frequency == "interval":
        return days_since(history, today) >= (rhythm.interval_days or 0)
    if rhythm.target_days is None:
        return is_due_day(rhythm, today)
    target = min(rhythm.target_days, length_of_month(today)) if rhythm.frequency == "monthly" else rhythm.target_days
    return completed_between(history, begin_of_period(rhythm, today), today - DAY) < target


def days_since(history: History, today: date) -> float:
    """How many days ago it was last done before today, days skipped since not counted."""
    done = [day for day, entry in history.items() if entry.completed and day < today]
    if not done:
        return float("inf")
    return sum(not history.get(day, Entry()).skipped for day in days(max(done), today - DAY))


def begin_of_period(rhythm: Rhythm, today: date) -> date:
    if rhythm.frequency == "monthly":
        return today.replace(day=1)
    if rhythm.frequency == "interval":
        return today - (rhythm.interval_days or 0) * DAY + DAY
    return monday(today) if rhythm.frequency in {"weekly", "custom"} else today


def completed_between(history: History, first: date, last: date) -> int:
    return sum(history.get(day, Entry()).completed for day in days(first, last))


def state_of_today(history: History, rhythm: Rhythm, today: date) -> dict[str, Any]:
    """What /v1/habits/today says of a habit that is due, besides its row, its entry and when to remind of it."""
    return {
        "is_done": history.get(today, Entry()).completed,
        "completed_this_week": completed_between(history, monday(today), today),
        "completed_this_period": completed_between(history, begin_of_period(rhythm, today), today),
    }
