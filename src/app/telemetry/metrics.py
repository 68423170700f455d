"""What can be counted, in Prometheus' terms. With several workers the numbers of all are added up at the scrape."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


requests = Counter("holdfast_requests", "Requests answered", ["method", "route", "status"])


request_seconds = Histogram("holdfast_request_seconds", "Time to answer a request", ["method", "route"], buckets=_SECONDS)


query_seconds = Histogram("holdfast_query_seconds", "Time of a statement, by its name", ["query"], buckets=_SECONDS)


failed_queries = Counter("holdfast_failed_queries", "Statements that failed, by SQLSTATE class", ["sqlstate_class"])


maintained = Counter("holdfast_maintained_rows", "Rows that maintain removed or folded", ["job"])


connection_errors = Counter("holdfast_connection_errors", "Connections to the database that could not be made")


acquire_seconds = Histogram("holdfast_pool_acquire_seconds", "Wait for a connection where none was free", buckets=_SECONDS)


pool_connections = Gauge("holdfast_pool_connections", "Connections of the pool", ["state"], multiprocess_mode="livesum")


breaker_state = Gauge(
    "holdfast_breaker_state", "Workers whose circuit breaker is in this state", ["state"], multiprocess_mode="livesum"
)


pool_waiting = Gauge("holdfast_pool_waiting", "Requests that wait for a connection", multiprocess_mode="livesum")


argon2_waiting = Gauge("holdfast_argon2_waiting", "Passwords that wait to be hashed", multiprocess_mode="livesum")


backup_time = Gauge(
    "holdfast_backup_timestamp_seconds", "When the newest backup was made; 0: never", multiprocess_mode="mostrecent"
)


backup_bytes = Gauge("holdfast_backup_bytes", "Size of the newest backup", multiprocess_mode="mostrecent")


backup_verified = Gauge(
    "holdfast_backup_verified", "1: the newest backup was restored and compared", multiprocess_mode="mostrecent"
)


refusals = Counter("holdfast_refused_requests", "Requests refused because too many were under way")


left_out = Counter("holdfast_left_out", "Work that is not vital, left out while the database stumbled", ["what"])


dropped_log_lines = Counter("holdfast_dropped_log_lines", "Lines of the log that were dropped because nobody took them")


class Timer:
    """A place for durations in seconds: `note` is a list's append, and `settle` adds them up a second later, in one go.

    Prometheus' own observe takes its locks and walks its buckets for every value, in the middle of a request.
    """

    __slots__ = ("_count", "_histogram", "_noted", "note")

    def __init__(self, histogram: Histogram, count: Counter | None = None) -> None:
        self._histogram = histogram
        self._count = count
        self._noted: list[float] = []
        self.note = self._noted.append
        _timers.append(self)

    def settle(self) -> None:
        """Add up what was noted."""
        noted = self._noted[:]
        del self._noted[: len(noted)]
        if self._count is not None:
            self._count.inc(len(noted))
        for seconds in noted:
            self._histogram.observe(seconds)


_timers: list[Timer] = []


acquiring = Timer(acquire_seconds)


def query_timer(name: str) -> Timer:
    """Where the durations of a statement are noted."""
    return Timer(query_seconds.labels(name))


@cache
def request_timer(method: str, route: str, status: int) -> Timer:
    """Where the durations of a route's requests are noted; each is counted, too."""
    return Timer(request_seconds.labels(method, route), requests.labels(method, route, status))


def settle() -> None:
    """Add up what was noted since the last time."""
    for timer in _timers:
        timer.settle()


@asynccontextmanager
async def settling() -> AsyncIterator[None]:
    """Settle every second for as long as the block runs: another worker may be asked for our numbers."""

    async def settle_for_ever() -> None:
        while True:
            await asyncio.sleep(1)
            settle()

    task = asyncio.create_task(settle_for_ever())
    try:
        yield
    finally:
        task.cancel()
        settle()


class Connections(Protocol):
    """A pool of connections, as it stands."""

    @property
    def size(self) -> int: ...

    @property
    def idle(self) -> int: ...

    @property
    def waiting(self) -> int: ...

    @property
    def breaker_state(self) -> str: ...


def text(pool: Connections) -> bytes:
    """Everything in Prometheus' text format; the pool's gauges are set as this worker sees them now."""
    settle()
    pool_connections.labels("idle").set(pool.idle)
    pool_connections.labels("used").set(pool.size - pool.idle)
    pool_waiting.set(pool.waiting)
    for state in ("closed", "open", "half_open"):
        breaker_state.labels(state).set(state == pool.breaker_state)
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
