"""What a run found, for the terminal and as files."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from bench import claim, figures, picture, tables
from bench.tables import Table

RESULTS = Path(__file__).resolve().parent / "results"


def show(results: dict[str, Any]) -> None:
    """Print the tables."""
    console = Console(highlight=False)
    # Piped into a file there is no width; cells must not be cut.
    if not console.is_terminal:
        console = Console(highlight=False, width=150)
    for table in tables.of(results):
        console.print()
        _show(table, console)
    for line in (*_notes(results), *_left_out(results)):
        console.print(f"- {line}", markup=False)


def _show(table: Table, console: Console) -> None:
    shown = RichTable(title=table.title, title_justify="left", title_style="bold")
    for number, name in enumerate(table.head):
        shown.add_column(name, justify="right" if number else "left", no_wrap=False)
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown)


def write(results: dict[str, Any], folder: Path, name: str) -> None:
    """Write NAME.json, NAME.md and NAME.svg."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(_json(results), encoding="utf-8")
    (folder / f"{name}.svg").write_text(picture.svg(results), encoding="utf-8")
    how = "just bench" + (" --quick" if results["options"]["quick"] else "")
    parts = [
        "# Results\n",
        f"Made by `{how}` on {results['date']}. How it is measured: [bench/README.md](../README.md).\n",
        claim.markdown(results),
        f"![CPU time per request]({name}.svg)\n",
        *(table.markdown() for table in tables.of(results)),
        _list("Notes", [*_notes(results), *_left_out(results)]),
        _list("The machine", _machine(results)),
    ]
    (folder / f"{name}.md").write_text("\n".join(parts), encoding="utf-8")


def _list(title: str, lines: list[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"


def _json(results: dict[str, Any]) -> str:
    """One line for each row of a table."""
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {_value(value)}" for key, value in results.items()) + "\n}\n"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"
    return json.dumps(value, indent=2)


def _left_out(results: dict[str, Any]) -> list[str]:
    return [f"Left out of the figures to reach: {reason}" for reason in results["left_out"]]


def _notes(results: dict[str, Any]) -> list[str]:
    compared = results["comparison"]
    cache = compared["session_cache_seconds"]
    return [
        (
            f"One worker each, one wrk thread, {compared['rounds']} rounds of a second each after a warm-up, the servers in "
            "turn; medians, and ratios round by round."
        ),
        (
            "Coalescing is no privilege of Holdfast: Fastify could put statements that wait at the same time together, too. "
            '"Holdfast without coalescing" beside Fastify compares the servers when neither does.'
        ),
        f"Session cache: {cache:.0f} s on every side." if cache else "No session cache on any side.",
        (
            "FastAPI's side keeps all of its 15 connections. SQLAlchemy's default, 5 and 10 more on demand, takes more CPU "
            "time, as it closes those above 5 whenever they are given back; it is shown beside it and is not what Holdfast is "
            "compared with."
        ),
        "Holdfast writes a log line per request (into a file) and counts it in its metrics; the peers do neither.",
        "The database is durable: PostgreSQL with the settings it ships with, see below.",
    ]


def _machine(results: dict[str, Any]) -> list[str]:
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
        f"FastAPI + SQLAlchemy: {listed(versions['peer'])}",
    ]
    if versions["node"]:
        lines.append(f"Fastify + pg: {listed(versions['node'])}")
    return lines


def _write_anew() -> None:
    """`python -m bench.report`: the kept run as it is judged and told now, after a change of figures.py or of this."""
    results = json.loads((RESULTS / "results.json").read_text(encoding="utf-8"))
    results["figures"] = [figure._asdict() for figure in figures.of(results)]
    write(results, RESULTS, "results")


if __name__ == "__main__":
    _write_anew()
