"""The replica: a standby that reads may come from, and how far it has got."""

import asyncio
from collections import deque
from time import monotonic
from typing import Any

import structlog

from app.database import positions
from app.database.executor import Database
from app.database.hosts import Hosts
from app.database.opening import open_replica_pool
from app.database.pool import Pool
from app.database.watched import Watched
from app.settings import Settings
from app.telemetry import replication
from app.telemetry.replication import State

log = structlog.get_logger()

PATIENCE = 0.1
"""Seconds that a read waits for the replica to have what it must have; then the primary answers it."""

STEP = 0.005
"""Seconds between two questions meanwhile."""

MOST_BEHIND = 30.0
"""Seconds: a replica that was further behind when the primary was last there is not read."""


class Replica:
    """The replica of one worker: its pool, and what is known of it, by a question a second."""

    def __init__(self, primary: Watched, database: Database) -> None:
        self.primary = primary
        self.database = database
        self.server = Watched("replica", database, positions.replayed)
        self.state: State = "unreachable"
        self.lag_seconds = 0.0
        """For how long it has lacked what it lacks. While the primary is away: what that was at the end."""
        self._replayed: int | None = 0
        """What it had replayed at the last question."""
        self._written: deque[tuple[float, int]] = deque()
        """Positions of the primary that the replica has not reached yet, and when they were seen."""

    @classmethod
    async def connect(cls, primary: Watched, settings: Settings) -> "Replica":
        """Open its pool, without any connection: the server starts without its replica, too."""
        hosts = Hosts(settings.replica_url or "")
        pool = Pool(await open_replica_pool(settings, hosts), settings, hosts)
        return cls(primary, Database(pool, settings))

    async def close(self) -> None:
        """Wait for the statements under way, then close the pool."""
        self.server.drop()
        await self.database.close()

    @property
    def is_usable(self) -> bool:
        """Whether reads may come from it while the primary is away. A promoted one has everything that there is."""
        return self.state in {"ok", "promoted"}

    async def look(self) -> None:
        """Ask how far it is, after the primary was asked."""
        now = monotonic()
        if not self.primary.is_away:
            self._written.append((now, self.primary.answer or 0))
        await self.server.look()
        if not self.server.is_seen:
            self._set("unreachable")
            return
        replayed = self._replayed = self.server.answer
        if replayed is None:
            self._set("promoted")
            return
        while self._written and self._written[0][1] <= replayed:
            self._written.popleft()
        if not self.primary.is_away:
            self.lag_seconds = now - self._written[0][0] if self._written else 0.0
            replication.replica_lag_seconds.set(self.lag_seconds)
            replication.replica_lag_bytes.set(max(0, (self.primary.answer or 0) - replayed))
        self._set("ok" if self.lag_seconds <= MOST_BEHIND else "behind", lag_seconds=round(self.lag_seconds, 1))

    async def written(self) -> int:
        """The primary's position now: a replica that has it has every commit that was answered before. Raises as `run` does."""
        return await positions.written(self.primary.database)

    async def has(self, position: int) -> bool:
        """Whether it has replayed the log up to a position, or does within a moment. Raises as `run` does.

        What stands here may be a standby no longer, and have a log of its own: then it has nothing that can be told.
        """
        if self.state != "ok":
            return False
        try:
            async with asyncio.timeout(PATIENCE):
                while (self._replayed or 0) < position:
                    # Less than before, once it was made anew.
                    self._replayed = await positions.replayed(self.database)
                    if self._replayed is None:
                        return False
                    if self._replayed < position:
                        await asyncio.sleep(STEP)
        except TimeoutError:
            return False
        return True

    def _set(self, state: State, **fields: Any) -> None:
        if state != self.state:
            log.warning("replica_state", state=state, before=self.state, **fields)
        self.state = state
        replication.note_state(state)
