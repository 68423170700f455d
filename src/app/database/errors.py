"""What goes wrong with a database, in the app's own words, and what a driver's error means in them."""

import re
from typing import NoReturn

import asyncpg
import structlog

from app.telemetry import metrics

log = structlog.get_logger()

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""Whatever the driver and the network raise."""

_LOST = {"57P01", "57P02", "57P03", "57P05", "53300"}

_LOST_ON_THE_WAY = "failure on connection marked as essential"
"""Citus's words for a worker that goes away between two steps of a statement; their SQLSTATE is XX000."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or the connection was lost. Nothing that was begun is committed."""

    code = "database_unavailable"


class PoolExhausted(DatabaseUnavailable):
    """No connection became free within DB_POOL_TIMEOUT."""

    code = "pool_exhausted"


class DatabaseUnreachable(DatabaseUnavailable):
    """No connection can be made, or none is tried: nothing was sent."""


class NodeUnavailable(DatabaseUnavailable):
    """A worker of a cluster cannot be reached; the server that said so can, and has rolled back. Others' rows are elsewhere."""


class LeftOut(PoolExhausted):
    """Too many wait for a connection: what is not vital is left out."""


class DatabaseBusy(DatabaseUnavailable):
    """Deadlocks or serialization failures, time after time."""

    code = "database_busy"


class DatabaseReadOnly(DatabaseUnavailable):
    """The server takes no writes: a full disk, or a read-only server."""

    code = "database_read_only"


class QueryTimeout(Exception):
    """A statement ran longer than DB_QUERY_TIMEOUT and was cancelled."""


class DatabaseRefused(Exception):
    """The server was reached and said no: wrong credentials, no such database. The text shows none of them."""


def raise_translated(error: Exception, query: str, *, logs_constraints: bool = True) -> NoReturn:
    """Raise what the fault means to the caller. Logs and counts it; never with the error's text, which may carry a row.

    A broken constraint is logged where `logs_constraints` says so.
    """
    sqlstate = str(getattr(error, "sqlstate", None) or "client")
    metrics.failed_queries.labels(sqlstate[:2]).inc()
    details = {key: name for key in ("constraint", "table", "column") if (name := name_of(error, key))}
    if logs_constraints or not isinstance(error, asyncpg.IntegrityConstraintViolationError):
        log.warning("query_failed", query=query, sqlstate=sqlstate, error=type(error).__name__, **details)
    # TimeoutError is an OSError: its place is before the lost connections.
    if isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
        raise QueryTimeout(query) from error
    if is_lost(error):
        raise lost(error) from error
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError | asyncpg.DiskFullError):
        raise DatabaseReadOnly from error
    raise error


_OF_SHARD = re.compile(r"_[0-9]{6,}$")
"""What Citus puts behind the names of a shard."""


def name_of(error: BaseException, key: str) -> str | None:
    """The name of the constraint, table or column that an error is about: from its field, or else from its message.

    A server of a cluster that passes an error on leaves out the fields, and its names are those of a shard.
    """
    name = getattr(error, f"{key}_name", None)
    if not name and isinstance(error, asyncpg.IntegrityConstraintViolationError):
        word = "relation" if key == "table" else key
        found = re.search(rf'\b{word} "([^"]+)"', str(error.args[0]))
        name = found[1] if found else None
    return _OF_SHARD.sub("", str(name)) if name else None


def is_lost(error: BaseException) -> bool:
    """Whether an error says that the connection is gone or cannot be made, rather than that the statement is wrong."""
    if isinstance(error, asyncpg.DataError):
        return False
    if isinstance(error, asyncpg.PostgresError):
        sqlstate = error.sqlstate or ""
        return sqlstate.startswith("08") or sqlstate in _LOST or str(error.args[0]).startswith(_LOST_ON_THE_WAY)
    return isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError)


def is_refused_by_driver(error: asyncpg.PostgresError) -> bool:
    """Whether a value never left the driver. Its statement was begun then, and a pooler gives the session to nobody else."""
    return isinstance(error, asyncpg.DataError) and getattr(error, "severity", None) is None


def lost(error: BaseException) -> DatabaseUnavailable:
    """What is to be raised for an error that `is_lost`.

    A server that goes away says so with FATAL, and the driver without any severity. By an ERROR the coordinator of a cluster
    tells what has become of another server, and goes on.
    """
    return NodeUnavailable() if getattr(error, "severity_en", None) == "ERROR" else DatabaseUnavailable()
