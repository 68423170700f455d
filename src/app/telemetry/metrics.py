"""What can be counted, in Prometheus' terms. With several workers the numbers of all are added up at the scrape."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Protocol

import prometheus_client
import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import REGISTRY

from app.background import beside

# The library's own are about the process that is asked, and about nothing where there are several: ours are in process.py.
for _collector in (prometheus_client.PROCESS_COLLECTOR, prometheus_client.PLATFORM_COLLECTOR, prometheus_client.GC_COLLECTOR):
    REGISTRY.unregister(_collector)
# When each series began: with several workers nobody says so either.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


requests = Counter("holdfast_requests", "Requests answered", ["method", "route", "status"])


request_seconds = Histogram("holdfast_request_seconds", "Time to answer a request", ["method", "route"], buckets=_SECONDS)


query_seconds = Histogram("holdfast_query_seconds", "Time of a statement, by its name", ["query"], buckets=_SECONDS)


slow_queries = Counter("holdfast_slow_queries", "Statements of requests that took more than a second, by name", ["query"])


failed_queries = Counter("holdfast_failed_queries", "Statements that failed, by SQLSTATE class", ["sqlstate_class"])

for _class in ("08", "25", "53", "57", "58", "XX", "cl"):
    # From 0 on: the first failure of a kind that an alert is about is a growth already.
    failed_queries.labels(_class)


connection_errors = Counter("holdfast_connection_errors", "Connections to the database that could not be made")


acquire_seconds = Histogram("holdfast_pool_acquire_seconds", "Wait for a connection where none was free", buckets=_SECONDS)


pool_connections = Gauge("holdfast_pool_connections", "Connections of the pool", ["state"], multiprocess_mode="livesum")


breaker_state = Gauge(
    "holdfast_breaker_state", "Workers whose circuit breaker is in this state", ["state"], multiprocess_mode="livesum"
)


pool_limit = Gauge("holdfast_pool_limit", "Connections that the pool may have", multiprocess_mode="livesum")


pool_waiting = Gauge("holdfast_pool_waiting", "Requests that wait for a connection", multiprocess_mode="livesum")


sign_ins = Counter("holdfast_sign_ins", "Sign-ins by a provider, by what became of them", ["provider", "outcome"])


argon2_waiting = Gauge("holdfast_argon2_waiting", "Passwords that wait to be hashed", multiprocess_mode="livesum")


database_bytes = Gauge("holdfast_database_bytes", "Size of the database", multiprocess_mode="mostrecent")


table_bytes = Gauge(
    "holdfast_table_bytes", "Size of a table: of its rows, or of its indexes", ["table", "part"], multiprocess_mode="mostrecent"
)


provider_calls = Counter("holdfast_provider_calls", "Calls to identity providers, and those not made", ["provider", "outcome"])


provider_seconds = Histogram("holdfast_provider_seconds", "Time of the calls to a provider", ["provider"], buckets=_SECONDS)


# Not "job": that is what Prometheus calls whom it asks.
maintained = Counter("holdfast_maintained_rows", "Rows that maintain removed or folded", ["name"])


job_time = Gauge(
    "holdfast_job_timestamp_seconds", "When a job of maintain was last done; 0: not yet", ["name"], multiprocess_mode="max"
)


job_seconds = Summary("holdfast_job_seconds", "Time of the jobs of maintain", ["name"])


job_failures = Counter("holdfast_job_failures", "Jobs of maintain that failed", ["name"])


backup_time = Gauge("holdfast_backup_timestamp_seconds", "When the newest backup was made; 0: never", multiprocess_mode="max")


backup_bytes = Gauge("holdfast_backup_bytes", "Size of the newest backup", multiprocess_mode="mostrecent")


backup_verified = Gauge(
    "holdfast_backup_verified", "1: the newest backup was restored and compared", multiprocess_mode="mostrecent"
)


mail_attempts = Counter("holdfast_mail_attempts", "Outgoing mails that a sender took in hand")


mails_sent = Counter("holdfast_mails_sent", "Mails that a server has taken, by kind", ["kind"])


mail_failures = Counter("holdfast_mail_failures", "Attempts at a mail that failed, by kind", ["kind"])


mails_given_up = Counter("holdfast_mails_given_up", "Mails that were refused for good, or for a day, by kind", ["kind"])


mails_waiting = Gauge("holdfast_mails_waiting", "Mails that wait to be sent", multiprocess_mode="mostrecent")


mails_kept = Gauge("holdfast_mails_kept", "Mails that were given up in the last week", multiprocess_mode="mostrecent")


mail_oldest_seconds = Gauge(
    "holdfast_mail_oldest_seconds", "For how long the oldest mail waits; 0: none does", multiprocess_mode="mostrecent"
)


refusals = Counter("holdfast_refused_requests", "Requests refused because too many were under way")


left_out = Counter("holdfast_left_out", "Work that is not vital, left out while the database stumbled", ["what"])


dropped_log_lines = Counter("holdfast_dropped_log_lines", "Lines of the log that were dropped because nobody took them")


build_info = Gauge(
    "holdfast_build_info",
    "What runs: its version, and the schema that it is for",
    ["version", "schema"],
    multiprocess_mode="max",
)


loop_lag_seconds = Histogram(
    "holdfast_event_loop_lag_seconds", "How late the event loop of a worker does what is due", buckets=_SECONDS
)


process_start_time = Gauge("process_start_time_seconds", "When a worker was started", multiprocess_mode="liveall")


process_memory = Gauge("process_resident_memory_bytes", "Memory of a worker", multiprocess_mode="liveall")


process_files = Gauge("process_open_fds", "Open file descriptors of a worker", multiprocess_mode="liveall")


process_files_limit = Gauge("process_max_fds", "How many file descriptors a worker may open", multiprocess_mode="liveall")


process_cpu = Counter("process_cpu_seconds", "CPU time of workers")


class Timer:
    """A place for durations in seconds: `note` is a list's append, and `settle` adds them up a second later, in one go.

    Prometheus' own observe takes its locks and walks its buckets for every value, in the middle of a request.
    """

    __slots__ = ("_count", "_histogram", "_noted", "note")

    def __init__(self, histogram: Callable[[], Histogram], count: Callable[[], Counter] | None = None) -> None:
        # Asked for with the first value: a series that has none is not shown, and there are 300 statements.
        self._histogram = histogram
        self._count = count
        self._noted: list[float] = []
        self.note = self._noted.append
        _timers.append(self)

    def settle(self) -> None:
        """Add up what was noted."""
        noted = self._noted[:]
        if not noted:
            return
        del self._noted[: len(noted)]
        if self._count is not None:
            self._count().inc(len(noted))
        histogram = self._histogram()
        for seconds in noted:
            histogram.observe(seconds)


_timers: list[Timer] = []


acquiring = Timer(lambda: acquire_seconds)


lagging = Timer(lambda: loop_lag_seconds)


def query_timer(name: str) -> Timer:
    """Where the durations of a statement are noted."""
    return Timer(partial(query_seconds.labels, name))


@cache
def request_timer(method: str, route: str, status: int) -> Timer:
    """Where the durations of a route's requests are noted; each is counted, too."""
    return Timer(partial(request_seconds.labels, method, route), partial(requests.labels, method, route, status))


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


