"""Every statement of sql/queries: what a compiler would check, whose rows it takes, how it is planned, how it is written."""

import asyncio
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, cast
from uuid import UUID

import asyncpg
import clustered
import msgspec
import pytest
import tenancy
from seeds import AUDITED_PATH, SEEDS, fill
from statements import FILES, STATEMENTS, Statement, function_of, loader_of

from app.database.connection import Connection as AppConnection
from app.database.ids import new_id
from app.database.opening import PLANNING, begin
from app.database.queries import Json, Query, load
from app.http.pagination import PAGE_BYTES
from app.http.responses import encode

Connection: typing.TypeAlias = "asyncpg.Connection[asyncpg.Record]"

every_statement = pytest.mark.parametrize("statement", STATEMENTS, ids=[f"{each.file}.{each.name}" for each in STATEMENTS])


class Catalog(NamedTuple):
    """What the database says about itself."""

    owned: dict[str, str]
    """Table -> the column that says whose a row is."""
    relations: frozenset[str]


@pytest.fixture(scope="module")
def catalog(runner: asyncio.Runner, connection: Connection) -> Catalog:
    return runner.run(_catalog(connection))


async def _catalog(connection: Connection) -> Catalog:
    owned = await connection.fetch(
        "select table_name from information_schema.columns where table_schema = 'public' and column_name = 'user_id'"
    )
    relations = await connection.fetch("select relname from pg_class where relkind in ('r', 'p', 'v', 'm')")
    return Catalog(
        {row["table_name"]: "user_id" for row in owned} | {"users": "id"}, frozenset(row["relname"] for row in relations)
    )


# What a compiler would check


def test_every_file_is_read_as_the_app_reads_it() -> None:
    for file in FILES:
        mine = [statement.name for statement in STATEMENTS if statement.file == file.stem]
        assert mine, f"{file.name} is empty"
        assert len(mine) == len(set(mine)), f"{file.name} has two statements of one name: one is lost in silence"
        assert set(load(file.stem).available_queries) == set(mine)


@every_statement
def test_postgresql_can_prepare_a_statement_and_its_columns_are_the_fields(
    runner: asyncio.Runner, connection: Connection, statement: Statement
) -> None:
    query = statement.query
    prepared = runner.run(connection.prepare(query.sql))
    assert len(prepared.get_parameters()) == len(query.order)
    row = _row(statement)
    if typing.get_origin(row) is Json:
        prepared = runner.run(connection.prepare(_inside_of_json(query.sql)))
        (row,) = typing.get_args(row)
    expected = _columns(row)
    if re.search(_WITH_TAGS, query.sql):
        expected = [name for name in expected if name != "tags"]
    actual = [column.name for column in prepared.get_attributes()]
    if statement.single is not None:
        assert actual.pop() == "place"
    if len(expected) == len(actual):
        expected = [name or column for name, column in zip(expected, actual, strict=True)]
    assert actual == expected


ELSEWHERE: dict[str, tuple[list[str], str]] = {
    "accounts.log_in_unnoted": (["expires_at"], "its function reads the user as well"),
    "migrations.can_be_distributed": (["?column?"], "is_distributed() asks both"),
    "migrations.has_versions": (["?column?"], "the functions of app.database.migrations send several statements each"),
    "migrations.try_lock": (["pg_try_advisory_lock"], "as has_versions"),
    "migrations.unlock": (["pg_advisory_unlock"], "as has_versions"),
    "migrations.versions": (["version"], "as has_versions"),
    "opening.has_citus": (["exists"], "as plan_by_values"),
    "opening.plan_by_values": (["?column?"], "it is sent on a connection that no executor has yet"),
    "rate_limits.hit": (["retry_after"], "hit() raises Problem 429 instead of returning it"),
    "rate_limits.hit_with_pauses": (["retry_after"], "as hit"),
}
"""Statements without a function of their name: the columns that are read, and why they have none."""


def test_the_exceptions_are_still_statements() -> None:
    assert ELSEWHERE.keys() <= {f"{statement.file}.{statement.name}" for statement in STATEMENTS}


def _row(statement: Statement) -> Any:
    """What a row becomes: as the function of the same name says, in the module that loads the file. A list: these columns."""
    if exception := ELSEWHERE.get(f"{statement.file}.{statement.name}"):
        return exception[0]
    function = function_of(statement)
    assert function is not None, f"{loader_of(statement.file).__name__} has no function {statement.name}"
    kind = _without_none(typing.get_type_hints(function)["return"])
    if kind is types.NoneType:
        # It is called for what it does.
        return [] if statement.operator == "!" else [None]
    if statement.operator == "!":
        assert kind in {int, bool}, f"{statement.name}! gives a count, its function {kind}"
        return []
    if typing.get_origin(kind) is list:
        assert statement.operator == "", f"{statement.name}{statement.operator} gives no list"
        # None is no row: a page has ended early.
        return _without_none(typing.get_args(kind)[0])
    if statement.single is not None:
        assert statement.operator == "", f"{statement.name}{statement.operator} gives no list"
        return kind
    operators = "$^" if kind in SCALARS else "^"
    assert statement.operator, f"{statement.name} gives a list, its function {kind}"
    assert statement.operator in operators, f"{statement.name}{statement.operator} gives no {kind}"
    return kind


