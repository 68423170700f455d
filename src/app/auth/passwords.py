"""Passwords: Argon2id in threads of its own, few of them, so that a flood of logins cannot starve the other requests.

Hashes of other kinds are those of imported accounts (old_hashes.py): checked in the same threads, and outdated.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from app.auth import old_hashes
from app.problems.problem import later
from app.telemetry import metrics

T = TypeVar("T")

THREADS = 2
QUEUE = 64
"""Passwords that may wait; one more is refused with a 503: at 20 ms each, or ten times that for old hashes, it would wait for
seconds."""


class Passwords:
    """Hashes and checks passwords. OWASP's parameters for Argon2id by default: 19 MiB, two passes, one lane."""

    def __init__(self, *, memory_kib: int = 19 * 1024, passes: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        # For unknown users, and hashes that nobody can check: the same work, so that the time of the answer tells nothing.
        self._dummy = self._hasher.hash("the password of no account")

    async def hash(self, password: str) -> str:
        """Hash a password. Raises Problem 503 when too many wait."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether this is the password. Without a hash, or with one that is none, the answer is no, after the same time."""
        return await self._run(lambda: self._matches(password_hash, password))

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than today's, or is of another kind."""
        try:
            return self._hasher.check_needs_rehash(password_hash)
        except InvalidHashError:
            return True

    def close(self) -> None:
        """Stop the threads; what they work on is finished."""
        self._threads.shutdown()

    def _matches(self, password_hash: str | None, password: str) -> bool:
        found = None if password_hash is None else old_hashes.matches(password_hash, password)
        if found is None:
            with suppress(VerificationError):
                self._hasher.verify(self._dummy, password)
        return found is True

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= QUEUE:
            raise later("password_queue_full", 2)
        self._waiting += 1
        metrics.argon2_waiting.set(self._waiting)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
            metrics.argon2_waiting.set(self._waiting)


@cache
def _common() -> frozenset[str]:
    return frozenset((files("app.auth") / "common_passwords.txt").read_text(encoding="utf-8").split())


def is_common(password: str) -> bool:
    """Whether a password is one of the most common ones, in any letter case."""
    return password.lower() in _common()
