"""`just bench`: Holdfast and its peers on the same database, in turn, in one run. See bench/README.md."""

import argparse
import asyncio
import json
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from app.database import embedded, migrations
from bench import data, floors, load, machine, report, servers, slices
from bench.load import Measured
from bench.servers import BenchError, Server

RESULTS = Path(__file__).resolve().parent / "results"
CONNECTIONS = 16
USERS, TASKS, IDS = 100, 1000, 100
DEPTHS = (100, 10_000, 1_000_000)
SESSION_CACHE_SECONDS = 5.0


def main() -> int:
    options = _options()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        results = _measure(options)
    except (BenchError, embedded.EmbeddedError) as error:
        print(f"bench: {error}", file=sys.stderr)  # noqa: T201 - the command's own words
        return 1
    except KeyboardInterrupt:
        print("bench: stopped, and so is everything it had started.", file=sys.stderr)  # noqa: T201
        return 130
    report.write(results, RESULTS, "quick" if options.quick else "results")
    report.show(results)
    return 1 if options.check and not all(figure["met"] for figure in results["figures"]) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just bench", description="Measure Holdfast against its peers.")
    parser.add_argument("--quick", action="store_true", help="about a minute: fewer and shorter rounds, no long lists")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every figure to reach is reached")
    parser.add_argument("--rounds", type=int, help="how often each request is measured on each server")
    parser.add_argument("--seconds", type=int, help="how long each time")
    parser.add_argument("--only", help="only these requests, by commas: task, page, create, patch, login")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 2)
    options.only = options.only.split(",") if options.only else list(report.SCENARIOS)
    if unknown := set(options.only) - set(report.SCENARIOS):
        parser.error(f"no such request: {', '.join(sorted(unknown))}")
    return options


def _interrupt(number: int, _frame: object) -> None:
    # Once: a second one must not disturb the clearing up.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress, for whoever waits


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    load.wrk()
    if not servers.PEER_PYTHON.exists():
        raise BenchError("The peer's environment .venv-bench is missing: start this with `just bench`.")
    with _folder() as folder, _database(folder) as postgres:
        results: dict[str, Any] = {
            **machine.describe(folder),
            "postgres": asyncio.run(data.server_settings(postgres.url)),
            "options": {
                "quick": options.quick,
                "rounds": options.rounds,
                "seconds": options.seconds,
                "connections": CONNECTIONS,
                "users": USERS,
                "tasks_per_user": TASKS,
            },
            "notes": [],
        }
        _compare(options, postgres, folder, results)
        _say("depth of the list")
        results["depth"] = _depth(options, postgres, folder)
        _say("the other slices")
        results["slices"] = slices.measure(postgres, folder, quick=options.quick, seconds=options.seconds)
        _say("cold start")
        results["start"] = _starts(folder, 1 if options.quick else 3)
    results["figures"] = _figures(results)
    return results


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
    # Root's PostgreSQL runs as another user, who must get through.
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _database(folder: Path) -> Iterator[embedded.Server]:
    """The embedded PostgreSQL with the settings that it ships with, migrated, and an empty database for each depth."""
    _say("starting PostgreSQL, making the data")
    server = embedded.start(folder / "data")
    try:
        asyncio.run(migrations.up(server.url))
        asyncio.run(_make_depth_databases(server.url))
        yield server
    finally:
        server.stop()


async def _make_depth_databases(url: str) -> None:
    connection = await asyncpg.connect(data.in_database(url, "postgres"))
    try:
        for statement in data.sql("depth_databases").split(";"):
            if statement.strip():
                await connection.execute(statement)
    finally:
        await connection.close()


