"""Several workers of Holdfast, and beside them Node's cluster of as many."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from app.database import embedded
from bench import compare, data, servers, turns
from bench.load import Measured
from bench.servers import Server
from bench.turns import Case

WORKERS = (1, 2, 4)
CONNECTIONS = 64


class Key(NamedTuple):
    request: str
    workers: int
    server: str


def measure(
    requests: list[str], postgres: embedded.Server, folder: Path, *, session_cache: float, rounds: int
) -> dict[str, list[dict[str, Any]]]:
    """Measure each request on each number of workers, all of them up at the same time."""
    url = data.in_database(postgres.url, "workers")
    for_load = folder / "workers.lua"
    users = asyncio.run(data.fill(url, users=compare.USERS, tasks=compare.TASKS, ids=compare.IDS))
    data.write_for_load(for_load, users[: compare.READERS], [])
    with ExitStack() as running:
        sides: dict[tuple[int, str], Server] = {}
        for workers in WORKERS:
            starting = {"holdfast": servers.holdfast(url, folder, f"workers-{workers}", workers=workers)}
            if servers.has_node():
                starting["node"] = servers.node_peer(url, session_cache, folder, workers=workers)
            sides |= {(workers, side): running.enter_context(server) for side, server in starting.items()}
        measured: dict[Key, list[Measured]] = {}
        for request in requests:
            cases = [
                Case(Key(request, workers, side), server, request, for_load, CONNECTIONS)
                for (workers, side), server in sides.items()
            ]
            # The first one warms up what all of them share, in four processes on perhaps two cores.
            warm_up = 1 if measured else 6
            name = f"several workers, {request}"
            measured |= turns.measure(name, [cases], [postgres.pid], rounds=rounds, warm_up=warm_up)
    return {
        "workers": [{**key._asdict(), **turns.medians(several)} for key, several in measured.items()],
        "workers_ratios": [
            {**key._asdict(), "against": "node", **turns.ratio(ours, theirs)}
            for key, ours in measured.items()
            if key.server == "holdfast" and (theirs := measured.get(key._replace(server="node"))) is not None
        ],
    }
