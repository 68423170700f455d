"""What goes in and out of /v1/progress-snapshots."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import Day, Id, Notes, Timestamp, Version, WeightUnit, of_path
from app.http.pagination import DatedPageQuery
from app.problems import constraints
from app.progress.rules import first_day

constraints.owned(
    "progress_snapshots",
    length={"notes": "at most 10000"},
    bounds={
        "date": constraints.DAY,
        "habit_completion_rate": "from 0 to 1",
        **dict.fromkeys(
            (
                "goals_active",
                "goals_completed",
                "longest_streak",
                "workouts_count",
                "workout_minutes",
                "calories_avg",
                "habits_active",
                "blog_entries_count",
            ),
            constraints.NOT_NEGATIVE,
        ),
        "mood_avg": constraints.ONE_TO_TEN,
        "energy_avg": constraints.ONE_TO_TEN,
        "sleep_avg": "from 0 to 24",
        "weight": "more than 0 and at most 10,000",
        "body_fat_percent": "from 0 to 100",
    },
    known=("period", "weight_unit"),
)
constraints.declare(
    {
        "progress_snapshots_date_first": ("invalid", "date", "must be the first day of the period"),
        "progress_snapshots_period_unique": ("conflict", "date", "is taken"),
        "progress_snapshots_weight_unit_needed": ("invalid", "weight_unit", "is required with weight"),
    }
)


ProgressPeriod = Annotated[Literal["daily", "weekly", "monthly", "yearly"], Meta(title="ProgressPeriod", examples=["weekly"])]

Weight = Annotated[float, Meta(gt=0, le=10_000, description="In weight_unit, as it was sent.", examples=[70.5])]
NeededWeightUnit = Annotated[WeightUnit, Meta(description="A weight needs one, sent or there before.")]
BodyFatPercent = Annotated[float, Meta(ge=0, le=100, description="As it was sent.", examples=[21.5])]
Average = Annotated[float, Meta(description="Rounded to hundredths. Null: there is no value.", examples=[7.25])]


class ProgressSnapshot(msgspec.Struct, frozen=True):
    """A snapshot of a period, as it was last computed."""

    id: Id
    period: ProgressPeriod
    date: Annotated[
        Day,
        Meta(description="The first day of the period: Monday, the 1st, 1 January.", examples=["2026-11-16"]),
        of_path(first_day, "period", "date"),
    ]
    goals_active: Annotated[int, Meta(description="Active goals at the end of the period.", examples=[4])]
    goals_completed: Annotated[int, Meta(description="Goals completed within the period.", examples=[1])]
    habit_completion_rate: (
        Annotated[float, Meta(description="From 0 to 1, in steps of 0.0001. Null: no habit was due.", examples=[0.8571])] | None
    )
    longest_streak: Annotated[int, Meta(description="Days in a row, of the daily habit with the longest streak.", examples=[5])]
    workouts_count: Annotated[int, Meta(description="Workouts within the period.", examples=[3])]
    workout_minutes: Annotated[float, Meta(description="The sum of their minutes.", examples=[95.5])]
    calories_avg: Average | None
    mood_avg: Average | None
    energy_avg: Average | None
    sleep_avg: Average | None
    habits_active: Annotated[int, Meta(description="Habits made by the end of the period, not archived.", examples=[6])]
    blog_entries_count: Annotated[int, Meta(description="Blog entries made within the period.", examples=[2])]
    notes: Notes | None
    weight: Weight | None
    weight_unit: NeededWeightUnit | None
    body_fat_percent: BodyFatPercent | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class ProgressSnapshotPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the user says of a period: an absent field stays as it was, null clears it. Where nothing was, it is null."""

    notes: Notes | None | UnsetType = UNSET
    weight: Weight | None | UnsetType = UNSET
    weight_unit: NeededWeightUnit | None | UnsetType = UNSET
    body_fat_percent: BodyFatPercent | None | UnsetType = UNSET


class ProgressSnapshotQuery(DatedPageQuery, frozen=True, kw_only=True):
    """The filters of the list of snapshots."""

    period: Annotated[ProgressPeriod, Meta(description="Only snapshots of this kind of period.")] | None = None
