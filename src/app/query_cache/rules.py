"""The rules of the query cache: how an answer is kept, and how expired ones are removed."""

from msgspec.structs import replace

from app.database.queries import Executor
from app.query_cache import repository
from app.query_cache.schemas import QueryCacheEntry, QueryCachePut

BATCH = 1000
"""Answers that one statement removes at most."""


async def put(
    database: Executor, query_hash: str, new: QueryCachePut, default_ttl_seconds: int
) -> tuple[QueryCacheEntry, bool]:
    """Keep an answer; returns it, as it was sent, and whether there was none."""
    if new.ttl_seconds is None:
        new = replace(new, ttl_seconds=default_ttl_seconds)
    kept = await repository.put(database, query_hash, new)
    return QueryCacheEntry(query_hash, new.result, kept.cached_at, kept.expires_at, 0), kept.is_new


async def cleanup(database: Executor) -> int:
    """Remove every answer that has expired, in batches; returns how many."""
    removed = 0
    while True:
        count = await repository.delete_expired(database, BATCH)
        removed += count
        if count < BATCH:
            return removed
