"""What is said to caches, by each route."""

from app.http.responses import Headers
from app.http.routes import Route

_SAFE = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
# A cache keeps an answer for its caller only, and asks each time whether it still holds (RFC 9111, 5.2.2).
PRIVATE = ((b"cache-control", b"private, no-cache"), (b"vary", b"Authorization, X-On-Behalf-Of"), *_SAFE)
_SHARED = ((b"cache-control", b"public, max-age=60"), *_SAFE)
_NO_STORE = ((b"cache-control", b"no-store"), *_SAFE)


def caching_headers(route: Route) -> Headers:
    """What is said to caches, and of safety, with every answer of a route that is no problem."""
    if not route.path.startswith("/v1/"):
        return ()
    if route.options.shared:
        return _SHARED
    if route.options.own_caching:
        return _SAFE
    return _NO_STORE if route.options.no_store else PRIVATE
