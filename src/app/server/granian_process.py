"""The process of granian: it is started before anything else, and loads its code while the database starts."""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from typing import BinaryIO, TypeAlias, cast

import msgspec

from app.settings import Settings

Granian: TypeAlias = "subprocess.Popen[bytes]"


LOAD = "import gc; gc.disable(); from app.server import worker; worker.run_granian()"
"""Nothing that is loaded is garbage, and looking for it takes a seventh of the time; app.main enables it again."""


class Told(msgspec.Struct, frozen=True):
    """What it is told when it can serve."""

    address: str
    database_url: str


def begin(settings: Settings, ending: ExitStack) -> Granian:
    """Start granian. It loads its code, and then waits until it is told to serve, or the pipe to it is closed."""
    variables = os.environ | {
        "PORT": str(settings.port),
        "WORKERS": str(settings.workers),
        "HOLDFAST_DATA": str(settings.data),
    }
    variables.pop("PROMETHEUS_MULTIPROC_DIR", None)
    # It is told a DATABASE_URL, and archives nothing.
    variables.pop("WAL_ARCHIVE_URL", None)
    if settings.workers > 1:
        # Where the workers add up their numbers. Fresh, or those of an earlier run would count.
        folder = tempfile.TemporaryDirectory(prefix="holdfast-metrics-", ignore_cleanup_errors=True)
        variables["PROMETHEUS_MULTIPROC_DIR"] = ending.enter_context(folder)
    return subprocess.Popen(  # noqa: S603 - ourselves
        # -P: a folder called app where we happen to be must not be taken for ours.
        [sys.executable, "-P", "-c", LOAD, str(os.getpid())],
        env=variables,
        stdin=subprocess.PIPE,
        # A Ctrl-C on the terminal goes only to us, and we pass it on.
        start_new_session=True,
    )


def tell(granian: Granian, told: Told) -> None:
    """Have granian serve. It may have ended: who waits for its answer sees that."""
    with suppress(BrokenPipeError), cast("BinaryIO", granian.stdin) as pipe:
        pipe.write(msgspec.json.encode(told))


def wait_until_told() -> Told | None:
    """In granian: wait. None: there is nothing to serve, because the process that started this one gave up."""
    said = sys.stdin.buffer.read()
    return msgspec.json.decode(said, type=Told) if said else None
