"""The kinds of dirt in a habit tracker's database."""
# ruff: noqa: DTZ001, DTZ901 - the models' times are naive

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sources.dirt import NO_UTF8, NUL, Kinds, NoUtf8, Place
from sources.habits_soil import Soil

# The most that Holdfast takes of each is less.
LONG = {"name": "n" * 256, "user": "u" * 101, "note": "long " * 401, "description": "d" * 10_001}

KINDS = Kinds[Soil]()
_kind = KINDS.kind


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


@_kind("reported", "users.email", postgresql=True)
def emails_that_are_none(soil: Soil) -> Iterator[Place]:
    for email in ("", " ", "nobody", "two@at@signs", "line\nend@example.org", "a" * 100 + "\u00a0@example.org"):
        yield soil.add("users", {"email": email})


@_kind("kept", "users.google_id", "users.github_id", postgresql=True)
def both_identities(soil: Soil) -> Iterator[Place]:
    yield soil.add("users", {"google_id": "both", "github_id": "both"})


@_kind("reported", "users.password_hash", postgresql=True)
def unknown_hashes(soil: Soil) -> Iterator[Place]:
    for known in ("", "plain text", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "sha256$x", "scrypt:1048576:8:1$salt$00", "!"):
        yield soil.add("users", {"password_hash": known})


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
    habit = soil.add("habits", user_id=1_000_000_007)
    yield habit
    yield soil.add("habit_logs", {"habit_id": habit.key})


@_kind("rejected", "habit_logs.habit_id")
def orphaned_logs(soil: Soil) -> Iterator[Place]:
    yield soil.add("habit_logs", habit_id=1_000_000_007)
    yield soil.add("habit_logs", habit_id=-1)


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


@_kind("rejected", "habits.name", postgresql=True)
def blank_names(soil: Soil) -> Iterator[Place]:
    for name in ("", "   ", "\n\t", "\u00a0\u3000"):
        yield soil.add("habits", {"name": name})


@_kind("rejected", "habits.description", postgresql=True)
def long_descriptions(soil: Soil) -> Iterator[Place]:
    yield soil.add("habits", {"description": LONG["description"]})


@_kind("reported", "habits.name")
def nul_characters(soil: Soil) -> Iterator[Place]:
    yield soil.add("users", {"name": NUL})
    yield soil.add("habits", {"name": NUL})
    yield soil.add("habits", {"description": "\0"})
    if soil.has("habit_logs.notes"):
        yield soil.add("habit_logs", {"notes": NUL})
    if soil.has("comments.text"):
        yield soil.add("comments", {"text": NUL})


@_kind("kept", "habits.created_at")
def forms_of_times(soil: Soil) -> Iterator[Place]:
    """As other versions of the app and hand-made changes left them; each of them is a time."""
    for form in (
        "2024-02-29 12:30:15",
        "2024-02-29 12:30:15.123456+00:00",
        "2024-02-29 18:00:15.123456+05:30",
        "2024-02-29T12:30:15Z",
        "2024-02-29T12:30:15.123Z",
        "2024-02-29T07:30:15-05:00",
        "2024-02-29 12:30",
        "2024-02-29",
    ):
        yield soil.add("habits", created_at=form)


@_kind("kept", "habit_logs.date")
def forms_of_days(soil: Soil) -> Iterator[Place]:
    for form in ("2001-02-03", "2001-02-04 00:00:00.000000", "2001-02-05T00:00:00Z", "2001-02-06 23:59:59.999999+00:00"):
        yield soil.add("habit_logs", date=form)


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


@_kind("reported", "habits.related_habit_id")
def related_to_none(soil: Soil) -> Iterator[Place]:
    yield soil.add("habits", related_habit_id=1_000_000_007)


@_kind("reported", "habits.frequency", postgresql=True)
def frequencies(soil: Soil) -> Iterator[Place]:
    """In days, from 1 to 365."""
    for days in (0, -1, 1000, 2**31 - 1):
        yield soil.add("habits", {"frequency": days})


@_kind("reported", "habits.execution_time", postgresql=True)
def execution_times(soil: Soil) -> Iterator[Place]:
    for seconds in (-1, 10_000_001):
        yield soil.add("habits", {"execution_time": seconds})


@_kind("reported", "habits.habit_type")
def unknown_habit_types(soil: Soil) -> Iterator[Place]:
    for name in ("EVIL", "useless"):
        yield soil.add("habits", habit_type=name)


@_kind("rejected", "habits.reward")
def long_rewards(soil: Soil) -> Iterator[Place]:
    yield soil.add("habits", {"reward": "r" * 501})


# From D on


@_kind("reported", "habits.category_id")
def missing_categories(soil: Soil) -> Iterator[Place]:
    yield soil.add("habits", category_id=1_000_000_007)


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
    yield soil.add("tags", user_id=1_000_000_007)
    yield soil.add("habit_tags", {"habit_id": 1, "tag_id": 1_000_000_007})
    yield soil.add("habit_tags", {"habit_id": 1_000_000_007, "tag_id": 1})


@_kind("rejected", "tags.name", postgresql=True)
def blank_tags(soil: Soil) -> Iterator[Place]:
    for name in ("", "  "):
        yield soil.add("tags", {"name": name})


@_kind("reported", "comments.text", postgresql=True)
def blank_comments(soil: Soil) -> Iterator[Place]:
    for text in ("", " \n"):
        yield soil.add("comments", {"text": text})


@_kind("rejected", "comments.text", postgresql=True)
def long_comments(soil: Soil) -> Iterator[Place]:
    yield soil.add("comments", {"text": LONG["note"]})


@_kind("rejected", "comments.habit_log_id")
def orphaned_comments(soil: Soil) -> Iterator[Place]:
    yield soil.add("comments", habit_log_id=1_000_000_007)


@_kind("rejected", "habit_logs.notes", postgresql=True)
def long_notes(soil: Soil) -> Iterator[Place]:
    yield soil.add("habit_logs", {"notes": LONG["note"]})


@_kind("reported", "habit_logs.duration", postgresql=True)
def negative_durations(soil: Soil) -> Iterator[Place]:
    yield soil.add("habit_logs", {"duration": -60})
