"""Writes the life manifest's PostgreSQL and files: `cd tests; python -m sources.manifest URL --media-root DIR`."""

import asyncio
import base64
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sources import command
from sources.database import Tables, tables
from sources.manifest_dirt import FIRST, LATER, ROWS, Ground
from sources.manifest_file_dirt import FILES
from sources.manifest_rows import TAGGED, Rows
from sources.manifest_tables import FIRST as FIRST_TABLES
from sources.manifest_tables import Base
from sources.passwords import PASSWORDS
from sources.planting import Kind, Kinds, Names, Planted, Row, Written
from sources.varied import Varied

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")
"""The smallest PNG; what follows its end is ignored."""

KINDS = Kinds({**ROWS, **FILES})
"""The kinds of dirt; `KINDS.of(form)` names those of first, later."""

SOME_DAY = date(2023, 1, 1)

Made = dict[str, list[Row]]


def _goals(rows: Rows, user: Row, count: int, entries: int) -> Made:
    """Goals, some of them below the one before, and their progress; the current value is that of the newest."""
    goals: list[Row] = []
    progress: list[Row] = []
    for place in range(count):
        goal = rows.goals(user, goals[-1] if place % 3 == 1 else None)
        steps = [rows.goal_progress(goal, SOME_DAY + timedelta(days=step)) for step in range(entries)]
        goals.append(goal | {"current_value": steps[-1]["value"] if steps else None})
        progress += steps
    return {"goals": goals, "goal_progress": progress}


def _files(rows: Rows, user: Row, made: Made, root: Path) -> list[Row]:
    """A file for each table that can have one, written below the root, and one of no row."""
    media = []
    for kind, table in [*TAGGED.items(), (None, "")]:
        row = rows.media(user, 0, kind, made[table][0]["id"] if kind else None)
        content = (PIXEL if row["content_type"] == "image/png" else b"") + f"file {row['id']}\n".encode()
        path = root / row["file_path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        media.append(row | {"size_bytes": len(content)})
    return media


def _rows_of(rows: Rows, user: Row, count: int, entries: int, tags: list[Row]) -> Made:
    """A user's rows, `count` in each table, with `entries` in the tables of their children."""
    made: Made = _goals(rows, user, count, entries)
    days = [SOME_DAY + timedelta(days=place) for place in range(max(count, entries))]
    made["habits"] = [rows.habits(user) for _ in range(count)]
    made["habit_entries"] = [rows.habit_entries(habit, day) for habit in made["habits"] for day in days[:entries]]
    made["foods"] = [rows.foods(user) for _ in range(count)]
    made["workouts"] = [rows.workouts(user) for _ in range(count)]
    made["workout_exercises"] = [
        rows.workout_exercises(workout, place) for workout in made["workouts"] for place in range(1, min(entries, 20) + 1)
    ]
    made["daily_reviews"] = [rows.daily_reviews(user, day) for day in days[:count]]
    made["blog_entries"] = [rows.blog_entries(user) for _ in range(count)]
    made["progress_snapshots"] = [rows.progress_snapshots(user, place) for place in range(count)]
    made["taggables"] = [
        rows.taggables(tags[(place + number) % len(tags)], kind, row["id"])
        for number, (kind, table) in enumerate(TAGGED.items())
        for place, row in enumerate(made[table])
        if place % 2 == 0
    ]
    return made


async def _plant(database: Tables, rows: Rows, root: Path, people: list[Row], chosen: list[Kind]) -> list[Planted]:
    two = [*people[:2], *(rows.users() for _ in range(2 - len(people)))]
    await database.insert(Base.metadata.tables["users"], two[len(people) :])
    ground = Ground(database, root, rows, *two)
    return [await kind.plant(kind, ground) for kind in chosen]


def write(
    url: str,
    *,
    media_root: str = "media",
    users: int = 3,
    rows: int = 4,
    entries: int = 3,
    later: bool = False,
    truth: bool = True,
    seed: int = 0,
    dirt: Names = frozenset(),
) -> Written:
    """Make the app's tables and fill them: `rows` in each table for each user, and `entries` for each goal, habit and workout.

    With `later` there are the tables of later versions too, which only dirt fills. Each user who has rows has seven files
    below `media_root`. The truth is the rows by their ids; beside the tables it has `passwords`, by user, each a dict with
    `password`. Without `truth` it is not kept. Raises ValueError for a kind of dirt that the version cannot hold.
    """
    varied, written = Varied(seed), Written()
    maker, root = Rows(varied), Path(media_root)
    passwords = [varied.one(PASSWORDS) for _ in range(users)]
    people = [maker.users(password) for password in passwords]
    tags = [maker.tags() for _ in range(5)] if users and rows else []
    if truth:
        written.truth = {table.name: {} for table in FIRST_TABLES}
        pairs = zip(people, passwords, strict=True)
        written.truth["passwords"] = {str(row["id"]): {"password": password} for row, password in pairs}

    async def put(database: Tables, table: str, made: Iterable[Row]) -> None:
        each = [*made]
        await database.insert(Base.metadata.tables[table], each)
        if truth:
            written.truth[table] |= {str(row["id"]): row for row in each}

    async def fill() -> None:
        async with tables(url, Base.metadata, None if later else FIRST_TABLES) as database:
            await put(database, "users", people)
            await put(database, "tags", tags)
            for person in people if rows else []:
                made: dict[str, Any] = _rows_of(maker, person, rows, entries, tags)
                made["media"] = _files(maker, person, made, root)
                for table, each in made.items():
                    await put(database, table, each)
            if chosen := KINDS.chosen(dirt, LATER if later else FIRST):
                written.planted = await _plant(database, maker, root, people, chosen)

    asyncio.run(fill())
    return written


if __name__ == "__main__":
    command.run(write, KINDS, lambda options: LATER if options.later else FIRST)
