"""Running PostgreSQL as an ordinary user when root starts it, even where that user may not look.

The README's commands are typed by root on many fresh machines, with the checkout below root's closed home folder.
"""

import os
import pwd
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from app.database.postgres_programs import EmbeddedError, run

T = TypeVar("T")


class Account(NamedTuple):
    """The user and the group that the server runs as."""

    uid: int
    gid: int


def account_for(data: Path, cluster: Path) -> Account | None:
    """The user that the server runs as when we are root, which PostgreSQL refuses: the owner of what is there, or postgres."""
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
        return Account(owner, cluster.stat().st_gid)
    # initdb wants a user that has a name.
    for entry in (
        _named(pwd.getpwuid, data.stat().st_uid),
        _named(pwd.getpwnam, "postgres"),
        _named(pwd.getpwnam, "nobody"),
    ):
        if entry is not None and entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as: run holdfast as an "
        "ordinary user."
    )


def _named(find: Callable[[T], pwd.struct_passwd], key: T) -> pwd.struct_passwd | None:
    try:
        return find(key)
    except KeyError:
        return None


def command_prefix(account: Account | None, binaries: Path, paths: Sequence[Path]) -> list[str]:
    """The words before a command that run it as the account, and tell it to stop when we die. Found by trying.

    paths: the data folder, and what else it has to get at.

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
        reached = [f"{path}/." if path.is_dir() else str(path) for path in paths]
        look = '"$0" --version && for path; do test -e "$path" || exit; done'
        probe = ["sh", "-c", look, str(binaries / "postgres"), *reached]
        if run([*prefix, *probe]).returncode == 0:
            return prefix
    if account is None:
        raise EmbeddedError("The PostgreSQL of holdfast[embedded] does not run on this machine: set DATABASE_URL.")
    raise EmbeddedError(
        "PostgreSQL does not run as root, and the user it would run as cannot reach its files: run holdfast as an "
        "ordinary user, or install it and set HOLDFAST_DATA outside of folders that are closed to others."
    )


def give(path: Path, account: Account | None) -> None:
    """Hand something that we made to the server's user."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
