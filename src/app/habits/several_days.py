"""The entries of several days of a habit: what PUT /v1/habits/{id}/entries takes and gives."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.habits.schemas import HabitEntry, HabitEntryPut
from app.http.fields import Day, Id, Timestamp, Version


class HabitEntryOfDay(HabitEntryPut, frozen=True, kw_only=True):
    """The entry of a day among others. What only the server sets is taken when it is equal to what stands."""

    date: Day
    habit_id: Id | UnsetType = UNSET
    created_at: Timestamp | UnsetType = UNSET
    updated_at: Timestamp | UnsetType = UNSET
    version: Version | UnsetType = UNSET


class HabitEntriesPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The entries of several days."""

    entries: Annotated[
        list[HabitEntryOfDay],
        Meta(
            min_length=1,
            max_length=366,
            description="One for each day; days that are not among them stay as they are.",
            examples=[[{"date": "2026-11-20", "completed": True}, {"date": "2026-11-21", "skipped": True}]],
        ),
    ]


class HabitEntries(msgspec.Struct, frozen=True):
    """Entries as they stand."""

    items: Annotated[list[HabitEntry], Meta(description="In the order in which they were sent.", examples=[[]])]