def _inside_of_json(sql: str) -> str:
    """The statement whose rows are given as JSON, without what measures them."""
    if measured := re.fullmatch(rf"(?s)(?:with |(.*),\n)listed as \((.*)\s+{_MEASURING}", sql.strip()):
        sql = (measured[1] or "") + measured[2]
    elif plain := re.fullmatch(r"(?s)with listed as \((.*)\)\nselect json from listed", sql.strip()):
        sql = plain[1]
    if walked := re.fullmatch(_WALKING, sql.strip()):
        sql = walked[1]
    asked = re.search(_WITH_TAGS, sql)
    sql = re.sub(_WITH_TAGS, r"select row_to_json(\2)::text as json", sql)
    found = re.fullmatch(r"(?s)(.*)\bselect row_to_json\((\w+)\)::text as json\s+from \((.*)\) \2", sql.strip())
    assert found, "JSON is made in one way: select row_to_json(row)::text as json from (...) row"
    # A statement cannot be prepared that leaves out one of its parameters.
    return found[1] + found[3] + (f" offset case when {asked[1]}::boolean then 0 end" if asked else "")


_WITH_TAGS = r"""select case when (\$\d+)::boolean then with_tags\(row_to_json\((\w+)\), \(
 +select json_agg\(row_to_json\(t\) order by t\.name, t\.id\) from tags_of\(\$\d+, '[a-z-]+', \2\.id\) t\)\)
 +else row_to_json\(\2\)::text end as json"""
"""How a row gets its tags where they are asked for: as the last member of its JSON."""


_MEASURING = r"""offset 0\),
measured as \(
    select json, sum\(octet_length\(json\)\) over \(rows unbounded preceding\) - octet_length\(json\) as bytes_before
    from listed\),
counted as \(
    select json, count\(\*\) filter \(where bytes_before >= \$\d+\) over \(rows unbounded preceding\) as ended
    from measured\)
select (case when ended = 0 then json end as json\nfrom counted\nwhere ended <= 1|json from counted where ended = 0)"""
"""How a list ends with the row that reaches `bytes`: with a null where a page follows, or, where none does, without."""


_WALKING = r"""(?s)\((.*)\)
    union all
    \(select row_to_json\(last\)::text
    from \(
        select true as walked, [a-z_]+(?:, id)?
        from .*offset walked_rows\(\) - 1 limit 1\) last\)
    limit \$\d+"""
"""How a list ends that looked at so many rows: with the key of the last one, where not enough of them are wanted."""


SCALARS = {bool, int, float, str, bytes, Decimal, UUID, date, datetime}


def _columns(row: Any) -> list[str | None]:
    """The columns that make such a row; None: one of any name."""
    if isinstance(row, list):
        return row
    # A left join may find nothing.
    row = _without_none(row)
    if isinstance(row, type) and issubclass(row, msgspec.Struct):
        return [field.encode_name for field in msgspec.structs.fields(row)]
    if typing.get_origin(row) is tuple:
        return [column for part in typing.get_args(row) for column in _columns(part)]
    assert _without_none(row) in SCALARS, f"nothing says which columns make {row}: see ELSEWHERE"
    return [None]


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        parts = [part for part in typing.get_args(kind) if part is not type(None)]
        return parts[0] if len(parts) == 1 else kind
    return kind


class Nowhere:
    async def run(self, _query: Query, _values: list[Any]) -> None:
        raise AssertionError

    coalesce = run


def test_a_parameter_too_many_too_few_or_misspelt_is_a_type_error(runner: asyncio.Runner) -> None:
    for arguments in ({"user_id": 1, "id": 2, "extra": 3}, {"user_id": 1}, {"user_id": 1, "ID": 2}):
        with pytest.raises(TypeError, match=r"tasks\.get"):
            runner.run(load("tasks").get.row(Nowhere(), **arguments))


class Empty:
    async def run(self, _query: Query, _values: list[Any]) -> None:
        """There is no row."""

    coalesce = run


def test_a_statement_that_always_returns_a_row_says_when_it_does_not(runner: asyncio.Runner) -> None:
    with pytest.raises(LookupError, match=r"usage\.get"):
        runner.run(load("usage").get.only(Empty(), dict, user_id=1, daily_limit=1, monthly_limit=1))


# What a cluster takes


NOT_ON_A_CLUSTER = {
    "migrations.try_lock": "a lock of the session, which has nothing to do with tables",
    "migrations.unlock": "as try_lock",
    "importing.undo": "in an import the rows are checked out by then: tests/test_import_clustered.py",
    "importing.unfold": "as importing.undo",
    "importing.keep_ways_in": "as importing.undo",
    "distribution.distribute": "tests/test_distribution.py does it",
    "distribution.undistribute": "as distribute",
    "distribution.set_options": "as distribute",
}
"""Statements that are not tried there, and why."""

AS_OFTEN = 7
"""From the sixth time on PostgreSQL may have one plan for all values."""


@clustered.cluster
@every_statement
def test_a_cluster_takes_a_statement(runner: asyncio.Runner, database: str, statement: Statement) -> None:
    if statement.single is not None:
        pytest.skip("a batch of several users: a cluster gets each call by itself")
    if statement.query.distributed is not None:
        pytest.skip(f"a cluster gets {statement.query.distributed.name} in its place")
    if reason := NOT_ON_A_CLUSTER.get(f"{statement.file}.{statement.name}"):
        pytest.skip(reason)
    assert runner.run(_refusals(database, statement.query)) == set()


