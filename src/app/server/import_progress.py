"""How far an import is: a bar on a terminal, a line every few seconds elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

LINE_EVERY = 5.0
"""Seconds between lines where there is no terminal."""


class _Bar:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total, rate="")
        self._done = 0
        self._since = monotonic()

    def advance(self, work: str, rows: int) -> None:
        self._done += rows
        rate = f"{self._done / max(monotonic() - self._since, 0.001):,.0f} rows/s"
        self._progress.update(self._task, advance=rows, description=work, rate=rate)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._since = self._told = monotonic()

    def advance(self, work: str, rows: int) -> None:
        self._done += rows
        now = monotonic()
        if now - self._told >= LINE_EVERY:
            self._told = now
            rate = self._done / (now - self._since)
            left = max(self._total - self._done, 0) / rate
            click.echo(f"{work}: {self._done:,} of about {self._total:,}, {rate:,.0f} rows/s, {left:,.0f} s left", err=True)


@contextmanager
def shown_progress(total: int) -> "Iterator[_Bar | _Lines]":
    """Show how far it is, of about so many rows, on stderr."""
    if not sys.stderr.isatty():
        yield _Lines(total)
        return
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bar(progress, total)
