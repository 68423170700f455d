"""Holdfast's own launcher, serving something else than `holdfast serve` does: for bench.floor and bench.without_coalescing."""

import runpy
from typing import Any

import granian


def serve(factory: str) -> None:
    """Serve what `factory` (module:function) makes, in granian's process as the supervisor would start it, by its settings.

    The supervisor itself is missing: it sleeps as long as granian serves.
    """

    class Other(granian.Granian):  # type: ignore[valid-type, misc]
        def __init__(self, _target: str, **options: Any) -> None:
            super().__init__(factory, **options)

    granian.Granian = Other  # type: ignore[assignment]
    runpy.run_module("app.server.worker", run_name="__main__", alter_sys=True)
