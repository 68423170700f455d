"""Tasks, habits with their entries, goals with their progress."""

from datetime import date, datetime, time, timedelta
from typing import Any

from app.demo.draw import Draw, Row

TASKS = (
    ("Water the plants", "Garden"), ("Repot the basil", "Garden"), ("Mow the lawn", "Garden"), ("Sow the radishes", "Garden"),
    ("Call the dentist", "Health"), ("Book a check-up", "Health"), ("Buy vitamin D", "Health"),
    ("Answer the tax office", "Money"), ("Pay the electricity bill", "Money"), ("Compare car insurances", "Money"),
    ("File the receipts", "Money"), ("Prepare the sprint review", "Work"), ("Review the pull requests", "Work"),
    ("Write the quarterly report", "Work"), ("Clean up the backlog", "Work"), ("Plan the workshop", "Work"),
    ("Send the invoice", "Work"), ("Fix the kitchen tap", "Home"), ("Change the bed linen", "Home"),
    ("Defrost the freezer", "Home"), ("Take the glass to the bank", "Home"), ("Sew on the button", "Home"),
    ("Buy a birthday present", "Family"), ("Call Grandma", "Family"), ("Book the train to the coast", "Family"),
    ("Print the holiday photos", "Family"), ("Return the library books", "Learning"), ("Finish the Spanish lesson", "Learning"),
    ("Read the chapter on indexes", "Learning"), ("Service the bike", "Sport"), ("Register for the 10k", "Sport"),
)  # fmt: skip
DETAILS = ("Before noon, if it is dry.", "The number is on the fridge.", "Ask Sam first.", "Half an hour should do.")


def tasks(draw: Draw) -> list[tuple[Row, str]]:
    """Some tasks a day, most of them done within two weeks; each with the tag that suits it."""
    made = []
    for day in draw.days():
        for _ in range(draw.chance.choice((0, 1, 1, 2, 2))):
            title, tag = draw.one_of(TASKS)
            created = draw.at(day, 6, 22)
            due = day + timedelta(days=draw.chance.randrange(15)) if draw.happens(0.6) else None
            done = created + timedelta(days=draw.chance.expovariate(1 / 4), hours=1)
            is_done = done.date() < draw.end and draw.happens(0.93)
            row = {
                "id": draw.id_at(created),
                "title": title,
                "description": draw.one_of(DETAILS) if draw.happens(0.3) else None,
                "completed": is_done,
                "completed_at": done if is_done else None,
                "due_date": due,
                "priority": draw.chance.randrange(6) if draw.happens(0.5) else None,
                "created_at": created,
                "updated_at": done if is_done else created,
            }
            made.append((row, tag))
    return made


HABITS: tuple[dict[str, Any], ...] = (
    {"name": "Meditate", "category": "Mind", "color": "#7c4dff", "icon": "lotus", "reminder_time": time(7, 0)},
    {"name": "Drink water", "category": "Health", "kind": "numeric", "unit": "ml", "target_value": 2000, "color": "#2196f3"},
    {"name": "Read", "category": "Learning", "kind": "numeric", "unit": "pages", "target_value": 20, "icon": "book"},
    {"name": "Run", "category": "Sport", "frequency": "weekly", "target_days": 3, "color": "#ff7043", "icon": "shoe"},
    {"name": "Spanish", "category": "Learning", "frequency": "weekdays", "weekdays": [1, 3, 5], "reminder_time": time(18, 30)},
    {"name": "Call the parents", "category": "Family", "frequency": "weekly", "target_days": 1, "nature": "pleasant"},
    {"name": "Water the orchids", "category": "Home", "frequency": "interval", "interval_days": 4, "color": "#4caf50"},
    {"name": "Look at the budget", "category": "Money", "frequency": "monthly", "target_days": 2, "nature": "useful"},
    {"name": "No screen after ten", "category": "Mind", "color": "#546e7a"},
)
NOTES = ("Easier than yesterday.", "Nearly forgot.", "In the park.", "Only a short one.", "With Sam.")


