"""Work of an operator beside the load: a migration, an import, a backup."""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from app.database import package_files
from bench.imports import made
from chaos.stage import Stage
from chaos.stored import SQL

VERSION = "29991231235959"

MIGRATE = (
    "import sys; from pathlib import Path; from app.database import package_files as files; theirs = files.folder; "
    "db = Path(sys.argv[1]); files.folder = lambda name: db if name == 'db' else theirs(name); "
    "from app.server.cli import main; main(sys.argv[2:])"
)
"""`holdfast` with one migration more than it has."""


def migrate(stage: Stage, _crowd: Any, seconds: float) -> None:
    """A migration that writes a whole table anew under its lock: up and down again, as often as fits."""
    folder = stage.folder / "db"
    if not folder.exists():
        shutil.copytree(package_files.folder("db"), folder)
        shutil.copy(SQL / "migration.sql", folder / "migrations" / f"{VERSION}_chaos.sql")
    end = time.monotonic() + seconds
    while True:
        for direction in ("up", "down"):
            stage.run([sys.executable, "-c", MIGRATE, str(folder), "migrate", direction])
        if time.monotonic() > end:
            return


def prepare_import(stage: Stage, users: float) -> None:
    """A habit tracker's file with so many users, ten habits each and 50 days of each."""
    _file(stage, users)


def bring_in(stage: Stage, _crowd: Any, users: float) -> None:
    """Import it."""
    stage.command("import", "habits", str(_file(stage, users)))


def back_up(stage: Stage, _crowd: Any, times: float) -> None:
    """Back everything up; each backup is restored and compared, too."""
    for _ in range(int(times)):
        stage.command("backup", str(stage.folder / "backups"))


def _file(stage: Stage, users: float) -> Path:
    path = stage.folder / f"{int(users)}-10-50.db"
    return path if path.exists() else made(stage.folder, int(users), 10, 50)
