"""Properties of periods: each day is in one of each kind, which begins on its first day."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.progress.rules import first_day

WHOLE: dict[str, Callable[[date], object]] = {
    "daily": lambda day: day,
    "weekly": lambda day: day.isocalendar()[:2],
    "monthly": lambda day: (day.year, day.month),
    "yearly": lambda day: day.year,
}
"""What the days of a period have in common."""


@pytest.mark.parametrize("period", WHOLE)
@given(day=st.dates())
def test_the_first_day_is_in_the_period_and_the_one_before_is_not(period: str, day: date) -> None:
    first, whole = first_day(period, day), WHOLE[period]
    assert first <= day
    assert whole(first) == whole(day)
    assert first == date.min or whole(first - timedelta(days=1)) != whole(day)
