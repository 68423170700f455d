"""The nine properties that the first of the apps asked for: each is there, in its own words, and is tried a hundred times."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FEATURE = "Feature: database-persistence-fix"
NINE = {
    1: "a registered user reads back the same",
    2: "a registered user logs in and is retrieved",
    3: "a created habit reads back with every property intact",
    4: "the environment alone selects the database URI",
    5: "bad credentials or parameters give a clear message that exposes nothing",
    6: "an import preserves every user, habit and log",
    7: "after an import counts and relationships match the source",
    8: "a stored hash never equals the password and uses a secure algorithm",
    9: "no input changes the meaning of a query",
}


def tagged() -> Iterator[tuple[str, ast.FunctionDef]]:
    """The last line of each docstring that has a tag, and its test."""
    for path in sorted((Path(__file__).parent / "properties").glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            doc = ast.get_docstring(node) or "" if isinstance(node, ast.FunctionDef) else ""
            if isinstance(node, ast.FunctionDef) and FEATURE in doc:
                yield doc.splitlines()[-1], node


def test_each_of_the_nine_properties_has_a_test_that_carries_its_words() -> None:
    assert {line for line, _ in tagged()} == {f"{FEATURE}, Property {number}: {text}" for number, text in NINE.items()}


def test_each_of_them_is_tried_with_a_hundred_examples_at_least() -> None:
    profile = (Path(__file__).parent / "properties" / "conftest.py").read_text(encoding="utf-8")
    assert [int(number) for number in re.findall(r"max_examples=(\d+)", profile)] == [100]
    for line, test in tagged():
        decorators = [ast.unparse(each) for each in test.decorator_list]
        assert any(each.startswith("given(") for each in decorators), line
        assert all(int(number) >= 100 for each in decorators for number in re.findall(r"max_examples=(\d+)", each)), line
