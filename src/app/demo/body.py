"""Foods and workouts with their exercises."""

from datetime import date, datetime

from app.demo.draw import Draw, Row

MEALS: dict[str, tuple[int, tuple[tuple[str, str, int, int, int, int], ...]]] = {
    "breakfast": (7, (
        ("Porridge with berries", "1 bowl", 340, 12, 58, 7), ("Rye bread with cheese", "2 slices", 380, 18, 40, 15),
        ("Yoghurt with muesli", "1 bowl", 310, 14, 44, 8), ("Scrambled eggs", "3 eggs", 290, 20, 2, 22),
    )),
    "lunch": (12, (
        ("Lentil soup", "1 plate", 420, 22, 55, 10), ("Chicken salad", "1 plate", 460, 38, 14, 26),
        ("Falafel in bread", "1 piece", 620, 19, 68, 29), ("Pasta with tomatoes", "1 plate", 560, 17, 92, 12),
        ("Rice with tofu", "1 bowl", 510, 24, 70, 14),
    )),
    "dinner": (19, (
        ("Salmon with potatoes", "1 plate", 640, 39, 48, 31), ("Vegetable curry", "1 plate", 520, 15, 66, 21),
        ("Pizza Margherita", "1 piece", 820, 33, 98, 30), ("Bread and soup", "1 bowl", 430, 14, 60, 13),
        ("Chili", "1 bowl", 580, 30, 62, 21),
    )),
    "snack": (15, (
        ("Apple", "1 piece", 80, 0, 21, 0), ("Nuts", "1 hand", 180, 6, 6, 16), ("Chocolate", "3 pieces", 160, 2, 17, 9),
        ("Banana", "1 piece", 105, 1, 27, 0), ("Latte", "1 cup", 130, 8, 12, 5),
    )),
}  # fmt: skip
"""Of each meal its hour, and what there is: name, portion, kilocalories, grams of protein, carbohydrates and fat."""


def foods(draw: Draw) -> list[Row]:
    """Three meals a day and mostly a snack, now and then one that was not written down."""
    made = []
    for day in draw.days():
        for meal, (hour, dishes) in MEALS.items():
            if not draw.happens(0.93 if meal != "snack" else 0.7):
                continue
            name, portion, calories, protein, carbs, fats = draw.one_of(dishes)
            size = draw.chance.uniform(0.8, 1.3)
            at = draw.at(day, hour, hour + 2)
            made.append(
                {
                    "id": draw.id_at(at),
                    "date": day,
                    "time": at.time(),
                    "meal_type": meal,
                    "name": name,
                    "portion": portion,
                    "calories": round(calories * size),
                    "protein_g": round(protein * size, 1),
                    "carbs_g": round(carbs * size, 1),
                    "fats_g": round(fats * size, 1),
                    "is_favorite": name in {"Lentil soup", "Porridge with berries"},
                    "created_at": at,
                }
            )
    return made


LIFTS = (("Squat", 60), ("Bench press", 45), ("Deadlift", 80), ("Overhead press", 30), ("Row", 42))
PLACES = {"run": "River path", "strength": "Gym", "yoga": "At home", "cycling": "Hills"}


def workouts(draw: Draw) -> tuple[list[Row], list[Row]]:
    """A workout about every second day, and its exercises: the weights rise in the course of the year."""
    made: list[Row] = []
    exercises: list[Row] = []
    for number, day in enumerate(draw.days()):
        if not draw.happens(0.5):
            continue
        kind = draw.one_of(("run", "run", "strength", "strength", "yoga", "cycling"))
        at = draw.at(day, 17, 20)
        minutes = draw.about(80 if kind == "cycling" else 45, 9)
        workout = {
            "id": draw.id_at(at),
            "date": day,
            "time": at.time(),
            "type": kind,
            "name": f"{'Evening' if draw.happens(0.7) else 'Quick'} {kind}",
            "duration_minutes": minutes,
            "calories_burned": round(minutes * (5 if kind == "yoga" else 9)),
            "intensity": "low" if kind == "yoga" else draw.one_of(("medium", "medium", "high")),
            "location": PLACES[kind],
            "mood_before": draw.rating(6),
            "mood_after": draw.rating(8),
            "created_at": at,
        }
        made.append(workout)
        exercises += _exercises(draw, workout, day, at, number)
    return made, exercises


def _exercises(draw: Draw, workout: Row, day: date, at: datetime, number: int) -> list[Row]:
    row = {"workout_id": workout["id"], "created_at": at}
    if workout["type"] == "strength":
        lifts = draw.chance.sample(LIFTS, 3)
        return [
            row
            | {"id": draw.id_at(at), "position": position, "name": name, "type": "strength", "sets": 3, "reps": 8}
            | {"weight": 2.5 * round((start * (1 + number / 1200) + draw.chance.uniform(-3, 3)) / 2.5), "weight_unit": "kg"}
            for position, (name, start) in enumerate(lifts, 1)
        ]
    if workout["type"] == "yoga":
        return []
    speed = 10.2 if workout["type"] == "run" else 23
    distance = round(workout["duration_minutes"] / 60 * speed * draw.chance.uniform(0.93, 1.07), 1)
    name = "Hill repeats" if day.isoweekday() == 6 else "Steady"
    row |= {"id": draw.id_at(at), "position": 1, "name": name, "type": "endurance"}
    return [row | {"distance": distance, "distance_unit": "km", "duration_seconds": workout["duration_minutes"] * 60}]
