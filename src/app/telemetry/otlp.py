"""Spans by OpenTelemetry's SDK, sent by OTLP over HTTP. The SDK reads the other OTEL_ variables by itself.

Names and attributes are those of the semantic conventions for HTTP and databases, without what could tell of somebody: no path,
no query string, no text of a statement, no parameters, no address.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from threading import Thread
from time import monotonic, time_ns
from typing import Final
from uuid import uuid4

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    format_trace_id,
    set_span_in_context,
)

from app.telemetry import logs
from app.telemetry.trace_context import Caller, parents

log = structlog.get_logger()

FLUSH_WITHIN = 5.0
"""Seconds that the spans which still wait get to be sent when a worker stops."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class Spans:
    """Makes the spans of a worker, and has them sent by a thread; what it cannot send in time it drops."""

    def __init__(self) -> None:
        ours = Resource(
            {"service.name": "holdfast", "service.version": version("holdfast"), "service.instance.id": str(uuid4())}
        )
        self._provider = TracerProvider(
            resource=Resource.create().merge(ours).merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(_Telling(trace_exporter.OTLPSpanExporter())))
        self._tracer = self._provider.get_tracer("holdfast", version("holdfast"))

    def begin(self, path: str, method: str, caller: Caller | None) -> Span | None:
        """Begin the span of a request, in its caller's trace or in a new one. None: it has none.

        Health, metrics and documents are read every few seconds by machines, and say nothing.
        """
        if not path.startswith("/v1/"):
            parents.set(())
            return None
        known = method if method in _METHODS else "_OTHER"
        span = self._tracer.start_span(
            known if known == method else "HTTP",
            _context_of(caller),
            SpanKind.SERVER,
            {"http.request.method": known, "url.scheme": "http"},
        )
        parents.set((span,))
        logs.trace_id.set(format_trace_id(span.get_span_context().trace_id))
        return span

    def end(self, span: Span, method: str, route: str | None, status: int) -> None:
        """End the span of a request with what became of it; status 0: nobody was there to be answered."""
        if route is not None:
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
        if status:
            span.set_attribute("http.response.status_code", status)
        if status >= 500 or not status:
            span.set_attribute("error.type", str(status) if status else "not_answered")
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def note_query(self, name: str, seconds: float, failure: str | None) -> None:
        """Make the span of a statement that has just ended, for each request that it was sent for; of others there is none.

        failure: the SQLSTATE, or the kind of an error without one.
        """
        requests = parents.get()
        ended = time_ns()
        attributes: dict[str, str | int] = {"db.system.name": "postgresql", "db.query.summary": name}
        if len(requests) > 1:
            attributes["db.operation.batch.size"] = len(requests)
        if failure is not None:
            attributes["error.type"] = failure
        for request in requests:
            if request.is_recording():
                within = set_span_in_context(request, Context())
                span = self._tracer.start_span(name, within, SpanKind.CLIENT, attributes, start_time=ended - int(seconds * 1e9))
                if failure is not None:
                    span.set_status(Status(StatusCode.ERROR))
                span.end(ended)

    async def close(self) -> None:
        """Send what waits, within FLUSH_WITHIN: a collector that hangs holds up nobody."""
        sending = Thread(target=self._send_the_rest, daemon=True)
        sending.start()
        end = monotonic() + FLUSH_WITHIN
        while sending.is_alive() and monotonic() < end:  # noqa: ASYNC110 - a thread sets no Event of asyncio
            await asyncio.sleep(0.02)
        if sending.is_alive():
            log.warning("traces_not_sent", seconds=FLUSH_WITHIN)

    def _send_the_rest(self) -> None:
        # By itself the latter looks only every three seconds whether it is done.
        self._provider.force_flush()
        self._provider.shutdown()


def _context_of(caller: Caller | None) -> Context:
    if caller is None:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED if caller.is_sampled else TraceFlags.DEFAULT)
    context = SpanContext(int(caller.trace_id, 16), int(caller.span_id, 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(context), Context())


class _Telling(SpanExporter):
    """Tells in the log when the collector takes no more spans, and when it takes some again: each once, not for every try."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._works = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        with suppress(Exception):
            result = self._exporter.export(spans)
        works = result is SpanExportResult.SUCCESS
        if works is not self._works:
            self._works = works
            log.warning("traces_sent_again" if works else "traces_not_taken")
            # Its own words have said why.
            logging.getLogger("opentelemetry.exporter").setLevel(logging.NOTSET if works else logging.CRITICAL)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
