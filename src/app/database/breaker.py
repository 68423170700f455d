"""The circuit breaker: while the database cannot be reached, requests are told so at once, and one at a time tries again.

    closed       everything may begin; FAILURES in a row open it
    open         nothing may, until PAUSE is over
    half_open    one probe has begun, nothing else may: its success closes the breaker, its failure opens it again

Whoever asks says what time it is: there is no clock in here, no task and no connection.
"""

from typing import Literal, TypeAlias

State: TypeAlias = Literal["closed", "open", "half_open"]

FAILURES = 5
"""Failures in a row that open it."""

PAUSE = 1.0
"""Seconds from the opening to the first probe, and from the beginning of a probe to that of the next one."""


class Breaker:
    """The state of one worker's way to the database. Times are seconds of any clock that does not go back."""

    __slots__ = ("_probe", "_probe_at", "failures", "state")

    def __init__(self) -> None:
        self.state: State = "closed"
        self.failures = 0
        """In a row; 0 only while it is closed."""
        self._probe = 0
        self._probe_at = 0.0

    def begin(self, now: float) -> int | None:
        """Ask whether something may begin. 0: yes; None: no; otherwise it is the probe of this number.

        Whoever gets a number has to say how it ended, by `succeeded` or `failed`: nothing else begins before that.
        """
        if self.state == "closed":
            return 0
        if self.state == "half_open" or now < self._probe_at:
            return None
        self.state = "half_open"
        self._probe_at = now + PAUSE
        self._probe += 1
        return self._probe

    def succeeded(self) -> None:
        """Something reached the database: it is there, whoever it was."""
        self.state, self.failures = "closed", 0

    def failed(self, now: float, probe: int = 0) -> bool:
        """The database could not be reached; returns whether that opens the breaker.

        Once it is open only the failure of its probe counts: the others began before, and say nothing new.
        """
        if self.state == "closed":
            self.failures += 1
            if self.failures < FAILURES:
                return False
            self._probe_at = now + PAUSE
        elif self.state == "open" or probe != self._probe:
            return False
        self.state = "open"
        return True
