"""Whether a server is there: asked once a second, on a connection of its own, so that no load on the pool says otherwise."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

import asyncpg
import structlog

from app.background import beside
from app.database import positions
from app.database.connection import Connection
from app.database.errors import DRIVER_ERRORS, DatabaseUnavailable, DatabaseUnreachable, QueryTimeout
from app.database.executor import Database, Transaction
from app.database.queries import Executor

T = TypeVar("T")

log = structlog.get_logger()

EVERY = 1.0
"""Seconds between two questions."""

WITHIN = 2.0
"""Seconds for an answer, and for making the connection. A server that hangs gives none."""

_AWAY = {"57P01", "57P02", "57P03", "55000"}
"""SQLSTATEs of a server that stops or starts, and of a standby that is asked for what only a primary knows."""


class Watched:
    """What one worker knows of a server.

    Reads that may be made elsewhere are sent by `read`, which ends them as soon as the server gives no answer: by themselves
    they would wait for DB_QUERY_TIMEOUT.
    """

    def __init__(
        self,
        name: Literal["primary", "replica"],
        database: Database,
        question: Callable[[Executor], Awaitable[int | None]],
    ) -> None:
        self.database = database
        self.answer: int | None = None
        """What it said last."""
        self.is_seen = False
        """Whether the last question was answered."""
        self._name = name
        # The pool's: where its own connection leads elsewhere, those of the pool are ended.
        self._hosts = database.pool.hosts
        self._question = question
        self._connection: Connection | None = None
        self._gave_no_answer = False
        self._reads: set[asyncio.Timeout] = set()

    @property
    def is_away(self) -> bool:
        """Whether it has given no answer, neither to the last question nor to any statement since."""
        return self._gave_no_answer and self.database.pool.breaker.failures > 0

    @property
    def has_others(self) -> bool:
        """Whether another server may take over."""
        return len(self._hosts) > 1

    async def read(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a read for as long as the server is there. Raises DatabaseUnreachable when it is not any more."""
        if self.is_away:
            work.close()
            raise DatabaseUnreachable
        try:
            async with asyncio.timeout(None) as patience:
                self._reads.add(patience)
                try:
                    return await work
                finally:
                    self._reads.discard(patience)
        except TimeoutError as error:
            raise DatabaseUnreachable from error

    async def look(self) -> None:
        """Ask it. Without an answer every connection to it is given up, and each read that waits for it.

        What a server says that is there, such as that it has too many connections, is an answer.
        """
        self.is_seen = False
        try:
            async with asyncio.timeout(WITHIN):
                if self._connection is None or self._connection.is_closed():
                    options = {"application_name": "holdfast watch"}
                    self._connection = await self._hosts.connect(timeout=WITHIN, server_settings=options)
                self.answer = await self._question(Transaction(self._connection, echo=False))
        except asyncpg.PostgresError as error:
            self.drop()
            if error.sqlstate in _AWAY:
                await self._note_no_answer(error)
            else:
                log.warning("server_not_seen", server=self._name, sqlstate=error.sqlstate)
        except (DatabaseUnavailable, QueryTimeout, *DRIVER_ERRORS) as error:
            self.drop()
            await self._note_no_answer(error)
        else:
            self.is_seen = True
            if self._gave_no_answer:
                log.warning("server_back", server=self._name)
                self._gave_no_answer = False

    async def _note_no_answer(self, error: Exception) -> None:
        if not self.is_away:
            log.warning("server_away", server=self._name, error=type(error).__name__, reads=len(self._reads))
            self._gave_no_answer = True
            await self.database.pool.give_up()
        now = asyncio.get_running_loop().time()
        for patience in self._reads:
            if not patience.expired():
                patience.reschedule(now)

    def drop(self) -> None:
        """End the connection, without a word to a server that may hang."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def primary_of(database: Database) -> Watched:
    """The server of DATABASE_URL, asked for its position."""
    return Watched("primary", database, positions.written)


@asynccontextmanager
async def watching(primary: Watched, then: Callable[[], Awaitable[None]] | None = None) -> AsyncIterator[None]:
    """Look once a second for as long as the block runs, and `then` at the replica; not where there is nothing to go to."""
    if then is None and not primary.has_others:
        yield
        return

    async def watch_for_ever() -> None:
        try:
            while True:
                await primary.look()
                if then is not None:
                    await then()
                await asyncio.sleep(EVERY)
        finally:
            primary.drop()

    async with beside(watch_for_ever()):
        yield
