"""What is installed: the wheel that `uv tool install`, pip and the image are made of."""

import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """A wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    [file] = folder.glob("*.whl")
    with zipfile.ZipFile(file) as opened:
        yield opened


def test_the_wheel_says_its_licence_and_carries_its_text(wheel: zipfile.ZipFile) -> None:
    [metadata] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    assert b"\nLicense-Expression: Apache-2.0\n" in wheel.read(metadata)
    for name in ("LICENSE", "NOTICE"):
        assert wheel.read(metadata.replace("METADATA", f"licenses/{name}")) == (ROOT / name).read_bytes()
    assert b"Version 2.0, January 2004" in (ROOT / "LICENSE").read_bytes()


def test_the_wheel_holds_the_code_the_statements_and_the_migrations(wheel: zipfile.ZipFile) -> None:
    names = {*wheel.namelist()}
    for folder, inside in (("src/app", "app"), ("sql", "app/sql"), ("db", "app/db")):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert files
        assert [path for path in files if f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" not in names] == []


def test_what_the_notice_speaks_of_is_there() -> None:
    named = [
        line.removeprefix("- ").partition(":")[0] for line in (ROOT / "NOTICE").read_text().splitlines() if line[:2] == "- "
    ]
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_image_is_built_from_everything_that_the_wheel_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    copied = [
        word
        for line in (ROOT / "Containerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in ("pyproject.toml", project["readme"], *project["license-files"], "src", "sql", "db"):
        assert name in copied
        assert name in let_through
