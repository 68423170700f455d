"""The kinds of rows that carry tags and files: the words that paths and `taggable_type` have for them, and their columns."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

Kind = Annotated[
    Literal["tasks", "habits", "goals", "foods", "workouts", "daily-reviews", "blog-entries", "conversations"],
    Meta(title="TaggableType", examples=["tasks"]),
]


KINDS: dict[str, str] = {
    "tasks": "task_id",
    "habits": "habit_id",
    "goals": "goal_id",
    "foods": "food_id",
    "workouts": "workout_id",
    "daily-reviews": "daily_review_id",
    "blog-entries": "blog_entry_id",
    "conversations": "conversation_id",
}
"""Kind -> the column that points at a row of it, by a foreign key of its own."""


TARGETS = tuple(column.removesuffix("_id") for column in KINDS.values())
"""What the constraints of those foreign keys are named after: <table>_task_exists."""


def columns(kind: str, id: UUID) -> dict[str, UUID | None]:
    """A parameter for each column: the id in that of this kind, None in the others."""
    return {column: id if each == kind else None for each, column in KINDS.items()}
