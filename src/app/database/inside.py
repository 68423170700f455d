"""A transaction that stands for a database: what was written for one finds in it what it would find there.

Of a database a statement that fails ends only itself, and a transaction that is given up only that; whoever catches the error
goes on. Savepoints give them that, for two round trips each, and are needed seldom. So at first there are none: whoever goes on
after a failure meets SavepointsNeeded, and all is to be done once more, with them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

from app.database.executor import Transaction
from app.database.queries import Query

T = TypeVar("T")


class SavepointsNeeded(Exception):
    """Something has failed in a transaction without savepoints, and whoever caught it went on."""


class _Call(NamedTuple):
    """A statement that waits for those that go out with it."""

    query: Query
    values: list[Any]
    row: "asyncio.Future[Any]"
    """What it gets: its row; None: it has to be sent by itself."""


class Inside:
    """One transaction. With `savepoints` each statement that writes is one, and each transaction in it.

    Nothing is sent again by itself: after a deadlock all of it is.
    """

    def __init__(self, transaction: Transaction, *, savepoints: bool) -> None:
        self._transaction = transaction
        self._savepoints = savepoints
        self._has_failed = False
        self._lock = asyncio.Lock()
        """A connection does one thing at a time."""
        self._gathered: list[_Call] | None = None

    async def run(self, query: Query, values: list[Any]) -> Any:
        """Run one statement. Raises SavepointsNeeded."""
        if self._gathered is not None and query.batch is not None and {*query.order} == {*query.batch.order}:
            call = _Call(query, values, asyncio.get_running_loop().create_future())
            self._gathered.append(call)
            row = await call.row
            if row is not None:
                return row
        if self._savepoints and query.reads_only:
            # Nobody goes on after a read that failed.
            return await self._transaction.run(query, values)
        return await self.transaction(lambda transaction: transaction.run(query, values))

    def coalesce(self, query: Query, values: list[Any]) -> Coroutine[Any, Any, Any]:
        """As `run`: statements of other requests would be part of the transaction."""
        return self.run(query, values)

    async def transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work`, once. Raises SavepointsNeeded."""
        async with self._lock:
            if self._savepoints:
                return await self._transaction.transaction(work)
            self.check()
            try:
                return await work(self._transaction)
            except BaseException:
                self._has_failed = True
                raise

    async def together(self, works: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        """Do works that ask nothing of each other. What each sends first goes out as one, where its statement has a batch.

        Raises SavepointsNeeded when one of them fails: which one, only one after another tells.
        """
        self._gathered = gathered = list[_Call]()
        tasks = [asyncio.ensure_future(work()) for work in works]
        try:
            # Each comes to its first statement.
            await asyncio.sleep(0)
            self._gathered = None
            for query in {call.query: None for call in gathered}:
                await self._send(query, [call for call in gathered if call.query is query])
            done = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._gathered = None
            for task in tasks:
                task.cancel()
        answers = [each for each in done if not isinstance(each, BaseException)]
        if len(answers) < len(works):
            raise SavepointsNeeded
        return answers

    async def _send(self, query: Query, calls: list[_Call]) -> None:
        """Send calls of a statement as one. One that gets no row, and each when it fails, is sent by itself."""
        if query.batch is not None and len(calls) > 1 and not self._transaction.is_distributed:
            arrays = [[call.values[query.order.index(name)] for call in calls] for name in query.batch.order]
            try:
                for row in await self.run(query.batch, arrays):
                    calls[row[-1] - 1].row.set_result(row[:-1])
            except Exception:  # noqa: BLE001 - what is sent after it meets SavepointsNeeded
                self._has_failed = True
        for call in calls:
            if not call.row.done():
                call.row.set_result(None)

    def check(self) -> None:
        """Raise SavepointsNeeded if something has failed: what is committed then would be nothing, without a word."""
        if self._has_failed:
            raise SavepointsNeeded
