"""The outermost layer: what must hold for every request, whatever happens inside.

Request ids, HEAD (sent on as GET, its body dropped), the last-resort problem, the request's log line and its metrics.
"""

import itertools
import re
import secrets
from time import perf_counter
from typing import Any, cast

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from app import logs, metrics
from app.auth import problem_answer
from app.errors import unexpected

_SANE_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,128}")


class Edge:
    """Wraps the application; an ASGI application itself."""

    def __init__(self, app: Litestar, dispatch: ASGIApp) -> None:
        self.app = app
        self._dispatch = dispatch
        # Unique over restarts and workers by the prefix, within one by the count.
        self._prefix = secrets.token_hex(6)
        self._count = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        elif scope["type"] == ScopeType.WEBSOCKET:
            await send(cast("Any", {"type": "websocket.close", "code": 1000}))
        else:
            await self.app(scope, cast("Any", receive), cast("Any", send))

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        request_id = self._request_id(scope)
        head = scope["method"] == "HEAD"
        if head:
            scope["method"] = "GET"
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            elif head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        logs.request_id.set(request_id)
        try:
            await self._dispatch(scope, receive, send_on)
        except Exception as error:  # noqa: BLE001 - the last resort
            problem = unexpected(error)
            if not status:
                await problem_answer(scope, problem)(scope, receive, send_on)
        finally:
            self._note(scope, "HEAD" if head else scope["method"], status, perf_counter() - started)

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
