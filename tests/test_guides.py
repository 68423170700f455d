"""docs/database.md, operations.md and clients.md: what they name exists, their SQL and JavaScript run."""

import re
import shutil
import subprocess
from pathlib import Path

import needs
from serving import Serving

from app.main import create_app
from app.problems.catalog import KINDS
from app.settings import Settings

ROOT = Path(__file__).parent.parent
CLIENTS = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")


TO_COME = {"/v1/batch"}
"""Routes of the contract that a guide may name before they are there."""


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code of a document that are in a language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


@needs.node
def test_the_javascript_for_clients_does_what_its_document_says(database: str, tmp_path: Path) -> None:
    (tmp_path / "client.mjs").write_text("\n".join(blocks(CLIENTS, "js")), encoding="utf-8")
    shutil.copy(Path(__file__).with_name("clients") / "guide.mjs", tmp_path)
    with Serving(tmp_path / "var", tmp_path / "said", DATABASE_URL=database) as serving:
        done = subprocess.run(
            ["node", "guide.mjs", serving.url], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr


def test_a_uuidv7_takes_ten_lines_of_javascript() -> None:
    [made] = [block for block in blocks(CLIENTS, "js") if "function newId" in block]
    assert len(made.splitlines()) <= 10


def test_every_route_that_clients_are_told_of_exists() -> None:
    paths = {route.path for route in create_app(Settings()).routing.routes}
    named = set(re.findall(r"(?<!\w)/v1/[a-z][a-z/{}_-]*", CLIENTS))
    assert len(named) > 8
    assert named - paths - TO_COME == set()


def test_every_problem_that_clients_are_told_of_exists_with_its_status() -> None:
    named = {(int(status), code) for status, code in re.findall(r"\b([45]\d\d)(?: of)? `([a-z_]+)`", CLIENTS)}
    assert len(named) > 10
    assert named - {(kind.status, code) for code, kind in KINDS.items()} == set()
