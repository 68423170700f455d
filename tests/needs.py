"""What some tests need of the machine. Without it they are skipped, and the run says why at its end.

Each is a program of its own that the tests ask about what we made, or something that only one system has; the API itself needs
none of them. Recipes bring none of them but `just`. Two more skips depend on what the machine allows: test_clients.py where npm
reaches no registry, test_sockets.py where too few files may be open.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from browser import CHROMIUM

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
JUST = shutil.which("just") or ""


def _with_tls() -> Path | None:
    """The folder of a server's programs that know TLS: on the path, or the newest of those where Debian keeps them."""
    folders = [Path(program).parent for program in [shutil.which("postgres")] if program]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in folders:
        if (folder / "postgres").is_file() and (folder / "pg_config").is_file():
            said = subprocess.run([folder / "pg_config", "--configure"], capture_output=True, text=True, check=False).stdout
            if re.search("with-(open)?ssl", said):
                return folder
    return None


def _tracks_statements() -> bool:
    """Whether the PgBouncer here is 1.21 or newer."""
    if PGBOUNCER is None:
        return False
    said = subprocess.run([PGBOUNCER, "--version"], capture_output=True, text=True, check=False).stdout
    return [int(part) for part in re.findall(r"[0-9]+", said)[:2]] >= [1, 21]


POSTGRES_WITH_TLS = _with_tls()
PGBOUNCER_TRACKS = _tracks_statements()

chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
node = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="Node and npm are not installed: apt-get install nodejs npm"
)
nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light")
pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed: apt-get install pgbouncer")
pgbouncer_that_tracks = pytest.mark.skipif(
    not PGBOUNCER_TRACKS, reason="this PgBouncer does not track prepared statements: 1.21 and newer do"
)
just = pytest.mark.skipif(not JUST, reason="there is no just here: `just test` puts it on the path")
postgres_with_tls = pytest.mark.skipif(
    POSTGRES_WITH_TLS is None, reason="there is no PostgreSQL with TLS, as the wheel's is not: apt-get install postgresql"
)
age = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed: apt-get install age")
prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="prometheus is not installed: apt-get install prometheus",
)
systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed: apt-get install systemd"
)
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a process that its parent died, and how much memory it has had at most"
)
