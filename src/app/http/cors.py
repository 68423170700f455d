"""Requests of web pages from other origins (the Fetch standard's CORS protocol), for CORS_ORIGINS."""

from litestar.types import HTTPScope, Message, Send

from app.http.requests import header_bytes
from app.http.responses import EncodedResponse, Headers

MAX_AGE = 600
"""Seconds for which a browser may remember the answer to a preflight."""

_METHODS = b"DELETE, GET, HEAD, PATCH, POST, PUT"
_REQUEST_HEADERS = (
    b"authorization, content-type, if-match, if-none-match, if-range, range, x-read-after, x-read-preference, x-request-id"
)
_RESPONSE_HEADERS = (
    b"content-disposition, content-range, etag, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, "
    b"x-read-after, x-read-from, x-read-only, x-request-id"
)


class Cors:
    """Which origins may use the API from a browser. Tokens travel in a header, so no cookie is ever allowed along."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._any = "*" in origins

    def preflight(self, scope: HTTPScope) -> EncodedResponse[None] | None:
        """Answer the request that a browser sends ahead; None: this is none.

        An origin that is not allowed gets the same answer without the one header that allows it: the browser then refuses.
        """
        if scope["method"] != "OPTIONS" or header_bytes(scope, b"access-control-request-method") is None:
            return None
        headers = (
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", b"%d" % MAX_AGE),
        )
        return EncodedResponse(b"", 204, headers)

    def sending(self, scope: HTTPScope, send: Send) -> Send:
        """A `send` that adds to an answer what lets the page read it."""
        added = self._allowed(scope)
        if added:
            added += ((b"access-control-expose-headers", _RESPONSE_HEADERS),)
        added += self._vary()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = (*message["headers"], *added)
            await send(message)

        return send_with_headers

    def _allowed(self, scope: HTTPScope) -> Headers:
        if self._any:
            # To requests without an origin as well: there is no Vary, so a cache gives their answers to pages, too.
            return ((b"access-control-allow-origin", b"*"),)
        origin = header_bytes(scope, b"origin")
        if origin is None or origin not in self._origins:
            return ()
        return ((b"access-control-allow-origin", origin),)

    def _vary(self) -> Headers:
        return () if self._any else ((b"vary", b"Origin"),)
