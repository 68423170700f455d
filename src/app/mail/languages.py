"""Which languages the reader of a mail prefers: from the header Accept-Language of the request that the mail is about."""

import re

_TAG = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*[qQ]\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?")

LONGEST = 100
"""Characters that are kept."""


def preferred(header: str | None) -> str:
    """Bring the header into the form that a mail's row keeps: "de-at,de,en", the best first. What is not a tag is left out."""
    weighed: dict[str, float] = {}
    for part in (header or "")[:1000].split(","):
        found = _TAG.fullmatch(part)
        if found is not None and (weight := float(found[2] or 1)) > 0:
            weighed.setdefault(found[1].lower(), weight)
    kept = ""
    for tag in sorted(weighed, key=lambda tag: -weighed[tag]):
        longer = f"{kept},{tag}" if kept else tag
        if len(longer) > LONGEST:
            break
        kept = longer
    return kept


def chosen(preferred: str, available: frozenset[str]) -> str:
    """The best of the available languages: for de-at also de. English where there is none."""
    for tag in preferred.split(","):
        parts = tag.split("-")
        for length in range(len(parts), 0, -1):
            if "-".join(parts[:length]) in available:
                return "-".join(parts[:length])
    return "en"
