"""The statements of sql/queries/: loaded by aiosql, called with their parameters by name.

A repository calls `queries.get.one(database, Task, user_id=..., id=...)`; `database` is an Executor: a `Database` or a
`Transaction`.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast
from uuid import UUID

import aiosql
import msgspec
from aiosql.adapters.asyncpg import AsyncPGAdapter
from aiosql.query_loader import QueryLoader
from aiosql.types import QueryDatum, SQLOperationType
from asyncpg import Record

from app.database import package_files
from app.database.ids import new_id
from app.database.not_vital import NOT_VITAL
from app.telemetry import metrics

T = TypeVar("T")

_CALLS = {
    SQLOperationType.SELECT: "fetch",
    SQLOperationType.SELECT_ONE: "fetchrow",
    SQLOperationType.SELECT_VALUE: "fetchval",
    SQLOperationType.INSERT_UPDATE_DELETE: "execute",
}
"""asyncpg's method for each operator of a name line."""


class Json(str, Generic[T]):
    """The JSON of a `T`, as the database wrote it: decoding and encoding a page again would cost more than anything else."""

    __slots__ = ()


_encode = msgspec.json.Encoder(decimal_format="number").encode


def to_json(value: Any) -> str:
    """The JSON of a struct, as a statement takes it: an UNSET field is absent."""
    return _encode(value).decode()


class Executor(Protocol):
    """What a query can be sent through: a database or a transaction."""

    def run(self, query: "Query", values: list[Any]) -> Coroutine[Any, Any, Any]: ...

    def coalesce(self, query: "Query", values: list[Any]) -> Coroutine[Any, Any, Any]:
        """Run a statement of one row; a database does so together with other calls of it (app.database.coalescing)."""


class Transactor(Executor, Protocol):
    """What also runs several queries as one: a database, or what stands for one."""

    async def transaction(self, work: Callable[[Executor], Awaitable[T]]) -> T:
        """Run `work`: all of it or nothing. It may run several times: no effects beside SQL."""


class Query:
    """One statement. Its calls take an executor and the statement's parameters by name, and say what a row becomes.

    `one`, `coalesced`, `created`, `only`, `upserted`, `json` and `row` are for statements whose name line ends in `^`, `value`
    for `$`, `count` for `!`, the others for those without an operator.
    """

    __slots__ = ("batch", "call", "distributed", "is_vital", "name", "note", "operation", "order", "reads_only", "sql")

    def __init__(self, name: str, sql: str, operation: SQLOperationType, order: list[str]) -> None:
        self.name = name
        self.sql = sql
        self.operation = operation
        self.call = _CALLS[operation]
        self.order = order
        self.batch: Query | None = None
        """What is sent for several calls of this statement at once: the one of its file that is named <name>_many."""
        self.distributed: Query | None = None
        """What is sent instead where tables are distributed: the one of its file that is named <name>_distributed."""
        self.reads_only = not re.search(r"\b(insert|update|delete|pg_advisory\w+)\b", sql)
        self.note = metrics.query_timer(name).note
        self.is_vital = name not in NOT_VITAL

    async def one(self, on: Executor, kind: Callable[..., T], /, **arguments: Any) -> T | None:
        """One row as a `kind`, whose fields are the columns in their order; None: there is none."""
        row = await on.run(self, self._values(arguments))
        return kind(*row) if row is not None else None

    async def coalesced(self, on: Executor, kind: Callable[..., T], /, **arguments: Any) -> T | None:
        """As `one`, sent together with calls that wait at the same time. For statements with a `<name>_many` in their file."""
        row = await on.coalesce(self, self._values(arguments))
        return kind(*row) if row is not None else None

    async def created(self, on: Executor, kind: Callable[..., T], /, *, id: UUID | None, **arguments: Any) -> T | None:
        """The row of a create as a `kind`, with the id that was chosen, or else a new one; None: the chosen one is taken.

        With a new id it is sent as by `coalesced`, where there is a `<name>_many`.
        """
        if id is None and self.batch is not None:
            return await self.coalesced(on, kind, id=new_id(), **arguments)
        return await self.one(on, kind, id=new_id() if id is None else id, **arguments)

    async def only(self, on: Executor, kind: Callable[..., T], /, **arguments: Any) -> T:
        """The row of a statement that always returns one, as a `kind`. Raises LookupError when it does not."""
        found = await self.one(on, kind, **arguments)
        if found is None:
            raise LookupError(f"{self.name} returned no row")
        return found

    async def many(self, on: Executor, kind: Callable[..., T], /, **arguments: Any) -> list[T]:
        """Every row as a `kind`."""
        return [kind(*row) for row in await on.run(self, self._values(arguments))]

    async def upserted(self, on: Executor, kind: Callable[..., T], /, **arguments: Any) -> tuple[T, bool] | None:
        """One row as a `kind`, and whether it was inserted, which its last column says; None: there is none."""
        row = await on.run(self, self._values(arguments))
        return (kind(*row[:-1]), row[-1]) if row is not None else None

    async def json(self, on: Executor, /, **arguments: Any) -> "Json[T] | None":
        """The one row, which is JSON; None: there is none."""
        row = await on.run(self, self._values(arguments))
        return row[0] if row is not None else None

    async def value(self, on: Executor, kind: type[T], /, **arguments: Any) -> T | None:
        """The one value of the one row; None: there is no row, or it is null. Raises TypeError for a value of another type."""
        value = await on.run(self, self._values(arguments))
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{self.name} gives {type(value).__name__}, not {kind.__name__}")
        return value

    async def values(self, on: Executor, /, **arguments: Any) -> list[T]:
        """The one value of every row: its JSON, its id."""
        return [row[0] for row in await on.run(self, self._values(arguments))]

    async def count(self, on: Executor, /, **arguments: Any) -> int:
        """How many rows were changed."""
        count: int = await on.run(self, self._values(arguments))
        return count

    async def row(self, on: Executor, /, **arguments: Any) -> "Record | None":
        """The one row as it is, for what is put together out of several columns; None: there is none."""
        row: Record | None = await on.run(self, self._values(arguments))
        return row

    def stand_in(self, other: "Query") -> None:
        """Have another statement, of the same parameters, sent where tables are distributed. Raises TypeError."""
        if {*self.order} != {*other.order} or self.call != other.call:
            raise TypeError(f"{other.name} takes not what {self.name} takes, or returns not what that returns")
        self.distributed = other

    def where_distributed(self, values: list[Any]) -> "tuple[Query, list[Any]]":
        """The statement that is sent where tables are distributed, and its values."""
        if self.distributed is None:
            return self, values
        return self.distributed, [values[self.order.index(name)] for name in self.distributed.order]

    def _values(self, arguments: dict[str, Any]) -> list[Any]:
        try:
            values = [arguments[name] for name in self.order]
        except KeyError:
            values = []
        if not len(values) == len(arguments) == len(self.order):
            unknown = sorted(arguments.keys() ^ set(self.order))
            raise TypeError(f"{self.name}: unknown or missing parameters {unknown}")
        return values


