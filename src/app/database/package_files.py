"""The folders that ship beside the code: the app's SQL and the migrations."""

from importlib.resources import files
from pathlib import Path
from typing import Literal


class FolderMissingError(Exception):
    """A folder the app cannot do without is not there: the installation is incomplete."""


def folder(name: Literal["sql", "db"]) -> Path:
    """Where `sql` or `db` lies: inside the installed package, or at the root of a checkout.

    Raises FolderMissingError.
    """
    package = Path(str(files("app")))
    for place in (package / name, package.parent.parent / name):
        if place.is_dir():
            return place
    raise FolderMissingError(f"The folder {name}/ is missing from the installation: install holdfast again.")
