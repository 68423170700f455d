"""What tags and files can be attached to: the kinds of the API, and the columns that point at their rows."""

from typing import Literal

Kind = Literal["tasks", "habits", "goals", "foods", "workouts", "daily-reviews", "blog-entries", "conversations"]

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
"""Kind -> the column of taggings and media that names its row."""
