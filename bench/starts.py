"""How long it takes until a server answers that is started as a user starts it, on a database of its own."""

import os
import shutil
import time
from pathlib import Path
from statistics import median

from bench import servers


def measure(folder: Path, times: int) -> dict[str, float]:
    """Seconds: `holdfast serve` on an empty folder and on the one that is there, and `just serve` on the same.

    `just serve` is missing where there is no `just` to be found: the recipe of `just bench` says where it is.
    """
    home = folder / "start"
    serve = [str(servers.HOLDFAST), "serve"]
    seconds = {"first": _once(serve, home, folder), "again": median(_once(serve, home, folder) for _ in range(times))}
    if just := os.environ.get("JUST") or shutil.which("just"):
        seconds["just"] = median(_once([just, "serve"], home, folder) for _ in range(times))
    return seconds


def _once(command: list[str], home: Path, folder: Path) -> float:
    port = servers.free_port()
    log = folder / "start.log"
    begun = time.monotonic()
    with log.open("ab") as output:
        process = servers.start([*command, "--port", str(port)], {"HOLDFAST_DATA": str(home)}, output)
    try:
        servers.wait_until_it_answers(process, port, log)
        return time.monotonic() - begun
    finally:
        servers.stop(process)
