"""The lock on the data folder: one process at a time runs its PostgreSQL, and commands find the one that runs."""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, TextIO, TypeVar

from app.backups import archiving
from app.database import embedded
from app.database.pooler import direct_url
from app.settings import Settings

T = TypeVar("T")

FOLDER_FREE_WITHIN = 60.0
"""Seconds to wait for a command that uses the data folder."""


class ServeError(Exception):
    """The server cannot start, or ended by itself. The text says why, and what to do."""


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the database for a command: DATABASE_URL, or that of the embedded server; past a pooler DATABASE_LISTEN_URL.

    The server of a running `holdfast serve` is used as it is; otherwise one is started, and stopped at the end.
    Raises EmbeddedError, ServeError, ArchiveError, DatabaseUnavailable or DatabaseRefused.
    """
    if settings.database_url is not None:
        yield asyncio.run(direct_url(settings.database_url, settings.listen_url, settings.start_retries))
        return
    with _locked(settings, lambda: embedded.running(settings.data)) as found:
        if found is not None:
            yield found
            return
        server = embedded.start(settings.data, extras=archiving.extras(settings))
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def nobody_serves(settings: Settings) -> Iterator[None]:
    """Have the data folder of the embedded server for oneself. Raises EmbeddedError or ServeError."""

    def refuse() -> None:
        raise ServeError(
            f"The data folder {settings.data} is served by process {holder_of(settings.data).pid}: stop that one first."
        )

    with _locked(settings, refuse):
        yield


@contextmanager
def _locked(settings: Settings, when_served: Callable[[], T | None]) -> Iterator[T | None]:
    """Lock the data folder: None is yielded. While `serve` has it, what `when_served` gives, once that is not None."""
    embedded.prepare(settings.data)
    end = time.monotonic() + FOLDER_FREE_WITHIN
    while (lock := try_lock(settings.data, "command")) is None:
        holder = holder_of(settings.data)
        if holder.purpose == "serve" and (found := when_served()) is not None:
            yield found
            return
        if time.monotonic() > end:
            raise ServeError(f"The data folder {settings.data} is in use by process {holder.pid}: try again later.")
        time.sleep(0.1)
    with lock:
        yield None


class Holder(NamedTuple):
    pid: str
    purpose: str


def try_lock(data: Path, purpose: Literal["serve", "command"]) -> TextIO | None:
    """Lock the data folder until the returned file is closed, or we die. None when another process has it."""
    path = data / "serve.lock"
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode=0o600), "r+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    if os.geteuid() == 0:
        # Root in another's folder: the owner must be able to lock it next time.
        os.fchown(file.fileno(), data.stat().st_uid, data.stat().st_gid)
    file.truncate()
    file.write(f"{os.getpid()} {purpose}\n")
    file.flush()
    return file


def holder_of(data: Path) -> Holder:
    """Who has the lock, as they wrote it down."""
    pid, _, purpose = (data / "serve.lock").read_text(encoding="ascii").strip().partition(" ")
    return Holder(pid or "unknown", purpose)
