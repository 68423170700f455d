"""What goes in and out of /v1/habits; what is computed is in computed.py."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.habits.frequencies import HabitFrequency, IntervalDays, TargetDays, Weekdays
from app.http.fields import (
    NOT_BLANK,
    ChangedSince,
    Color,
    Counted,
    Day,
    Feeling,
    Id,
    Mood,
    Quantity,
    SentTimeOfDay,
    TagSlugs,
    TimeOfDay,
    Timestamp,
    Version,
    WithTags,
    in_path,
)
from app.http.idempotency import ChosenId
from app.http.pagination import DatedPageQuery, OrderedPageQuery
from app.problems import constraints
from app.tags.carried import CarriedTags

SECONDS = "from 0 to 10,000,000"

constraints.owned(
    "habits",
    length={
        "name": "1 to 255",
        "description": "at most 10000",
        "unit": "1 to 50",
        "category": "1 to 100",
        "icon": "1 to 100",
        "reward": "at most 500",
    },
    bounds={
        "target_value": constraints.MORE_THAN_0,
        "target_days": "from 1 to 7, of a monthly habit to 31",
        "interval_days": "from 2 to 365",
        "duration_seconds": SECONDS,
        "position": "from 0 to 1,000,000",
    },
    known=("kind", "frequency", "nature"),
    not_blank=("name",),
    targets=("related_habit",),
)
constraints.declare(
    {
        "habits_color_form": ("invalid", "color", constraints.COLOR),
        "habits_target_value_numeric": ("invalid", "target_value", "is only for numeric habits"),
        "habits_target_days_needed": ("invalid", "target_days", "is for weekly, custom and monthly habits, which need it"),
        "habits_weekdays_set": ("invalid", "weekdays", "must be days from 1 to 7 in ascending order, each once"),
        "habits_weekdays_needed": ("invalid", "weekdays", "is for habits whose frequency is weekdays, which need it"),
        "habits_interval_days_needed": ("invalid", "interval_days", "is for habits whose frequency is interval, which need it"),
        "habits_related_habit_other": ("invalid", "related_habit_id", "must be another habit"),
    }
)
constraints.owned(
    "habit_entries",
    length={"note": "at most 2000", "feeling": "1 to 50"},
    bounds={
        "date": constraints.DAY,
        "value": constraints.QUANTITY,
        "mood": constraints.ONE_TO_TEN,
        "duration_seconds": SECONDS,
        "completed_at": "a time from 1900 to 9999",
    },
    targets=("habit",),
)
constraints.declare(
    {
        "habit_entries_skipped_not_completed": ("invalid", "skipped", "cannot be set on a completed day"),
        "habit_entries_completed_at_completed": ("invalid", "completed_at", "is only for completed days"),
    }
)


Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=NOT_BLANK, description="Not blank.", examples=["Stretch"])]
Description = Annotated[str, Meta(max_length=10_000, examples=["Ten minutes, before breakfast"])]
HabitKind = Annotated[
    Literal["boolean", "numeric"],
    Meta(
        title="HabitKind",
        description="Numeric: an entry has a value, and is completed when the value reaches `target_value`.",
        examples=["numeric"],
    ),
]
Unit = Annotated[str, Meta(min_length=1, max_length=50, description="What `value` counts.", examples=["pages"])]
TargetValue = Annotated[
    float,
    Meta(
        gt=0,
        le=1_000_000_000,
        description="Only for numeric habits: the value that completes a day; without one, any value above 0 does. It counts "
        "when an entry is written: changing it does not change existing entries.",
        examples=[20],
    ),
]
HabitNature = Annotated[
    Literal["useful", "pleasant"], Meta(title="HabitNature", description="Why it is done.", examples=["useful"])
]
Reward = Annotated[str, Meta(max_length=500, description="What one gets for it.", examples=["An hour of reading"])]
DurationSeconds = Annotated[float, Meta(ge=0, le=10_000_000, description="How long it takes, or took.", examples=[600])]
RelatedHabitId = Annotated[
    UUID,
    Meta(
        description="Another habit of one's own, such as the one that this one follows on. Cleared when that one is deleted.",
        examples=[None],
    ),
]
Category = Annotated[str, Meta(min_length=1, max_length=100, examples=["Body"])]
Icon = Annotated[str, Meta(min_length=1, max_length=100, description="A name or a character, for the client.", examples=["🧘"])]
IsArchived = Annotated[
    bool, Meta(description="Whether it is archived: kept with its entries, and not due any more.", examples=[False])
]
Position = Annotated[
    int,
    Meta(
        ge=0,
        le=1_000_000,
        description="The order in the list of today; habits of equal position are ordered by id.",
        examples=[0],
    ),
]


class Habit(msgspec.Struct, frozen=True):
    """A habit."""

    id: Id
    name: Name
    description: Description | None
    kind: HabitKind
    unit: Unit | None
    target_value: TargetValue | None
    frequency: HabitFrequency
    target_days: TargetDays | None
    weekdays: Weekdays | None
    interval_days: IntervalDays | None
    nature: HabitNature | None
    reward: Reward | None
    duration_seconds: DurationSeconds | None
    related_habit_id: RelatedHabitId | None
    category: Category | None
    color: Color | None
    icon: Icon | None
    reminder_time: TimeOfDay | None
    is_archived: IsArchived
    position: Position
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class ListedHabit(Habit, frozen=True, kw_only=True):
    """A habit in a list."""

    tags: CarriedTags | UnsetType = UNSET


class HabitCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new habit."""

    name: Name
    description: Description | None = None
    kind: HabitKind = "boolean"
    unit: Unit | None = None
    target_value: TargetValue | None = None
    frequency: HabitFrequency = "daily"
    target_days: TargetDays | None | UnsetType = UNSET
    weekdays: Weekdays | None = None
    interval_days: IntervalDays | None = None
    nature: HabitNature | None = None
    reward: Reward | None = None
    duration_seconds: DurationSeconds | None = None
    related_habit_id: RelatedHabitId | None = None
    category: Category | None = None
    color: Color | None = None
    icon: Icon | None = None
    reminder_time: SentTimeOfDay | None = None
    is_archived: IsArchived = False
    position: Position = 0
    id: ChosenId | None = None


class HabitPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of a habit: an absent field stays, null clears it."""

    name: Name | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    kind: HabitKind | UnsetType = UNSET
    unit: Unit | None | UnsetType = UNSET
    target_value: TargetValue | None | UnsetType = UNSET
    frequency: HabitFrequency | UnsetType = UNSET
    target_days: TargetDays | None | UnsetType = UNSET
    weekdays: Weekdays | None | UnsetType = UNSET
    interval_days: IntervalDays | None | UnsetType = UNSET
    nature: HabitNature | None | UnsetType = UNSET
    reward: Reward | None | UnsetType = UNSET
    duration_seconds: DurationSeconds | None | UnsetType = UNSET
    related_habit_id: RelatedHabitId | None | UnsetType = UNSET
    category: Category | None | UnsetType = UNSET
    color: Color | None | UnsetType = UNSET
    icon: Icon | None | UnsetType = UNSET
    reminder_time: SentTimeOfDay | None | UnsetType = UNSET
    is_archived: IsArchived | UnsetType = UNSET
    position: Position | UnsetType = UNSET


class HabitQuery(OrderedPageQuery, frozen=True, kw_only=True):
    """The filters of the list of habits."""

    is_archived: Annotated[bool, Meta(description="Only archived habits, or only those that are not.")] | None = None
    tag: TagSlugs = ()
    with_: WithTags | None = msgspec.field(name="with", default=None)
    count: Counted = False
    changed_since: ChangedSince | None = None


Completed = Annotated[
    bool, Meta(description="Whether it was done. Where it is not sent for a numeric habit, the value decides.", examples=[True])
]
Skipped = Annotated[
    bool,
    Meta(
        description="Skipped on purpose: neither breaks nor lengthens a streak. Not together with `completed`.",
        examples=[False],
    ),
]
Note = Annotated[str, Meta(max_length=2000, examples=["In the park"])]
CompletedAt = Annotated[
    Timestamp,
    Meta(
        description="When it was completed; only for completed days. Where it is not sent: when the entry became completed. "
        "Null: not completed, or not known.",
        examples=["2026-11-21T07:40:00Z"],
    ),
]


class HabitEntry(msgspec.Struct, frozen=True):
    """The entry of a habit for a day."""

    habit_id: Annotated[Id, in_path("id")]
    date: Day
    completed: Completed
    skipped: Skipped
    value: Quantity | None
    note: Note | None
    mood: Mood | None
    feeling: Feeling | None
    duration_seconds: DurationSeconds | None
    completed_at: CompletedAt | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class HabitEntryPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The entry of a day: an absent field gets its default."""

    completed: Completed | UnsetType = UNSET
    skipped: Skipped = False
    value: Quantity | None = None
    note: Note | None = None
    mood: Mood | None = None
    feeling: Feeling | None = None
    duration_seconds: DurationSeconds | None = None
    completed_at: CompletedAt | None | UnsetType = UNSET


class HabitEntryPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of an entry: an absent field stays, null clears it."""

    completed: Completed | UnsetType = UNSET
    skipped: Skipped | UnsetType = UNSET
    value: Quantity | None | UnsetType = UNSET
    note: Note | None | UnsetType = UNSET
    mood: Mood | None | UnsetType = UNSET
    feeling: Feeling | None | UnsetType = UNSET
    duration_seconds: DurationSeconds | None | UnsetType = UNSET
    completed_at: CompletedAt | None | UnsetType = UNSET


class HabitEntryQuery(DatedPageQuery, frozen=True, kw_only=True):
    """The range of the list of entries."""
