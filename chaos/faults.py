"""What can go wrong, each by its name: how it is done, where, and for how long."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import NamedTuple

import asyncpg
import psutil

from chaos import beside, clock
from chaos.accounts import deduction
from chaos.clients import Client
from chaos.crowd import PATIENCE, Crowd
from chaos.rows import create
from chaos.shelf import Row, Shelf
from chaos.slices import food
from chaos.stage import ChaosError, Stage
from chaos.stored import fetch, statement


class Fault(NamedTuple):
    """`do` returns when the fault has ended; it takes the stage, its clients and the seconds that the fault shall last."""

    name: str
    stage: str
    do: Callable[[Stage, Crowd, float], None]
    seconds: float = 0.0
    short: float = 0.0
    """The seconds in the short form."""
    prepare: Callable[[Stage, float], None] = lambda *_: None
    """What is done before, and takes its time."""


def kill_postgres(stage: Stage, _crowd: Crowd, _seconds: float) -> None:
    """SIGKILL of PostgreSQL's main process; its backends end by themselves."""
    stage.postgres().kill()


def freeze_postgres(stage: Stage, _crowd: Crowd, seconds: float) -> None:
    """SIGSTOP of every process of PostgreSQL, as a hypervisor does it that moves a machine."""
    postmaster = stage.postgres()
    postmaster.suspend()
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes[1:]:
        process.suspend()
    try:
        time.sleep(seconds)
    finally:
        for process in reversed(processes):
            with suppress(psutil.NoSuchProcess):
                process.resume()


def terminate_connections(stage: Stage, _crowd: Crowd, seconds: float) -> None:
    """Ten times a second, every connection ends with a chance of one half."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        asyncio.run(fetch(stage.url, "terminate"))
        time.sleep(0.1)


def kill_worker(stage: Stage, _crowd: Crowd, _seconds: float) -> None:
    stage.workers()[0].kill()


def kill_granian(stage: Stage, _crowd: Crowd, _seconds: float) -> None:
    """Then `serve` ends, and the service manager starts it again."""
    _ended_and_started(stage, stage.granian())


def kill_supervisor(stage: Stage, _crowd: Crowd, _seconds: float) -> None:
    _ended_and_started(stage, stage.supervisor())


def _ended_and_started(stage: Stage, process: psutil.Process) -> None:
    starts, end = stage.starts, time.monotonic() + 45
    process.kill()
    while stage.starts == starts:
        if time.monotonic() > end:
            raise ChaosError(f"{stage.name} did not end although one of its processes was killed.")
        time.sleep(0.01)


def crowd_together(_stage: Stage, crowd: Crowd, seconds: float) -> None:
    """Two hundred guests send what they can, through a pool of two connections."""
    time.sleep(seconds)
    crowd.send_guests_home()


def lock_row(stage: Stage, crowd: Crowd, seconds: float) -> None:
    """Hold the row that a dozen clients of one user want to change."""
    shelf = crowd.probes[0].users[0]
    crowd.also([Client(stage.wire(), [shelf], 3000 + number, patience=PATIENCE) for number in range(12)], [deduction])

    async def hold() -> None:
        connection = await asyncpg.connect(stage.url)
        async with connection.transaction():
            await connection.fetch(statement("hold"), shelf.id)
            await asyncio.sleep(seconds)
        await connection.close()

    asyncio.run(hold())


def fill_disk(stage: Stage, crowd: Crowd, seconds: float) -> None:
    """Write until nothing fits any more on the disk of the database, and keep it so, while long rows are sent."""
    crowd.join(3, [create("/v1/foods", _long_food)])
    end, block = time.monotonic() + seconds, b"\0" * 65536
    with (stage.disk / "filler").open("wb", buffering=0) as filler:
        while time.monotonic() < end:
            with suppress(OSError):
                while filler.write(block):
                    pass
            time.sleep(0.05)
    (stage.disk / "filler").unlink()


def _long_food(shelf: Shelf, chance: Random) -> Row:
    return food(shelf, chance) | {"notes": f"{shelf.mark} {chance.randbytes(4900).hex()}"}


def cut_network(stage: Stage, _crowd: Crowd, seconds: float) -> None:
    _through_the_proxy(stage, "cut", seconds)


def swallow_network(stage: Stage, _crowd: Crowd, seconds: float) -> None:
    _through_the_proxy(stage, "swallowing", seconds)


def _through_the_proxy(stage: Stage, state: str, seconds: float) -> None:
    if stage.proxy is None:
        raise ChaosError(f"{stage.name} has no proxy between the app and its database.")
    stage.proxy.become(state)  # type: ignore[arg-type]
    try:
        time.sleep(seconds)
    finally:
        stage.proxy.become("open")


def restart_by_signal(stage: Stage, _crowd: Crowd, _seconds: float) -> None:
    """SIGHUP to the supervisor, until other workers have taken over."""
    before, end = {worker.pid for worker in stage.workers()}, time.monotonic() + 60
    os.kill(stage.supervisor().pid, signal.SIGHUP)
    while any(psutil.pid_exists(pid) for pid in before):
        if time.monotonic() > end:
            raise ChaosError(f"The workers of before SIGHUP still run after a minute. {stage.words()}")
        time.sleep(0.05)


FAULTS = (
    Fault("postgres-killed", "embedded", kill_postgres),
    Fault("postgres-frozen", "embedded", freeze_postgres, 10, 1),
    Fault("connections-terminated", "embedded", terminate_connections, 10, 1),
    Fault("worker-killed", "embedded", kill_worker),
    Fault("granian-killed", "embedded", kill_granian),
    Fault("supervisor-killed", "embedded", kill_supervisor),
    Fault("restarted-by-signal", "embedded", restart_by_signal),
    Fault("row-locked", "proxied", lock_row, 20, 1),
    Fault("network-cut", "proxied", cut_network, 10, 1),
    Fault("network-swallows", "proxied", swallow_network, 10, 1),
    Fault("migration", "proxied", beside.migrate, 5, 1),
    Fault("import", "proxied", beside.bring_in, 100, 3, beside.prepare_import),
    Fault("backup", "proxied", beside.back_up, 2, 1),
    Fault("clock-jumps", "clock", clock.jump, 5, 0.1),
    Fault("pool-of-2", "narrow", crowd_together, 20, 1),
    Fault("disk-full", "small", fill_disk, 10, 1.5),
)
"""In the order in which they are done; those of one stage one after another."""
