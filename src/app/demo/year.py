"""The year of the demo, table by table: the same for the same seed and day, but for the ids, which are each account's own."""

from datetime import date
from uuid import UUID

from app.demo import body, doing, journal
from app.demo.draw import Draw, Row
from app.slugs import slug

TAGS = {
    "Garden": "#4caf50",
    "Health": "#e91e63",
    "Money": "#ffb300",
    "Work": "#3f51b5",
    "Home": "#795548",
    "Family": "#9c27b0",
    "Learning": "#009688",
    "Sport": "#ff7043",
}


def rows(seed: int, user_id: UUID, today: date) -> dict[str, list[Row]]:
    """The rows of the year that ends with the day before `today`, by the names of their tables."""
    draw = Draw.of(seed, user_id, today)
    begin = draw.at(draw.first, 5, 6)
    tags = [
        {"id": draw.id_at(begin), "name": name, "slug": slug(name, 100), "color": color, "created_at": begin}
        for name, color in TAGS.items()
    ]
    tag_ids = {tag["name"]: str(tag["id"]) for tag in tags}
    tasks, entries = doing.tasks(draw), journal.blog_entries(draw)
    habits, habit_entries, comments = doing.habits(draw)
    goals, progress = doing.goals(draw)
    workouts, exercises = body.workouts(draw)
    conversations, messages = journal.conversations(draw)
    tagged = [("tasks", row, tag) for row, tag in tasks if draw.happens(0.5)]
    tagged += [("blog-entries", row, tag) for row, tag in entries]
    tagged += [("workouts", row, "Sport") for row in workouts if draw.happens(0.4)]
    # Not every category of a habit is a tag.
    tagged += [(kind, row, row["category"]) for kind, many in (("habits", habits), ("goals", goals)) for row in many]
    return {
        "tags": tags,
        "tasks": [row for row, _ in tasks],
        "habits": habits,
        "habit_entries": habit_entries,
        "habit_comments": comments,
        "goals": goals,
        "goal_progress": progress,
        "foods": body.foods(draw),
        "workouts": workouts,
        "workout_exercises": exercises,
        "daily_reviews": journal.reviews(draw),
        "blog_entries": [row for row, _ in entries],
        "conversations": conversations,
        "messages": messages,
        "taggings": [
            {"tag_id": tag_ids[tag], "taggable_type": kind, "taggable_id": row["id"], "created_at": row["created_at"]}
            for kind, row, tag in tagged
            if tag in tag_ids
        ],
    }
