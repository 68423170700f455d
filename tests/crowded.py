"""The clients of chaos/, who find whatever is missing, doubled, changed or somebody else's, on servers of a test."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from serving import Serving

CONDITIONS: dict[str, Any] = {
    "TRUSTED_PROXIES": "127.0.0.0/8",
    "USER_REQUESTS_PER_MINUTE": "1000000",
    "GUEST_REQUESTS_PER_MINUTE": "1000000",
}
"""What these clients need of the settings of a server."""


class Servers:
    """What these clients know of the servers; each request goes to the next of them."""

    name = "the servers"

    def __init__(self, database: str, serving: Sequence[Serving]) -> None:
        self.url, self._serving = database, serving
        self._begin = cycle(range(len(serving)))
        self._wires: list[Any] = []
        self._wire = import_module("chaos.wire").Wire

    def wire(self) -> Any:
        """A connection to each server, used in turn."""
        first = next(self._begin)
        wires = [self._wire(each.port) for each in (*self._serving[first:], *self._serving[:first])]
        self._wires += wires
        turn = cycle(wires)

        def send(*request: Any) -> Any:
            return next(turn)(*request)

        return send

    def hang_up(self) -> None:
        for wire in self._wires:
            wire.close()

    def words(self) -> str:
        return "".join(each.words() for each in self._serving)


@contextmanager
def crowd(database: str, serving: Sequence[Serving], clients: int, **options: Any) -> Iterator[Any]:
    """So many clients, who have each sent something; four of them only begin and look at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent.parent)
        module = import_module("chaos.crowd")
        servers = Servers(database, serving)
        try:
            yield module.Crowd(servers, clients - module.PROBES, users_each=1, pause=0.0, **options)
        finally:
            servers.hang_up()


def send_for(crowd: Any, seconds: float) -> Any:
    """Have everybody send for a while; how often what happened, and what is wrong."""
    crowd.begin()
    time.sleep(seconds)
    crowd.rest()
    return crowd.counts(), [str(finding) for finding in crowd.findings()]
