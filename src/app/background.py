"""What a worker does beside its requests, such as looking at the database now and then."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

AGAIN = 1.0
"""Seconds until work that goes on is cancelled once more."""


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something that has no end for as long as the block runs. When the block ends it has been cancelled, and is over."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        # Again where it was lost: wait_for() of Python 3.11, which libraries use, drops one that comes with its result.
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=AGAIN)
        if not task.cancelled():
            task.result()
