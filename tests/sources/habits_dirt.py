"""The kinds of dirt in a habit tracker's database: each adds rows, and says where."""
# ruff: noqa: DTZ001, DTZ901 - the models' times are naive

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sources.habits_models import GENERATIONS
from sources.habits_soil import Soil
from sources.planting import Fate, Kinds, Place
from sources.words import NO_UTF8, NUL, NoUtf8

# The most that Holdfast takes of each is less.
LONG = {"name": "n" * 256, "user": "u" * 101, "note": "long " * 401, "description": "d" * 10_001}

_MISSING = 1_000_000_007

KINDS = Kinds()

Plant = Callable[[Soil], Iterator[Place]]


def in_postgresql(generation: str) -> str:
    """The form of a generation where keys and types are enforced; that of its SQLite file is its own name."""
    return f"{generation} in PostgreSQL"


def _forms(*needed: str, postgresql: bool) -> list[str]:
    """Those of the generations that have these columns; in PostgreSQL only if that is said."""
    able = [
        generation
        for generation, metadata in GENERATIONS.items()
        if {*needed} <= {str(column) for table in metadata.sorted_tables for column in table.columns}
    ]
    return able + [in_postgresql(generation) for generation in able if postgresql]


def _kind(fate: Fate, *needed: str, postgresql: bool = False) -> Callable[[Plant], Plant]:
    """Register a function that adds rows."""
    return KINDS.kind(fate, *_forms(*needed, postgresql=postgresql))


def _values(name: str, fate: Fate, column: str, *values: Any, postgresql: bool = False) -> None:
    """A kind that is a row for each value of a column, else clean; what PostgreSQL would refuse goes past the models' types."""
    table, _, attribute = column.partition(".")

    def plant(soil: Soil) -> Iterator[Place]:
        for value in values:
            odd = {attribute: value}
            yield soil.add(table, odd) if postgresql else soil.add(table, **odd)

    KINDS.add(name, fate, _forms(column, postgresql=postgresql), plant)


# Users


@_kind("reported", "users.email", postgresql=True)
def emails_that_differ_in_case(soil: Soil) -> Iterator[Place]:
    """The second account has a habit, which is to arrive with the first."""
    user = soil.add("users", {"email": soil.value("users.email", 1).swapcase(), "google_id": "twice"})
    soil.add("habits", {"user_id": user.key, "name": "Of the second account"})
    yield user


@_kind("reported", "users.email", postgresql=True)
def no_emails(soil: Soil) -> Iterator[Place]:
    yield soil.add("users", {"email": None, "google_id": "without-email"})
    yield soil.add("users", {"email": None, "github_id": "without-email"})
    yield soil.add("users", {"email": None})


_values(
    "emails_that_are_none",
    "reported",
    "users.email",
    *("", " ", "nobody", "two@at@signs", "line\nend@example.org", "a" * 100 + "\u00a0@example.org"),
    postgresql=True,
)


@_kind("kept", "users.google_id", "users.github_id", postgresql=True)
def both_identities(soil: Soil) -> Iterator[Place]:
    yield soil.add("users", {"google_id": "both", "github_id": "both"})


_values(
    "unknown_hashes",
    "reported",
    "users.password_hash",
    *("", "plain text", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "sha256$x", "scrypt:1048576:8:1$salt$00", "!"),
    postgresql=True,
)


@_kind("kept", "users.password_hash", postgresql=True)
def no_hashes(soil: Soil) -> Iterator[Place]:
    """Nor an identity: nobody can log in."""
    yield soil.add("users", {"password_hash": None})


# What every table has


@_kind("kept", "habit_logs.completed", postgresql=True)
def null_booleans(soil: Soil) -> Iterator[Place]:
    yield soil.add("habit_logs", {"completed": None})
    if soil.has("users.is_active"):
        yield soil.add("users", {"is_active": None})
        yield soil.add("habits", {"is_archived": None})


