"""The life manifest's tables as they are here: what each column is made of. Those with rules of their own: manifest_rules."""

from collections.abc import Mapping

from app.importing.sources import cells
from app.importing.sources.cells import BILLION, MILLION, TIMES, Cells

FOODS: Cells = (
    ("date", cells.day("meal_date")),
    ("time", cells.clock("time")),
    ("meal_type", cells.needed("meal_type")),
    ("name", cells.needed("food_name")),
    ("portion", cells.words("portion")),
    *(
        (name, cells.number(name, 0))
        for name in ("calories", "protein_g", "carbs_g", "fats_g", "fiber_g", "sugar_g", "sodium_mg")
    ),
    ("is_favorite", cells.flag("is_favorite")),
    ("notes", cells.words("notes")),
    *TIMES,
)

WORKOUTS: Cells = (
    ("date", cells.day("workout_date")),
    ("time", cells.clock("time")),
    ("type", cells.needed("type")),
    ("name", cells.words("name")),
    ("duration_minutes", cells.number("duration_minutes", 0, MILLION, above=True)),
    ("calories_burned", cells.number("calories_burned", 0, MILLION)),
    ("intensity", cells.one_of("intensity", "low", "medium", "high")),
    ("location", cells.words("location")),
    *cells.feeling("mood_before", "feeling_before", "mood_before"),
    *cells.feeling("mood_after", "feeling_after", "mood_after"),
    ("notes", cells.words("notes")),
    *TIMES,
)

EXERCISES: Cells = (
    # The statement has made it: 1, 2, 3 in the order of order_index.
    ("position", lambda row: row.values["position"]),
    ("name", cells.needed("exercise_name")),
    ("type", cells.words("type")),
    ("sets", cells.whole("sets", 0, 10_000)),
    ("reps", cells.whole("reps", 0, MILLION)),
    *cells.measured("weight", 0, MILLION, "weight_unit", "kg", "lbs"),
    *cells.measured("distance", 0, 100 * MILLION, "distance_unit", "km", "miles", "meters"),
    ("duration_seconds", cells.number("duration_seconds", 0, 10 * MILLION)),
    ("rest_seconds", cells.number("rest_seconds", 0, 10 * MILLION)),
    ("notes", cells.words("notes")),
    ("created_at", cells.created),
)

REVIEWS: Cells = (
    ("date", cells.day("review_date")),
    *((name, cells.whole(name, 1, 10)) for name in ("mood", "energy", "productivity", "sleep_quality")),
    ("sleep_hours", cells.number("sleep_hours", 0, 24)),
    ("water_ml", cells.whole("water_ml", 0, MILLION)),
    ("screen_minutes", cells.whole("screen_minutes", 0, MILLION)),
    ("steps", cells.whole("steps", 0, BILLION)),
    *(
        (name, cells.words(name))
        for name in ("highlights", "accomplishments", "challenges", "lessons", "gratitude", "tomorrow")
    ),
    *TIMES,
)

SNAPSHOTS: Cells = (
    ("period", cells.needed("period")),
    ("date", cells.day("date")),
    *(
        (name, cells.whole(name, 0, 2**31 - 1))
        for name in (
            *("goals_active", "goals_completed", "longest_streak", "workouts_count", "habits_active"),
            "blog_entries_count",
        )
    ),
    ("workout_minutes", cells.number("workout_minutes", 0)),
    ("habit_completion_rate", cells.number("habit_completion_rate", 0, 1)),
    ("calories_avg", cells.number("calories_avg", 0)),
    ("mood_avg", cells.number("mood_avg", 1, 10)),
    ("energy_avg", cells.number("energy_avg", 1, 10)),
    ("sleep_avg", cells.number("sleep_avg", 0, 24)),
    ("notes", cells.words("notes")),
    *cells.measured("weight", 0, 10_000, "weight_unit", "kg", "lbs"),
    ("body_fat_percent", cells.number("body_fat_percent", 0, 100)),
    *TIMES,
)

ENTRIES: Cells = (
    ("date", cells.day("entry_date")),
    ("completed", cells.flag("completed")),
    ("value", cells.number("value", 0)),
    ("note", cells.words("note")),
    *cells.feeling("mood", "feeling", "mood"),
    *TIMES,
)

PROGRESS: Cells = (
    ("date", cells.day("progress_date")),
    ("value", lambda row: row.number("value")),
    ("note", cells.words("note")),
    *TIMES,
)

KINDS: Mapping[str, str] = {
    **dict.fromkeys(("goal", "goals"), "goals"),
    **dict.fromkeys(("habit", "habits"), "habits"),
    **dict.fromkeys(("food", "foods"), "foods"),
    **dict.fromkeys(("workout", "workouts"), "workouts"),
    **dict.fromkeys(("dailyreview", "dailyreviews", "review", "reviews"), "daily-reviews"),
    **dict.fromkeys(("blogentry", "blogentries", "blog", "blogs"), "blog-entries"),
}
"""What taggables and media call a table, without its marks and capitals, and what it is called here."""


def kind(name: object) -> str | None:
    """The kind of a row, in whatever way it is spelled: "daily_review", "DailyReviews". None: there is no such kind."""
    return KINDS.get("".join(filter(str.isalpha, str(name))).lower())
