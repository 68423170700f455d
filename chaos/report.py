"""What came of the faults: a table for people, JSON for programs."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from bench.servers import ROOT
from chaos.crowd import Recovery
from chaos.shelf import Finding

RESULTS = ROOT / "bench" / "results"

COUNTED = {
    "acknowledged": "acknowledged writes",
    "unknown": "unknown outcomes",
    "resent": "sent again",
    "missing": "missing",
    "doubled": "doubled",
    "foreign": "foreign",
    "wrong": "otherwise wrong",
    "reads": "reads",
    "refused": "refused (503)",
    "errors": "other 5xx",
    "lost": "no answer",
}


class Outcome(msgspec.Struct):
    """What came of one fault. `first` and `every`: seconds from its end to the first good answer, and to one of every kind."""

    fault: str
    verdict: Literal["held", "FAILED", "not run"]
    seconds: float = 0.0
    counts: dict[str, int] = {}
    first: float | None = None
    every: float | None = None
    last: str = ""
    why: str = ""
    findings: list[str] = []


def outcome(fault: str, seconds: float, counts: Counter[str], recovery: Recovery, findings: Sequence[Finding]) -> Outcome:
    """The outcome of a fault that was run."""
    found = Counter(finding.what for finding in findings)
    return Outcome(
        fault,
        "FAILED" if findings else "held",
        seconds,
        {name: (counts + found)[name] for name in COUNTED},
        round(recovery.first, 3),
        round(recovery.every, 3),
        recovery.last,
        findings[0].sentence if findings else "",
        [str(finding) for finding in findings],
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """As Markdown, which is readable as it is."""
    heads = ["fault", *COUNTED.values(), "answers again, s", "everything, s", "verdict"]
    rows = [heads, ["---", *["---:"] * (len(heads) - 2), "---"], *[_row(outcome) for outcome in outcomes]]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def write(outcomes: Sequence[Outcome], *, is_short: bool) -> None:
    """Into bench/results/: what the newest run found."""
    made: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "short": is_short, "faults": outcomes}
    (RESULTS / "chaos.json").write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    form = "the short form" if is_short else "the full form"
    text = f"# Broken on purpose\n\n`just chaos`, {form}, {made['at'][:10]}.\n\n{table(outcomes)}\n"
    (RESULTS / "chaos.md").write_text(text, encoding="utf-8")


def _row(outcome: Outcome) -> list[str]:
    if outcome.verdict == "not run" or outcome.first is None:
        return [outcome.fault, *[""] * (len(COUNTED) + 2), outcome.verdict]
    counted = [f"{outcome.counts[name]:,}" for name in COUNTED]
    return [outcome.fault, *counted, f"{outcome.first:.2f}", f"{outcome.every:.2f}", outcome.verdict]
