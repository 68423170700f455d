"""What others make of the OpenAPI document: two generators of clients, and a linter.

The tools of Node are pinned in clients/package-lock.json, and come from the registry that npm is set up for. Where there is no
Node or no registry the tests are skipped, and say so.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Serving

CLIENTS = Path(__file__).with_name("clients")

needs_node = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="Node and npm are not installed")

UNREACHABLE = re.compile(r"E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|NETUNREACH|HOSTUNREACH|NEEDAUTH)|ERR_SOCKET")


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("served")
    with Serving(folder / "var", folder / "said", DATABASE_URL=database) as serving:
        yield serving


@pytest.fixture(scope="module")
def tools() -> Path:
    """The folder of the tools; installed once, by whichever worker of the run needs them first."""
    lock, modules = CLIENTS / "package-lock.json", CLIENTS / "node_modules"
    with (CLIENTS / ".installing").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        stamp = modules / ".stamp"
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
            done = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode and UNREACHABLE.search(done.stderr):
                pytest.skip(f"npm reaches no registry: {done.stderr.strip()[:200]}")
            assert done.returncode == 0, done.stderr
            stamp.write_bytes(lock.read_bytes())
    return modules


@pytest.fixture
def workshop(tmp_path: Path, tools: Path, served: Serving) -> Path:
    """A folder with the tools, the sources of the clients, and the document as it is served."""
    for source in (*CLIENTS.glob("*.ts"), *CLIENTS.glob("*.json"), CLIENTS / "redocly.yaml"):
        shutil.copy(source, tmp_path)
    (tmp_path / "node_modules").symlink_to(tools)
    (tmp_path / "openapi.json").write_bytes(served.get("/openapi.json").content)
    return tmp_path


def run(workshop: Path, *command: str) -> str:
    """Run a tool in its folder; what it wrote. Fails when the tool does."""
    # They would look for newer versions of themselves, and tell home that they were used.
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1", "CI": "true"}
    program = workshop / "node_modules" / ".bin" / command[0]
    first = [str(program)] if program.exists() else [command[0]]
    done = subprocess.run(
        [*first, *command[1:]],
        cwd=workshop,
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_node
@pytest.mark.parametrize(
    ("client", "generate"),
    [
        ("openapi_typescript", ("openapi-typescript", "openapi.json", "-o", "openapi_typescript/schema.ts")),
        ("hey_api", ("openapi-ts", "-i", "openapi.json", "-o", "hey_api")),
    ],
)
def test_a_generated_client_compiles_and_works(workshop: Path, served: Serving, client: str, generate: tuple[str, ...]) -> None:
    """By a generator's defaults: register, create, list, patch, and read what was wrong with an input."""
    for other in workshop.glob("*.ts"):
        if other.stem != client:
            other.unlink()
    run(workshop, *generate)
    run(workshop, "tsc", "--project", ".", "--outDir", "compiled")
    run(workshop, "node", f"compiled/{client}.js", served.url)


@needs_node
def test_a_linter_finds_nothing_that_is_not_argued(workshop: Path) -> None:
    found = json.loads(run(workshop, "redocly", "lint", "openapi.json", "--config=redocly.yaml", "--format=json"))
    assert found["problems"] == []
