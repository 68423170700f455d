"""The results as tables, for the terminal and for Markdown, and as a plot."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table as RichTable

SCENARIOS = {"task": "one task by id", "page": "a page of 50", "create": "create", "patch": "patch", "login": "login"}
SIDES = {
    "holdfast": "Holdfast",
    "peer": "peer (FastAPI)",
    "peer-5+10": "peer, pool 5 + 10",
    "node": "Fastify on Node",
    "bare": "bare ASGI function",
}
_COLOURS = {"holdfast": "#2f81f7", "peer": "#d2772f", "peer-5+10": "#a8753f", "node": "#3f9a52", "bare": "#8b949e"}


class Table(NamedTuple):
    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def markdown(self) -> str:
        lines = [self.head, tuple("---" if not number else "--:" for number in range(len(self.head))), *self.rows]
        return f"## {self.title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"

    def show(self, console: Console) -> None:
        table = RichTable(title=self.title, title_justify="left", title_style="bold")
        for number, name in enumerate(self.head):
            table.add_column(name, justify="right" if number else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        console.print(table)


def tables(results: dict[str, Any]) -> list[Table]:
    return [
        table
        for table in (
            _scenarios(results),
            _floors(results),
            _depth(results),
            _slices(results),
            _process(results),
            _starts(results),
            _figures(results),
        )
        if table.rows
    ]


def _scenarios(results: dict[str, Any]) -> Table:
    head = (
        "request",
        "server",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "CPU us",
        "PostgreSQL us",
        "CPU, x ours",
        "ours, x its req/s",
    )
    rows = []
    for scenario, sides in results["scenarios"].items():
        for side, measured in sides.items():
            ratios = results["ratios"][scenario].get(side)
            rows.append(
                (
                    SCENARIOS[scenario] if side == "holdfast" else "",
                    SIDES[side],
                    f"{measured['rps']:,.0f}",
                    f"{measured['p50_ms']:.2f}",
                    f"{measured['p99_ms']:.2f}",
                    f"{measured['cpu_us']:,.0f}",
                    f"{measured['postgres_us']:,.0f}",
                    f"{ratios['cpu']:.2f} x" if ratios else "",
                    f"{ratios['rps']:.2f} x" if ratios else "",
                )
            )
    return Table("The same requests on the same database", head, rows)


def _floors(results: dict[str, Any]) -> Table:
    rows = [
        (SCENARIOS[name], f"{floor['tps']:,.0f}", f"{floor['latency_ms']:.3f}", f"{floor['postgres_us']:.0f}")
        for name, floor in results["pgbench"].items()
    ]
    return Table("The floor: the same SQL through pgbench", ("statement", "per second", "latency ms", "PostgreSQL us"), rows)


def _depth(results: dict[str, Any]) -> Table:
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
        for row in results["depth"]
    ]
    head = ("tasks of the user", "page", "connections", "p50 ms", "p99 ms", "CPU us", "PostgreSQL us")
    return Table("A page of 50, by the length of the list", head, rows)


def _slices(results: dict[str, Any]) -> Table:
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
        for row in results["slices"]
    ]
    head = ("request", "connections", "requests/s", "p50 ms", "p99 ms", "CPU us", "PostgreSQL us")
    return Table("The other slices, Holdfast alone", head, rows)


def _process(results: dict[str, Any]) -> Table:
    rows = [
        (SIDES[side], *(f"{memory[key]:.0f}" for key in ("idle_rss", "idle_uss", "loaded_rss", "loaded_uss")))
        for side, memory in results["memory"].items()
    ]
    return Table("Memory of the worker, MB", ("server", "idle RSS", "idle USS", "after load RSS", "after load USS"), rows)


def _starts(results: dict[str, Any]) -> Table:
    names = {"first_seconds": "on an empty folder: initdb, migrations", "cold_seconds": "on the folder that is there"}
    rows = [(name, f"{results['start'][key]:.2f}") for key, name in names.items()]
    return Table("`holdfast serve` until it answers, seconds", ("start", "seconds"), rows)


def _figures(results: dict[str, Any]) -> Table:
    rows = [
        (figure["name"], figure["target"], figure["measured"], "yes" if figure["met"] else "NO")
        for figure in results["figures"]
    ]
    return Table("Figures to reach", ("figure", "target", "measured", "met"), rows)


def show(results: dict[str, Any]) -> None:
    console = Console(highlight=False)
    # Piped into a file there is no width; cells must not be cut.
    if not console.is_terminal:
        console = Console(highlight=False, width=140)
    for table in tables(results):
        console.print()
        table.show(console)
    for note in results["notes"]:
        console.print(f"- {note}", markup=False)


def write(results: dict[str, Any], folder: Path, name: str) -> None:
    """Write NAME.json, NAME.md and NAME.svg."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (folder / f"{name}.svg").write_text(_plot(results), encoding="utf-8")
    parts = [
        "# Results\n",
        (
            f"Made by `just bench{' --quick' if results['options']['quick'] else ''}` on {results['date']}. "
            "CPU us: microseconds of CPU time of the server's processes per request. The last two columns compare a server "
            "with Holdfast, each the median of the rounds: how many times Holdfast's CPU time it takes, and how many times as "
            "many requests per second Holdfast answers.\n"
        ),
        f"![CPU time per request]({name}.svg)\n",
        *(table.markdown() for table in tables(results)),
        "## Notes\n\n" + "\n".join(f"- {note}" for note in results["notes"]) + "\n",
        "## The machine\n\n" + _machine(results),
    ]
    (folder / f"{name}.md").write_text("\n".join(parts), encoding="utf-8")


