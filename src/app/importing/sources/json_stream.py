"""A large JSON file, one element of its parts at a time: the standard decoder on a window of the text that moves on.

Memory is that of the largest element, and not of the file.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TextIO

from app.importing.sources.folders import told
from app.importing.sources.source import SourceError

BLOCK = 2**20
"""Characters that are read at a time."""

LARGEST = 2**26
"""Characters of one element at most: what looks longer is broken."""


_BLANKS = re.compile(r"[ \t\r\n]*")


class Element(NamedTuple):
    """One element: the name of its part, its key there or its place, its value, and its own text.

    is_changed: a number that is none, such as Infinity, has become null.
    """

    part: str
    key: str | int
    value: Any
    text: str
    is_changed: bool


def elements(path: Path) -> Iterator[Element]:
    """The elements of each object and array in a file's object; any other value is the one element of its part.

    Raises SourceError for a file that cannot be read, is no JSON, or changes meanwhile.
    """
    try:
        with told(path), path.open(encoding="utf-8-sig") as file:
            before = os.fstat(file.fileno())
            window = _Window(file, path)
            for part in window.members():
                yield from _elements_of(window, part)
            window.end()
            after = os.fstat(file.fileno())
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8.") from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceError(f"{path} was written to while it was read: stop the app, or copy the file first.")


def _elements_of(window: "_Window", part: str) -> Iterator[Element]:
    opening = window.peek()
    if opening == "{":
        for key in window.members():
            yield Element(part, key, *window.value())
    elif opening == "[":
        for place in window.places():
            yield Element(part, place, *window.value())
    else:
        yield Element(part, part, *window.value())


class _Window:
    """A piece of the text, and how far it has been read."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._text = ""
        self._at = 0
        self._before = 0
        self._constants = 0
        self._decoder = json.JSONDecoder(parse_constant=self._constant)

    def _constant(self, _: str) -> None:
        self._constants += 1

    def peek(self) -> str:
        """The next character that is no blank; empty: there is none."""
        while True:
            if blanks := _BLANKS.match(self._text, self._at):
                self._at = blanks.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def members(self) -> Iterator[str]:
        """Go through an object: its names; whoever asks for the next has read the value of the one before."""
        for _ in self._inside("{", "}"):
            name = self.value()[0]
            if not isinstance(name, str):
                self._broken()
            self._take(":")
            yield name

    def places(self) -> Iterator[int]:
        """Go through an array, in the same way."""
        yield from self._inside("[", "]")

    def _inside(self, opening: str, closing: str) -> Iterator[int]:
        self._take(opening)
        place = 0
        while self.peek() != closing or place:
            if place:
                if self.peek() == closing:
                    break
                self._take(",")
            yield place
            place += 1
        self._take(closing)

    def value(self) -> tuple[Any, str, bool]:
        """Read a value. Returns it, its text, and whether a number in it was none."""
        self.peek()
        while True:
            self._constants = 0
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                self._broken()
            except ValueError:
                # Perhaps only the end of it is missing.
                if len(self._text) - self._at > LARGEST or not self._more():
                    self._broken()
                continue
            # A number that ends with the window may go on.
            if end < len(self._text) or not self._more():
                text = self._text[self._at : end]
                self._at = end
                return value, text, self._constants > 0

    def end(self) -> None:
        """Look whether there is nothing more."""
        if self.peek():
            self._broken()

    def _take(self, character: str) -> None:
        if self.peek() != character:
            self._broken()
        self._at += 1

    def _more(self) -> bool:
        """Move on. False: the file has ended."""
        # As much again as there is: what is longer than a block is not begun anew for each.
        read = self._file.read(max(BLOCK, len(self._text) - self._at))
        if read:
            self._before += self._at
            self._text = self._text[self._at :] + read
            self._at = 0
        return bool(read)

    def _broken(self) -> NoReturn:
        raise SourceError(
            f"{self._path} is not whole, or no JSON: nothing can be read from character {self._before + self._at:,} on."
        )
