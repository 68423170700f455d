"""What goes in and out of /v1/goals."""

import datetime as dt
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.goals.recurrence import RECURRENCE
from app.http.fields import MOVES, NOT_BLANK, ChangedSince, Counted, Day, Id, TagSlugs, Timestamp, Version, WithTags, in_path
from app.http.idempotency import ChosenId
from app.http.pagination import PageQuery
from app.problems import constraints
from app.tags.carried import CarriedTags

VALUE = "from -1,000,000,000 to 1,000,000,000"

constraints.owned(
    "goals",
    length={
        "title": "1 to 255",
        "description": "at most 10000",
        "category": "1 to 100",
        "target_unit": "1 to 50",
        "recurrence_pattern": "1 to 500",
    },
    bounds={
        "start_value": VALUE,
        "target_value": VALUE,
        "start_date": constraints.DAY,
        "end_date": constraints.DAY,
        "priority": "from 0 to 5",
    },
    known=("goal_type", "status"),
    not_blank=("title",),
    unique=("previous_id",),
    targets=("parent",),
)
constraints.declare(
    {
        "goals_end_date_order": ("invalid", "end_date", "must not lie before start_date"),
        "goals_depth": ("goals_too_deep", "parent_id", "would make a chain of more than 100 goals"),
        "goals_parent_other": ("goals_cycle", "parent_id", "must be another goal"),
        "goals_completed_at_status": ("invalid", "status", "must be completed exactly when completed_at is set"),
        "goals_target_value_direction": (
            "invalid",
            "target_value",
            "must be more than 0, or, where there is a start_value, another number than that",
        ),
        "goals_recurrence_pattern_needed": ("invalid", "recurrence_pattern", "is required for a recurring goal"),
    }
)
constraints.owned(
    "goal_progress",
    length={"note": "at most 10000"},
    bounds={"date": constraints.DAY, "value": VALUE},
    targets=("goal",),
)


GoalType = Annotated[Literal["daily", "weekly", "monthly", "yearly", "life"], Meta(title="GoalType", examples=["yearly"])]
GoalOrder = Annotated[Literal["newest", "oldest", "priority", "end_date"], Meta(title="GoalOrder")]
GoalStatus = Annotated[Literal["active", "completed", "cancelled", "paused"], Meta(title="GoalStatus", examples=["active"])]

ORDERS = {"priority": "priority", "end_date": "end_date"}
"""The orders of the list that are not by creation, and the columns that they go by."""

Title = Annotated[str, Meta(min_length=1, max_length=255, pattern=NOT_BLANK, description="Not blank.", examples=["Read"])]
Description = Annotated[str, Meta(max_length=10_000, examples=["A book a month"])]
Category = Annotated[str, Meta(min_length=1, max_length=100, examples=["learning"])]
StartValue = Annotated[
    float,
    Meta(
        ge=-1_000_000_000,
        le=1_000_000_000,
        description="Where the way to `target_value` begins, above or below it. Null: at 0.",
        examples=[2.5],
    ),
]
TargetValue = Annotated[
    float,
    Meta(
        ge=-1_000_000_000,
        le=1_000_000_000,
        description="The value to reach: more than 0, or, with `start_value`, any other number than that.",
        examples=[12.5],
    ),
]
TargetUnit = Annotated[str, Meta(min_length=1, max_length=50, examples=["books"])]
Priority = Annotated[int, Meta(ge=0, le=5, description="From 0, the lowest, to 5.", examples=[3])]
IsRecurring = Annotated[
    bool, Meta(description="Whether completing it makes its next occurrence; needs recurrence_pattern.", examples=[False])
]
RecurrencePattern = Annotated[
    str,
    Meta(
        max_length=500,
        pattern=RECURRENCE,
        description="A recurrence rule of RFC 5545 about days: when the next occurrence begins. COUNT or UNTIL, not both; a "
        "time of day in UNTIL does not count; BYSETPOS only beside another BY part.",
        examples=["FREQ=WEEKLY;BYDAY=MO"],
    ),
]
ParentId = Annotated[UUID, Meta(description="The goal that this one is a part of.", examples=[None])]
Percentage = Annotated[float, Meta(ge=0, le=100, examples=[33.33])]
ProgressValue = Annotated[
    float, Meta(ge=-1_000_000_000, le=1_000_000_000, description="How far the goal was, in its unit.", examples=[4.5])
]
Note = Annotated[str, Meta(max_length=10_000, examples=["Finished two on the train"])]


