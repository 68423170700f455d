"""Data for tests."""

import secrets
import time
from uuid import UUID


def new_uuid7(at: float | None = None) -> UUID:
    """A UUIDv7 as a client makes one; `at` is in seconds since 1970."""
    milliseconds = int((time.time() if at is None else at) * 1000)
    random = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1)
