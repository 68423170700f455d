"""The signals that ask `holdfast serve` for something: to stop, or to have newer code serve."""

import os
import select
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from app.server.granian_process import Granian

SAME_SIGNAL_WITHIN = 1.0
"""Seconds within which a second signal is the first one again: sent to us, and passed on by the process that started us."""


class Signals:
    """What was asked for. TERM and INT: to finish and stop; a second one: to stop at once. HUP: a restart.

    HUP also comes when the terminal is closed, and then it is to stop.
    """

    def __init__(self) -> None:
        self.since: float | None = None
        self.restart_asked = False
        self.granians: list[Granian] = []
        self._had_terminal = False
        self._woken, self._wake = socket.socketpair()

    def listen(self) -> None:
        """Take over what TERM, INT, HUP and CHLD do."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # nohup has HUP ignored, and means it.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self.on_signal)
        # For `wait`: a signal that nobody handles does not wake.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._had_terminal = has_terminal()
        self._wake.settimeout(0)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

    @property
    def asked(self) -> bool:
        """Whether we are to stop."""
        return self.since is not None

    def on_signal(self, number: int, _frame: object) -> None:
        now = time.monotonic()
        if number == signal.SIGHUP and not (self._had_terminal and not has_terminal()):
            self.restart_asked = True
        elif self.since is None:
            self.since = now
            self.forward()
        elif now - self.since > SAME_SIGNAL_WITHIN:
            for granian in self.granians:
                granian.kill()

    def forward(self) -> None:
        for granian in self.granians:
            granian.stop()

    def wait(self, lines: Sequence[socket.socket], seconds: float | None) -> None:
        """Wait until a signal comes, a child's end included, something arrives on one of the lines, or the time is up."""
        ready, _, _ = select.select([self._woken, *lines], [], [], seconds)
        if self._woken in ready:
            with suppress(BlockingIOError):
                while self._woken.recv(1000, socket.MSG_DONTWAIT):
                    pass


def has_terminal() -> bool:
    """Whether there is a terminal that controls this process. Once that is closed, there is none."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
