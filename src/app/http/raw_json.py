"""JSON that is kept as it was sent, to the byte.

Decoding passes over it, and has seen that it is JSON in UTF-8 without U+0000, of few enough values and levels
(app.http.decoding).
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from msgspec import Raw, UnsetType, inspect


def text(raw: Raw) -> str:
    """A document as a statement takes it."""
    return str(raw, "utf-8")


def text_or_none(raw: Raw | UnsetType) -> str | None:
    """A document as a statement takes it; None for null, and when it is absent."""
    if isinstance(raw, UnsetType):
        return None
    kept = text(raw)
    return None if kept == "null" else kept


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
