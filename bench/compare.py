"""The main part: the same requests on Holdfast and on its peers, on one database, with few and with many connections."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from app.database import embedded
from bench import answers, costs, data, figures, floors, servers, turns
from bench.load import Measured
from bench.servers import Server
from bench.turns import Case

REQUESTS = ("task", "page", "create", "patch")
LOGIN = "login"
OURS = ("holdfast", "without")
PEERS = ("node", "peer")
USERS, TASKS, IDS = 100, 1000, 100
READERS = 20
"""Users whose requests the load sends. A round takes a second and a server caches a session for five: each round finds them
expired, as it would find one in five of 100 users who never stop."""
USUAL = 16
"""Connections with which the asides are measured: login, the bare function, the peer's other pool."""
SESSION_CACHE_SECONDS = 5.0


class Key(NamedTuple):
    """Which request, with how many connections, on which server."""

    request: str
    connections: int
    server: str


class Plan(NamedTuple):
    """What of all this is measured, and how often."""

    requests: list[str]
    connections: tuple[int, ...]
    rounds: int
    asides: bool


def measure(plan: Plan, postgres: embedded.Server, folder: Path) -> dict[str, Any]:
    """Measure it. Returns this part of the results; raises BenchError when a server answers otherwise than the others."""
    users = asyncio.run(data.fill(postgres.url, users=USERS, tasks=TASKS, ids=IDS))
    for_load = folder / "data.lua"
    data.write_for_load(for_load, users[:READERS], [])
    with ExitStack() as running:
        ours = running.enter_context(servers.holdfast(postgres.url, folder))
        idle = {"holdfast": costs.worker_memory(ours.pid)}
        statements = answers.statements_per_read(ours, users[0])
        cache = SESSION_CACHE_SECONDS if statements < 1.5 else 0.0
        sides = {
            "holdfast": ours,
            "without": running.enter_context(servers.without_coalescing(postgres.url, folder)),
            "peer": running.enter_context(servers.peer(postgres.url, cache, folder, pool_size=15)),
        }
        if servers.has_node():
            sides["node"] = running.enter_context(servers.node_peer(postgres.url, cache, folder))
        if plan.asides:
            sides["peer-5+10"] = running.enter_context(servers.peer(postgres.url, cache, folder, pool_size=5))
        idle |= {side: costs.worker_memory(server.pid) for side, server in sides.items() if side not in idle}
        sizes = answers.check(sides, users[0])
        if plan.asides:
            sides["bare"] = running.enter_context(servers.bare(sizes["task"], sizes["page"], folder))
        rounds: dict[Key, list[Measured]] = {}
        for request in plan.requests:
            groups = _groups(request, plan.connections, sides, for_load)
            # The first one warms up what all of them share.
            warm_up = 1 if rounds else 4
            found = turns.measure(request, groups, [postgres.pid], rounds=plan.rounds, warm_up=warm_up)
            # Noise of the machine goes with more rounds; what is slower stays so.
            if doubtful := [group for group in groups if not figures.are_held(_compared(_of_group(found, group)))]:
                again = turns.measure(f"{request}, once more", doubtful, [postgres.pid], rounds=plan.rounds)
                found |= {key: found[key] + several for key, several in again.items()}
            rounds |= found
        memory = [
            {
                "server": side,
                "idle_rss": idle[side].rss,
                "idle_uss": idle[side].uss,
                "loaded_rss": now.rss,
                "loaded_uss": now.uss,
            }
            for side, now in ((side, costs.worker_memory(sides[side].pid)) for side in idle)
        ]
    turns.say("pgbench")
    seconds = 3 if plan.asides else 1
    measured = floors.measure(postgres.url, postgres.pid, users[0], folder, clients=15, seconds=seconds)
    return {
        "comparison": {
            "rounds": plan.rounds,
            "connections": list(plan.connections),
            "users": USERS,
            "readers": READERS,
            "tasks_per_user": TASKS,
            "statements_per_read": statements,
            "session_cache_seconds": cache,
            "answer_bytes": sizes,
        },
        "requests": [{**key._asdict(), **turns.medians(several)} for key, several in rounds.items()],
        **_compared(rounds),
        "pgbench": [{"request": name, **floor._asdict()} for name, floor in measured.items()],
        "memory": memory,
    }


def _groups(request: str, connections: tuple[int, ...], sides: dict[str, Server], for_load: Path) -> list[list[Case[Key]]]:
    """What is compared with each other: one request at one number of connections, on each side that takes part in it."""
    if request == LOGIN:
        # Sixteen logins at a time take a second on a busy machine.
        part = {side: sides[side] for side in ("holdfast", "peer")}
        return [[Case(Key(request, USUAL, side), server, request, for_load, USUAL, 2) for side, server in part.items()]]
    everywhere = {*OURS, *PEERS}
    asides = {"peer-5+10", "bare"} if request in {"task", "page"} else set()
    return [
        [
            Case(Key(request, number, side), server, request, for_load, number)
            for side, server in sides.items()
            if side in everywhere or (side in asides and number == USUAL)
        ]
        for number in connections
    ]


def _of_group(rounds: dict[Key, list[Measured]], group: list[Case[Key]]) -> dict[Key, list[Measured]]:
    return {case.key: rounds[case.key] for case in group}


def _compared(rounds: dict[Key, list[Measured]]) -> dict[str, list[dict[str, Any]]]:
    """The part of the results from which the figures of the comparison come."""
    return {
        "ratios": _ratios(rounds),
        "rounds": [{**key._asdict(), **one._asdict()} for key, several in rounds.items() for one in several],
    }


def _ratios(rounds: dict[Key, list[Measured]]) -> list[dict[str, Any]]:
    """Holdfast, with coalescing and without, against each peer, and the one against the other."""
    return [
        {**key._asdict(), "against": other, **turns.ratio(ours, theirs)}
        for key, ours in rounds.items()
        for other in (*PEERS, "without")
        if key.server in OURS and key.server != other and (theirs := rounds.get(key._replace(server=other))) is not None
    ]
