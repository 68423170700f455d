"""The programs of Node that tests ask, as clients/package-lock.json pins them; from the registry that npm is set up for."""

import fcntl
import re
import subprocess
from pathlib import Path

import pytest

CLIENTS = Path(__file__).with_name("clients")

_UNREACHABLE = re.compile(r"E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|NETUNREACH|HOSTUNREACH|NEEDAUTH)|ERR_SOCKET")


def installed() -> Path:
    """The folder of the programs; installed once, by whichever worker of the run needs them first. Skips without a registry."""
    lock, modules = CLIENTS / "package-lock.json", CLIENTS / "node_modules"
    with (CLIENTS / ".installing").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        stamp = modules / ".stamp"
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
            done = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode and _UNREACHABLE.search(done.stderr):
                pytest.skip(f"npm reaches no registry: {done.stderr.strip()[:200]}")
            assert done.returncode == 0, done.stderr
            stamp.write_bytes(lock.read_bytes())
    return modules
