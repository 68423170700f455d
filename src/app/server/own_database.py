"""The embedded PostgreSQL under `holdfast serve`: started under the folder's lock, and again when it ends."""

import time
from collections import deque
from contextlib import ExitStack

import structlog

from app.backups import archiving
from app.database import embedded
from app.database.embedded import StartCancelledError
from app.database.postgres_programs import EmbeddedError
from app.server import doctor
from app.server.data_lock import FOLDER_FREE_WITHIN, ServeError, holder_of, try_lock
from app.server.signals import Signals
from app.settings import Settings

log = structlog.get_logger()

RESTARTS = 5
"""How often the embedded server is started again within a minute."""

MINUTE = 60.0

FOR_OTHERS = 20
"""Connections for what is run beside `serve`: migrations, backups, somebody's psql."""


def begin(settings: Settings, signals: Signals, ending: ExitStack) -> embedded.Server:
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


def start_again(server: embedded.Server, settings: Settings, signals: Signals, starts: deque[float]) -> bool:
    """Start the embedded server again, at the same URL: the workers find it by themselves. False: it ended too often.

    `starts` has the times of the last RESTARTS starts. Raises StartCancelledError.
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


def _start(settings: Settings, signals: Signals) -> embedded.Server:
    return embedded.start(
        settings.data,
        max_connections=max(100, doctor.connections_while_restarting(settings) + FOR_OTHERS),
        extras=archiving.extras(settings),
        cancelled=lambda: signals.asked,
    )
