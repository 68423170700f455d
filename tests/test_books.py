"""The documents: what they lead to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

KEPT = sorted(
    str(path.relative_to(ROOT)) for where in ("*", "docs/**/*", "bench/*", "ops/*") for path in ROOT.glob(f"{where}.md")
)


@pytest.mark.parametrize("name", KEPT)
def test_every_link_to_a_file_leads_to_one(name: str) -> None:
    document = ROOT / name
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []
