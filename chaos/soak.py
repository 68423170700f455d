"""`just soak`: hours in minutes. A steady mixed load, with an import, a backup and maintenance in between, and what grows."""

import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

import msgspec
import rich_click as click

from app.database.postgres_programs import EmbeddedError
from chaos import beside, plot
from chaos.crowd import Crowd
from chaos.flat import judge
from chaos.report import RESULTS
from chaos.samples import SERIES, Sample, sample
from chaos.stage import ChaosError, Stage, end_in_good_order, made_once

CLIENTS = 8
SHARE = 0.7
"""Of the capacity."""
EVERY = 3.0
"""Seconds between two samples."""
WARM_UP = 10.0
MEASURED = 15.0
"""Seconds in which the capacity is measured."""


@click.command()
@click.option("--minutes", type=click.FloatRange(min=1), default=30, show_default=True, help="How long the load goes on.")
@click.option("--write/--no-write", default=True, help="Write soak.json, soak.md and soak.svg into bench/results/.")
def main(minutes: float, *, write: bool) -> None:
    """Send requests at 70 % of what the server can answer, and see whether memory, handles and latencies stay as they are.

    Ends with 1 when something grows, or when what was answered is not what is stored.
    """
    end_in_good_order()
    try:
        with made_once() as made, Stage("soak", {"WORKERS": "2"}, made, is_embedded=True) as stage:
            beside.prepare_import(stage, 50)
            crowd = Crowd(stage, CLIENTS, pause=0.0)
            capacity = _capacity(crowd)
            crowd.pause = CLIENTS / (SHARE * capacity)
            click.echo(f"{capacity:,.0f} requests a second are the capacity; {SHARE * capacity:,.0f} are sent.", err=True)
            taken, marks = _soak(stage, crowd, minutes * 60)
            findings = [str(finding) for finding in crowd.findings()]
    except (ChaosError, EmbeddedError) as error:
        raise click.ClickException(str(error)) from None
    results = _results(capacity, taken, findings)
    click.echo(results["text"])
    if write:
        _write(results, taken, marks)
    sys.exit(not results["held"])


def _capacity(crowd: Crowd) -> float:
    """Answers a second when every client sends its next request at once."""
    crowd.begin()
    time.sleep(WARM_UP)
    before = _answered(crowd)
    time.sleep(MEASURED)
    rate = (_answered(crowd) - before) / MEASURED
    crowd.rest()
    crowd.counts()
    return rate


def _answered(crowd: Crowd) -> int:
    return sum(client.counts["answered"] for client in crowd.clients)


def _soak(stage: Stage, crowd: Crowd, seconds: float) -> tuple[list[Sample], dict[str, float]]:
    """The samples, and when the work of an operator began."""
    works = {
        "import": (0.25, lambda: beside.bring_in(stage, crowd, 50)),
        "backup": (0.5, lambda: beside.back_up(stage, crowd, 1)),
        "maintain": (0.75, lambda: stage.command("maintain")),
    }
    failed: list[str] = []
    taken: list[Sample] = []
    marks: dict[str, float] = {}
    running: list[threading.Thread] = []

    def work(do: Any) -> None:
        try:
            do()
        except ChaosError as error:
            failed.append(str(error))

    for client in crowd.everyone:
        client.seconds = []
    crowd.begin()
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < seconds:
        time.sleep(max(0.0, EVERY * (len(taken) + 1) - now))
        taken.append({"at": time.monotonic() - begun} | sample(stage, crowd.clients))
        for name, (share, do) in works.items():
            if name not in marks and now > share * seconds:
                marks[name] = now
                running.append(threading.Thread(target=work, args=(do,), daemon=True))
                running[-1].start()
    crowd.rest()
    for thread in running:
        thread.join(120)
    if failed:
        raise ChaosError(failed[0])
    return taken, marks


def _results(capacity: float, taken: Sequence[Sample], findings: list[str]) -> dict[str, Any]:
    lines, judged = [], {}
    lines.append(
        "| figure | median | in half an hour | rises (tau) | may grow by | |\n| --- | ---: | ---: | ---: | ---: | --- |"
    )
    for name, series in SERIES.items():
        points = [(each["at"], each[name]) for each in taken if name in each]
        found = judge([at for at, _ in points], [value for _, value in points], series.most)
        judged[name] = found._asdict()
        cells = [series.title, f"{found.level:,.1f} {series.unit}", f"{found.growth:+.1%}", f"{found.tau:+.2f}"]
        lines.append(f"| {' | '.join(cells)} | {series.most:.0%} | {'flat' if found.is_flat else 'GROWS'} |")
    rate, minutes = median(each["requests"] for each in taken) / EVERY, taken[-1]["at"] / 60
    lines.append(f"\n{capacity:,.0f} requests a second are the capacity, {rate:,.0f} were answered, for {minutes:.0f} minutes.")
    lines += findings[:20] or ["What was answered is what is stored."]
    held = not findings and all(each["is_flat"] for each in judged.values())
    return {"held": held, "capacity": capacity, "rate": rate, "judged": judged, "findings": findings, "text": "\n".join(lines)}


def _write(results: dict[str, Any], taken: Sequence[Sample], marks: dict[str, float]) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    kept = {"at": at, "marks": marks, **{name: value for name, value in results.items() if name != "text"}, "samples": taken}
    (RESULTS / "soak.json").write_bytes(msgspec.json.encode(kept) + b"\n")
    shown = {
        f"{series.title}{f', {series.unit}' if series.unit else ''}": [each.get(name, 0.0) for each in taken]
        for name, series in SERIES.items()
    }
    picture = plot.svg(f"A soak of {taken[-1]['at'] / 60:.0f} minutes", [each["at"] for each in taken], shown, marks)
    (RESULTS / "soak.svg").write_text(picture, encoding="utf-8")
    (RESULTS / "soak.md").write_text(
        f"# Soak\n\n`just soak`, {at[:10]}.\n\n{results['text']}\n\n![](soak.svg)\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
