"""JSON as Python's json module writes it: with numbers that are none, and with characters that PostgreSQL does not keep.

Documents go on as the text that they are. What has to be changed in one is changed in its text: the rest of it, such as the
digits of a number, stays as it was.
"""

import re
from typing import Any, NoReturn

import msgspec

from app.importing.values import REPLACEMENT, Refused

Fields = dict[str, msgspec.Raw]
"""An object whose values are still text."""

_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")

_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""A pair of halves of a character, one that cannot be kept, or any other escape."""

_NUMBER = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|(-?Infinity|NaN)', re.DOTALL)
"""A string, in which such words are only words, or a number that is none."""

_fields = msgspec.json.Decoder(Fields)


def characters(text: str) -> str:
    """The text with U+0000 and halves of characters replaced; the very same when it has none."""
    # Text in most of the world's languages is full of escapes: the few that count are looked for without the others.
    if not _SUSPECT.search(_PAIR.sub("", text.replace(r"\\", ""))):
        return text
    return _ESCAPE.sub(lambda found: REPLACEMENT if found[1] else found[0], text)


def numbers(text: str) -> str:
    """The text with null for Infinity and NaN."""
    return _NUMBER.sub(lambda found: "null" if found[1] else found[0], text)


def fields(text: str, changes: list[str]) -> Fields:
    """The fields of an object. What had to be changed in it is added to `changes`. Raises Refused: it is none."""
    fit = characters(text)
    if fit != text:
        changes.append("json_characters")
    try:
        return _fields.decode(fit)
    except (msgspec.DecodeError, RecursionError) as error:
        finite = numbers(fit)
        if finite == fit:
            _refuse(error)
    try:
        found = _fields.decode(finite)
    except (msgspec.DecodeError, RecursionError) as error:
        _refuse(error)
    changes.append("json_numbers")
    return found


def _refuse(error: Exception) -> NoReturn:
    raise Refused("json_object" if isinstance(error, msgspec.ValidationError) else "json_form") from None


def text(raw: msgspec.Raw | None) -> str | None:
    """The text of a value; None: there is none, or it is null."""
    if raw is None:
        return None
    found = str(raw, "utf-8")
    return None if found == "null" else found


def value(raw: msgspec.Raw | None) -> Any:
    """A value as Python has it."""
    return None if raw is None else msgspec.json.decode(raw)


def joined(given: Fields) -> str | None:
    """The object of such fields; None: there are none."""
    if not given:
        return None
    return "{" + ",".join(f"{msgspec.json.encode(name).decode()}:{str(raw, 'utf-8')}" for name, raw in given.items()) + "}"
