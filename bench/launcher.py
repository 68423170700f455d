"""Holdfast's own launcher, serving something else than `holdfast serve` does: for bench.floor and bench.without_coalescing."""

import os
from functools import partial

from granian import Granian

from app.server import granian_process, worker
from app.server.granian_process import Told


class Other(Granian):
    """granian with the options that the worker gives it, for another application."""

    target = ""

    def __init__(self, _target: str, **options: object) -> None:
        super().__init__(self.target, **options)  # type: ignore[arg-type]


def serve(factory: str) -> None:
    """Serve what `factory` (module:function) makes, in granian's process as the supervisor would start it, by its settings.

    The supervisor itself is missing: it sleeps as long as granian serves.
    """
    Other.target = factory
    worker.Granian = Other  # type: ignore[misc]
    granian_process.wait_until_told = partial(Told, "127.0.0.1", os.environ["DATABASE_URL"])
    worker.run_granian()