def habits(draw: Draw) -> tuple[list[Row], list[Row], list[Row]]:
    """Habits of all frequencies, their entries, and comments on some days. Willing weeks and others take turns."""
    made, entries, comments = [], [], []
    will = [draw.chance.uniform(-0.25, 0.12) for _ in range(60)]
    for position, habit in enumerate(HABITS):
        created = draw.at(draw.first, 6, 7)
        row = {"frequency": "daily", "kind": "boolean"} | habit
        row |= {"id": draw.id_at(created), "position": position, "created_at": created}
        made.append(row)
        for number, day in enumerate(draw.days()):
            if not _is_tried(draw, row, day, number):
                continue
            is_done = draw.happens(0.88 + will[number // 7])
            entries.append(_entry(draw, row, day, is_done=is_done))
            if is_done and draw.happens(0.04):
                at = draw.at(day, 21, 22)
                comments.append(
                    {"id": draw.id_at(at), "habit_id": row["id"], "date": day, "text": draw.one_of(NOTES), "created_at": at}
                )
    return made, entries, comments


def _is_tried(draw: Draw, habit: Row, day: date, number: int) -> bool:
    match habit["frequency"]:
        case "weekdays":
            return bool(day.isoweekday() in habit["weekdays"])
        case "interval":
            return bool(number % habit["interval_days"] == 0)
        case "monthly":
            return day.day in {1, 15}
        case "weekly":
            return draw.happens(habit["target_days"] / 7)
    return draw.happens(0.95)


def _entry(draw: Draw, habit: Row, day: date, *, is_done: bool) -> Row:
    at = draw.at(day, 7, 23)
    value = None
    if habit["kind"] == "numeric":
        value = draw.about(habit["target_value"] * (1.15 if is_done else 0.6), habit["target_value"] * 0.2)
        is_done = value >= habit["target_value"]
    is_skipped = not is_done and value is None and draw.happens(0.3)
    return {
        "habit_id": habit["id"],
        "date": day,
        "completed": is_done,
        "skipped": is_skipped,
        "value": value,
        "note": draw.one_of(NOTES) if draw.happens(0.06) else None,
        "mood": draw.rating(7) if draw.happens(0.3) else None,
        "completed_at": at if is_done else None,
        "created_at": at,
    }


GOALS: tuple[tuple[str, str, str, float | None, float, str, float], ...] = (
    ("Run 600 km", "yearly", "Sport", None, 600, "km", 0.87),
    ("Read 24 books", "yearly", "Learning", None, 24, "books", 1.0),
    ("Weigh 74 kg", "yearly", "Health", 82, 74, "kg", 0.7),
    ("Save for the summer", "yearly", "Money", None, 3000, "EUR", 0.95),
    ("Speak Spanish at B1", "yearly", "Learning", None, 60, "lessons", 0.8),
    ("See 50 countries", "life", "Family", 11, 50, "countries", 0.1),
)  # fmt: skip
"""Title, type, category, where it begins, where it ends, in what, and how far it comes within the year."""

MONTHS = 12


def goals(draw: Draw) -> tuple[list[Row], list[Row]]:
    """Goals with an entry of progress a week, and a sub-goal of the first one for each month."""
    made: list[Row] = []
    progress: list[Row] = []
    for priority, (title, kind, category, start, target, unit, reached) in enumerate(GOALS):
        goal = _goal(draw, draw.first, title, kind) | {"category": category, "priority": 5 - priority}
        goal |= {"start_value": start, "target_value": target, "target_unit": unit}
        made.append(goal)
        days = draw.days()[6::7]
        begin = start or 0
        for number, day in enumerate(days, 1):
            part = reached * number / len(days) * draw.chance.uniform(0.96, 1.0) if number < len(days) else reached
            progress.append(_progress(draw, goal, day, round(begin + (target - begin) * part, 1)))
        if reached >= 1:
            goal |= {"status": "completed", "completed_at": draw.at(days[-1], 20, 23)}
    for month in range(MONTHS):
        day = draw.first + timedelta(days=30 * month)
        goal = _goal(draw, day, f"Run 50 km in month {month + 1}", "monthly")
        goal |= {"category": "Sport", "parent_id": made[0]["id"], "target_value": 50, "target_unit": "km"}
        goal |= {"start_date": day, "end_date": day + timedelta(days=29)}
        kilometres = draw.about(48, 9)
        progress.append(_progress(draw, goal, day + timedelta(days=28), kilometres))
        if kilometres >= 50:
            goal |= {"status": "completed", "completed_at": draw.at(day + timedelta(days=29), 20, 23)}
        made.append(goal)
    return made, progress


def _goal(draw: Draw, day: date, title: str, kind: str) -> Row:
    created = draw.at(day, 6, 8)
    return {
        "id": draw.id_at(created),
        "title": title,
        "goal_type": kind,
        "status": "active",
        "priority": 0,
        "start_date": day if kind != "life" else None,
        "end_date": day + timedelta(days=400) if kind == "yearly" else None,
        "created_at": created,
    }


def _progress(draw: Draw, goal: Row, day: date, value: float) -> Row:
    at: datetime = draw.at(day, 18, 22)
    return {"id": draw.id_at(at), "goal_id": goal["id"], "date": day, "value": value, "created_at": at}
