"""Written is written: every field that a create, a put or a patch takes reaches a column of its name, by its own statement."""

import ast
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import msgspec
import pytest
import written
from served import ROUTES
from statements import STATEMENTS, Statement, function_of

RENAMED = {
    "admin.patch_user": {"is_verified": "email_verified_at"},
    "media.create": {"file": "file_name"},
    "media.create_distributed": {"file": "file_name"},
    "media.create_link": {"expires_in": "expires_at"},
    "query_cache.put": {"ttl_seconds": "expires_at"},
}
"""Statement -> field -> the column that it is written to, under a name of its own."""

HASHED = "only the hash of a password is written"
NUMBERED = "the message gets the next number; one that was sent is compared with it"
OF_THE_STATEMENT = "there is a statement for each role"
OF_THE_SESSION = "the session has it, by SessionStart"
SEPARATE = "replace_exercises writes them, in the same transaction"
ROWS = "the ids of rows that are changed, not a value"

ELSEWHERE = {
    "accounts.create_user": {"password": HASHED, "device_name": "no session is opened"},
    "accounts.register": {"password": HASHED, "device_name": OF_THE_SESSION},
    "accounts.enrol": {"password": HASHED, "device_name": OF_THE_SESSION},
    "accounts.patch_me": {"current_password": "it is checked, and only the hash is compared"},
    "conversations.append": {"role": OF_THE_STATEMENT, "seq": NUMBERED},
    "conversations.append_user_message": {"role": OF_THE_STATEMENT, "seq": NUMBERED},
    "conversations.change_many": {"archive": ROWS, "unarchive": ROWS, "delete": ROWS},
    "conversations.place": {"messages": "save writes them, in the same transaction"},
    "credits.refund": {"transaction_seq": "refunds_seq is the number of the deduction that was found by it"},
    "habits.put_entries": dict.fromkeys(("habit_id", "created_at", "updated_at", "version"), "compared with what stands"),
    "usage.set_tier": {"id": "it is subscription_id", "status": "it is subscription_status"},
    "workouts.patch": {"exercises": SEPARATE},
}
"""Statement -> field -> why no column of its name gets it."""

UNPAIRED = {
    "DELETE /v1/me": "the password is checked; nothing is written",
    "PATCH /v1/consents": "what is absent is filled in with what was said last; record writes the whole",
    "POST /v1/auth/exchange": "the code and the verifier are checked; a session is written",
    "POST /v1/auth/id-token": "what the provider has signed is checked; a session is written",
    "POST /v1/auth/login": "the password is checked; a session is written",
    "POST /v1/auth/password-reset": "the address goes into a mail's row; whose it is the sender finds out",
    "POST /v1/auth/password-reset/confirm": HASHED,
    "POST /v1/auth/verification/confirm": "the token is hashed",
    "POST /v1/auth/{provider}/start": "the redirect is checked; of the challenge the bytes are written, beside secrets of ours",
    "POST /v1/batch": "its operations are requests of their own",
    "PUT /v1/admin/users/{id}/password": HASHED,
    "PUT /v1/admin/users/{id}/usage": "the limits of the tier stand in for those that are absent",
    "PUT /v1/habits/{id}/entries": "put_entries takes the list of entries without the object around it",
    "PUT /v1/me/password": HASHED,
}
"""Routes with a body that no repository function takes as it is, and why."""


MODULES = (".schemas", ".session_schemas", ".habits.comments", ".habits.several_days")
"""Where the structs of bodies are."""


class Pair(typing.NamedTuple):
    """A statement that writes, and a struct that the repository function of its name takes."""

    statement: Statement
    kind: type[msgspec.Struct]

    @property
    def name(self) -> str:
        return f"{self.statement.file}.{self.statement.name}"


