"""One at a time for each user, in the memory of a worker: who waits keeps no connection."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from uuid import UUID
from weakref import WeakValueDictionary

from app.database.errors import DatabaseBusy
from app.database.time_limit import time_limit
from app.settings import Settings

MOST_WAITING = 100
"""Requests of one user that may wait."""


class Turns:
    """Whose turn it is, for each user who has or waits for one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._waiting: Counter[UUID] = Counter()

    @asynccontextmanager
    async def of(self, user_id: UUID) -> AsyncIterator[None]:
        """Have the turn of a user for as long as the block runs.

        The wait counts as one for a connection. Raises DatabaseBusy when it takes longer than the request has for that, and at
        once when too many of this user wait.
        """
        if self._waiting[user_id] >= MOST_WAITING:
            raise DatabaseBusy
        lock = self._locks.setdefault(user_id, asyncio.Lock())
        limit, started = time_limit(self._settings), perf_counter()
        self._waiting[user_id] += 1
        try:
            async with asyncio.timeout(limit.for_waiting()):
                await lock.acquire()
        except TimeoutError as error:
            raise DatabaseBusy from error
        finally:
            limit.waited += perf_counter() - started
            self._waiting[user_id] -= 1
            if not self._waiting[user_id]:
                del self._waiting[user_id]
        try:
            yield
        finally:
            lock.release()
