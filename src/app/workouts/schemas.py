"""What goes in and out of /v1/workouts."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import (
    NOT_BLANK,
    PLACE,
    ChangedSince,
    Counted,
    Day,
    Feeling,
    Id,
    Mood,
    Notes,
    SentTimeOfDay,
    TagSlugs,
    TimeOfDay,
    Timestamp,
    Version,
    WeightUnit,
    WithTags,
)
from app.http.idempotency import ChosenId
from app.http.pagination import DatedPageQuery, Page
from app.problems import constraints
from app.tags.carried import CarriedTags

constraints.owned(
    "workouts",
    length={
        "type": "1 to 50",
        "name": "at most 255",
        "location": "at most 255",
        "feeling_before": "1 to 50",
        "feeling_after": "1 to 50",
        "notes": "at most 10000",
    },
    bounds={
        "date": constraints.DAY,
        "duration_minutes": "more than 0 and at most 1,000,000",
        "calories_burned": "from 0 to 1,000,000",
        "mood_before": constraints.ONE_TO_TEN,
        "mood_after": constraints.ONE_TO_TEN,
    },
    known=("intensity",),
    not_blank=("type",),
)
constraints.owned(
    "workout_exercises",
    length={"name": "1 to 255", "type": "1 to 50", "notes": "at most 10000"},
    bounds={
        "position": "from 1 to 1000",
        "sets": "from 0 to 10,000",
        "reps": "from 0 to 1,000,000",
        "weight": "from 0 to 1,000,000",
        "distance": "from 0 to 100,000,000",
        "duration_seconds": "from 0 to 10,000,000",
        "rest_seconds": "from 0 to 10,000,000",
    },
    known=("weight_unit", "distance_unit"),
    not_blank=("name",),
    unique=("position",),
    targets=("workout",),
)
constraints.declare(
    {
        "workout_exercises_weight_unit_needed": ("invalid", "weight_unit", "is required with weight"),
        "workout_exercises_distance_unit_needed": ("invalid", "distance_unit", "is required with distance"),
    }
)


Type = Annotated[str, Meta(min_length=1, max_length=50, pattern=NOT_BLANK, description="Not blank.", examples=["strength"])]
Name = Annotated[str, Meta(max_length=255, examples=["Legs"])]
Minutes = Annotated[float, Meta(gt=0, le=1_000_000, examples=[45])]
Calories = Annotated[float, Meta(ge=0, le=1_000_000, description="Kilocalories.", examples=[380])]
WorkoutIntensity = Annotated[Literal["low", "medium", "high"], Meta(title="WorkoutIntensity", examples=["medium"])]
Location = Annotated[str, Meta(max_length=255, examples=["The park"])]

Position = Annotated[int, Meta(description="The place in the list, from 1 on.", examples=[1]), PLACE]
ExerciseName = Annotated[
    str, Meta(min_length=1, max_length=255, pattern=NOT_BLANK, description="Not blank.", examples=["Squat"])
]
ExerciseType = Annotated[str, Meta(min_length=1, max_length=50, examples=["barbell"])]
Sets = Annotated[int, Meta(ge=0, le=10_000, examples=[3])]
Reps = Annotated[int, Meta(ge=0, le=1_000_000, description="Per set.", examples=[10])]
Weight = Annotated[float, Meta(ge=0, le=1_000_000, description="In `weight_unit`, which it needs.", examples=[135])]
Kilograms = Annotated[
    float,
    Meta(
        description="`weight` in kilograms, to compare by. 1 lb is exactly 0.45359237 kg (NIST SP 811, appendix B).",
        examples=[61.23496995],
    ),
]
Distance = Annotated[float, Meta(ge=0, le=100_000_000, description="In `distance_unit`, which it needs.", examples=[3.1])]
DistanceUnit = Annotated[Literal["km", "miles", "meters"], Meta(title="DistanceUnit", examples=["km"])]
Meters = Annotated[
    float,
    Meta(
        description="`distance` in meters, to compare by. 1 mile is exactly 1609.344 m (NIST SP 811, appendix B).",
        examples=[4988.9664],
    ),
]
Seconds = Annotated[float, Meta(ge=0, le=10_000_000, description="Seconds.", examples=[90])]


class WorkoutExercise(msgspec.Struct, frozen=True):
    """An exercise of a workout."""

    position: Position
    name: ExerciseName
    type: ExerciseType | None
    sets: Sets | None
    reps: Reps | None
    weight: Weight | None
    weight_unit: WeightUnit | None
    weight_kg: Kilograms | None
    distance: Distance | None
    distance_unit: DistanceUnit | None
    distance_m: Meters | None
    duration_seconds: Seconds | None
    rest_seconds: Seconds | None
    notes: Notes | None


class WorkoutExerciseCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An exercise as a client sends it. A unit may be sent without its value, a value not without its unit."""

    name: ExerciseName
    type: ExerciseType | None = None
    sets: Sets | None = None
    reps: Reps | None = None
    weight: Weight | None = None
    weight_unit: WeightUnit | None = None
    distance: Distance | None = None
    distance_unit: DistanceUnit | None = None
    duration_seconds: Seconds | None = None
    rest_seconds: Seconds | None = None
    notes: Notes | None = None


