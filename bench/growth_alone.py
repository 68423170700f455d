"""Requests one at a time, in turn at every size, in small batches of which the least disturbed quarter counts.

Under load a median says what a busy machine does; this says what the rows change, whatever else the machine does.
"""

import http.client
import itertools
import json
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from statistics import quantiles
from typing import Any

from bench.costs import cpu_seconds
from bench.growth_asks import Ask
from bench.servers import BenchError, Server

REQUESTS = 40
"""Of a batch."""


def measure(
    name: str, asked: dict[str, tuple[Server, list[Ask]]], postgres: Sequence[int], *, batches: int
) -> list[dict[str, Any]]:
    """One kind of request at each size: the lower quartile of the batches' CPU time and duration, for each request."""
    random.seed(1)
    asks = {size: itertools.cycle(random.sample(several, len(several))) for size, (_, several) in asked.items()}
    found: dict[str, list[tuple[float, float]]] = {size: [] for size in asked}
    for number in range(batches + 1):
        for size, (server, _) in asked.items():
            batch = _batch(server, postgres, asks[size])
            if number:
                found[size].append(batch)
    quarter = {size: [quantiles(each, n=4)[0] for each in zip(*several, strict=True)] for size, several in found.items()}
    first = quarter[next(iter(quarter))]
    return [
        {"name": name, "size": size, "cpu_us": cpu, "ms": ms, "cpu_ratio": cpu / first[0], "ms_ratio": ms / first[1]}
        for size, (cpu, ms) in quarter.items()
    ]


def _batch(server: Server, postgres: Sequence[int], asks: Iterator[Ask]) -> tuple[float, float]:
    """CPU microseconds of server and database, and milliseconds, of one request. The first one makes the connection."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)) as connection:
        _send(connection, next(asks))
        before, started = _cpu(server, postgres), time.perf_counter()
        for _ in range(REQUESTS):
            _send(connection, next(asks))
        seconds, cpu = time.perf_counter() - started, _cpu(server, postgres) - before
    return cpu / REQUESTS * 1e6, seconds / REQUESTS * 1e3


def _cpu(server: Server, postgres: Sequence[int]) -> float:
    return cpu_seconds(server.pid, *postgres)


def _send(connection: http.client.HTTPConnection, ask: Ask) -> None:
    headers = {"Authorization": f"Bearer {ask.user.token}", "Content-Type": "application/json"}
    connection.request(ask.method, ask.path, None if ask.body is None else json.dumps(ask.body), headers)
    response = connection.getresponse()
    content = response.read()
    if response.status >= 300:
        raise BenchError(f"{ask.method} {ask.path} is answered with {response.status}: {content[:300]!r}")
