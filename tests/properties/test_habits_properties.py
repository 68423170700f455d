"""Properties of habits: whatever is sent, whatever happened on which days, wherever one lives."""

import asyncio
import datetime as dt
import operator
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import clustered
import msgspec
import pytest
from client import Api, User, assert_problem, etag, set_by_change, version_tag
from factories import new_uuid7
from habits_model import DAY, Entry, Rhythm, days, is_due, state_of_today, stats
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule, run_state_machine_as_test

from app.database.queries import Query
from app.habits import overview, repository

Row = dict[str, Any]

# A created habit reads back

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
names = texts.filter(lambda text: text.strip(" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\ufeff") and not text.isspace())
optional_fields = {
    "description": st.none() | texts.map(lambda text: text[:10_000]),
    "unit": st.none() | texts.map(lambda text: text[:50]),
    "nature": st.sampled_from([None, "useful", "pleasant"]),
    "reward": st.none() | texts.map(lambda text: text[:500]),
    "duration_seconds": st.none() | st.floats(0, 10_000_000),
    "category": st.none() | texts.map(lambda text: text[:100]),
    "color": st.none() | st.from_regex(r"#[0-9A-Fa-f]{6}", fullmatch=True),
    "icon": st.none() | texts.map(lambda text: text[:100]),
    "reminder_time": st.none() | st.times().map(dt.time.isoformat),
    "is_archived": st.booleans(),
    "position": st.integers(0, 1_000_000),
}
weekdays = st.lists(st.integers(1, 7), min_size=1, unique=True).map(sorted)
none = st.none()
# Each field is given: where one has a type and no strategy, st.builds makes up any value of the type.
rhythms = st.one_of(
    st.just(Rhythm("daily")),
    st.builds(Rhythm, st.sampled_from(["weekly", "custom"]), st.integers(1, 7), none, none),
    st.builds(Rhythm, st.just("monthly"), st.integers(1, 31), none, none),
    st.builds(Rhythm, st.just("weekdays"), none, weekdays, none),
    st.builds(Rhythm, st.just("interval"), none, none, st.integers(2, 9) | st.integers(2, 365)),
)
habits = st.one_of(
    st.fixed_dictionaries({"name": names}, optional=optional_fields | {"kind": st.just("boolean")}),
    st.fixed_dictionaries(
        {"name": names, "kind": st.just("numeric")},
        optional=optional_fields | {"target_value": st.none() | st.floats(0, 1_000_000_000, exclude_min=True)},
    ),
)


@given(habit=habits, rhythm=rhythms)
def test_a_created_habit_reads_back_with_every_property_intact(ada: User, habit: Row, rhythm: Rhythm) -> None:
    """From the answer, alone and out of the list; what was not sent has its default.

    Feature: database-persistence-fix, Property 3: a created habit reads back with every property intact
    """
    habit |= {"name": habit["name"][:255]} | rhythm._asdict()
    answer = ada.post("/v1/habits", habit)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made == made | default_habit(habit) | habit
    read = ada.get(f"/v1/habits/{made['id']}")
    assert (read.status_code, read.json()) == (200, made)
    assert ada.get("/v1/habits?limit=1").json()["items"] == [made]


DEFAULT_TARGETS = {"weekly": 1, "custom": 7, "monthly": 1}
NULLABLE = (
    "description", "unit", "target_value", "weekdays", "interval_days", "nature", "reward", "duration_seconds",
    "related_habit_id", "category", "color", "icon", "reminder_time",
)  # fmt: skip


def default_habit(sent: Row) -> Row:
    frequency = sent.get("frequency", "daily")
    return dict.fromkeys(NULLABLE) | {
        "kind": "boolean", "frequency": frequency, "target_days": DEFAULT_TARGETS.get(frequency), "is_archived": False,
        "position": 0,
    }  # fmt: skip


# What the days come to

TIMEZONES = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "Europe/Berlin", "America/New_York"]

marks = st.lists(
    st.sampled_from([None, Entry(), Entry(skipped=True), Entry(completed=True), Entry(completed=True)]), max_size=60
) | st.lists(st.sampled_from([None, Entry(skipped=True), *[Entry(completed=True)] * 7]), max_size=120)


