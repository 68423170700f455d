"""The reference page at /docs, and the document that it shows.

Both are sent compressed where the client takes that, and with a tag that spares it what it has already. The page is Swagger
UI, shipped with the app: it loads nothing from elsewhere.
"""

import gzip
import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

from litestar import Router, get
from litestar.params import FromPath

from app.http.requests import Request
from app.http.responses import EncodedResponse, Headers
from app.http.routes import CONDITIONAL, DOCS
from app.problems.problem import Problem

PAGE = b"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

# Folded, and without Swagger UI's look at where the security schemes refer to (they refer to nothing): for that it would
# rewrite the whole document before it shows anything, which takes seconds.
START = b"""\
SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true,
  displayRequestDuration: true, tryItOutEnabled: true, defaultModelsExpandDepth: 0, validatorUrl: null,
  docExpansion: "none", filter: true,
  plugins: [{ statePlugins: { spec: { wrapActions: { requestResolvedSubtree: (resolve) => (path) =>
    path[1] === "securitySchemes" ? { type: "nothing_to_resolve" } : resolve(path),
  } } } }],
});
"""

_ASSETS = {
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
    "favicon-32x32.png": b"image/png",
    "start.js": b"text/javascript; charset=utf-8",
}

# Nothing from elsewhere, by order: the page works without the internet or not at all.
_PAGE_HEADERS = (
    (b"content-type", b"text/html; charset=utf-8"),
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            b"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
)


@get("/", opt=DOCS, include_in_schema=False)
async def root() -> EncodedResponse[None]:
    """Lead whoever opens the address of the server to the reference page."""
    return EncodedResponse(b"", 307, ((b"location", b"/docs"),))


@get("/openapi.json", opt=DOCS | CONDITIONAL, include_in_schema=False)
async def openapi_json(request: Request) -> EncodedResponse[bytes]:
    """Serve this API as an OpenAPI 3.1 document."""
    headers = ((b"content-type", b"application/json"), (b"cache-control", b"no-cache"))
    return _encoded(request, _compressed(request.services.document()), headers)


@get("/docs", opt=DOCS, include_in_schema=False)
async def docs() -> EncodedResponse[bytes]:
    """Serve the reference page."""
    return EncodedResponse(PAGE, headers=_PAGE_HEADERS)


@get("/docs/{name:str}", opt=DOCS | CONDITIONAL, include_in_schema=False)
async def docs_asset(request: Request, name: FromPath[str]) -> EncodedResponse[bytes]:
    """Serve what the reference page loads."""
    if name not in _ASSETS:
        raise Problem("not_found")
    headers = (
        (b"content-type", _ASSETS[name]),
        (b"cache-control", b"public, max-age=3600"),
        (b"x-content-type-options", b"nosniff"),
    )
    return _encoded(request, _asset(name), headers)


def _encoded(request: Request, compressed: bytes, headers: Headers) -> EncodedResponse[bytes]:
    """Answer with what is kept compressed: as it is where the client takes that. Each form has a tag of its own."""
    headers = (*headers, (b"vary", b"accept-encoding"))
    if _takes_gzip(request.header(b"accept-encoding") or ""):
        tag = b'"%b-gzip"' % _digest(compressed)
        return EncodedResponse(compressed, headers=(*headers, (b"content-encoding", b"gzip")), etag=tag)
    return EncodedResponse(gzip.decompress(compressed), headers=headers, etag=b'"%b"' % _digest(compressed))


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip, and not with a weight of zero (RFC 9110, 12.5.3)."""
    found = re.search(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=([0-9.]+)\s*)?(?:,|$)", accepted.lower())
    return found is not None and (found[1] or "1").strip("0.") != ""


@cache
def _digest(content: bytes) -> bytes:
    return sha256(content).hexdigest()[:32].encode()


@cache
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@cache
def _asset(name: str) -> bytes:
    """A file of the page, compressed; the large ones lie here that way, as they came but for that."""
    if name == "start.js":
        return _compressed(START)
    folder = files("app.http.swagger_ui")
    packed = folder / f"{name}.gz"
    return packed.read_bytes() if packed.is_file() else _compressed((folder / name).read_bytes())


router = Router("/", route_handlers=[root, openapi_json, docs, docs_asset])
"""The page, what it loads, and the document."""