@_kind("rejected", "habits.user_id")
def orphaned_habits(soil: Soil) -> Iterator[Place]:
    """With a log, which is lost with it."""
    habit = soil.add("habits", user_id=_MISSING)
    yield habit
    yield soil.add("habit_logs", {"habit_id": habit.key})


_values("orphaned_logs", "rejected", "habit_logs.habit_id", _MISSING, -1)


@_kind("reported", "habit_logs.date")
def two_logs_of_a_day(soil: Soil) -> Iterator[Place]:
    """The second of a clean log; where a constraint forbids two, it is written in another form."""
    if soil.days_are_times:
        yield soil.add("habit_logs", {"date": soil.value("habit_logs.date", 1) + timedelta(microseconds=1), "completed": False})
    else:
        yield soil.add("habit_logs", {"completed": False}, date=f"{soil.value('habit_logs.date', 1)} 00:00:00.000000")


@_kind("rejected", "users.name")
def long_names(soil: Soil) -> Iterator[Place]:
    yield soil.add("habits", {"name": LONG["name"]})
    yield soil.add("users", {"name": LONG["user"]})


_values("blank_names", "rejected", "habits.name", "", "   ", "\n\t", "\u00a0\u3000", postgresql=True)
_values("long_descriptions", "rejected", "habits.description", LONG["description"], postgresql=True)


@_kind("reported", "habits.name")
def nul_characters(soil: Soil) -> Iterator[Place]:
    yield soil.add("users", {"name": NUL})
    yield soil.add("habits", {"name": NUL})
    yield soil.add("habits", {"description": "\0"})
    if soil.has("habit_logs.notes"):
        yield soil.add("habit_logs", {"notes": NUL})
    if soil.has("comments.text"):
        yield soil.add("comments", {"text": NUL})


# As other versions of the app and hand-made changes left them; each of them is a time.
_values(
    "forms_of_times",
    "kept",
    "habits.created_at",
    "2024-02-29 12:30:15",
    "2024-02-29 12:30:15.123456+00:00",
    "2024-02-29 18:00:15.123456+05:30",
    "2024-02-29T12:30:15Z",
    "2024-02-29T12:30:15.123Z",
    "2024-02-29T07:30:15-05:00",
    "2024-02-29 12:30",
    "2024-02-29",
)
_values(
    "forms_of_days",
    "kept",
    "habit_logs.date",
    *("2001-02-03", "2001-02-04 00:00:00.000000", "2001-02-05T00:00:00Z", "2001-02-06 23:59:59.999999+00:00"),
)


@_kind("reported", "habit_logs.date")
def times_that_are_none(soil: Soil) -> Iterator[Place]:
    for form in ("yesterday", "2023-02-29", "2024-13-01", "", "03/04/2024", 20_240_229, 1.5, b"2024-02-29"):
        yield soil.add("habit_logs", date=form)
    yield soil.add("habits", created_at="soon")
    yield soil.add("users", created_at="2023-02-30 00:00:00.000000")


@_kind("rejected", "habit_logs.date", postgresql=True)
def far_days(soil: Soil) -> Iterator[Place]:
    kind = datetime if soil.days_are_times else date
    for year in (1, 1899):
        yield soil.add("habit_logs", {"date": kind(year, 1, 1)})


@_kind("reported", "habits.created_at", postgresql=True)
def far_times(soil: Soil) -> Iterator[Place]:
    for time in (datetime(1, 1, 1), datetime(1899, 12, 31, 23, 59, 59)):
        yield soil.add("habits", {"created_at": time})
    yield soil.add("users", {"created_at": datetime.min})


