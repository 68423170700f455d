"""What goes in and out of /v1/foods."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import (
    NOT_BLANK,
    ChangedSince,
    Counted,
    Day,
    Id,
    Notes,
    Quantity,
    SentTimeOfDay,
    TagSlugs,
    TimeOfDay,
    Timestamp,
    Version,
    WithTags,
)
from app.http.idempotency import ChosenId
from app.http.pagination import DatedPageQuery, Page
from app.problems import constraints
from app.tags.carried import CarriedTags

constraints.owned(
    "foods",
    length={"name": "1 to 255", "portion": "at most 100", "notes": "at most 10000"},
    bounds={
        "date": constraints.DAY,
        **dict.fromkeys(
            ("calories", "protein_g", "carbs_g", "fats_g", "fiber_g", "sugar_g", "sodium_mg"), constraints.QUANTITY
        ),
    },
    known=("meal_type",),
    not_blank=("name",),
)


MealType = Annotated[Literal["breakfast", "lunch", "dinner", "snack"], Meta(title="MealType", examples=["lunch"])]
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=NOT_BLANK, description="Not blank.", examples=["Lentil soup"])]
Portion = Annotated[str, Meta(max_length=100, description="In the user's words.", examples=["1 cup"])]
Calories = Annotated[Quantity, Meta(description="Kilocalories.", examples=[320])]
Grams = Annotated[Quantity, Meta(description="Grams.")]
Milligrams = Annotated[Quantity, Meta(description="Milligrams.", examples=[480])]
Favorite = Annotated[bool, Meta(description="Whether it is a favorite.", examples=[False])]


class Food(msgspec.Struct, frozen=True):
    """Something eaten or drunk."""

    id: Id
    date: Day
    time: TimeOfDay | None
    meal_type: MealType
    name: Name
    portion: Portion | None
    calories: Calories | None
    protein_g: Grams | None
    carbs_g: Grams | None
    fats_g: Grams | None
    fiber_g: Grams | None
    sugar_g: Grams | None
    sodium_mg: Milligrams | None
    is_favorite: Favorite
    notes: Notes | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class ListedFood(Food, frozen=True, kw_only=True):
    """A food in a list."""

    tags: CarriedTags | UnsetType = UNSET


class FoodCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new food; a null nutrient is not known."""

    date: Day
    time: SentTimeOfDay | None = None
    meal_type: MealType
    name: Name
    portion: Portion | None = None
    calories: Calories | None = None
    protein_g: Grams | None = None
    carbs_g: Grams | None = None
    fats_g: Grams | None = None
    fiber_g: Grams | None = None
    sugar_g: Grams | None = None
    sodium_mg: Milligrams | None = None
    is_favorite: Favorite = False
    notes: Notes | None = None
    id: ChosenId | None = None


class FoodCopy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """On which day a food was eaten again."""

    date: Day
    id: ChosenId | None = None


class FoodPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of a food: an absent field stays, null clears it."""

    date: Day | UnsetType = UNSET
    time: SentTimeOfDay | None | UnsetType = UNSET
    meal_type: MealType | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    portion: Portion | None | UnsetType = UNSET
    calories: Calories | None | UnsetType = UNSET
    protein_g: Grams | None | UnsetType = UNSET
    carbs_g: Grams | None | UnsetType = UNSET
    fats_g: Grams | None | UnsetType = UNSET
    fiber_g: Grams | None | UnsetType = UNSET
    sugar_g: Grams | None | UnsetType = UNSET
    sodium_mg: Milligrams | None | UnsetType = UNSET
    is_favorite: Favorite | UnsetType = UNSET
    notes: Notes | None | UnsetType = UNSET


class FoodQuery(DatedPageQuery, frozen=True, kw_only=True):
    """The filters of the list of foods."""

    meal_type: Annotated[MealType, Meta(description="Only foods of this meal.")] | None = None
    is_favorite: Annotated[bool, Meta(description="Only favorites, or only foods that are not.")] | None = None
    tag: TagSlugs = ()
    with_: WithTags | None = msgspec.field(name="with", default=None)
    count: Counted = False
    changed_since: ChangedSince | None = None


class FoodTotals(msgspec.Struct, frozen=True):
    """The totals of a day or a week.

    A total adds up the foods for which the value is known; null: it is known for none.
    """

    date: Annotated[Day, Meta(description="The day; by week its Monday, which may lie before `from`.")]
    entries: Annotated[int, Meta(description="How many foods.", examples=[4])]
    calories: Annotated[float, Meta(description="Kilocalories.", examples=[1980.5])] | None
    protein_g: Annotated[float, Meta(examples=[82.5])] | None
    carbs_g: Annotated[float, Meta(examples=[210])] | None
    fats_g: Annotated[float, Meta(examples=[64])] | None
    fiber_g: Annotated[float, Meta(examples=[31])] | None
    sugar_g: Annotated[float, Meta(examples=[40])] | None
    sodium_mg: Annotated[float, Meta(examples=[1800])] | None


class FoodDay(Page[ListedFood], frozen=True, kw_only=True):
    """The foods of a day, the first made first, and their totals."""

    totals: FoodTotals
