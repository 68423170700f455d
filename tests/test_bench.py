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


def test_the_newest_kept_run_holds_every_figure(kept: Any, figures: Any) -> None:
    assert kept["figures"] == [figure._asdict() for figure in figures.of(kept)], "run python -m bench.report"
    assert figures.missed(kept["figures"]) == []


@pytest.mark.parametrize(("request_name", "connections"), [("task", 64), ("page", 64)])
def test_a_figure_that_falls_further_than_it_moves_is_missed(
    kept: Any, figures: Any, request_name: str, connections: int
) -> None:
    """One that was reached, and one that was not."""
    held, lost = (_slower(kept, request_name, connections, by) for by in (0.9, 0.5))
    assert figures.missed([figure._asdict() for figure in figures.of(held)]) == []
    assert figures.missed([figure._asdict() for figure in figures.of(lost)]) == [
        f"{request_name} at {connections}, to Fastify: CPU / with database / requests/s"
    ]
    # By this the run decides what it measures once more.
    assert figures.are_held({part: held[part] for part in ("ratios", "rounds")})
    assert not figures.are_held({part: lost[part] for part in ("ratios", "rounds")})


def _slower(results: Any, request: str, connections: int, by: float) -> Any:
    """The run as if Holdfast had been slower at one request, compared with Fastify."""
    slower = copy.deepcopy(results)
    wanted = {"request": request, "connections": connections, "server": "holdfast", "against": "node"}
    for row in slower["ratios"]:
        if wanted.items() <= row.items():
            row.update({measure: row[measure] * by for measure in ("cpu", "total", "rps")})
    return slower
