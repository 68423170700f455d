"""The life manifest: goals, habits, food, workouts, reviews and a journal in PostgreSQL, and the files of its users."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from app.database.executor import Transaction
from app.importing import repository
from app.importing.sources import cells, databases, manifest_media, media_files, statements
from app.importing.sources import manifest_rules as rules
from app.importing.sources import manifest_tables as made_of
from app.importing.sources.cells import Cells
from app.importing.sources.databases import SourceDatabase
from app.importing.sources.manifest_media import MEDIA
from app.importing.sources.source import Options
from app.importing.staging import CHUNK, Staging, Table, stage_rows
from app.importing.values import EPOCH, Refused, Row
from app.slugs import slug

SOURCE = "manifest"

TAKEN = {
    "users": "id email username password_hash first_name last_name bio avatar_url timezone is_active is_verified last_login_at",
    "goals": "id user_id parent_goal_id title description goal_type category target_value current_value target_unit start_date "
    "end_date status priority is_recurring recurrence_pattern completed_at",
    "goal_progress": "id goal_id progress_date value note",
    "habits": "id user_id name description kind unit target_value frequency target_days category color icon reminder_time "
    "is_archived position",
    "habit_entries": "id habit_id entry_date completed value note mood",
    "foods": "id user_id meal_date time meal_type food_name portion calories protein_g carbs_g fats_g fiber_g sugar_g "
    "sodium_mg is_favorite notes",
    "workouts": "id user_id workout_date time type name duration_minutes calories_burned intensity location mood_before "
    "mood_after notes",
    "workout_exercises": "id workout_id order_index exercise_name type sets reps weight weight_unit distance distance_unit "
    "duration_seconds rest_seconds notes",
    "daily_reviews": "id user_id review_date mood energy productivity sleep_quality sleep_hours water_ml screen_minutes steps "
    "highlights accomplishments challenges lessons gratitude tomorrow",
    "blog_entries": "id user_id title content excerpt slug status is_featured is_public view_count published_at",
    "tags": "id name slug category color description",
    "taggables": "id tag_id taggable_type taggable_id",
    "media": "id user_id file_name file_path content_type size_bytes width height alt_text is_public related_to_type "
    "related_to_id",
    "progress_snapshots": "id user_id period date goals_active goals_completed habit_completion_rate longest_streak "
    "workouts_count workout_minutes calories_avg mood_avg energy_avg sleep_avg habits_active blog_entries_count notes weight "
    "weight_unit body_fat_percent",
}
"""What has a place here, with the times of creation and change. Every other column is reported with its values."""

NEEDED = {
    "users": {"id", "email", "username", "password_hash"},
    "goals": {"id", "user_id", "title", "goal_type", "status"},
    "goal_progress": {"id", "goal_id", "progress_date", "value", "created_at"},
    "habits": {"id", "user_id", "name", "frequency"},
    "habit_entries": {"id", "habit_id", "entry_date"},
    "foods": {"id", "user_id", "meal_date", "meal_type", "food_name"},
    "workouts": {"id", "user_id", "workout_date", "type"},
    "workout_exercises": {"id", "workout_id", "exercise_name", "order_index", "created_at"},
    "daily_reviews": {"id", "user_id", "review_date"},
    "blog_entries": {"id", "user_id", "title", "content", "slug", "status"},
    "tags": {"id", "name", "created_at"},
    "taggables": {"id", "tag_id", "taggable_type", "taggable_id"},
    "media": {"id", "user_id", "file_name", "file_path", "related_to_type", "related_to_id"},
    "progress_snapshots": {"id", "user_id", "period", "date"},
}
"""Without these columns it is no life manifest."""

LATER = ("milestones", "notifications")
"""Tables of later versions, whose rows are reported one by one."""

_SLUG = re.compile(r"[^\s/?#%]{1,300}")


class Manifest:
    """An opened database of the life manifest."""

    def __init__(self, database: SourceDatabase, options: Options, total: int) -> None:
        self._database = database
        self._options = options
        self._texts = statements.load(SOURCE)
        added = [table for table in LATER if table in database.tables]
        self.form = f"{'a later version' if added else 'the version with fourteen tables'}, {database.what}"
        self.total = total
        self.is_repeated = False
        self._tags: dict[str, tuple[str, str, list[Any]]] = {}
        self._first_tags: dict[str, str] = {}
        self._own_tags: set[str] = set()

    def declare(self, staging: Staging) -> None:
        self._staging = staging
        self._tables: dict[str, Table] = {}
        # The accounts are looked for by their identities as well; this app has none.
        staging.table("identities", "provider", "subject", "email", "created_at")
        for entity, before, made_of_cells in (
            ("users", (), rules.USERS),
            ("goals", ("parent_id",), rules.GOALS),
            ("goal_progress", ("goal_id",), made_of.PROGRESS),
            ("habits", (), rules.HABITS),
            ("habit_entries", ("habit_id",), made_of.ENTRIES),
            ("foods", (), made_of.FOODS),
            ("workouts", (), made_of.WORKOUTS),
            ("workout_exercises", ("workout_id",), made_of.EXERCISES),
            ("daily_reviews", (), made_of.REVIEWS),
            ("blog_entries", ("slug",), rules.BLOG),
            ("tags", ("slug",), rules.TAGS),
            ("taggings", ("tag_id", "taggable_type", "taggable_id", "created_at"), ()),
            ("media", manifest_media.FOUND, MEDIA),
            ("progress_snapshots", (), made_of.SNAPSHOTS),
        ):
            self._tables[entity] = staging.table(entity, *before, *cells.columns(made_of_cells))

    async def read(self, staging: Staging) -> AsyncIterator[None]:
        root = self._options.media_root
        mapped: dict[str, tuple[str, Callable[[Row], str | None]]] = {
            "users": ("users", self._user),
            "goals": ("goals", self._goal),
            "goal_progress": ("goal_progress", self._child("goal_progress", "goal_id", made_of.PROGRESS)),
            "habits": ("habits", self._plain("habits", rules.HABITS)),
            "habit_entries": ("habit_entries", self._child("habit_entries", "habit_id", made_of.ENTRIES)),
            "foods": ("foods", self._plain("foods", made_of.FOODS)),
            "workouts": ("workouts", self._plain("workouts", made_of.WORKOUTS)),
            "workout_exercises": ("workout_exercises", self._exercise),
            "daily_reviews": ("daily_reviews", self._plain("daily_reviews", made_of.REVIEWS)),
            "blog_entries": ("blog_entries", self._entry),
            "tags": ("tags", self._tag),
            "taggables": ("taggings", self._tagging),
            "media": ("media", lambda row: manifest_media.stage(self._tables["media"], row, root)),
            "progress_snapshots": ("progress_snapshots", self._plain("progress_snapshots", made_of.SNAPSHOTS)),
        }
        for table, (entity, each) in mapped.items():
            taken = {*TAKEN[table].split(), "created_at", "updated_at"}
            if table in ("workout_exercises", "taggables"):
                taken.remove("updated_at")
            others = [column for column in self._database.tables[table] if column not in taken]
            async for rows in self._database.rows(self._texts[table], self._options.zone):
                stage_rows(staging, entity, rows, each)
                if others:
                    for row in rows:
                        staging.leave_out(table, row, others)
                await staging.copy(least=CHUNK)
        await self._report_later(staging)
        staging.report_left_out(table for table in self._database.tables if table not in (*TAKEN, *LATER))
        await staging.copy()
        yield

    async def _report_later(self, staging: Staging) -> None:
        for table in LATER:
            if table in self._database.tables:
                async for rows in self._database.rows(self._texts[table], self._options.zone):
                    for row in rows:
                        owner = row.values["owner"]
                        staging.report(
                            *("left_out", table, str(row.values["id"]), "no_place"),
                            content=dict(row.values),
                            owner=owner and str(owner),
                        )
                    await staging.copy(least=CHUNK)

    async def settle(self, on: Transaction, id: UUID) -> None:  # noqa: ARG002 - the reports come by the staged ones
        await repository.cut_goals(on)
        await repository.part_slugs(on, SOURCE)
        await manifest_media.settle(on, SOURCE, self._options)

    async def backup(self, folder: Path) -> Path:
        return await self._database.backup(folder)

    # Rows

    def _plain(self, entity: str, columns: Cells) -> Callable[[Row], str]:
        """How a row of a user is staged, each cell by itself."""
        table, rule = self._tables[entity], f"{entity}_user_exists"

        def mapped(row: Row) -> str:
            owner = cells.key(row, "user_id", rule)
            table.add(str(row.values["id"]), owner, *cells.values(columns, row))
            return owner

        return mapped

    def _child(self, entity: str, parent: str, columns: Cells) -> Callable[[Row], str]:
        """How a row below another one is staged; its owner is that one's."""
        table, rule = self._tables[entity], f"{entity}_{parent.removesuffix('_id')}_exists"

        def mapped(row: Row) -> str:
            owner = cells.key(row, "owner", rule)
            table.add(str(row.values["id"]), owner, str(row.values[parent]), *cells.values(columns, row))
            return owner

        return mapped

    def _user(self, row: Row) -> str:
        key = str(row.values["id"])
        self._tables["users"].add(key, None, *cells.values(rules.USERS, row))
        return key

    def _goal(self, row: Row) -> str:
        owner, key, parent = cells.key(row, "user_id", "goals_user_exists"), str(row.values["id"]), row.values["parent_goal_id"]
        self._tables["goals"].add(key, owner, None if parent is None else str(parent), *cells.values(rules.GOALS, row))
        value = row.lenient(row.number, "current_value")
        if value is not None and value != row.values["newest_value"]:
            if row.values["has_progress"]:
                row.changes.append("current_value_differs")
            at = cells.updated(row)
            self._tables["goal_progress"].add(f"{key}/current_value", owner, key, at.date(), value, None, at, at)
        return owner

    def _exercise(self, row: Row) -> str:
        owner = cells.key(row, "owner", "workout_exercises_workout_exists")
        workout = str(row.values["workout_id"])
        # By its position: when one is put before others in the source, no two ever have the same one on the way.
        key = f"{workout}/{row.values['position']}"
        found = cells.values(made_of.EXERCISES, row)
        self._tables["workout_exercises"].add(key, owner, workout, *found, at=str(row.values["id"]))
        return owner

    def _entry(self, row: Row) -> str:
        owner = cells.key(row, "user_id", "blog_entries_user_exists")
        word = row.optional_text("slug")
        if word is None or not _SLUG.fullmatch(word):
            if word is not None:
                row.changes.append("blog_entries_slug_form")
            # A title of an emoji alone has none.
            word = slug(word or row.text("title") or "", 290) or "entry"
        self._tables["blog_entries"].add(str(row.values["id"]), owner, word, *cells.values(rules.BLOG, row))
        return owner

    # Tags: the app's belong to nobody; each owner who uses one gets their own.

    def _tag(self, row: Row) -> None:
        key, name = str(row.values["id"]), row.text("name") or ""
        if not row.values["is_used"]:
            self._staging.report("left_out", "tags", key, "tag_unused", content=dict(row.values))
            return
        said = row.lenient(row.optional_text, "slug")
        word = slug(said or name, 100) or slug(name, 100) or "tag"
        if said is not None and said != word:
            row.changes.append("tags_slug_form")
        first = self._first_tags.setdefault(word, key)
        if first != key:
            row.changes.append("tags_slug_unique")
        self._tags[key] = first, word, cells.values(rules.TAGS, row)

    def _tagging(self, row: Row) -> str:
        kind, owner = made_of.kind(row.values["taggable_type"]), row.values["owner"]
        if kind is None:
            raise Refused("taggable_type_known")
        if owner is None or kind != row.values["target_kind"]:
            raise Refused("taggings_target_exists")
        found = self._tags.get(str(row.values["tag_id"]))
        if found is None:
            raise Refused("taggings_tag_exists")
        tag = f"{found[0]}/{owner}"
        if tag not in self._own_tags:
            self._own_tags.add(tag)
            _, word, values = self._tags[found[0]]
            self._tables["tags"].add(tag, str(owner), word, *values, at=found[0])
        made_at = row.lenient(row.moment, "created_at") or EPOCH
        self._tables["taggings"].add(str(row.values["id"]), str(owner), tag, kind, str(row.values["taggable_id"]), made_at)
        return str(owner)


@asynccontextmanager
async def opened(location: str, options: Options) -> AsyncIterator[Manifest]:
    """Open the database of a URL. Raises SourceError."""
    async with databases.opened(location) as database:
        databases.demand(database, NEEDED, "life manifest")
        if options.media_root is not None:
            media_files.check_root(options.media_root)
        yield Manifest(database, options, await database.count(statements.load(SOURCE)["count_rows"]))
