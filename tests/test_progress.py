"""Progress snapshots: the contract of /v1/progress-snapshots, and every figure once more by brute force."""

import asyncio
import random
from calendar import monthrange
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from client import Api, User, assert_problem, etag, set_by_change, version_tag
from factories import new_uuid7
from locks import waited_for

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Row = dict[str, Any]

SNAPSHOT_FIELDS = [
    "id", "period", "date", "goals_active", "goals_completed", "habit_completion_rate", "longest_streak", "workouts_count",
    "workout_minutes", "calories_avg", "mood_avg", "energy_avg", "sleep_avg", "habits_active", "blog_entries_count", "notes",
    "weight", "weight_unit", "body_fat_percent", "created_at", "updated_at", "version",
]  # fmt: skip
NOTHING = {
    "goals_active": 0,
    "goals_completed": 0,
    "habit_completion_rate": None,
    "longest_streak": 0,
    "workouts_count": 0,
    "workout_minutes": 0,
    "calories_avg": None,
    "mood_avg": None,
    "energy_avg": None,
    "sleep_avg": None,
    "habits_active": 0,
    "blog_entries_count": 0,
}

DAY = timedelta(days=1)


def path_to(period: str, day: date | str) -> str:
    return f"/v1/progress-snapshots/{period}/{day}"


def computed(user: User, period: str, day: date | str, body: Row | None = None) -> Row:
    answer = user.put(path_to(period, day), body or {})
    assert answer.status_code in {200, 201}, answer.text
    snapshot: Row = answer.json()
    return snapshot


# By brute force


class Goal(NamedTuple):
    created_at: datetime
    status: str
    completed_at: datetime | None


class Habit(NamedTuple):
    id: UUID
    created_at: datetime
    frequency: str
    target_days: int | None
    weekdays: list[int] | None
    interval_days: int | None
    is_archived: bool
    states: dict[date, str]
    """Day -> completed, skipped, or neither."""


class Life(NamedTuple):
    """Everything that a user has."""

    zone: ZoneInfo
    goals: list[Goal]
    habits: list[Habit]
    workouts: list[tuple[date, Fraction | None]]
    foods: list[tuple[date, Fraction | None]]
    reviews: list[tuple[date, int | None, int | None, Fraction | None]]
    entries: list[datetime]

    def today(self) -> date:
        return datetime.now(self.zone).date()