def settle(pool: Connections) -> None:
    """Add up what was noted since the last time, and say how the pool of this worker stands."""
    for timer in _timers:
        timer.settle()
    pool_connections.labels("idle").set(pool.idle)
    pool_connections.labels("used").set(pool.size - pool.idle)
    pool_waiting.set(pool.waiting)
    for state in ("closed", "open", "half_open"):
        breaker_state.labels(state).set(state == pool.breaker_state)


@asynccontextmanager
async def settling(pool: Connections) -> AsyncIterator[None]:
    """Settle every second for as long as the block runs: another worker may be asked for our numbers."""

    async def settle_for_ever() -> None:
        while True:
            await asyncio.sleep(1)
            settle(pool)

    try:
        async with beside(settle_for_ever()):
            yield
    finally:
        settle(pool)


def folder() -> Path | None:
    """Where several workers put their numbers; None: there is one worker."""
    path = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(path) if path else None


async def text(pool: Connections) -> bytes:
    """Everything in Prometheus' text format."""
    settle(pool)
    # 6,000 lines of four workers take 0.1 to 0.2 s of CPU: beside the requests, and not before them.
    return await asyncio.to_thread(_text)


def _text() -> bytes:
    numbers = folder()
    if numbers is None:
        return generate_latest(REGISTRY)
    _forget_the_dead(numbers)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_the_dead(numbers: Path) -> None:
    """Leave out the gauges of workers that have ended, and of the process that workers are forked from. Counts stay."""
    for pid in {int(file.stem.rpartition("_")[2]) for file in numbers.glob("gauge_live*.db")}:
        if pid == os.getppid() or not psutil.pid_exists(pid):
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
