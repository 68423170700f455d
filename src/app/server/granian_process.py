"""A process of granian under the supervisor: how it is started, told to serve, heard, and told to drain.

It is started before anything else, and loads its code while the database starts. A line, a pair of sockets, leads from the
supervisor to it and to the workers that it forks. Down that line go, once, what it is to serve and the listening sockets; its
end says to drain. Up come the words of the workers. An old supervisor talks to a granian of newer code over it.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress

import msgspec

from app.settings import Settings

LOAD = "import gc; gc.disable(); from app.server import worker; worker.run_granian()"
"""Nothing that is loaded is garbage, and looking for it takes a seventh of the time; app.main enables it again."""

HEAD_WITHIN = 10
"""Seconds in which a request's head must come, and an idle connection must send another one: granian knows no difference.

A proxy keeps its idle connections shorter. When told to stop, a worker waits for half a head no longer than this.
"""

DRAIN_WITHIN = 30
"""Seconds the requests in flight get to finish once we are asked to stop."""

MOST_TOLD = 64 * 1024
MOST_SOCKETS = 128


class Told(msgspec.Struct, frozen=True):
    """What it is told when it can serve."""

    address: str
    database_url: str
    when_ready: bool = False
    """Whether its workers listen only once they are ready, as /health/ready has it; they are to follow others."""


class Said(msgspec.Struct, frozen=True):
    """What a worker says: that it listens; or, while it waits to be ready, what is missing."""

    worker: int
    listens: bool
    has_schema: bool = True
    """False: the database's schema is not that of its code."""


class Granian:
    """One process of granian with its workers, and what it leaves behind."""

    def __init__(self, settings: Settings) -> None:
        """Start it. It loads its code, and then waits until it is told to serve, or the line to it ends. Raises OSError."""
        self._ending = ExitStack()
        variables = os.environ | {
            "PORT": str(settings.port),
            "WORKERS": str(settings.workers),
            "HOLDFAST_DATA": str(settings.data),
        }
        variables.pop("PROMETHEUS_MULTIPROC_DIR", None)
        # It is told a DATABASE_URL, and archives nothing.
        variables.pop("WAL_ARCHIVE_URL", None)
        if settings.workers > 1:
            # Where the workers add up their numbers. Fresh, or those of an earlier run would count.
            folder = tempfile.TemporaryDirectory(prefix="holdfast-metrics-", ignore_cleanup_errors=True)
            variables["PROMETHEUS_MULTIPROC_DIR"] = self._ending.enter_context(folder)
        self.line, its_end = socket.socketpair()
        self._ending.enter_context(self.line)
        self._heard = b""
        self._is_told_to_stop = False
        with its_end:
            try:
                self.process = subprocess.Popen(  # noqa: S603 - ourselves
                    # -P: a folder called app where we happen to be must not be taken for ours.
                    [sys.executable, "-P", "-c", LOAD, str(os.getpid()), str(its_end.fileno())],
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    pass_fds=[its_end.fileno()],
                    # A Ctrl-C on the terminal goes only to us, and we pass it on.
                    start_new_session=True,
                )
            except BaseException:
                self._ending.close()
                raise

    def tell(self, told: Told, sockets: list[socket.socket]) -> None:
        """Have it serve. It may have ended: who waits for its answer sees that."""
        with suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self.line, [msgspec.json.encode(told)], [each.fileno() for each in sockets])

    def replace_dead_workers(self) -> None:
        """From now on a worker that dies is replaced."""
        self._signal(signal.SIGUSR1)

    def drain(self) -> None:
        """Have its workers take no new connection, and end each with its next answer."""
        with suppress(OSError):
            self.line.shutdown(socket.SHUT_WR)

    def stop(self) -> None:
        """Have it end as soon as the requests in flight are answered. Again is harmless: it is told once.

        A second SIGTERM while it wakes for the first would have granian wait for itself, and never end.
        """
        if not self._is_told_to_stop:
            self._is_told_to_stop = True
            self._signal(signal.SIGTERM)

    def heard(self) -> list[Said]:
        """What its workers said since the last time."""
        with suppress(BlockingIOError, ConnectionResetError):
            while more := self.line.recv(MOST_TOLD, socket.MSG_DONTWAIT):
                self._heard += more
        *lines, self._heard = self._heard.split(b"\n")
        said = []
        for line in lines:
            # Newer code may have words that we do not know.
            with suppress(msgspec.MsgspecError):
                said.append(msgspec.json.decode(line, type=Said))
        return said

    def close(self) -> None:
        """Give up the line to it, and what it left behind. It has ended."""
        self._ending.close()

    def kill(self) -> None:
        """End it and its workers at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _signal(self, number: int) -> None:
        # Popen.send_signal would collect a dead child here, and whoever waits for all children would miss it.
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)


class Handed:
    """In granian and its workers: what it was told, the line to the supervisor, and the listening sockets."""

    def __init__(self, told: Told, line: socket.socket, sockets: list[socket.socket]) -> None:
        self.told = told
        self.line = line
        self.sockets = sockets
        self.own = sockets[0]
        """That of this worker; in granian, of the worker that is forked next."""
        self.when_ready = told.when_ready

    def keep_own(self) -> None:
        """In a worker: close the sockets of the others, which would seem to listen for as long as this one lives."""
        for each in self.sockets:
            if each is not self.own:
                each.close()

    def say(self, said: Said) -> None:
        """Tell the supervisor. It may have ended, or listen no more."""
        with suppress(OSError):
            self.line.send(msgspec.json.encode(said) + b"\n", socket.MSG_DONTWAIT)


def wait_until_told() -> Handed | None:
    """In granian: wait. None: there is nothing to serve, because the process that started this one gave up."""
    line = socket.socket(fileno=int(sys.argv[2]))
    line.set_inheritable(False)
    told, numbers, _, _ = socket.recv_fds(line, MOST_TOLD, MOST_SOCKETS)
    if not told:
        return None
    sockets = [socket.socket(fileno=number) for number in numbers]
    for each in sockets:
        each.set_inheritable(False)
    return Handed(msgspec.json.decode(told, type=Told), line, sockets)