@_kind("reported", "habits.user_id")
def texts_in_integers(soil: Soil) -> Iterator[Place]:
    yield soil.add("habits", user_id="me")
    yield soil.add("habit_logs", completed="maybe")
    yield soil.add("habit_logs", completed=2)
    for column in ("execution_time", "frequency", "related_habit_id", "category_id", "tracking_days"):
        if soil.has(f"habits.{column}"):
            yield soil.add("habits", {}, **{column: "ten minutes"})
    if soil.has("habit_logs.duration"):
        yield soil.add("habit_logs", duration="1:30")
        yield soil.add("habit_logs", duration=1.5)
    if soil.has("users.default_tracking_days"):
        yield soil.add("users", default_tracking_days="many")


@_kind("reported", "habits.name")
def blobs_in_texts(soil: Soil) -> Iterator[Place]:
    yield soil.add("users", name=b"\x89PNG\x00\xff")
    yield soil.add("users", email=b"blob@example.org")
    yield soil.add("habits", name=b"\x89PNG\x00\xff")
    yield soil.add("habits", description=b"readable")


@_kind("reported", "habits.name")
def texts_that_are_not_utf8(soil: Soil) -> Iterator[Place]:
    yield soil.add("users", name=NO_UTF8)
    yield soil.add("habits", name=NO_UTF8)
    yield soil.add("habits", description=NoUtf8(b"\xed\xa0\x80"))  # half of a surrogate pair
    if soil.has("habit_logs.notes"):
        yield soil.add("habit_logs", notes=NO_UTF8)


# From C on


@_kind("reported", "habits.related_habit_id", postgresql=True)
def related_to_themselves(soil: Soil) -> Iterator[Place]:
    habit = soil.id("habits")
    yield soil.add("habits", {"id": habit, "related_habit_id": habit})


@_kind("reported", "habits.related_habit_id", postgresql=True)
def related_to_another_users(soil: Soil) -> Iterator[Place]:
    other = soil.add("users")
    yield soil.add("habits", {"user_id": other.key, "related_habit_id": 1})


_values("related_to_none", "reported", "habits.related_habit_id", _MISSING)
# In days, from 1 to 365.
_values("frequencies", "reported", "habits.frequency", 0, -1, 1000, 2**31 - 1, postgresql=True)
_values("execution_times", "reported", "habits.execution_time", -1, 10_000_001, postgresql=True)
_values("unknown_habit_types", "reported", "habits.habit_type", "EVIL", "useless")
_values("long_rewards", "rejected", "habits.reward", "r" * 501)


# From D on


_values("missing_categories", "reported", "habits.category_id", _MISSING)


@_kind("reported", "categories.color", postgresql=True)
def odd_categories(soil: Soil) -> Iterator[Place]:
    """Each on a habit, which is to arrive without what is odd."""
    for odd in ({"color": "teal"}, {"color": "#12345g"}, {"name": " "}):
        category = soil.add("categories", odd)
        yield category
        soil.add("habits", {"category_id": category.key})


@_kind("reported", "habit_tags.tag_id", postgresql=True)
def tags_of_another_user(soil: Soil) -> Iterator[Place]:
    other = soil.add("users")
    tag = soil.add("tags", {"user_id": other.key})
    yield soil.add("habit_tags", {"habit_id": 1, "tag_id": tag.key})


@_kind("rejected", "habit_tags.tag_id")
def orphaned_tags(soil: Soil) -> Iterator[Place]:
    yield soil.add("tags", user_id=_MISSING)
    yield soil.add("habit_tags", {"habit_id": 1, "tag_id": _MISSING})
    yield soil.add("habit_tags", {"habit_id": _MISSING, "tag_id": 1})


_values("blank_tags", "rejected", "tags.name", "", "  ", postgresql=True)
_values("blank_comments", "reported", "comments.text", "", " \n", postgresql=True)
_values("long_comments", "rejected", "comments.text", LONG["note"], postgresql=True)
_values("orphaned_comments", "rejected", "comments.habit_log_id", _MISSING)
_values("long_notes", "rejected", "habit_logs.notes", LONG["note"], postgresql=True)
_values("negative_durations", "reported", "habit_logs.duration", -60, postgresql=True)
