"""One statement for several requests: calls of a statement that wait at the same time go out together, over arrays.

A repository says `queries.get.coalesced(...)`; its SQL file has get_many() beside get(). A call that finds none of its
statement under way is sent at once, as it is; so are a few at the same time. Calls that come meanwhile wait for one to come
back, for 5 ms at most, and then go out as one batch: no call waits for others to come, and a statement that is held up holds up
only what went out with it.

A call gets what it would get by a statement of its own. So when a batch fails, each of its calls is sent individually and gets
its own error; but a timeout and a lost connection are those of every call in the batch: no time is left, and a write may have
happened. A call that is given up while it waits is not sent. One that is given up later may still happen, as it may without
batches.
"""

import asyncio
from contextvars import Context
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from app.database.errors import DRIVER_ERRORS, DatabaseBusy
from app.database.time_limit import TimeLimit, begin_batch, time_limit
from app.settings import Settings
from app.telemetry import trace_context

if TYPE_CHECKING:
    from app.database.queries import Executor, Query

PATIENCE = 0.005
"""Seconds after which waiting calls go out although nothing has come back."""

FEW = 4
"""Calls that are too few for a batch: by themselves PostgreSQL does them at the same time, and in one commit."""

LARGEST = 100
"""Calls in one batch at most."""

_UNANSWERED: Final = object()
"""In place of a row: the call has to send its own statement."""

Values: TypeAlias = list[Any]


class _Call(NamedTuple):
    """A call that waits: for its batch to go out, then for it to come back."""

    values: Values
    limit: TimeLimit
    since: float
    parents: trace_context.Parents
    row: "asyncio.Future[Any]"
    """What it gets: its row, None, or _UNANSWERED."""


class Coalescer:
    """The calls of one statement on the database of one worker.

    Whatever is sent counts as under way until it has come back, and its end sends what waits. While calls wait, a timer is set:
    none waits longer than PATIENCE after the last one was sent, whatever becomes of the others. Calls wait when FEW are under
    way; as long as more than FEW have waited lately, when one is.
    """

    def __init__(self, query: "Query", database: "Executor", settings: Settings) -> None:
        """`query.batch` is sent in place of several calls of `query`, with an array for each of its parameters.

        It returns the columns of `query`, and as the last one the place (from 1) in the arrays of the call that a row is for.
        A call is never batched that sets a parameter which only `query` has. One for which a batch that writes returns no row
        is sent individually: its row may be locked, or changed by another call of the batch.
        """
        if query.batch is None:
            raise TypeError(f"{query.name} has no {query.name}_many beside it")
        self._query = query
        self._batch = query.batch
        self._arrays = [query.order.index(name) for name in query.batch.order]
        self._conditions = [place for place, name in enumerate(query.order) if name not in query.batch.order]
        self._database = database
        self._settings = settings
        self._under_way = 0
        self._waited = 0.0
        """How many calls waited when they were sent, at most: lately, as it loses a tenth each time."""
        self._sent_at = 0.0
        """When the last one was sent, by the loop's clock."""
        self._waiting: list[_Call] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, values: Values) -> Any:
        """Send a call, by itself or in a batch; returns its row, None if there is none. Raises what `Database.run` does."""
        at_once = FEW if self._waited <= FEW else 1
        if self._under_way >= at_once and not any(values[place] is not None for place in self._conditions):
            limit = time_limit(self._settings)
            # Who has spent some of its time already would shorten that of the others.
            if limit.is_mostly_left():
                row = await self._wait(values, limit)
                if row is not _UNANSWERED:
                    return row
        self._begin()
        try:
            return await self._database.run(self._query, values)
        finally:
            self._end()

    async def _wait(self, values: Values, limit: TimeLimit) -> Any:
        loop = asyncio.get_running_loop()
        call = _Call(values, limit, perf_counter(), trace_context.parents.get(), loop.create_future())
        self._waiting.append(call)
        if self._timer is None:
            self._timer = loop.call_at(self._sent_at + PATIENCE, self._send)
        return await call.row

    def _begin(self) -> None:
        self._under_way += 1
        self._sent_at = asyncio.get_running_loop().time()

    def _end(self) -> None:
        self._under_way -= 1
        if self._waiting:
            self._send()

    def _send(self) -> None:
        """Send what waits: several calls as a batch, a single one as it is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        batch = self._take()
        self._waited = max(len(batch), 0.9 * self._waited)
        if len(batch) == 1:
            batch[0].row.set_result(_UNANSWERED)
        elif batch:
            self._begin()
            # It belongs to no request, and ends with none.
            task = loop.create_task(self._run_batch(batch), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._waiting:
            self._timer = loop.call_at(self._sent_at + PATIENCE, self._send)

    def _take(self) -> list[_Call]:
        """Take the next batch out of what waits, without calls that were given up."""
        waiting = [call for call in self._waiting if not call.row.done()]
        batch, self._waiting = waiting[:LARGEST], waiting[LARGEST:]
        now = perf_counter()
        for call in batch:
            call.limit.queried += now - call.since
        return batch

    async def _run_batch(self, batch: list[_Call]) -> None:
        arrays = [[call.values[place] for call in batch] for place in self._arrays]
        # What a batch that reads does not find is not there.
        rows: list[Any] = [None if self._query.reads_only else _UNANSWERED] * len(batch)
        failure: Exception | None = None
        try:
            if trace_context.spans is not None:
                trace_context.begin_batch(call.parents for call in batch)
            with begin_batch(self._settings, [call.limit for call in batch]):
                found = await self._database.run(self._batch, arrays)
            for row in found:
                rows[row[-1] - 1] = row[:-1]
        except (DatabaseBusy, *DRIVER_ERRORS):
            # Nothing has happened, and it may be because of one of the calls.
            rows = [_UNANSWERED] * len(batch)
        except Exception as error:  # noqa: BLE001 - each call raises it
            failure = error
        finally:
            self._end()
        for call, row in zip(batch, rows, strict=True):
            if call.row.done():
                continue
            if failure is not None:
                call.row.set_exception(failure)
            else:
                call.row.set_result(row)