class Goal(msgspec.Struct, frozen=True):
    """A goal with its current value and percentage."""

    id: Id
    title: Title
    description: Description | None
    goal_type: GoalType
    category: Category | None
    start_value: StartValue | None
    target_value: TargetValue | None
    target_unit: TargetUnit | None
    start_date: Day | None
    end_date: Day | None
    status: GoalStatus
    priority: Priority
    is_recurring: IsRecurring
    # Imported rows may have a text of another form.
    recurrence_pattern: Annotated[str, Meta(examples=["FREQ=WEEKLY;BYDAY=MO"])] | None
    parent_id: ParentId | None
    previous_id: (
        Annotated[
            UUID,
            Meta(
                description="The recurring goal whose completion made this one; it may have been deleted.",
                examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f02"],
            ),
        ]
        | None
    )
    completed_at: Timestamp | None
    current_value: (
        Annotated[float, Meta(description="The value of its latest progress by date. Null: none yet.", examples=[4.5]), MOVES]
        | None
    )
    percentage: Annotated[
        Percentage,
        Meta(
            description="How much of the way from `start_value` to `target_value` the current value is, with two decimals, cut "
            "to 0 to 100. When completed: 100. Else 0 without progress, and without a target."
        ),
        MOVES,
    ]
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class ListedGoal(Goal, frozen=True, kw_only=True):
    """A goal in a list."""

    tags: CarriedTags | UnsetType = UNSET


class GoalCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new goal."""

    title: Title
    goal_type: GoalType
    description: Description | None = None
    category: Category | None = None
    start_value: StartValue | None = None
    target_value: TargetValue | None = None
    target_unit: TargetUnit | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    status: GoalStatus = "active"
    priority: Priority = 0
    is_recurring: IsRecurring = False
    recurrence_pattern: RecurrencePattern | None = None
    parent_id: ParentId | None = None
    id: ChosenId | None = None


class GoalPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of a goal: an absent field stays, null clears it."""

    title: Title | UnsetType = UNSET
    goal_type: GoalType | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    category: Category | None | UnsetType = UNSET
    start_value: StartValue | None | UnsetType = UNSET
    target_value: TargetValue | None | UnsetType = UNSET
    target_unit: TargetUnit | None | UnsetType = UNSET
    start_date: Day | None | UnsetType = UNSET
    end_date: Day | None | UnsetType = UNSET
    status: GoalStatus | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    is_recurring: IsRecurring | UnsetType = UNSET
    recurrence_pattern: RecurrencePattern | None | UnsetType = UNSET
    parent_id: ParentId | None | UnsetType = UNSET


class GoalQuery(PageQuery, frozen=True, kw_only=True):
    """The filters of the list of goals."""

    order: Annotated[
        GoalOrder,
        Meta(
            description="By time of creation; or `priority`: the highest first; or `end_date`: the earliest first, goals "
            "without one last."
        ),
    ] = "newest"
    status: GoalStatus | None = None
    goal_type: GoalType | None = None
    category: Annotated[Category, Meta(description="Only goals of this category.")] | None = None
    priority: Annotated[Priority, Meta(description="Only goals of this priority.")] | None = None
    range_from: Annotated[dt.date, Meta(description="Only goals with dates that do not end before this day.")] | None = (
        msgspec.field(name="from", default=None)
    )
    range_to: Annotated[dt.date, Meta(description="Only goals with dates that do not start after this day.")] | None = (
        msgspec.field(name="to", default=None)
    )
    parent_id: Annotated[UUID, Meta(description="Only the direct sub-goals of this goal.")] | None = None
    tag: TagSlugs = ()
    with_: WithTags | None = msgspec.field(name="with", default=None)
    count: Counted = False
    changed_since: ChangedSince | None = None


class TreeGoal(msgspec.Struct, frozen=True):
    """A goal of a tree: the fields that place it in the tree, and the whole goal as JSON; None: there was no room for it."""

    id: UUID
    parent_id: UUID | None
    previous_id: UUID | None
    status: str
    percentage: float
    json: str | None


class GoalTree(msgspec.Struct, frozen=True):
    """A goal with its sub-goals."""

    goal: Goal
    rolled_up_percentage: Annotated[
        Percentage,
        Meta(
            description="The mean of the rolled-up percentages of its sub-goals, with two decimals; cancelled ones do not "
            "count, nor open occurrences that a completed one made. Without any that counts, and when completed: its own "
            "percentage."
        ),
    ]
    children_left_out: Annotated[
        int,
        Meta(
            description="How many of its sub-goals are left out, because it is on the 100th level, or because the answer is "
            "as large as it may be: its own tree has them, or the list of goals by `parent_id`.",
            examples=[0],
        ),
    ]
    children: Annotated[list["GoalTree"], Meta(description="Its sub-goals, oldest first, each with its own.", examples=[[]])]


class GoalProgress(msgspec.Struct, frozen=True):
    """The progress of a goal on a day."""

    id: Annotated[Id, in_path("entry_id")]
    goal_id: Annotated[UUID, Meta(description="The goal.", examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f01"]), in_path("id")]
    date: Day
    value: ProgressValue
    note: Note | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class GoalProgressCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The progress of a goal on a day; without a date: today, in the user's time zone."""

    value: ProgressValue
    date: Annotated[dt.date, Meta(description="Tomorrow at the latest. Default: today.", examples=["2025-11-21"])] | None = None
    note: Note | None = None
    id: ChosenId | None = None


class GoalProgressPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of an entry of progress: an absent field stays, null clears it."""

    value: ProgressValue | UnsetType = UNSET
    date: Annotated[dt.date, Meta(description="Tomorrow at the latest.", examples=["2025-11-21"])] | UnsetType = UNSET
    note: Note | None | UnsetType = UNSET
