"""The rules of the query cache: how expired answers are removed."""

from app.database.queries import Executor
from app.query_cache import repository

BATCH = 1000
"""Answers that one statement removes at most."""


async def cleanup(database: Executor) -> int:
    """Remove every answer that has expired, in batches; returns how many."""
    removed = 0
    while True:
        count = await repository.delete_expired(database, BATCH)
        removed += count
        if count < BATCH:
            return removed
