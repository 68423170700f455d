"""The kinds of rows that carry tags and files, by the words that paths and `taggable_type` have for them.

A new kind is a word here and, in `taggings` and `media`, a generated column with its foreign key (docs/decisions/0025).
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta

from app.problems.problem import invalid

Kind = Annotated[
    Literal["tasks", "habits", "goals", "foods", "workouts", "daily-reviews", "blog-entries", "conversations"],
    Meta(title="TaggableType", examples=["tasks"]),
]


KINDS: dict[str, str] = {
    "tasks": "task",
    "habits": "habit",
    "goals": "goal",
    "foods": "food",
    "workouts": "workout",
    "daily-reviews": "daily_review",
    "blog-entries": "blog_entry",
    "conversations": "conversation",
}
"""Kind -> what the constraint of its foreign key is named after: <table>_task_exists."""


def check_pair(kind: object, id: object) -> None:
    """Raise Problem 422 when only one of taggable_type and taggable_id is there, or only one is null."""
    for absent in (UNSET, None):
        if (kind is absent) != (id is absent):
            raise invalid("taggable_type" if kind is absent else "taggable_id", "required", "comes with the other of the two")
