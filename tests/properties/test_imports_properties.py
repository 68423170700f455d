"""Properties of imports: whatever a habit tracker's database holds, it is here afterwards, and hangs together as it did."""

import asyncio
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from client import Execute
from hypothesis import given
from hypothesis import strategies as st

from app.database.connection import Connection
from app.database.executor import Transaction
from app.importing import repository, runs, verification
from app.importing.runs import Asked, Outcome
from app.importing.sources import habits
from app.importing.sources.source import Options
from app.importing.verification import Verified

TABLES = (
    "create table users (id integer primary key, email, password_hash, google_id, github_id, name, avatar_url, created_at)",
    "create table habits (id integer primary key, user_id integer, name text, description text, created_at text)",
    "create table habit_logs (id integer primary key, habit_id integer, date text, completed boolean)",
)

HASH = "pbkdf2:sha256:50000$WpBjHUaMSP0B3L1T$be0760ff807ec533f7bcfcd44da95ef23bfcdca052bdc61c04d1a69c9cdc7a8b"

_numbers = count(1)
# No two examples have the same keys, users or identities.
_examples = count(1)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=100)
names = texts.filter(lambda text: not text.isspace() and text.strip(" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\ufeff") != "")
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - as the app stored them
logs = st.dictionaries(st.dates(date(1970, 1, 1), date(2100, 1, 1)), st.booleans(), max_size=4)
a_habit = st.tuples(names, st.none() | names, moments, logs)
a_user = st.tuples(st.none() | names, st.booleans(), st.booleans(), moments, st.lists(a_habit, max_size=3))
sources = st.lists(a_user, min_size=1, max_size=3)

Rows = dict[str, list[tuple[Any, ...]]]


def rows_of(people: list[Any]) -> Rows:
    """The rows of the source's tables."""
    rows: Rows = {"users": [], "habits": [], "habit_logs": []}
    example = next(_examples)
    for name, has_google, has_github, made_at, owned in people:
        user = next(_numbers)
        email = f"{example}.{user}@imports.example"
        subjects = (f"{kind}-{user}" if has else None for kind, has in (("google", has_google), ("github", has_github)))
        rows["users"].append((user, email, HASH, *subjects, name, None, str(made_at)))
        for title, description, begun_at, marked in owned:
            habit = next(_numbers)
            rows["habits"].append((habit, user, title, description, str(begun_at)))
            rows["habit_logs"] += [(next(_numbers), habit, str(day), done) for day, done in marked.items()]
    return rows


class Quiet:
    """A progress that nobody looks at."""

    def advance(self, work: str, rows: int) -> None:
        """Nothing."""


class Importer:
    """Imports and verifies on one connection: an example takes a tenth of the time that the commands would."""

    def __init__(self, runner: asyncio.Runner, on: Transaction, path: Path) -> None:
        self._runner = runner
        self._on = on
        self._path = path
        self._asked = Asked("habits", str(path))

    def bring_in(self, rows: Rows) -> Outcome:
        """Write a source and import it."""
        self._path.unlink(missing_ok=True)
        with closing(sqlite3.connect(self._path)) as connection, connection:
            for statement in TABLES:
                connection.execute(statement)
            for table, each in rows.items():
                for row in each:
                    connection.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)

        async def work() -> Outcome:
            async with habits.opened(str(self._path), Options()) as source:
                return await runs.run(self._on, source, self._asked, Quiet())

        return self._runner.run(work())

    def verify(self, outcome: Outcome) -> Verified:
        """Verify an import."""

        async def work() -> Verified:
            done = await repository.get(self._on, outcome.id)
            assert done is not None
            async with habits.opened(str(self._path), Options()) as source:
                return await verification.verify(self._on, done, source, self._asked, Quiet())

        return self._runner.run(work())


@pytest.fixture(scope="module")
def importer(runner: asyncio.Runner, database: str) -> Iterator[Importer]:
    """One for all examples."""
    connection: Any = runner.run(asyncpg.connect(database, connection_class=Connection))
    with tempfile.TemporaryDirectory() as folder:
        yield Importer(runner, Transaction(connection, echo=False, is_served=False), Path(folder) / "habits.db")
    runner.run(connection.close())


