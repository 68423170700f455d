"""How a worker begins and ends beside others: it listens once it is ready, and drains when another follows it."""

import asyncio
import os
import signal
import socket
from contextlib import suppress
from types import FrameType

from app.health.rules import readiness
from app.http.middleware import Application
from app.http.services import Services
from app.server.granian_process import Handed, Said

LOOK_EVERY = 0.5
"""Seconds between two looks at whether it is ready."""

LISTENS_AFTER = 0.05
"""Seconds until the server listens: it begins as soon as the event loop runs again, and this only says so."""


async def begin(app: Application, handed: Handed) -> None:
    """Wait until this worker is ready, if it is to follow another; then have the supervisor told, and do as it says."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    call_when_stopped(app, stopping)
    if handed.when_ready:
        await _wait_until_ready(app.services, handed, stopping)

    def drain_when_told() -> None:
        handed.say(Said(os.getpid(), listens=True))
        # Nothing comes but its end.
        loop.add_reader(handed.line, drain)

    def drain() -> None:
        loop.remove_reader(handed.line)
        # Told to stop, granian has closed the listener by itself, and its number may be that of something else.
        if not app.services.draining:
            app.services.draining = True
            close(handed.own)

    loop.call_later(LISTENS_AFTER, drain_when_told)


async def _wait_until_ready(services: Services, handed: Handed, stopping: asyncio.Event) -> None:
    last = None
    while not stopping.is_set() and (found := await readiness(services)).status != "ok":
        said = Said(os.getpid(), listens=False, has_schema=found.schema != "unexpected")
        if said != last:
            handed.say(said)
        last = said
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), LOOK_EVERY)


def call_when_stopped(app: Application, stopping: asyncio.Event) -> None:
    """When this worker is told to stop, have no one waited for any longer, beside what the server does then."""
    loop = asyncio.get_running_loop()
    servers = signal.getsignal(signal.SIGTERM)

    def stop() -> None:
        app.services.draining = True
        app.waits.stop()
        stopping.set()

    def on_signal(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        if callable(servers):
            servers(number, frame)

    signal.signal(signal.SIGTERM, on_signal)


def close(listener: socket.socket) -> None:
    """Take no more connections from a listening socket, which others go on with.

    granian, which accepts them, closes it only together with the idle connections, and so breaks a request that is on its way.
    So another socket that nobody connects to takes its place under its number.
    """
    with socket.create_server(("127.0.0.1", 0)) as nowhere:
        # granian would wait for it with everything else.
        nowhere.settimeout(0)
        os.dup2(nowhere.fileno(), listener.fileno(), inheritable=False)