def _compare(options: argparse.Namespace, postgres: embedded.Server, folder: Path, results: dict[str, Any]) -> None:
    """The main part: each request on each server in turn, several rounds."""
    users = asyncio.run(data.fill(postgres.url, users=USERS, tasks=TASKS, ids=IDS))
    for_load = folder / "data.lua"
    data.write_for_load(for_load, users, [])
    with ExitStack() as running:
        ours = running.enter_context(servers.holdfast(postgres.url, folder))
        idle = {"holdfast": servers.worker_memory(ours.pid)}
        statements = _statements_per_request(ours, users[0])
        cache = SESSION_CACHE_SECONDS if statements < 1.5 else 0.0
        results["options"] |= {"statements_per_read": statements, "session_cache_seconds": cache}
        sides = {
            "holdfast": ours,
            "peer": running.enter_context(servers.peer(postgres.url, cache, folder, pool_size=15)),
        }
        if not options.quick:
            sides["peer-5+10"] = running.enter_context(servers.peer(postgres.url, cache, folder, pool_size=5))
        if _has_node():
            sides["node"] = running.enter_context(servers.node_peer(postgres.url, cache, folder))
        for side in sides.keys() - idle.keys():
            idle[side] = servers.worker_memory(sides[side].pid)
        sizes = _check_answers(sides, users[0])
        if not options.quick:
            sides["bare"] = running.enter_context(servers.bare(sizes["task"], sizes["page"], folder))
        results["answer_bytes"] = sizes
        rounds = {
            scenario: _rounds(options, scenario, _taking_part(scenario, sides), postgres.pid, for_load)
            for scenario in options.only
        }
        results["memory"] = {
            side: {
                "idle_rss": idle[side].rss,
                "idle_uss": idle[side].uss,
                "loaded_rss": (loaded := servers.worker_memory(sides[side].pid)).rss,
                "loaded_uss": loaded.uss,
            }
            for side in sides
            if side in idle
        }
    results["scenarios"] = {
        scenario: {side: load.medians(measured)._asdict() for side, measured in by_side.items()}
        for scenario, by_side in rounds.items()
    }
    results["ratios"] = {scenario: _ratios(by_side) for scenario, by_side in rounds.items()}
    results["rounds"] = {
        scenario: {side: [each._asdict() for each in measured] for side, measured in by_side.items()}
        for scenario, by_side in rounds.items()
    }
    _say("pgbench")
    seconds = 1 if options.quick else 3
    measured = floors.measure(postgres.url, postgres.pid, users[0], folder, clients=15, seconds=seconds)
    results["pgbench"] = {name: floor._asdict() for name, floor in measured.items()}
    results["notes"] += _notes(results, has_node="node" in sides)


def _notes(results: dict[str, Any], *, has_node: bool) -> list[str]:
    cache = results["options"]["session_cache_seconds"]
    return [
        (
            f"One worker each, {CONNECTIONS} connections from one wrk thread, {results['options']['rounds']} rounds of "
            f"{results['options']['seconds']} s each after a warm-up, the servers in turn; medians."
        ),
        f"Session cache: {cache:.0f} s on every side." if cache else "No session cache on any side.",
        (
            "The peer keeps all of its 15 connections. SQLAlchemy's default, 5 and 10 more on demand, takes more CPU time, as "
            "it closes those above 5 whenever they are given back; it is shown beside it and is not what Holdfast is "
            "compared with."
        ),
        "Holdfast writes a log line per request (into a file) and counts it in its metrics; the peers do neither.",
        "The database is durable: PostgreSQL with the settings it ships with, see below.",
        *([] if has_node else ["Fastify on Node was left out: node or its packages are not installed."]),
    ]


def _has_node() -> bool:
    return shutil.which("node") is not None and (servers.NODE_PEER / "node_modules").is_dir()


def _taking_part(scenario: str, sides: dict[str, Server]) -> dict[str, Server]:
    left_out = {"task": set(), "page": set(), "login": {"bare", "node", "peer-5+10"}}.get(scenario, {"bare"})
    return {side: server for side, server in sides.items() if side not in left_out}


def _statements_per_request(server: Server, user: data.User) -> float:
    """How many statements Holdfast sends for a read of one task, as its own metrics count them: 1 with a session cache."""

    def count() -> float:
        text = servers.answer(server.port, "/metrics")[1].decode()
        return sum(float(value) for value in re.findall(r"^holdfast_query_seconds_count\{[^}]*\} (\S+)", text, re.MULTILINE))

    requests = 50
    before = count()
    for _ in range(requests):
        servers.answer(server.port, f"/v1/tasks/{user.task_ids[0]}", token=user.token)
    return (count() - before) / requests


