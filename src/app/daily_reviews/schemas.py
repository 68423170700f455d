"""What goes in and out of /v1/daily-reviews."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import ChangedSince, Counted, Day, Id, Mood, TagSlugs, Timestamp, Version, WithTags
from app.http.pagination import DatedPageQuery
from app.problems import constraints
from app.tags.carried import CarriedTags

constraints.owned(
    "daily_reviews",
    length=dict.fromkeys(("highlights", "accomplishments", "challenges", "lessons", "gratitude", "tomorrow"), "at most 10000"),
    bounds={
        "date": constraints.DAY,
        **dict.fromkeys(("mood", "energy", "productivity", "sleep_quality"), constraints.ONE_TO_TEN),
        "sleep_hours": "from 0 to 24",
        "water_ml": "from 0 to 1,000,000",
        "screen_minutes": "from 0 to 1,000,000",
        "steps": constraints.QUANTITY,
    },
    unique=("date",),
)


SleepHours = Annotated[float, Meta(ge=0, le=24, examples=[7.5])]
WaterMl = Annotated[int, Meta(ge=0, le=1_000_000, examples=[1500])]
ScreenMinutes = Annotated[int, Meta(ge=0, le=1_000_000, examples=[95])]
Steps = Annotated[int, Meta(ge=0, le=1_000_000_000, examples=[8400])]
Answer = Annotated[str, Meta(max_length=10_000, examples=["A walk by the sea before breakfast"])]


class DailyReview(msgspec.Struct, frozen=True):
    """How a day was."""

    id: Id
    date: Day
    mood: Mood | None
    energy: Mood | None
    productivity: Mood | None
    sleep_quality: Mood | None
    sleep_hours: SleepHours | None
    water_ml: WaterMl | None
    screen_minutes: ScreenMinutes | None
    steps: Steps | None
    highlights: Answer | None
    accomplishments: Answer | None
    challenges: Answer | None
    lessons: Answer | None
    gratitude: Answer | None
    tomorrow: Answer | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class ListedDailyReview(DailyReview, frozen=True, kw_only=True):
    """A review in a list."""

    tags: CarriedTags | UnsetType = UNSET


class DailyReviewPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole review of a day: an omitted field is null."""

    mood: Mood | None = None
    energy: Mood | None = None
    productivity: Mood | None = None
    sleep_quality: Mood | None = None
    sleep_hours: SleepHours | None = None
    water_ml: WaterMl | None = None
    screen_minutes: ScreenMinutes | None = None
    steps: Steps | None = None
    highlights: Answer | None = None
    accomplishments: Answer | None = None
    challenges: Answer | None = None
    lessons: Answer | None = None
    gratitude: Answer | None = None
    tomorrow: Answer | None = None


class DailyReviewPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of a review: an absent field stays, null clears it."""

    mood: Mood | None | UnsetType = UNSET
    energy: Mood | None | UnsetType = UNSET
    productivity: Mood | None | UnsetType = UNSET
    sleep_quality: Mood | None | UnsetType = UNSET
    sleep_hours: SleepHours | None | UnsetType = UNSET
    water_ml: WaterMl | None | UnsetType = UNSET
    screen_minutes: ScreenMinutes | None | UnsetType = UNSET
    steps: Steps | None | UnsetType = UNSET
    highlights: Answer | None | UnsetType = UNSET
    accomplishments: Answer | None | UnsetType = UNSET
    challenges: Answer | None | UnsetType = UNSET
    lessons: Answer | None | UnsetType = UNSET
    gratitude: Answer | None | UnsetType = UNSET
    tomorrow: Answer | None | UnsetType = UNSET


class DailyReviewQuery(DatedPageQuery, frozen=True, kw_only=True):
    """The filters of the list of reviews."""

    tag: TagSlugs = ()
    with_: WithTags | None = msgspec.field(name="with", default=None)
    count: Counted = False
    changed_since: ChangedSince | None = None
