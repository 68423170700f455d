"""The sources that there are, by the names that the command takes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from app.importing.sources import assistant, council, habits, holdfast, loop, manifest, tasks
from app.importing.sources.source import Options, Source

SOURCES: dict[str, Callable[[str, Options], AbstractAsyncContextManager[Source]]] = {
    "assistant": assistant.opened,
    "council": council.opened,
    "habits": habits.opened,
    "holdfast": holdfast.opened,
    "loop": loop.opened,
    "manifest": manifest.opened,
    "tasks": tasks.opened,
}
"""Each opens a location. Raises SourceError."""
