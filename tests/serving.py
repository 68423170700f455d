"""`holdfast serve` as it is run, for tests that need real processes."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from app.server.granian_process import LOAD

HOLDFAST = str(Path(sys.executable).with_name("holdfast"))
PATIENCE = 60.0

OURS = {"APP_ENV", "DATABASE_URL", "HOST", "PORT", "WORKERS", "HOLDFAST_DATA", "RATE_LIMITS"}


def until(condition: Callable[[], Any], what: str | Callable[[], str]) -> Any:
    """Wait until a condition is true; its value. Fails with a sentence."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain until {what() if callable(what) else what}"
        time.sleep(0.02)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def users_of(processes: list[psutil.Process]) -> set[int]:
    users = set()
    for process in processes:
        # Backends come and go.
        with contextlib.suppress(psutil.NoSuchProcess):
            users.add(process.uids().effective)
    return users


def variables(**given: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OURS} | {"RATE_LIMITS": "off"} | given


def run(*arguments: str, **given: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [HOLDFAST, *arguments], env=variables(**given), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def workers_of(granian: psutil.Process | None) -> list[int]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [worker.pid for worker in granian.children() if alive(worker.pid)] if granian else []
    return []


class Serving:
    """A `holdfast serve` under test. Its words are in `said`; nothing of it outlives the test."""

    def __init__(self, data: Path, said: Path, *options: str, before: tuple[str, ...] = (), **given: str) -> None:
        self.data, self.port, self.said = data, free_port(), said
        self.url = f"http://127.0.0.1:{self.port}"
        with said.open("wb") as output:
            self.process = subprocess.Popen(
                [*before, HOLDFAST, "serve", *options],
                env=variables(HOLDFAST_DATA=str(data), PORT=str(self.port), **given),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # As a shell does it: signals for the test must not reach the tests.
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            until(lambda: "Stop it with" in self.words() or self.process.poll() is not None, self.words)
            assert self.process.poll() is None, self.words()
        except BaseException:
            self.kill_everything()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        self.kill_everything()

    def words(self) -> str:
        return self.said.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.get(self.url + path, headers=headers, timeout=PATIENCE, trust_env=False)

    def post(self, path: str, body: Any, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.post(self.url + path, json=body, headers=headers, timeout=PATIENCE, trust_env=False)

    def delete(self, path: str, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.delete(self.url + path, headers=headers, timeout=PATIENCE, trust_env=False)

    def said_times(self, event: str) -> int:
        """How often an event was logged."""
        return self.words().count(f'"{event}"')

    def hang_up(self) -> None:
        """Ask for a restart."""
        self.process.send_signal(signal.SIGHUP)

    def processes(self) -> list[psutil.Process]:
        """Everything it started: PostgreSQL with its backends, granian, the workers."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def granians(self) -> list[psutil.Process]:
        """The granian that serves, and during a restart another one; oldest first."""
        found = []
        for process in self.processes():
            # It may end while we look.
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.ppid() == self.process.pid and LOAD in process.cmdline():
                    found.append(process)
        return sorted(found, key=lambda process: process.create_time())

    def granian(self) -> psutil.Process | None:
        return next(iter(self.granians()), None)

    def workers(self) -> list[int]:
        return workers_of(self.granian())

    def kill_everything(self) -> None:
        # The supervisor stands still meanwhile, or it would start another PostgreSQL for the one that died.
        self.process.send_signal(signal.SIGSTOP)
        # PostgreSQL first: told by its parent's death, it would stop in good order.
        processes = self.processes()
        for is_postgres in (True, False):
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    if (process.name() == "postgres") is is_postgres:
                        process.kill()
        self.process.kill()
        self.process.wait(PATIENCE)
        until(lambda: not any(alive(process.pid) for process in processes), "everything that was killed is gone")

    def stop(self) -> int:
        """Tell it to stop as a service manager does; the exit code, once nothing of it is left."""
        started = self.processes()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        assert not [process for process in started if alive(process.pid)], "something was left running"
        assert not listens(self.port)
        return code
