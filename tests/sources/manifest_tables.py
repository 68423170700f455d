"""The tables of the life manifest, as SQLAlchemy models: fourteen, and two that later versions added."""

from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Numeric, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What every table has."""

    type_annotation_map = {datetime: DateTime(timezone=True), Decimal: Numeric, str: Text}  # noqa: RUF012 - SQLAlchemy's own way

    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class Changing(Base):
    """What every table has whose rows change."""

    __abstract__ = True
    updated_at: Mapped[datetime]


class Owned(Changing):
    """What every table of a user's rows has."""

    __abstract__ = True
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)


class User(Changing):
    """An account."""

    __tablename__ = "users"
    email: Mapped[str] = mapped_column(String(255), unique=True)
    username: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    first_name: Mapped[str | None] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    bio: Mapped[str | None]
    avatar_url: Mapped[str | None] = mapped_column(String(500))
    timezone: Mapped[str | None] = mapped_column(String(50))
    is_active: Mapped[bool]
    is_verified: Mapped[bool]
    last_login_at: Mapped[datetime | None]


class Goal(Owned):
    """What a user wants to reach; its current value is stored."""

    __tablename__ = "goals"
    parent_goal_id: Mapped[UUID | None] = mapped_column(ForeignKey("goals.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None]
    goal_type: Mapped[str] = mapped_column(String(20))
    category: Mapped[str | None] = mapped_column(String(100))
    target_value: Mapped[Decimal | None]
    current_value: Mapped[Decimal | None]
    target_unit: Mapped[str | None] = mapped_column(String(50))
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]
    status: Mapped[str] = mapped_column(String(20), index=True)
    priority: Mapped[int]
    is_recurring: Mapped[bool]
    recurrence_pattern: Mapped[str | None] = mapped_column(String(100))
    completed_at: Mapped[datetime | None]


class GoalProgress(Changing):
    """How far a goal was on a day. The owner is the goal's."""

    __tablename__ = "goal_progress"
    goal_id: Mapped[UUID] = mapped_column(ForeignKey("goals.id", ondelete="CASCADE"), index=True)
    progress_date: Mapped[date]
    value: Mapped[Decimal]
    note: Mapped[str | None]


class Habit(Owned):
    """A habit."""

    __tablename__ = "habits"
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None]
    kind: Mapped[str] = mapped_column(String(20))
    unit: Mapped[str | None] = mapped_column(String(50))
    target_value: Mapped[Decimal | None]
    frequency: Mapped[str] = mapped_column(String(20))
    target_days: Mapped[int | None]
    category: Mapped[str | None] = mapped_column(String(100))
    color: Mapped[str | None] = mapped_column(String(20))
    icon: Mapped[str | None] = mapped_column(String(50))
    reminder_time: Mapped[time | None]
    is_archived: Mapped[bool]
    position: Mapped[int]


class HabitEntry(Changing):
    """A habit on a day; the mood is a word. The owner is the habit's."""

    __tablename__ = "habit_entries"
    __table_args__ = (UniqueConstraint("habit_id", "entry_date", name="habit_entries_day"),)
    habit_id: Mapped[UUID] = mapped_column(ForeignKey("habits.id", ondelete="CASCADE"))
    entry_date: Mapped[date]
    completed: Mapped[bool]
    value: Mapped[Decimal | None]
    note: Mapped[str | None]
    mood: Mapped[str | None]


class Food(Owned):
    """What was eaten."""

    __tablename__ = "foods"
    meal_date: Mapped[date] = mapped_column(index=True)
    time: Mapped[time | None]
    meal_type: Mapped[str] = mapped_column(String(20))
    food_name: Mapped[str] = mapped_column(String(255))
    portion: Mapped[str | None] = mapped_column(String(100))
    calories: Mapped[Decimal | None]
    protein_g: Mapped[Decimal | None]
    carbs_g: Mapped[Decimal | None]
    fats_g: Mapped[Decimal | None]
    fiber_g: Mapped[Decimal | None]
    sugar_g: Mapped[Decimal | None]
    sodium_mg: Mapped[Decimal | None]
    is_favorite: Mapped[bool]
    notes: Mapped[str | None]


class Workout(Owned):
    """A training; the moods are words."""

    __tablename__ = "workouts"
    workout_date: Mapped[date] = mapped_column(index=True)
    time: Mapped[time | None]
    type: Mapped[str] = mapped_column(String(50))
    name: Mapped[str | None] = mapped_column(String(255))
    duration_minutes: Mapped[int | None]
    calories_burned: Mapped[int | None]
    intensity: Mapped[str | None] = mapped_column(String(20))
    location: Mapped[str | None] = mapped_column(String(255))
    mood_before: Mapped[str | None]
    mood_after: Mapped[str | None]
    notes: Mapped[str | None]


