"""What is sent to the slices whose rows a user writes: bodies with every kind of field, and the user's mark in a text."""

from datetime import date, timedelta
from random import Random

from chaos.clients import Make
from chaos.rows import create, look, page, patch, put, read, remove, within
from chaos.shelf import Row, Shelf

WORDS = [
    "water",
    "garden",
    "rain",
    "bicycle",
    "letter",
    "soup",
    "bread",
    "river",
    "window",
    "planet",
    "lamp",
    "paper",
    "stone",
    "music",
    "train",
    "forest",
]
DAYS = [str(date(2026, 9, 1) + timedelta(days=number)) for number in range(60)]
MONDAYS = [str(date(2026, 9, 7) + timedelta(days=7 * number)) for number in range(8)]


def say(shelf: Shelf, chance: Random, words: int = 3) -> str:
    """A text with the user's mark."""
    return " ".join([*chance.choices(WORDS, k=words), shelf.mark])


def day(chance: Random) -> str:
    return chance.choice(DAYS)


def task(shelf: Shelf, chance: Random) -> Row:
    return {
        "title": say(shelf, chance),
        "description": say(shelf, chance, 20) if chance.random() < 0.5 else None,
        "due_date": day(chance),
        "priority": chance.randrange(6),
        "completed": chance.random() < 0.3,
    }


def habit(shelf: Shelf, chance: Random) -> Row:
    kinds: tuple[Row, ...] = (
        {"frequency": "daily"},
        {"frequency": "weekly", "target_days": 3},
        {"frequency": "weekdays", "weekdays": [1, 3, 5]},
        {"frequency": "interval", "interval_days": 4},
    )
    row = {"name": say(shelf, chance), "color": "#1a2b3c", "icon": "🧘", "reminder_time": "07:30:00", "position": 7}
    return row | chance.choice(kinds) | {"kind": "numeric", "unit": "pages", "target_value": 20.5}


def entry(shelf: Shelf, chance: Random) -> Row:
    return {"value": chance.randrange(80) / 2, "note": say(shelf, chance), "mood": chance.randrange(1, 11)}


def goal(shelf: Shelf, chance: Random) -> Row:
    row = {"title": say(shelf, chance), "goal_type": "yearly", "start_value": 1.5, "target_value": 12.5, "priority": 2}
    return row | {"start_date": "2026-01-01", "end_date": "2026-12-31", "target_unit": "books", "category": "learning"}


def progress(shelf: Shelf, chance: Random) -> Row:
    return {"value": chance.randrange(30) / 2, "date": day(chance), "note": say(shelf, chance)}


def food(shelf: Shelf, chance: Random) -> Row:
    row = {"date": day(chance), "time": "12:30:00", "meal_type": "lunch", "name": say(shelf, chance), "portion": "1 cup"}
    return row | {"calories": chance.randrange(900) / 2, "protein_g": 7.25, "is_favorite": chance.random() < 0.5}


def workout(shelf: Shelf, chance: Random) -> Row:
    exercises = [
        {"name": say(shelf, chance, 1), "sets": 3, "reps": 8, "weight": 62.5, "weight_unit": "kg"}
        for _ in range(chance.randrange(4))
    ]
    row = {"date": day(chance), "type": "strength", "name": say(shelf, chance), "duration_minutes": 30.5}
    return row | {"intensity": "high", "mood_after": 8, "exercises": exercises}


def review(shelf: Shelf, chance: Random) -> Row:
    return {"mood": chance.randrange(1, 11), "sleep_hours": 7.5, "steps": 8_500, "highlights": say(shelf, chance, 12)}


def blog_entry(shelf: Shelf, chance: Random) -> Row:
    row = {"title": say(shelf, chance), "content": say(shelf, chance, chance.choice((30, 300))), "excerpt": say(shelf, chance)}
    return row | {"status": chance.choice(("draft", "published", "published")), "is_public": True}


def tag(shelf: Shelf, chance: Random) -> Row:
    return {"name": f"{chance.randrange(10**9)} {say(shelf, chance, 1)}", "color": "#00ff7f", "category": "places"}


def snapshot(shelf: Shelf, chance: Random) -> Row:
    return {"notes": say(shelf, chance), "weight": 70.5, "weight_unit": "kg", "body_fat_percent": 21.5}


def conversation(shelf: Shelf, chance: Random) -> Row:
    return {"title": say(shelf, chance)}


