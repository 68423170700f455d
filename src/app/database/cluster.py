"""The cluster in the data folder: where it lies, how it is made, and the one that a restore has put in its place."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from app.database.disk import settle
from app.database.postgres_programs import EmbeddedError, run
from app.database.postmaster import NAME, PORT
from app.database.unprivileged import Account, give

FOLDER = "postgres"
"""Of the cluster, below the data folder."""

RESTORED = "postgres.restored"
"""Of a cluster that is restored and whole, until it gets the place of the one before."""


def finish_restore(data: Path) -> None:
    """Give a restored cluster its place when the restore was killed after the one before had been moved aside.

    For whoever holds the folder's lock.
    """
    if not (data / FOLDER).exists() and (data / RESTORED).exists():
        (data / RESTORED).rename(data / FOLDER)
        settle(data)


def make_cluster(cluster: Path, account: Account | None, initdb: Sequence[str], *, durable: bool) -> None:
    """Make the cluster beside its place, and move it there when it is whole: a half-made one is never used."""
    partial = cluster.with_name("postgres.partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(mode=0o700)
    give(partial, account)
    made = run(
        [
            *initdb,
            f"--pgdata={partial}",
            f"--username={NAME}",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            # Whoever gets to the socket got into a folder that is closed to everyone else.
            "--auth=trust",
            *([] if durable else ["--no-sync"]),
        ]
    )
    if made.returncode != 0:
        raise EmbeddedError(f"The embedded PostgreSQL could not be set up:\n{tail(made.stdout)}")
    partial.rename(cluster)
    # Without this a power cut may undo the rename, and the next start would take the cluster for a half-made one.
    settle(cluster.parent)


def make_database(binaries: Path, sockets: Path) -> None:
    """Make the database unless it is there: a first start may have been killed before this."""
    made = run([str(binaries / "createdb"), f"--host={sockets}", f"--port={PORT}", f"--username={NAME}", NAME])
    if made.returncode != 0 and "already exists" not in made.stdout:
        raise EmbeddedError(f"The embedded PostgreSQL could not be set up:\n{tail(made.stdout)}")


def tail_of(log: Path) -> str:
    """The last lines of a server's log."""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 4000))
        return tail(file.read().decode(errors="replace"))


def tail(text: str) -> str:
    """The last lines of what a program has said, to be shown."""
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-8:])
