"""The habit tracker: users, habits and their logs, in four generations of one schema."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from app.database.executor import Transaction
from app.importing.sources import databases, statements
from app.importing.sources.databases import SourceDatabase
from app.importing.sources.habit_cells import NEEDED, TAKEN, nature, times, within
from app.importing.sources.hashes import known_hash
from app.importing.sources.source import Options
from app.importing.staging import CHUNK, Staging, stage_rows
from app.importing.values import EPOCH, Refused, Row, dated, midnight
from app.slugs import slug


class Habits:
    """An opened database of the habit tracker."""

    def __init__(self, database: SourceDatabase, options: Options, total: int) -> None:
        self._database = database
        self._zone = options.zone
        self._texts = statements.load("habits")
        self.form = f"generation {_generation(database.tables)}, {database.what}"
        self.total = total
        self.is_repeated = False
        self._users: dict[object, str] = {}
        self._habits: dict[object, tuple[str, str | None]] = {}
        self._categories: dict[object, tuple[str | None, str | None, str | None]] = {}
        self._tags: dict[object, Row] = {}
        self._own_tags: set[str] = set()
        self._used: set[tuple[str, object]] = set()

    def declare(self, staging: Staging) -> None:
        self._into_users = staging.table(
            "users", "email", "password_hash", "name", "avatar_url", "is_active", "is_external", "created_at", "updated_at"
        )
        self._into_identities = staging.table("identities", "provider", "subject", "email", "created_at")
        self._into_tags = staging.table("tags", "name", "slug", "created_at", "updated_at")
        self._into_habits = staging.table(
            "habits",
            *("name", "description", "frequency", "interval_days", "nature", "reward", "duration_seconds", "related_habit_id"),
            *("category", "color", "icon", "is_archived", "created_at", "updated_at"),
        )
        self._into_entries = staging.table(
            "habit_entries", "habit_id", "date", "completed", "note", "duration_seconds", "created_at"
        )
        self._into_comments = staging.table("habit_comments", "habit_id", "date", "text", "created_at", "updated_at")
        self._into_taggings = staging.table("taggings", "tag_id", "taggable_type", "taggable_id", "created_at")

    async def read(self, staging: Staging) -> AsyncIterator[None]:
        await self._look_ahead(staging)
        await self._read(staging, "users", "users", self._user)
        await self._read(staging, "habits", "habits", self._habit)
        await self._read(staging, "habit_logs", "habit_entries", self._entry)
        if "habit_tags" in self._database.tables:
            await self._read(staging, "habit_tags", "taggings", self._tagging)
        if "comments" in self._database.tables:
            await self._read(staging, "comments", "habit_comments", self._comment)
        self._report_unused(staging)
        staging.report_left_out(table for table in self._database.tables if table not in TAKEN)
        await staging.copy()
        yield

    async def settle(self, on: Transaction, id: UUID) -> None:
        """Nothing: each row stands for itself."""

    async def backup(self, folder: Path) -> Path:
        return await self._database.backup(folder)

    async def _look_ahead(self, staging: Staging) -> None:
        """Read what rows refer to by a number: users, habits, categories, tags."""
        async for rows in self._rows("users"):
            for row in rows:
                self._users[row.values["id"]] = dated(row.values["id"], row.lenient(row.moment, "created_at"))
        async for rows in self._rows("habits"):
            for row in rows:
                key = dated(row.values["id"], row.lenient(row.moment, "created_at"))
                self._habits[row.values["id"]] = key, self._users.get(row.values["user_id"])
        if "categories" in self._database.tables:
            async for rows in self._rows("categories"):
                stage_rows(staging, "categories", rows, self._category)
        if "tags" in self._database.tables:
            async for rows in self._rows("tags"):
                self._tags.update((row.values["id"], row) for row in rows)
                stage_rows(staging, "tags", rows, self._tag)

    def _report_unused(self, staging: Staging) -> None:
        """What stands on no habit has no place of its own here: categories, and tags of an app in which they had no owner."""
        for table, found in (("categories", self._categories), ("tags", self._tags)):
            for number, values in found.items():
                if (table, number) not in self._used:
                    content = dict(values.values) if isinstance(values, Row) else values
                    staging.report("left_out", table, str(number), "unused", content=content)

    def _rows(self, table: str) -> AsyncIterator[list[Row]]:
        return self._database.rows(self._texts[table], self._zone)

    async def _read(self, staging: Staging, table: str, entity: str, mapped: Callable[[Row], str]) -> None:
        others = [column for column in self._database.tables[table] if column not in TAKEN[table]]
        async for rows in self._rows(table):
            stage_rows(staging, entity, rows, mapped)
            if others:
                for row in rows:
                    staging.leave_out(table, row, others)
            await staging.copy(least=CHUNK)

    def _user(self, row: Row) -> str:
        made_at = row.lenient(row.moment, "created_at")
        key = self._users[row.values["id"]]
        email = row.optional_text("email")
        if email is None:
            row.changes.append("email_missing")
        identities = [
            (provider, subject) for provider in ("google", "github") if (subject := row.optional_text(f"{provider}_id"))
        ]
        self._into_users.add(
            key,
            None,
            email,
            known_hash(row, "password_hash"),
            row.lenient(row.optional_text, "name"),
            row.lenient(row.optional_text, "avatar_url"),
            row.flag("is_active", default=True),
            email is None and bool(identities),
            *times(row, made_at),
        )
        for provider, subject in identities:
            self._into_identities.add(f"{key}/{provider}", key, provider, subject, email, made_at or EPOCH)
        return key

    def _habit(self, row: Row) -> str:
        key, owner = self._habits[row.values["id"]]
        if owner is None:
            raise Refused("habits_user_exists")
        every = within(row, "frequency", 1, 365)
        is_interval = every is not None and every > 1
        self._into_habits.add(
            key,
            owner,
            row.text("name"),
            row.lenient(row.optional_text, "description"),
            "interval" if is_interval else "daily",
            every if is_interval else None,
            nature(row),
            row.lenient(row.optional_text, "reward"),
            within(row, "execution_time", 0, 10_000_000),
            self._related(row),
            *self._category_of(row),
            row.lenient(row.flag, "is_archived") or False,
            *times(row, row.lenient(row.moment, "created_at")),
        )
        return owner

    def _related(self, row: Row) -> str | None:
        number = row.values.get("related_habit_id")
        if number is None:
            return None
        # One of another user, or the habit itself, is left out and reported where the rows are moved.
        key, _ = self._habits.get(number, (None, None))
        if key is None:
            row.changes.append("related_habit_id_exists")
        return key

    def _category_of(self, row: Row) -> tuple[str | None, str | None, str | None]:
        number = row.values.get("category_id")
        if number is None:
            return None, None, None
        found = self._categories.get(number)
        if found is None:
            row.changes.append("category_id_exists")
            return None, None, None
        self._used.add(("categories", number))
        return found

    def _category(self, row: Row) -> None:
        name = row.lenient(row.optional_text, "name")
        if name is None:
            row.changes.append("name_blank")
        color = row.lenient(row.optional_text, "color")
        if color is not None and not re.fullmatch("#[0-9a-fA-F]{6}", color):
            row.changes.append("color_form")
            color = None
        self._categories[row.values["id"]] = name, color, row.lenient(row.optional_text, "icon")

    def _entry(self, row: Row) -> str:
        habit, owner = self._habits.get(row.values["habit_id"], (None, None))
        if owner is None:
            raise Refused("habit_entries_habit_exists")
        day = row.day("date")
        if day is None:
            raise Refused("habit_entries_date_needed")
        values = row.values
        made_at = row.lenient(row.moment, "created_at") or midnight(day)
        note = row.lenient(row.optional_text, "notes") if values.get("notes") else None
        seconds = None if values.get("duration") is None else within(row, "duration", 0, 10_000_000)
        key = f"{habit}/{values['id']}"
        self._into_entries.add(key, owner, habit, day, row.flag("completed"), note, seconds, made_at, at=str(values["id"]))
        return owner

    def _comment(self, row: Row) -> str:
        habit, owner = self._habits.get(row.values["log_habit_id"], (None, None))
        day = row.day("log_date")
        if owner is None or day is None:
            raise Refused("habit_comments_habit_exists")
        made_at = row.lenient(row.moment, "created_at") or midnight(day)
        number = row.values["id"]
        self._into_comments.add(f"{habit}/{number}", owner, habit, day, row.text("text"), made_at, made_at, at=str(number))
        return owner

    def _tag(self, row: Row) -> str | None:
        if "user_id" not in row.values:
            return None
        owner = self._users.get(row.values["user_id"])
        if owner is None:
            self._used.add(("tags", row.values["id"]))
            raise Refused("tags_user_exists")
        self._own_tag(row, owner)
        return owner

    def _own_tag(self, tag: Row, owner: str) -> str:
        """The key of a tag of a user's own: one that several users have becomes a tag of each."""
        name, number = tag.text("name") or "", tag.values["id"]
        self._used.add(("tags", number))
        # One of an emoji alone has none.
        word = slug(name, 100) or "tag"
        key = f"{number}/{word}/{owner}"
        if key not in self._own_tags:
            self._own_tags.add(key)
            self._into_tags.add(key, owner, name, word, EPOCH, EPOCH, at=str(number))
        return key

    def _tagging(self, row: Row) -> str:
        habit, owner = self._habits.get(row.values["habit_id"], (None, None))
        tag = self._tags.get(row.values["tag_id"])
        if owner is None:
            raise Refused("taggings_target_exists")
        if tag is None:
            raise Refused("taggings_tag_exists")
        if "user_id" in tag.values and self._users.get(tag.values["user_id"]) != owner:
            row.changes.append("tags_of_another_user")
        key = self._own_tag(tag, owner)
        place = f"{row.values['habit_id']}/{row.values['tag_id']}"
        self._into_taggings.add(f"{habit}/{key}", owner, key, "habits", habit, EPOCH, at=place)
        return owner


def _generation(tables: dict[str, list[str]]) -> str:
    if "default_tracking_days" in tables["users"] or "tracking_days" in tables["habits"]:
        return "D" if "notes" in tables["habit_logs"] else "D with the logs of B"
    if "execution_time" in tables["habits"]:
        return "C"
    return "B" if "is_archived" in tables["habits"] else "A"


@asynccontextmanager
async def opened(location: str, options: Options) -> AsyncIterator[Habits]:
    """Open the database of a path or a URL. Raises SourceError."""
    async with databases.opened(location) as database:
        databases.demand(database, NEEDED, "habit tracker")
        texts = statements.load("habits")
        counts = [await database.count(texts[f"count_{table}"]) for table in NEEDED]
        yield Habits(database, options, sum(counts))
