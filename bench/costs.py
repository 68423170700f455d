"""What a process and those below it cost: CPU time and memory."""

import itertools
import sys
import time
from contextlib import suppress
from typing import NamedTuple

import psutil


class Memory(NamedTuple):
    """Of one process, in MB of a million bytes."""

    rss: float
    uss: float


def cpu_seconds(*pids: int) -> float:
    """CPU time of processes and everything below them, all threads, user and system; ended children count as well."""
    total = 0.0
    processes = [psutil.Process(pid) for pid in pids]
    for each in itertools.chain(processes, *(process.children(recursive=True) for process in processes)):
        with suppress(psutil.NoSuchProcess, OSError):
            times = each.cpu_times()
            total += _own_seconds(each.pid, times.user + times.system) + times.children_user + times.children_system
    return total


def _own_seconds(pid: int, from_ticks: float) -> float:
    """From the process's own clock, where there is one: ticks of 10 ms are coarse for 60 backends in a round of a second."""
    # What clock_getcpuclockid(3) makes of a process id on Linux; Python has no name for it.
    return time.clock_gettime(~pid << 3 | 2) if sys.platform == "linux" else from_ticks


def worker_memory(pid: int) -> Memory:
    """Memory of the process that answers: the largest one below `pid` that has no children."""
    process = psutil.Process(pid)
    leaves = [each for each in (process, *process.children(recursive=True)) if not each.children()]
    worker = max(leaves, key=lambda each: each.memory_info().rss)
    info = worker.memory_full_info()
    return Memory(info.rss / 1e6, info.uss / 1e6)
