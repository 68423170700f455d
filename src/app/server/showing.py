"""What a command shows: JSON for programs, headers and colours on a terminal, plain lines in a pipe."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.database.queries import to_json

T = TypeVar("T")


as_json = click.option("--json", "as_json", is_flag=True, help="Show JSON, for programs.")
"""The option of every command that lists or shows."""


COLOURS = {
    "ok": "green",
    "applied": "green",
    "works": "green",
    "active": "green",
    "mind": "yellow",
    "pending": "yellow",
    "not tried": "yellow",
    "bad": "red",
    "disabled": "red",
}
"""Of a cell that is one of these words."""


def show_json(value: Any) -> None:
    """Print a value as the API would write it, indented."""
    click.echo(msgspec.json.format(to_json(value), indent=2))


def show_list(
    items: Iterable[T],
    headers: Sequence[str],
    cells: Callable[[T], Sequence[str]],
    line: Callable[[T], str],
    *,
    lines: bool = False,
) -> None:
    """Print a table with headers on a terminal, else a line for each item as it comes. `lines`: one may have several."""
    if not sys.stdout.isatty():
        for item in items:
            click.echo(printable(line(item), lines=lines))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        # Nothing is cut off: an id is there to be copied.
        table.add_column(header, overflow="fold")
    for item in items:
        table.add_row(*(Text(printable(cell, lines=lines), style=COLOURS.get(cell, "")) for cell in cells(item)))
    if table.row_count:
        Console(file=sys.stdout).print(table)


def show_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print what is known of one thing: a name and a value on each line."""
    width = max(len(name) for name, _ in facts)
    if not sys.stdout.isatty():
        for name, value in facts:
            click.echo(f"{name:<{width}}  {printable(value)}")
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(name, Text(printable(value), style=COLOURS.get(value, "")))
    Console(file=sys.stdout).print(grid)


def printable(text: str, *, lines: bool = False) -> str:
    """A text without what would steer a terminal: the names in it are chosen by anyone who registers.

    Nor does a name make a line that looks like one of ours, unless the text is of `lines`.
    """
    return "".join(
        character if character.isprintable() or (lines and character == "\n") else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )
