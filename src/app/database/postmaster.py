"""The server process of a cluster: is there one, does it answer, what did a dead one leave."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil

from app.database.postgres_programs import EmbeddedError, run

NAME = "holdfast"
"""The cluster's superuser, and its database."""

PORT = 5432


_LOST_BACKENDS_WITHIN = 5.0
"""Seconds that backends of a dead server get to end by themselves, before they are killed, as a living one does it."""


def find_postmaster(cluster: Path) -> psutil.Process | None:
    """The living server of a cluster.

    The number in postmaster.pid alone proves nothing: after a crash it may be another program's, or that of a dead
    process that was never waited for.
    """
    try:
        pid = int((cluster / "postmaster.pid").read_text().partition("\n")[0])
        process = psutil.Process(pid)
        if is_alive(pid) and Path(process.cwd()) == cluster:
            return process
    except (FileNotFoundError, ValueError, psutil.Error):
        pass
    return None


def sockets_of(cluster: Path) -> Path | None:
    """The socket folder that the cluster's running server wrote down."""
    try:
        return Path((cluster / "postmaster.pid").read_text().splitlines()[4])
    except (FileNotFoundError, IndexError):
        # It writes the file in two steps.
        return None


def clean_up(cluster: Path, sockets: Path) -> None:
    """Remove what a dead server left. PostgreSQL would refuse to start over the pid of an unrelated process.

    Its own check goes with the file: that no backend of the dead server still writes. So that is done here. One that waits
    for a lock in shared memory, whose holder was killed, never ends by itself: it is killed, which a crash of it would be, too.
    """
    if not (cluster / "postmaster.pid").exists():
        return
    if not wait_until(lambda: not _backends(cluster), _LOST_BACKENDS_WITHIN):
        for backend in _backends(cluster):
            with suppress(psutil.Error):
                backend.kill()
    if not wait_until(lambda: not _backends(cluster), _LOST_BACKENDS_WITHIN):
        raise EmbeddedError(f"Processes of a PostgreSQL that died still work in {cluster}. End them, then start again.")
    for leftover in (
        cluster / "postmaster.pid",
        sockets / f".s.PGSQL.{PORT}.lock",
        sockets / f".s.PGSQL.{PORT}",
    ):
        leftover.unlink(missing_ok=True)


def _backends(cluster: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            # Somebody's shell may stand in that folder.
            if process.name() == "postgres" and process.cwd() == str(cluster) and is_alive(process.pid):
                found.append(process)
        except psutil.Error:
            continue
    return found


def answers(binaries: Path, sockets: Path) -> bool:
    ask = [str(binaries / "pg_isready"), "--quiet", f"--username={NAME}", "--dbname=postgres"]
    return run([*ask, f"--host={sockets}", f"--port={PORT}"]).returncode == 0


def url_of(sockets: Path) -> str:
    # The port is written out: PGPORT in the environment would change the default of every client.
    return f"postgresql://{NAME}@/{NAME}?host={quote(str(sockets))}&port={PORT}"


def is_alive(pid: int) -> bool:
    """Whether a process runs. A dead one that its parent has not waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition; False when it did not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
