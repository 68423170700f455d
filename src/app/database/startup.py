"""Reaching the database when a process starts: with retries, and with an explanation for whoever started it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from itertools import zip_longest
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import structlog

from app.database import tls
from app.database.errors import (
    DRIVER_ERRORS,
    DatabaseRefused,
    DatabaseUnavailable,
    is_lost,
)
from app.telemetry import metrics

T = TypeVar("T")

log = structlog.get_logger()

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds between the first two attempts to reach the database at start; each wait is twice the one before."""

RETRIES = 4
"""Attempts after the first one, where no setting says else."""


def servers_of(url: str) -> list[str]:
    """Host and port of each server that a URL names, for a log: never who connects, nor by what password."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    _, at, named = parts.netloc.rpartition("@")
    if not at and "@" in parts.path + parts.query:
        # A password with a slash in it: what looks like the host is a part of it.
        return []
    if not named:
        hosts, ports = options.get("host", "").split(","), options.get("port", "").split(",")
        return [f"{host}:{port or 5432}" for host, port in zip_longest(hosts, ports, fillvalue=ports[-1]) if host]
    return [each if re.search(r":\d+$", each) and not each.endswith("]") else f"{each}:5432" for each in named.split(",")]


async def connect_with_retry(attempt: Callable[[], Awaitable[T]], url: str, retries: int = RETRIES) -> T:
    """Reach the database of a URL at start: again after 1, 2, 4, ... s while it is not there, each logged with host and port.

    Raises DatabaseUnavailable at the end; DatabaseRefused at once when the server says no for good.
    """
    tls.check_files(url)
    waits = [min(FIRST_WAIT * 2**number, LONGEST_WAIT) for number in range(retries)]
    for wait in (*waits, None):
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
        except (asyncpg.ClientConfigurationError, ValueError, *DRIVER_ERRORS) as error:
            if refused := tls.refusal(error):
                raise DatabaseRefused(refused) from None
            if isinstance(error, asyncpg.ClientConfigurationError | ValueError):
                raise DatabaseRefused("DATABASE_URL cannot be used: check its form and its options.") from None
            if isinstance(error, asyncpg.PostgresError) and not is_lost(error):
                raise DatabaseRefused(
                    "The database server refused the connection: check the options of DATABASE_URL "
                    f"(SQLSTATE {error.sqlstate})."
                ) from None
            metrics.connection_errors.inc()
            log.warning("database_not_there", servers=servers_of(url), error=type(error).__name__, next_attempt_in=wait)
            if wait is None:
                break
            await asyncio.sleep(wait)
    raise DatabaseUnavailable(
        "The database could not be reached. Check that the server of DATABASE_URL runs and takes connections from here."
    )
