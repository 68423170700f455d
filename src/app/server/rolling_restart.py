"""A restart without a request lost: another granian, of the code as it is on the disk now, follows the one that serves.

    SIGHUP -> begin another, tell it what to serve, wait until each of its workers was ready, listens and says so
           -> have the first drain: no new connections, each that is open ends with its next answer
           -> once it has none, or none that is in use, tell it to stop, and wait for what is in flight

Both listen on the same sockets, so that no connection is refused or dropped at any time (docs/decisions/0049). One that does
not get ready is ended in the same way, and the first goes on.
"""

import os
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import structlog

from app.server.granian_process import DRAIN_WITHIN, HEAD_WITHIN, Granian
from app.server.signals import Signals

log = structlog.get_logger()

READY_WITHIN = 60.0
"""Seconds that the other one gets until it is ready."""

IDLE_WITHIN = HEAD_WITHIN + 1.0
"""Seconds after which the first one has no idle connection any more: granian has ended them as it always does."""

LOOK_EVERY = 0.2
"""Seconds between two looks at a restart that is under way."""


class RollingRestart:
    """The granian that serves and, while a restart is under way, the one that is to follow it, or the one that drains."""

    def __init__(self, first: Granian, begin: Callable[[], Granian], signals: Signals, port: int, workers: int) -> None:
        """`begin` starts another and tells it what to serve. It raises OSError."""
        self.serving = first
        self._begin = begin
        self._signals = signals
        self._port = port
        self._workers = workers
        self._following: Granian | None = None
        self._draining: Granian | None = None
        self._listening: set[int] = set()
        self._since = self._deadline = 0.0
        self._is_stopping = self._succeeded = False

    @property
    def granians(self) -> list[Granian]:
        """All that run."""
        return [each for each in (self.serving, self._following, self._draining) if each is not None]

    @property
    def lines(self) -> list[socket.socket]:
        """Where something comes that `step` waits for."""
        return [self._following.line] if self._following else []

    @property
    def look_again(self) -> float | None:
        """Seconds until `step` has something to do, if nothing happens before."""
        if self._following or self._draining:
            return LOOK_EVERY
        return 0.0 if self._signals.restart_asked else None

    def step(self) -> None:
        """Do what is due. A restart that is asked for while one is under way comes after it."""
        if self._following is not None:
            self._look_at_following(self._following)
        elif self._draining is not None:
            self._look_at_draining(self._draining)
        elif self._signals.restart_asked:
            self._signals.restart_asked = False
            self._start()

    def _start(self) -> None:
        self._since = time.monotonic()
        self._deadline = self._since + READY_WITHIN
        self._listening = set()
        self._succeeded = False
        log.info("restarting", granian=self.serving.process.pid)
        try:
            self._following = self._begin()
        except OSError as error:
            log.error("restart_failed", reason=error.strerror)  # noqa: TRY400 - a line, not a traceback
            return
        self._signals.granians.append(self._following)
        if self._signals.asked:
            self._signals.forward()

    def _look_at_following(self, following: Granian) -> None:
        has_schema = True
        for said in following.heard():
            has_schema = has_schema and said.has_schema
            if said.listens:
                self._listening.add(said.worker)
        if following.process.returncode is not None:
            self._give_up(following, "the new server ended by itself; its last words are above")
        elif not has_schema:
            self._give_up(following, "the new code expects another schema than the database has", run="holdfast migrate status")
        elif time.monotonic() > self._deadline:
            self._give_up(following, f"the new server was not ready within {READY_WITHIN:.0f} seconds")
        elif len(self._listening) >= self._workers:
            following.replace_dead_workers()
            before, self.serving, self._succeeded = self.serving, following, True
            log.info("restarted", granian=following.process.pid, seconds=round(time.monotonic() - self._since, 1))
            self._drain(before)

    def _give_up(self, following: Granian, reason: str, **fields: str) -> None:
        log.error("restart_failed", reason=reason, **fields)
        # Some of its workers may have taken connections.
        self._drain(following)
        if not self._listening:
            self._stop(following)

    def _drain(self, granian: Granian) -> None:
        granian.drain()
        self._following, self._draining = None, granian
        self._deadline, self._is_stopping = time.monotonic() + IDLE_WITHIN, False

    def _stop(self, granian: Granian) -> None:
        granian.stop()
        self._deadline, self._is_stopping = time.monotonic() + DRAIN_WITHIN + 5, True

    def _look_at_draining(self, draining: Granian) -> None:
        if draining.process.returncode is not None:
            self._draining = None
            end(draining)
            self._signals.granians.remove(draining)
            if self._succeeded:
                log.info("drained", granian=draining.process.pid, seconds=round(time.monotonic() - self._since, 1))
        elif not self._is_stopping and (time.monotonic() > self._deadline or not has_sockets(draining, self._port)):
            self._stop(draining)
        elif time.monotonic() > self._deadline:
            draining.kill()

    def end(self) -> None:
        """See to it that all are gone."""
        for each in self.granians:
            end(each)
        self._signals.granians.clear()


def has_sockets(granian: Granian, port: int) -> bool:
    """Whether a worker of it has a connection of this port, or still takes new ones. True where that cannot be seen."""
    try:
        workers = psutil.Process(granian.process.pid).children()
        found = [each for worker in workers for each in worker.net_connections("tcp")]
    except psutil.Error:
        return True
    return any(each.laddr and each.laddr.port == port for each in found)


def end(granian: Granian) -> None:
    """See to it that granian and its workers are gone; at the normal end they are."""
    process = granian.process
    if process.poll() is None:
        granian.stop()
        with suppress(subprocess.TimeoutExpired):
            process.wait(DRAIN_WITHIN + 5)
    if process.returncode is None or process.returncode < 0:
        deadline = time.monotonic() + DRAIN_WITHIN
        # Killed: its workers were told to stop, and may still be at it.
        while process.returncode is not None and _group(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        granian.kill()
        process.wait()
    granian.close()


def _group(leader: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError, PermissionError):
            if process.info["status"] != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == leader:
                found.append(process.pid)
    return found
