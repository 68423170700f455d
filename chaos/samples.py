"""What is measured every few seconds of a soak: the processes, the database, the latencies."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import psutil

from chaos.clients import Client
from chaos.stage import Stage
from chaos.stored import fetch

MIB = 2**20


class Series(NamedTuple):
    """What a figure is called, its unit, and by how much of its level it may grow in half an hour."""

    title: str
    unit: str
    most: float


SERIES = {
    "worker_rss": Series("Memory of the workers (RSS)", "MiB", 0.1),
    "worker_uss": Series("Memory of the workers, their own (USS)", "MiB", 0.1),
    "granian_rss": Series("Memory of granian's main process (RSS)", "MiB", 0.1),
    "supervisor_rss": Series("Memory of the supervisor (RSS)", "MiB", 0.1),
    "postgres_uss": Series("Memory of PostgreSQL, all processes (USS)", "MiB", 0.25),
    "handles": Series("Open files and sockets of the app", "", 0.1),
    "connections": Series("Connections to PostgreSQL", "", 0.1),
    "dead_share": Series("Dead rows, of all rows", "%", 0.5),
    "bytes_per_row": Series("Size of the tables for each living row", "bytes", 0.25),
    "p50": Series("Latency, median", "ms", 0.25),
    "p99": Series("Latency, 99th percentile", "ms", 0.5),
}

Sample = dict[str, float]


def sample(stage: Stage, clients: Sequence[Client]) -> Sample:
    """Measure once. The latencies are those since the last time."""
    taken = {"requests": 0.0} | _latencies(clients)
    handles = 0
    for kind, processes in stage.processes().items():
        taken[f"{kind}_rss"] = taken[f"{kind}_uss"] = 0.0
        for process in processes:
            # Backends come and go.
            with suppress(psutil.Error):
                memory = process.memory_full_info()
                taken[f"{kind}_rss"] += memory.rss / MIB
                taken[f"{kind}_uss"] += memory.uss / MIB
                handles += process.num_fds() if kind != "postgres" else 0
    taken["handles"] = handles
    (row,) = asyncio.run(fetch(stage.url, "sample"))
    return taken | {name: float(value) for name, value in row.items()}


def _latencies(clients: Sequence[Client]) -> Sample:
    seconds: list[float] = []
    for client in clients:
        taken, client.seconds = client.seconds, []
        seconds += [each for _, each in taken]
    seconds.sort()
    if not seconds:
        return {}
    return {
        "requests": len(seconds),
        "p50": 1000 * seconds[len(seconds) // 2],
        "p99": 1000 * seconds[len(seconds) * 99 // 100],
    }