def aware(stored: str) -> datetime:
    """What a naive time means."""
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def blank(text: str | None) -> str | None:
    """A text, or nothing where it says nothing."""
    return text if text and not text.isspace() else None


@given(people=sources)
def test_an_import_preserves_every_user_habit_and_log(execute: Execute, importer: Importer, people: list[Any]) -> None:
    """Cell by cell, read back past the importer.

    Feature: database-persistence-fix, Property 6: an import preserves every user, habit and log
    """
    rows = rows_of(people)
    outcome = importer.bring_in(rows)
    assert outcome.report == []
    emails = [row[1] for row in rows["users"]]
    found = execute(
        "select u.email, u.password_hash, u.name, u.created_at,"
        " (select subject from identities where user_id = u.id and provider = 'google') as google,"
        " (select subject from identities where user_id = u.id and provider = 'github') as github"
        " from users u where email = any ($1) order by email",
        emails,
    )
    assert [tuple(row.values()) for row in found] == sorted(
        (email, known, blank(name), aware(made_at), google, github)
        for _, email, known, google, github, name, _, made_at in rows["users"]
    )
    owners = {row[0]: row[1] for row in rows["users"]}
    found = execute(
        "select h.id, u.email, h.name, h.description, h.created_at, h.is_archived, h.frequency"
        " from habits h join users u on u.id = h.user_id where u.email = any ($1)",
        emails,
    )
    days = execute(
        "select e.habit_id, e.date, e.completed"
        " from habit_entries e join users u on u.id = e.user_id where u.email = any ($1) order by e.date",
        emails,
    )
    expected = [
        (
            *(owners[user], name, blank(description), aware(made_at), False, "daily"),
            sorted((date.fromisoformat(log[2]), log[3]) for log in rows["habit_logs"] if log[1] == habit),
        )
        for habit, user, name, description, made_at in rows["habits"]
    ]
    here = [
        (*[*row.values()][1:], [(day["date"], day["completed"]) for day in days if day["habit_id"] == row["id"]])
        for row in found
    ]
    assert sorted(here, key=repr) == sorted(expected, key=repr)


@given(people=sources)
def test_after_an_import_counts_and_relationships_match_the_source(
    execute: Execute, importer: Importer, people: list[Any]
) -> None:
    """As the import counted, as verify finds, and as the tables have it: nothing hangs on another user or habit.

    Feature: database-persistence-fix, Property 7: after an import counts and relationships match the source
    """
    rows = rows_of(people)
    outcome = importer.bring_in(rows)
    verified = importer.verify(outcome)
    sizes = {"users": len(rows["users"]), "habits": len(rows["habits"]), "habit_entries": len(rows["habit_logs"])}
    sizes = {entity: size for entity, size in sizes.items() if size}
    assert {entity: count["imported"] for entity, count in outcome.counts.items() if entity != "identities"} == sizes
    assert verified.is_good
    same = {entity: each.rows for entity, found in verified.compared.items() for each in found if each.outcome == "same"}
    assert {entity: size for entity, size in same.items() if entity != "identities"} == sizes
    found = execute(
        "select u.email, h.name as habit, count(e) as days, count(e) filter (where e.completed) as done from users u"
        " left join habits h on h.user_id = u.id left join habit_entries e on e.user_id = u.id and e.habit_id = h.id"
        " where u.email = any ($1) group by u.id, h.id, h.name",
        [row[1] for row in rows["users"]],
    )
    days, done = Counter(log[1] for log in rows["habit_logs"]), Counter(log[1] for log in rows["habit_logs"] if log[3])
    expected = []
    for user in rows["users"]:
        owned = [habit for habit in rows["habits"] if habit[1] == user[0]]
        expected += [(user[1], habit[2], days[habit[0]], done[habit[0]]) for habit in owned] or [(user[1], None, 0, 0)]
    assert Counter(tuple(row.values()) for row in found) == Counter(expected)
