"""The decision records: each in the form that docs/decisions/README.md gives, and in its index."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "docs/decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
FORM = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n"
    r"- Date: \d{4}-\d\d-\d\d\n"
    r"- Status: (?P<status>accepted|superseded by \d{4})\n"
    r"\n\*\*Context\.\*\* .+"
    r"\n\*\*Decision\.\*\* .+"
    r"\n\*\*Alternatives\.\*\* .+"
    r"\n\*\*Consequences\.\*\* .+",
    re.DOTALL,
)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_says_when_it_was_made_whether_it_stands_and_what_lost(record: Path) -> None:
    found = FORM.match(record.read_text(encoding="utf-8"))
    assert found, "see The form in docs/decisions/README.md"
    assert record.name.startswith(f"{int(found['number']):04}-")
    if found["status"] != "accepted":
        assert list(FOLDER.glob(f"{found['status'][-4:]}-*.md")), f"there is no {found['status']}"


def test_the_index_lists_every_decision_under_its_title_with_its_status() -> None:
    lines = []
    for record in RECORDS:
        found = FORM.match(record.read_text(encoding="utf-8"))
        assert found, record.name
        lines.append(f"| [{int(found['number']):04}]({record.name}) | {found['title']} | {found['status']} |")
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [line for line in index.splitlines() if line.startswith("| [")] == lines


def test_what_a_decision_names_is_there() -> None:
    root = FOLDER.parent.parent
    for record in RECORDS:
        for name in re.findall(r"`([\w./]+\.(?:py|sql|md)|\w+/[\w/]*)`", record.read_text(encoding="utf-8")):
            assert (root / name).exists() or (root / "src/app" / name).exists(), f"{record.name}: {name}"
