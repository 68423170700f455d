"""The schema: every migration there and back, the functions behind ids and versions, and the rules that every table keeps."""

import asyncio
import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import RFC_4122, UUID

import asyncpg
import clustered
import msgspec
import pytest
from seeds import SEEDS
from write_schema import SCHEMA, dump

from app.backups import repository as backups  # noqa: F401 - declares the words of its constraints
from app.database import migrations, package_files
from app.database.dbmate import MigrationError
from app.database.errors import name_of
from app.http.exception_handlers import problem_for
from app.http.responses import encode
from app.importing import repository as importing  # noqa: F401 - as backups
from app.problems import constraints

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

taken_back = clustered.plain("what came before the distribution is taken back after `holdfast distribute --undo`")

LOOKED_UP_BEFORE_THE_USER_IS_KNOWN = {
    "users",
    "identities",
    "sessions",
    "api_tokens",
    "query_cache",
    "rate_limits",
    "media_links",
    "outgoing_mails",
    "mail_tokens",
    "pending_sign_ins",
}

OF_IMPORTS = {"import_items", "import_changes", "import_reports", "deleted_objects"}
"""Operators' tables about users' rows: also about those that came to nobody, or whose user is gone. A trigger on users empties
import_items."""


class Ask:
    """Sends a statement about the schema; `schema_migrations` is dbmate's and left out everywhere."""

    def __init__(self, runner: asyncio.Runner, connection: Connection) -> None:
        self._runner = runner
        self._connection = connection

    def __call__(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        return self._runner.run(self._connection.fetch(sql, *values))

    def one(self, sql: str, *values: Any) -> Any:
        return self._runner.run(self._connection.fetchval(sql, *values))


@pytest.fixture(scope="module")
def ask(runner: asyncio.Runner, connection: Connection) -> Ask:
    return Ask(runner, connection)


# There and back


@clustered.plain("of a schema that is distributed the functions are others; test_distribution.py compares what is left")
def test_schema_sql_is_what_the_migrations_make(database: str) -> None:
    assert dump(database) == SCHEMA.read_text(encoding="utf-8"), "write it anew: just schema"


@taken_back
def test_every_migration_goes_down_and_up_again(runner: asyncio.Runner, own_database: str) -> None:
    names = [migration.name for migration in runner.run(migrations.history(own_database))]
    assert [runner.run(migrations.down(own_database)) for _ in names] == names[::-1]
    left = [name for (name,) in runner.run(_fetched(own_database, _LEFTOVERS))]
    assert [name for name in left if "schema_migrations" not in name] == []
    assert runner.run(migrations.up(own_database)) == names
    assert dump(own_database) == SCHEMA.read_text(encoding="utf-8")


_LEFTOVERS = """
    select relname::text as name from pg_class where relnamespace = 'public'::regnamespace
    union all select proname from pg_proc where pronamespace = 'public'::regnamespace
    union all select typname from pg_type where typnamespace = 'public'::regnamespace"""


BEFORE_TARGETS = {
    "tasks": "insert into tasks (user_id, title) values ($1, 'T') returning id as task_id",
    # Not a daily one: these lost their target_days later on, which is a change.
    "habits": "insert into habits (user_id, name, frequency) values ($1, 'H', 'custom') returning id as habit_id",
    "goals": "insert into goals (user_id, title, goal_type) values ($1, 'G', 'yearly') returning id as goal_id",
    "foods": """
        insert into foods (user_id, date, meal_type, name) values ($1, '2026-01-01', 'lunch', 'F') returning id as food_id""",
    "workouts": "insert into workouts (user_id, date, type) values ($1, '2026-01-01', 'run') returning id as workout_id",
    "daily-reviews": "insert into daily_reviews (user_id, date) values ($1, '2026-01-01') returning id as daily_review_id",
    "blog-entries": """
        insert into blog_entries (user_id, title, content, slug) values ($1, 'B', 'B', 'b') returning id as blog_entry_id""",
    "conversations": "insert into conversations (user_id) values ($1) returning id as conversation_id",
}
"""A row of each kind, and the column that pointed at it, as of the migration before."""


@taken_back
def test_what_carried_a_tag_or_a_file_before_its_type_and_id_were_columns_still_does(
    runner: asyncio.Runner, own_database: str
) -> None:
    _back_before(runner, own_database, "targets")
    kinds = runner.run(_attached(own_database))
    before = runner.run(_fetched(own_database, _POINTERS))
    assert len(before) == 2 * len(BEFORE_TARGETS)
    runner.run(migrations.up(own_database))
    after = """
        select taggable_type, taggable_id from taggings
        union all select taggable_type, taggable_id from media where updated_at = created_at"""
    assert sorted(runner.run(_fetched(own_database, after))) == sorted((kinds[column], row_id) for column, row_id in before)
    _back_before(runner, own_database, "targets")
    assert runner.run(_fetched(own_database, _POINTERS)) == before


def _back_before(runner: asyncio.Runner, url: str, name: str) -> None:
    """Take migrations back down to this one, by their own statements: a process of dbmate for each takes three times that."""

    async def back() -> None:
        connection = await asyncpg.connect(url)
        try:
            for file in sorted((package_files.folder("db") / "migrations").glob("*.sql"), reverse=True):
                applied = "delete from schema_migrations where version = $1"
                if await connection.execute(applied, file.name.partition("_")[0]) == "DELETE 1":
                    await connection.execute(file.read_text(encoding="utf-8").partition("-- migrate:down")[2])
                if file.name.endswith(f"_{name}.sql"):
                    return
            raise AssertionError(name)
        finally:
            await connection.close()

    runner.run(back())


_POINTERS = """
    select column_name, id::uuid
    from (select to_jsonb(taggings) as columns from taggings union all select to_jsonb(media) from media) carried
    cross join jsonb_each_text(columns) as pointer (column_name, id)
    where column_name ~ '_id$' and column_name not in ('user_id', 'tag_id') and id is not null
    order by 1, 2"""


async def _attached(url: str) -> dict[str, str]:
    """Put a tag and a file on a row of each kind; returns the columns that point at them, and the kinds."""
    connection = await asyncpg.connect(url)
    kinds = {}
    try:
        user_id = await connection.fetchval("insert into users (is_guest) values (true) returning id")
        await connection.execute("insert into tags (user_id, name, slug) values ($1, 'T', 't')", user_id)
        for kind, insert in BEFORE_TARGETS.items():
            [[(column, row_id)]] = [row.items() for row in await connection.fetch(insert, user_id)]
            await connection.execute(
                f"insert into taggings (user_id, tag_id, {column}) select user_id, id, $1 from tags", row_id
            )
            await connection.execute(
                f"""
                insert into media (user_id, file_name, content_type, size_bytes, sha256, storage_key, {column})
                values ($1, 'a.png', 'image/png', 1, repeat('0', 64), $2, $3)""",
                user_id,
                kind,
                row_id,
            )
            kinds[column] = kind
    finally:
        await connection.close()
    return kinds


SEARCHED_BEFORE = {
    "tasks": "insert into tasks (user_id, title, description) select id, 'T', 'the plants' from made_user",
    "goals": "insert into goals (user_id, title, goal_type) select id, 'The plants', 'yearly' from made_user",
    "habits": "insert into habits (user_id, name) select id, 'The plants' from made_user",
    "daily_reviews": """
        insert into daily_reviews (user_id, date, tomorrow) select id, '2026-01-01', 'The plants' from made_user""",
    "blog_entries": """
        insert into blog_entries (user_id, title, content, slug) select id, 'B', 'The plants', 'b' from made_user""",
    "messages": """
        , conversation as (insert into conversations (user_id, title) select id, 'Plants' from made_user returning user_id, id)
        insert into messages (user_id, conversation_id, seq, role, stage1, stage3)
        select user_id, id, 1, 'assistant', '[{"response": "The plants"}]', '{"response": "Water"}' from conversation""",
}
"""A row of each table that was searched before words were found by their beginnings."""


@taken_back
def test_what_was_written_before_is_found_by_its_beginning_and_goes_back_as_it_was(
    runner: asyncio.Runner, own_database: str
) -> None:
    _back_before(runner, own_database, "search_by_beginnings")
    words = " union all ".join(f"select '{table}', search::text from {table}" for table in SEARCHED_BEFORE)
    for insert in SEARCHED_BEFORE.values():
        made_user = "with made_user as (insert into users (is_guest) values (true) returning id)"
        runner.run(_fetched(own_database, f"{made_user} {insert}"))
    before = runner.run(_fetched(own_database, words))
    runner.run(migrations.up(own_database))
    for table in (*SEARCHED_BEFORE, "conversations"):
        found = f"select count(*) from {table} where own_words(user_id, search) @@ own_query(user_id, search_query('plan'))"
        assert runner.run(_fetched(own_database, f"{found} and search @@ search_query('plan -0')")) == [(1,)], table
    assert runner.run(_fetched(own_database, "select count(*) from searched where search @@ search_query('01:*')")) == [(0,)]
    _back_before(runner, own_database, "search_by_beginnings")
    assert runner.run(_fetched(own_database, words)) == before


@taken_back
def test_two_addresses_that_become_one_stop_the_migration_and_lose_nothing(runner: asyncio.Runner, own_database: str) -> None:
    _back_before(runner, own_database, "normal_login")
    insert = "insert into users (email) values ($1), ($2), ('other@example.com') returning id::text"
    one, two, other = [row_id for (row_id,) in runner.run(_fetched(own_database, insert, "\u00e9@a.b", "e\u0301@a.b"))]
    with pytest.raises(MigrationError) as error:
        runner.run(migrations.up(own_database))
    assert f"one address in two spellings: {one} and {two}. Nothing was changed" in str(error.value)
    assert "@" not in str(error.value)
    assert other not in str(error.value)
    assert len(runner.run(_fetched(own_database, "select id from users"))) == 3
    runner.run(_fetched(own_database, "update users set email = 'two@example.com' where id = $1::text::uuid", two))
    assert runner.run(migrations.up(own_database))[0].endswith("_normal_login.sql")
    assert len(runner.run(_fetched(own_database, "select id from users"))) == 3


async def _fetched(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()


@clustered.plain("workers gather the statistics of their shards by themselves")
def test_migrating_gives_statistics_to_tables_that_have_rows_and_were_never_analyzed(
    runner: asyncio.Runner, own_database: str
) -> None:
    async def migrate() -> tuple[set[str], set[str]]:
        connection = await asyncpg.connect(own_database)
        try:
            before = await _analyzed(connection)
            await connection.execute("insert into users (id, is_guest) values (new_id(), true)")
            await migrations.up(own_database)
            return before, await _analyzed(connection)
        finally:
            await connection.close()

    before, after = runner.run(migrate())
    # Statistics of an empty table would mislead the planner.
    assert after - before == {"users", "schema_migrations"}


async def _analyzed(connection: Connection) -> set[str]:
    rows = await connection.fetch("select relname from pg_stat_user_tables where last_analyze is not null")
    return {row["relname"] for row in rows}


BEFORE_VERSIONS = BEFORE_TARGETS | {
    "habit_entries": "insert into habit_entries (user_id, habit_id, date) select $1, id, '2026-01-01' from habits",
    "goal_progress": "insert into goal_progress (user_id, goal_id, date, value) select $1, id, '2026-01-01', 1 from goals",
    "tags": "insert into tags (user_id, name, slug) values ($1, 'T', 't')",
    "media": """
        insert into media (user_id, file_name, content_type, size_bytes, sha256, storage_key)
        values ($1, 'a.png', 'image/png', 1, repeat('0', 64), 'a')""",
    "progress_snapshots": "insert into progress_snapshots (user_id, period, date) values ($1, 'daily', '2026-01-01')",
}
"""A row of each table that had counted its versions, as of the migration before."""


@taken_back
def test_versions_that_were_counted_become_the_time_of_the_last_change_and_go_back_to_a_counter(
    runner: asyncio.Runner, own_database: str
) -> None:
    _back_before(runner, own_database, "versions")
    # As of then: a table that is newer never counted.
    tables = sorted(table for table, column, _ in runner.run(_fetched(own_database, _COLUMNS)) if column == "version")
    runner.run(_seeded(own_database, BEFORE_VERSIONS.values()))
    fetch = "select version, updated_at, created_at < updated_at from {}"
    before = {table: runner.run(_fetched(own_database, fetch.format(table))) for table in tables}
    assert {table: [(version, later) for version, _, later in rows] for table, rows in before.items()} == {
        table: [(2, True)] for table in tables
    }
    runner.run(migrations.up(own_database))
    for table, [(_, updated_at, later)] in before.items():
        [(version, *unchanged)] = runner.run(_fetched(own_database, fetch.format(table)))
        assert (_time_of(version), unchanged) == (updated_at, [updated_at, later]), table
    _back_before(runner, own_database, "versions")
    for table, [(_, updated_at, later)] in before.items():
        assert runner.run(_fetched(own_database, fetch.format(table))) == [(1, updated_at, later)], table
        [(version,)] = runner.run(_fetched(own_database, f"update {table} set created_at = now() returning version"))
        assert version == 2, table


@taken_back
def test_goals_that_go_down_are_read_by_the_schema_before_them_and_come_back(runner: asyncio.Runner, own_database: str) -> None:
    made = """
        with made_user as (insert into users (is_guest) values (true) returning id)
        insert into goals (user_id, title, goal_type, start_value, target_value)
        select id, 'Debt', 'life', start, target
        from made_user cross join (values (1000, 0), (90, 80), (0, -5)) as g (start, target)"""
    runner.run(_fetched(own_database, made))
    _back_before(runner, own_database, "directed_goals")
    read = "select target_value, goal_percentage(status, target_value, 40) from goals order by target_value"
    assert runner.run(_fetched(own_database, read)) == [(80, 50), (None, 0), (None, 0)]
    runner.run(migrations.up(own_database))
    assert runner.run(_fetched(own_database, "select count(*) from goals where start_value is null")) == [(3,)]


@taken_back
def test_objects_of_thumbnails_are_put_down_for_deletion_when_their_table_goes(
    runner: asyncio.Runner, own_database: str
) -> None:
    made = """
        with made_user as (insert into users (is_guest) values (true) returning id),
        made_media as (
            insert into media (user_id, file_name, content_type, size_bytes, sha256, storage_key)
            select id, 'a.png', 'image/png', 1000, repeat('0', 64), 'file' from made_user returning user_id, id)
        insert into media_thumbnails (user_id, media_id, width, outcome, content_type, size_bytes, sha256, storage_key)
        select user_id, id, 320, 'kept', 'image/jpeg', 100, repeat('0', 64), 'thumbnail' from made_media
        union all
        select user_id, id, 640, 'failed', null, null, null, null from made_media"""
    runner.run(_fetched(own_database, made))
    _back_before(runner, own_database, "thumbnails")
    assert runner.run(_fetched(own_database, "select storage_key from media_deletions")) == [("thumbnail",)]


@taken_back
def test_who_was_verified_stays_so_and_nobody_elses_row_changes(runner: asyncio.Runner, own_database: str) -> None:
    _back_before(runner, own_database, "verified_at")
    made = "insert into users (is_guest, is_verified) values (true, true), (true, false)"
    runner.run(_fetched(own_database, made))
    fetch = "select is_verified, version, updated_at from users order by id"
    before = runner.run(_fetched(own_database, fetch))
    runner.run(migrations.up(own_database))
    assert runner.run(_fetched(own_database, fetch)) == before
    since = "select email_verified_at = updated_at from users order by id"
    assert runner.run(_fetched(own_database, since)) == [(True,), (None,)]
    _back_before(runner, own_database, "verified_at")
    assert runner.run(_fetched(own_database, fetch)) == before


@taken_back
def test_guests_lose_the_role_that_they_were_given_and_nobody_else_does(runner: asyncio.Runner, own_database: str) -> None:
    _back_before(runner, own_database, "guests_without_roles")
    # An admin who is a guest, and no other: the trigger that keeps the last one must not stop the upgrade.
    made = """
        insert into users (is_guest, is_external, role)
        values (true, false, 'admin'), (true, false, 'service'), (true, false, 'user'), (false, true, 'service')"""
    runner.run(_fetched(own_database, made))
    fetch = "select role from users order by id"
    runner.run(migrations.up(own_database))
    assert runner.run(_fetched(own_database, fetch)) == [("user",), ("user",), ("user",), ("service",)]
    runner.run(_fetched(own_database, "update users set role = 'admin' where is_external"))
    with pytest.raises(asyncpg.CheckViolationError, match="the last active admin stays one"):
        runner.run(_fetched(own_database, "update users set role = 'user' where is_external"))


DOCUMENTS = {
    '{ "b": 1e2, "a": -0, "b": 2 }': '{"a": 0, "b": 2}',
    "1e-300": "0." + "0" * 299 + "1",
    "1e-20000": '"1e-20000"',
    '{"response": "\\u00e9"}': '{"response": "\u00e9"}',
    "null": "null",
}
"""Documents as they are kept, and what becomes of them where jsonb keeps them."""


@taken_back
def test_documents_are_kept_to_the_byte_and_go_back_to_jsonb_whatever_they_say(
    runner: asyncio.Runner, own_database: str
) -> None:
    insert = """
        with made_user as (insert into users (is_guest) values (true) returning id),
        made_conversation as (
            insert into conversations (user_id, extra) select id, '{"a": "\\u0000"}' from made_user returning user_id, id),
        made_message as (
            insert into messages (user_id, conversation_id, seq, role, stage1, stage2, stage3, metadata, extra)
            select c.user_id, c.id, place, 'assistant', d.text::json, d.text::json, d.text::json, d.text::json, '"\\u0000"'
            from made_conversation c cross join unnest($1::text[]) with ordinality as d (text, place))
        insert into query_cache (query_hash, result, expires_at)
        select place::text, d.text::json, now() + interval '1 hour'
        from unnest($1::text[]) with ordinality as d (text, place)"""
    kept = """
        select stage1::text, stage2::text, stage3::text, metadata::text, result::text
        from messages join query_cache on query_hash = seq::text order by seq"""
    runner.run(_fetched(own_database, insert, [*DOCUMENTS]))
    assert runner.run(_fetched(own_database, kept)) == [(each,) * 5 for each in DOCUMENTS]
    _back_before(runner, own_database, "documents_as_json")
    assert runner.run(_fetched(own_database, kept)) == [(each,) * 5 for each in DOCUMENTS.values()]
    runner.run(migrations.up(own_database))
    assert runner.run(_fetched(own_database, kept)) == [(each,) * 5 for each in DOCUMENTS.values()]
    texts = "select m.extra::text, c.extra::text, m.search @@ 'é' from messages m join conversations c on true order by seq"
    rows = runner.run(_fetched(own_database, texts))
    # A text of what jsonb would not hold.
    assert {row[:2] for row in rows} == {(r'"\"\\u0000\""', r'"{\"a\": \"\\u0000\"}"')}
    assert [row[2] for row in rows] == ["response" in each for each in DOCUMENTS]


async def _seeded(url: str, statements: Iterable[str]) -> None:
    """Make a user and a row of theirs by each of the statements, and change them all once."""
    connection = await asyncpg.connect(url)
    try:
        user_id = await connection.fetchval("insert into users (is_guest) values (true) returning id")
        for insert in statements:
            await connection.execute(insert, user_id)
        for table in await connection.fetch(f"{_COLUMNS} and column_name = 'version'"):
            await connection.execute(f"update {table['table_name']} set created_at = created_at - interval '1 hour'")
    finally:
        await connection.close()


# Ids in the order of time


def test_an_id_is_a_uuid_of_version_7_that_carries_its_time_to_the_millisecond(ask: Ask) -> None:
    start = datetime(1970, 1, 1, tzinfo=UTC)
    for microseconds in (0, 1, 999, 1000, 1_700_000_000_123_456, 1_700_000_000_999_999, 253_402_214_399_999_999):
        at = start + timedelta(microseconds=microseconds)
        made: UUID = ask.one("select new_id($1)", at)
        assert (made.version, made.variant) == (7, RFC_4122)
        assert made.int >> 80 == microseconds // 1000
    assert abs((ask.one("select new_id()").int >> 80) / 1000 - datetime.now(UTC).timestamp()) < 5


def test_a_hundred_thousand_ids_in_a_row_are_in_order(ask: Ask) -> None:
    out_of_order = """
        select count(*) from (
            select id, lag(id) over (order by place) as before
            from (select place, new_id() as id from generate_series(1, 100000) place offset 0) made) pair
        where id <= before"""
    assert ask.one(out_of_order) == 0


def test_times_that_an_id_cannot_carry_sort_lowest_and_highest(ask: Ask) -> None:
    ids = [
        ask.one("select new_id($1::text::timestamptz)", at)
        for at in (
            "1970-01-02",
            "2026-01-01",
            "9999-12-30",
            "-infinity",
            "1969-12-31 23:59:59.999+00",
            "4713-01-01 BC",
            "infinity",
            "10000-01-01",
            "294276-12-31",
        )
    ]
    inside, low, high = ids[:3], ids[3:6], ids[6:]
    assert {each.version for each in ids} == {7}
    assert inside == sorted(inside)
    assert max(low) < inside[0]
    assert min(high) > inside[-1]


def test_a_time_in_json_has_the_form_that_the_api_gives_it(ask: Ask) -> None:
    for text in (
        "2026-01-01T00:00:00Z",
        "2026-12-31T23:59:59.120000Z",
        "0001-01-01T00:00:00.000001Z",
        "9999-12-31T23:00:00.999999Z",
    ):
        at = datetime.fromisoformat(text)
        assert ask.one("select rfc3339($1)", at) == text == msgspec.json.decode(encode(at))
    assert ask.one("select rfc3339(null)") is None
    for text in ("00:00:00", "12:30:00.500000", "23:59:59.999999"):
        of_day = time.fromisoformat(text)
        assert ask.one("select rfc3339($1::time)", of_day) == text == msgspec.json.decode(encode(of_day))


# Versions


def test_only_a_real_change_of_a_row_changes_its_version_and_its_time_on_every_table(
    runner: asyncio.Runner, connection: Connection, ask: Ask
) -> None:
    tables = {row["table_name"] for row in ask(_COLUMNS) if row["column_name"] == "version"}
    assert tables - {"users"} <= SEEDS.keys(), "a new table: seeds.py must say how to fill it"
    for table in sorted(tables):
        runner.run(_change(connection, table))


async def _change(connection: Connection, table: str) -> None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        user_id = await connection.fetchval("insert into users (is_guest) values (true) returning id")
        await connection.execute(
            """create temp table seed on commit drop as
            select $1::uuid as user_id, new_id() as id, 0 as place, '2026-01-01'::date as date""",
            user_id,
        )
        for rows in SEEDS.values():
            await connection.execute(rows)
        key = "id" if table == "users" else "user_id"

        async def after(assignment: str) -> tuple[int, datetime]:
            returned = f"update {table} set {assignment} where {key} = $1 returning version, updated_at"
            (row,) = await connection.fetch(returned, user_id)
            return (row["version"], row["updated_at"])

        [made] = await connection.fetch(f"select version, updated_at from {table} where {key} = $1", user_id)
        version, updated_at = await after("created_at = created_at")
        assert (version, updated_at) == tuple(made)
        # All of this is one transaction: now() would be the same time again.
        start = await connection.fetchval("select clock_timestamp()")
        changed, changed_at = await after("created_at = '2020-01-02 00:00+00'")
        assert updated_at < _time_of(version) < start < _time_of(changed) <= changed_at
        assert await after("created_at = created_at, updated_at = updated_at, version = version") == (changed, changed_at)
        # A version that is written counts as a change, and a lower one never stands.
        again, _ = await after("version = 7")
        assert changed < again
        kept = datetime(2020, 1, 1, tzinfo=UTC)
        imported, updated_at = await after("updated_at = '2020-01-01 00:00+00'")
        assert again < imported
        assert updated_at == kept
        assert await after("updated_at = '2020-01-01 00:00+00'") == (imported, kept)
        # The clock was set back since: one more than before.
        await connection.execute(f"alter table {table} disable trigger {table}_touch")
        ahead, _ = await after("version = version + 60000000")
        await connection.execute(f"alter table {table} enable trigger {table}_touch")
        assert (await after("created_at = '2020-01-03 00:00+00'"))[0] == ahead + 1
    finally:
        await transaction.rollback()


def test_a_change_of_a_row_with_json_is_seen_by_its_text(runner: asyncio.Runner, own_database: str) -> None:
    extra = r'{"a": "\u0000", "b": 1e-100000, "c": 1}'
    insert = """
        with made_user as (insert into users (is_guest) values (true) returning id)
        insert into conversations (user_id, extra) select id, $1::text::json from made_user returning version"""
    versions = runner.run(_fetched(own_database, insert, extra))
    for title, text, is_change in (("A", extra, True), ("A", extra, False), ("A", extra.replace("1}", "1.0}"), True)):
        update = "update conversations set title = $1, extra = $2::text::json returning version"
        versions += runner.run(_fetched(own_database, update, title, text))
        assert (versions[-1] > versions[-2]) is is_change


def test_a_row_with_words_to_search_is_compared_as_it_is_stored(runner: asyncio.Runner, own_database: str) -> None:
    insert = """
        with made_user as (insert into users (is_guest) values (true) returning id)
        insert into goals (user_id, title, goal_type, target_value) select id, 'A', 'yearly', $1 from made_user
        returning version"""
    versions = runner.run(_fetched(own_database, insert, Decimal("1.0")))
    # As jsonb 1.0 and 1.00 are equal.
    for title, target, is_change in (("B", "1.0", True), ("B", "1.0", False), ("B", "1.00", True)):
        update = "update goals set title = $1, target_value = $2 returning version"
        versions += runner.run(_fetched(own_database, update, title, Decimal(target)))
        assert (versions[-1] > versions[-2]) is is_change


def test_a_table_with_json_leaves_no_column_out_of_the_comparison(ask: Ask) -> None:
    # To leave one out the row becomes jsonb.
    with_json = {row["table_name"] for row in ask(_COLUMNS) if row["data_type"] == "json"}
    leaving_out = ask("select tgrelid::regclass::text as name from pg_trigger where tgfoid = 'touch'::regproc and tgnargs > 0")
    assert "conversations" in with_json
    assert not with_json & {row["name"] for row in leaving_out}


def _time_of(version: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=version)


# The rules for every table

_COLUMNS = """
    select table_name::text, column_name::text, data_type::text from information_schema.columns
    where table_schema = 'public' and table_name <> 'schema_migrations'
        and table_name not in (select table_name from information_schema.views where table_schema = 'public')"""

_CONSTRAINTS = """
    select c.conname as name, c.contype::text as kind, t.relname as table_name,
        array(select a.attname::text from unnest(c.conkey) with ordinality k(number, place)
            join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number order by k.place) as columns
    from pg_constraint c
    join pg_class t on t.oid = c.conrelid
    where t.relnamespace = 'public'::regnamespace and t.relname <> 'schema_migrations' and c.contype <> 'n'"""

_INDEXES = """
    select i.relname as name, t.relname as table_name, x.indisunique as is_unique,
        exists (select 1 from pg_constraint c where c.conindid = x.indexrelid) as is_constraint,
        coalesce(pg_get_expr(x.indpred, x.indrelid), '') as predicate,
        array(select pg_get_indexdef(x.indexrelid, place, true) || ':' || x.indoption[place - 1] || m.amname
            from generate_series(1, x.indnkeyatts) place) as keys,
        array(select pg_get_indexdef(x.indexrelid, place, true) from generate_series(1, x.indnkeyatts) place) as columns
    from pg_index x
    join pg_class i on i.oid = x.indexrelid
    join pg_am m on m.oid = i.relam
    join pg_class t on t.oid = x.indrelid
    where t.relnamespace = 'public'::regnamespace and t.relname <> 'schema_migrations'
    order by 1"""


def test_every_constraint_has_its_words_and_no_words_are_left_over(ask: Ask) -> None:
    names = {row["name"] for row in ask(_CONSTRAINTS)}
    names |= {row["name"] for row in ask(_INDEXES) if row["is_unique"]}
    # Those that a trigger raises.
    names |= {row["name"] for row in ask("select (regexp_matches(prosrc, $$constraint = '(\\w+)'$$))[1] as name from pg_proc")}
    undeclared = sorted(names - constraints.rules().keys())
    assert not undeclared, f"declare these beside the slice's schemas, in constraints.owned(...): {undeclared}"
    left_over = sorted(constraints.rules().keys() - names)
    assert not left_over, f"no such constraint in the schema: {left_over}"


def test_every_constraint_and_index_is_named_after_its_table_and_its_rule(ask: Ask) -> None:
    for row in [*ask(_CONSTRAINTS), *ask(_INDEXES)]:
        table, rule = row["name"][: len(row["table_name"]) + 1], row["name"][len(row["table_name"]) + 1 :]
        assert table == f"{row['table_name']}_", row
        assert re.fullmatch(r"[a-z][a-z_]*[a-z]", rule), row
        # These are the names that PostgreSQL gives where nobody thought of one.
        assert not re.fullmatch(r"(.+_)?(check|fkey|excl)|.+_(key|idx)", rule), row


def test_no_index_begins_another_index_of_its_table(ask: Ask) -> None:
    indexes = ask(_INDEXES)
    redundant = [
        (short["name"], long["name"])
        for short in indexes
        for long in indexes
        if short["name"] != long["name"]
        and (short["table_name"], short["predicate"]) == (long["table_name"], long["predicate"])
        and long["keys"][: len(short["keys"])] == short["keys"]
    ]
    assert redundant == []


def test_every_foreign_key_has_an_index_that_begins_with_it(ask: Ask) -> None:
    indexes = ask(_INDEXES)
    for key in ask(_CONSTRAINTS):
        # A partial index serves a cascade when it leaves out nothing but the rows that point nowhere.
        whole = {"", *(f"({column} IS NOT NULL)" for column in key["columns"])}
        assert key["kind"] != "f" or any(
            index["table_name"] == key["table_name"]
            and set(index["columns"][: len(key["columns"])]) == set(key["columns"])
            and index["predicate"] in whole
            for index in indexes
        ), f"{key['name']}: a cascade would read the whole table"


def test_the_keys_of_owned_tables_begin_with_the_owner(ask: Ask) -> None:
    owned = {row["table_name"] for row in ask(_COLUMNS) if row["column_name"] == "user_id"}
    for index in ask(_INDEXES):
        if index["is_unique"] and index["table_name"] in owned - LOOKED_UP_BEFORE_THE_USER_IS_KNOWN - OF_IMPORTS:
            assert index["columns"][0] == "user_id", index["name"]


def test_a_row_of_an_owned_table_goes_with_its_owner_and_points_at_rows_of_the_same_owner(ask: Ask) -> None:
    owned = {row["table_name"] for row in ask(_COLUMNS) if row["column_name"] == "user_id"}
    keys = [row for row in ask(_CONSTRAINTS) if row["kind"] == "f"]
    assert owned - OF_IMPORTS <= {key["table_name"] for key in keys if key["columns"][0] == "user_id"}
    assert [key["name"] for key in keys if key["table_name"] in owned - OF_IMPORTS and key["columns"][0] != "user_id"] == []


def test_every_table_has_a_comment(ask: Ask) -> None:
    silent = ask(
        """
        select relname as name from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'schema_migrations'
            and obj_description(oid, 'pg_class') is null"""
    )
    assert silent == []


def test_every_time_knows_its_time_zone(ask: Ask) -> None:
    for row in ask(_COLUMNS):
        assert row["data_type"] not in {"timestamp without time zone", "time with time zone"}, row
        assert not row["column_name"].endswith("_at") or row["data_type"] == "timestamp with time zone", row


# The name of a broken constraint


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"n": "users_email_unique"}, "users_email_unique"),
        ({"n": "users_email_unique_102008"}, "users_email_unique"),
        ({"M": 'duplicate key value violates unique constraint "users_email_unique_102008"'}, "users_email_unique"),
        ({"M": 'new row for relation "tasks_102012" violates check constraint "tasks_title_length"'}, "tasks_title_length"),
        ({"n": "nobody_knows_this_102008"}, "nobody_knows_this"),
        ({"M": "something else"}, None),
    ],
)
def test_the_constraint_is_found_in_its_field_or_in_the_message_with_or_without_a_shard(
    fields: dict[str, str], expected: str | None
) -> None:
    error = asyncpg.PostgresError.new({"S": "ERROR", "C": "23505", "M": "broken"} | fields)
    assert name_of(error, "constraint") == expected


def test_a_violation_that_only_the_message_names_is_answered_by_the_constraints_own_problem() -> None:
    message = 'duplicate key value violates unique constraint "users_email_unique_102008"'
    problem = problem_for(asyncpg.PostgresError.new({"S": "ERROR", "C": "23505", "M": message}))
    assert (problem.kind.status, problem.code, problem.errors[0].field) == (409, "email_taken", "email")
