"""The outermost layer: what must hold for every request, whatever happens inside.

Request ids, HEAD (sent on as GET, its body dropped), the last-resort problem, the request's log line and its metrics.
"""

import itertools
import re
import secrets
from time import perf_counter
from typing import Any, Final, cast

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.enums import ScopeType
from litestar.middleware._internal.cors import CORSMiddleware
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from app.http.exception_handlers import problem_answer, unexpected
from app.http.routing import Dispatch
from app.telemetry import logs, metrics

# Looked up once: Enum's own look-up takes longer than the comparison.
_HTTP: Final = ScopeType.HTTP


_SANE_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,128}")


class Edge:
    """Wraps the application; an ASGI application itself."""

    def __init__(self, app: Litestar, dispatch: Dispatch) -> None:
        self.app = app
        self._dispatch = dispatch
        self._respond = self._answer if app.cors_config is None else self._answer_across_origins
        # Unique over restarts and workers by the prefix, within one by the count.
        self._prefix = secrets.token_hex(6)
        self._count = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == _HTTP:
            await self._respond(scope, receive, send)
        elif scope["type"] == ScopeType.WEBSOCKET:
            await send(cast("Any", {"type": "websocket.close", "code": 1000}))
        else:
            await self.app(scope, cast("Any", receive), cast("Any", send))

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        request_id = self._request_id(scope)
        logs.request_id.set(request_id)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        method = scope["method"]
        if method == "HEAD":
            scope["method"], state["head"] = "GET", True
        status = 0
        try:
            answer = await self._dispatch(scope, receive)
            status = answer.status_code
            await answer(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last resort
            problem = unexpected(error)
            if not status:
                status = 500
                await problem_answer(scope, problem)(scope, receive, send)
        finally:
            self._note(scope, method, status, perf_counter() - started)

    async def _answer_across_origins(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """For CORS_ORIGINS: the framework's middleware adds its headers, and answers preflights by itself."""
        request_id = self._request_id(scope).encode()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                if not any(name == b"x-request-id" for name, _ in headers):
                    headers.append((b"x-request-id", request_id))
                message["headers"] = headers
            await send(message)

        await CORSMiddleware(cast("ASGIApp", self._answer), cast("CORSConfig", self.app.cors_config))(scope, receive, send_on)

    def _request_id(self, scope: HTTPScope) -> str:
        """The caller's own when it sent a sane one, or else a new one."""
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _SANE_ID.fullmatch(value):
                return value.decode()
        return f"{self._prefix}-{next(self._count):x}"

    def _note(self, scope: HTTPScope, method: str, status: int, seconds: float) -> None:
        # The route's template, never the path: paths are without number, and what is in them is the user's.
        route = scope.get("path_template") or "none"
        metrics.request_timer(method if route != "none" else "other", route, status).note(seconds)
        caller = scope.get("user")
        logs.note_request(method, route, status, seconds, caller.user_id if caller else None)
