"""Start what is measured, and stop it again whatever happens."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HOLDFAST = Path(sys.executable).with_name("holdfast")
PEER_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
NODE_PEER = ROOT / "bench" / "peer-node"

READY_WITHIN = 60.0
STOP_WITHIN = 40.0


Answer = tuple[int, bytes]
"""Status and body."""


class BenchError(Exception):
    """The run cannot go on. The text says why, and what to do."""


class Server(NamedTuple):
    """Something that answers on a port of 127.0.0.1."""

    name: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answer(
    port: int, path: str, *, method: str = "GET", body: str | None = None, token: str | None = None
) -> tuple[int, bytes]:
    """One request on a connection of its own. Raises OSError when nobody answers."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()


@contextmanager
def holdfast(database_url: str, folder: Path, name: str = "holdfast", *, workers: int = 1) -> Iterator[Server]:
    """`holdfast serve` as an operator starts it, on a database that is there; rate limits off."""
    port = free_port()
    command = [str(HOLDFAST), "serve", "--port", str(port), "--no-migrate"]
    variables = _settings(database_url, folder / f"{name}-data") | {"WORKERS": str(workers)}
    with _running(name, command, variables, port, folder) as server:
        yield server


@contextmanager
def without_coalescing(database_url: str, folder: Path) -> Iterator[Server]:
    """The same app, each of whose statements goes out alone."""
    port = free_port()
    command = [sys.executable, "-m", "bench.without_coalescing", str(os.getpid())]
    variables = _settings(database_url, folder / "without-data") | {"PORT": str(port)}
    with _running("without", command, variables, port, folder) as server:
        yield server


def _settings(database_url: str, data: Path) -> dict[str, str]:
    return {"APP_ENV": "production", "DATABASE_URL": database_url, "HOLDFAST_DATA": str(data), "RATE_LIMITS": "off"}


@contextmanager
def bare(task_bytes: int, page_bytes: int, folder: Path) -> Iterator[Server]:
    """A bare ASGI function on the same server, started by the app's own launcher."""
    port = free_port()
    command = [sys.executable, "-m", "bench.floor", str(os.getpid())]
    variables = {
        # Nothing connects; the launcher reads the same settings as ever.
        "DATABASE_URL": "postgresql://nobody@/nothing",
        "PORT": str(port),
        "BARE_TASK_BYTES": str(task_bytes),
        "BARE_PAGE_BYTES": str(page_bytes),
    }
    with _running("bare", command, variables, port, folder) as server:
        yield server


@contextmanager
def peer(database_url: str, session_cache: float, folder: Path, *, pool_size: int) -> Iterator[Server]:
    """The peer on uvicorn: one worker, uvloop, httptools, no access log."""
    name = "peer" if pool_size == 15 else f"peer-{pool_size}+{15 - pool_size}"
    port = free_port()
    options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    command = [str(PEER_PYTHON), "-m", "uvicorn", "bench.peer.main:app", "--host", "127.0.0.1", *options]
    variables = {"DATABASE_URL": database_url, "PEER_SESSION_CACHE": str(session_cache), "PEER_POOL_SIZE": str(pool_size)}
    with _running(name, command, variables, port, folder) as server:
        yield server


@contextmanager
def node_peer(database_url: str, session_cache: float, folder: Path, *, workers: int = 1) -> Iterator[Server]:
    """The peer on Node; with several workers, Node's own cluster."""
    name = "node" if workers == 1 else f"node-{workers}"
    port = free_port()
    command = [shutil.which("node") or "node", str(NODE_PEER / ("server.mjs" if workers == 1 else "cluster.mjs"))]
    variables = {
        "DATABASE_URL": database_url,
        "PEER_SESSION_CACHE": str(session_cache),
        "PORT": str(port),
        "NODE_ENV": "production",
        "WORKERS": str(workers),
    }
    with _running(name, command, variables, port, folder) as server:
        yield server


def has_node() -> bool:
    return shutil.which("node") is not None and (NODE_PEER / "node_modules").is_dir()


@contextmanager
def _running(name: str, command: list[str], variables: Mapping[str, str], port: int, folder: Path) -> Iterator[Server]:
    """A server process that answers; ended when the block is left, in whatever way."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = start(command, variables, output)
    try:
        wait_until_it_answers(process, port, log)
        yield Server(name, port, process.pid)
    finally:
        stop(process)


def start(command: list[str], variables: Mapping[str, str], output: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start a process in an environment of its own: nothing of ours that could change how it behaves."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    # It ends with us even when we are killed.
    setpriv = shutil.which("setpriv")
    prefix = [setpriv, "--pdeathsig=TERM", "--"] if setpriv else []
    return subprocess.Popen(  # noqa: S603 - our own commands
        [*prefix, *command],
        cwd=ROOT,
        env={**kept, **variables},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        # A Ctrl-C on the terminal goes to us alone, and we stop what we started.
        start_new_session=True,
    )


def wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + READY_WITHIN
    while True:
        if process.poll() is not None or time.monotonic() > end:
            raise BenchError(f"This server did not start: {log.stem}. Its last words:\n{log.read_text()[-3000:]}")
        with suppress(OSError, http.client.HTTPException):
            if answer(port, "/health/live")[0] == 200:
                return
        time.sleep(0.01)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its group."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
