"""Requests go first: a backup, and what it has PostgreSQL do, take what the requests leave of the processor."""

import asyncio
import os
from contextlib import suppress

import psutil

from app.backups import repository
from app.database.errors import DatabaseRefused, DatabaseUnavailable, QueryTimeout
from app.database.executor import Transaction, on_connection

LOW = 10
"""As nice(1): with both wanting a processor, it gets a tenth of what a request gets."""

LOOK_EVERY = 0.1
"""Seconds between two looks for new sessions: pg_restore has one for each table."""


def lower_own() -> None:
    """Lower the priority of this process, and of whatever it starts."""
    os.nice(LOW)


async def lower_sessions(url: str) -> None:
    """Lower the priority of this command's sessions on the server of a URL, again and again until it is cancelled.

    Only where they are processes of this machine, of a user that we may do so to; elsewhere nothing is done.
    """
    # The backup goes on as it is.
    with suppress(DatabaseUnavailable, DatabaseRefused, QueryTimeout):
        await on_connection(url, _lower)


async def _lower(on: Transaction) -> None:
    while found := await repository.sessions_beside(on, os.getpid()):
        for pid in found:
            # It has ended meanwhile, or is somebody else's.
            with suppress(psutil.Error):
                session = psutil.Process(pid)
                # In a container PostgreSQL counts its processes anew: the same number may be another one's here.
                if session.name() == "postgres" and session.nice() < LOW:
                    session.nice(LOW)
        await asyncio.sleep(LOOK_EVERY)
