"""Habits in plain Python, day by day: what the statements of sql/queries/habits.sql are compared with."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

DAY = timedelta(days=1)


class Entry(NamedTuple):
    completed: bool = False
    skipped: bool = False


Verdict = Literal["met", "missed", "excused"]


def monday(day: date) -> date:
    return day - day.weekday() * DAY


def days(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


def stats(history: Mapping[date, Entry], frequency: str, target_days: int, created_on: date, today: date) -> dict[str, Any]:
    """What /v1/habits/{id}/stats answers."""
    past = {day: entry for day, entry in history.items() if day <= today}
    began = min([created_on, *past])
    done = [day for day in past if past[day].completed]
    verdicts = daily(past, began, today) if frequency == "daily" else weekly(past, target_days, began, today)
    current, longest = streaks(verdicts)
    per_week = 7 if frequency == "daily" else target_days
    weekdays = Counter(day.isoweekday() for day in done)
    return {
        "current_streak": current,
        "longest_streak": longest,
        "completion_rate": {str(n): rate(past, per_week, max(began, today - (n - 1) * DAY), today) for n in (7, 30, 90, 365)},
        "total_completed": len(done),
        "by_week": totals("week", Counter(monday(day) for day in done)),
        "by_month": totals("month", Counter(day.replace(day=1) for day in done)),
        "best_weekday": min(weekdays, key=lambda weekday: (-weekdays[weekday], weekday), default=None),
    }


def daily(past: Mapping[date, Entry], began: date, today: date) -> list[Verdict]:
    return [verdict(entry.completed, entry.skipped) for entry in (past.get(day, Entry()) for day in days(began, today))]


def weekly(past: Mapping[date, Entry], target_days: int, began: date, today: date) -> list[Verdict]:
    verdicts = []
    for first in days(monday(began), today)[::7]:
        week = [past.get(day, Entry()) for day in days(first, first + 6 * DAY)]
        is_met = sum(entry.completed for entry in week) >= target_days
        verdicts.append(verdict(is_met, all(entry.completed or entry.skipped for entry in week)))
    return verdicts


def verdict(is_met: bool, is_excused: bool) -> Verdict:  # noqa: FBT001
    return "met" if is_met else "excused" if is_excused else "missed"


def streaks(verdicts: list[Verdict]) -> tuple[int, int]:
    """The current and the longest one; the last period is not over."""
    run = longest = 0
    for place, each in enumerate(verdicts, 1):
        if each == "met":
            run += 1
        elif each == "missed" and place < len(verdicts):
            run = 0
        longest = max(longest, run)
    return run, longest


def rate(past: Mapping[date, Entry], per_week: int, first: date, today: date) -> float | None:
    window = [past.get(day, Entry()) for day in days(first, today)]
    due = sum(not entry.skipped for entry in window) * per_week / 7
    return min(1.0, sum(entry.completed for entry in window) / due) if due else None


def totals(name: str, counts: Counter[date]) -> list[dict[str, Any]]:
    return [{name: first.isoformat(), "completed": counts[first]} for first in sorted(counts)]


def is_due(history: Mapping[date, Entry], frequency: str, target_days: int, today: date) -> bool:
    """Whether /v1/habits/today lists it, unless it is archived."""
    others = [day for day in days(monday(today), today) if day < today and history.get(day, Entry()).completed]
    return frequency == "daily" or len(others) < target_days


def completed_this_week(history: Mapping[date, Entry], today: date) -> int:
    return sum(history.get(day, Entry()).completed for day in days(monday(today), today))
