"""What README.md says of a run, word for word: Holdfast against its peers at 16 connections."""

from collections.abc import Iterator
from typing import Any

from bench.tables import REQUESTS, Table

CONNECTIONS = 16
FEW = (1, 4)


def markdown(results: dict[str, Any]) -> str:
    """A table of the ratios to both peers, and what they are without coalescing and with few connections."""
    head = (
        "",
        "requests/s, times Fastify's",
        "CPU per request, Fastify's times ours",
        "requests/s, times FastAPI's",
        "CPU per request, FastAPI's times ours",
    )
    rows = []
    for request, name in REQUESTS.items():
        against = [*_ratios(results, request, "holdfast", "node"), *_ratios(results, request, "holdfast", "peer")]
        if len(against) == 2:
            rows.append((name, *(f"{ratio[measure]:.2f}" for ratio in against for measure in ("rps", "total"))))
    without = [f"{ratio['rps']:.2f}" for request in REQUESTS for ratio in _ratios(results, request, "without", "node")]
    return Table("In short", head, rows).markdown() + (
        f"\nOne worker each, {CONNECTIONS} connections; CPU is that of server and database together. Fastify could coalesce,\n"
        f"too: where neither does, Holdfast answers {', '.join(without)} times as many requests per second as\n"
        f"Fastify, in the order of the table{_with_few(results)}.\n"
    )


def _with_few(results: dict[str, Any]) -> str:
    wanted = {"server": "holdfast", "against": "node"}
    ratios = [row["rps"] for row in results["ratios"] if wanted.items() <= row.items() and row["connections"] in FEW]
    least, most = FEW
    return f"; with {least} to {most} connections, and coalescing, {min(ratios):.2f} to {max(ratios):.2f}" if ratios else ""


def _ratios(results: dict[str, Any], request: str, server: str, against: str) -> Iterator[dict[str, float]]:
    wanted = {"request": request, "connections": CONNECTIONS, "server": server, "against": against}
    return (row for row in results["ratios"] if wanted.items() <= row.items())
