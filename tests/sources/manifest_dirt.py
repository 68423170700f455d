"""Dirt in the life manifest's tables. Where a table forbids it, the rule is taken away first."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sources.database import Tables
from sources.manifest_rows import Rows
from sources.manifest_tables import Base
from sources.planting import Fate, Kind, Kinds, Planted, Row
from sqlalchemy import update

FIRST, LATER = FORMS = ("first", "later")
"""The version with fourteen tables, and the later one with milestones and notifications too."""

ROWS = Kinds()


@dataclass
class Ground:
    """Where dirt is put: the tables, the folder of files, how clean rows are made, and two users."""

    database: Tables
    root: Path
    rows: Rows
    owner: Row
    other: Row

    async def put(self, table: str, *parents: Any, **changes: Any) -> Row:
        """Insert a clean row with some columns changed; gives the row."""
        row: Row = getattr(self.rows, table)(*parents) | changes
        await self.database.insert(Base.metadata.tables[table], [row])
        return row

    async def loosen(self, table: str, *changes: str) -> None:
        """Take rules from a table."""
        await self.database.loosen(Base.metadata.tables[table], *changes)

    def file(self, path: str, content: bytes = b"hello") -> None:
        """Write a file below the root."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)


def _column(name: str, fate: Fate, table: str, *loosen: str, forms: tuple[str, ...] = FORMS, **changes: Any) -> None:
    """A kind that is a clean row of the first user, with some columns changed."""

    async def plant(kind: Kind, ground: Ground) -> Planted:
        await ground.loosen(table, *loosen)
        parents = [] if table in {"users", "tags"} else [ground.owner]
        return kind.planted(table, (await ground.put(table, *parents, **changes))["id"], table)

    ROWS.add(name, fate, forms, plant)


# Users

_column("timezone_unknown", "reported", "users", timezone="Mars/Olympus_Mons")
_column("timezone_null", "reported", "users", timezone=None)
_column("username_long_with_blanks", "reported", "users", username="Ada King, Countess of Lovelace ".ljust(100, "x"))
_column("username_short", "reported", "users", username="al")
_column("email_missing", "rejected", "users", "alter column email drop not null", email=None)
_column("unknown_hash", "reported", "users", password_hash="{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=")
_column("avatar_url_empty", "kept", "users", avatar_url="")


@ROWS.kind("reported", *FORMS)
async def email_in_other_case(kind: Kind, ground: Ground) -> Planted:
    row = await ground.put("users", email=ground.owner["email"].upper())
    await ground.put("goals", row)
    return kind.planted("users", row["id"], "users")


@ROWS.kind("reported", *FORMS)
async def username_in_other_case(kind: Kind, ground: Ground) -> Planted:
    row = await ground.put("users", username=ground.owner["username"].upper())
    return kind.planted("users", row["id"], "users")


# Goals

_column("target_zero", "reported", "goals", target_value=Decimal(0))
_column("target_negative", "reported", "goals", target_value=Decimal(-3))
_column("target_nan", "reported", "goals", target_value=Decimal("NaN"))
_column("end_before_start", "reported", "goals", start_date=date(2024, 5, 1), end_date=date(2024, 4, 30))
_column("goal_type_life", "kept", "goals", forms=(LATER,), goal_type="life_goal")
_column("status_in_progress", "kept", "goals", forms=(LATER,), status="in_progress", completed_at=None)
_column("status_unknown", "reported", "goals", status="someday", completed_at=None)
_column("current_value_alone", "kept", "goals", current_value=Decimal("12.5"))
_column("completed_without_time", "kept", "goals", status="completed", completed_at=None)
_column("priority_beyond", "reported", "goals", priority=9)
_column("recurring_without_pattern", "reported", "goals", is_recurring=True, recurrence_pattern=None)
_column("blank_title", "rejected", "goals", title="  ")
_column("long_title", "rejected", "goals", "alter column title type text", title="t" * 256)


@ROWS.kind("reported", *FORMS)
async def parent_of_other(kind: Kind, ground: Ground) -> Planted:
    parent = await ground.put("goals", ground.other)
    row = await ground.put("goals", ground.owner, parent)
    return kind.planted("goals", row["id"], "goals")


@ROWS.kind("reported", *FORMS)
async def parents_in_a_circle(kind: Kind, ground: Ground) -> Planted:
    first = await ground.put("goals", ground.owner)
    second = await ground.put("goals", ground.owner, first)
    goals = Base.metadata.tables["goals"]
    await ground.database.connection.execute(update(goals).where(goals.c.id == first["id"]).values(parent_goal_id=second["id"]))
    return kind.planted("goals", first["id"], "goals")


@ROWS.kind("reported", *FORMS)
async def current_value_differs(kind: Kind, ground: Ground) -> Planted:
    row = await ground.put("goals", ground.owner, current_value=Decimal(7))
    await ground.put("goal_progress", row, date(2024, 1, 1), value=Decimal(3))
    return kind.planted("goals", row["id"], "goals")


# Habits, food, workouts, reviews

_column("target_days_missing", "reported", "habits", frequency="weekly", target_days=None)
_column("color_by_name", "reported", "habits", color="tomato")
_column("calories_negative", "reported", "foods", calories=Decimal(-100))
_column("meal_unknown", "reported", "foods", meal_type="brunch")
_column("mood_number_as_word", "kept", "workouts", mood_before="7")
_column("mood_too_long", "reported", "workouts", mood_after="w" * 51)
_column("duration_zero", "reported", "workouts", duration_minutes=0)
_column("mood_beyond", "reported", "daily_reviews", mood=11)
_column("snapshot_not_first", "reported", "progress_snapshots", period="monthly", date=date(2024, 2, 15))


