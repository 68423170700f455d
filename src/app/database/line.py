"""Who waits for a connection: a line, whose first is served first."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """Requests that wait to be handed something each."""

    def __init__(self, pass_on: Callable[[T], None]) -> None:
        """`pass_on` gets what was handed to a request that was given up before it went on."""
        self._turns: deque[asyncio.Future[T]] = deque()
        self._pass_on = pass_on

    def __len__(self) -> int:
        return len(self._turns)

    async def wait(self, seconds: float) -> T:
        """Wait to be handed something. Raises TimeoutError when the time is up, and what `refuse` says."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[T] = loop.create_future()
        self._turns.append(turn)
        # What `asyncio.timeout` does would cost more than the handing on.
        timer = loop.call_later(seconds, _refuse, turn, TimeoutError())
        try:
            return await turn
        except BaseException:
            if turn in self._turns:
                self._turns.remove(turn)
            elif not turn.cancelled() and turn.exception() is None:
                # Cancelled in the moment between being handed it and going on.
                self._pass_on(turn.result())
            raise
        finally:
            timer.cancel()

    def hand(self, given: T) -> bool:
        """Hand something to the request that has waited longest. False: none waits."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(given)
                return True
        return False

    def refuse(self, error: type[Exception]) -> None:
        """Raise an error in every request that waits."""
        turns, self._turns = self._turns, deque()
        for turn in turns:
            _refuse(turn, error())


def _refuse(turn: "asyncio.Future[T]", error: Exception) -> None:
    if not turn.done():
        turn.set_exception(error)
