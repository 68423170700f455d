"""Conditional requests (RFC 9110, section 13): If-Match and If-None-Match on changes, If-None-Match on reads.

What the two headers of a change say becomes one value, the versions that the row may have; its statement compares them in the
moment of the change.
"""

import re
from collections.abc import Collection
from hashlib import blake2b
from itertools import pairwise
from typing import Annotated, TypeAlias
from uuid import UUID

from litestar.params import HeaderParameter
from litestar.types import HTTPScope

Versions: TypeAlias = Annotated[list[tuple[int | None, int | None]] | None, HeaderParameter(name="If-Match")]
"""A handler's parameter `versions: Versions`: the versions that a change may find; None: any, []: none.

Ranges from the first to the last version, both included, None: without an end; `[(7, 7)]` is version 7 only. Statements take
them as an int8multirange: so "all but these", which If-None-Match asks for, needs no parameter of its own.
"""

ABSENT = 0
"""The version of what is not there: a PUT may make it where the versions have this one. No row ever has it."""

MAX_BYTES = 4096
"""Of all lines of one of the headers together, a hundred tags: what is longer is not read, and is malformed."""

_TAG = rb'(?:W/)?"[!#-~\x80-\xff]*"'
_EACH = re.compile(_TAG)
_LIST = re.compile(rb"[ \t,]*%b(?:[ \t]*,[ \t,]*%b)*[ \t,]*" % (_TAG, _TAG))
_OURS = re.compile(rb'(W/)?"([1-9][0-9]{0,15})(?:-[0-9a-f]{16})?"')


def expected_versions(scope: HTTPScope) -> Versions:
    """Read which versions a change may find.

    Compared is the version in front of a tag. If-Match takes strong tags only: a weak one fits nothing. If-None-Match takes
    both. A malformed header fits nothing, so that the row's own 403 and 404 come before the 412.
    """
    if_match, if_none_match = _conditions(scope)
    if if_match is None and if_none_match is None:
        return None
    if if_none_match == b"*":
        return [(ABSENT, ABSENT)] if if_match is None else []
    excluded = _named(if_none_match, weak=True) if if_none_match is not None else set()
    if excluded is None:
        return []
    if if_match is None:
        return _all_but(excluded)
    if if_match == b"*":
        return _all_but({ABSENT, *excluded})
    included = _named(if_match, weak=False) or set()
    return [(version, version) for version in included - excluded]


def fits(versions: Versions, version: int) -> bool:
    """Whether a change may find this version."""
    return versions is None or any(
        (first is None or first <= version) and (last is None or version <= last) for first, last in versions
    )


def names_tag(scope: HTTPScope, tag: bytes) -> bool:
    """Whether If-None-Match names this ETag, as it stands or weak: the client of a read has the answer already (13.1.2).

    A malformed header names none.
    """
    _, value = _conditions(scope)
    if value is None:
        return False
    return value in {b"*", tag} or any(each.removeprefix(b"W/") == tag for each in _tags(value) or ())


def hashed(etag: bytes, user_id: UUID, body: bytes) -> bytes:
    """The tag of a version, `"3"`, with 16 hex digits of a hash of the user and the body: `"3-0123456789abcdef"`.

    For a read the whole tag counts, so that it never stands for another user's answer or for other derived values; for a
    change only the version before the hyphen.
    """
    digest = blake2b(body, digest_size=8, key=user_id.bytes).hexdigest()
    return b'%b-%b"' % (etag[:-1], digest.encode())


def _conditions(scope: HTTPScope) -> tuple[bytes | None, bytes | None]:
    """What If-Match and If-None-Match say, each in all of its lines (5.3); None: there is none."""
    if_match = if_none_match = None
    for name, line in scope["headers"]:
        if name == b"if-match":
            if_match = _joined(if_match, line)
        elif name == b"if-none-match":
            if_none_match = _joined(if_none_match, line)
    return if_match, if_none_match


def _joined(value: bytes | None, line: bytes) -> bytes:
    """A header with another line; what is too long already need not be longer."""
    if value is None:
        return line.strip(b" \t")
    return value if len(value) > MAX_BYTES else b"%b,%b" % (value, line)


def _tags(value: bytes) -> list[bytes] | None:
    """The tags of a list; empty elements are passed over (5.6.1). None: it is malformed."""
    return _EACH.findall(value) if len(value) <= MAX_BYTES and _LIST.fullmatch(value) else None


def _named(value: bytes, *, weak: bool) -> set[int] | None:
    """The versions that a list names, by weak tags too or by strong ones only; a tag that is not ours names none.

    None: the list is malformed.
    """
    tags = _tags(value)
    if tags is None:
        return None
    ours = filter(None, map(_OURS.fullmatch, tags))
    return {int(each[2]) for each in ours if weak or not each[1]}


def _all_but(versions: Collection[int]) -> Versions:
    """Every version but these."""
    if not versions:
        return None
    edges = sorted(versions)
    between = [(first + 1, last - 1) for first, last in pairwise(edges) if last - first > 1]
    return [(None, edges[0] - 1), *between, (edges[-1] + 1, None)]
