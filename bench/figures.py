"""The figures that this project promises, as far as a run measured them."""

from collections.abc import Iterable, Iterator
from statistics import median
from typing import Any, NamedTuple

from bench.slices import MILLISECONDS

LOADED = (16, 64)
FASTIFY = {"task": (1.1, 1.0, 1.0), "page": (1.1, 1.0, 1.0), "create": (0.85, 1.0, 1.0), "patch": (0.7, 1.0, 1.0)}
"""Request -> the least ratios to Fastify under load: server CPU, server and database CPU, requests/s."""

MOVES = 1.2
"""By how much a figure moves between full runs of the same code on machines that are shared: `--check` fails beyond that."""

REACHED = {
    ("task", 16): (0.81, 0.99, 0.92),
    ("create", 16): (0.67, 1.38, 1.13),
    ("page", 16): (1.39, 0.79, 0.96),
    ("page", 64): (1.27, 0.77, 0.89),
}
"""Request and connections -> what the worse of the two newest full runs reached, or more, where that is further from the figure
than it moves: bench/README.md, "Not reached". So of those below. What is not here is held to the figure itself."""

REACHED_TAILS = {"task": 3.8}

NOISE = 0.1
"""By how much two servers of the same code differ at 1 connection, a round of a second each."""

FASTAPI = {"task": (7.0, 6.0), "page": (5.0, 5.0), "create": (4.0, None)}
"""Request -> the least ratios to FastAPI at 16 connections: server CPU, requests/s."""

SLOWER = 1.2
"""A long list may take 20 % longer than a short one. That it took less is no failure, but the machine."""


class Figure(NamedTuple):
    name: str
    target: str
    measured: str
    met: bool
    held: str = ""
    """What `--check` holds it to; none: to the figure itself."""
    is_held: bool = False
    """Whether it is held."""


def of(results: dict[str, Any]) -> list[Figure]:
    """Every figure that the run measured."""
    return [*_of_comparison(results), *_depth(results), *_process(results), *_slices(results)]


def are_held(compared: dict[str, Any]) -> bool:
    """Whether every figure that comes from these ratios and rounds of the comparison is reached or held."""
    return all(figure.met or figure.is_held for figure in _of_comparison(compared))


def missed(figures: list[dict[str, Any]]) -> list[str]:
    """The figures that `--check` fails for: neither reached nor held."""
    return [figure["name"] for figure in figures if not (figure["met"] or figure["is_held"])]


def left_out(results: dict[str, Any]) -> list[str]:
    """Which figures the run did not measure, and why."""
    reasons = []
    if results["versions"]["node"] is None:
        reasons.append("Whatever is compared with Fastify + pg: node, npm or the packages of bench/peer-node are missing.")
    if results["options"]["quick"]:
        reasons.append("One connection, and lists of 1,000,000 rows: --quick has no time for them.")
    if missing := [request for request in FASTIFY if request not in results["options"]["only"]]:
        reasons.append(f"Requests that --only does not name: {', '.join(missing)}.")
    if "just" not in results["start"]:
        reasons.append("The start by `just serve`: there is no just on the PATH.")
    return reasons


def _of_comparison(results: dict[str, Any]) -> Iterator[Figure]:
    for part in (_against_fastify, _alone, _tails, _against_fastapi):
        yield from part(results)


def _ratios(results: dict[str, Any], against: str) -> dict[tuple[str, int], dict[str, float]]:
    """Of Holdfast as it is, by request and number of connections."""
    rows = (row for row in results["ratios"] if row["server"] == "holdfast" and row["against"] == against)
    return {(row["request"], row["connections"]): row for row in rows}


def _against_fastify(results: dict[str, Any]) -> Iterator[Figure]:
    ratios = _ratios(results, "node")
    for connections in LOADED:
        for request, least in FASTIFY.items():
            if (row := ratios.get((request, connections))) is not None:
                measured = row["cpu"], row["total"], row["rps"]
                held = [min(each) / MOVES for each in zip(least, REACHED.get((request, connections), least), strict=True)]
                yield Figure(
                    f"{request} at {connections}, to Fastify: CPU / with database / requests/s",
                    _ratios_as_text(least),
                    _ratios_as_text(measured),
                    _are_reached(measured, least),
                    _ratios_as_text(held),
                    _are_reached(measured, held),
                )


def _ratios_as_text(ratios: Iterable[float]) -> str:
    return " / ".join(f"{each:.2f}" for each in ratios)


