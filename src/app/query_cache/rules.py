"""The rules of the query cache: what can be kept, and how expired answers are removed."""

from app.database.queries import Executor
from app.http import raw_json
from app.query_cache import repository
from app.query_cache.schemas import QueryCacheEntry, QueryCachePut

BATCH = 1000
"""Answers that one statement removes at most."""


async def put(database: Executor, query_hash: str, new: QueryCachePut) -> tuple[QueryCacheEntry, bool]:
    """Keep an answer; returns it, and whether there was none. Raises Problem 400, 422."""
    raw_json.check("result", new.result)
    return await repository.put(database, query_hash, new)


async def cleanup(database: Executor) -> int:
    """Remove every answer that has expired, in batches; returns how many."""
    removed = 0
    while True:
        count = await repository.delete_expired(database, BATCH)
        removed += count
        if count < BATCH:
            return removed