async def _refusals(database: str, query: Query) -> set[str]:
    """Send a statement with made-up values; returns what Citus says to it. What the values are is none of its business."""
    connection = await asyncpg.connect(database, connection_class=AppConnection, server_settings=PLANNING | {"timezone": "UTC"})
    try:
        await begin(connection)
        user_id = await connection.fetchval("insert into users (is_guest) values (true) returning id")
        said = set()
        prepared = await connection.prepare(query.sql)
        kinds = zip(prepared.get_parameters(), query.order, strict=True)
        values = [made_up(kind.name, name, user_id) for kind, name in kinds]
        for _ in range(AS_OFTEN):
            transaction = connection.transaction()
            await transaction.start()
            try:
                await prepared.fetch(*values, timeout=20)
            except asyncpg.PostgresError as error:
                if not (error.sqlstate or "").startswith(("22", "23")) and not _is_of_an_import(query, error):
                    said.add(f"{error.sqlstate}: {error.args[0]}")
            await transaction.rollback()
        return said
    finally:
        await connection.close(timeout=5)


def _is_of_an_import(query: Query, error: asyncpg.PostgresError) -> bool:
    """Whether a statement of an import lacks the tables that every import makes first."""
    return query.name.startswith("importing.") and re.search('relation "(staged_|import_owners)', error.args[0]) is not None


def made_up(kind: str, name: str, user_id: UUID) -> Any:
    """A value of a type. Of a parameter that names a table it is one."""
    if kind.endswith("[]"):
        return [made_up(kind[:-2], name, user_id)]
    if kind in {"text", "varchar", "bpchar", "regclass"}:
        return {"entity": "tasks", "entities": "tasks", "new": "{}", "details": "{}", "order": "created"}.get(name, "1")
    return {
        "uuid": user_id if name in {"user_id", "owner"} else new_id(),
        "bool": True,
        "int2": 1,
        "int4": 1,
        "int8": 1,
        "numeric": Decimal(1),
        "float8": 1.0,
        "date": date(2026, 1, 1),
        "time": time(12),
        "timestamptz": datetime(2026, 1, 1, tzinfo=UTC),
        "bytea": bytes(32),
        "inet": "127.0.0.1",
        "json": "{}",
        "jsonb": "{}",
        "int8multirange": None,
    }[kind]


# Whose rows it takes


@every_statement
def test_a_statement_keeps_to_one_tenant_or_says_why_not(statement: Statement, catalog: Catalog) -> None:
    assert ("tenant:" in statement.comment) == (statement.reason("tenant: none") is not None), 'write "-- tenant: none, <why>"'
    faults = tenancy.faults(statement.named_sql, *catalog)
    if statement.reason("tenant: none") is None:
        assert not faults, "\n".join(faults)
    elif tenancy.touches(statement.named_sql, catalog.owned):
        assert faults, "keeps to one tenant: the comment is too modest"


def test_a_function_that_reads_rows_of_a_user_reads_those_of_the_caller() -> None:
    calls = [call for each in STATEMENTS for call in re.findall(r"\b(?:tags_of|tagged)\(([^,)]*)", each.body)]
    assert calls
    assert {*calls} == {":user_id"}


def test_a_change_of_a_user_gives_its_time_which_is_that_of_all_servers() -> None:
    pattern = re.compile(r"\bupdate users(?: u)?\s+set (.*?)\bwhere\b", re.DOTALL)
    changes = [change for each in STATEMENTS for change in pattern.findall(each.body)]
    assert len(changes) > 10
    for change in changes:
        columns = {*re.findall(r"(?:^|,\s*)(\w+) =", change)} - {"last_login_at", "password_hash"}
        assert "updated_at" in columns or not (columns or change.startswith("(")), change


ASKED_BY_THEMSELVES = {"imported_tasks": "tasks.imported", "table_placements": "distribution.tables"}
"""Functions that read tables, and the one statement that calls each: it reads nothing else, and so runs at the coordinator."""


def test_a_function_that_a_statement_calls_finds_the_shards_where_it_reads_tables(
    runner: asyncio.Runner, connection: Connection, catalog: Catalog
) -> None:
    functions = runner.run(
        connection.fetch(
            "select proname, prosrc from pg_proc join pg_language l on l.oid = prolang"
            " where pronamespace = 'public'::regnamespace and lanname = 'sql' and prosqlbody is null"
        )
    )
    source = runner.run(connection.fetchval("select prosrc from pg_proc where proname = 'use_functions_of_shards'"))
    read = re.compile(rf"\b(?:from|join)\s+(?:{'|'.join(catalog.owned)})\b")
    called = [each["proname"] for each in functions if read.search(each["prosrc"])]
    calls = {name: {each.query.name for each in STATEMENTS if re.search(rf"\b{name}\(", each.body)} for name in called}
    for name, statements in calls.items():
        assert f"function {name}(" in source or statements <= {ASKED_BY_THEMSELVES.get(name)}, (name, statements)


