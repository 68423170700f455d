"""Typed calls of sql/queries/query_cache.sql."""

from typing import Any

from msgspec import Raw

from app.database.queries import Executor, load
from app.query_cache.schemas import QueryCacheEntry, QueryCachePut

queries = load("query_cache")


async def get(database: Executor, query_hash: str) -> QueryCacheEntry | None:
    """Read an answer. None: there is none, or it has expired."""
    row = await queries.get(database, query_hash=query_hash)
    return _answer(*row) if row else None


async def put(database: Executor, query_hash: str, new: QueryCachePut) -> tuple[bool, QueryCacheEntry]:
    """Keep an answer; returns whether there was none, and the answer."""
    is_new, *row = await queries.put(
        database, query_hash=query_hash, result=bytes(new.result).decode(), ttl_seconds=new.ttl_seconds
    )
    return is_new, _answer(*row)


async def delete(database: Executor, query_hash: str) -> int:
    """Remove an answer. 0: there is none, or it has expired."""
    count: int = await queries.delete(database, query_hash=query_hash)
    return count


async def clear(database: Executor) -> int:
    """Remove every answer; returns how many."""
    count: int = await queries.clear(database)
    return count


async def cleanup(database: Executor) -> int:
    """Remove every answer that has expired; returns how many."""
    count: int = await queries.cleanup(database)
    return count


def _answer(query_hash: str, result: str, *rest: Any) -> QueryCacheEntry:
    return QueryCacheEntry(query_hash, Raw(result.encode()), *rest)