@ROWS.kind("reported", *FORMS)
async def entry_value_negative(kind: Kind, ground: Ground) -> Planted:
    row = await ground.put("habit_entries", await ground.put("habits", ground.owner), value=Decimal(-1))
    return kind.planted("habit_entries", row["id"], "habit_entries")


@ROWS.kind("reported", *FORMS)
async def entries_of_one_day(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("habit_entries", "drop constraint habit_entries_day")
    habit = await ground.put("habits", ground.owner)
    for _ in range(2):
        row = await ground.put("habit_entries", habit, date(2024, 2, 29))
    return kind.planted("habit_entries", row["id"], "habit_entries")


@ROWS.kind("kept", *FORMS)
async def equal_order_index(kind: Kind, ground: Ground) -> Planted:
    workout = await ground.put("workouts", ground.owner)
    for _ in range(3):
        row = await ground.put("workout_exercises", workout, 0)
    return kind.planted("workout_exercises", row["id"], "workout_exercises")


@ROWS.kind("reported", *FORMS)
async def weight_without_unit(kind: Kind, ground: Ground) -> Planted:
    workout = await ground.put("workouts", ground.owner)
    row = await ground.put("workout_exercises", workout, weight=Decimal(20), weight_unit=None)
    return kind.planted("workout_exercises", row["id"], "workout_exercises")


@ROWS.kind("reported", *FORMS)
async def reviews_of_one_day(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("daily_reviews", "drop constraint daily_reviews_day")
    for _ in range(2):
        row = await ground.put("daily_reviews", ground.owner, date(2019, 2, 28))
    return kind.planted("daily_reviews", row["id"], "daily_reviews")


# The journal

_column("slug_null", "kept", "blog_entries", slug=None)
_column("slug_with_blanks", "reported", "blog_entries", slug="My day / 100%?")
_column("published_without_time", "kept", "blog_entries", status="published", published_at=None)
_column("views_negative", "reported", "blog_entries", view_count=-1)
_column("content_empty", "rejected", "blog_entries", content="")


@ROWS.kind("reported", *FORMS)
async def slugs_equal(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("blog_entries", "drop constraint blog_entries_slug_key")
    for _ in range(2):
        row = await ground.put("blog_entries", ground.owner, slug="my-day")
    return kind.planted("blog_entries", row["id"], "blog_entries")


# Tags

_column("tag_unused", "reported", "tags")


async def _tagged(kind: Kind, ground: Ground, *owners: Row, times: int = 1, **tag_changes: Any) -> Planted:
    tag = await ground.put("tags", **tag_changes)
    for owner in owners:
        goal = await ground.put("goals", owner)
        for _ in range(times):
            row = await ground.put("taggables", tag, "goal", goal["id"])
    return kind.planted("taggables", row["id"], "taggables")


@ROWS.kind("kept", *FORMS)
async def tag_of_two_owners(kind: Kind, ground: Ground) -> Planted:
    return await _tagged(kind, ground, ground.owner, ground.other)


@ROWS.kind("reported", *FORMS)
async def tagged_twice(kind: Kind, ground: Ground) -> Planted:
    return await _tagged(kind, ground, ground.owner, times=2)


@ROWS.kind("reported", *FORMS)
async def tags_in_other_case(kind: Kind, ground: Ground) -> Planted:
    await _tagged(kind, ground, ground.owner, name="Case of a tag", slug="case-of-a-tag")
    return await _tagged(kind, ground, ground.owner, name="CASE OF A TAG", slug="CASE-OF-A-TAG")


async def _taggable(kind: Kind, ground: Ground, type_name: str, row_id: Any) -> Planted:
    row = await ground.put("taggables", await ground.put("tags"), type_name, row_id)
    return kind.planted("taggables", row["id"], "taggables")


@ROWS.kind("rejected", *FORMS)
async def tag_on_nothing(kind: Kind, ground: Ground) -> Planted:
    return await _taggable(kind, ground, "goal", ground.rows.varied.uuid())


@ROWS.kind("rejected", *FORMS)
async def tag_on_other_table(kind: Kind, ground: Ground) -> Planted:
    return await _taggable(kind, ground, "habit", (await ground.put("goals", ground.owner))["id"])


@ROWS.kind("rejected", *FORMS)
async def tag_on_unknown_type(kind: Kind, ground: Ground) -> Planted:
    return await _taggable(kind, ground, "recipe", ground.owner["id"])


@ROWS.kind("kept", *FORMS)
async def tag_on_plural_type(kind: Kind, ground: Ground) -> Planted:
    return await _taggable(kind, ground, "Goals", (await ground.put("goals", ground.owner))["id"])


# What later versions added


@ROWS.kind("reported", LATER)
async def milestone(kind: Kind, ground: Ground) -> Planted:
    row = await ground.put("milestones", await ground.put("goals", ground.owner))
    return kind.planted("milestones", row["id"], "milestones")


@ROWS.kind("reported", LATER)
async def notification(kind: Kind, ground: Ground) -> Planted:
    row = await ground.put("notifications", ground.owner)
    return kind.planted("notifications", row["id"], "notifications")