def test_what_is_inserted_by_a_select_is_not_computed_out_of_columns_by_a_volatile_function(
    runner: asyncio.Runner, connection: Connection
) -> None:
    """Citus moves such a function outwards, where it is given other columns: in silence, and the answer is wrong."""
    volatile = runner.run(
        connection.fetch("select proname from pg_proc where provolatile = 'v' and pronamespace = 'public'::regnamespace")
    )
    called = rf"\b(?:{'|'.join(each['proname'] for each in volatile)})\([^,]*?\b[a-z]\w*\.[a-z]"
    inserted = re.compile(r"\binsert into \w+ \([^)]*\)\s+select\b(.*?)\n\s*from\b", re.DOTALL)
    lists = {each.query.name: found[1] for each in STATEMENTS for found in inserted.finditer(each.body)}
    assert len(lists) > 20
    assert [name for name, columns in lists.items() if re.search(called, columns)] == []


OWNED = {"users": "id", "tasks": "user_id", "habits": "user_id", "entries": "user_id"}
RELATIONS = {*OWNED, "cache"}

KEPT = {
    "a condition": "select id from tasks where user_id = :user_id and id = :id",
    "turned around, cast, in brackets": "select id from tasks where (id < :id and (:user_id::uuid = user_id))",
    "kept off an index": "select id from tasks where (user_id = :user_id) is true and title = :title",
    "the user's own row": "update users set name = :name where id = :user_id returning id",
    "a join with the owner on both sides": """
        select e.id from habits h join entries e on e.user_id = h.user_id and e.habit_id = h.id where h.user_id = :user_id""",
    "a left join": """
        select h.id from habits h left join entries e on e.user_id = h.user_id and e.habit_id = h.id
        where h.user_id = :user_id""",
    "a chain of joins": """
        select t.id from tasks t join habits h on h.user_id = t.user_id join entries e on e.user_id = h.user_id
        where e.user_id = :user_id""",
    "an insert": "insert into tasks (id, user_id) values (:id, :user_id) on conflict (user_id, id) do nothing returning id",
    "an insert over the caller's own row": """
        insert into tasks (user_id, id, title) values (:user_id, :id, :title)
        on conflict (user_id, id) do update set title = excluded.title""",
    "an insert out of a filtered CTE": """
        with updated_user as (update users set name = :name where id = :user_id returning id)
        insert into tasks (user_id, title) select id, :title from updated_user""",
    "an insert out of a union": """
        with kept as (select user_id, id from habits where user_id = :user_id)
        insert into tasks (user_id, title) select user_id, 'a' from kept union all select :user_id, 'b'""",
    "an insert of many rows": """
        insert into tasks (user_id, title)
        select :user_id, r.title from jsonb_to_recordset(:rows::jsonb) as r(title text)""",
    "both arms of a recursion": """
        with recursive ancestor as (
            select id, parent_id from tasks where user_id = :user_id and id = :id
            union select t.id, t.parent_id from tasks t join ancestor a on t.id = a.parent_id where t.user_id = :user_id)
        update tasks set parent_id = :parent where user_id = :user_id and not exists (select 1 from ancestor)""",
    "a table that nobody owns": "select id from cache where id = :id",
    "a lock": "select t.id from tasks t where t.user_id = :user_id for update of t",
    "a look-up for several callers": """
        select id, title, place
        from unnest(:user_id::uuid[], :id::uuid[]) with ordinality as sent (user_id, id, place)
        join tasks using (user_id, id)""",
    "an insert for several callers": """
        insert into tasks (user_id, id) select user_id, id from unnest(:user_id::uuid[], :id::uuid[]) as sent (user_id, id)""",
    "an update for several callers": """
        with found as (
            select t.user_id, t.id from unnest(:user_id::uuid[], :id::uuid[]) as sent (user_id, id)
            join tasks t on t.user_id = sent.user_id and t.id = sent.id)
        update tasks t set title = '' from found f where t.user_id = f.user_id and t.id = f.id""",
    "a subquery for each of several callers": """
        select (select count(*) from entries e where e.user_id = sent.user_id and e.habit_id = h.id)
        from unnest(:user_id::uuid[], :id::uuid[]) as sent (user_id, id) join habits h using (user_id, id)""",
    "a delete by a list": """
        delete from tasks t using jsonb_to_recordset(:rows::jsonb) as r(id uuid)
        where t.user_id = :user_id and t.id = r.id""",
}
BROKEN = {
    "no condition": "select id from tasks where id = :id",
    "no where at all": "delete from tasks",
    "under an or": "select id from tasks where user_id = :user_id or id = :id",
    "under an or inside of an and": "select id from tasks where id = :id and (user_id = :user_id or :user_id is null)",
    "under a not": "select id from tasks where not (user_id = :user_id)",
    "said not to be true": "select id from tasks where (user_id = :user_id) is not true",
    "said to be false": "select id from tasks where (user_id = :user_id) is false",
    "one of two said to be true": "select id from tasks where (user_id = :user_id or id = :id) is true",
    "another operator": "select id from tasks where user_id <> :user_id",
    "another parameter": "select id from tasks where user_id = :other_id",
    "another column": "select id from tasks where id = :user_id",
    "a column with itself": "select id from tasks where user_id = user_id",
    "on users by another column": "select id from users where email = :user_id",
    "in a case": "select id from tasks where case when user_id = :user_id then true else true end",
    "only in the list of columns": "select user_id = :user_id from tasks",
    "only in the order": "select id from tasks order by user_id = :user_id desc",
    "only in the having": "select user_id from tasks group by user_id having user_id = :user_id",
    "in a CTE": "with found as (select id from tasks where id = :id) select id from found",
    "in a CTE that changes": "with deleted as (delete from tasks where id = :id returning id) select id from deleted",
    "outside of the CTE alone": "with found as (select user_id from tasks) select user_id from found where user_id = :user_id",
    "in a subquery after from": "select x.id from (select id from tasks) x where x.id = :user_id",
    "in a lateral": "select x.id from cache c cross join lateral (select id from tasks t where t.id = c.id) x",
    "in a subquery after exists": """
        select id from tasks t where t.user_id = :user_id and exists (select 1 from habits h where h.id = t.id)""",
    "in a subquery after in": "select id from tasks where user_id = :user_id and id in (select id from habits)",
    "in a subquery among the columns": "select (select count(*) from habits) as n from tasks where user_id = :user_id",
    "in a subquery in the limit": "select id from tasks where user_id = :user_id limit (select count(*) from habits)",
    "in a subquery of a set": "update tasks set title = (select title from habits limit 1) where user_id = :user_id",
    "in a subquery of an argument": """
        select r.x from jsonb_to_recordset((select jsonb_agg(title) from tasks)) as r(x text)""",
    "in a subquery of an insert": "insert into tasks (user_id, title) values (:user_id, (select title from habits limit 1))",
    "in a subquery of on conflict": """
        insert into tasks (user_id, id, title) values (:user_id, :id, 'a')
        on conflict (user_id, id) do update set title = (select title from habits limit 1)""",
    "in the second arm of a union": "select id from tasks where user_id = :user_id union all select id from tasks",
    "in the first arm of a union": "select id from tasks union all select id from tasks where user_id = :user_id",
    "in the recursive arm": """
        with recursive a as (
            select user_id, id, parent_id from tasks where user_id = :user_id
            union select t.user_id, t.id, t.parent_id from tasks t join a on t.user_id = a.user_id and t.id = a.parent_id)
        select id from a""",
    "on one side of a join": "select h.id from habits h join entries e on e.habit_id = h.id where h.user_id = :user_id",
    "behind a comma": "select h.id from habits h, entries e where h.user_id = :user_id and e.habit_id = h.id",
    "without saying of which table": "select h.id from habits h join entries e on e.habit_id = h.id where user_id = :user_id",
    "in the on of a left join, about the left side": """
        select h.id from habits h left join entries e on h.user_id = :user_id and e.user_id = :user_id""",
    "in a full join": "select h.id from habits h full join entries e on e.user_id = h.user_id where h.user_id = :user_id",
    "in an update's from": "update tasks t set title = h.name from habits h where t.user_id = :user_id and h.id = t.id",
    "in a delete's using": "delete from tasks t using habits h where h.user_id = :user_id and h.id = t.id",
    "an insert for somebody else": "insert into tasks (user_id, title) values (:other_id, :title)",
    "an insert whose second row is for somebody else": "insert into tasks (user_id) values (:user_id), (:other_id)",
    "an insert with the owner in another column": "insert into tasks (title, user_id) values (:user_id, :title)",
    "an insert without an owner": "insert into tasks (title) values (:title)",
    "an insert without columns": "insert into tasks values (:user_id)",
    "an insert out of an unfiltered CTE": """
        with found as (select user_id from cache) insert into tasks (user_id) select user_id from found""",
    "an insert out of a union with a bad arm": "insert into tasks (user_id) select :user_id union all select :other_id",
    "an insert over somebody else's row": """
        insert into tasks (user_id, id) values (:user_id, :id) on conflict (id) do update set title = 'taken'""",
    "an insert over whatever a constraint says": """
        insert into tasks (user_id, id) values (:user_id, :id) on conflict on constraint tasks_pkey do update set title = ''""",
    "an update that gives a row away": "update tasks set user_id = :other_id where user_id = :user_id",
    "an update that gives a row away among others": "update tasks set (title, user_id) = (:a, :b) where user_id = :user_id",
    "a CTE in the place of a table": "with tasks as (select id from cache) select id from tasks",
    "a schema before the name": "with t as (select 1) select id from public.tasks",
    "a table that does not exist": "select id from tsaks where user_id = :user_id",
    "brackets around a join": "select 1 from (tasks t join cache c on c.id = t.id) where t.user_id = :user_id",
    "several callers, and all rows": "select t.id from unnest(:user_id::uuid[]) as sent (user_id) cross join tasks t",
    "several callers, by another column": """
        select id from unnest(:id::uuid[], :user_id::uuid[]) as sent (user_id, id) join tasks using (user_id, id)""",
    "several callers, joined by another column": """
        select t.id from unnest(:user_id::uuid[], :id::uuid[]) as sent (user_id, id) join tasks t using (id)""",
    "several callers twice": """
        select id from unnest(:user_id::uuid[]) as one (user_id) join tasks using (user_id)
        where id in (select h.id from unnest(:user_id::uuid[]) as two (user_id) join habits h using (user_id))""",
    "several callers, and a subquery for all": """
        select (select count(*) from entries e where e.habit_id = h.id)
        from unnest(:user_id::uuid[], :id::uuid[]) as sent (user_id, id) join habits h using (user_id, id)""",
    "an insert for several others": """
        insert into tasks (user_id, id) select user_id, id from unnest(:other_id::uuid[], :id::uuid[]) as sent (user_id, id)""",
    "a merge": "merge into tasks t using cache c on t.id = c.id when matched then delete",
    "a truncate": "truncate tasks",
    "a table": "table tasks",
    "two statements": "select 1; delete from tasks",
    "what cannot be parsed": "select from where tasks",
}


