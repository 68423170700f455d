"""Which trace a request belongs to: as its caller says in `traceparent`, and as spans tell where OpenTelemetry is asked for.

The spans are those of requests below /v1 and of their statements (otlp.py). A statement that goes out for several requests
(app.database.coalescing) belongs to each of them: each gets a span of it, of the same time.
"""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from app.telemetry.otlp import Spans

# W3C Trace Context, 3.2. A version after 00 is read as far as 00 goes, and may go on.
_TRACEPARENT: Final = re.compile(
    rb"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    rb"(?P<more>-.*)?"
)

Parents: TypeAlias = "tuple[Span, ...]"


class Caller(NamedTuple):
    """What a `traceparent` says: in hexadecimal digits the trace and the caller's span, and whether the caller samples it."""

    trace_id: str
    span_id: str
    is_sampled: bool


def caller_of(traceparent: bytes) -> Caller | None:
    """Read a `traceparent`; None: it is malformed, and counts as absent."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or (found["version"] == b"00" and found["more"] is not None):
        return None
    return Caller(found["trace"].decode(), found["span"].decode(), bool(int(found["flags"], 16) & 1))


spans: "Spans | None" = None
"""What makes the spans, set by tracing.py; None: nobody asked for them."""

parents: ContextVar[Parents] = ContextVar("parents", default=())
"""The spans of the requests that this task works for: none, one, or those of a batch of statements."""


def begin_batch(of_calls: Iterable[Parents]) -> None:
    """Have this task work for the requests of several calls."""
    parents.set(tuple(parent for each in of_calls for parent in each))
