"""The PostgreSQL that comes along: one server, one cluster in the data folder, for development, tests and trials.

Only the binaries of the wheel are used. The server listens on a Unix socket in a folder of its own, never on TCP, and
belongs to an ordinary user even when root starts it. The caller of `start` holds the folder's lock (app.server.data_lock).
"""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from app.database.cluster import FOLDER, finish_restore, make_cluster, make_database, tail_of
from app.database.postgres_programs import EmbeddedError, binaries_folder, environment
from app.database.postmaster import NAME, PORT, answers, clean_up, find_postmaster, is_alive, sockets_of, url_of, wait_until
from app.database.unprivileged import Account, account_for, command_prefix, give

READY_WITHIN = 60.0
"""Seconds a server gets to answer: after a crash it first replays what its log holds."""


STOP_WITHIN = 30.0
"""Seconds a server gets to stop before it is told to drop everything."""


SOCKET_PATH_MAX = 100
"""Bytes. The kernel's own limit is 103 to 107, and PostgreSQL's message about it does not help."""


LOG_MAX = 10_000_000
"""Bytes from which on the log starts anew. The one before is kept."""


class Extras(NamedTuple):
    """What a server is started with beside what every one is."""

    options: Mapping[str, str] = {}
    """Its settings."""
    variables: Mapping[str, str] = {}
    """For the commands that it runs."""
    paths: Sequence[Path] = ()
    """What these commands have to get at."""


NO_EXTRAS = Extras()


class StartCancelledError(Exception):
    """The caller asked for the end while the server was starting. Nothing was left running."""


@dataclass
class Server:
    """A server that answers. `url` is for asyncpg and dbmate alike; `process` is None when we found it running."""

    url: str
    pid: int
    process: "subprocess.Popen[bytes] | None"
    short_socket_folder: Path | None

    def running(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        return is_alive(self.pid)

    def stop(self) -> None:
        """Stop the server: open transactions are rolled back, everything is written. Again is harmless."""
        for how, patience in ((signal.SIGINT, STOP_WITHIN), (signal.SIGQUIT, 10.0)):
            if not self.running():
                break
            os.kill(self.pid, how)
            wait_until(lambda: not self.running(), patience)
        if self.short_socket_folder is not None and not self.running():
            shutil.rmtree(self.short_socket_folder, ignore_errors=True)


def prepare(data: Path) -> None:
    """Make the data folder, or check that the one there is ours to use. Raises EmbeddedError."""
    try:
        if not data.exists():
            data.parent.mkdir(parents=True, exist_ok=True)
            data.mkdir()
            # Root's server runs as another user, who must get through. What lies inside is closed by itself.
            data.chmod(0o711 if os.geteuid() == 0 else 0o700)
        owner = data.stat().st_uid
    except OSError as error:
        raise EmbeddedError(
            f"The data folder {data} cannot be used: {error.strerror}. Set HOLDFAST_DATA to a folder of yours."
        ) from None
    if not data.is_dir():
        raise EmbeddedError(f"{data} is not a folder. Set HOLDFAST_DATA to a folder.")
    if os.geteuid() not in {0, owner}:
        raise EmbeddedError(
            f"The data folder {data} belongs to another user. Run as that user, or set HOLDFAST_DATA to a folder of yours."
        )


def is_made(data: Path) -> bool:
    """Whether the data folder has its cluster: not before the first start."""
    return (data / FOLDER).exists()


def start(
    data: Path,
    *,
    durable: bool = True,
    max_connections: int = 100,
    extras: Extras = NO_EXTRAS,
    ready_within: float = READY_WITHIN,
    cancelled: Callable[[], bool] = lambda: False,
) -> Server:
    """Start the server of a data folder, or take over the one that still runs there. Returns when it answers.

    The first start makes the cluster. ready_within: seconds, more than usual for a recovery. `durable=False` is for tests:
    faster, and a crash of the machine loses it.
    Call this from the main thread: on Linux the server stops when the thread that started it ends.
    Raises EmbeddedError, or StartCancelledError once `cancelled` says so.
    """
    data = data.resolve()
    prepare(data)
    binaries = binaries_folder()
    cluster = data / FOLDER
    finish_restore(data)
    account = account_for(data, cluster)
    if found := _adopt(cluster, cancelled):
        return found
    prefix = command_prefix(account, binaries, [data, *extras.paths])
    if not cluster.exists():
        make_cluster(cluster, account, [*prefix, str(binaries / "initdb")], durable=durable)
    sockets, is_short = _socket_folder(data, account)
    clean_up(cluster, sockets)
    log = _log_file(data, account)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own binary
            [
                *prefix,
                str(binaries / "postgres"),
                "-D",
                str(cluster),
                *_options(sockets, max_connections, extras.options, durable=durable),
            ],
            cwd="/",
            env={**environment(), **extras.variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Its own session: a Ctrl-C on the terminal must not stop it before the requests in flight are done.
            start_new_session=True,
        )
    server = Server(url_of(sockets), process.pid, process, sockets if is_short else None)
    try:
        _wait_until_ready(server, sockets, log, ready_within, cancelled)
        make_database(binaries, sockets)
    except BaseException:
        server.stop()
        raise
    return server


def running(data: Path) -> str | None:
    """The URL of the server that runs on a data folder and answers, no matter who started it; None if there is none."""
    cluster = data.resolve() / FOLDER
    process = find_postmaster(cluster)
    sockets = sockets_of(cluster)
    if process is None or sockets is None or not answers(binaries_folder(), sockets):
        return None
    return url_of(sockets)


def _options(sockets: Path, max_connections: int, others: Mapping[str, str], *, durable: bool) -> list[str]:
    quoted = str(sockets).replace('"', '""')
    settings = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        "max_connections": str(max_connections),
        "timezone": "UTC",
        "log_timezone": "UTC",
        # DETAIL lines carry rows.
        "log_error_verbosity": "terse",
        # A refused row is everyday business here and the app reports it: the log would only grow.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_checkpoints": "off",
    }
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    settings |= others
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _adopt(cluster: Path, cancelled: Callable[[], bool]) -> Server | None:
    """Take over the server that runs on this cluster. One that is just stopping is waited for: then None."""
    end = time.monotonic() + READY_WITHIN
    while process := find_postmaster(cluster):
        sockets = sockets_of(cluster)
        if sockets is not None and answers(binaries_folder(), sockets):
            return Server(url_of(sockets), process.pid, None, None)
        if cancelled():
            raise StartCancelledError
        if time.monotonic() > end:
            raise EmbeddedError(
                f"The PostgreSQL with process id {process.pid} holds {cluster} and does not answer. End it, then start again."
            )
        time.sleep(0.1)
    return None