@pytest.mark.parametrize("sql", KEPT.values(), ids=KEPT.keys())
def test_a_statement_that_keeps_to_one_tenant_passes(sql: str) -> None:
    assert tenancy.faults(sql, OWNED, RELATIONS) == []


@pytest.mark.parametrize("sql", BROKEN.values(), ids=BROKEN.keys())
def test_a_statement_that_reaches_other_tenants_is_caught(sql: str) -> None:
    assert tenancy.faults(sql, OWNED, RELATIONS) != []


# How it is planned

PAGE = 51

EARLY = 5
"""Rows that a page may read which ends with its first one."""

FILLED = 20_000
"""Rows of a table, half of them one user's: so many that the planner chooses as it would among millions."""

FIRST_SEEDED_DAY = date(2020, 1, 1)
"""The ids are spread over 2,000 days, as many a day, in the same order."""

one_server = clustered.plain("these are the plans of one server; a cluster plans by values, and on the worker")


@one_server
def test_pages_and_look_ups_keep_to_an_index_among_20_000_rows(runner: asyncio.Runner, own_database: str) -> None:
    """One test, because filling the tables is what takes the time."""
    runner.run(_check_plans(own_database))


async def _check_plans(url: str) -> None:
    connection = await asyncpg.connect(url, server_settings=PLANNING)
    try:
        plans = await Plans.filled(connection)
        wrong = await _plan_faults(plans, "never analyzed")
        await connection.execute("analyze")
        wrong += await _plan_faults(plans, "analyzed")
        assert not wrong, "\n".join(wrong)
        for sql, expected in BAD_PAGES.items():
            faults = await plans.page_faults(sql, ["user_id", "after", "limit"])
            assert any(expected in fault for fault in faults), (sql, faults)
        for sql, expected in BAD_LOOK_UPS.items():
            faults = await plans.look_up_faults(sql, ["user_id"])
            assert any(expected in fault for fault in faults), (sql, faults)
    finally:
        await connection.close()