def structs_in(hint: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs that a type is made of: of a union each, of a list its items."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for inner in typing.get_args(hint):
        yield from structs_in(inner)


WRITING = re.compile(r"\b(insert into|update \w+( \w+)?\s+set)\b")
"""The words by which a statement writes. To parse all of them takes a second, of every process that collects the tests."""


def with_bodies() -> Iterator[Pair]:
    """The statements that take a body, whether they write or not."""
    for statement in STATEMENTS:
        function = function_of(statement)
        if function is None:
            continue
        hints = typing.get_type_hints(function)
        taken = [kind for name in inspect.signature(function).parameters for kind in structs_in(hints[name])]
        yield from (Pair(statement, kind) for kind in taken if kind.__module__.endswith(MODULES))


PAIRS = [pair for pair in with_bodies() if WRITING.search(pair.statement.body)]


def unwritten(kind: type[msgspec.Struct], sql: str, renamed: typing.Mapping[str, str] = types.MappingProxyType({})) -> set[str]:
    """The fields of a struct that do not reach their columns, in the table that most of them reach.

    A field with a list of structs is written when all of their fields are, into some table.
    """
    tables: dict[str, dict[str, frozenset[str]]] = {}
    for write in written.writes(sql):
        columns = tables.setdefault(write.table, {})
        for column, names in write.columns.items():
            columns[column] = columns.get(column, frozenset()) | names
    left = []
    for columns in tables.values():
        missing = set()
        for field in msgspec.structs.fields(kind):
            name = field.encode_name
            if name in columns.get(renamed.get(name, name), ()):
                continue
            nested = [*structs_in(field.type)]
            inner = {each for struct in nested for each in unwritten(struct, sql)}
            missing |= {f"{name}.{each}" for each in inner} if nested else {name}
        left.append(missing)
    return min(left, key=len)


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{pair.name}-{pair.kind.__name__}" for pair in PAIRS])
def test_every_field_of_a_struct_is_written_by_the_statement_that_takes_it(pair: Pair) -> None:
    missing = unwritten(pair.kind, pair.statement.named_sql, RENAMED.get(pair.name, {}))
    exceptions = ELSEWHERE.get(pair.name, {}).keys()
    faults = {each for each in missing if each.partition(".")[0] not in exceptions}
    assert not faults, f"{pair.name} takes {pair.kind.__name__} and does not write {', '.join(sorted(faults))}"


PLACES = {
    "conversations.save": "place",
    "workouts.create": "position",
    "workouts.create_distributed": "position",
    "workouts.replace_exercises": "position",
}
"""Statement -> what it makes of the place of an item in a list that was sent."""


def passed(function: Callable[..., Any]) -> set[str]:
    """The parameters that a repository function passes by name, or hands to what makes them."""
    tree = ast.parse(inspect.getsource(function))
    named = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    return named | inspect.signature(function).parameters.keys()


@pytest.mark.parametrize("name", sorted({pair.name for pair in PAIRS}))
def test_every_parameter_and_every_column_of_a_body_is_a_field_of_it_or_is_passed_by_the_function(name: str) -> None:
    """A column that is in the statement and was forgotten in the struct of the create or of the patch."""
    mine = [pair for pair in PAIRS if pair.name == name]
    statement = mine[0].statement
    function = function_of(statement)
    assert function is not None
    sent = {each for write in written.writes(statement.named_sql) for names in write.columns.values() for each in names}
    hints = typing.get_type_hints(function)
    kinds = [kind for name in inspect.signature(function).parameters for kind in structs_in(hints[name])]
    kinds += [inner for pair in mine for field in msgspec.structs.fields(pair.kind) for inner in structs_in(field.type)]
    fields = {field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)}
    unknown = {*sent, *statement.query.order} - fields - passed(function) - {PLACES.get(name)}
    taken = ", ".join(pair.kind.__name__ for pair in mine)
    assert not unknown, (
        f"{name} takes {', '.join(sorted(unknown))}: no field of {taken}, and not passed by {function.__name__}()"
    )


