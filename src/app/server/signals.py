"""The signals that ask `holdfast serve` to stop."""

import os
import signal
import time
from contextlib import suppress

SAME_SIGNAL_WITHIN = 1.0
"""Seconds within which a second signal is the first one again: sent to us, and passed on by the process that started us."""


class StopSignals:
    """What TERM and INT asked for: the first to finish and stop, a second one to stop at once."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.granian: int | None = None

    @property
    def asked(self) -> bool:
        return self.since is not None

    def on_signal(self, _number: int, _frame: object) -> None:
        now = time.monotonic()
        if self.since is None:
            self.since = now
            self.forward()
        elif now - self.since > SAME_SIGNAL_WITHIN and self.granian is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.granian, signal.SIGKILL)

    def forward(self) -> None:
        # Popen.send_signal would collect a dead child here, and _wait would miss it.
        if self.granian is not None:
            with suppress(ProcessLookupError):
                os.kill(self.granian, signal.SIGTERM)
