"""Logging: structlog, JSON lines in production and where the output is no terminal, colours otherwise.

A command writes its lines itself. The processes of a server have a thread for it, so that none of them waits for its reader.
"""

import asyncio
import atexit
import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO, cast
from uuid import UUID

import msgspec
import structlog

from app.telemetry.line_writer import LineWriter

log = structlog.get_logger()


_SECRET_KEYS = re.compile(r"password|secret|token|authorization|cookie|database_url|dsn", re.IGNORECASE)


# In a URL up to the last @: a password may contain one.
_SECRET_TEXTS = re.compile(
    r"hf_[A-Za-z0-9_-]{20,}|(?<=://)[^/\s]+@|\$argon2[^\s\"']+|bearer +\S+|(?<=password=)(?:'[^']*'|\"[^\"]*\")", re.IGNORECASE
)


def without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Processor: whatever is named or looks like a secret is masked, however deep it stands."""
    return {key: _mask(key, value) for key, value in event.items()}


def _mask(key: str, value: Any) -> Any:
    if _SECRET_KEYS.search(key):
        return "***"
    if isinstance(value, str):
        return _SECRET_TEXTS.sub("***", value)
    if isinstance(value, dict):
        return {_SECRET_TEXTS.sub("***", str(inner)): _mask(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mask("", each) for each in value]
    if value is None or isinstance(value, int | float):
        return value
    # Whatever else is printed by its repr, so that is what has to be clean.
    return "***" if isinstance(value, bytes) else _SECRET_TEXTS.sub("***", repr(value))


request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered: every line logged meanwhile carries it."""


trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
"""The trace that the request belongs to, where it has one; its lines carry it, too."""


def _with_ids(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if identifier := request_id.get():
        event["request_id"] = identifier
    if trace := trace_id.get():
        event["trace_id"] = trace
    return event


class _RequestLine(msgspec.Struct):
    """The line of a request, in the form that the JSON renderer gives to every other line."""

    method: str
    route: str
    status: int
    ms: float
    user_id: UUID | None
    event: str
    request_id: str | None
    level: str
    timestamp: datetime
    trace_id: str | msgspec.UnsetType = msgspec.UNSET


_encode = msgspec.json.Encoder().encode


_as_json = False


GATHERED = 0.02
"""Seconds that a request's line may wait for others: a write to the log costs as much as making the line."""


_lines: list[bytes] = []


_writer: LineWriter | None = None


DRAIN_WITHIN = 1.0
"""Seconds that the reader of the log gets when a process of the server ends."""


def flush() -> None:
    """Write the requests' lines that wait."""
    if not _lines:
        return
    lines = b"\n".join(_lines) + b"\n"
    _lines.clear()
    if _writer is not None:
        _writer.write(lines)
    else:
        sys.stderr.buffer.write(lines)
        sys.stderr.buffer.flush()


def drain() -> None:
    """Write what waits, and wait until it is written: no longer than DRAIN_WITHIN."""
    flush()
    if _writer is not None:
        _writer.drain(DRAIN_WITHIN)


def note_request(method: str, route: str, status: int, seconds: float, user_id: UUID | None) -> None:
    """Log a request: one line each, and so the one line that may not take its time."""
    ms = round(seconds * 1000, 2)
    if _as_json:
        # Nothing in it can be a secret, so it takes the short way: 5 us instead of 40 through structlog's processors; and
        # the lines of 20 ms are written at once.
        now, trace = datetime.now(UTC), trace_id.get() or msgspec.UNSET
        line = _RequestLine(method, route, status, ms, user_id, "request", request_id.get(), "info", now, trace)
        if not _lines:
            asyncio.get_running_loop().call_later(GATHERED, flush)
        _lines.append(_encode(line))
    else:
        log.info("request", method=method, route=route, status=status, ms=ms, user_id=str(user_id) if user_id else None)


def configure(*, production: bool, serves: bool = False) -> None:
    """Set structlog up for this process; what libraries log through `logging` is shown from warnings on.

    A process that `serves` never waits for whoever reads its log: lines that are too many are dropped, and counted.
    """
    global _as_json, _writer  # noqa: PLW0603 - decided once, when the process starts
    pretty = not production and sys.stderr.isatty()
    _as_json = not pretty
    _writer = LineWriter(sys.stderr.fileno()) if serves else None
    if serves:
        atexit.register(drain)
    processors: list[structlog.typing.Processor] = [
        _with_ids,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_secrets,
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _writer or sys.stderr)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(cast("TextIO", _writer or sys.stderr))
    handler.setFormatter(_Formatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _Formatter(logging.Formatter):
    """For libraries' own log lines: an exception is its kind and its places; its text may carry a row or an address."""

    def format(self, record: logging.LogRecord) -> str:
        return str(_mask("", super().format(record)))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        kind, _, trace = ei
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
        return f"{kind.__name__ if kind else ''} at {' < '.join(reversed(places))}"
