"""One load on one server: wrk, and the CPU time that the server and PostgreSQL spent meanwhile."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.costs import cpu_seconds
from bench.servers import BenchError, Server

SCRIPT = Path(__file__).resolve().parent / "lua" / "scenario.lua"


class Measured(NamedTuple):
    """What one run of wrk saw."""

    requests: float
    rps: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """CPU microseconds of the server's processes per request."""
    postgres_us: float
    """The same of PostgreSQL."""
    total_us: float
    """Both together: work that one leaves to the other is still there."""


def wrk() -> str:
    found = shutil.which("wrk")
    if found is None:
        raise BenchError("wrk is missing. Install it (apt-get install wrk, brew install wrk), then start again.")
    return found


def put(server: Server, postgres: Sequence[int], scenario: str, data: Path, *, connections: int, seconds: int) -> Measured:
    """Put load on a server. Raises BenchError when any answer was no success."""
    command = [wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT), server.url]
    before, postgres_before = cpu_seconds(server.pid), cpu_seconds(*postgres)
    run = subprocess.run(  # noqa: S603 - our own command
        [*command, "--", scenario, str(data)], capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    spent, postgres_spent = cpu_seconds(server.pid) - before, cpu_seconds(*postgres) - postgres_before
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
        total_us=(spent + postgres_spent) / requests * 1e6,
    )
