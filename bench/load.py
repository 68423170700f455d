"""One load on one server: wrk, and the CPU time that the server and PostgreSQL spent meanwhile."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.servers import BenchError, Server, cpu_seconds

SCRIPT = Path(__file__).resolve().parent / "lua" / "scenario.lua"


class Measured(NamedTuple):
    """What one run of wrk saw, or the medians of several."""

    requests: float
    rps: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """CPU microseconds of the server's processes per request."""
    postgres_us: float
    """The same of PostgreSQL."""


def wrk() -> str:
    found = shutil.which("wrk")
    if found is None:
        raise BenchError("wrk is missing. Install it (apt-get install wrk, brew install wrk), then start again.")
    return found


def put(server: Server, postgres: int, scenario: str, data: Path, *, connections: int, seconds: float) -> Measured:
    """Put load on a server. Raises BenchError when any answer was no success."""
    length = max(1, round(seconds))
    command = [wrk(), "-t1", f"-c{connections}", f"-d{length}s", "--timeout", "30s", "-s", str(SCRIPT), server.url]
    before, postgres_before = server.cpu_seconds(), cpu_seconds(postgres)
    run = subprocess.run(  # noqa: S603 - our own command
        [*command, "--", scenario, str(data)], capture_output=True, text=True, timeout=length + 60, check=False
    )
    spent, postgres_spent = server.cpu_seconds() - before, cpu_seconds(postgres) - postgres_before
    found = re.search(r"^RESULT (.*)$", run.stdout, re.MULTILINE)
    if run.returncode != 0 or found is None:
        raise BenchError(f"wrk failed at {scenario} on {server.name}:\n{run.stdout}{run.stderr}")
    result = json.loads(found[1])
    requests = result["requests"]
    if any(result["errors"].values()) or not requests:
        raise BenchError(f"Not every answer of {server.name} at {scenario} was a success: {found[1]}")
    return Measured(
        requests=requests,
        rps=requests / result["seconds"],
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
        cpu_us=spent / requests * 1e6,
        postgres_us=postgres_spent / requests * 1e6,
    )


def medians(rounds: list[Measured]) -> Measured:
    return Measured(*(median(values) for values in zip(*rounds, strict=True)))
