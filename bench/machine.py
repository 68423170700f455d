"""What the figures were measured on and with."""

import json
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bench.servers import NODE_PEER, PEER_PYTHON

OURS = ("litestar", "granian", "uvloop", "msgspec", "asyncpg", "aiosql", "argon2-cffi")
PEERS = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "sqlalchemy", "asyncpg", "argon2-cffi")
NODES = ("fastify", "pg")


def describe(folder: Path) -> dict[str, Any]:
    """The machine and the versions; `folder` is where the database lies."""
    return {
        **describe_alone(folder),
        "versions": {
            "python": platform.python_version(),
            "wrk": _first_line(["wrk", "--version"]).split(" [")[0].removeprefix("wrk ").strip(),
            "holdfast": {name: version(name) for name in OURS},
            "peer": _peer_versions(),
            "node": _node_versions(),
        },
    }


def describe_alone(folder: Path) -> dict[str, Any]:
    """The machine, for what is measured without peers."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
            "system": _system(),
            "kernel": f"{platform.system()} {platform.release()}",
            "database_file_system": _file_system(folder),
            "load_average_before": [round(each, 2) for each in os.getloadavg()],
        },
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()


def _file_system(folder: Path) -> str:
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "unknown"


def _peer_versions() -> dict[str, str]:
    code = (
        "import json, platform; from importlib.metadata import version; "
        f"print(json.dumps({{'python': platform.python_version()}} | {{name: version(name) for name in {PEERS!r}}}))"
    )
    versions: dict[str, str] = json.loads(_first_line([str(PEER_PYTHON), "-c", code]))
    return versions


def _node_versions() -> dict[str, str] | None:
    if not (NODE_PEER / "node_modules").is_dir() or shutil.which("node") is None:
        return None
    packages = {name: json.loads((NODE_PEER / "node_modules" / name / "package.json").read_text()) for name in NODES}
    return {"node": _first_line(["node", "--version"])} | {name: package["version"] for name, package in packages.items()}


def _first_line(command: list[str]) -> str:
    # wrk ends with 1 after its own --version.
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
    return (run.stdout or run.stderr).partition("\n")[0]
