"""Clean rows of the life manifest: every column has a value in some of them, and is null in others where it may be."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sources.passwords import PASSWORDS, bcrypt_hash
from sources.planting import Row
from sources.varied import Varied

MOODS = ("happy", "tired", "calm", "anxious", "glücklich", "普通", "meh \N{NEUTRAL FACE}")
ZONES = ("UTC", "Europe/Berlin", "Asia/Tokyo", "America/Argentina/Buenos_Aires", "Asia/Kathmandu")
COLORS = ("#ff0000", "#00FF7f", "#123456")

TAGGED = {
    "goal": "goals",
    "habit": "habits",
    "food": "foods",
    "workout": "workouts",
    "daily_review": "daily_reviews",
    "blog_entry": "blog_entries",
}
"""How taggables and media name a table."""


class Rows:
    """Makes clean rows. Each method is named after its table; a row of a child takes the row that it belongs to."""

    def __init__(self, varied: Varied) -> None:
        self.varied = varied
        self._numbers = 0

    def number(self) -> int:
        """A number that comes once."""
        self._numbers += 1
        return self._numbers

    def _id(self, *, changing: bool = True) -> Row:
        created = self.varied.at().replace(tzinfo=UTC)
        row: Row = {"id": self.varied.uuid(), "created_at": created}
        if changing:
            row["updated_at"] = self.varied.after(created) if self.varied.often() else created
        return row

    def _owned(self, user: Row) -> Row:
        return self._id() | {"user_id": user["id"]}

    def _note(self) -> str | None:
        return self.varied.maybe(self.varied.prose(self.varied.number(20, 200)), 0.5)

    def _time(self, share: float) -> datetime | None:
        return self.varied.maybe(self.varied.at().replace(tzinfo=UTC), share)

    def users(self, password: str = PASSWORDS[0]) -> Row:
        varied, number = self.varied, self.number()
        return self._id() | {
            "email": f"Ada.{number}.{varied.random.getrandbits(32):x}@example.com",
            "username": f"ada_{number}-{varied.random.getrandbits(32):x}",
            "password_hash": bcrypt_hash(password, varied.one(("2a", "2b"))),
            "first_name": varied.maybe(varied.one(("Ada", "李", "Zoë"))),
            "last_name": varied.maybe(varied.one(("Lovelace", "O'Neil", "雷"))),
            "bio": self._note(),
            "avatar_url": varied.maybe(f"https://example.com/{number}.png"),
            "timezone": varied.one(ZONES),
            "is_active": varied.often(0.9),
            "is_verified": varied.often(),
            "last_login_at": self._time(0.8),
        }

    def goals(self, user: Row, parent: Row | None = None) -> Row:
        varied, start = self.varied, self.varied.day()
        status = varied.one(("active", "completed", "cancelled", "paused"))
        recurring = varied.often(0.3)
        return self._owned(user) | {
            "parent_goal_id": parent["id"] if parent else None,
            "title": varied.title(),
            "description": self._note(),
            "goal_type": varied.one(("daily", "weekly", "monthly", "yearly")),
            "category": varied.maybe(varied.one(("Health", "Работа"))),
            "target_value": varied.amount(1, 1000),
            "current_value": None,
            "target_unit": varied.maybe(varied.one(("km", "pages", "冊"))),
            "start_date": varied.maybe(start),
            "end_date": varied.maybe(varied.after(datetime(start.year, start.month, start.day), 300).date()),  # noqa: DTZ001
            "status": status,
            "priority": varied.number(0, 5),
            "is_recurring": recurring,
            "recurrence_pattern": "every monday" if recurring else None,
            "completed_at": self._time(1) if status == "completed" else None,
        }

    def goal_progress(self, goal: Row, day: date | None = None) -> Row:
        varied = self.varied
        numbers = {"progress_date": day or varied.day(), "value": varied.amount(0, 1000)}
        return self._id() | numbers | {"goal_id": goal["id"], "note": self._note()}

    def habits(self, user: Row) -> Row:
        varied, numeric = self.varied, self.varied.often()
        frequency = varied.one(("daily", "weekly", "monthly", "custom"))
        return self._owned(user) | {
            "name": varied.title(),
            "description": self._note(),
            "kind": "numeric" if numeric else "boolean",
            "unit": varied.one(("glasses", "分")) if numeric else None,
            "target_value": varied.amount(1, 20) if numeric else None,
            "frequency": frequency,
            "target_days": None if frequency == "daily" else varied.number(1, 7),
            "category": varied.maybe("Body"),
            "color": varied.maybe(varied.one(COLORS)),
            "icon": varied.maybe("\N{DROPLET}"),
            "reminder_time": varied.maybe(varied.clock()),
            "is_archived": varied.often(0.2),
            "position": self.number(),
        }

    def habit_entries(self, habit: Row, day: date | None = None) -> Row:
        varied = self.varied
        return self._id() | {
            "habit_id": habit["id"],
            "entry_date": day or varied.day(),
            "completed": varied.often(0.7),
            "value": varied.maybe(varied.amount(0, 20)),
            "note": self._note(),
            "mood": varied.maybe(varied.one(MOODS)),
        }

    def foods(self, user: Row) -> Row:
        varied = self.varied
        amounts = ("calories", "protein_g", "carbs_g", "fats_g", "fiber_g", "sugar_g", "sodium_mg")
        return self._owned(user) | {
            "meal_date": varied.day(),
            "time": varied.maybe(varied.clock()),
            "meal_type": varied.one(("breakfast", "lunch", "dinner", "snack")),
            "food_name": varied.title(),
            "portion": varied.maybe("1 cup"),
            **{amount: varied.maybe(varied.amount(0, 900)) for amount in amounts},
            "is_favorite": varied.often(0.2),
            "notes": self._note(),
        }

    def workouts(self, user: Row) -> Row:
        varied = self.varied
        return self._owned(user) | {
            "workout_date": varied.day(),
            "time": varied.maybe(varied.clock()),
            "type": varied.one(("running", "strength", "йога")),
            "name": varied.maybe(varied.title()),
            "duration_minutes": varied.maybe(varied.number(5, 180)),
            "calories_burned": varied.maybe(varied.number(0, 1500)),
            "intensity": varied.maybe(varied.one(("low", "medium", "high"))),
            "location": varied.maybe("Park"),
            "mood_before": varied.maybe(varied.one(MOODS)),
            "mood_after": varied.maybe(varied.one(MOODS)),
            "notes": self._note(),
        }

    def workout_exercises(self, workout: Row, place: int = 1) -> Row:
        varied = self.varied
        weight, distance = varied.maybe(varied.amount(1, 200)), varied.maybe(varied.amount(1, 40))
        return self._id() | {
            "workout_id": workout["id"],
            "order_index": place,
            "exercise_name": varied.title(),
            "type": varied.maybe("cardio"),
            "sets": varied.maybe(varied.number(1, 6)),
            "reps": varied.maybe(varied.number(1, 30)),
            "weight": weight,
            "weight_unit": varied.one(("kg", "lbs")) if weight is not None else None,
            "distance": distance,
            "distance_unit": varied.one(("km", "miles", "meters")) if distance is not None else None,
            "duration_seconds": varied.maybe(varied.number(10, 3600)),
            "rest_seconds": varied.maybe(varied.number(0, 300)),
            "notes": self._note(),
        }

    def daily_reviews(self, user: Row, day: date | None = None) -> Row:
        varied = self.varied
        tens = ("mood", "energy", "productivity", "sleep_quality")
        texts = ("highlights", "accomplishments", "challenges", "lessons", "gratitude", "tomorrow")
        return self._owned(user) | {
            "review_date": day or varied.day(),
            **{ten: varied.maybe(varied.number(1, 10)) for ten in tens},
            "sleep_hours": varied.maybe(varied.amount(0, 23)),
            "water_ml": varied.maybe(varied.number(0, 4000)),
            "screen_minutes": varied.maybe(varied.number(0, 900)),
            "steps": varied.maybe(varied.number(0, 40_000)),
            **{text: self._note() for text in texts},
        }

    def blog_entries(self, user: Row) -> Row:
        varied, number = self.varied, self.number()
        status = varied.one(("draft", "published", "archived"))
        return self._owned(user) | {
            "title": varied.title(),
            "content": varied.prose(varied.number(50, 2000)),
            "excerpt": self._note(),
            "slug": f"{varied.one(('my-day', 'über-mich', '日記'))}-{number}-{varied.random.getrandbits(32):x}",
            "status": status,
            "is_featured": varied.often(0.1),
            "is_public": varied.often(0.3),
            "view_count": varied.number(0, 5000),
            "published_at": self._time(1) if status == "published" else None,
        }

    def tags(self) -> Row:
        varied, number = self.varied, self.number()
        return self._id() | {
            "name": f"{varied.one(('Keto', 'Семья', '仕事', 'deep work'))} {number}",
            "slug": f"{varied.one(('keto', 'семья', '仕事', 'deep-work'))}-{number}",
            "category": varied.maybe("Food"),
            "color": varied.maybe(varied.one(COLORS)),
            "description": self._note(),
        }

    def taggables(self, tag: Row, kind: str, row_id: UUID) -> Row:
        return self._id(changing=False) | {"tag_id": tag["id"], "taggable_type": kind, "taggable_id": row_id}

    def media(self, user: Row, size: int, kind: str | None = None, row_id: UUID | None = None) -> Row:
        varied, number = self.varied, self.number()
        picture = varied.often()
        return self._owned(user) | {
            "file_name": f"{varied.one(('photo', 'Снимок', 'my file'))} {number}.{'png' if picture else 'txt'}",
            "file_path": f"{user['id']}/{number}.{'png' if picture else 'txt'}",
            "content_type": "image/png" if picture else "text/plain",
            "size_bytes": size,
            "width": 1 if picture else None,
            "height": 1 if picture else None,
            "alt_text": self._note(),
            "is_public": varied.often(0.2),
            "related_to_type": kind,
            "related_to_id": row_id,
        }

    def progress_snapshots(self, user: Row, place: int = 0) -> Row:
        varied, day = self.varied, date(2023, 1, 1) + timedelta(days=place)
        # The first ones are of longer periods, the others of a day each: none comes twice.
        period, first = (
            ("yearly", day.replace(month=1, day=1)),
            ("monthly", day.replace(day=1)),
            ("weekly", day - timedelta(days=day.weekday())),
            ("daily", day),
        )[min(place, 3)]
        counts = ("goals_active", "goals_completed", "longest_streak", "workouts_count", "workout_minutes", "habits_active")
        weight = varied.maybe(varied.amount(40, 150))
        return self._owned(user) | {
            "period": period,
            "date": first,
            **{count: varied.number(0, 60) for count in counts},
            "blog_entries_count": varied.number(0, 9),
            "habit_completion_rate": varied.maybe(varied.amount(0, 1).min(1)),
            "calories_avg": varied.maybe(varied.amount(1000, 3000)),
            **{average: varied.maybe(varied.amount(1, 10)) for average in ("mood_avg", "energy_avg", "sleep_avg")},
            "notes": self._note(),
            "weight": weight,
            "weight_unit": varied.one(("kg", "lbs")) if weight is not None else None,
            "body_fat_percent": varied.maybe(varied.amount(5, 50)),
        }

    def milestones(self, goal: Row) -> Row:
        done = self.varied.often()
        return self._id() | {
            "goal_id": goal["id"],
            "title": self.varied.title(),
            "target_date": self.varied.maybe(self.varied.day()),
            "is_completed": done,
            "completed_at": self._time(1) if done else None,
        }

    def notifications(self, user: Row) -> Row:
        words = {"type": "reminder", "title": self.varied.title(), "message": self._note()}
        return self._owned(user) | words | {"is_read": self.varied.often()}
