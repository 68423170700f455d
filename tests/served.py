"""What the app serves, read off one that is made once per process: its routes and its document."""

import json
from typing import Any

from app.main import create_app
from app.settings import Settings

Json = dict[str, Any]

_APP = create_app(Settings())

ROUTES = sorted(_APP.routing.routes, key=lambda route: (route.method, route.path))
DOCUMENT = _APP.services.document()
PATHS: dict[str, dict[str, Json]] = json.loads(DOCUMENT)["paths"]
SCHEMAS: dict[str, Json] = json.loads(DOCUMENT)["components"]["schemas"]