def _socket_folder(data: Path, account: Account | None) -> tuple[Path, bool]:
    """The folder for the socket, made if need be, and whether it is the short one outside of the data folder."""
    owner = os.geteuid() if account is None else account.uid
    folder, is_short = data / "socket", False
    # A comma would read as a list of hosts in every client.
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > SOCKET_PATH_MAX or "," in str(folder):
        digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
        folder, is_short = Path(tempfile.gettempdir()) / f"{NAME}-{digest}", True
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        # Where everyone may write, someone may have been here before us, and would see every connection.
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {owner, os.geteuid()} or status.st_mode & 0o077:
            raise EmbeddedError(
                f"{folder} must be a folder that is closed to others and belongs to the server's user. Remove it, then "
                "start again."
            ) from None
    give(folder, account)
    return folder, is_short


def _log_file(data: Path, account: Account | None) -> Path:
    log = data / "postgres.log"
    if log.exists() and log.stat().st_size > LOG_MAX:
        log.rename(data / "postgres.log.old")
    log.touch(mode=0o600)
    give(log, account)
    return log


def _wait_until_ready(server: Server, sockets: Path, log: Path, within: float, cancelled: Callable[[], bool]) -> None:
    end, binaries = time.monotonic() + within, binaries_folder()
    while not answers(binaries, sockets):
        if cancelled():
            raise StartCancelledError
        if not server.running():
            raise EmbeddedError(f"The embedded PostgreSQL did not start. The end of {log}:\n{tail_of(log)}")
        if time.monotonic() > end:
            raise EmbeddedError(
                f"The embedded PostgreSQL did not answer within {within:.0f} s. The end of {log}:\n{tail_of(log)}"
            )
        time.sleep(0.03)