Exercises = Annotated[
    Sequence[WorkoutExerciseCreate],
    Meta(
        max_length=200,
        description="In the order in which they were done.",
        examples=[[{"name": "Squat", "sets": 3, "reps": 10, "weight": 135, "weight_unit": "lbs"}]],
    ),
]


class Workout(msgspec.Struct, frozen=True):
    """A workout with its exercises."""

    id: Id
    date: Day
    time: TimeOfDay | None
    type: Type
    name: Name | None
    duration_minutes: Minutes | None
    calories_burned: Calories | None
    intensity: WorkoutIntensity | None
    location: Location | None
    mood_before: Mood | None
    mood_after: Mood | None
    feeling_before: Feeling | None
    feeling_after: Feeling | None
    notes: Notes | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version
    exercises: Annotated[Sequence[WorkoutExercise], Meta(description="In the order of `position`.", examples=[[]])]


class ListedWorkout(Workout, frozen=True, kw_only=True):
    """A workout in a list."""

    tags: CarriedTags | UnsetType = UNSET


class WorkoutPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole workout: an omitted field gets its default."""

    date: Day
    time: SentTimeOfDay | None = None
    type: Type
    name: Name | None = None
    duration_minutes: Minutes | None = None
    calories_burned: Calories | None = None
    intensity: WorkoutIntensity | None = None
    location: Location | None = None
    mood_before: Mood | None = None
    mood_after: Mood | None = None
    feeling_before: Feeling | None = None
    feeling_after: Feeling | None = None
    notes: Notes | None = None
    exercises: Exercises = ()


class WorkoutCreate(WorkoutPut, frozen=True, kw_only=True):
    """A new workout."""

    id: ChosenId | None = None


class WorkoutPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of a workout: an absent field stays, null clears it; `exercises` replaces all of them."""

    date: Day | UnsetType = UNSET
    time: SentTimeOfDay | None | UnsetType = UNSET
    type: Type | UnsetType = UNSET
    name: Name | None | UnsetType = UNSET
    duration_minutes: Minutes | None | UnsetType = UNSET
    calories_burned: Calories | None | UnsetType = UNSET
    intensity: WorkoutIntensity | None | UnsetType = UNSET
    location: Location | None | UnsetType = UNSET
    mood_before: Mood | None | UnsetType = UNSET
    mood_after: Mood | None | UnsetType = UNSET
    feeling_before: Feeling | None | UnsetType = UNSET
    feeling_after: Feeling | None | UnsetType = UNSET
    notes: Notes | None | UnsetType = UNSET
    exercises: Exercises | UnsetType = UNSET


class WorkoutQuery(DatedPageQuery, frozen=True, kw_only=True):
    """The filters of the list of workouts."""

    type: Annotated[str, Meta(max_length=50, description="Only workouts of this type.", examples=["strength"])] | None = None
    tag: TagSlugs = ()
    with_: WithTags | None = msgspec.field(name="with", default=None)
    count: Counted = False
    changed_since: ChangedSince | None = None


class WorkoutTotals(msgspec.Struct, frozen=True):
    """The totals of a day or a week.

    A total adds up the workouts and exercises for which the value is known; null: it is known for none.
    """

    date: Annotated[Day, Meta(description="The day; by week its Monday, which may lie before `from`.")]
    count: Annotated[int, Meta(description="How many workouts.", examples=[2])]
    minutes: Annotated[float, Meta(examples=[75])] | None
    calories_burned: Annotated[float, Meta(description="Kilocalories.", examples=[610])] | None
    distance_m: (
        Annotated[float, Meta(description="Meters; an exercise counts once, whatever its sets.", examples=[5000])] | None
    )
    volume_kg: (
        Annotated[
            float,
            Meta(description="Kilograms lifted: sets x reps x weight of each exercise that has all three.", examples=[2475]),
        ]
        | None
    )
    low_intensity: Annotated[int, Meta(description="How many workouts of low intensity.", examples=[1])]
    medium_intensity: Annotated[int, Meta(description="How many of medium intensity.", examples=[0])]
    high_intensity: Annotated[int, Meta(description="How many of high intensity.", examples=[1])]


class WorkoutDay(Page[ListedWorkout], frozen=True, kw_only=True):
    """The workouts of a day, the first made first, and their totals."""

    totals: WorkoutTotals
