"""Databases of a habit tracker as its own models wrote them: SQLite, or the PostgreSQL that it moved to later.

`cd tests; python -m sources.habits PATH_OR_URL --users 10 --generation D --dirt all` makes one by hand.
"""
# ruff: noqa: DTZ001 - the models' times are naive

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from sources import command, habits_dirt
from sources.database import is_url, tables
from sources.files import new_file
from sources.habits_models import GENERATIONS
from sources.habits_soil import Soil, key_of
from sources.planting import Names, Row, Written
from sources.words import NAMES, PEOPLE, TEXTS, text
from sqlalchemy import Connection, MetaData, create_engine, func, insert, select

KINDS = habits_dirt.KINDS
"""The kinds of dirt; `KINDS.of(form(generation, location))` names those of a place."""

PASSWORD = "a password of before"
# Werkzeug's of PASSWORD, by its methods of three times; made once, as each takes a tenth of a second.
HASHES = (
    "scrypt:32768:8:1$0YG3tJ99eGUVMNNE$de18d52b25bc52eb77db361fbcfbc89a66611089bc0d302ff04e9c86f7db2c0a"  # noqa: ISC004
    "c4b487de5aa74908e01617193ec82c259d48e62df56708566c98f9b2ebfdaf54",
    "pbkdf2:sha256:260000$J5zW6KP55DCWNNff$85cd2f0644194a6e2c900a081b4ac0f90648c8b089422a37370bde753b51a0c8",
    "pbkdf2:sha256:50000$WpBjHUaMSP0B3L1T$be0760ff807ec533f7bcfcd44da95ef23bfcdca052bdc61c04d1a69c9cdc7a8b",
)
LAST = date(2025, 6, 30)
CATEGORIES = (
    ("Health", "#28a745", "❤️"),
    ("Ум", "#0D6EFD", "🧠"),
    ("Work & study", "#ffc107", "fa-briefcase"),
    ("家", None, None),
)
_LOGS_AT_ONCE = 20_000