def _are_reached(measured: Iterable[float], least: Iterable[float]) -> bool:
    return all(each >= target for each, target in zip(measured, least, strict=True))


def _alone(results: dict[str, Any]) -> Iterator[Figure]:
    """A request that is alone pays nothing for what those under load gain."""
    ratios = _ratios(results, "without")
    for request in FASTIFY:
        if (row := ratios.get((request, 1))) is not None:
            least, measured = 1 - NOISE, row["rps"]
            yield Figure(
                f"{request} at 1, to that without coalescing: requests/s",
                f"{least:.2f}",
                f"{measured:.2f}",
                measured >= least,
                f"{least / MOVES:.2f}",
                measured >= least / MOVES,
            )


def _tails(results: dict[str, Any]) -> Iterator[Figure]:
    for request in FASTIFY:
        wanted = {"request": request, "connections": 16, "server": "holdfast"}
        if tails := [row["p99_ms"] / row["p50_ms"] for row in results["rounds"] if wanted.items() <= row.items()]:
            reached = REACHED_TAILS.get(request)
            yield _at_most(f"{request} at 16: p99", 3, "{:.1f} times p50", median(tails), reached)


def _against_fastapi(results: dict[str, Any]) -> Iterator[Figure]:
    ratios = _ratios(results, "peer")
    for request, (cpu, rps) in FASTAPI.items():
        if (row := ratios.get((request, 16))) is None:
            continue
        yield Figure(f"{request} at 16, to FastAPI: CPU", f"{cpu:.0f}", f"{row['cpu']:.2f}", row["cpu"] >= cpu)
        if rps:
            yield Figure(f"{request} at 16, to FastAPI: requests/s", f"{rps:.0f}", f"{row['rps']:.2f}", row["rps"] >= rps)


def _depth(results: dict[str, Any]) -> Iterator[Figure]:
    rows = {(row["tasks"], row["where"]): row for row in results["depth"]}
    for where in ("first", "deep"):
        if (row := rows.get((1_000_000, where))) is not None:
            ratio = row["p50_ms"] / rows[100, where]["p50_ms"]
            yield Figure(
                f"page of 50, {where}: 1,000,000 tasks against 100", "at most +20%", f"{ratio - 1:+.0%}", ratio <= SLOWER
            )
    p99 = rows[10_000, "anywhere"]["p99_ms"]
    yield Figure("page of 50 of 10,000 tasks, p99", "under 100 ms", f"{p99:.1f} ms", p99 < 100)


def _process(results: dict[str, Any]) -> Iterator[Figure]:
    idle = next(row["idle_rss"] for row in results["memory"] if row["server"] == "holdfast")
    yield Figure("idle memory of one worker", "under 90 MB", f"{idle:.0f} MB", idle < 90)
    start = results["start"]
    yield _at_most("`holdfast serve` answers, on a folder that is there", 1.2, "{:.2f} s", start["again"])
    if (seconds := start.get("just")) is not None:
        yield _at_most("`just serve` answers, on the same", 2.5, "{:.2f} s", seconds)


def _slices(results: dict[str, Any]) -> Iterator[Figure]:
    rows = {row["name"]: row for row in results["slices"]}
    for begin, most in (("one of ", 1.3), ("a page of ", 2.0)):
        base = rows[f"{begin}tasks"]["cpu_us"]
        ratios = {name: row["cpu_us"] / base for name, row in rows.items() if name.startswith(begin)}
        worst = max(ratios, key=lambda name: ratios[name])
        name = f"{begin}any kind: CPU, the worst being {worst.removeprefix(begin)}"
        yield _at_most(name, most, "{:.2f} times that of tasks", ratios[worst])
    for name, most in MILLISECONDS.items():
        milliseconds = rows[name]["postgres_us"] / 1000
        yield _at_most(f"{name}: database time", most, "{:.1f} ms", milliseconds)
    for begin in ("a message more", "conversations"):
        few, many = (row["p50_ms"] for name, row in rows.items() if name.startswith(f"{begin}, "))
        yield Figure(f"{begin}: many messages against few", "at most +20%", f"{many / few - 1:+.0%}", many / few <= SLOWER)


def _at_most(name: str, most: float, form: str, measured: float, reached: float | None = None) -> Figure:
    """A figure that is the better the lower it is; `reached` as in `REACHED`."""
    held = max(most, reached or most) * MOVES
    return Figure(name, form.format(most), form.format(measured), measured <= most, form.format(held), measured <= held)