class Life(NamedTuple):
    """A habit and what happened on some days in a row, the last of which lies `ahead` of today or behind it."""

    timezone: str
    now: dt.datetime
    age: dt.timedelta
    rhythm: Rhythm
    marks: list[Entry | None]
    ahead: int

    @property
    def today(self) -> dt.date:
        return self.now.astimezone(ZoneInfo(self.timezone)).date()

    @property
    def created_on(self) -> dt.date:
        return (self.now - self.age).astimezone(ZoneInfo(self.timezone)).date()

    @property
    def history(self) -> dict[dt.date, Entry]:
        last = self.today + self.ahead * DAY
        dated = zip(days(last - len(self.marks) * DAY + DAY, last), self.marks, strict=True)
        return {day: entry for day, entry in dated if entry is not None}


lives = st.builds(
    Life,
    timezone=st.sampled_from(TIMEZONES),
    now=st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2027, 1, 1), timezones=st.just(dt.UTC)),  # noqa: DTZ001 - the bounds
    age=st.timedeltas(dt.timedelta(), dt.timedelta(days=100)),
    rhythm=rhythms,
    marks=marks,
    ahead=st.integers(-40, 3),
)


class At:
    """The database at a time of the test's own choice: runs a statement with another now()."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection

    async def set(self, now: dt.datetime) -> None:
        await self.connection.execute("select set_config('test.now', $1, true)", now.isoformat())

    async def run(self, query: Query, values: list[Any]) -> Any:
        sql = query.sql.replace("now()", "current_setting('test.now')::timestamptz")
        assert sql != query.sql
        return await getattr(self.connection, query.call)(sql, *values)

    coalesce = run


on_one_server = clustered.plain("the workers do not know the setting by which a test says what time it is")


@pytest.fixture(scope="module")
def at(runner: asyncio.Runner, database: str) -> Iterator[At]:
    connection = runner.run(asyncpg.connect(database))
    yield At(connection)
    runner.run(connection.close())


async def lived(at: At, life: Life) -> tuple[Row, Row, Row]:
    """Live through it, ask for the stats, for today and for the overview, and forget it all."""
    transaction = at.connection.transaction()
    await transaction.start()
    try:
        await at.set(life.now)
        user_id = await at.connection.fetchval(
            "insert into users (is_guest, timezone) values (true, $1) returning id", life.timezone
        )
        habit_id = await at.connection.fetchval(
            """
            insert into habits (user_id, name, created_at, reminder_time, frequency, target_days, weekdays, interval_days)
            values ($1, 'x', $2, '07:30', $3, $4, $5, $6) returning id""",
            user_id, life.now - life.age, *life.rhythm,
        )  # fmt: skip
        await at.connection.executemany(
            "insert into habit_entries (user_id, habit_id, date, completed, skipped) values ($1, $2, $3, $4, $5)",
            [(user_id, habit_id, day, *entry) for day, entry in life.history.items()],
        )
        found = await repository.stats(at, user_id, habit_id)
        due = await repository.today(at, user_id)
        shown = await overview.read(at, user_id, (life.today - 20 * DAY, life.today + DAY), is_archived=False)
        assert found is not None
        assert due is not None
        assert shown is not None
        return msgspec.json.decode(found), msgspec.json.decode(due), msgspec.json.decode(shown)
    finally:
        await transaction.rollback()


def nearly(found: Row) -> Row:
    """Rates may differ in their last digit."""
    return found | {"completion_rate": {n: rate and round(rate, 12) for n, rate in found["completion_rate"].items()}}


@on_one_server
@settings(max_examples=200)
@given(life=lives)
def test_stats_and_what_is_due_agree_with_a_count_by_hand(runner: asyncio.Runner, at: At, life: Life) -> None:
    found, due, shown = runner.run(lived(at, life))
    today, history = life.today, life.history
    expected = stats(history, life.rhythm, life.created_on, today)
    assert nearly(found) == nearly(expected)
    [item] = shown["items"]
    assert item["stats"] == found
    range_ = days(today - 20 * DAY, today + DAY)
    assert [entry["date"] for entry in item["entries"]] == [str(day) for day in reversed(range_) if day in history]
    done = [day for day in range_ if history.get(day, Entry()).completed]
    assert shown["by_day"] == [{"date": str(day), "completed": 1} for day in done]
    assert shown["by_category"] == [{"category": None, "habits": 1, "completed": len(done)}]
    assert due["date"] == today.isoformat()
    assert len(due["items"]) == is_due(history, life.rhythm, today)
    for item in due["items"]:
        assert item == item | state_of_today(history, life.rhythm, today)
        assert (item["entry"] or {"date": None})["date"] == (today.isoformat() if today in history else None)
        at_half_past_seven = dt.datetime.combine(today, dt.time(7, 30), ZoneInfo(life.timezone))
        is_open = not any(history.get(today, Entry()))
        assert (item["remind_at"] and dt.datetime.fromisoformat(item["remind_at"])) == (at_half_past_seven if is_open else None)
    event(f"current streak {min(expected['current_streak'], 3)}, {life.rhythm.frequency}")


@on_one_server
@pytest.mark.parametrize(
    ("weeks", "current", "longest", "rate"),
    [
        ("", 0, 0, 0),
        ("d.d.d..", 1, 1, None),
        ("ddd.... ddd.... dd.", 2, 2, 1),
        ("ddd.... ddd.... ddd", 3, 3, 1),
        ("ddd.... dd..... ...", 0, 1, 35 / 51),
        ("ddd.... ddssss. ddd", 1, 1, None),
        ("ddd.... ddsssss ddd", 2, 2, 1),
        ("ddd.... sssssss ...", 1, 1, None),
        ("ddd.... sssssss sss", 1, 1, None),
        ("ddd.... ....... ddd", 1, 1, None),
        ("ddd.... dd..... sss", 0, 1, None),
        ("ddddddd d...... ddd", 1, 1, 1),
    ],
)
def test_a_streak_of_weeks(
    runner: asyncio.Runner, at: At, *, weeks: str, current: int, longest: int, rate: float | None
) -> None:
    """Three days a week; weeks begin on Monday, and it is the Wednesday of the last one: or of the week behind it."""
    known = {"d": Entry(completed=True), "s": Entry(skipped=True), ".": None}
    marks = [known[each] for each in weeks.replace(" ", "")]
    now = dt.datetime(2026, 11, 18, 23, 30, tzinfo=dt.UTC)
    life = Life("UTC", now, dt.timedelta(), Rhythm("custom", 3), marks, -3 if len(marks) == 7 else 0)
    found, _, _ = runner.run(lived(at, life))
    assert (found["current_streak"], found["longest_streak"]) == (current, longest)
    if rate is not None:
        assert found["completion_rate"]["30"] == pytest.approx(rate)


@on_one_server
@pytest.mark.parametrize(
    ("rhythm", "marks", "current", "longest", "rate", "due"),
    [
        # Mondays, Wednesdays and Fridays.
        (Rhythm("weekdays", None, [1, 3, 5]), "d.d.d.. d.d", 5, 5, 1, True),
        (Rhythm("weekdays", None, [1, 3, 5]), "d.d.d.. d..", 4, 4, 4 / 5, True),
        (Rhythm("weekdays", None, [1, 3, 5]), "d.d.d.. ..d", 1, 3, 4 / 5, True),
        (Rhythm("weekdays", None, [1, 3, 5]), "d.s.d.. sd.", 2, 2, 2 / 3, True),
        (Rhythm("weekdays", None, [1, 3, 5]), ".d.d.d. .d.", 0, 0, 0, True),
        (Rhythm("weekdays", None, [2, 7]), "......d .d.", 2, 2, 2 / 3, False),
        (Rhythm("weekdays", None, [2, 7]), "......d d..", 0, 1, None, False),
        # Every third day: due again on the third day after it was done.
        (Rhythm("interval", None, None, 3), "d..d..d ..d", 4, 4, 1, True),
        (Rhythm("interval", None, None, 3), "d..d..d ...", 3, 3, 9 / 10, True),
        (Rhythm("interval", None, None, 3), "d..d..d .d.", 4, 4, 1, False),
        (Rhythm("interval", None, None, 3), "d..d.. ....", 0, 2, 6 / 10, True),
        (Rhythm("interval", None, None, 3), "d...d..", 1, 1, None, False),
        (Rhythm("interval", None, None, 3), "d..sd.. ...", 0, 2, 6 / 9, True),
        (Rhythm("interval", None, None, 3), "d.ss.d", 2, 2, 1, True),
        (Rhythm("interval", None, None, 3), "d..ss", 1, 1, 1, True),
        (Rhythm("interval", None, None, 3), "d.ssss.", 1, 1, 1, False),
    ],
)
def test_a_streak_of_chosen_days(
    runner: asyncio.Runner, at: At, *, rhythm: Rhythm, marks: str, current: int, longest: int, rate: float | None, due: bool
) -> None:
    """The last character is the Wednesday that is today."""
    known: dict[str, Entry | None] = {"d": Entry(completed=True), "s": Entry(skipped=True), ".": Entry()}
    now = dt.datetime(2026, 11, 18, 12, tzinfo=dt.UTC)
    found, listed, _ = runner.run(lived(at, Life("UTC", now, dt.timedelta(), rhythm, [known[m] for m in marks if m != " "], 0)))
    assert (found["current_streak"], found["longest_streak"], len(listed["items"])) == (current, longest, due)
    if rate is not None:
        assert found["completion_rate"]["30"] == pytest.approx(rate)


@on_one_server
@pytest.mark.parametrize(
    ("target_days", "february", "march", "expected"),
    [
        (3, "ddd", "", (1, 1, True)),
        (3, "dd", "dd", (0, 0, True)),
        (3, "ddd", "ddd", (2, 2, True)),
        (3, "ddd", "dddd", (2, 2, False)),
        (31, "d" * 28, "d" * 30, (1, 1, True)),
        (31, "d" * 27, "d" * 31, (1, 1, True)),
        (31, "d" * 28, "d" * 31, (2, 2, True)),
        (3, "dd" + "s" * 26, "ddd", (1, 1, True)),
        (3, "s" * 28, "", (0, 0, True)),
    ],
)
def test_a_streak_of_months(
    runner: asyncio.Runner, at: At, *, target_days: int, february: str, march: str, expected: tuple[int, int, bool]
) -> None:
    """Days from the 1st of February on, and days up to the 31st of March, which is today."""
    known: dict[str, Entry | None] = {"d": Entry(completed=True), "s": Entry(skipped=True), ".": Entry()}
    marks = [known[each] for each in february.ljust(28, ".") + march.rjust(31, ".")]
    life = Life("UTC", dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC), dt.timedelta(), Rhythm("monthly", target_days), marks, 0)
    found, due, _ = runner.run(lived(at, life))
    assert (found["current_streak"], found["longest_streak"], len(due["items"]) == 1) == expected


# A random script of calls

NAMES = st.sampled_from(["Stretch", "Read", "Call mum", "🎉"])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(["boolean", "numeric"]),
    "target_value": st.sampled_from([None, 1.0, 2.5]),
    "frequency": st.sampled_from(["daily", "weekly", "custom", "weekdays", "monthly", "interval"]),
    "target_days": st.integers(1, 8),
    "weekdays": st.sampled_from([None, [3], [1, 2, 5]]),
    "interval_days": st.sampled_from([None, 2, 3]),
    "position": st.integers(0, 2),
    "is_archived": st.booleans(),
    "reminder_time": st.sampled_from([None, "07:30:00"]),
}
FEW = ["kind", "target_value", "position", "is_archived", "reminder_time"]
"""What goes with any frequency."""

KEPT = st.just(Row()) | rhythms.map(Rhythm._asdict)
CREATES = st.builds(
    operator.or_, KEPT, st.fixed_dictionaries({"name": NAMES}, optional={name: FIELDS[name] for name in FEW})
) | st.fixed_dictionaries({"name": NAMES}, optional=FIELDS)
CHANGES = KEPT | st.fixed_dictionaries({}, optional=FIELDS | {"name": NAMES})
OFFSETS = st.integers(-9, 3)
"""Days from today; the last two are beyond tomorrow."""
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "completed": st.booleans(),
        "skipped": st.booleans(),
        "value": st.sampled_from([None, 0.0, 1.0, 2.5, 3.0]),
        "note": st.sampled_from([None, "In the park"]),
        "mood": st.sampled_from([None, 7]),
        "feeling": st.sampled_from([None, "rested"]),
        "duration_seconds": st.sampled_from([None, 0.5, 600.0]),
        "completed_at": st.sampled_from([None, "2026-01-02T03:04:05Z"]),
    },
)
VERSIONS = st.none() | st.just("*") | st.integers(0, 2)
"""What If-Match asks for; None: no header; a number: the version so many changes ago at this path, deleted since or not."""


class Habits(RuleBasedStateMachine):
    """One user does whatever they like with a few habits; a plain model knows what should be there."""

    ids = Bundle("ids")

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.api = api
        self.habits: dict[str, Row] = {}
        self.entries: dict[str, dict[dt.date, Row]] = {}
        self.versions: dict[str, list[int]] = {}

    @initialize(timezone=st.sampled_from(TIMEZONES))
    def begin(self, timezone: str) -> None:
        self.user = self.api.user(timezone=timezone)
        self.zone = ZoneInfo(timezone)

    def today(self) -> dt.date:
        return dt.datetime.now(self.zone).date()

    @rule(target=ids, fields=CREATES)
    def create(self, fields: Row) -> str:
        fields |= {"id": str(new_uuid7())}
        answer = self.user.post("/v1/habits", fields)
        expected = default_habit(fields) | fields
        if refused := refused_fields(expected):
            assert_problem(answer, 422, "invalid", answer.json()["errors"][0]["field"])
            assert answer.json()["errors"][0]["field"] in refused
        else:
            assert answer.status_code == 201, answer.text
            row = answer.json()
            assert row == row | expected
            self.saw(f"/v1/habits/{row['id']}", row)
            self.habits[row["id"]], self.entries[row["id"]] = row, {}
            assert self.user.post("/v1/habits", fields).json() == row
        return str(fields["id"])

    @rule(id=ids, changes=CHANGES, version=VERSIONS)
    def patch(self, id: str, changes: Row, version: str | int | None) -> None:
        path, mine = f"/v1/habits/{id}", self.habits.get(id)
        headers, fits = self.if_match(path, mine, version)
        answer = self.user.patch(path, changes, headers=headers)
        if mine is None:
            assert_problem(answer, 404, "not_found")
        elif not fits:
            assert_problem(answer, 412, "version_mismatch")
        elif refused := refused_fields(patched(mine, changes)):
            assert_problem(answer, 422, "invalid", answer.json()["errors"][0]["field"])
            assert answer.json()["errors"][0]["field"] in refused
        else:
            assert answer.status_code == 200, answer.text
            self.habits[id] = self.moved_on(mine, patched(mine, changes), answer.json())
            self.saw(path, self.habits[id])

    def moved_on(self, before: Row, expected: Row, row: Row) -> Row:
        """What is sent changes, and the version with it; or nothing does."""
        if expected != before:
            expected |= set_by_change(before, row)
        assert row == expected
        return row

    def saw(self, path: str, row: Row) -> None:
        """Keep the version that is at a path now; it was never there before."""
        had = self.versions.setdefault(path, [0])
        if row["version"] != had[-1]:
            assert row["version"] > had[-1]
            had.append(row["version"])

    def if_match(self, path: str, mine: Row | None, wanted: str | int | None) -> tuple[dict[str, str], bool]:
        """The header, and whether it lets the row be changed."""
        if wanted is None:
            return {}, True
        if not isinstance(wanted, int):
            return {"If-Match": wanted}, mine is not None
        had = self.versions.get(path, [0])
        version = had[-1 - wanted] if wanted < len(had) else 1
        return {"If-Match": f'"{version}"'}, mine is not None and version == mine["version"]

    @rule(id=ids, archived=st.booleans())
    def archive(self, id: str, *, archived: bool) -> None:
        self.patch(id, {"is_archived": archived}, None)

    @rule(id=consumes(ids), version=VERSIONS)
    def delete(self, id: str, version: str | int | None) -> None:
        path, mine = f"/v1/habits/{id}", self.habits.get(id)
        headers, fits = self.if_match(path, mine, version)
        answer = self.user.delete(path, headers=headers)
        if mine is None:
            assert_problem(answer, 404, "not_found")
        elif not fits:
            assert_problem(answer, 412, "version_mismatch")
        else:
            assert answer.status_code == 204
            del self.habits[id], self.entries[id]
            assert_problem(self.user.get(f"/v1/habits/{id}/entries"), 404, "not_found")

    @rule(id=ids, offset=OFFSETS, body=ENTRIES, version=VERSIONS)
    def put_entry(self, id: str, offset: int, body: Row, version: str | int | None) -> None:
        date = self.today() + offset * DAY
        path, before = f"/v1/habits/{id}/entries/{date}", self.entries.get(id, {}).get(date)
        headers, fits = self.if_match(path, before, version)
        answer = self.user.put(path, body, headers=headers)
        if offset > 1 and not body.get("skipped"):
            assert_problem(answer, 422, "invalid", "date")
        elif id not in self.habits:
            assert_problem(answer, 404, "not_found")
        elif not fits:
            assert_problem(answer, 412, "version_mismatch")
        elif body.get("completed") and body.get("skipped"):
            assert_problem(answer, 422, "invalid", "skipped")
        else:
            expected = dict.fromkeys(ENTRY_NULLABLE) | {"skipped": False} | body
            expected["completed"] = body.get("completed", reaches(self.habits[id], expected))
            if body.get("completed_at") is not None and not expected["completed"]:
                assert_problem(answer, 422, "invalid", "completed_at")
                return
            row = answer.json()
            expected["completed_at"] = self.completed_at(before, expected, row, is_sent="completed_at" in body)
            if before is None:
                assert answer.status_code == 201, answer.text
                assert row == row | expected | {"habit_id": id, "date": str(date)}
            else:
                assert answer.status_code == 200, answer.text
                self.moved_on(before, before | expected, row)
            self.saw(path, row)
            self.entries[id][date] = row

    def completed_at(self, before: Row | None, expected: Row, row: Row, *, is_sent: bool) -> str | None:
        """As sent; kept while the entry stays completed; or the time when it became so, which only the answer tells."""
        if is_sent or not expected["completed"]:
            return expected["completed_at"] if is_sent else None
        if before is not None and before["completed"]:
            return cast("str | None", before["completed_at"])
        at = row["completed_at"]
        assert abs(dt.datetime.fromisoformat(at) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
        return cast("str", at)

    @rule(id=ids, first=OFFSETS, bodies=st.lists(ENTRIES, min_size=1, max_size=4), again=st.booleans())
    def put_entries(self, id: str, first: int, bodies: list[Row], *, again: bool) -> None:
        """Several days in a row, the last one first, as they stand or not at all."""
        dates = [self.today() + (first + place) * DAY for place in reversed(range(len(bodies)))]
        sent = [{"date": str(date)} | body for date, body in zip(dates, bodies, strict=True)]
        before = self.entries.get(id, {})
        answer = self.user.put(f"/v1/habits/{id}/entries", {"entries": sent})
        expected = [self.put_by_itself(id, body) for body in bodies]
        too_far = [date > self.today() + DAY and not body.get("skipped") for date, body in zip(dates, bodies, strict=True)]
        if any(too_far):
            assert_problem(answer, 422, "invalid", f"entries[{too_far.index(True)}].date")
        elif id not in self.habits:
            assert_problem(answer, 404, "not_found")
        elif None in expected:
            assert_problem(answer, 422, "invalid", answer.json()["errors"][0]["field"])
            assert answer.json()["errors"][0]["field"] in {"skipped", "completed_at"}
            assert self.paged(f"/v1/habits/{id}/entries", {"limit": 200}) == [before[date] for date in sorted(before)][::-1]
        else:
            assert answer.status_code == 200, answer.text
            for date, body, wanted, row in zip(dates, bodies, expected, answer.json()["items"], strict=True):
                assert wanted is not None
                wanted["completed_at"] = self.completed_at(before.get(date), wanted, row, is_sent="completed_at" in body)
                if date in before:
                    self.moved_on(before[date], before[date] | wanted, row)
                else:
                    assert row == row | wanted | {"habit_id": id, "date": str(date)}
                self.saw(f"/v1/habits/{id}/entries/{date}", row)
                self.entries[id][date] = row
            if again:
                assert self.user.put(f"/v1/habits/{id}/entries", {"entries": answer.json()["items"]}).json() == answer.json()

    def put_by_itself(self, id: str, body: Row) -> Row | None:
        """What a PUT makes of an entry, but for the time when it became completed; None: it is refused."""
        expected = dict.fromkeys(ENTRY_NULLABLE) | {"skipped": False} | body
        if id in self.habits:
            expected["completed"] = body.get("completed", reaches(self.habits[id], expected))
        untimed = body.get("completed_at") is not None and not expected.get("completed")
        return None if untimed or (body.get("completed") and body.get("skipped")) else expected

    @rule(id=ids, offset=OFFSETS, body=ENTRIES, version=VERSIONS)
    def patch_entry(self, id: str, offset: int, body: Row, version: str | int | None) -> None:
        date = self.today() + offset * DAY
        path, before = f"/v1/habits/{id}/entries/{date}", self.entries.get(id, {}).get(date)
        headers, fits = self.if_match(path, before, version)
        answer = self.user.patch(path, body, headers=headers)
        if offset > 1 and body.get("skipped") is False:
            assert_problem(answer, 422, "invalid", "date")
            return
        if before is None:
            assert_problem(answer, 404, "not_found")
            return
        if not fits:
            assert_problem(answer, 412, "version_mismatch")
            return
        expected, row = before | body, answer.json()
        if self.habits[id]["kind"] == "numeric" and "completed" not in body and body.keys() & {"value", "skipped"}:
            expected["completed"] = reaches(self.habits[id], expected)
        if expected["completed"] and expected["skipped"]:
            assert_problem(answer, 422, "invalid", "skipped")
        elif body.get("completed_at") is not None and not expected["completed"]:
            assert_problem(answer, 422, "invalid", "completed_at")
        else:
            assert answer.status_code == 200, answer.text
            expected["completed_at"] = self.completed_at(before, expected, row, is_sent="completed_at" in body)
            self.entries[id][date] = self.moved_on(before, expected, row)
            self.saw(path, row)

    @rule(id=ids, first=OFFSETS, marks=st.lists(st.sampled_from(["completed", "skipped", None]), max_size=10))
    def live_some_days(self, id: str, first: int, marks: list[str | None]) -> None:
        for offset, mark in enumerate(marks, first):
            if mark and offset <= 0:
                self.put_entry(id, offset, {mark: True}, None)

    @rule(id=ids, offset=OFFSETS, version=VERSIONS)
    def delete_entry(self, id: str, offset: int, version: str | int | None) -> None:
        date = self.today() + offset * DAY
        path = f"/v1/habits/{id}/entries/{date}"
        mine = self.entries.get(id, {}).get(date)
        read = self.user.get(path)
        headers, fits = self.if_match(path, mine, version)
        answer = self.user.delete(path, headers=headers)
        if mine is None:
            assert_problem(read, 404, "not_found")
            assert_problem(answer, 404, "not_found")
            return
        assert (read.status_code, read.json(), version_tag(read)) == (200, mine, etag(mine))
        if not fits:
            assert_problem(answer, 412, "version_mismatch")
        else:
            assert answer.status_code == 204
            del self.entries[id][date]

    def paged(self, path: str, query: Row) -> list[Row]:
        seen: list[Row] = []
        while True:
            page = self.user.get(path, params=query).json()
            seen += page["items"]
            if page["next_cursor"] is None:
                return seen
            assert len(page["items"]) == query["limit"]
            query["cursor"] = page["next_cursor"]

    @rule(is_archived=st.none() | st.booleans(), newest=st.booleans(), limit=st.integers(1, 4))
    def page_through(self, *, is_archived: bool | None, newest: bool, limit: int) -> None:
        query: Row = {"limit": limit, "order": "newest" if newest else "oldest"}
        if is_archived is not None:
            query["is_archived"] = str(is_archived).lower()
        expected = [row for row in self.habits.values() if is_archived in {None, row["is_archived"]}]
        assert self.paged("/v1/habits", query) == sorted(expected, key=lambda row: UUID(row["id"]), reverse=newest)

    @rule(id=ids, first=OFFSETS, length=st.integers(0, 12), newest=st.booleans(), limit=st.integers(1, 4))
    def page_through_entries(self, *, id: str, first: int, length: int, newest: bool, limit: int) -> None:
        if id not in self.habits:
            return
        range_ = days(self.today() + first * DAY, self.today() + (first + length) * DAY)
        query: Row = {"limit": limit, "order": "newest" if newest else "oldest", "from": str(range_[0]), "to": str(range_[-1])}
        expected = [row for date, row in sorted(self.entries[id].items(), reverse=newest) if date in range_]
        assert self.paged(f"/v1/habits/{id}/entries", query) == expected

    @rule(id=ids)
    def ask_for_stats(self, id: str) -> None:
        answer = self.user.get(f"/v1/habits/{id}/stats")
        mine = self.habits.get(id)
        if mine is None:
            assert_problem(answer, 404, "not_found")
            return
        created_on = dt.datetime.fromisoformat(mine["created_at"]).astimezone(self.zone).date()
        expected = stats(self.history(id), rhythm_of(mine), created_on, self.today())
        assert nearly(answer.json()) == nearly(expected)

    def history(self, id: str) -> dict[dt.date, Entry]:
        return {date: history_of(row) for date, row in self.entries[id].items()}

    @rule(first=OFFSETS, length=st.integers(0, 12), is_archived=st.booleans())
    def ask_for_the_overview(self, *, first: int, length: int, is_archived: bool) -> None:
        range_ = days(self.today() + first * DAY, self.today() + (first + length) * DAY)
        mine = [row for row in self.habits.values() if row["is_archived"] == is_archived]
        query = {"from": str(range_[0]), "to": str(range_[-1])} | ({"is_archived": "true"} if is_archived else {})
        found = self.user.get("/v1/habits/overview", params=query).json()
        for item in found["items"]:
            history, created_on = self.history(item["id"]), dt.datetime.fromisoformat(item["created_at"]).astimezone(self.zone)
            counted = stats(history, rhythm_of(item), created_on.date(), self.today())
            assert nearly(item.pop("stats")) == nearly(counted)
            entries = self.entries[item["id"]]
            assert item.pop("entries") == [entries[day] for day in reversed(range_) if day in entries]
        assert found["items"] == sorted(mine, key=lambda row: (row["position"], UUID(row["id"])))
        done = Counter(day for row in mine for day in range_ if self.history(row["id"]).get(day, Entry()).completed)
        assert found["by_day"] == [{"date": str(day), "completed": done[day]} for day in range_ if day in done]
        expected = [{"category": None, "habits": len(mine), "completed": done.total()}] if mine else []
        assert found["by_category"] == expected
        assert (found["from"], found["to"], found["items_left_out"]) == (query["from"], query["to"], 0)

    @rule()
    def ask_for_today(self) -> None:
        today = self.today()
        expected = []
        for row in self.habits.values():
            history = self.history(row["id"])
            if not row["is_archived"] and is_due(history, rhythm_of(row), today):
                entry = self.entries[row["id"]].get(today)
                expected.append(row | {"entry": entry} | state_of_today(history, rhythm_of(row), today))
        expected.sort(key=lambda row: (row["position"], UUID(row["id"])))
        found = self.user.get("/v1/habits/today").json()
        for item in found["items"]:
            assert (item.pop("remind_at") is None) == (item["reminder_time"] is None or any(history_of(item["entry"])))
        assert found == {"date": str(today), "items": expected, "items_left_out": 0}


def history_of(entry: Row | None) -> Entry:
    return Entry() if entry is None else Entry(entry["completed"], entry["skipped"])


def rhythm_of(habit: Row) -> Rhythm:
    return Rhythm(*(habit[name] for name in Rhythm._fields))


def patched(habit: Row, changes: Row) -> Row:
    """A habit after a patch: with another frequency it loses what that has no use for."""
    row = habit | changes
    if row["frequency"] == habit["frequency"]:
        return row
    of_a_week = {row["frequency"], habit["frequency"]} <= {"weekly", "custom"}
    target_days = habit["target_days"] if of_a_week else DEFAULT_TARGETS.get(row["frequency"])
    return row | {"target_days": target_days, "weekdays": None, "interval_days": None} | changes


def refused_fields(habit: Row) -> set[str]:
    """The fields that do not go with the others."""
    frequency, target_days = habit["frequency"], habit["target_days"]
    wrong = {
        "target_value": habit["kind"] == "boolean" and habit["target_value"] is not None,
        "target_days": (target_days is not None) != (frequency in DEFAULT_TARGETS)
        or (target_days is not None and target_days > 7 and frequency != "monthly"),
        "weekdays": (habit["weekdays"] is not None) != (frequency == "weekdays"),
        "interval_days": (habit["interval_days"] is not None) != (frequency == "interval"),
    }
    return {name for name, is_wrong in wrong.items() if is_wrong}


ENTRY_NULLABLE = ("value", "note", "mood", "feeling", "duration_seconds", "completed_at")


def reaches(habit: Row, entry: Row) -> bool:
    if habit["kind"] != "numeric" or entry["skipped"] or entry["value"] is None:
        return False
    target = habit["target_value"]
    return bool(entry["value"] > 0 if target is None else entry["value"] >= target)


def test_a_random_script_of_calls_and_its_model_agree(api: Api) -> None:
    run_state_machine_as_test(
        cast("Any", lambda: Habits(api)),
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            derandomize="CI" in os.environ,
            suppress_health_check=list(HealthCheck),
        ),
    )