def _check_answers(sides: dict[str, Server], user: data.User) -> dict[str, int]:
    """See that every side answers alike: status and the names of the fields. Returns the sizes of Holdfast's answers."""
    task = f"/v1/tasks/{user.task_ids[0]}"
    foreign = "/v1/tasks/00000000-0000-7000-8000-000000000000"
    login = json.dumps({"email": user.email, "password": data.PASSWORD})
    requests: dict[str, tuple[str, str, str | None, str | None]] = {
        "task": ("GET", task, None, user.token),
        "page": ("GET", "/v1/tasks", None, user.token),
        "patch": ("PATCH", task, '{"completed": true}', user.token),
        "create": ("POST", "/v1/tasks", '{"title": "Task 0: water the plants"}', user.token),
        "login": ("POST", "/v1/auth/login", login, None),
        "unknown field": ("PATCH", task, '{"colour": "green"}', user.token),
        "no such task": ("GET", foreign, None, user.token),
        "unknown token": ("GET", task, None, "hf_" + "A" * 43),
        "no token": ("GET", task, None, None),
    }
    sizes = {}
    for name, (method, path, body, token) in requests.items():
        shapes = {}
        for side, server in sides.items():
            if side == "node" and name == "login":
                continue
            status, content = servers.answer(server.port, path, method=method, body=body, token=token)
            shapes[side] = (status, _shape(json.loads(content)) if status < 400 else None)
            if side == "holdfast":
                sizes[name] = len(content)
        for side, shape in shapes.items():
            if shape != shapes["holdfast"]:
                raise BenchError(f"{side} answers {name} otherwise than Holdfast: {shape} and {shapes['holdfast']}")
    return sizes


def _shape(value: Any) -> Any:
    """The names of a JSON document's fields; of a list, those of its first element, and how many there are."""
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [len(value), _shape(value[0]) if value else None]
    return None


def _rounds(
    options: argparse.Namespace, scenario: str, sides: dict[str, Server], postgres: int, for_load: Path
) -> dict[str, list[Measured]]:
    measured: dict[str, list[Measured]] = {side: [] for side in sides}
    # Sixteen logins at a time take a second on a busy machine.
    seconds = max(options.seconds, 2) if scenario == "login" else options.seconds
    for server in sides.values():
        # Connections are made, statements prepared, memory allocated.
        load.put(server, postgres, scenario, for_load, connections=CONNECTIONS, seconds=2 if scenario == "login" else 1)
    for number in range(options.rounds):
        _say(f"{report.SCENARIOS[scenario]}: round {number + 1} of {options.rounds}")
        order = list(sides.items())
        # Whoever comes first finds another machine than whoever comes last: so the order changes.
        for side, server in order[number % len(order) :] + order[: number % len(order)]:
            measured[side].append(load.put(server, postgres, scenario, for_load, connections=CONNECTIONS, seconds=seconds))
    return measured


def _ratios(by_side: dict[str, list[Measured]]) -> dict[str, dict[str, float]]:
    """Each side against Holdfast, round by round: what the machine did meanwhile, it did to both."""
    ours = by_side["holdfast"]
    return {
        side: {
            "cpu": median(theirs.cpu_us / mine.cpu_us for theirs, mine in zip(measured, ours, strict=True)),
            "rps": median(mine.rps / theirs.rps for theirs, mine in zip(measured, ours, strict=True)),
        }
        for side, measured in by_side.items()
        if side != "holdfast"
    }


