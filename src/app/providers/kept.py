"""What a provider publishes, kept until it is too old."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

from app.providers.asking import Asking

T = TypeVar("T")

SHORTEST, LONGEST = 60, 86_400
"""Seconds for which something is kept, whatever its provider says."""

NOT_SAID = 3600

RENEWALS = 3
"""How often in RENEWALS_WITHIN seconds something is asked for again before it is too old: who sends tokens of keys that there
are not makes a provider hear of it no more often."""

RENEWALS_WITHIN = 60.0


class Kept(Generic[T]):
    """One thing that a provider publishes. However many ask for it at the same time, the provider hears it once."""

    def __init__(self, fetch: Callable[[Asking], Awaitable[tuple[T, int | None]]]) -> None:
        """`fetch` gives it with the seconds that its provider says it holds."""
        self._fetch = fetch
        self._turn = asyncio.Lock()
        self._value: T | None = None
        self._until = 0.0
        self._renewed: deque[float] = deque(maxlen=RENEWALS)

    async def get(self, asking: Asking) -> T:
        """It, no older than its provider says. Raises what asking raises."""
        value = self._fresh()
        if value is not None:
            return value
        asking.begin()
        async with self._turn:
            return self._fresh() or await self._renew(asking)

    async def newer(self, asking: Asking, than: T) -> T | None:
        """It, asked for again because `than` will not do; None when that was done too often. Raises what asking raises."""
        if self._value is not than:
            return await self.get(asking)
        if self._is_too_often():
            return None
        asking.begin()
        async with self._turn:
            if self._value is not than:
                return self._fresh()
            if self._is_too_often():
                return None
            self._renewed.append(monotonic())
            return await self._renew(asking)

    def _fresh(self) -> T | None:
        return self._value if monotonic() < self._until else None

    def _is_too_often(self) -> bool:
        return len(self._renewed) == RENEWALS and monotonic() - self._renewed[0] < RENEWALS_WITHIN

    async def _renew(self, asking: Asking) -> T:
        value, holds = await self._fetch(asking)
        self._value = value
        self._until = monotonic() + min(max(NOT_SAID if holds is None else holds, SHORTEST), LONGEST)
        return value
