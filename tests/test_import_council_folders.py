"""Folders of the council chat as they should not be: without rights, with links, written to meanwhile."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from client import Execute
from imported import Imports, became
from sources import council

from app.importing.sources import folders


@pytest.fixture
def imports(own_database: str, own_execute: Execute) -> Imports:
    return Imports(own_database, own_execute, "council")


def test_folders_that_cannot_be_read_are_a_sentence(imports: Imports, tmp_path: Path) -> None:
    empty, loop, file = tmp_path / "empty", tmp_path / "loop", tmp_path / "file.json"
    empty.mkdir()
    loop.symlink_to(loop)
    file.write_text("{}")
    assert "has no conversations" in imports.refused(empty)
    assert "leads to itself" in imports.refused(loop)
    assert "is a file, not a folder" in imports.refused(file)
    assert "does not exist" in imports.refused(tmp_path / "nothing")
    with mock.patch.object(os, "scandir", side_effect=PermissionError(errno.EACCES, "no")):
        assert "has no right" in imports.refused(empty)
    assert imports.rows("select from imports") == []


def test_links_are_not_followed_and_files_that_grow_are_rejects(imports: Imports, tmp_path: Path) -> None:
    written = council.write_folder(tmp_path, users=1, conversations=3)
    name, document = next(iter(written.truth["conversations"].items()))
    growing = tmp_path.joinpath(document["owner"], f"{name}.json")
    (growing.parent / "again.json").symlink_to(growing)
    (tmp_path / "round").symlink_to(tmp_path)

    def fstat(number: int) -> Any:
        found = os.fstat(number)
        if Path(f"/proc/self/fd/{number}").readlink() == growing:
            with growing.open("a") as file:
                file.write(" ")
        return found

    with mock.patch.object(folders, "os", SimpleNamespace(scandir=os.scandir, fstat=fstat)):
        done = imports.run(tmp_path)
    assert {(line["kind"], line["place"].rpartition("/")[2], line["rule"]) for line in imports.report(done["id"])} == {
        ("rejected", growing.name, "file_changing"),
        ("left_out", "again.json", "no_place"),
        ("left_out", "round", "no_place"),
    }
    assert became(done, "imported")["conversations"] == 2


def test_the_folder_is_copied_first(imports: Imports, tmp_path: Path) -> None:
    council.write_folder(tmp_path / "app" / "data", users=1, conversations=2)
    imports.run(tmp_path / "app", "--backup", str(tmp_path / "kept"))

    def here(root: str) -> dict[str, bytes]:
        return {str(path.relative_to(tmp_path / root)): path.read_bytes() for path in (tmp_path / root).rglob("*.json")}

    assert here("kept/data") == here("app/data") != {}
    assert "cannot lie in the folder" in imports.refused(tmp_path / "app", "--backup", str(tmp_path / "app/data/backup"))
