"""The recipes, with a uv and programs in the environment that only say what they were given."""

import os
import shutil
import subprocess
from pathlib import Path

import needs
import pytest

pytestmark = needs.just

UV = """#!/bin/sh
[ "$1" = venv ] || exit 0
mkdir -p .venv/bin
for name in pytest holdfast dbmate; do cp says .venv/bin/$name; done
"""

SAYS = """#!/bin/sh
printf '<%s>' "$@"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with our justfile, in which nothing was set up yet."""
    shutil.copy(Path(__file__).parent.parent / "justfile", tmp_path)
    for name, text in {"pyproject.toml": "", "requirements-dev.lock": "", "uv": UV, "says": SAYS}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def just(checkout: Path, *words: str, is_fine: bool = True) -> "subprocess.CompletedProcess[str]":
    path = f"{checkout}:{os.environ['PATH']}"
    return subprocess.run(
        [needs.JUST, *words], cwd=checkout, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=is_fine
    )


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["test", "-k", "etag or cursor"], "<-k><etag or cursor>"),
        (["test", "tests/test_sql.py::test_x[a b]", "-x"], "<tests/test_sql.py::test_x[a b]><-x>"),
        (["serve", "--host", "a b", "--port", "1"], "<serve><--host><a b><--port><1>"),
        (["new-migration", "two words"], "<--migrations-dir><db/migrations><new><two words>"),
    ],
)
def test_a_recipe_passes_words_on_as_they_were_typed(checkout: Path, words: list[str], given: str) -> None:
    assert just(checkout, *words).stdout == given


def test_a_recipe_says_that_it_sets_the_environment_up_and_is_silent_when_there_is_nothing_to_do(checkout: Path) -> None:
    first, again = just(checkout, "test"), just(checkout, "test")
    assert first.stderr.startswith("Setting up .venv")
    assert first.stderr.count("\n") == 1
    assert again.stderr == ""
    (checkout / "requirements-dev.lock").write_text("another")
    assert just(checkout, "test").stderr == "Bringing .venv up to date ...\n"


@pytest.mark.parametrize(("words", "codes", "runs", "ends"), [
    ([], "0", 1, 0),
    ([], "1 0", 2, 0),
    ([], "1 1", 2, 1),
    ([], "2", 1, 2),
    (["-k", "etag"], "1", 1, 1),
])  # fmt: skip
def test_what_fails_in_the_whole_suite_runs_once_more_by_itself(
    checkout: Path, words: list[str], codes: str, runs: int, ends: int
) -> None:
    """`codes`: what pytest ends with, run by run."""
    (checkout / "codes").write_text(codes.replace(" ", "\n"))
    (checkout / "says").write_text('#!/bin/sh\necho "$@"\ncode=$(head -1 codes)\nsed -i 1d codes\nexit $code\n')
    done = just(checkout, "test", *words, is_fine=False)
    assert done.returncode == ends
    said = done.stdout.splitlines()
    assert len(said) == runs
    assert all("--last-failed" in line and "-n 0" in line for line in said[1:])
    assert ("unsteady" in done.stderr) is (runs == 2)
