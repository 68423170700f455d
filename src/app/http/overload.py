"""More requests than a worker can answer: the last ones are refused before anything of them is looked at.

A worker is one thread. What comes faster than it works would wait in it, each request behind all that came before, until none
is answered in time. So it begins MOST at a time.
"""

from time import monotonic

import structlog
from litestar.types import HTTPScope, Message

from app.http.caching import PRIVATE
from app.http.requests import header_bytes
from app.http.transfers import CLOSE
from app.problems.problem import later
from app.telemetry import metrics

log = structlog.get_logger()

MOST = 500
"""Requests of a worker under way at once, without those that wait for their client."""

ALWAYS_ANSWERED = ("/health/", "/metrics")
"""What tells how it is."""

SMALL_BODY = 64 * 1024
"""Bytes that are read of a request that is refused, so that its connection can go on."""

TELL_EVERY = 1.0
"""Seconds between two lines of the log."""


def has_small_body(scope: HTTPScope) -> bool:
    """Whether the head of a request announces a body that is worth to be read."""
    announced = header_bytes(scope, b"content-length") or b""
    return announced.isdigit() and int(announced[:20]) <= SMALL_BODY


class Refusals:
    """The answer for one request too many, ready but for the request's id."""

    def __init__(self) -> None:
        problem = later("overloaded", 1)
        self._before, self._after = problem.document("*id*").split(b"*id*")
        self._headers = ((b"content-type", b"application/problem+json"), *problem.headers, *PRIVATE)
        self._refused = 0
        self._told_at = 0.0

    def answer(self, scope: HTTPScope, request_id: str, *, closes: bool) -> tuple[Message, Message]:
        """The two messages of the answer. With `closes` its connection ends: the next bytes on it are no request."""
        encoded = request_id.encode()
        body = b"%b%b%b" % (self._before, encoded, self._after)
        length = (b"content-length", b"%d" % len(body))
        headers = (*self._headers, (b"x-request-id", encoded), length, *((CLOSE,) if closes else ()))
        return (
            {"type": "http.response.start", "status": 503, "headers": headers},
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body, "more_body": False},
        )

    def note(self, seconds: float, under_way: int) -> None:
        """Count a refusal; the log tells of them once a second."""
        metrics.request_timer("other", "none", 503).note(seconds)
        metrics.refusals.inc()
        self._refused += 1
        now = monotonic()
        if now - self._told_at >= TELL_EVERY:
            log.warning("overloaded", refused=self._refused, under_way=under_way)
            self._refused, self._told_at = 0, now
