"""Ids of new tasks, made as Holdfast makes them: in the server, not by the database."""

from secrets import randbits
from time import time_ns
from uuid import UUID

_newest = 0


def new_id() -> UUID:
    """A UUIDv7 of now: microseconds after the version, then random bits; each one sorts after those made before."""
    global _newest  # noqa: PLW0603 - the newest id of the process is the process's
    _newest = max(time_ns() // 1000, _newest + 1)
    milliseconds, microseconds = divmod(_newest, 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | microseconds * 4096 // 1000 << 64 | 0b10 << 62 | randbits(62))
