"""What is said of the measurements is what was measured: the README against the newest kept run of `just bench`."""

import copy
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench/results"


@pytest.fixture
def kept() -> Any:
    return json.loads((RESULTS / "results.json").read_text(encoding="utf-8"))


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Any:
    """bench/ is no package of the tests' environment."""
    monkeypatch.syspath_prepend(ROOT)
    return import_module("bench.figures")


def test_the_readme_claims_what_the_newest_kept_run_measured() -> None:
    results = (RESULTS / "results.md").read_text(encoding="utf-8")
    claim = results.partition("## In short\n\n")[2].partition("![")[0].strip()
    assert claim
    assert claim in (ROOT / "README.md").read_text(encoding="utf-8"), "README.md, How fast: take In short of results.md"


def test_the_newest_kept_run_reaches_every_figure_or_its_floor(kept: Any, figures: Any) -> None:
    assert kept["figures"] == [figure._asdict() for figure in figures.of(kept)], "run python -m bench.report"
    assert figures.missed(kept["figures"]) == []


def test_a_figure_that_was_reached_is_missed_once_it_is_not(kept: Any, figures: Any) -> None:
    worse = _slower(kept, "task", 64, 1.1 / 1.15 - 0.01)
    assert figures.missed([figure._asdict() for figure in figures.of(worse)]) == [
        "task at 64, to Fastify: CPU / with database / requests/s"
    ]


def test_a_figure_that_was_not_reached_is_missed_below_its_floor(kept: Any, figures: Any) -> None:
    held, lost = (_slower(kept, "page", 64, by) for by in (0.8, 0.7))
    assert figures.missed([figure._asdict() for figure in figures.of(held)]) == []
    assert figures.missed([figure._asdict() for figure in figures.of(lost)]) == [
        "page at 64, to Fastify: CPU / with database / requests/s"
    ]


def _slower(results: Any, request: str, connections: int, by: float) -> Any:
    """The run as if Holdfast had been slower at one request, compared with Fastify."""
    slower = copy.deepcopy(results)
    wanted = {"request": request, "connections": connections, "server": "holdfast", "against": "node"}
    for row in slower["ratios"]:
        if wanted.items() <= row.items():
            row.update({measure: row[measure] * by for measure in ("cpu", "total", "rps")})
    return slower