def test_what_writes_is_told_by_its_words() -> None:
    assert {pair.name for pair in with_bodies() if written.writes(pair.statement.named_sql)} == {pair.name for pair in PAIRS}


def test_the_exceptions_are_still_needed() -> None:
    for name, fields in (RENAMED | ELSEWHERE).items():
        mine = [pair for pair in PAIRS if pair.name == name]
        missing = {each.partition(".")[0] for pair in mine for each in unwritten(pair.kind, pair.statement.named_sql)}
        assert fields.keys() <= missing, name


def test_every_body_is_taken_as_it_is_by_a_statement_or_says_why_not() -> None:
    taken = {pair.kind for pair in PAIRS}
    bodies = {route.name: route.data or route.options.multipart for route in ROUTES}
    unpaired = {name for name, body in bodies.items() if body is not None and not taken.issuperset(structs_in(body))}
    assert unpaired == UNPAIRED.keys()


class Entry(msgspec.Struct):
    """A body, as small as one can be."""

    title: str
    note: Annotated[str | None, msgspec.Meta(max_length=10)] = None


class Item(msgspec.Struct):
    name: str
    size: int


class Listed(msgspec.Struct):
    title: str
    items: Annotated[list[Item], msgspec.Meta(max_length=10)]


WRITTEN: dict[str, tuple[type[msgspec.Struct], str]] = {
    "an insert of parameters": (Entry, "insert into t (id, title, note) values (new_id(), lower(:title), :note::text)"),
    "an insert of a record": (
        Entry,
        "insert into t (title, note) select p.title, coalesce(p.note, '') from jsonb_populate_record(null::t, :new::jsonb) p",
    ),
    "a merge patch": (
        Entry,
        "update t set (title, note) = (select p.title, p.note from jsonb_populate_record(t, :changes::jsonb) p) where id = :id",
    ),
    "an upsert": (
        Entry,
        """insert into t (id, title, note) values (:id, :title, :note)
        on conflict (id) do update set title = excluded.title, note = excluded.note""",
    ),
    "an upsert by a row": (
        Entry,
        """insert into t (id, title, note) values (:id, :title, :note)
        on conflict (id) do update set (title, note) = row(excluded.title, excluded.note)""",
    ),
    "an insert of several": (
        Entry,
        """insert into t (title, note) select title, note
        from unnest(:title::text[], :note::text[]) as sent (title, note) order by title""",
    ),
    "an insert of several records": (
        Entry,
        """insert into t (title, note) select p.title, p.note
        from unnest(:id::uuid[], :new::text[]) as sent (id, new)
        cross join jsonb_populate_record(null::t, sent.new::jsonb) p""",
    ),
    "a merge patch of several": (
        Entry,
        """with locked as (
            select t.id, sent.changes, sent.place
            from unnest(:id::uuid[], :changes::text[]) with ordinality as sent (id, changes, place) join t using (id))
        update t set (title, note) = (select p.title, p.note from jsonb_populate_record(t, l.changes::jsonb) p)
        from locked l where t.id = l.id""",
    ),
    "a union": (Entry, "insert into t (title, note) select 'reset', null union all select :title, :note"),
    "a chain of CTEs": (
        Entry,
        """with sent as (select :title as title, :note as note), changed as (
            update u set title = sent.title, note = sent.note from sent returning u.title, u.note)
        insert into t (title, note) select title, note from changed""",
    ),
    "a list out of a recordset": (
        Listed,
        """with made as (insert into t (title) values (:title) returning id)
        insert into i (t_id, name, size) select made.id, r.name, r.size
        from made cross join jsonb_to_recordset(:items::jsonb) as r(name text, size integer)""",
    ),
    "a list out of elements": (
        Listed,
        """with sent as (
            select sent ->> 'name' as name, nullif(sent -> 'size', 'null') as size
            from jsonb_array_elements(:items::jsonb) with ordinality as element (sent, place)),
        written_item as (insert into i (name, size) select name, size from sent)
        update t set title = :title where id = :id""",
    ),
}
LOST: dict[str, tuple[type[msgspec.Struct], str, set[str]]] = {
    "an insert without the column": (Entry, "insert into t (title) values (:title)", {"note"}),
    "an insert of something else": (Entry, "insert into t (title, note) values (:title, 'none')", {"note"}),
    "a select without the column": (
        Entry,
        "insert into t (title) select p.title from jsonb_populate_record(null::t, :new::jsonb) p",
        {"note"},
    ),
    "a merge patch without the column": (
        Entry,
        "update t set (note) = (select p.note from jsonb_populate_record(t, :changes::jsonb) p) where id = :id",
        {"title"},
    ),
    "a merge patch of what the row has already": (
        Entry,
        "update t set (title, note) = (select t.title, p.note from jsonb_populate_record(t, :changes::jsonb) p) where id = :id",
        {"title"},
    ),
    "columns in another order than their values": (
        Entry,
        "update t set (title, note) = (select p.note, p.title from jsonb_populate_record(t, :changes::jsonb) p) where id = :id",
        {"title", "note"},
    ),
    "a condition only": (Entry, "update t set title = :title where note = :note", {"note"}),
    "an output only": (Entry, "insert into t (title) values (:title) returning title, :note as note", {"note"}),
    "two tables with a part each": (
        Entry,
        "with made as (insert into t (title) values (:title)) insert into u (note) values (:note)",
        {"note"},
    ),
    "an upsert that inserts more than it updates": (
        Entry,
        """insert into t (id, title, note) values (:id, :title, :note)
        on conflict (id) do update set title = excluded.title""",
        {"note"},
    ),
    "an upsert of another column's value": (
        Entry,
        """insert into t (id, title, note) values (:id, :title, :note)
        on conflict (id) do update set title = excluded.title, note = excluded.title""",
        {"note"},
    ),
    "a union that sends another value": (
        Entry,
        "insert into t (title, note) select :title, null union all select :title, 'reset'",
        {"note"},
    ),
    "an insert of several in another order": (
        Entry,
        """insert into t (title, note) select title, note
        from unnest(:note::text[], :title::text[]) as sent (title, note)""",
        {"title", "note"},
    ),
    "a CTE that is not read": (
        Entry,
        "with sent as (select :note as note) insert into t (title, note) select :title, note from u",
        {"note"},
    ),
    "a list without a field": (
        Listed,
        """with made as (insert into t (title) values (:title) returning id)
        insert into i (t_id, name) select made.id, r.name
        from made cross join jsonb_to_recordset(:items::jsonb) as r(name text, size integer)""",
        {"items.size"},
    ),
    "a list under another key": (
        Listed,
        """with sent as (
            select sent ->> 'name' as name, sent -> 'length' as size
            from jsonb_array_elements(:items::jsonb) with ordinality as element (sent, place)),
        written_item as (insert into i (name, size) select name, size from sent)
        update t set title = :title where id = :id""",
        {"items.size"},
    ),
}


@pytest.mark.parametrize(("kind", "sql"), WRITTEN.values(), ids=WRITTEN)
def test_what_is_written_passes(kind: type[msgspec.Struct], sql: str) -> None:
    assert unwritten(kind, sql) == set()


@pytest.mark.parametrize(("kind", "sql", "missing"), LOST.values(), ids=LOST)
def test_what_is_lost_is_caught(kind: type[msgspec.Struct], sql: str, missing: set[str]) -> None:
    assert unwritten(kind, sql) == missing


def test_a_renamed_field_is_written_to_its_column_only() -> None:
    sql = "insert into t (title, remark) values (:title, :note)"
    assert unwritten(Entry, sql) == {"note"}
    assert unwritten(Entry, sql, {"note": "remark"}) == set()
    assert unwritten(Entry, sql, {"note": "title"}) == {"note"}
