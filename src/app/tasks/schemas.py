"""What goes in and out of /v1/tasks."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import NOT_BLANK, ChangedSince, Counted, Day, Id, OwnerId, TagSlugs, Timestamp, Version, WithTags
from app.http.idempotency import ChosenId
from app.http.pagination import PageQuery
from app.problems import constraints
from app.tags.carried import CarriedTags

constraints.owned(
    "tasks",
    length={"title": "1 to 200", "description": "at most 1000"},
    bounds={"due_date": constraints.DAY, "priority": "from 0 to 5"},
    not_blank=("title",),
)
constraints.declare({"tasks_completed_at_completed": ("invalid", "completed", "must be true exactly when completed_at is set")})

Title = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=NOT_BLANK, description="Not blank.", examples=["Water the plants"])
]
Description = Annotated[str, Meta(max_length=1000, examples=["The ficus, too"])]
Completed = Annotated[bool, Meta(description="Whether it is done.", examples=[False])]
Priority = Annotated[int, Meta(ge=0, le=5, description="From 0, the lowest, to 5. Null: none was given.", examples=[3])]
TaskOrder = Annotated[Literal["newest", "oldest", "due"], Meta(title="TaskOrder")]

ORDERS = {"due": "due_date"}
"""The orders of the list that are not by creation, and the columns that they go by."""


class Task(msgspec.Struct, frozen=True):
    """A task."""

    id: Id
    user_id: OwnerId
    title: Title
    description: Description | None
    completed: Completed
    completed_at: Annotated[Timestamp, Meta(description="When it was done: set exactly when it is completed.")] | None
    due_date: Day | None
    priority: Priority | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class ListedTask(Task, frozen=True, kw_only=True):
    """A task in a list."""

    tags: CarriedTags | UnsetType = UNSET


class TaskCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new task."""

    title: Title
    description: Description | None = None
    completed: Completed = False
    due_date: Day | None = None
    priority: Priority | None = None
    id: ChosenId | None = None


class TaskPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of a task: an absent field stays, null clears it."""

    title: Title | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    completed: Completed | UnsetType = UNSET
    due_date: Day | None | UnsetType = UNSET
    priority: Priority | None | UnsetType = UNSET


class TaskQuery(PageQuery, frozen=True, kw_only=True):
    """The filters of the list of tasks."""

    order: Annotated[
        TaskOrder,
        Meta(description="By time of creation; or `due`: open tasks by due date, earliest first, those without one last."),
    ] = "newest"
    completed: Annotated[bool, Meta(description="Only tasks that are done, or only those that are not.")] | None = None
    due_from: Annotated[date, Meta(description="Only tasks that are due on this day or later.")] | None = msgspec.field(
        name="from", default=None
    )
    due_to: Annotated[date, Meta(description="Only tasks that are due on this day or earlier.")] | None = msgspec.field(
        name="to", default=None
    )
    priority: Annotated[Priority, Meta(description="Only tasks of this priority.")] | None = None
    source_id: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=100,
                description="Only tasks that had this id in the app that they were imported from.",
                examples=["17"],
            ),
        ]
        | None
    ) = None
    tag: TagSlugs = ()
    with_: WithTags | None = msgspec.field(name="with", default=None)
    count: Counted = False
    changed_since: ChangedSince | None = None