class WorkoutExercise(Changing):
    """An exercise of a training. The owner is the workout's."""

    __tablename__ = "workout_exercises"
    workout_id: Mapped[UUID] = mapped_column(ForeignKey("workouts.id", ondelete="CASCADE"), index=True)
    order_index: Mapped[int]
    exercise_name: Mapped[str] = mapped_column(String(255))
    type: Mapped[str | None] = mapped_column(String(50))
    sets: Mapped[int | None]
    reps: Mapped[int | None]
    weight: Mapped[Decimal | None]
    weight_unit: Mapped[str | None] = mapped_column(String(10))
    distance: Mapped[Decimal | None]
    distance_unit: Mapped[str | None] = mapped_column(String(10))
    duration_seconds: Mapped[int | None]
    rest_seconds: Mapped[int | None]
    notes: Mapped[str | None]


class DailyReview(Owned):
    """How a day was."""

    __tablename__ = "daily_reviews"
    __table_args__ = (UniqueConstraint("user_id", "review_date", name="daily_reviews_day"),)
    review_date: Mapped[date]
    mood: Mapped[int | None]
    energy: Mapped[int | None]
    productivity: Mapped[int | None]
    sleep_quality: Mapped[int | None]
    sleep_hours: Mapped[Decimal | None]
    water_ml: Mapped[int | None]
    screen_minutes: Mapped[int | None]
    steps: Mapped[int | None]
    highlights: Mapped[str | None]
    accomplishments: Mapped[str | None]
    challenges: Mapped[str | None]
    lessons: Mapped[str | None]
    gratitude: Mapped[str | None]
    tomorrow: Mapped[str | None]


class BlogEntry(Owned):
    """An entry of the journal; the slug is unique over all users, or null."""

    __tablename__ = "blog_entries"
    title: Mapped[str] = mapped_column(String(500))
    content: Mapped[str]
    excerpt: Mapped[str | None]
    slug: Mapped[str | None] = mapped_column(String(300), unique=True)
    status: Mapped[str] = mapped_column(String(20), index=True)
    is_featured: Mapped[bool]
    is_public: Mapped[bool]
    view_count: Mapped[int]
    published_at: Mapped[datetime | None]


class Tag(Changing):
    """A tag, which belongs to nobody."""

    __tablename__ = "tags"
    name: Mapped[str] = mapped_column(String(100), unique=True)
    slug: Mapped[str] = mapped_column(String(100), unique=True)
    category: Mapped[str | None] = mapped_column(String(100))
    color: Mapped[str | None] = mapped_column(String(20))
    description: Mapped[str | None] = mapped_column(String(500))


class Taggable(Base):
    """A tag on a row, which is not a foreign key."""

    __tablename__ = "taggables"
    tag_id: Mapped[UUID] = mapped_column(ForeignKey("tags.id", ondelete="CASCADE"), index=True)
    taggable_type: Mapped[str] = mapped_column(String(50))
    taggable_id: Mapped[UUID] = mapped_column(index=True)


class Media(Owned):
    """A file below the media root, and the row that it belongs to, which is not a foreign key."""

    __tablename__ = "media"
    file_name: Mapped[str] = mapped_column(String(255))
    file_path: Mapped[str] = mapped_column(String(1000))
    content_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    alt_text: Mapped[str | None]
    is_public: Mapped[bool]
    related_to_type: Mapped[str | None] = mapped_column(String(50))
    related_to_id: Mapped[UUID | None]


class ProgressSnapshot(Owned):
    """Figures of a day, a week, a month or a year."""

    __tablename__ = "progress_snapshots"
    period: Mapped[str] = mapped_column(String(20))
    date: Mapped[date]
    goals_active: Mapped[int]
    goals_completed: Mapped[int]
    habit_completion_rate: Mapped[Decimal | None]
    longest_streak: Mapped[int]
    workouts_count: Mapped[int]
    workout_minutes: Mapped[int]
    calories_avg: Mapped[Decimal | None]
    mood_avg: Mapped[Decimal | None]
    energy_avg: Mapped[Decimal | None]
    sleep_avg: Mapped[Decimal | None]
    habits_active: Mapped[int]
    blog_entries_count: Mapped[int]
    notes: Mapped[str | None]
    weight: Mapped[Decimal | None]
    weight_unit: Mapped[str | None] = mapped_column(String(10))
    body_fat_percent: Mapped[Decimal | None]


class Milestone(Changing):
    """A step of a goal; later versions have it."""

    __tablename__ = "milestones"
    goal_id: Mapped[UUID] = mapped_column(ForeignKey("goals.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(255))
    target_date: Mapped[date | None]
    is_completed: Mapped[bool]
    completed_at: Mapped[datetime | None]


class Notification(Owned):
    """A word to a user; later versions have it."""

    __tablename__ = "notifications"
    type: Mapped[str] = mapped_column(String(50))
    title: Mapped[str] = mapped_column(String(255))
    message: Mapped[str | None]
    is_read: Mapped[bool]


LATER = (Milestone.__table__, Notification.__table__)

FIRST = tuple(table for table in Base.metadata.sorted_tables if table not in LATER)
"""The fourteen, each after those that it points at."""
