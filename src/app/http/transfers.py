"""Waiting for the other end of a connection: bodies that arrive, answers that are taken, and for how long."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar, cast

from litestar.types import HTTPScope, Message, Receive, Send

from app.http.requests import header, header_bytes
from app.problems.problem import Problem

T = TypeVar("T")

WHEN_STOPPING = 3.0
"""Seconds without a byte that a body or an answer gets once the server was told to stop."""

LOOK_EVERY = 0.25
"""Seconds between looks at who has waited too long."""

DRAIN_SECONDS, DRAIN_BYTES = 3.0, 8 * 1024 * 1024
"""How much of a body is read in vain, so that its client gets the answer that was ready before. The largest JSON body."""

CLOSE = (b"connection", b"close")

OF_A_BODY = frozenset({b"content-length", b"transfer-encoding"})
"""The headers that say that a request has a body."""


class NotTakenError(Exception):
    """A reader took nothing of its answer for WRITE_TIMEOUT."""


class Waits:
    """The waits of a worker for its clients, which become short when it is told to stop.

    One timer looks after them all: an asyncio.timeout for each cost 6 us a body, this costs 2.
    """

    def __init__(self, body_timeout: float, write_timeout: float) -> None:
        self.body_timeout = body_timeout
        self._write_timeout = write_timeout
        self._deadlines: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._watching = self._stopping = False

    def __len__(self) -> int:
        """How many requests wait for their client now."""
        return len(self._deadlines)

    def stop(self) -> None:
        """Wait for no one longer than WHEN_STOPPING from now on."""
        self._stopping = True
        at = asyncio.get_running_loop().time() + WHEN_STOPPING
        for task, deadline in self._deadlines.items():
            self._deadlines[task] = min(at, deadline)

    async def within(self, seconds: float, awaitable: Awaitable[T]) -> T:
        """Await something. Raises TimeoutError, up to LOOK_EVERY too late."""
        loop, task = asyncio.get_running_loop(), cast("asyncio.Task[Any]", asyncio.current_task())
        self._deadlines[task] = loop.time() + (min(seconds, WHEN_STOPPING) if self._stopping else seconds)
        if not self._watching:
            self._watching = True
            loop.call_later(LOOK_EVERY, self._look)
        try:
            return await awaitable
        except asyncio.CancelledError:
            if task not in self._late or task.uncancel():
                # It was cancelled for another reason, too.
                raise
            raise TimeoutError from None
        finally:
            del self._deadlines[task]
            self._late.discard(task)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task, deadline in self._deadlines.items():
            if deadline <= now and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._watching = bool(self._deadlines)
        if self._watching:
            loop.call_later(LOOK_EVERY, self._look)

    def sending(self, send: Send) -> Send:
        """A `send` that raises NotTakenError when it waits for its reader too long."""

        async def send_in_time(message: Message) -> None:
            try:
                await self.within(self._write_timeout, send(message))
            except TimeoutError:
                raise NotTakenError from None

        return send_in_time


class RequestBody:
    """The body of a request: who waits for it, waits for BODY_TIMEOUT; and it is known whether it was read to its end."""

    __slots__ = ("_ended", "_receive", "_timed_out", "_touched", "_waits")

    def __init__(self, receive: Receive, waits: Waits) -> None:
        self._receive = receive
        self._waits = waits
        self._ended = self._touched = self._timed_out = False

    async def receive(self) -> Any:
        """Receive the next event. Raises Problem 408 when nothing comes for BODY_TIMEOUT."""
        self._touched = True
        try:
            event = await self._waits.within(self._waits.body_timeout, self._receive())
        except TimeoutError:
            self._timed_out = True
            raise Problem("request_timeout", headers=(CLOSE,)) from None
        self._ended = _is_last(event)
        return event

    async def leaves_connection_usable(self, scope: HTTPScope) -> bool:
        """Read what the handler did not, within bounds; whether all of it was.

        Otherwise the connection must end with the answer: its next bytes are no request. A client that waits to be asked for
        its body is not asked.
        """
        if self._ended or self._timed_out:
            return True
        if not self._touched and header_bytes(scope, b"expect") is not None:
            return False
        announced = header(scope, b"content-length") or ""
        if announced.isdecimal() and int(announced[:20]) > DRAIN_BYTES:
            return False
        try:
            return await self._waits.within(DRAIN_SECONDS, self._drain())
        except (TimeoutError, OSError, RuntimeError):
            # The last two are the server's own words for a broken chunk and for a caller who went away.
            return False

    async def _drain(self) -> bool:
        size = 0
        while size <= DRAIN_BYTES:
            event: Any = await self._receive()
            if _is_last(event):
                return bool(event["type"] == "http.request")
            size += len(event["body"])
        return False


def _is_last(event: Any) -> bool:
    return event["type"] != "http.request" or not event["more_body"]
