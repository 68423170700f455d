"""The reference page at /docs, and the document at /openapi.json that it shows."""

import gzip
from functools import cache
from importlib.resources import files

from litestar import Router, get
from litestar.params import FromPath

from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import PUBLIC
from app.problems.catalog import Problem

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


START = b"""\
SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: true,
  displayRequestDuration: true, tryItOutEnabled: true, defaultModelsExpandDepth: 0, validatorUrl: null,
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
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
)


@get("/openapi.json", opt=PUBLIC, include_in_schema=False)
async def openapi_json(request: Request) -> EncodedResponse[bytes]:
    """Serve this API as an OpenAPI 3.1 document."""
    return EncodedResponse(request.services.document())


@get("/docs", opt=PUBLIC, include_in_schema=False)
async def docs() -> EncodedResponse[bytes]:
    """Serve the reference page."""
    return EncodedResponse(PAGE, headers=_PAGE_HEADERS)


@get("/docs/{name:str}", opt=PUBLIC, include_in_schema=False)
async def docs_asset(name: FromPath[str]) -> EncodedResponse[bytes]:
    """Serve what the reference page loads."""
    if name not in _ASSETS:
        raise Problem("not_found")
    return EncodedResponse(
        _asset(name),
        headers=(
            (b"content-type", _ASSETS[name]),
            (b"content-encoding", b"gzip"),
            (b"cache-control", b"public, max-age=3600"),
            (b"x-content-type-options", b"nosniff"),
        ),
    )


@cache
def _asset(name: str) -> bytes:
    """A file of the page, compressed; the large ones lie here that way, as they came but for that."""
    if name == "start.js":
        return gzip.compress(START, mtime=0)
    folder = files("app.http.swagger_ui")
    packed = folder / f"{name}.gz"
    return packed.read_bytes() if packed.is_file() else gzip.compress((folder / name).read_bytes(), mtime=0)


router = Router("/", route_handlers=[openapi_json, docs, docs_asset])
"""The document and the page."""
