"""How a command is run: with the settings, on the database that they name, and with an error in a line or two."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import asyncpg

from app.backups.wal_stores import ArchiveError
from app.database.dbmate import MigrationError
from app.database.errors import DatabaseReadOnly, DatabaseRefused, DatabaseUnavailable, QueryTimeout
from app.database.executor import Transaction, on_connection
from app.database.package_files import FolderMissingError
from app.database.postgres_programs import EmbeddedError
from app.distribution.rules import DistributionError
from app.problems.problem import Problem
from app.server import data_lock
from app.server.data_lock import ServeError
from app.server.words import check_words, give_up, read_settings
from app.settings import Settings, SettingsError
from app.telemetry import logs

T = TypeVar("T")

LOST = "The connection to the database was lost."

TAKES_NO_WRITES = "The database takes no writes: its disk is full, or it is read-only."

_FOR_PEOPLE = (
    ArchiveError,
    ServeError,
    EmbeddedError,
    MigrationError,
    DatabaseRefused,
    DistributionError,
    FolderMissingError,
)
"""Errors whose text is written for whoever typed the command."""


def with_database(work: Callable[[Transaction], Coroutine[Any, Any, T]]) -> T:
    """Do something by statements on the database that the settings name, or on the embedded one."""
    return on_database(lambda url: on_connection(url, work))


def on_database(work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    """Do something with the database that the settings name, or with the embedded one."""

    def with_settings(settings: Settings) -> T:
        with data_lock.database(settings) as url:
            return asyncio.run(work(url))

    return run(with_settings)


def run(work: Callable[[Settings], T], settings: Settings | None = None) -> T:
    """Do a command's work. What fails ends the process: 2 when a setting is at fault, 1 otherwise."""
    check_words()
    settings = settings or read_settings()
    logs.configure(production=settings.production)
    try:
        return work(settings)
    except SettingsError as error:
        # One that only shows when it is used, such as the credentials of a bucket.
        give_up(str(error), 2)
    except _FOR_PEOPLE as error:
        give_up(str(error))
    except DatabaseReadOnly:
        give_up(TAKES_NO_WRITES)
    except DatabaseUnavailable as error:
        # Without a text when the connection was lost on the way.
        give_up(str(error) or LOST)
    except Problem as problem:
        give_up(problem.detail)
    except QueryTimeout:
        give_up("The database took too long to answer.")
    except asyncpg.PostgresError as error:
        # Not str(error): that has the DETAIL, which may carry a row.
        give_up(f"PostgreSQL refused: {error.args[0]} ({error.sqlstate})")
    except OSError as error:
        give_up(": ".join(str(part) for part in (error.filename, error.strerror or type(error).__name__) if part))
