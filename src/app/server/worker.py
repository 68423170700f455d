"""granian, its own process under the supervisor, and the workers that it forks."""

import ctypes
import gc
import multiprocessing
import os
import platform
import signal
import sys
from functools import partial

import structlog
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from app import settings as environment
from app.http.middleware import Application
from app.main import create_app, declared
from app.server import granian_process, open_files, succession
from app.server.granian_process import DRAIN_WITHIN, HEAD_WITHIN
from app.server.sockets import GranianOnSockets
from app.telemetry import logs

log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1
_M_MMAP_THRESHOLD = -3


def die_with_parent(parent: int | None = None) -> None:
    """Have this process told to stop when its parent dies, however that happens. For workers, and for granian.

    `parent` is the parent's process id, where it is known; a worker knows it. Does nothing off Linux.
    """
    worker_of = multiprocessing.parent_process()
    if worker_of is not None:
        parent = worker_of.pid
        # Until the server sets handlers of its own, a worker has granian's, which would swallow the signal.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        # It died before we asked.
        os.kill(os.getpid(), signal.SIGTERM)


def give_large_blocks_back() -> None:
    """Have memory of large bodies returned when it is freed. Does nothing without glibc.

    Left to itself glibc takes blocks of any size from the heap once one of that size was freed, and small blocks between them
    keep the heap from shrinking: 25 readers of 7 MB cost 94 MB for good.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1024 * 1024)


def run_granian() -> None:
    """Serve, with workers that are forks and so begin with everything loaded.

    The process's first argument is the process id of the supervisor, the second its end of the line to it.
    """
    # They inherit the sockets, too.
    multiprocessing.set_start_method("fork")
    die_with_parent(int(sys.argv[1]))
    # Once for all workers, and mostly while the database starts.
    declared()
    # What is loaded stays: a worker that looked through it for garbage would have a copy of its own of most pages.
    gc.freeze()
    handed = granian_process.wait_until_told()
    if handed is None:
        return
    # Its workers read these, too.
    os.environ |= {"HOST": handed.told.address, "DATABASE_URL": handed.told.database_url}
    settings = environment.from_environment(os.environ)
    logs.configure(production=settings.production, serves=True)
    give_large_blocks_back()
    connections = open_files.raise_limit(settings)
    if connections < settings.max_connections:
        log.warning("connections_limited", connections=connections, wanted=settings.max_connections, run="holdfast doctor")
    GranianOnSockets.handed = handed
    server = GranianOnSockets(
        "app.server.worker:from_environment",
        factory=True,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        loop=Loops.uvloop,
        websockets=False,
        backpressure=connections,
        workers_kill_timeout=DRAIN_WITHIN,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_WITHIN * 1000),
        respawn_interval=0.5,
        log_level=LogLevels.warning,
        # To the handler of app.telemetry.logs, which shows no text of an exception: it may carry a row.
        log_dictconfig={"loggers": {"_granian": {"propagate": True}}},
    )

    def replace_dead_workers(_number: int, _frame: object) -> None:
        server.respawn_failed_workers = True
        handed.when_ready = False

    # Not from the start: a worker that cannot even begin would be replaced for ever.
    signal.signal(signal.SIGUSR1, replace_dead_workers)
    server.serve()


def from_environment() -> Application:
    """Make the application of one worker of `holdfast serve`."""
    die_with_parent()
    handed = GranianOnSockets.handed
    handed.keep_own()
    settings = environment.from_environment(os.environ)
    logs.configure(production=settings.production, serves=True)
    app = create_app(settings)
    app.on_start = partial(succession.begin, app, handed)
    return app
