"""JSON that is kept as it was sent: what can be stored and given back, whatever it says."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw, inspect

from app.problems.catalog import Problem, invalid

MAX_DEPTH = 100


MAX_EXPONENTS = 1_000_000
"""What the exponents of the numbers in one document may add up to: numbers are stored as digits, and 1e300 has 301 of them."""


_EXPONENT = re.compile(rb"[0-9][eE][+-]?([0-9]{1,5})")


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


def check(field: str, raw: Raw) -> None:
    """Raise Problem: 400 for what is not JSON in UTF-8, 422 for what the database could not keep or give back."""
    text = bytes(raw)
    try:
        value = msgspec.json.decode(text)
    except RecursionError:
        raise _too_deep(field) from None
    except msgspec.ValidationError:
        raise invalid(field, "out_of_range", "must not hold a number that no program can read") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem("malformed_json") from None
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        level = [value]
        for _ in range(MAX_DEPTH):
            level = [inner for each in level for inner in _children(each) if isinstance(inner, dict | list)]
        if level:
            raise _too_deep(field)
    # Where strings alone look like such numbers, they are left out for a second look.
    if _exponents(text) > MAX_EXPONENTS and _exponents(_STRING.sub(b"", text)) > MAX_EXPONENTS:
        raise invalid(field, "out_of_range", "must not hold that many numbers with large exponents")


def _too_deep(field: str) -> Problem:
    return invalid(field, "too_deep", f"must be at most {MAX_DEPTH} levels deep")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _exponents(text: bytes) -> int:
    return sum(map(int, _EXPONENT.findall(text)))


@cache
def levels_around(kind: Any) -> int:
    """How many levels of a `kind` stand around the documents in it; 0: it has none."""
    return max(_levels(inspect.type_info(kind)), default=0)


def _levels(info: inspect.Type) -> Iterator[int]:
    """For each document."""
    if isinstance(info, inspect.RawType):
        yield 0
    elif isinstance(info, inspect.Metadata):
        yield from _levels(info.type)
    elif isinstance(info, inspect.UnionType):
        for each in info.types:
            yield from _levels(each)
    elif isinstance(info, inspect.ListType):
        yield from (1 + levels for levels in _levels(info.item_type))
    elif isinstance(info, inspect.StructType):
        for field in info.fields:
            yield from (1 + levels for levels in _levels(field.type))
