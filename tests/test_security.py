"""docs/security.md keeps its word: the tests that it names are there, and so is the lock that it speaks of."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def test_every_test_that_the_table_of_threats_names_is_there() -> None:
    named = set(re.findall(r"`((?:properties/)?test_\w+\.py)::(\w+)`", DOCUMENT))
    assert len(named) > 100
    assert len(named) == len(set(re.findall(r"`(\S*::\S*)`", DOCUMENT)))
    for file in sorted({file for file, _ in named}):
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {test for name, test in named if name == file} <= there, file


def test_every_threat_has_what_holds_against_it_and_a_test() -> None:
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| ") and not line.startswith("| threat |")]
    assert len(rows) > 50
    for row in rows:
        threat, holds, tests = (cell.strip() for cell in row.strip("|").split(" | "))
        assert threat, row
        assert holds, row
        assert "::" in tests, row


def test_every_chapter_of_asvs_is_answered() -> None:
    assert re.findall(r"^\*\*V(\d+) [A-Z][A-Za-z -]+\.\*\*", DOCUMENT, re.MULTILINE) == [str(n) for n in range(1, 18)]


def test_every_dependency_is_locked_with_its_hashes() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock", "bench/requirements.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert len(lines) > 10
        for line in lines:
            assert re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), f"{lock}: {line[:80]}"
