"""What is computed of habits and their entries: the answers of /v1/habits/{id}/stats, /today and /overview."""

import datetime as dt
from typing import Annotated

import msgspec
from msgspec import Meta

from app.habits.schemas import Habit, HabitEntry
from app.http.date_ranges import DaysQuery
from app.http.fields import Day, Timestamp

Rate = Annotated[float, Meta(ge=0, le=1, examples=[0.8571428571428571])]


class HabitCompletionRate(msgspec.Struct, frozen=True, rename=lambda name: name.removeprefix("last_")):
    """The share of the due days that were completed, in the last 7 to 365 days up to today; null: none was due."""

    last_7: Rate | None
    last_30: Rate | None
    last_90: Rate | None
    last_365: Rate | None


class HabitWeekTotal(msgspec.Struct, frozen=True):
    """How often a habit was done in a week."""

    week: Annotated[dt.date, Meta(description="Its Monday.", examples=["2026-11-16"])]
    completed: Annotated[int, Meta(examples=[5])]


class HabitMonthTotal(msgspec.Struct, frozen=True):
    """How often a habit was done in a month."""

    month: Annotated[dt.date, Meta(description="Its first day.", examples=["2026-11-01"])]
    completed: Annotated[int, Meta(examples=[17])]


class HabitStats(msgspec.Struct, frozen=True):
    """The statistics of a habit, up to today."""

    current_streak: Annotated[
        int,
        Meta(
            description="Days in a row; weeks for weekly and custom habits, months for monthly ones; for those with `weekdays` "
            "such days; for those with an interval the days on which it was done in time. What is not over does not break it.",
            examples=[12],
        ),
    ]
    longest_streak: Annotated[int, Meta(description="The longest streak so far.", examples=[40])]
    completion_rate: HabitCompletionRate
    total_completed: Annotated[int, Meta(description="Days on which it was done.", examples=[213])]
    by_week: Annotated[
        list[HabitWeekTotal],
        Meta(
            description="The oldest first; weeks in which it was not done are left out.",
            examples=[[{"week": "2026-11-16", "completed": 5}]],
        ),
    ]
    by_month: Annotated[
        list[HabitMonthTotal],
        Meta(
            description="The oldest first; months in which it was not done are left out.",
            examples=[[{"month": "2026-11-01", "completed": 17}]],
        ),
    ]
    best_weekday: Annotated[
        int | None,
        Meta(
            description="The weekday on which it was done most often: 1 is Monday, 7 is Sunday; of equal ones the first.",
            examples=[1],
        ),
    ]


class DueHabit(Habit, frozen=True):
    """A habit that is due today, with its state."""

    entry: Annotated[HabitEntry | None, Meta(description="The entry of today.")]
    is_done: Annotated[bool, Meta(description="Whether it was completed today.", examples=[False])]
    completed_this_week: Annotated[
        int, Meta(description="Days since Monday on which it was done, today included.", examples=[2])
    ]
    completed_this_period: Annotated[
        int,
        Meta(
            description="Days of its period on which it was done, today included: of this week (weekly and custom habits), "
            "of this month, of the last `interval_days` days; of today for the others.",
            examples=[2],
        ),
    ]
    remind_at: Annotated[
        Timestamp | None,
        Meta(
            description="When to remind of it today: its `reminder_time` in the user's time zone. Null: it has none, or today "
            "is completed or skipped.",
            examples=["2026-11-21T06:30:00Z"],
        ),
    ]


class HabitsToday(msgspec.Struct, frozen=True):
    """What is due today."""

    date: Annotated[dt.date, Meta(description="Today, in the user's time zone.", examples=["2026-11-21"])]
    items: Annotated[
        list[DueHabit], Meta(description="By position, then id; at most 1,000, and until they reach 1 MiB.", examples=[[]])
    ]
    items_left_out: Annotated[int, Meta(description="How many more are due: the list of habits has them.", examples=[0])]


class HabitsOverviewQuery(DaysQuery, frozen=True, kw_only=True):
    """The range of the overview, and which habits it shows."""

    is_archived: Annotated[bool, Meta(description="Archived habits, instead of those that are not.")] = False


class HabitWithEntries(Habit, frozen=True):
    """A habit in the overview."""

    stats: Annotated[HabitStats, Meta(description="As `/v1/habits/{id}/stats` gives them, up to today, whatever the range.")]
    entries: Annotated[
        list[HabitEntry],
        Meta(description="Those of the range, the newest first, as the list of entries has them.", examples=[[]]),
    ]


class HabitDayTotal(msgspec.Struct, frozen=True):
    """How many habits were done on a day."""

    date: Day
    completed: Annotated[int, Meta(examples=[4])]


class HabitCategoryTotal(msgspec.Struct, frozen=True):
    """What the habits of a category come to."""

    category: Annotated[str | None, Meta(description="Null: of the habits without one.", examples=["Body"])]
    habits: Annotated[int, Meta(description="How many habits it has.", examples=[3])]
    completed: Annotated[int, Meta(description="How often they were done in the range, a day of each counted.", examples=[51])]


class HabitsOverview(msgspec.Struct, frozen=True):
    """Habits with their entries of a range and their statistics, and what all of them come to."""

    from_: Annotated[dt.date, Meta(description="The first day of the range.", examples=["2026-10-23"])] = msgspec.field(
        name="from"
    )
    to: Annotated[dt.date, Meta(description="The last day of the range.", examples=["2026-11-21"])]
    items: Annotated[
        list[HabitWithEntries],
        Meta(description="By position, then id; at most 1,000, and until they reach 8 MiB.", examples=[[]]),
    ]
    items_left_out: Annotated[
        int, Meta(description="How many habits more there are: the list of habits has them.", examples=[0])
    ]
    by_day: Annotated[
        list[HabitDayTotal],
        Meta(
            description="The heat map of all these habits, those left out included: the oldest day first; days on which none "
            "was done are left out.",
            examples=[[{"date": "2026-11-21", "completed": 4}]],
        ),
    ]
    by_category: Annotated[
        list[HabitCategoryTotal],
        Meta(
            description="Of all these habits, those left out included: by name, those without a category last; at most 1,000.",
            examples=[[{"category": "Body", "habits": 3, "completed": 51}]],
        ),
    ]
