"""How long one request may keep the database: one limit over waiting for connections, statements, and sending either again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from app.settings import Settings


class TimeLimit:
    """What a request has spent on the database, and so what it has left: seconds.

    Statements have DB_QUERY_TIMEOUT in all, waiting for connections has DB_POOL_TIMEOUT, and both together have the longer one.
    The time between them does not count: a body may be long, and a password waits for its turn.
    """

    __slots__ = ("_settings", "queried", "waited")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.queried = 0.0
        self.waited = 0.0

    def for_query(self) -> float | None:
        """What the next statement may take; 0 or less: there is no time left. None: all of DB_QUERY_TIMEOUT, as by itself."""
        if self.queried or self.waited:
            return min(self._settings.query_timeout - self.queried, self._for_both())
        return None

    def for_waiting(self) -> float:
        """How long to wait for the next connection at most; 0 or less: there is no time left."""
        return min(self._settings.pool_timeout - self.waited, self._for_both())

    def is_mostly_left(self) -> bool:
        """Whether nine tenths of either time are left."""
        return self.queried + self.waited <= 0.1 * min(self._settings.query_timeout, self._settings.pool_timeout)

    def _for_both(self) -> float:
        return max(self._settings.query_timeout, self._settings.pool_timeout) - self.queried - self.waited


_of_request: ContextVar[TimeLimit | None] = ContextVar("time_limit", default=None)


def begin_request(settings: Settings) -> None:
    """Give the request that this task serves from now on a limit of its own."""
    _of_request.set(TimeLimit(settings))


@contextmanager
def begin_batch(settings: Settings, limits: Sequence[TimeLimit]) -> Iterator[None]:
    """Give what this task does for several requests a limit of its own, and have each of them pay for it.

    It is that of a request which has spent as much as any of them has: none gets its timeout later than it would alone.
    """
    batch = TimeLimit(settings)
    queried = batch.queried = max(limit.queried for limit in limits)
    waited = batch.waited = max(limit.waited for limit in limits)
    _of_request.set(batch)
    try:
        yield
    finally:
        for limit in limits:
            limit.queried += batch.queried - queried
            limit.waited += batch.waited - waited


def time_limit(settings: Settings) -> TimeLimit:
    """The limit of the request under way; outside of requests a new one: each statement, or transaction, has its own."""
    return _of_request.get() or TimeLimit(settings)