def rows(*, users: int, habits: int, days: int, generation: str = "D", seed: int = 0) -> Iterator[tuple[str, list[Row]]]:
    """The clean rows, table by table and some users at a time: the same for the same arguments.

    Habits are so many a user, logs of so many days in a row a habit, the last of them LAST.
    """
    columns = {table.name: table.columns.keys() for table in GENERATIONS[generation].sorted_tables}
    at_once = max(1, _LOGS_AT_ONCE // max(1, habits * days))
    maker = _Maker(habits, days, generation, seed)
    for first in range(1, users + 1, at_once):
        for name, made in maker.of_users(range(first, min(first + at_once, users + 1))):
            if made and name in columns:
                yield name, [{column: row[column] for column in columns[name]} for row in made]


class _Maker:
    """Makes rows with the columns of all generations."""

    def __init__(self, habits: int, days: int, generation: str, seed: int) -> None:
        self.habits = habits
        self.random = Random(seed)
        self.types = ("useful", "pleasant") if generation == "C" else ("USEFUL", "PLEASANT")
        self.times = generation == "A"
        self.days = [LAST - timedelta(days=n) for n in reversed(range(days))]
        self.comments = 0

    def of_users(self, users: Iterable[int]) -> Iterator[tuple[str, list[Row]]]:
        made: dict[str, list[Row]] = defaultdict(list)
        for user in users:
            made["users"].append(self.user(user))
            if user == 1 and self.habits:
                for category, (name, color, icon) in enumerate(CATEGORIES, 1):
                    made["categories"].append({"id": category, "name": name, "color": color, "icon": icon})
            habits = range((user - 1) * self.habits + 1, user * self.habits + 1)
            if habits:
                # Two users' tags may have the same name.
                made["tags"] += [
                    {"id": 2 * user - 1, "user_id": user, "name": "morning ☀️"},
                    {"id": 2 * user, "user_id": user, "name": self.random.choice(NAMES)},
                ]
            for habit in habits:
                made["habits"].append(self.habit(habit, user, habits.start))
                tags = self.random.sample((2 * user - 1, 2 * user), self.random.randrange(3))
                made["habit_tags"] += [{"habit_id": habit, "tag_id": tag} for tag in tags]
                for log, day in enumerate(self.days, (habit - 1) * len(self.days) + 1):
                    made["habit_logs"].append(self.log(log, habit, day))
                    if log % 50 == 1:
                        self.comments += 1
                        made["comments"].append(self.comment(log, day))
        for table in ("users", "categories", "habits", "tags", "habit_tags", "habit_logs", "comments"):
            yield table, made[table]

    def user(self, id: int) -> Row:
        random = self.random
        email = random.choice(("ada.{}@example.org", "Zoë.{}@Example.ORG", "o'brien+{}@sub.example.com", "{}@例え.jp")).format(
            id
        )
        way = id % 5  # most have a password alone, some one identity or both, with a password or without
        created = self.moment(date(2020, 1, 1))
        return {
            "id": id,
            "email": f"user{email}",
            "password_hash": None if way in {3, 4} else random.choice(HASHES),
            "google_id": str(100000000000000000000 + id) if way in {2, 3} else None,
            "github_id": str(5000 + id) if way in {2, 4} else None,
            "name": random.choice((*PEOPLE, None)),
            "avatar_url": random.choice((None, f"https://avatars.example.org/u/{id}?v=4&s=96")),
            "created_at": created,
            "updated_at": created + timedelta(seconds=random.randrange(10**7)),
            "is_active": random.random() < 0.9,
            "default_tracking_days": random.choice((7, 21, 30, 66)),
        }

    def habit(self, id: int, user: int, first: int) -> Row:
        random = self.random
        created = self.moment(date(2021, 1, 1))
        return {
            "id": id,
            "user_id": user,
            "name": random.choice(NAMES),
            "description": text(random),
            "created_at": created,
            "updated_at": created + timedelta(microseconds=random.randrange(10**13)),
            "is_archived": random.random() < 0.1,
            "execution_time": random.choice((None, 0, 30, 60, 120, 3600)),
            "frequency": random.choice((1, 1, 2, 3, 7, 30, 365)),
            "habit_type": random.choice(self.types),
            "reward": random.choice((None, "", "An hour of reading", "🍫")),
            # An earlier habit of the same user, which is there when this one is written.
            "related_habit_id": random.randrange(first, id) if id > first and random.random() < 0.3 else None,
            "category_id": random.choice((None, *range(1, len(CATEGORIES) + 1))),
            "tracking_days": random.choice((7, 21, 30, 66)),
        }

    def log(self, id: int, habit: int, day: date) -> Row:
        # One draw, as there may be a million of them.
        drawn = self.random.getrandbits(30)
        moment = self.moment(day, drawn)
        return {
            "id": id,
            "habit_id": habit,
            "date": moment if self.times else day,
            "completed": drawn % 5 > 0,
            "created_at": moment,
            "notes": TEXTS[drawn % len(TEXTS)] if drawn % 7 < 3 else None,
            "duration": (None, 0, 60, 1500)[drawn % 4],
        }

    def comment(self, log: int, day: date) -> Row:
        words = [text for text in TEXTS if text]
        return {
            "id": self.comments,
            "habit_log_id": log,
            "text": self.random.choice(words),
            "created_at": self.moment(day),
        }

    def moment(self, day: date, drawn: int | None = None) -> datetime:
        """A time of the day, now and then its first."""
        of_day = (self.random.getrandbits(30) if drawn is None else drawn) % (24 * 60 * 60)
        minutes, second = divmod(of_day, 60)
        hour, minute = divmod(minutes, 60)
        if hour == 0:
            return datetime(day.year, day.month, day.day)
        return datetime(day.year, day.month, day.day, hour, minute, second, of_day * 7 % 1_000_000)


def form(generation: str, location: str | Path) -> str:
    """What decides which dirt there can be: the generation, and whether it is in a file or in PostgreSQL."""
    return habits_dirt.in_postgresql(generation) if is_url(location) else generation


def write(
    location: str | Path,
    *,
    users: int = 10,
    habits: int = 10,
    days: int = 100,
    generation: str = "D",
    truth: bool = True,
    seed: int = 0,
    dirt: Names = frozenset(),
) -> Written:
    """Write a new SQLite file, or the tables into the PostgreSQL of a URL: habits of each user, logs of each habit.

    Generations are A, B, C, D, and BD, a D that came from B. The truth is the rows as the models had them, by their ids, those
    of habit_tags by both; without `truth` it is not kept. No row of dirt changes a clean one. Raises FileExistsError;
    ValueError for a generation that there is not, a kind of dirt that its form cannot hold, and where there is no user, habit
    and log for dirt.
    """
    if generation not in GENERATIONS:
        raise ValueError(f"the generations are {', '.join(GENERATIONS)}")
    metadata = GENERATIONS[generation]
    written = Written({table: {} for table in metadata.tables} if truth else {})

    def fill(connection: Connection) -> None:
        for table, made in rows(users=users, habits=habits, days=days, generation=generation, seed=seed):
            connection.execute(insert(metadata.tables[table]), made)
            if truth:
                written.truth[table] |= {str(key_of(row)): row for row in made}
        if dirt and not (users and habits and days):
            raise ValueError("dirt hangs on a user, a habit and a log: make one of each at least")
        soil, chosen = Soil(connection, metadata.tables), KINDS.chosen(dirt, form(generation, location))
        written.planted = [kind.planted(table, key, table) for kind in chosen for table, key in kind.plant(soil)]

    if is_url(location):
        asyncio.run(_fill_postgresql(str(location), metadata, fill))
    else:
        _fill_file(Path(location), metadata, fill)
    return written


def _fill_file(path: Path, metadata: MetaData, fill: Callable[[Connection], None]) -> None:
    engine = create_engine(f"sqlite:///{path}")
    try:
        with new_file(path), engine.begin() as connection:
            metadata.create_all(connection)
            fill(connection)
    finally:
        engine.dispose()


async def _fill_postgresql(url: str, metadata: MetaData, fill: Callable[[Connection], None]) -> None:
    async with tables(url, metadata) as database:
        await database.connection.run_sync(fill)
        # The app goes on where the rows end.
        for table in metadata.sorted_tables:
            if "id" in table.columns and (last := await database.connection.scalar(select(func.max(table.columns.id)))):
                await database.connection.execute(select(func.setval(f"{table.name}_id_seq", last)))


if __name__ == "__main__":
    command.run(write, KINDS, lambda options: form(options.generation, options.location))
