"""The sources that there are, by the names that the command takes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from app.importing.sources import habits, manifest
from app.importing.sources.source import Options, Source

SOURCES: dict[str, Callable[[str, Options], AbstractAsyncContextManager[Source]]] = {
    "habits": habits.opened,
    "manifest": manifest.opened,
}
"""Each opens a location. Raises SourceError."""