class Queries(aiosql.queries.Queries):
    """The statements of one file, as attributes. aiosql parses and names; the calls go straight to asyncpg."""

    def load_from_list(self, query_data: list[QueryDatum]) -> "Queries":
        for datum in query_data:
            stem = re.sub(r".*/|\.sql$", "", str(datum.floc[0]))
            if datum.operation_type not in _CALLS:
                raise aiosql.SQLParseException(f"{stem}.{datum.query_name}: use ^, $, ! or no operator")
            order = cast("AsyncPGAdapter", self.driver_adapter).var_sorted[datum.query_name]
            query = Query(f"{stem}.{datum.query_name}", datum.sql.rstrip(";"), datum.operation_type, order)
            self.add_query(datum.query_name, cast("Any", query))
        names = {datum.query_name for datum in query_data}
        for name in names:
            if f"{name}_many" in names:
                getattr(self, name).batch = getattr(self, f"{name}_many")
            if f"{name}_distributed" in names:
                getattr(self, name).stand_in(getattr(self, f"{name}_distributed"))
        return self

    def ordered(self, name: str, order: str) -> Query:
        """The statement of a list for an order: `ordered("page", "newest")` is page_newest."""
        query: Query = getattr(self, f"{name}_{order}")
        return query

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Query: ...


class _Loader(QueryLoader):
    """aiosql looks for /* */ at each character before it reads a file, which takes as long as all the rest; ours have none."""

    def load_query_data_from_sql(self, sql: str, ns_parts: list[str], fname: Path | str = "<unknown>") -> list[QueryDatum]:
        return [self._make_query_datum(each, ns_parts, (fname, 0)) for each in re.split(r"--\s*name\s*:\s*", sql)[1:]]


@cache
def load(name: str) -> Queries:
    """Load sql/queries/<name>.sql. A missing file, a statement twice or an undeclared parameter stops the start."""
    path = package_files.folder("sql") / "queries" / f"{name}.sql"
    queries = aiosql.from_path(path, AsyncPGAdapter, queries_cls=Queries, loader_cls=_Loader, encoding="utf-8")
    if not isinstance(queries, Queries):
        raise TypeError(name)
    return queries