def _depth(options: argparse.Namespace, postgres: embedded.Server, folder: Path) -> list[dict[str, Any]]:
    """A page at the head and at the end of lists of several lengths, each in a database of its own."""
    depths = [tasks for tasks in DEPTHS if not options.quick or tasks <= 10_000]
    rows: list[dict[str, Any]] = []
    with ExitStack() as running:
        cases: list[tuple[int, str, Server, Path]] = []
        for tasks in depths:
            url = data.in_database(postgres.url, f"depth_{tasks}")
            (user,) = asyncio.run(data.fill(url, users=1, tasks=tasks, ids=1))
            server = running.enter_context(servers.holdfast(url, folder, f"depth-{tasks}"))
            deep = f"&cursor={asyncio.run(data.cursor_before_last(url, user, 51))}"
            for where, cursors in (("first", [""]), ("deep", [deep])):
                for_load = folder / f"depth-{tasks}-{where}.lua"
                data.write_for_load(for_load, [user], cursors)
                cases.append((tasks, where, server, for_load))
                status, content = servers.answer(server.port, f"/v1/tasks?limit=50{cursors[0]}", token=user.token)
                if status != 200 or len(json.loads(content)["items"]) != 50:
                    raise BenchError(f"The {where} page of {tasks} tasks is not a page of 50: {status}")
            if tasks == 10_000:
                everywhere = [
                    "",
                    deep,
                    *(f"&cursor={asyncio.run(data.cursor_before_last(url, user, n))}" for n in range(500, 10_000, 500)),
                ]
                for_load = folder / f"depth-{tasks}-anywhere.lua"
                data.write_for_load(for_load, [user], everywhere)
                anywhere = (tasks, server, for_load)
        measured: dict[tuple[int, str], list[Measured]] = {(tasks, where): [] for tasks, where, _, _ in cases}
        rounds = 1 if options.quick else options.rounds
        for number in range(-1, rounds):
            for tasks, where, server, for_load in cases:
                one = load.put(server, postgres.pid, "cursors", for_load, connections=1, seconds=1)
                if number >= 0:
                    measured[tasks, where].append(one)
        rows += [
            {"tasks": tasks, "where": where, "connections": 1, **load.medians(several)._asdict()}
            for (tasks, where), several in measured.items()
        ]
        tasks, server, for_load = anywhere
        one = load.put(server, postgres.pid, "cursors", for_load, connections=CONNECTIONS, seconds=options.seconds * 2)
        rows.append({"tasks": tasks, "where": "anywhere", "connections": CONNECTIONS, **one._asdict()})
    return rows


def _starts(folder: Path, times: int) -> dict[str, float]:
    """Seconds until a `holdfast serve` of its own answers: the first time, and on the data folder that it then finds."""
    home = folder / "start"
    first = _start_once(home, folder)
    return {"first_seconds": first, "cold_seconds": median(_start_once(home, folder) for _ in range(times))}


def _start_once(home: Path, folder: Path) -> float:
    port = servers.free_port()
    command = [str(Path(sys.executable).with_name("holdfast")), "serve", "--port", str(port)]
    log = folder / "start.log"
    begun = time.monotonic()
    with log.open("ab") as output:
        process = servers.start(command, {"HOLDFAST_DATA": str(home)}, output)
    try:
        servers.wait_until_it_answers(process, port, log)
        return time.monotonic() - begun
    finally:
        servers.stop(process)


def _figures(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures that this project promises, as far as this run measured them."""
    figures: list[dict[str, Any]] = []

    def figure(name: str, target: str, measured: str, *, met: bool) -> None:
        figures.append({"name": name, "target": target, "measured": measured, "met": met})

    for scenario, cpu, rps in (("page", 5, 5), ("task", 7, 6), ("create", 4, None)):
        if scenario not in results["ratios"]:
            continue
        ratios, name = results["ratios"][scenario]["peer"], report.SCENARIOS[scenario]
        figure(f"{name}: CPU per request", f"1/{cpu} of the peer's", f"1/{ratios['cpu']:.2f}", met=ratios["cpu"] >= cpu)
        if rps:
            figure(f"{name}: requests/s", f"{rps} times the peer's", f"{ratios['rps']:.2f} times", met=ratios["rps"] >= rps)
    depth = {(row["tasks"], row["where"]): row for row in results["depth"]}
    for where in ("first", "deep"):
        if (row := depth.get((1_000_000, where))) is not None:
            ratio = row["p50_ms"] / depth[100, where]["p50_ms"]
            figure(f"page of 50, {where}: 1,000,000 tasks against 100", "within 20 %", f"{ratio - 1:+.0%}", met=ratio <= 1.2)
    p99 = depth[10_000, "anywhere"]["p99_ms"]
    figure("page of 50 of 10,000 tasks, p99", "under 100 ms", f"{p99:.1f} ms", met=p99 < 100)
    idle, cold = results["memory"]["holdfast"]["idle_rss"], results["start"]["cold_seconds"]
    figure("idle memory of one worker", "under 120 MB", f"{idle:.0f} MB", met=idle < 120)
    figure("cold `holdfast serve` answers", "within 3 s", f"{cold:.2f} s", met=cold <= 3)
    return figures + slices.figures(results["slices"])


if __name__ == "__main__":
    sys.exit(main())
