"""What was written, on the disk: before that a power cut may undo it."""

import os
from pathlib import Path


def settle(path: Path) -> None:
    """Bring a file, or what was made or renamed in a folder, to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
