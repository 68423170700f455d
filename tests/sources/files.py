"""SQLite files: written whole or not at all, and changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def new_file(path: Path) -> Iterator[None]:
    """Make an empty file for what follows, and take it away again when that fails. Raises FileExistsError."""
    path.touch(exist_ok=False)
    try:
        yield
    except BaseException:
        path.unlink()
        raise


def change(path: Path, *statements: str) -> None:
    """Change a file as its app does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
