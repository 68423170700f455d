"""Conditional requests (RFC 9110, section 13): If-Match and If-None-Match."""

import re

from app.http.requests import Request


def expected_version(request: Request) -> int | None:
    """Read the version that If-Match asks for; None: any.

    A weak or malformed header gives -1, which no row ever has, so that the row's own 403 and 404 come before the 412.
    """
    for name, value in request.scope["headers"]:
        if name == b"if-match":
            if value.strip() == b"*":
                return None
            found = re.fullmatch(rb'"(0|[1-9][0-9]{0,8})"', value.strip())
            return int(found[1]) if found else -1
    return None


def has_version(request: Request, version: int) -> bool:
    """Whether If-None-Match names this version: the client has the row already."""
    return has_tag(request, f'"{version}"')


def has_tag(request: Request, tag: str) -> bool:
    """Whether If-None-Match names this ETag. Weak tags count (RFC 9110, 13.1.2)."""
    for name, value in request.scope["headers"]:
        if name == b"if-none-match":
            tags = [each.strip().removeprefix(b"W/") for each in value.split(b",")]
            return b"*" in tags or tag.encode() in tags
    return False
