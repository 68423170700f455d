"""`just bench-overload`: what is answered, and how fast, from half to four times of what can be. See bench/README.md."""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from app.database import embedded, migrations
from app.http.overload import MOST
from bench import data, machine, overload_picture, report, servers
from bench.open_loop import Plan, Seen
from bench.servers import BenchError, Server
from bench.turns import say

STEPS = (0.5, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0)
"""Times the capacity."""

CONNECTIONS = 4 * MOST
"""More than a worker begins at once, or nothing would have to be refused."""

CLOSED = 64
"""Connections that the capacity is measured with."""

MIX = {"page": 40, "task": 25, "create": 15, "patch": 15, "search": 5}
"""Of a hundred requests."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="just bench-overload", description=__doc__.partition(":")[2])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each step")
    parser.add_argument("--keep", action="store_true", help="write bench/results/overload.json and its picture")
    options = parser.parse_args()
    try:
        results = _measure(options.seconds)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)  # noqa: T201 - the command's own words
        return 1
    print(json.dumps(results["figures"], indent=1))  # noqa: T201
    if options.keep:
        (report.RESULTS / "overload.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        (report.RESULTS / "overload.svg").write_text(overload_picture.svg(results), encoding="utf-8")
    return 0


def _measure(seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # Root's PostgreSQL runs as another user, who must get through.
        folder.chmod(0o711)
        postgres = embedded.start(folder / "data")
        try:
            asyncio.run(migrations.up(postgres.url))
            requests = _requests(asyncio.run(data.fill(postgres.url, users=100, tasks=1000, ids=100)))
            with servers.bare(300, 20_000, folder) as bare:
                say("the load against a bare function")
                # A function that does not read a body breaks the next request of its connection.
                alone = _put(bare, [each for each in requests if each.startswith("GET")], seconds=3, connections=CLOSED)
            with servers.holdfast(postgres.url, folder) as server:
                return {**machine.describe_alone(folder), "load": alone, **_curve(server, requests, seconds, _good(alone))}
        finally:
            postgres.stop()


def _curve(server: Server, requests: list[str], seconds: float, most: float) -> dict[str, Any]:
    _put(server, requests, seconds=3, connections=CLOSED)
    capacity = max(_good(_put(server, requests, seconds=seconds, connections=CLOSED)) for _ in range(2))
    if most < max(STEPS) * capacity:
        say(f"the load alone reaches {most:,.0f} requests a second, less than {max(STEPS):g} times the capacity")
    steps = []
    for step in STEPS:
        say(f"{step:g} times {capacity:,.0f} requests a second")
        seen = _put(server, requests, seconds=seconds, connections=CONNECTIONS, rate=step * capacity)
        health = servers.answer(server.port, "/health/live")[0]
        steps.append({"times": step, "offered": step * capacity, "good": _good(seen), "health": health} | seen)
        time.sleep(1)
    best = max(each["good"] for each in steps)
    [double] = [each for each in steps if each["times"] == 2.0]
    figures = {"goodput_at_2": double["good"] / best, "p99_ms_at_2": double["p99_ms"]}
    return {"mix": MIX, "connections": CONNECTIONS, "capacity": capacity, "steps": steps, "figures": figures}


def _put(server: Server, requests: list[str], *, seconds: float, connections: int, rate: float | None = None) -> dict[str, Any]:
    plan = Plan(server.port, requests, connections, seconds, rate)
    run = subprocess.run(
        [sys.executable, "-m", "bench.open_loop"], input=msgspec.json.encode(plan), capture_output=True, check=False
    )
    if run.returncode != 0:
        raise BenchError(f"The load failed:\n{run.stderr.decode()}")
    return msgspec.structs.asdict(msgspec.json.decode(run.stdout, type=Seen))


def _good(seen: dict[str, Any]) -> float:
    return sum(number for status, number in seen["statuses"].items() if status.startswith("2")) / seen["seconds"]


def _requests(users: list[data.User]) -> list[str]:
    """Ten thousand requests, mixed."""
    chosen = random.Random(1)  # noqa: S311 - the same mix each time
    return [_request(kind, number, chosen.choice(users[:20]), chosen) for number, kind in enumerate(
        chosen.choices(list(MIX), weights=list(MIX.values()), k=10_000)
    )]  # fmt: skip


def _request(kind: str, number: int, user: data.User, chosen: random.Random) -> str:
    task = f"/v1/tasks/{chosen.choice(user.task_ids)}"
    method, path, body = {
        "task": ("GET", task, ""),
        "page": ("GET", "/v1/tasks", ""),
        "search": ("GET", "/v1/search?q=plants", ""),
        "create": ("POST", "/v1/tasks", f'{{"title": "Task {number}: water the plants on the balcony"}}'),
        "patch": ("PATCH", task, f'{{"title": "Task {number}: not more than a cup each"}}'),
    }[kind]
    sent = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {user.token}\r\n{sent}\r\n{body}"


if __name__ == "__main__":
    sys.exit(main())
