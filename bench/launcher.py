"""Holdfast's own launcher, serving something else than `holdfast serve` does: for bench.floor and bench.without_coalescing."""

import os
import socket

from app.server import granian_process, worker
from app.server.granian_process import Handed, Told
from app.server.ports import claimed_port
from app.server.sockets import GranianOnSockets


class Other(GranianOnSockets):
    """granian with the options that the worker gives it, for another application."""

    target = ""

    def __init__(self, _target: str, **options: object) -> None:
        super().__init__(self.target, **options)  # type: ignore[arg-type]


def serve(factory: str) -> None:
    """Serve what `factory` (module:function) makes, in granian's process as the supervisor would start it, by its settings.

    The supervisor itself is missing: it sleeps as long as granian serves.
    """
    Other.target = factory
    worker.GranianOnSockets = Other  # type: ignore[misc]
    ours, its = socket.socketpair()
    with ours, claimed_port("127.0.0.1", int(os.environ["PORT"]), int(os.environ.get("WORKERS", "1"))) as port:
        handed = Handed(Told(port.address, os.environ["DATABASE_URL"]), its, port.sockets)
        granian_process.wait_until_told = lambda: handed
        worker.run_granian()
