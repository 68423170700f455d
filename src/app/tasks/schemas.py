"""What goes in and out of /v1/tasks."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import NOT_BLANK, Id, TagSlug, Timestamp, Version
from app.http.idempotency import ChosenId
from app.http.pagination import OrderedPageQuery
from app.problems import constraints

constraints.owned("tasks", length={"title": "1 to 200", "description": "at most 1000"}, not_blank=("title",))


Title = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=NOT_BLANK, description="Not blank.", examples=["Water the plants"])
]
Description = Annotated[str, Meta(max_length=1000, examples=["The ficus, too"])]
Completed = Annotated[bool, Meta(description="Whether it is done.", examples=[False])]


class Task(msgspec.Struct, frozen=True):
    """A task."""

    id: Id
    title: Title
    description: Description | None
    completed: Completed
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class TaskCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new task."""

    title: Title
    description: Description | None = None
    completed: Completed = False
    id: ChosenId | None = None


class TaskPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of a task: an absent field stays, null clears it."""

    title: Title | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    completed: Completed | UnsetType = UNSET


class TaskQuery(OrderedPageQuery, frozen=True, kw_only=True):
    """The filters of the list of tasks."""

    completed: Annotated[bool, Meta(description="Only tasks that are done, or only those that are not.")] | None = None
    tag: TagSlug | None = None
