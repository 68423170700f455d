"""What is said of the measurements is what was measured: the README against the newest kept run of `just bench`."""

from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_readme_claims_what_the_newest_kept_run_measured() -> None:
    results = (ROOT / "bench/results/results.md").read_text(encoding="utf-8")
    claim = results.partition("## In short\n\n")[2].partition("![")[0].strip()
    assert claim
    assert claim in (ROOT / "README.md").read_text(encoding="utf-8"), "README.md, How fast: take In short of results.md"