async def _plan_faults(plans: "Plans", state: str) -> list[str]:
    wrong = []
    for statement in STATEMENTS:
        if statement.reason("plan: exempt") is None:
            is_page, query = statement.name.startswith("page_"), statement.query
            faults = await (plans.page_faults if is_page else plans.look_up_faults)(query.sql, query.order)
            faults += await plans.json_faults(query, _row(statement)) if is_page else []
            wrong += [f"{statement.file}.{statement.name}, {state}: {fault}" for fault in faults]
    return wrong


@one_server
@pytest.mark.parametrize("state", ["never analyzed", "analyzed while empty", "analyzed"])
def test_a_page_of_1000_rows_is_walked_in_the_order_of_an_index(runner: asyncio.Runner, own_database: str, state: str) -> None:
    async def sorted_pages() -> tuple[int, list[str]]:
        connection = await asyncpg.connect(own_database, server_settings=PLANNING)
        try:
            if state == "analyzed while empty":
                await connection.execute("analyze")
            user_id = await fill(connection, 1, 1000, "1")
            if state == "analyzed":
                await connection.execute("analyze")
            plans = Plans(connection, user_id, (await _catalog(connection)).owned)
            pages = [each for each in STATEMENTS if each.name.startswith("page_") and each.reason("plan: exempt") is None]
            read = {page: await plans.nodes(page.query) for page in pages}
            # A table of a few rows is read as a whole, and rightly so.
            full = {page: nodes for page, nodes in read.items() if await plans.are_full(nodes, 1000)}
            # What is read of tags is sorted, too, where they are asked for: in a step of its own.
            return len(full), [
                f"{page.file}.{page.name}" for page, nodes in full.items() if "Sort" in str(list(_without_subplans(nodes[0])))
            ]
        finally:
            await connection.close()

    looked_at, wrong = runner.run(sorted_pages())
    assert looked_at > 20
    assert wrong == []


BAD_PAGES = {
    "select id from tasks where user_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3": "drops",
    "select id from tasks where user_id = $1 and id < $2 order by title limit $3": "Sort",
    "select id from tasks where user_id::text = $1 and id <> $2 limit $3": "Seq Scan",
    "select id from tasks where user_id = $1 and id < $2 and title = 'none' order by id limit $3": "gives 0 rows",
    "select max(id::text)::uuid from tasks where user_id = $1 and id < $2 limit $3": "gives 1 rows",
}
BAD_LOOK_UPS = {
    "select id from tasks where title = $1": "Seq Scan",
    "select id from tasks order by user_id, id limit $1": "Index Only Scan of tasks without a key",
    "with deleted as (delete from tasks where title = $1 returning id) select id from deleted": "Seq Scan",
    "update tasks set completed = true where title = $1": "Seq Scan",
}


