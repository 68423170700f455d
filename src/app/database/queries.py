"""The statements of sql/queries/: loaded by aiosql, called with their parameters by name.

A repository calls `queries.get(database, user_id=..., id=...)`; `database` is an Executor: a `Database` or a `Transaction`.
"""

import re
from collections.abc import Coroutine
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter
from aiosql.types import QueryDatum, SQLOperationType

from app.database import package_files
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


class Executor(Protocol):
    """What a query can be sent through: a database or a transaction."""

    def run(self, query: "Query", values: list[Any]) -> Coroutine[Any, Any, Any]: ...


class Query:
    """One statement: called with an executor and its parameters by name.

    Returns what its name line says: `^` one row or None, `$` one value, `!` the number of rows, nothing: a list of rows.
    """

    __slots__ = ("call", "name", "note", "operation", "order", "reads_only", "sql")

    def __init__(self, name: str, sql: str, operation: SQLOperationType, order: list[str]) -> None:
        self.name = name
        self.sql = sql
        self.operation = operation
        self.call = _CALLS[operation]
        self.order = order
        self.reads_only = not re.search(r"\b(insert|update|delete|pg_advisory\w+)\b", sql)
        self.note = metrics.query_timer(name).note

    def __call__(self, on: Executor, **arguments: Any) -> Coroutine[Any, Any, Any]:
        try:
            values = [arguments[name] for name in self.order]
        except KeyError:
            values = []
        if not len(values) == len(arguments) == len(self.order):
            unknown = sorted(arguments.keys() ^ set(self.order))
            raise TypeError(f"{self.name}: unknown or missing parameters {unknown}")
        return on.run(self, values)


class Queries(aiosql.queries.Queries):
    """The statements of one file, as attributes. aiosql parses and names; the calls go straight to asyncpg."""

    def load_from_list(self, query_data: list[QueryDatum]) -> "Queries":
        for datum in query_data:
            stem = re.sub(r".*/|\.sql$", "", str(datum.floc[0]))
            if datum.operation_type not in _CALLS:
                raise aiosql.SQLParseException(f"{stem}.{datum.query_name}: use ^, $, ! or no operator")
            order = cast("AsyncPGAdapter", self.driver_adapter).var_sorted[datum.query_name]
            query = Query(f"{stem}.{datum.query_name}", datum.sql.rstrip(";"), datum.operation_type, order)
            self.add_query(datum.query_name, query)
        return self

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Query: ...


@cache
def load(name: str) -> Queries:
    """Load sql/queries/<name>.sql. A missing file, a statement twice or an undeclared parameter stops the start."""
    path = package_files.folder("sql") / "queries" / f"{name}.sql"
    queries = aiosql.from_path(path, AsyncPGAdapter, queries_cls=Queries, encoding="utf-8")
    if not isinstance(queries, Queries):
        raise TypeError(name)
    return queries
