"""Words for addresses: what a name or a title reads like in a path and in a filter."""

import unicodedata


def slug(text: str, longest: int) -> str:
    """Make a slug of at most `longest` characters: "Über 7 Brücken!" -> "über-7-brücken"; "" out of a text that has no word.

    In the compatibility form of Unicode (NFKC) and lower case; letters with their marks, and digits, stay; whatever else
    stands between them becomes one hyphen.
    """
    kept: list[str] = []
    for character in _composed(_composed(text).lower()):
        is_mark = unicodedata.category(character) in {"Mn", "Mc"}
        if character.isalnum() or (is_mark and kept and kept[-1] != "-"):
            kept.append(character)
        elif kept and kept[-1] != "-":
            kept.append("-")
    return "".join(kept)[:longest].strip("-")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
