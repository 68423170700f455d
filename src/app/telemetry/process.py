"""The process of a worker: what it takes of the machine, and how late its event loop is."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

import psutil

from app.background import beside
from app.telemetry import metrics

TICK = 0.1
"""Seconds between two looks at how late the event loop is."""

EVERY = 50
"""Ticks between two looks at the process: its files are counted one by one."""


@asynccontextmanager
async def watching() -> AsyncIterator[None]:
    """Set the metrics of this process for as long as the block runs."""
    process = psutil.Process()
    metrics.process_start_time.set(process.create_time())
    metrics.process_files_limit.set(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    async with beside(_watch(process)):
        yield


async def _watch(process: psutil.Process) -> None:
    counted = 0.0
    while True:
        spent = process.cpu_times()
        metrics.process_cpu.inc(spent.user + spent.system - counted)
        counted = spent.user + spent.system
        metrics.process_memory.set(process.memory_info().rss)
        metrics.process_files.set(process.num_fds())
        for _ in range(EVERY):
            started = perf_counter()
            await asyncio.sleep(TICK)
            metrics.lagging.note(max(0.0, perf_counter() - started - TICK))
