"""The statements that read sources: sql/sources/, kept apart from those of our own database."""

from functools import cache

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter

from app.database import package_files
from app.database.queries import Queries, Query


@cache
def load(name: str) -> dict[str, str]:
    """The statements of sql/sources/<name>.sql, by their names."""
    path = package_files.folder("sql") / "sources" / f"{name}.sql"
    queries = aiosql.from_path(path, AsyncPGAdapter, queries_cls=Queries, encoding="utf-8")
    found = {query: getattr(queries, query) for query in queries.available_queries}
    return {name: query.sql for name, query in found.items() if isinstance(query, Query)}
