"""Typed calls of sql/queries/query_cache.sql."""

from typing import Any

from msgspec import Raw
from msgspec.structs import asdict

from app.database.not_vital import if_possible
from app.database.queries import Executor, load
from app.http import raw_json
from app.query_cache.schemas import Kept, QueryCacheEntry, QueryCachePut

queries = load("query_cache")


async def get(database: Executor, query_hash: str) -> QueryCacheEntry | None:
    """Read an answer. None: there is none, it has expired, or the database has no time for it."""
    return await if_possible(queries.get.one(database, _answer, query_hash=query_hash), None)


async def put(database: Executor, query_hash: str, new: QueryCachePut) -> Kept:
    """Keep an answer; returns what it got."""
    columns = asdict(new) | {"result": raw_json.text(new.result)}
    return await queries.put.only(database, Kept, query_hash=query_hash, **columns)


async def delete(database: Executor, query_hash: str) -> int:
    """Remove an answer. 0: there is none, or it has expired."""
    return await queries.delete.count(database, query_hash=query_hash)


async def clear(database: Executor) -> int:
    """Remove every answer; returns how many."""
    return await queries.clear.count(database)


async def delete_expired(database: Executor, limit: int) -> int:
    """Remove up to `limit` answers that have expired; returns how many."""
    return await queries.delete_expired.count(database, limit=limit)


def _answer(query_hash: str, result: str, *rest: Any) -> QueryCacheEntry:
    return QueryCacheEntry(query_hash, Raw(result.encode()), *rest)