class Plans:
    """How the planner goes about statements in a database that is full."""

    def __init__(self, connection: Connection, user_id: UUID, owned: Mapping[str, str]) -> None:
        self._connection = connection
        self._user_id = user_id
        self._owned = owned
        self._values_at: dict[float, dict[str, Any]] = {}

    @classmethod
    async def filled(cls, connection: Connection) -> "Plans":
        """Fill the tables: half of the rows are of one user, the others of 1,000. The planner has not looked at them yet."""
        user_id = await fill(connection, 1001, FILLED, "case when place / 10 % 2 = 0 then 1 else 2 + place / 20 % 1000 end")
        return cls(connection, user_id, (await _catalog(connection)).owned)

    async def nodes(self, query: Query) -> list[dict[str, Any]]:
        """The steps of a statement's plan."""
        return list(_nodes(await self._plan(query.sql, query.order, {}, analyze=False)))

    async def are_full(self, nodes: list[dict[str, Any]], rows: int) -> bool:
        """Whether all owned tables that a plan reads have so many rows."""
        tables = {node["Relation Name"] for node in nodes if node.get("Relation Name") in self._owned}
        return all([await self._connection.fetchval(f"select count(*) from {table}") >= rows for table in tables])

    async def page_faults(self, sql: str, order: list[str]) -> list[str]:
        """What is wrong with how a page is read that begins deep in a long list, with no filter set."""
        faults = []
        for depth in (0.1, 0.9):
            plan = await self._plan(sql, order, await self._values(depth), analyze=True)
            if plan["Actual Rows"] != PAGE:
                faults.append(f"gives {plan['Actual Rows']:.0f} rows instead of {PAGE}: does a parameter need a value here?")
            for node in _nodes(plan):
                dropped = sum(rows for key, rows in node.items() if key.startswith("Rows Removed by"))
                if node["Node Type"] in {"Sort", "Incremental Sort"} and node["Actual Loops"]:
                    faults.append(f"{node['Node Type']} at depth {depth}")
                if dropped > node["Actual Rows"]:
                    faults.append(f"drops {dropped} rows for {node['Actual Rows']:.0f} at depth {depth}")
        if "bytes" in order:
            # With the first row they are reached, and what looks ahead reads a few more.
            ended = await self._plan(sql, order, await self._values(0.5) | {"bytes": 1}, analyze=True)
            read = max(node["Actual Rows"] for node in _nodes(ended) if node["Node Type"] in {"Limit", "Subquery Scan"})
            faults += [f"reads {read:.0f} rows for a page of one"] if read > EARLY else []
        return faults + await self.look_up_faults(sql, order)

    async def json_faults(self, query: Query, row: Any) -> list[str]:
        """Where rows leave the database as JSON: what differs from the JSON of the same rows as structs."""
        if typing.get_origin(row) is not Json:
            return []
        values = await self._values(0.5)
        rows = await self._connection.fetch(query.sql, *(values.get(name) for name in query.order))
        kind = typing.get_args(row)[0]
        texts = [each[0] for each in rows]
        # A whole number has no point in the database's JSON, nor has a Decimal out of a row when it is encoded; a float has.
        encoded = [re.sub(rb"(?<=\d)\.0(?=[,}])", b"", encode(msgspec.json.decode(text, type=kind))) for text in texts]
        different = [text for text, expected in zip(texts, encoded, strict=True) if expected.decode() != text]
        return [f"{len(different)} rows are not as a {kind.__name__} is encoded, such as {different[0]}"] if different else []

    async def look_up_faults(self, sql: str, order: list[str]) -> list[str]:
        """What is wrong with how a statement finds rows of owned tables: by the key of an index, or else it reads them all."""
        faults = []
        for node in _nodes(await self._plan(sql, order, {}, analyze=False)):
            table = node.get("Relation Name")
            if table in self._owned and table not in {*SEEDS, "users"}:
                faults.append(f"reads {table}: seeds.py must say how to fill it")
            elif (table in self._owned or node["Node Type"] == "Bitmap Index Scan") and (
                node["Node Type"] not in {"ModifyTable", "Bitmap Heap Scan"} and "Index Cond" not in node
            ):
                faults.append(f"{node['Node Type']} of {table or 'an index'} without a key")
        return faults

    async def _values(self, depth: float) -> dict[str, Any]:
        if depth not in self._values_at:
            self._values_at[depth] = await self._read_values(depth)
        return self._values_at[depth]

    async def _read_values(self, depth: float) -> dict[str, Any]:
        """The parameters of a page that begins at a part of the user's rows, whichever way it goes. Filters are null."""
        after = await self._connection.fetchval(
            "select percentile_disc($2::float8) within group (order by id) from seed where user_id = $1", self._user_id, depth
        )
        first_id = await self._connection.fetchval("select id from seed where user_id = $1 order by id limit 1", self._user_id)
        day = FIRST_SEEDED_DAY + timedelta(days=int(2000 * depth))
        return {
            "user_id": self._user_id,
            "after": after,
            "after_date": day,
            "after_rank": 0,
            "after_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=int(FILLED * depth)),
            "after_id": after,
            "after_seq": int(FILLED / 2 * depth),
            "habit_id": first_id,
            "goal_id": first_id,
            "tag_id": first_id,
            "date": date(2026, 1, 1),
            "from_date": date(1900, 1, 1),
            "to_date": date(9999, 12, 31),
            "limit": PAGE,
            "bytes": PAGE_BYTES,
            "token_id": self._user_id,
            "actor": self._user_id,
            "target": AUDITED_PATH,
            "from_id": UUID(int=0),
        }

    async def _plan(self, sql: str, order: list[str], values: Mapping[str, Any], *, analyze: bool) -> dict[str, Any]:
        await self._connection.execute(f"prepare planned as {sql}")
        arguments = ", ".join(f"'{values[name]}'" if name in values else "null" for name in order)
        execute = f"execute planned({arguments})" if order else "execute planned"
        plan = await self._connection.fetchval(f"explain (analyze {analyze}, format json) {execute}")
        await self._connection.execute("deallocate planned")
        return cast("dict[str, Any]", json.loads(plan)[0]["Plan"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)


def _without_subplans(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["Node Type"]
    for inner in plan.get("Plans", []):
        if inner["Parent Relationship"] != "SubPlan":
            yield from _without_subplans(inner)


# How it is written


@every_statement
def test_a_statement_is_written_in_the_house_style(statement: Statement) -> None:
    allowed = UNUSUAL.get(f"{statement.file}.{statement.name}", ("", ""))[0]
    assert [fault for fault in _style_faults(statement.body) if fault != allowed] == []


def test_no_line_is_wider_than_one_of_python_may_be() -> None:
    wide = [
        f"{file.name}:{number}"
        for file in FILES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > WIDTH
    ]
    assert wide == []


WIDTH = 128
"""As line-length in pyproject.toml."""

STYLE = {
    "upper case": r"[A-Z]",
    "a star in the place of columns": r"\b(select|distinct|returning)\s+\*|,\s*\*|\.\*",
    "a comment behind code, in which aiosql finds parameters": r"--|/\*",
    "a slice without blanks, which aiosql takes for a parameter": r"\[\s*-?\w*:\d|\[\s*-?\w+:\w",
    "a statement of another kind": r"\A(?!(with|select|insert|update|delete)\b)",
    "more than one statement": r";",
    "state of the session": r"""(?x)
        \b pg_(try_)?advisory_(lock|lock_shared|unlock|unlock_shared|unlock_all) \s*\(
        | \b (set_config | currval | lastval | setseed) \s*\(
        | \b into \s+ (temp | temporary | unlogged | table) \b""",
    "another clock than now() and clock_timestamp()": r"""(?x)
        \b (current_(date|time|timestamp) | localtime | localtimestamp) \b
        | \b (timeofday | statement_timestamp | transaction_timestamp) \s*\(
        | '(now | today | tomorrow | yesterday | epoch)'""",
}
UNUSUAL = {
    "migrations.try_lock": ("state of the session", "a migration runs on a connection of its own, in several transactions"),
    "migrations.unlock": ("state of the session", "as try_lock"),
    "opening.plan_by_values": ("state of the session", "it says how all that is sent on a connection is planned"),
    "importing.try_lock": ("state of the session", "an import runs on a connection of its own, in several transactions"),
    "backups.begin": ("state of the session", "until the end of its transaction, which is a command's"),
    "maintenance.wait_briefly": ("state of the session", "until the end of its transaction"),
}
"""Statements that may do one of these, and why."""


def _style_faults(body: str) -> list[str]:
    # Strings and quoted names are left out; but the words that mean a time are strings.
    code = re.sub(r"'(?!(?:now|today|tomorrow|yesterday|epoch)')(?:[^']|'')*'|\"[^\"]*\"", "''", body)
    return [fault for fault, pattern in STYLE.items() if re.search(pattern, code.removesuffix(";"))]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("select ID from tasks", "upper case"),
        ("select * from tasks", "a star in the place of columns"),
        ("select t.* from tasks t", "a star in the place of columns"),
        ("select id, * from tasks", "a star in the place of columns"),
        ("delete from tasks returning *", "a star in the place of columns"),
        ("select id -- don't\nfrom tasks", "a comment behind code, in which aiosql finds parameters"),
        ("select days[1:2] from tasks", "a slice without blanks, which aiosql takes for a parameter"),
        ("select days[:2] from tasks", "a slice without blanks, which aiosql takes for a parameter"),
        ("set timezone = 'UTC'", "a statement of another kind"),
        ("listen changes", "a statement of another kind"),
        ("create temp table t (id uuid)", "a statement of another kind"),
        ("prepare p as select 1", "a statement of another kind"),
        ("select 1; select 2;", "more than one statement"),
        ("select pg_advisory_lock(1)", "state of the session"),
        ("select set_config('timezone', 'UTC', false)", "state of the session"),
        ("select 1 into temp t", "state of the session"),
        ("select current_date", "another clock than now() and clock_timestamp()"),
        ("select 'now'::timestamptz", "another clock than now() and clock_timestamp()"),
    ],
)
def test_what_breaks_the_style_is_caught(body: str, fault: str) -> None:
    assert _style_faults(body) == [fault]


def test_what_only_looks_like_a_fault_of_style_passes() -> None:
    body = """select count(*), price * 2 as "Twice", 'SELECT * -- not [1:2]; now', array[:id::uuid], now(), days[1 : 2]
        from tasks where pg_try_advisory_xact_lock(:key::bigint) and title = '%';"""
    assert _style_faults(body) == []