def _machine(results: dict[str, Any]) -> str:
    machine, versions, postgres = results["machine"], results["versions"], results["postgres"]

    def listed(items: dict[str, str]) -> str:
        return ", ".join(f"{name} {number}" for name, number in items.items())

    lines = [
        (
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB; {machine['system']}, {machine['kernel']}; "
            f"load average before the run {machine['load_average_before'][0]}"
        ),
        f"Python {versions['python']}, wrk {versions['wrk']}",
        f"PostgreSQL {postgres['server_version']} on {machine['database_file_system']}: "
        + ", ".join(f"{name} {value}" for name, value in postgres.items() if name != "server_version"),
        f"Holdfast: {listed(versions['holdfast'])}",
        f"peer: {listed(versions['peer'])}",
    ]
    if versions["node"]:
        lines.append(f"Node: {listed(versions['node'])}")
    return "\n".join(f"- {line}" for line in lines) + "\n"


def _plot(results: dict[str, Any]) -> str:
    """Bars of CPU microseconds per request. One grey for all text, which both white and black paper can carry."""
    groups = {name: sides for name, sides in results["scenarios"].items() if name != "login"}
    largest = max((measured["cpu_us"] for sides in groups.values() for measured in sides.values()), default=1.0)
    left, width, bar, gap = 150, 760, 18, 22
    shapes, y = [], 44
    for scenario, sides in groups.items():
        middle = y + len(sides) * bar / 2 + 4
        shapes.append(f'<text x="{left - 12}" y="{middle:.0f}" text-anchor="end">{escape(SCENARIOS[scenario])}</text>')
        for side, measured in sides.items():
            length = max(1.0, measured["cpu_us"] / largest * (width - left - 250))
            label = f"{measured['cpu_us']:,.0f} us   {SIDES[side]}"
            shapes.append(
                f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 4}" rx="2" fill="{_COLOURS[side]}"/>'
                f'<text x="{left + length + 8:.1f}" y="{y + 11}" class="small">{escape(label)}</text>'
            )
            y += bar
        y += gap
    title = "CPU time of the server per request, microseconds (shorter is better)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" height="{y}" role="img" '
        f'aria-label="{title}">\n'
        "<style>text { font: 13px system-ui, sans-serif; fill: #7d8590 } .small { font-size: 11px } "
        ".title { font-size: 14px; font-weight: 600 }</style>\n"
        f'<text x="12" y="22" class="title">{title}</text>\n' + "\n".join(shapes) + "\n</svg>\n"
    )
