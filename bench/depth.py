"""A page at the head and at the end of lists of several lengths, each in a database of its own."""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from app.database import embedded
from bench import data, servers, turns
from bench.servers import BenchError, Server
from bench.turns import Case

DEPTHS = (100, 10_000, 1_000_000)
MIDDLE = 10_000


class Key(NamedTuple):
    tasks: int
    where: str
    connections: int


def measure(postgres: embedded.Server, folder: Path, *, depths: tuple[int, ...], rounds: int) -> list[dict[str, Any]]:
    """Measure each page alone, and those of 10,000 tasks with 16 at a time. Raises BenchError when one is no page of 50."""
    with ExitStack() as running:
        groups: list[list[Case[Key]]] = [[], []]
        for tasks in depths:
            url = data.in_database(postgres.url, f"depth_{tasks}")
            (user,) = asyncio.run(data.fill(url, users=1, tasks=tasks, ids=1))
            server = running.enter_context(servers.holdfast(url, folder, f"depth-{tasks}"))
            deep = _cursor(url, user, 51)
            places = {"first": [""], "deep": [deep]}
            if tasks == MIDDLE:
                places["anywhere"] = ["", deep, *(_cursor(url, user, left) for left in range(500, MIDDLE, 500))]
            for where, cursors in places.items():
                for_load = folder / f"depth-{tasks}-{where}.lua"
                data.write_for_load(for_load, [user], cursors)
                _check(server, user, cursors[-1])
                connections = 16 if where == "anywhere" else 1
                key = Key(tasks, where, connections)
                groups[where == "anywhere"].append(Case(key, server, "cursors", for_load, connections))
        measured = turns.measure("pages of long lists", groups, [postgres.pid], rounds=rounds)
    return [{**key._asdict(), **turns.medians(several)} for key, several in measured.items()]


def _cursor(url: str, user: data.User, left: int) -> str:
    return f"&cursor={asyncio.run(data.cursor_before_last(url, user, left))}"


def _check(server: Server, user: data.User, cursor: str) -> None:
    status, content = servers.answer(server.port, f"/v1/tasks?limit=50{cursor}", token=user.token)
    if status != 200 or len(json.loads(content)["items"]) != 50:
        raise BenchError(f"{server.name} does not answer a page of 50: {status}")
