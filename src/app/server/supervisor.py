"""`holdfast serve`: a plain process, no event loop, that starts and ends the others.

    holdfast serve            app.server.cli, then this file: lock, port, database
      postgres                app.server.own_database, unless DATABASE_URL is set
      granian                 app.server.worker, begun by app.server.granian_process; at times two: app.server.rolling_restart
        worker, worker, ...   app.main, made by app.server.worker

Each dies with its parent, so that a killed process leaves nothing that serves; what is left, the next start takes over.
"""

import asyncio
import http.client
import os
import time
from collections import deque
from contextlib import ExitStack, closing

import structlog

from app.database import embedded
from app.database.embedded import StartCancelledError
from app.database.executor import on_connection
from app.database.migrations import Migration
from app.mail.templating import Templates
from app.server import archive_watch, doctor, own_database, schema
from app.server.data_lock import ServeError
from app.server.granian_process import Granian, Told
from app.server.ports import claimed_port
from app.server.rolling_restart import RollingRestart
from app.server.signals import Signals
from app.settings import Settings
from app.storage import Storage
from app.telemetry import logs

log = structlog.get_logger()


def serve(settings: Settings, granian: Granian, signals: Signals, *, migrate: bool | None = None) -> int:
    """Serve until a signal says stop. Returns the exit code: 0 when we were asked to stop.

    `granian` has begun, and has ended when this returns. `migrate` None: yes on the embedded server, no on another.
    Raises SettingsError, ServeError, EmbeddedError, ArchiveError, MigrationError, DatabaseUnavailable or DatabaseRefused when
    it comes to nothing.
    """
    logs.configure(production=settings.production, serves=True)

    def begin() -> Granian:
        another = Granian(settings)
        another.tell(Told(port.address, url, when_ready=True), port.sockets)
        return another

    restart = RollingRestart(granian, begin, signals, settings.port, settings.workers)
    try:
        # granian ends before the database, and the sockets before granian.
        with ExitStack() as ending, ExitStack() as ending_first:
            ending_first.callback(restart.end)
            # Each worker opens its own; what is wrong with it is told here, and once.
            Storage(settings)
            for path in Templates(settings).missing:
                log.warning("mail_template_missing", file=str(path), instead="the English one")
            port = ending_first.enter_context(claimed_port(settings.host, settings.port, settings.workers))
            server = own_database.begin(settings, signals, ending) if settings.database_url is None else None
            if settings.wal_archive_url is not None:
                archive_watch.begin(settings)
            url = server.url if server else settings.database_url or ""
            see_to_it = schema.bring_up_to_date if migrate or (migrate is None and server) else schema.look
            direct = url if server else schema.reach(settings, signals)
            amiss = see_to_it(direct, settings, signals)
            # Those of a pooler are its own to count.
            if server is None and direct == url:
                warn_about_connections(url, settings)
            log.info("starting_server", workers=settings.workers)
            granian.tell(Told(port.address, url), port.sockets)
            if _wait_until_it_answers(granian, port.address, settings.port, signals):
                granian.replace_dead_workers()
                _say_where(settings, server, amiss)
                _wait_for_an_end(restart, server, settings, signals)
            ending_first.close()
            if signals.asked:
                return 0
            if server is not None and not server.running():
                raise ServeError(f"The embedded PostgreSQL ended too often. Its log: {settings.data / 'postgres.log'}")
            raise ServeError("The server ended by itself. Its last words are above.")
    except StartCancelledError:
        return 0
    finally:
        # Before whoever called us says why it ended.
        logs.drain()


def warn_about_connections(url: str, settings: Settings) -> None:
    """Warn when the workers may open more connections than the server has: it would refuse them under load, not now."""
    needed = doctor.connections_needed(settings)
    available = asyncio.run(on_connection(url, doctor.server, retries=settings.start_retries)).connections
    if needed > available:
        log.warning("connections_may_run_out", needed=needed, available=available, run="holdfast doctor")


def _wait_until_it_answers(granian: Granian, address: str, port: int, signals: Signals) -> bool:
    """False when it never will: it ended, or we were asked to stop."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - nothing is bound here
    while granian.process.poll() is None and not signals.asked:
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


def _wait_for_an_end(restart: RollingRestart, server: embedded.Server | None, settings: Settings, signals: Signals) -> None:
    """See to restarts, until we are asked to stop, granian ends, or the database does and cannot be started again."""
    starts: deque[float] = deque(maxlen=own_database.RESTARTS)
    while True:
        _collect(restart, server)
        if signals.asked or restart.serving.process.returncode is not None:
            return
        if (
            server is not None
            and server.process is not None
            and server.process.returncode is not None
            and not own_database.start_again(server, settings, signals, starts)
        ):
            return
        restart.step()
        signals.wait(restart.lines, restart.look_again)


def _collect(restart: RollingRestart, server: embedded.Server | None) -> None:
    """Note which of our children have ended.

    Whatever else has ended is collected too: in a container we may be the first process, who inherits all orphans.
    """
    children = [granian.process for granian in restart.granians]
    if server is not None and server.process is not None:
        children.append(server.process)
    try:
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            for child in children:
                if child.pid == found[0]:
                    child.returncode = os.waitstatus_to_exitcode(found[1])
    except ChildProcessError:
        pass


def _say_where(settings: Settings, server: embedded.Server | None, amiss: list[Migration]) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    data = f"{settings.data} (PostgreSQL comes along)" if server else "in the database of DATABASE_URL"
    docs = f"  Docs   http://{host}:{settings.port}/docs\n" if settings.expose_docs else ""
    state = f"Holdfast runs, but is not ready. {schema.explain(amiss)}" if amiss else "Holdfast is ready."
    print(  # noqa: T201 - for the person who started us; logs go to stderr
        f"\n{state}\n\n  API    http://{host}:{settings.port}/v1\n{docs}  Data   {data}\n\nStop it with Ctrl-C.\n",
        flush=True,
    )
