"""Files that are written whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
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
