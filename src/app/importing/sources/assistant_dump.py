"""The shopping assistant's dump: the dictionaries that it kept in memory, as one JSON file."""

from collections import Counter
from collections.abc import AsyncIterator, Collection
from datetime import tzinfo
from pathlib import Path

from app.importing.sources.folders import copied
from app.importing.sources.json_stream import Element, elements
from app.importing.sources.source import Options, SourceError
from app.importing.values import Row

CREDITS = "user_credits"

KEPT_AS_TEXT = "query_cache"
"""The part whose documents stay as they stand in the file."""

FETCHED = 2_000
"""Rows that are handed on at a time."""


class Dump:
    """A dump that was read once, to its end: it is whole."""

    def __init__(self, path: Path, options: Options, parts: Collection[str]) -> None:
        self._path = path
        self._zone = options.zone
        self._parts = parts
        self.form = "a JSON dump"
        self.counts = Counter[str]()
        self.users = set[str]()
        # Told one by one.
        self.others: list[str] = []
        for element in elements(path):
            if element.part in parts:
                self.counts[element.part] += 1
            if element.part == CREDITS:
                self.users.add(str(element.key))
        if not self.counts:
            raise SourceError(f"{path} is no dump of the shopping assistant: it has none of {', '.join(parts)}.")

    async def rows(self) -> AsyncIterator[tuple[str, list[Row]]]:
        """The rows as they stand in the file, some of a part at a time."""
        part, rows = "", list[Row]()
        for element in elements(self._path):
            if element.part != part or len(rows) >= FETCHED:
                yield part, rows
                part, rows = element.part, []
            rows.append(_row(element, self._zone, is_known=part in self._parts))
        yield part, rows

    async def backup(self, folder: Path) -> Path:
        """Copy the file. Returns the copy."""
        return await copied(self._path, folder)


def _place(element: Element) -> str:
    if isinstance(element.key, int):
        return f"{element.part}[{element.key}]"
    return element.part if element.key == element.part else f"{element.part}.{element.key}"


def _row(element: Element, zone: tzinfo, *, is_known: bool) -> Row:
    place = _place(element)
    if not is_known:
        return Row({"place": place, "value": element.value}, zone)
    # What is no object has no field that is needed.
    given = element.value if isinstance(element.value, dict) else {"value": element.value}
    values = {**given, "place": place}
    if isinstance(element.key, str):
        values["key"] = element.key
    if element.part == KEPT_AS_TEXT:
        values["text"] = element.text
    row = Row(values, zone)
    if element.is_changed and element.part != KEPT_AS_TEXT:
        row.changes.append("json_numbers")
    return row


def opened(path: Path, options: Options, parts: Collection[str]) -> Dump:
    """Read a dump to its end, to see whether it is whole. Raises SourceError."""
    return Dump(path, options, parts)
