"""Conditional requests (RFC 9110, section 13): If-Match on changes, If-None-Match on reads."""

import re
from hashlib import blake2b
from typing import Annotated
from uuid import UUID

from litestar.params import HeaderParameter
from litestar.types import HTTPScope

IfMatch = Annotated[int | None, HeaderParameter(name="If-Match")]
"""A handler's parameter `if_match: IfMatch`: it makes the change only of this version; None: of any."""

_VERSION = re.compile(rb'"(0|[1-9][0-9]{0,15})(?:-[0-9a-f]{16})?"')


def expected_version(scope: HTTPScope) -> int | None:
    """Read the version that If-Match asks for; None: any.

    A weak or malformed header gives -1, which no row ever has, so that the row's own 403 and 404 come before the 412.
    """
    for name, value in scope["headers"]:
        if name == b"if-match":
            if value.strip() == b"*":
                return None
            found = _VERSION.fullmatch(value.strip())
            return int(found[1]) if found else -1
    return None


def hashed(etag: bytes, user_id: UUID, body: bytes) -> bytes:
    """The tag of a version, `"3"`, with 16 hex digits of a hash of the user and the body: `"3-0123456789abcdef"`.

    For If-None-Match the whole tag counts, so that it never stands for another user's answer or for other derived values; for
    If-Match only the version before the hyphen.
    """
    digest = blake2b(body, digest_size=8, key=user_id.bytes).hexdigest()
    return b'%b-%b"' % (etag[:-1], digest.encode())


def names_tag(scope: HTTPScope, tag: bytes) -> bool:
    """Whether If-None-Match names this ETag: the client has the answer already. Weak tags count (13.1.2)."""
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            tags = [each.strip().removeprefix(b"W/") for each in value.split(b",")]
            return b"*" in tags or tag in tags
    return False