def days(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


def a_life(zone: ZoneInfo, seed: int) -> Life:
    """A life of some 14 months, which ends some days after today."""
    chance = random.Random(seed)
    today = datetime.now(zone).date()
    all_days = days(today - 430 * DAY, today + 20 * DAY)

    def at(day: date) -> datetime:
        """A time on a day of the user's, more often than not close to a midnight."""
        hour = chance.choice([time(0, 0), time(0, 30), time(12, 0), time(23, 30), time(23, 59, 59, 999_999)])
        return datetime.combine(day, hour, zone)

    def some(share: float) -> Iterable[date]:
        return (day for day in all_days for _ in range(3) if chance.random() < share / 3)

    def maybe(value: Fraction) -> Fraction | None:
        return None if chance.random() < 0.2 else value

    def a_grade() -> int | None:
        return None if chance.random() < 0.1 else chance.randint(1, 10)

    def a_goal() -> Goal:
        status = chance.choice(["active", "completed", "completed", "cancelled", "paused"])
        return Goal(at(chance.choice(all_days[:430])), status, at(chance.choice(all_days)) if status == "completed" else None)

    def a_habit() -> Habit:
        diligence = chance.choice([0.3, 0.7, 0.95])
        frequency = chance.choice(["daily", "daily", "weekly", "custom", "weekdays", "monthly", "interval"])
        most = {"weekly": 7, "custom": 7, "monthly": 31}.get(frequency)
        states = ["completed" if chance.random() < diligence else chance.choice(["skipped", "", "none"]) for _ in all_days]
        return Habit(
            id=new_uuid7(),
            created_at=at(chance.choice(all_days[:440])),
            frequency=frequency,
            target_days=most and chance.randint(1, most),
            weekdays=sorted(chance.sample(range(1, 8), chance.randint(1, 7))) if frequency == "weekdays" else None,
            interval_days=chance.randint(2, 40) if frequency == "interval" else None,
            is_archived=chance.random() < 0.2,
            states={day: state for day, state in zip(all_days, states, strict=True) if state != "none"},
        )

    return Life(
        zone,
        [a_goal() for _ in range(60)],
        [a_habit() for _ in range(8)],
        [(day, maybe(Fraction(chance.randint(1, 1000), 10))) for day in some(0.5)],
        [(day, maybe(Fraction(chance.randint(0, 9999), 10))) for day in some(2)],
        [(day, a_grade(), a_grade(), maybe(Fraction(chance.randint(0, 96), 4))) for day in all_days if chance.random() < 0.7],
        [at(chance.choice(all_days)) for _ in range(100)],
    )


async def live(connection: Connection, user: User, life: Life) -> None:
    """Write a life down."""
    user_id = UUID(user.id)

    def numeric(value: Fraction | None) -> Decimal | None:
        return None if value is None else Decimal(str(float(value)))

    for table, columns, rows in (
        ("goals", "title, goal_type, created_at, status, completed_at", [("G", "yearly", *goal) for goal in life.goals]),
        (
            "habits",
            "id, name, created_at, frequency, target_days, weekdays, interval_days, is_archived",
            [(habit.id, "H", *habit[1:-1]) for habit in life.habits],
        ),
        (
            "habit_entries",
            "habit_id, date, completed, skipped",
            [
                (habit.id, day, state == "completed", state == "skipped")
                for habit in life.habits
                for day, state in habit.states.items()
            ],
        ),
        ("workouts", "date, type, duration_minutes", [(day, "run", numeric(minutes)) for day, minutes in life.workouts]),
        ("foods", "date, meal_type, name, calories", [(day, "snack", "F", numeric(eaten)) for day, eaten in life.foods]),
        (
            "daily_reviews",
            "date, mood, energy, sleep_hours",
            [(day, mood, energy, numeric(sleep)) for day, mood, energy, sleep in life.reviews],
        ),
        ("blog_entries", "title, content, slug, created_at", [("E", "E", str(n), at) for n, at in enumerate(life.entries)]),
    ):
        values = [(user_id, *row) for row in rows]
        await connection.copy_records_to_table(table, records=values, columns=["user_id", *columns.split(", ")])


def last_day(period: str, first: date) -> date:
    """Day by day, until the next one belongs to another period."""
    whole: dict[str, Callable[[date], object]] = {
        "daily": lambda day: day,
        "weekly": lambda day: day.isocalendar()[:2],
        "monthly": lambda day: (day.year, day.month),
        "yearly": lambda day: day.year,
    }
    last = first
    while whole[period](last + DAY) == whole[period](first):
        last += DAY
    return last


def rounded(value: Fraction | None, digits: int) -> float | None:
    return None if value is None else floor(value * 10**digits + Fraction(1, 2)) / 10**digits


def mean(values: list[Fraction]) -> Fraction | None:
    return sum(values, Fraction(0)) / len(values) if values else None


def share(habit: Habit, day: date) -> Fraction:
    """How much of a day is due."""
    if habit.weekdays is not None:
        return Fraction(day.isoweekday() in habit.weekdays)
    if habit.interval_days is not None:
        return Fraction(1, habit.interval_days)
    if habit.target_days is None:
        return Fraction(1)
    length = monthrange(day.year, day.month)[1] if habit.frequency == "monthly" else 7
    return Fraction(min(habit.target_days, length), length)


def brute_force(life: Life, period: str, first: date) -> Row:
    """The figures of a period, as the docstring of the handler defines them, by the shortest way of thinking."""
    last, today = last_day(period, first), life.today()
    until = min(last, today)

    def day_of(at: datetime) -> date:
        return at.astimezone(life.zone).date()

    active = completed = 0
    for goal in life.goals:
        completed_on = day_of(goal.completed_at) if goal.completed_at else None
        completed += completed_on is not None and first <= completed_on <= last
        is_open = goal.status == "active" or (completed_on is not None and completed_on > last)
        active += day_of(goal.created_at) <= last and is_open

    done, due, longest = Fraction(0), Fraction(0), 0
    for habit in life.habits:
        shares = {day: share(habit, day) for day in days(max(first, day_of(habit.created_at)), until)}
        due_days = [day for day in shares if shares[day] and habit.states.get(day) != "skipped"]
        done_days = [day for day in due_days if habit.states.get(day) == "completed"]
        own_due = sum((shares[day] for day in due_days), Fraction(0))
        if not habit.is_archived:
            due += own_due
            done += min(own_due, Fraction(len(done_days)))
        run = 0
        for day in days(first, until) if habit.frequency == "daily" else []:
            if habit.states.get(day) == "completed":
                run += 1
            elif habit.states.get(day) != "skipped":
                run = 0
            longest = max(longest, run)

    minutes = [minutes for day, minutes in life.workouts if first <= day <= last]
    calories: dict[date, Fraction] = {}
    for day, eaten in life.foods:
        if first <= day <= last and eaten is not None:
            calories[day] = calories.get(day, Fraction(0)) + eaten
    reviews = [review for review in life.reviews if first <= review[0] <= last]
    moods = [Fraction(mood) for _, mood, _, _ in reviews if mood is not None]
    energies = [Fraction(energy) for _, _, energy, _ in reviews if energy is not None]
    sleeps = [sleep for *_, sleep in reviews if sleep is not None]
    return {
        "goals_active": active,
        "goals_completed": completed,
        "habit_completion_rate": rounded(done / due, 4) if due else None,
        "longest_streak": longest,
        "workouts_count": len(minutes),
        "workout_minutes": rounded(sum((each for each in minutes if each is not None), Fraction(0)), 1),
        "calories_avg": rounded(mean([*calories.values()]), 2),
        "mood_avg": rounded(mean(moods), 2),
        "energy_avg": rounded(mean(energies), 2),
        "sleep_avg": rounded(mean(sleeps), 2),
        "habits_active": sum(not habit.is_archived and day_of(habit.created_at) <= last for habit in life.habits),
        "blog_entries_count": sum(first <= day_of(at) <= last for at in life.entries),
    }


def first_days(period: str, today: date, chance: random.Random) -> list[date]:
    """First days of periods from before there was anything until after everything."""
    before = days(today - 800 * DAY, today + 400 * DAY)
    firsts = [
        day
        for day in before
        if {"daily": True, "weekly": day.weekday() == 0, "monthly": day.day == 1, "yearly": (day.month, day.day) == (1, 1)}[
            period
        ]
    ]
    now = next(n for n, day in reversed([*enumerate(firsts)]) if day <= today)
    lived = [day for day in firsts if today - 460 * DAY <= day <= today]
    return sorted(
        {firsts[0], firsts[now - 1], firsts[now], firsts[now + 1], firsts[-1], *chance.sample(lived, min(6, len(lived)))}
    )


@pytest.mark.parametrize(
    ("timezone", "seed"), [("UTC", 1), ("Pacific/Kiritimati", 2), ("Pacific/Pago_Pago", 3), ("America/Santiago", 4)]
)
def test_a_snapshot_is_what_brute_force_makes_of_the_same_rows(
    api: Api, runner: asyncio.Runner, connection: Connection, timezone: str, seed: int
) -> None:
    user, life = api.user(timezone=timezone), a_life(ZoneInfo(timezone), seed)
    runner.run(live(connection, user, life))
    chance = random.Random(seed)
    seen: dict[str, set[Any]] = {field: set() for field in NOTHING}
    for period in ("daily", "weekly", "monthly", "yearly"):
        for first in first_days(period, life.today(), chance):
            expected = brute_force(life, period, first)
            snapshot = computed(user, period, first)
            assert {field: snapshot[field] for field in NOTHING} == expected, (period, first)
            for field, value in expected.items():
                seen[field].add(value)
    # A test of nothing but zeros would pass as well.
    assert all(len(values) > 2 for values in seen.values()), seen


# By hand


async def _execute(connection: Connection, user: User, *statements: str) -> None:
    for sql in statements:
        await connection.execute(sql, UUID(user.id))


def test_a_week_counted_by_hand(api: Api, runner: asyncio.Runner, connection: Connection) -> None:
    """The week from Monday 2026-01-05. Read is due daily, from Tuesday on; Run on 3 days of 7; Old is archived."""
    user = api.user()
    runner.run(
        _execute(
            connection,
            user,
            """insert into habits (user_id, name, frequency, target_days, is_archived, created_at) values
                ($1, 'Read', 'daily', null, false, '2026-01-06 10:00Z'), ($1, 'Run', 'weekly', 3, false, '2026-01-01 10:00Z'),
                ($1, 'Old', 'daily', null, true, '2026-01-01 10:00Z')""",
            """insert into habit_entries (user_id, habit_id, date, completed, skipped)
                select $1, h.id, '2026-01-04'::date + e.day, e.state = 'c', e.state = 's'
                from habits h cross join lateral (values
                    ('Read', 1, 'c'), ('Read', 2, 'c'), ('Read', 3, 's'), ('Read', 4, 'c'), ('Read', 6, 'c'),
                    ('Run', 1, 'c'), ('Run', 2, 'c'), ('Run', 3, 'c'), ('Run', 4, 'c'), ('Run', 5, 'c'),
                    ('Old', 1, 'c')) e (name, day, state)
                where h.user_id = $1 and h.name = e.name""",
            """insert into goals (user_id, title, goal_type, status, created_at, completed_at) values
                ($1, 'Open', 'yearly', 'active', '2026-01-11 23:59Z', null),
                ($1, 'Made later', 'yearly', 'active', '2026-01-12 00:00Z', null),
                ($1, 'Done', 'yearly', 'completed', '2026-01-01 10:00Z', '2026-01-05 00:00Z'),
                ($1, 'Done later', 'yearly', 'completed', '2026-01-01 10:00Z', '2026-01-12 00:00Z'),
                ($1, 'Given up', 'yearly', 'cancelled', '2026-01-01 10:00Z', null)""",
            "insert into workouts (user_id, date, type, duration_minutes) values ($1, '2026-01-05', 'run', 30.25)",
            "insert into workouts (user_id, date, type) values ($1, '2026-01-11', 'run'), ($1, '2026-01-12', 'run')",
            """insert into foods (user_id, date, meal_type, name, calories) values
                ($1, '2026-01-05', 'lunch', 'F', 100), ($1, '2026-01-05', 'lunch', 'F', 200.5),
                ($1, '2026-01-06', 'lunch', 'F', null), ($1, '2026-01-07', 'lunch', 'F', 0)""",
            """insert into daily_reviews (user_id, date, mood, energy, sleep_hours) values
                ($1, '2026-01-05', 7, 3, 7.5), ($1, '2026-01-06', 8, null, null), ($1, '2026-01-07', 8, 4, 8)""",
            """insert into blog_entries (user_id, title, content, slug, status, created_at, published_at) values
                ($1, 'Before', 'E', '1', 'draft', '2026-01-04 23:59Z', null),
                ($1, 'First', 'E', '2', 'draft', '2026-01-05 00:00Z', null),
                ($1, 'Last', 'E', '3', 'published', '2026-01-11 23:59Z', '2026-02-01 10:00Z'),
                ($1, 'After', 'E', '4', 'published', '2026-01-12 00:00Z', '2026-01-12 00:00Z')""",
        )
    )
    snapshot = computed(user, "weekly", "2026-01-05")
    assert {field: snapshot[field] for field in NOTHING} == {
        "goals_active": 2,
        "goals_completed": 1,
        # Read 3 of its 5 due days (Tuesday to Sunday, less the skipped one), Run 3 of 3: 5 days do not count more.
        "habit_completion_rate": 0.75,
        # Monday, Tuesday, (Wednesday,) Thursday of Read.
        "longest_streak": 3,
        "workouts_count": 2,
        "workout_minutes": 30.25,
        # Two days with calories, of which one has none in it.
        "calories_avg": 150.25,
        "mood_avg": 7.67,
        "energy_avg": 3.5,
        "sleep_avg": 7.75,
        # Read and Run: Old is archived.
        "habits_active": 2,
        "blog_entries_count": 2,
    }


# The contract


def test_a_put_makes_a_snapshot_and_another_one_computes_it_again(api: Api) -> None:
    user = api.user()
    path = path_to("daily", "2026-01-05")
    said = {"notes": "Ill, and still went", "weight": 70.25, "weight_unit": "kg", "body_fat_percent": 21}
    answer = user.put(path, said)
    made = answer.json()
    assert (answer.status_code, version_tag(answer)) == (201, etag(made))
    assert list(made) == SNAPSHOT_FIELDS
    assert {field: made[field] for field in NOTHING} == NOTHING
    assert {field: made[field] for field in said} == said
    assert user.get(path).text == answer.text
    for same in (said, {}, made):
        again = user.put(path, same)
        assert (again.status_code, again.json(), version_tag(again)) == (200, made, etag(made))


def test_what_the_user_said_stays_until_it_is_said_anew(api: Api, runner: asyncio.Runner, connection: Connection) -> None:
    user = api.user()
    path = path_to("weekly", "2026-01-05")
    kept = computed(user, "weekly", "2026-01-05", {"notes": "Å \u2028 \U0001f9d8", "weight": 70.25, "weight_unit": "kg"})
    runner.run(_execute(connection, user, "insert into workouts (user_id, date, type) values ($1, '2026-01-06', 'run')"))
    for body in (
        {},
        {"weight": 71},
        {"body_fat_percent": 21.5, "notes": ""},
        {"weight": 155.5, "weight_unit": "lbs"},
        {"notes": None, "weight": None},
        {"weight_unit": None, "body_fat_percent": None},
    ):
        answer = user.put(path, body)
        changed = kept | {"workouts_count": 1} | body
        assert (answer.status_code, answer.json()) == (200, changed | set_by_change(kept, answer.json()))
        kept = answer.json()
    assert user.get(path).json() == kept
    assert_problem(user.put(path, {"weight": 70}), 422, "invalid", "weight_unit")
    computed(user, "weekly", "2026-01-05", {"weight": 70, "weight_unit": "kg"})
    assert_problem(user.put(path, {"weight_unit": None}), 422, "invalid", "weight_unit")


def test_of_puts_at_once_none_loses_what_another_said(api: Api, ada: User, connection: Connection) -> None:
    path = path_to("monthly", "2026-07-01")
    sql = "insert into progress_snapshots (user_id, period, date, notes) values ($1, 'monthly', '2026-07-01', 'Hot')"

    async def put_while_another_one_makes_it() -> int:
        async with connection.transaction():
            await connection.execute(sql, UUID(ada.id))
            put = asyncio.create_task(ada.send("PUT", path, json={"body_fat_percent": 20}))
            await waited_for(connection)
        return (await put).status_code

    assert api.runner.run(put_while_another_one_makes_it()) == 200
    kept = ada.get(path).json()
    assert (kept["notes"], kept["body_fat_percent"]) == ("Hot", 20)


def test_a_snapshot_stays_as_it_was_until_it_is_computed_again(
    api: Api, runner: asyncio.Runner, connection: Connection
) -> None:
    user = api.user()
    kept = computed(user, "yearly", "2025-01-01")
    sql = "insert into workouts (user_id, date, type, duration_minutes) values ($1, '2025-12-31', 'run', 30)"
    runner.run(_execute(connection, user, sql))
    assert user.get(path_to("yearly", "2025-01-01")).json() == kept
    assert computed(user, "yearly", "2025-01-01")["workouts_count"] == 1


def test_equal_puts_at_once_make_one_snapshot(api: Api, ada: User) -> None:
    path = path_to("monthly", "2026-02-01")
    answers = api.together(*(ada.send("PUT", path, json={}) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_if_match_stops_a_write_on_a_snapshot_that_has_moved_on_or_is_not_there(ada: User) -> None:
    path = path_to("monthly", "2026-03-01")
    assert_problem(ada.put(path, {}, headers={"If-Match": '"1"'}), 412, "version_mismatch")
    assert_problem(ada.delete(path, headers={"If-Match": '"1"'}), 404, "not_found")
    made = ada.put(path, {})
    assert made.status_code == 201
    tag = made.headers["etag"]
    for stale in (etag(made.json(), -1), etag(made.json(), 1), f"W/{tag}", "nonsense"):
        assert_problem(ada.put(path, {"body_fat_percent": 20}, headers={"If-Match": stale}), 412, "version_mismatch")
        assert_problem(ada.delete(path, headers={"If-Match": stale}), 412, "version_mismatch")
    changed = ada.put(path, {"body_fat_percent": 20}, headers={"If-Match": tag})
    assert changed.status_code == 200
    again = ada.put(path, {"body_fat_percent": 21}, headers={"If-Match": "*"})
    assert again.status_code == 200
    for stale in (tag, changed.headers["etag"]):
        assert_problem(ada.delete(path, headers={"If-Match": stale}), 412, "version_mismatch")
    assert ada.delete(path, headers={"If-Match": again.headers["etag"]}).status_code == 204


def test_if_none_match_saves_the_answer_that_the_client_has(ada: User) -> None:
    path = path_to("monthly", "2026-04-01")
    computed(ada, "monthly", "2026-04-01")
    read = ada.get(path)
    answer = ada.get(path, headers={"If-None-Match": read.headers["etag"]})
    assert (answer.status_code, answer.content) == (304, b"")
    assert ada.put(path, {"body_fat_percent": 20}).status_code == 200
    assert ada.get(path, headers={"If-None-Match": read.headers["etag"]}).status_code == 200


def test_a_deleted_snapshot_is_gone(ada: User) -> None:
    path = path_to("weekly", "2026-01-05")
    computed(ada, "weekly", "2026-01-05")
    assert ada.delete(path).status_code == 204
    assert_problem(ada.delete(path), 404, "not_found")
    assert_problem(ada.get(path), 404, "not_found")


def test_nobody_else_sees_or_changes_a_snapshot(ada: User, bob: User) -> None:
    path = path_to("daily", "2026-05-05")
    kept = computed(ada, "daily", "2026-05-05", {"weight": 80, "weight_unit": "kg"})
    assert_problem(bob.get(path), 404, "not_found")
    assert_problem(bob.delete(path, headers={"If-Match": '"9"'}), 404, "not_found")
    assert bob.put(path, {"weight": 60, "weight_unit": "kg"}).status_code == 201
    assert ada.get(path).json() == kept
    assert kept["id"] not in bob.get("/v1/progress-snapshots").text


@pytest.mark.parametrize(
    ("period", "first", "others"),
    [
        ("daily", "2026-01-06", []),
        ("weekly", "2026-01-05", ["2026-01-06", "2026-01-11"]),
        ("weekly", "2025-12-29", ["2026-01-01"]),
        ("monthly", "2028-02-01", ["2028-02-29"]),
        ("yearly", "2028-01-01", ["2028-02-29", "2028-12-31"]),
        ("yearly", "1900-01-01", ["1900-01-02"]),
    ],
)
def test_any_day_of_a_period_leads_to_its_snapshot(ada: User, period: str, first: str, others: list[str]) -> None:
    made = computed(ada, period, first, {"body_fat_percent": 20})
    assert made["date"] == first
    for day in others:
        path = path_to(period, day)
        assert ada.get(path).json() == made
        # What was read is sent back to any of its addresses.
        assert (ada.put(path, made).status_code, ada.put(path, {}).json()) == (200, made)
        assert_problem(ada.put(path, {"date": day}), 422, "read_only", "date")
        assert ada.delete(path, headers={"If-Match": etag(made)}).status_code == 204
        for address in (path, path_to(period, first)):
            assert_problem(ada.get(address), 404, "not_found")
        assert_problem(ada.delete(path), 404, "not_found")
        assert_problem(ada.put(path, {"date": day}), 422, "read_only", "date")
        answer = ada.put(path, {"date": first, "period": period, "body_fat_percent": 20})
        made = answer.json()
        assert (answer.status_code, made["date"]) == (201, first)


@pytest.mark.parametrize(("period", "day"), [("daily", "1899-12-31"), ("weekly", "1899-12-31"), ("yearly", "0001-01-02")])
def test_a_period_that_begins_before_1900_is_refused(ada: User, period: str, day: str) -> None:
    assert_problem(ada.put(path_to(period, day), {}), 422, "invalid", "date")
    assert_problem(ada.get(path_to(period, day)), 404, "not_found")


def test_the_last_periods_that_there_are_can_be_computed(ada: User) -> None:
    for period in ("daily", "weekly", "monthly", "yearly"):
        snapshot = computed(ada, period, "9999-12-31")
        assert {field: snapshot[field] for field in NOTHING} == NOTHING


def test_another_word_for_a_period_and_another_form_of_a_date_lead_nowhere(api: Api, ada: User) -> None:
    for path in (path_to("hourly", "2026-01-01"), path_to("Daily", "2026-01-01"), path_to("daily", "20260101")):
        for method in ("GET", "PUT", "DELETE"):
            body: Row = {"json": {}} if method == "PUT" else {}
            assert_problem(ada.request(method, path, **body), 404, "not_found")
            assert_problem(api.request(method, path, **body), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"weight": 0, "weight_unit": "kg"}, "weight"),
        ({"weight": -1, "weight_unit": "kg"}, "weight"),
        ({"weight": 10_001, "weight_unit": "kg"}, "weight"),
        ({"weight": "70", "weight_unit": "kg"}, "weight"),
        ({"weight": 70}, "weight_unit"),
        ({"weight": 70, "weight_unit": None}, "weight_unit"),
        ({"weight": 70, "weight_unit": "stone"}, "weight_unit"),
        ({"body_fat_percent": 101}, "body_fat_percent"),
        ({"notes": "x" * 10_001}, "notes"),
        ({"notes": 7}, "notes"),
        ({"energy_avg": 7}, "energy_avg"),
        ({"goals_active": 7}, "goals_active"),
        ({"date": "2026-01-01"}, "date"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_with_its_field(ada: User, body: Row, field: str) -> None:
    code = "read_only" if field in {"goals_active", "energy_avg", "date"} else "invalid"
    assert_problem(ada.put(path_to("daily", "2026-06-06"), body), 422, code, field)
    assert_problem(ada.get(path_to("daily", "2026-06-06")), 404, "not_found")


def test_the_list_goes_by_date_within_a_range_over_one_period_or_all(api: Api) -> None:
    user = api.user()
    made = [
        computed(user, period, day, {"weight": 70.5, "weight_unit": "kg"})
        for period, day in (
            ("yearly", "2026-01-01"),
            ("daily", "2026-01-01"),
            ("daily", "2026-01-02"),
            ("weekly", "2026-01-05"),
            ("daily", "2026-01-05"),
        )
    ]

    def listed(query: str) -> list[Row]:
        return user.walk(f"/v1/progress-snapshots?limit=2&{query}")

    assert listed("order=oldest") == made
    assert listed("") == made[::-1]
    assert listed("period=daily") == [made[4], made[2], made[1]]
    assert listed("period=weekly") == [made[3]]
    assert listed("period=daily&from=2026-01-02&to=2026-01-04") == [made[2]]
    assert listed("from=2026-01-02&to=2026-01-05&order=oldest") == made[2:]
    assert listed("from=2027-01-01") == []
    assert_problem(user.get("/v1/progress-snapshots?from=2026-01-02&to=2026-01-01"), 422, "invalid", "to")
    assert_problem(user.get("/v1/progress-snapshots?period=hourly"), 422, "invalid", "period")
    assert_problem(user.get("/v1/progress-snapshots?cursor=nonsense"), 422, "invalid_cursor")


def test_a_snapshot_in_a_list_is_written_as_the_snapshot_alone_is(
    api: Api, runner: asyncio.Runner, connection: Connection
) -> None:
    user = api.user()
    sql = """insert into foods (user_id, date, meal_type, name, calories)
        select $1, '2026-01-01'::date + n, 'lunch', 'F', 100 * n from generate_series(1, 7) n"""
    runner.run(_execute(connection, user, sql))
    paths = [path_to("daily", "2026-01-02"), path_to("weekly", "2026-01-05"), path_to("monthly", "2026-01-01")]
    for path in paths:
        user.put(path, {"weight": 70.10, "weight_unit": "kg"})
    answer = user.get("/v1/progress-snapshots?order=oldest")
    singles = [user.get(path).text for path in (paths[2], paths[0], paths[1])]
    assert answer.text == '{"items":[' + ",".join(singles) + '],"next_cursor":null}'


def test_now_is_what_the_users_clock_says(api: Api, runner: asyncio.Runner, connection: Connection) -> None:
    """Of two users on either side of the date line, one's goal was completed today, the other's yesterday or tomorrow."""
    at = datetime(2026, 1, 1, 10, 30, tzinfo=UTC)
    for timezone, day in (("Pacific/Kiritimati", "2026-01-02"), ("Pacific/Pago_Pago", "2025-12-31")):
        user = api.user(timezone=timezone)
        sql = f"""insert into goals (user_id, title, goal_type, status, completed_at)
            values ($1, 'G', 'yearly', 'completed', '{at}')"""
        runner.run(_execute(connection, user, sql))
        assert computed(user, "daily", day)["goals_completed"] == 1
        assert computed(user, "daily", "2026-01-01")["goals_completed"] == 0
