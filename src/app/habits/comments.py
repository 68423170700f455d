"""Comments on a day of a habit: what the API takes and gives."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from app.http.fields import NOT_BLANK, Day, Id, Timestamp, Version
from app.http.idempotency import ChosenId
from app.problems import constraints

constraints.owned(
    "habit_comments", length={"text": "1 to 2000"}, bounds={"date": constraints.DAY}, not_blank=("text",), targets=("habit",)
)


CommentText = Annotated[
    str, Meta(min_length=1, max_length=2000, pattern=NOT_BLANK, description="Not blank.", examples=["Longer than planned"])
]


class HabitComment(msgspec.Struct, frozen=True):
    """What the user says about a habit on a day."""

    id: Id
    habit_id: Annotated[UUID, Meta(description="The habit.", examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f01"])]
    date: Day
    text: CommentText
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class HabitCommentCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A comment on a day."""

    text: CommentText
    id: ChosenId | None = None
