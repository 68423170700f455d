"""`holdfast serve`: a plain process, no event loop, that starts and ends the others.

    holdfast serve            app.server.cli, then this file: lock, port, database
      postgres                app.database.embedded, unless DATABASE_URL is set
      granian                 app.server.worker, begun by app.server.granian_process
        worker, worker, ...   app.main, made by app.server.worker

Each dies with its parent, so that a killed process leaves nothing that serves; what is left, the next start takes over.
"""

import asyncio
import http.client
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import ExitStack, closing, suppress
from typing import Any, TypeVar

import psutil
import structlog

from app.backups import archiving
from app.database import embedded, migrations
from app.database.embedded import StartCancelledError
from app.database.executor import on_connection
from app.database.postgres_programs import EmbeddedError
from app.server import archive_watch, doctor, granian_process
from app.server.data_lock import FOLDER_FREE_WITHIN, ServeError, holder_of, try_lock
from app.server.granian_process import Granian, Told
from app.server.ports import claimed_port
from app.server.signals import StopSignals
from app.settings import Settings
from app.storage import Storage

T = TypeVar("T")


log = structlog.get_logger()


RESTARTS = 5
"""How often the embedded server is started again within a minute."""

MINUTE = 60.0

DRAIN_WITHIN = 30
"""Seconds the requests in flight get to finish once we are asked to stop."""


def serve(settings: Settings, granian: Granian, signals: StopSignals, *, migrate: bool | None = None) -> int:
    """Serve until a signal says stop. Returns the exit code: 0 when we were asked to stop.

    `granian` has begun, and has ended when this returns. `migrate` None: yes on the embedded server, no on another.
    Raises SettingsError, ServeError, EmbeddedError, ArchiveError, MigrationError, DatabaseUnavailable or DatabaseRefused when
    it comes to nothing.
    """
    try:
        # granian ends before the database.
        with ExitStack() as ending, ExitStack() as ending_first:
            ending_first.callback(_end, granian)
            # Each worker opens its own; what is wrong with it is told here, and once.
            Storage(settings)
            address = ending.enter_context(claimed_port(settings.host, settings.port))
            server = _embedded_server(settings, signals, ending) if settings.database_url is None else None
            if settings.wal_archive_url is not None:
                archive_watch.begin(settings)
            url = server.url if server else settings.database_url or ""
            if migrate or (migrate is None and server):
                _migrate(url, settings, signals)
            else:
                _look(url, settings, signals)
            if server is None:
                warn_about_connections(url, settings)
            log.info("starting_server", workers=settings.workers)
            granian_process.tell(granian, Told(address, url))
            if _wait_until_it_answers(granian, address, settings.port, signals):
                # From now on a worker that dies is replaced.
                os.kill(granian.pid, signal.SIGUSR1)
                _say_where(settings, server)
            _wait_for_an_end(granian, server, settings, signals)
            ending_first.close()
            signals.granian = None
            if signals.asked:
                return 0
            if server is not None and not server.running():
                raise ServeError(f"The embedded PostgreSQL ended too often. Its log: {settings.data / 'postgres.log'}")
            raise ServeError("The server ended by itself. Its last words are above.")
    except StartCancelledError:
        return 0


def _embedded_server(settings: Settings, signals: StopSignals, ending: ExitStack) -> embedded.Server:
    """Start the embedded server under the folder's lock. Both end with `ending`."""
    embedded.prepare(settings.data)
    end = time.monotonic() + FOLDER_FREE_WITHIN
    while (lock := try_lock(settings.data, "serve")) is None:
        holder = holder_of(settings.data)
        if holder.purpose == "serve" or time.monotonic() > end:
            raise ServeError(
                f"The data folder {settings.data} is served already, by process {holder.pid}. Stop that one, or set "
                "HOLDFAST_DATA to another folder."
            )
        if signals.asked:
            raise StartCancelledError
        time.sleep(0.1)
    ending.enter_context(lock)
    # Either can take a while: the one on its first start, the other after a crash.
    log.info("starting_database" if embedded.is_made(settings.data) else "making_database", folder=str(settings.data))
    server = _start(settings, signals)
    ending.callback(server.stop)
    return server


def _start(settings: Settings, signals: StopSignals) -> embedded.Server:
    connections = settings.workers * (settings.pool_size + settings.max_overflow + 2) + 20
    return embedded.start(
        settings.data,
        max_connections=max(100, connections),
        extras=archiving.extras(settings),
        cancelled=lambda: signals.asked,
    )


def _start_again(server: embedded.Server, settings: Settings, signals: StopSignals, starts: deque[float]) -> bool:
    """Start the embedded server again, at the same URL: the workers find it by themselves. False: it ended too often.

    Raises StartCancelledError.
    """
    while len(starts) < RESTARTS or time.monotonic() - starts[0] > MINUTE:
        starts.append(time.monotonic())
        log.warning("database_ended", folder=str(settings.data), log=str(settings.data / "postgres.log"))
        try:
            again = _start(settings, signals)
        except EmbeddedError as error:
            log.warning("database_not_started", reason=str(error))
            time.sleep(1)
        else:
            server.pid, server.process = again.pid, again.process
            return True
    return False


