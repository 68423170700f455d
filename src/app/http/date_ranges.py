"""Ranges of days that answers are computed of, such as summaries, by day or by week; and a day with its rows."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from app.http.fields import LAST_DAY, WithTags
from app.problems.problem import invalid

T = TypeVar("T")


DAYS = 30
"""The length of a range of which not both ends are sent; the statements know it too."""


MAX_DAYS = 366


By = Annotated[Literal["day", "week"], Meta(title="SummaryPeriod")]


class DaysQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The days that something is computed of."""

    from_: Annotated[date, Meta(description="The first day, included. Default: the range has 30 days up to `to`.")] | None = (
        msgspec.field(name="from", default=None)
    )
    to: (
        Annotated[
            date,
            Meta(
                description="The last day, included, at most 365 days after `from`. Default: 30 days from `from` on, or today."
            ),
        ]
        | None
    ) = None


class SummaryQuery(DaysQuery, frozen=True, kw_only=True):
    """The parameters of every summary."""

    by: Annotated[By, Meta(description="The period of one item. Weeks begin on Monday (ISO 8601).")] = "day"


class DayQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The parameters of a day with all of its rows."""

    with_: WithTags | None = msgspec.field(name="with", default=None)


class Summary(msgspec.Struct, Generic[T], frozen=True):
    """The totals of each day or week that has any, earliest first."""

    items: Sequence[T]


def parameters(query: SummaryQuery) -> dict[str, Any]:
    """The parameters of a summary's statement: `from_date`, `to_date`, `by`. Raises Problem 422 as `days` does."""
    from_date, to_date = days(query)
    return {"from_date": from_date, "to_date": to_date, "by": query.by}


def days(query: DaysQuery) -> tuple[date | None, date | None]:
    """The first and the last day. None and None: the 30 days that end today in the user's time zone.

    Raises Problem 422 for a range that ends before it begins, and for one of more than 366 days.
    """
    if query.from_ is None:
        return (query.to and _moved(query.to, 1 - DAYS)), query.to
    if query.to is None:
        return query.from_, _moved(query.from_, DAYS - 1)
    if query.to < query.from_:
        raise invalid("to", "before_from", "must not lie before from")
    if (query.to - query.from_).days >= MAX_DAYS:
        raise invalid("to", "range_too_long", f"must lie at most {MAX_DAYS - 1} days after from")
    return query.from_, query.to


def _moved(day: date, by: int) -> date:
    """The day that is `by` days later, within the years 1 to 9999."""
    return date.fromordinal(min(max(day.toordinal() + by, 1), LAST_DAY.toordinal()))
