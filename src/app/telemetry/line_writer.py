"""Lines for a log that nobody may read: a thread writes them, and what is too much is dropped and counted.

A pipe whose reader sleeps is full after 64 KiB. Then a write waits, for ever if need be: in the thread of the event loop that
would be the end of every answer.
"""

import os
import select
import threading
from datetime import UTC, datetime
from time import monotonic

import msgspec

from app.telemetry import metrics

MOST_BYTES = 2**20
"""Of lines that wait to be written, those under way included."""


class LineWriter:
    """As much of a file as loggers need. Its thread begins with the first line: granian forks its workers before one."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._begin()
        # A forked process has neither the thread nor, perhaps, the lock; what waits belongs to its parent.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._lines: list[bytes] = []
        self._bytes = 0
        self._dropped = 0
        self._thread: threading.Thread | None = None

    def write(self, lines: str | bytes) -> None:
        """Have whole lines written, or drop them when too many wait. Never waits."""
        data = lines.encode(errors="backslashreplace") if isinstance(lines, str) else lines
        with self._changed:
            if self._bytes + len(data) > MOST_BYTES:
                number = data.count(b"\n")
                self._dropped += number
                metrics.dropped_log_lines.inc(number)
                return
            self._lines.append(data)
            self._bytes += len(data)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_for_ever, name="log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self) -> None:
        """Do nothing: the thread writes at once."""

    def drain(self, seconds: float) -> None:
        """Wait until all is written, but no longer than this."""
        end = monotonic() + seconds
        with self._changed:
            while (self._bytes or self._dropped) and (left := end - monotonic()) > 0:
                self._changed.wait(left)

    def _write_for_ever(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._dropped:
                    self._changed.wait()
                data, self._lines = b"".join(self._lines), []
                taken, dropped = len(data), self._dropped
                self._dropped = 0
            # Those that were dropped came after all that waited.
            self._write(data + _told(dropped) if dropped else data)
            with self._changed:
                self._bytes -= taken
                self._changed.notify_all()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                # Another process has made it so; it shares the file with us.
                select.select([], [self._descriptor], [])
            except OSError:
                # Closed at the other end: nobody will ever read it.
                return


def _told(dropped: int) -> bytes:
    event = {"dropped": dropped, "event": "log_lines_dropped", "level": "warning", "timestamp": datetime.now(UTC)}
    return msgspec.json.encode(event) + b"\n"
