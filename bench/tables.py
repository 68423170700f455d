"""The results as tables."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

REQUESTS = {"task": "one task by id", "page": "a page of 50", "create": "create", "patch": "patch", "login": "login"}
SERVERS = {
    "holdfast": "Holdfast",
    "without": "Holdfast without coalescing",
    "node": "Fastify + pg",
    "peer": "FastAPI + SQLAlchemy",
    "peer-5+10": "FastAPI, pool 5 + 10",
    "bare": "bare ASGI function",
}

Row = dict[str, Any]


class Table(NamedTuple):
    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def markdown(self) -> str:
        lines = [self.head, ("---", *["--:"] * (len(self.head) - 1)), *self.rows]
        return f"## {self.title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def of(results: dict[str, Any]) -> list[Table]:
    """All of them; one without rows was not measured and is left out."""
    tables = (
        _ratios(results["ratios"], "node"),
        _ratios(results["ratios"], "peer"),
        *_requests(results["requests"]),
        _workers(results.get("workers", []), results.get("workers_ratios", [])),
        _floors(results["pgbench"]),
        _depth(results["depth"]),
        _slices(results["slices"]),
        _memory(results["memory"]),
        _starts(results["start"]),
        _figures(results["figures"]),
    )
    return [table for table in tables if table.rows]


def _ratios(ratios: list[Row], against: str) -> Table:
    rows = [
        (
            REQUESTS[row["request"]] if is_first else "",
            str(row["connections"]),
            SERVERS[row["server"]],
            *(f"{row[measure]:.2f}" for measure in ("cpu", "total", "rps")),
        )
        for row, is_first in _firsts((row for row in ratios if row["against"] == against), by="request")
    ]
    head = ("request", "connections", "server", "server CPU", "server + database CPU", "requests/s")
    return Table(f"Ratios to {SERVERS[against]}: above 1 Holdfast is ahead", head, rows)


def _requests(measured: list[Row]) -> Iterable[Table]:
    head = ("connections", "server", "requests/s", "p50 ms", "p99 ms", "server CPU us", "server + database CPU us")
    for request, group in groupby(measured, key=lambda row: row["request"]):
        rows = [
            (
                str(row["connections"]) if is_first else "",
                SERVERS[row["server"]],
                f"{row['rps']:,.0f}",
                f"{row['p50_ms']:.2f}",
                f"{row['p99_ms']:.2f}",
                f"{row['cpu_us']:,.0f}",
                f"{row['total_us']:,.0f}",
            )
            for row, is_first in _firsts(group, by="connections")
        ]
        yield Table(f"The same requests on the same database: {REQUESTS[request]}", head, rows)


def _firsts(rows: Iterable[Row], *, by: str) -> Iterable[tuple[Row, bool]]:
    """Each row, and whether its value of `by` differs from that of the row before."""
    for _, group in groupby(rows, key=lambda row: row[by]):
        for number, row in enumerate(group):
            yield row, number == 0


def _workers(measured: list[Row], ratios: list[Row]) -> Table:
    head = (
        "request",
        "workers",
        "server",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "server CPU us",
        "server + database CPU us",
        "requests/s, x Fastify's",
    )
    to_fastify = {(row["request"], row["workers"], row["server"]): row["rps"] for row in ratios}
    rows = [
        (
            REQUESTS[row["request"]] if is_first else "",
            str(row["workers"]),
            SERVERS[row["server"]],
            f"{row['rps']:,.0f}",
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['cpu_us']:,.0f}",
            f"{row['total_us']:,.0f}",
            f"{ratio:.2f}" if (ratio := to_fastify.get((row["request"], row["workers"], row["server"]))) else "",
        )
        for row, is_first in _firsts(measured, by="request")
    ]
    return Table("Several workers, and Node's cluster of as many: 64 connections", head, rows)


def _floors(floors: list[Row]) -> Table:
    rows = [
        (REQUESTS[row["request"]], f"{row['tps']:,.0f}", f"{row['latency_ms']:.3f}", f"{row['postgres_us']:.0f}")
        for row in floors
    ]
    return Table("The floor: the same SQL through pgbench", ("statement", "per second", "latency ms", "PostgreSQL us"), rows)


def _depth(measured: list[Row]) -> Table:
    rows = [
        (
            f"{row['tasks']:,}",
            row["where"],
            str(row["connections"]),
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['cpu_us']:.0f}",
            f"{row['postgres_us']:.0f}",
        )
        for row in measured
    ]
    head = ("tasks of the user", "page", "connections", "p50 ms", "p99 ms", "CPU us", "PostgreSQL us")
    return Table("A page of 50, by the length of the list", head, rows)


def _slices(measured: list[Row]) -> Table:
    rows = [
        (
            row["name"],
            str(row["connections"]),
            f"{row['rps']:,.0f}",
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['cpu_us']:,.0f}",
            f"{row['postgres_us']:,.0f}",
        )
        for row in measured
    ]
    head = ("request", "connections", "requests/s", "p50 ms", "p99 ms", "CPU us", "PostgreSQL us")
    return Table("The other slices, Holdfast alone", head, rows)


def _memory(measured: list[Row]) -> Table:
    rows = [
        (SERVERS[row["server"]], *(f"{row[key]:.0f}" for key in ("idle_rss", "idle_uss", "loaded_rss", "loaded_uss")))
        for row in measured
    ]
    return Table("Memory of the worker, MB", ("server", "idle RSS", "idle USS", "after load RSS", "after load USS"), rows)


def _starts(seconds: dict[str, float]) -> Table:
    names = {
        "first": "`holdfast serve` on an empty folder: initdb, migrations",
        "again": "`holdfast serve` on the folder that is there",
        "just": "`just serve` on the same",
    }
    rows = [(name, f"{seconds[key]:.2f}") for key, name in names.items() if key in seconds]
    return Table("From the start to the first answer", ("start", "seconds"), rows)


def _figures(figures: list[Row]) -> Table:
    rows = [(row["name"], row["target"], row["measured"], _met(row)) for row in figures]
    return Table("Figures to reach", ("figure", "target", "measured", "met"), rows)


def _met(figure: Row) -> str:
    if figure["met"]:
        return "yes"
    return f"no, held at {figure['held']}" if figure["is_held"] else "NO"
