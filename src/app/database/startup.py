"""Reaching the database when a process starts: with retries, and with an explanation for whoever started it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import structlog

from app.database.errors import (
    DRIVER_ERRORS,
    DatabaseRefused,
    DatabaseUnavailable,
    is_lost,
)
from app.telemetry import metrics

T = TypeVar("T")

log = structlog.get_logger()

STARTUP_WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds between the attempts to reach the database at start."""


async def connect_with_retry(attempt: Callable[[], Awaitable[T]]) -> T:
    """Reach the database at start: again after 1, 2, 4 and 8 s while it is not there, each logged.

    Raises DatabaseUnavailable at the end; DatabaseRefused at once when the server says no for good.
    """
    for wait in (*STARTUP_WAITS, None):
        try:
            return await attempt()
        except (
            asyncpg.InvalidAuthorizationSpecificationError,
            asyncpg.InvalidCatalogNameError,
            asyncpg.InsufficientPrivilegeError,
        ) as error:
            raise DatabaseRefused(
                "The database server refused the connection: check the user, the password and the database's name in "
                f"DATABASE_URL (SQLSTATE {error.sqlstate})."
            ) from None
        except (asyncpg.ClientConfigurationError, ValueError):
            raise DatabaseRefused("DATABASE_URL cannot be used: check its form and its options.") from None
        except DRIVER_ERRORS as error:
            if isinstance(error, asyncpg.PostgresError) and not is_lost(error):
                raise DatabaseRefused(
                    "The database server refused the connection: check the options of DATABASE_URL "
                    f"(SQLSTATE {error.sqlstate})."
                ) from None
            metrics.connection_errors.inc()
            log.warning("database_not_there", error=type(error).__name__, next_attempt_in=wait)
            if wait is None:
                break
            await asyncio.sleep(wait)
    raise DatabaseUnavailable(
        "The database could not be reached. Check that the server of DATABASE_URL runs and takes connections from here."
    )
