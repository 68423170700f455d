"""A place where something can be broken: `holdfast serve`, its PostgreSQL, and the service manager that starts it again."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import psutil

from app.database import embedded, migrations
from app.server.granian_process import LOAD
from bench.servers import HOLDFAST, free_port, start
from chaos.proxy import Proxy
from chaos.wire import Lost, Wire

READY_WITHIN = 60.0

RESTART_SECONDS = 0.2
"""How long the service manager waits before it starts what has ended; ops/holdfast.service says 5 s."""


class ChaosError(Exception):
    """The run cannot go on. The text says why."""


class NotRun(Exception):
    """A fault cannot be had on this machine. The text says what is missing, and how to get it."""


def end_in_good_order() -> None:
    """From now on a signal that ends this process has it clear up first, as Ctrl-C does."""

    def interrupt(number: int, _frame: object) -> None:
        # Once: a second one must not disturb the clearing up.
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)


@contextmanager
def made_once() -> Iterator[Path]:
    """A data folder whose PostgreSQL is made, migrated and stopped: each stage begins with a copy of it."""
    with tempfile.TemporaryDirectory(prefix="holdfast-chaos-") as folder:
        Path(folder).chmod(0o711)
        data = Path(folder) / "made"
        embedded.prepare(data)
        server = embedded.start(data, durable=False)
        try:
            asyncio.run(migrations.up(server.url))
        finally:
            server.stop()
        yield data


class Stage:
    """One server under test, from when it is entered to when it is left; nothing of it is left then."""

    def __init__(
        self, name: str, variables: dict[str, str], made: Path, *, is_embedded: bool, tmpfs: str | None = None
    ) -> None:
        """`made`: a folder of `made_once`."""
        self.name, self.port = name, free_port()
        self.starts = 0
        """How often the service manager has started it."""
        self.serve = [str(HOLDFAST), "serve"]
        self.proxy: Proxy | None = None
        self._wires: list[Wire] = []
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-chaos-"))
        # Root's PostgreSQL runs as another user, who must get through.
        self.folder.chmod(0o711)
        self.disk = self.folder / "disk"
        """Where the data folder and the log lie; a small file system where one is asked for."""
        self.disk.mkdir(mode=0o711)
        self.data = self.disk / "data"
        self._made = made
        self.variables, self._is_embedded, self._tmpfs = variables, is_embedded, tmpfs
        self._server: embedded.Server | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_wanted = True
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Self:
        try:
            if self._tmpfs is not None:
                self._mount(self._tmpfs)
            self.variables |= {"PORT": str(self.port), "HOLDFAST_DATA": str(self.data)}
            self.variables |= {"TRUSTED_PROXIES": "127.0.0.0/8", "USER_REQUESTS_PER_MINUTE": "1000000"}
            self.variables |= {"GUEST_REQUESTS_PER_MINUTE": "1000000", "APP_ENV": "development"} | self.variables
            database = self.data if self._is_embedded else self.folder / "postgres"
            # Whom its files belong to is kept.
            subprocess.run(["cp", "-a", self._made, database], check=True)  # noqa: S603, S607
            if not self._is_embedded:
                self._start_database(database)
            self._keeper.start()
            self.wait_until_it_answers(READY_WITHIN, "/health/ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._is_wanted = False
        # Nothing of it is looked at any more, and an end in good order takes seconds.
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        if self._keeper.is_alive():
            self._keeper.join(60)
        self._kill_what_is_left()
        if self.proxy is not None:
            self.proxy.close()
        if self._server is not None:
            self._server.stop()
        if self._tmpfs is not None and self.disk.is_mount():
            subprocess.run(["umount", "--lazy", self.disk], check=False)  # noqa: S603, S607
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """The database, past the proxy. Raises ChaosError while it is not there."""
        url = self._server.url if self._server is not None else embedded.running(self.data)
        if url is None:
            raise ChaosError(f"The PostgreSQL of {self.name} does not run. {self.words()}")
        return url

    def wire(self, within: float = 40.0) -> Wire:
        """A connection of a client."""
        self._wires.append(Wire(self.port, within))
        return self._wires[-1]

    def hang_up(self) -> None:
        """Close every connection while nobody uses one; each is opened again when it is used."""
        for wire in self._wires:
            wire.close()

    def words(self) -> str:
        """The end of what the server has said."""
        said = self.disk / "said"
        return said.read_text(encoding="utf-8", errors="replace")[-3000:] if said.exists() else ""

    def wait_until_it_answers(self, within: float, path: str = "/health/live") -> None:
        """Raises ChaosError when it does not."""
        end, wire = time.monotonic() + within, self.wire(5)
        while time.monotonic() < end:
            with suppress(Lost):
                if wire("GET", path, {}).status == 200:
                    return
            time.sleep(0.05)
        raise ChaosError(
            f"The server of {self.name} does not answer {path} within {within:.0f} s. Its last words:\n{self.words()}"
        )

    def supervisor(self) -> psutil.Process:
        if self._process is None:
            raise ChaosError(f"{self.name} was not started.")
        return psutil.Process(self._process.pid)

    def granian(self) -> psutil.Process:
        """The main process of granian, once there is one."""
        return self._found(lambda: [each for each in self.supervisor().children() if LOAD in each.cmdline()], "granian")

    def workers(self) -> list[psutil.Process]:
        return [each for each in self.granian().children() if each.status() != psutil.STATUS_ZOMBIE]

    def postgres(self) -> psutil.Process:
        """PostgreSQL's own main process."""
        if self._server is not None:
            return psutil.Process(self._server.pid)
        file = self.data / "postgres/postmaster.pid"
        return self._found(lambda: [psutil.Process(int(file.read_text(encoding="ascii").split()[0]))], "PostgreSQL")

    def processes(self) -> dict[str, list[psutil.Process]]:
        """What runs, by what it is."""
        postgres = self.postgres()
        ours = {"supervisor": [self.supervisor()], "granian": [self.granian()], "worker": self.workers()}
        return ours | {"postgres": [postgres, *postgres.children(recursive=True)]}

    def command(self, *words: str, within: float = 300.0) -> str:
        """Run `holdfast` beside the server, on the database itself; what it says. Raises ChaosError when it fails."""
        return self.run([str(HOLDFAST), *words], within=within)

    def run(self, command: list[str], within: float = 300.0) -> str:
        variables = os.environ | self.variables | {"DATABASE_URL": self.url}
        done = subprocess.run(  # noqa: S603 - our own commands
            command, env=variables, capture_output=True, text=True, check=False, timeout=within
        )
        if done.returncode:
            raise ChaosError(f"{' '.join(command[-4:])} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
        return done.stdout

    def _found(self, look: Any, what: str) -> Any:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with suppress(psutil.NoSuchProcess, OSError, ValueError, IndexError):
                if found := look():
                    return found[0]
            time.sleep(0.02)
        raise ChaosError(f"{what} of {self.name} does not run. {self.words()}")

    def _start_database(self, folder: Path) -> None:
        self._server = embedded.start(folder, max_connections=300)
        parts = urlsplit(self._server.url)
        self.proxy = Proxy(f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432")
        self.variables["DATABASE_URL"] = f"postgresql://{parts.username}@127.0.0.1:{self.proxy.port}{parts.path}"

    def _mount(self, size: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "tmpfs", str(self.disk)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if done.returncode:
            self._tmpfs = None
            raise NotRun(
                f"A small file system cannot be mounted here ({done.stderr.strip()}): run it as root, in a full container."
            )

    def _keep(self) -> None:
        """Play the service manager: start it, and start it again whenever it ends."""
        while self._is_wanted:
            with (self.disk / "said").open("ab") as output:
                self._process = start(self.serve, self.variables, output)
            self.starts += 1
            self._process.wait()
            time.sleep(RESTART_SECONDS if self._is_wanted else 0)

    def _kill_what_is_left(self) -> None:
        mark = str(self.folder)
        for process in psutil.process_iter(["cmdline"]):
            with suppress(psutil.Error):
                is_postgres = any(mark in word for word in process.info["cmdline"] or ())
                if is_postgres or process.environ().get("HOLDFAST_DATA") == str(self.data):
                    process.kill()
