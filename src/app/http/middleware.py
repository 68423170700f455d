"""The outermost layer: what must hold for every request, whatever happens inside.

Request ids and traces, HEAD (handled as GET, sent without its body), CORS, how long clients are waited for, the last-resort
problem, the request's log line, metrics and span.
"""

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import Any, Final, cast

import structlog
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Receive, Scope, Send

from app.database.time_limit import begin_request
from app.http import openapi, overload
from app.http.cors import Cors
from app.http.exception_handlers import problem_response, unexpected
from app.http.routing import Routing
from app.http.services import Services
from app.http.transfers import OF_A_BODY, NotTakenError, RequestBody, Waits
from app.telemetry import logs, metrics, trace_context
from app.telemetry.trace_context import Caller

log = structlog.get_logger()

# Looked up once: Enum's own look-up takes longer than the comparison.
_HTTP: Final = ScopeType.HTTP
_SANE_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,128}")
_READ: Final = OF_A_BODY | {b"x-request-id", b"traceparent"}


class Application:
    """The ASGI application. Litestar itself is asked for what handlers declare, and for the lifespan."""

    def __init__(self, declared: Litestar, starting: Litestar, services: Services) -> None:
        """Raise DeclarationError for what a handler declares and nothing would honour.

        `declared` has the handlers, `starting` the lifespan.
        """
        self.services = services
        self.routing = services.routing = Routing(declared, services)
        services.document = partial(openapi.document, declared)
        self._starting = starting
        self.waits = Waits(services.settings.body_timeout, services.settings.write_timeout)
        self.on_start: Callable[[], Awaitable[None]] | None = None
        """Awaited in the server's event loop when everything is open, before the server listens."""
        self._cors = Cors(services.settings.cors_origins) if services.settings.cors_origins else None
        # Unique over restarts and workers by the prefix, within one by the count.
        self._prefix = secrets.token_hex(6)
        self._count = itertools.count(1)
        self._under_way = 0
        self._refusals = overload.Refusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == _HTTP:
            await self._respond(scope, receive, send)
        elif scope["type"] == ScopeType.WEBSOCKET:
            await send(cast("Any", {"type": "websocket.close", "code": 1000}))
        else:
            await self._starting(scope, cast("Any", receive), cast("Any", self._starting_up(send)))

    def _starting_up(self, send: Send) -> Send:
        async def send_when_started(message: Any) -> None:
            if message["type"] == "lifespan.startup.complete" and self.on_start is not None:
                await self.on_start()
            await send(message)

        return send_when_started

    async def _respond(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        request_id, caller, body = self._read_headers(scope, receive)
        if self._under_way >= overload.MOST and self._is_too_many(scope):
            await self._refuse(scope, send, request_id, body)
            self._refusals.note(perf_counter() - started, self._under_way)
            return
        logs.request_id.set(request_id)
        logs.trace_id.set(caller and caller.trace_id)
        begin_request(self.services.settings)
        method = scope["method"]
        span = trace_context.spans and trace_context.spans.begin(scope["path"], method, caller)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        if method == "HEAD":
            scope["method"], state["head"] = "GET", True
        status = 0
        self._under_way += 1
        try:
            preflight = None
            if self._cors is not None:
                preflight, send = self._cors.preflight(scope), self._cors.sending(scope, send)
            answer = preflight or await self.routing.respond(scope, receive if body is None else body.receive)
            status = answer.status_code
            if (body is not None and not await body.leaves_connection_usable(scope)) or self.services.draining:
                answer.close_connection()
            await answer.send(scope, self.waits.sending(send) if answer.waits_for_reader else send)
        except NotTakenError:
            # The connection ends without the rest.
            log.warning("answer_not_taken", route=scope.get("path_template"))
        except Exception as error:  # noqa: BLE001 - the last resort
            problem = unexpected(error)
            if not status:
                status = 500
                await problem_response(scope, problem).send(scope, send)
        finally:
            self._under_way -= 1
            self._note(scope, method, status, perf_counter() - started)
            if span and trace_context.spans:
                trace_context.spans.end(span, method, scope.get("path_template"), status)

    def _is_too_many(self, scope: HTTPScope) -> bool:
        """Whether a request is one too many. Who waits for the client costs nothing, and may wait for long."""
        return self._under_way - len(self.waits) >= overload.MOST and not scope["path"].startswith(overload.ALWAYS_ANSWERED)

    async def _refuse(self, scope: HTTPScope, send: Send, request_id: str, body: RequestBody | None) -> None:
        if self._cors is not None:
            send = self._cors.sending(scope, send)
        # To read a small body costs less than another connection.
        closes = body is not None and not (overload.has_small_body(scope) and await body.leaves_connection_usable(scope))
        for message in self._refusals.answer(scope, request_id, closes=closes):
            await send(message)

    def _read_headers(self, scope: HTTPScope, receive: Receive) -> tuple[str, Caller | None, RequestBody | None]:
        """The request's id and trace, the caller's own when it sent sane ones; and its body, unless it has none."""
        request_id, body = None, None
        traceparent = None
        for name, value in scope["headers"]:
            if name not in _READ:
                continue
            if name == b"x-request-id":
                if request_id is None and _SANE_ID.fullmatch(value):
                    request_id = value.decode()
            elif name == b"traceparent":
                # Two of them say nothing.
                traceparent = value if traceparent is None else b""
            elif value != b"0":
                body = RequestBody(receive, self.waits)
        caller = trace_context.caller_of(traceparent) if traceparent else None
        return request_id or f"{self._prefix}-{next(self._count):x}", caller, body

    def _note(self, scope: HTTPScope, method: str, status: int, seconds: float) -> None:
        # The route's template, never the path: paths are without number, and what is in them is the user's.
        route = scope.get("path_template") or "none"
        metrics.request_timer(method if route != "none" else "other", route, status).note(seconds)
        caller = scope.get("user")
        logs.note_request(method, route, status, seconds, caller.user_id if caller else None)