def _migrate(url: str, settings: Settings, signals: StopSignals) -> None:
    """Bring the schema up to date, and say so in two lines: which migrations there were, `holdfast migrate history` tells."""
    found = asyncio.run(_unless_asked(migrations.status(url, patience=settings.connect_timeout), signals))
    before = [migration.version for migration in found if migration.applied]
    if pending := len(found) - len(before):
        log.info("migrating", migrations=pending)
    # In any case: it waits for another process that is at it, and warns of a database that is newer than the code.
    applied = asyncio.run(_unless_asked(migrations.up(url, patience=settings.connect_timeout), signals))
    if applied:
        fields = {"from": before[-1] if before else "empty", "to": migrations.expected_version()}
        log.info("migrated", migrations=len(applied), **fields)


def warn_about_connections(url: str, settings: Settings) -> None:
    """Warn when the workers may open more connections than the server has: it would refuse them under load, not now."""
    needed = doctor.connections_needed(settings)
    available = asyncio.run(on_connection(url, doctor.server)).connections
    if needed > available:
        log.warning("connections_may_run_out", needed=needed, available=available, run="holdfast doctor")


def _look(url: str, settings: Settings, signals: StopSignals) -> None:
    """See that the database is there, before the workers say so at greater length; and how old its schema is."""
    found = asyncio.run(_unless_asked(migrations.status(url, patience=settings.connect_timeout), signals))
    if pending := sum(not migration.applied for migration in found):
        log.warning("migrations_pending", migrations=pending, run="holdfast migrate up")


async def _unless_asked(work: Coroutine[Any, Any, T], signals: StopSignals) -> T:
    """Do the work, or raise StartCancelledError as soon as we are asked to stop."""
    task = asyncio.ensure_future(work)
    while not task.done():
        if signals.asked:
            task.cancel()
        await asyncio.wait({task}, timeout=0.1)
    if task.cancelled():
        raise StartCancelledError
    return task.result()


def _wait_for_an_end(granian: Granian, server: embedded.Server | None, settings: Settings, signals: StopSignals) -> None:
    """Wait for granian's end, or for that of a database that cannot be started again."""
    starts: deque[float] = deque(maxlen=RESTARTS)
    _wait(granian, server)
    while server is not None and granian.returncode is None and not signals.asked:
        if not _start_again(server, settings, signals, starts):
            break
        _wait(granian, server)


def _wait_until_it_answers(granian: Granian, address: str, port: int, signals: StopSignals) -> bool:
    """False when it never will: it ended, or we were asked to stop."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - nothing is bound here
    while granian.poll() is None and not signals.asked:
        with closing(http.client.HTTPConnection(host, port, timeout=2)) as connection:
            try:
                connection.request("GET", "/health/live")
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException):
                time.sleep(0.03)
                continue
        if status != http.client.OK:
            raise ServeError(f"The server answers /health/live with {status}. The reason is above.")
        return True
    return False


def _wait(granian: Granian, server: embedded.Server | None) -> None:
    """Wait, without waking up in between, until granian or the embedded server ends.

    Whatever else ends is collected too: in a container we may be the first process, who inherits all orphans.
    """
    children = [granian] if server is None or server.process is None else [granian, server.process]
    while all(child.returncode is None for child in children):
        pid, status = os.wait()
        for child in children:
            if child.pid == pid:
                child.returncode = os.waitstatus_to_exitcode(status)


def _end(granian: Granian) -> None:
    """See to it that granian and its workers are gone; at the normal end they are."""
    if granian.poll() is None:
        granian.terminate()
        with suppress(subprocess.TimeoutExpired):
            granian.wait(DRAIN_WITHIN + 5)
    elif granian.returncode >= 0:
        return
    # Killed: its workers were told to stop, and may still be at it.
    end = time.monotonic() + DRAIN_WITHIN
    while _group(granian.pid) and time.monotonic() < end:
        time.sleep(0.1)
    with suppress(ProcessLookupError):
        os.killpg(granian.pid, signal.SIGKILL)
    granian.wait()


def _group(leader: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError, PermissionError):
            if process.info["status"] != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == leader:
                found.append(process.pid)
    return found


def _say_where(settings: Settings, server: embedded.Server | None) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    data = f"{settings.data} (PostgreSQL comes along)" if server else "in the database of DATABASE_URL"
    docs = f"  Docs   http://{host}:{settings.port}/docs\n" if settings.expose_docs else ""
    print(  # noqa: T201 - for the person who started us; logs go to stderr
        f"\nHoldfast is ready.\n\n  API    http://{host}:{settings.port}/v1\n{docs}  Data   {data}\n\nStop it with Ctrl-C.\n",
        flush=True,
    )
