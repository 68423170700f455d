"""Range requests (RFC 9110, section 14)."""

import re
from typing import Annotated

from litestar.params import HeaderParameter
from litestar.types import HTTPScope

from app.http.requests import header
from app.problems.problem import Problem

_ONE = re.compile(r"bytes\s*=\s*(?:([0-9]{1,19})-([0-9]{0,19})|-([0-9]{1,19}))\s*", re.IGNORECASE)


class RequestedRange:
    """Which part of a content the caller asks for."""

    __slots__ = ("_scope",)

    def __init__(self, scope: HTTPScope) -> None:
        self._scope = scope

    def within(self, size: int, etag: str) -> tuple[int, int] | None:
        """The range of a content of `size` bytes: its first byte, and the one after its last.

        None: the whole. So it is for HEAD, for several ranges at once, for what is no range, and when If-Range names
        another content than `etag` does. Raises Problem 416 for a range without a byte.
        """
        asked = [str(value, "latin-1") for name, value in self._scope["headers"] if name == b"range"]
        only_if = header(self._scope, b"if-range")
        if len(asked) != 1 or "head" in self._scope["state"] or (only_if is not None and only_if.strip() != etag):
            return None
        found = _ONE.fullmatch(asked[0])
        if found is None:
            return None
        first, last, suffix = (int(digits) if digits else None for digits in found.groups())
        if suffix is not None:
            start, stop = max(size - suffix, 0), size
        else:
            start, stop = first or 0, size if last is None else min(last + 1, size)
            if last is not None and last < start:
                return None
        if start >= stop:
            raise Problem("range_not_satisfiable", headers=((b"content-range", b"bytes */%d" % size),))
        return start, stop


ByteRange = Annotated[RequestedRange, HeaderParameter(name="Range")]
"""A handler's parameter `byte_range: ByteRange`."""
