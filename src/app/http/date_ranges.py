"""Summaries of rows that have a date: which days, and by day or by week."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from app.http.fields import LAST_DAY
from app.problems.catalog import invalid

T = TypeVar("T")


DAYS = 30
"""How long a range is of which not both ends are given; the statements know it too."""


MAX_DAYS = 366


By = Annotated[Literal["day", "week"], Meta(title="SummaryPeriod")]


class SummaryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every summary takes."""

    from_: Annotated[date, Meta(description="The first day, included. Default: the range has 30 days up to `to`.")] | None = (
        msgspec.field(name="from", default=None)
    )
    to: (
        Annotated[
            date,
            Meta(
                description="The last day, included, at most 365 days behind `from`. Default: 30 days from `from` on, or today."
            ),
        ]
        | None
    ) = None
    by: Annotated[By, Meta(description="What is summed up in one item. Weeks begin on Monday (ISO 8601).")] = "day"


class Summary(msgspec.Struct, Generic[T], frozen=True):
    """The totals of each day or week in which there is something, the earliest first."""

    items: Sequence[T]


def days(query: SummaryQuery) -> tuple[date | None, date | None]:
    """The first and the last day to sum up; None and None: the last 30 of the user, which the statement knows.

    Raises Problem 422 for a range that ends before it begins, and for one of more than 366 days.
    """
    if query.from_ is None:
        return (query.to and _moved(query.to, 1 - DAYS)), query.to
    if query.to is None:
        return query.from_, _moved(query.from_, DAYS - 1)
    if query.to < query.from_:
        raise invalid("to", "before_from", "must not lie before from")
    if (query.to - query.from_).days >= MAX_DAYS:
        raise invalid("to", "range_too_long", f"must lie at most {MAX_DAYS - 1} days behind from")
    return query.from_, query.to


def _moved(day: date, by: int) -> date:
    """A day so many days later, within what the calendar has."""
    return date.fromordinal(min(max(day.toordinal() + by, 1), LAST_DAY.toordinal()))
