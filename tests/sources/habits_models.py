"""The tables of a Flask habit tracker as its models had them over the years: generations A, B, C and D.

`BD` is a database of D that came from B by an upgrade which left the logs as they were.
"""

from datetime import date, datetime
from enum import Enum

from sqlalchemy import ForeignKey, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, declarative_base, declared_attr, mapped_column


class HabitType(Enum):
    USEFUL = "useful"
    PLEASANT = "pleasant"


class UserA:
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    # Whoever came by Google or GitHub may have none.
    email: Mapped[str | None] = mapped_column(String(120), unique=True, index=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    google_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    github_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    name: Mapped[str | None] = mapped_column(String(100))
    avatar_url: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime | None]


class HabitA:
    __tablename__ = "habits"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime | None]


class LogA:
    """Its day is a time, and a habit may have two of a day."""

    __tablename__ = "habit_logs"
    id: Mapped[int] = mapped_column(primary_key=True)
    habit_id: Mapped[int] = mapped_column(ForeignKey("habits.id"))
    date: Mapped[datetime]
    completed: Mapped[bool | None]


class UserB(UserA):
    updated_at: Mapped[datetime | None]
    is_active: Mapped[bool | None]


class HabitB(HabitA):
    updated_at: Mapped[datetime | None]
    is_archived: Mapped[bool | None]


class LogB:
    __tablename__ = "habit_logs"
    id: Mapped[int] = mapped_column(primary_key=True)
    habit_id: Mapped[int] = mapped_column(ForeignKey("habits.id"))
    date: Mapped[date]
    completed: Mapped[bool | None]
    created_at: Mapped[datetime | None]

    @declared_attr.directive
    def __table_args__(cls) -> tuple[UniqueConstraint]:  # noqa: N805 - SQLAlchemy calls it with the class
        return (UniqueConstraint("habit_id", "date"),)


class _Rhythm(HabitB):
    execution_time: Mapped[int | None]
    frequency: Mapped[int | None]
    reward: Mapped[str | None] = mapped_column(String(200))
    related_habit_id: Mapped[int | None] = mapped_column(ForeignKey("habits.id"))


class HabitC(_Rhythm):
    habit_type: Mapped[str | None] = mapped_column(String(20))


class UserD(UserB):
    default_tracking_days: Mapped[int | None]


class HabitD(_Rhythm):
    # SQLAlchemy stores an enumeration by its names.
    habit_type: Mapped[HabitType | None]
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    tracking_days: Mapped[int | None]


class LogD(LogB):
    notes: Mapped[str | None] = mapped_column(Text)
    duration: Mapped[int | None]


class Category:
    __tablename__ = "categories"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    color: Mapped[str | None] = mapped_column(String(20))
    icon: Mapped[str | None] = mapped_column(String(50))


class Tag:
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(50))


class HabitTag:
    __tablename__ = "habit_tags"
    habit_id: Mapped[int] = mapped_column(ForeignKey("habits.id"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id"), primary_key=True)


class Comment:
    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    habit_log_id: Mapped[int] = mapped_column(ForeignKey("habit_logs.id"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime | None]


def _models(*models: type) -> MetaData:
    base = declarative_base()
    for model in models:
        type(model.__name__, (model, base), {})
    metadata: MetaData = base.metadata
    return metadata


_LATE = (UserD, Category, HabitD, Tag, HabitTag, Comment)
GENERATIONS = {
    "A": _models(UserA, HabitA, LogA),
    "B": _models(UserB, HabitB, LogB),
    "C": _models(UserB, HabitC, LogB),
    "D": _models(*_LATE, LogD),
    "BD": _models(*_LATE, LogB),
}