def _comments() -> Make:
    return within(
        "/v1/habits", "entries", lambda entries: within(entries, "comments", lambda place: create(place, _comment, 6))
    )


def _comment(shelf: Shelf, chance: Random) -> Row:
    return {"text": say(shelf, chance)}


def _entries(inner: str) -> Make:
    makes = {
        "put": lambda place: put(place, day, entry),
        "patch": lambda place: patch(place, entry),
        "delete": remove,
        "page": lambda place: page(place, lambda row: str(row["date"])),
    }
    return within("/v1/habits", "entries", makes[inner])


def _range(_shelf: Shelf, _chance: Random) -> str:
    return f"from={DAYS[0]}&to={DAYS[-1]}"


PLAIN: list[tuple[Make, float]] = [
    (create("/v1/tasks", task), 6),
    (patch("/v1/tasks", lambda shelf, chance: {"title": say(shelf, chance), "priority": chance.randrange(6)}), 6),
    (remove("/v1/tasks"), 1),
    (read("/v1/tasks"), 5),
    (page("/v1/tasks"), 5),
    (page("/v1/tasks", query="&order=due&completed=false&with=tags"), 1),
    (create("/v1/habits", habit, 5), 2),
    (patch("/v1/habits", lambda shelf, chance: {"name": say(shelf, chance), "is_archived": False}), 2),
    (remove("/v1/habits"), 0.1),
    (read("/v1/habits"), 2),
    (page("/v1/habits"), 2),
    (_entries("put"), 6),
    (_entries("patch"), 2),
    (_entries("delete"), 0.5),
    (_entries("page"), 2),
    (_comments(), 2),
    (create("/v1/goals", goal, 5), 2),
    (patch("/v1/goals", lambda shelf, chance: {"title": say(shelf, chance), "priority": chance.randrange(6)}), 2),
    (remove("/v1/goals"), 0.1),
    (page("/v1/goals"), 2),
    (within("/v1/goals", "progress", lambda place: create(place, progress, 15)), 3),
    (within("/v1/goals", "progress", lambda place: patch(place, progress)), 1),
    (within("/v1/goals", "progress", page), 1),
    (create("/v1/foods", food), 4),
    (patch("/v1/foods", lambda shelf, chance: {"name": say(shelf, chance), "calories": 12.5}), 2),
    (remove("/v1/foods"), 0.5),
    (page("/v1/foods"), 2),
    (create("/v1/workouts", workout, 20), 3),
    (patch("/v1/workouts", workout), 2),
    (remove("/v1/workouts"), 0.5),
    (read("/v1/workouts"), 2),
    (put("/v1/daily-reviews", day, review), 3),
    (patch("/v1/daily-reviews", lambda shelf, chance: {"lessons": say(shelf, chance)}), 1),
    (page("/v1/daily-reviews", lambda row: str(row["date"])), 1),
    (create("/v1/blog-entries", blog_entry, 15), 2),
    (patch("/v1/blog-entries", lambda shelf, chance: {"content": say(shelf, chance, 50)}), 2),
    (remove("/v1/blog-entries"), 0.3),
    (read("/v1/blog-entries"), 2),
    (page("/v1/blog-entries"), 1),
    (create("/v1/tags", tag, 5), 1),
    (patch("/v1/tags", lambda shelf, chance: {"description": say(shelf, chance)}), 1),
    (remove("/v1/tags"), 0.1),
    (page("/v1/tags"), 1),
    (put("/v1/progress-snapshots", lambda chance: f"weekly/{chance.choice(MONDAYS)}", snapshot), 1),
    (page("/v1/progress-snapshots", lambda row: f"{row['period']}/{row['date']}"), 1),
    (create("/v1/conversations", conversation, 5), 1),
    (patch("/v1/conversations", lambda shelf, chance: {"title": say(shelf, chance)}, conditional=False), 1),
    (remove("/v1/conversations"), 0.1),
    (page("/v1/conversations"), 2),
    (look("habits overview", lambda *given: f"/v1/habits/overview?{_range(*given)}"), 0.5),
    (look("habits today", lambda *_: "/v1/habits/today"), 1),
    (look("foods summary", lambda *given: f"/v1/foods/summary?{_range(*given)}"), 0.5),
    (look("workouts summary", lambda *given: f"/v1/workouts/summary?{_range(*given)}"), 0.5),
    (look("search", lambda _, chance: f"/v1/search?q={chance.choice(WORDS)}"), 1),
]
"""What is sent, and how often, to the slices that every user has."""
