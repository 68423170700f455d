"""The signals that ask `holdfast serve` to stop."""

import os
import signal
import time
from contextlib import suppress

SAME_SIGNAL_WITHIN = 1.0
"""Seconds within which a second signal is the first one again: sent to us, and passed on by the process that started us."""


class StopSignals:
    """What TERM, INT and HUP asked for: the first to finish and stop, a second one to stop at once."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.granian: int | None = None

    def listen(self) -> None:
        """Take over what TERM, INT and HUP do."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # nohup has HUP ignored, and means it.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self.on_signal)

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
