"""The fields that say how often a habit is due. Which of them a frequency needs, the constraints of the table say."""

from typing import Annotated, Literal

from msgspec import Meta

HabitFrequency = Annotated[
    Literal["daily", "weekly", "custom", "weekdays", "monthly", "interval"],
    Meta(
        title="HabitFrequency",
        description="Daily: every day. Weekly and custom: `target_days` days of each week, Monday to Sunday, whichever. "
        "Monthly: `target_days` days of each month. Weekdays: on each of `weekdays`. Interval: again `interval_days` days "
        "after it was done.",
        examples=["weekly"],
    ),
]
TargetDays = Annotated[
    int,
    Meta(
        ge=1,
        le=31,
        description="How many days of a week (weekly and custom habits, 1 to 7) or of a month (monthly ones, at most all of "
        "its days) must be completed; null for the others. Default: 1 for weekly and monthly habits, 7 for custom ones; "
        "also when the frequency changes, unless both are of a week.",
        examples=[3],
    ),
]
Weekdays = Annotated[
    list[Annotated[int, Meta(ge=1, le=7)]],
    Meta(
        min_length=1,
        max_length=7,
        description="The days on which a habit of the frequency `weekdays` is due, 1 for Monday to 7 for Sunday, ascending, "
        "such as `[1, 3, 5]`; null for the others.",
        examples=[None],
    ),
]
IntervalDays = Annotated[
    int,
    Meta(
        ge=2,
        le=365,
        description="A habit of the frequency `interval` is due again so many days after it was done: 3 for every third day. "
        "Null for the others.",
        examples=[None],
    ),
]
