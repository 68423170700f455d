"""Traces, where OpenTelemetry's own variables ask for them: begun and ended with the worker that makes them."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from app.telemetry import trace_context

if TYPE_CHECKING:
    from app.telemetry.otlp import Spans

log = structlog.get_logger()


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables name a collector, and do not switch traces off."""

    def says(name: str) -> str:
        return environment.get(name, "").strip()

    names_collector = says("OTEL_EXPORTER_OTLP_ENDPOINT") or says("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    is_off = says("OTEL_SDK_DISABLED").lower() == "true" or says("OTEL_TRACES_EXPORTER").lower() == "none"
    return bool(names_collector) and not is_off


def _begin() -> "Spans | None":
    if not is_asked_for(os.environ):
        return None
    # Whatever is wrong with it, requests are answered.
    try:
        from app.telemetry.otlp import Spans  # noqa: PLC0415 - of an extra, and slow to load

        return Spans()
    except ImportError:
        log.warning("tracing_not_installed", install="holdfast[otel]")
    except ValueError:
        log.warning("tracing_not_started", reason="the SDK of OpenTelemetry does not take what one of the OTEL_ variables says")
    return None


@asynccontextmanager
async def running() -> AsyncIterator[None]:
    """Make spans for as long as the block runs, where they are asked for. In the end what waits is sent, for a few seconds."""
    # One for a process, as its log is.
    trace_context.spans = making = _begin()
    try:
        yield
    finally:
        trace_context.spans = None
        if making is not None:
            await making.close()
