"""pg_dump and pg_restore: those of the server's own version, and how they are run."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from app.backups.form import BackupFailed
from app.database import postgres_programs
from app.database.postgres_programs import EmbeddedError

JOBS = max(1, (os.cpu_count() or 1) // 2)
"""How many tables are dumped or tried at once: a server that is in use keeps the other half of the machine."""

ALL_JOBS = min(8, os.cpu_count() or 1)
"""How many are restored at once, where nobody waits for a server meanwhile."""

FOR_RESTORING = {"maintenance_work_mem": "256MB", "synchronous_commit": "off"}
"""Settings of the sessions that restore: the database has no other name than its own until all of it is there."""


_OF_LIBPQ = {
    *("host", "port", "user", "dbname", "passfile", "service", "target_session_attrs", "client_encoding"),
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation", "krbsrvname", "gsslib"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version", "options"),
}
"""What the driver and libpq both know of a URL."""


class Programs:
    """The client programs of one major version of PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def dump(self, url: str, folder: Path, snapshot: str) -> None:
        """Dump the database of a URL as of a snapshot, which another session holds. Raises BackupFailed."""
        how = (
            "--format=directory",
            f"--jobs={JOBS}",
            "--compress=1",
            # None is ours. That of a cluster would make its server necessary for the restored database, which is a plain one.
            "--extension=plpgsql",
            "--no-sync",
            f"--file={folder}",
            f"--snapshot={snapshot}",
        )
        await self._run("pg_dump", url, *how)

    async def restore(self, url: str, folder: Path, *, jobs: int | None = JOBS) -> None:
        """Restore a dump into the database of a URL, which has no tables. jobs: tables at once; None: in one transaction.

        Raises BackupFailed.
        """
        how = ("--single-transaction",) if jobs is None else (f"--jobs={jobs}",)
        settings = FOR_RESTORING if jobs == ALL_JOBS else FOR_RESTORING | {"max_parallel_maintenance_workers": "0"}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        await self._run(
            "pg_restore", url, "--exit-on-error", "--no-owner", "--no-privileges", *how, str(folder), options=options
        )

    async def _run(self, program: str, url: str, *words: str, options: str = "") -> None:
        shown, password, given = _for_libpq(url)
        # Everybody on the machine can read the words of a command, but not its environment.
        environment = os.environ | {"LC_ALL": "C", "PGAPPNAME": f"holdfast {program} {os.getpid()}"}
        if password:
            environment["PGPASSWORD"] = password
        environment["PGOPTIONS"] = " ".join(filter(None, (os.environ.get("PGOPTIONS"), given, options)))
        process = await asyncio.create_subprocess_exec(
            *(str(self._folder / program), "--no-password", *words, f"--dbname={shown}"),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # A Ctrl-C on the terminal reaches us, and we end it.
            start_new_session=True,
        )
        try:
            _, errors = await process.communicate()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
        if b"SSL support is not compiled in" in errors:
            raise BackupFailed(
                f"This {program} is built without TLS, which DATABASE_URL demands: install PostgreSQL's own, or put it on the "
                "PATH."
            )
        if process.returncode != 0:
            ended = signal.strsignal(-process.returncode) if process.returncode and process.returncode < 0 else None
            raise BackupFailed(f"{program} has failed: {ended or _said(errors, url)}.")


@cache
def find(major: int) -> Programs:
    """The programs of a major version: on the PATH, where Debian keeps them, or those that come along. Raises BackupFailed.

    Newer ones would do for a dump, but the server could not take it back.
    """
    others = set()
    for folder in _folders(major):
        found = _major_of(folder / "pg_dump")
        if found == major and os.access(folder / "pg_restore", os.X_OK):
            return Programs(folder)
        others.add(found)
    known = ", ".join(str(each) for each in sorted(others - {0}))
    there = f"there are only those of {known}" if known else "there are none"
    raise BackupFailed(
        f"The database is of PostgreSQL {major} and needs the pg_dump and pg_restore of {major}: {there}. "
        f"apt-get install postgresql-client-{major}, or put them on the PATH."
    )


def _folders(major: int) -> Iterator[Path]:
    for folder in os.get_exec_path():
        if (Path(folder) / "pg_dump").is_file():
            yield Path(folder)
    debians = Path(f"/usr/lib/postgresql/{major}/bin")
    if (debians / "pg_dump").is_file():
        yield debians
    with contextlib.suppress(EmbeddedError):
        yield postgres_programs.binaries_folder()


def _major_of(program: Path) -> int:
    """The major version of a program; 0: it does not say one."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return int(found[1]) if found else 0


def _for_libpq(url: str) -> tuple[str, str, str]:
    """A database URL as these programs take it: without its password, and without the settings that it has for the server.

    The driver sends whatever it does not know itself as a setting; libpq takes those as options.
    """
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    password = unquote(password) or options.pop("password", "")
    # They have one of their own.
    options.pop("application_name", None)
    settings = {each: options.pop(each) for each in [*options] if each not in _OF_LIBPQ}
    given = [options.pop("options", ""), *(f"-c {each}={_escaped(value)}" for each, value in settings.items())]
    query = urlencode(options, quote_via=quote, safe="/")
    # Not by urlunsplit(): of postgresql:///database it would leave one slash.
    return f"postgresql://{name}{at}{host}{parts.path}{'?' if query else ''}{query}", password, " ".join(filter(None, given))


def _escaped(value: str) -> str:
    return re.sub(r"([\\\s])", r"\\\1", value)


def _said(errors: bytes, url: str) -> str:
    """The first of a program's complaints, without the statement that it was about, and without the host."""
    lines = [line.partition("error: ")[2] for line in errors.decode(errors="replace").splitlines() if "error: " in line]
    text = lines[0].rstrip(".") if lines else "it gives no reason"
    host = urlsplit(url).hostname
    return text.replace(host, "***") if host else text
