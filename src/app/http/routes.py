"""What the handlers declare: read off Litestar's public surface at start, for routing and for the document alike.

A handler says by its parameters what it takes (`request`, the parts of its path, `filters`, `data`, `versions`,
`byte_range`), and by `opt` what holds for its route (`Options`). Whatever else is declared on a handler, a router or the app
would not be honoured, so it stops the start: a guard that is never called is worse than none.
"""

import inspect
from datetime import date
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import Empty

from app.http.conditional import Versions
from app.http.ranges import ByteRange
from app.http.requests import Request

BODY_LIMIT = 256 * 1024
"""Bytes; a handler with a limit of its own says so by `opt["body_limit"]`."""


class DeclarationError(Exception):
    """A handler, a router or the app declares what would not be honoured. The text says what, and where."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a route's `opt` may say."""

    auth: Literal["required", "optional", "public"] = "required"
    session_only: bool = False
    roles: frozenset[str] = frozenset()
    conditional: bool = False
    hashed_etag: bool = False
    """The ETag has a hash of the user and the body after the version."""
    beyond_quota: bool = False
    """Whoever stores as much as they may still may do this."""
    batched: bool = False
    """It may be an operation of a batch: all that it does is in the database, and its answer is JSON."""
    independent: bool = False
    """A create that asks for no other row of its kind: several in a row of a batch are done together. Its body has an `id`."""
    runs_batch: bool = False
    """What it does are operations, which are let in one by one: scopes, the trail and the bucket count those."""
    from_replica: bool = False
    """Its reads need not be exact: the replica may answer them, when it is asked for or the primary is away."""
    no_store: bool = False
    """The answer is a secret: no cache may keep it."""
    shared: bool = False
    """The answer is the same for everybody: any cache may keep it for a minute."""
    own_caching: bool = False
    """The answer is the same for everybody, and says by itself how long caches may keep it."""
    foreign_query: bool = False
    """The query is made by a server that is not ours: parameters that `filters` has not are not looked at."""
    body_limit: int = BODY_LIMIT
    multipart: Any = None
    """The form of a handler that reads its body by itself, as `multipart/form-data`."""
    problems: list[str] = []
    """Codes of problems beyond those that follow from the shape of the route."""
    also: dict[int, str] = {}
    """Other statuses with the same body, and what they mean."""
    also_text: str | None = None
    """Another media type of the answer, which is text."""
    exposed_by: str | None = None
    """The field of the settings without which there is nothing at this address."""
    operations: str | None = None
    """What the ids of the operations begin with, where that is not the resource in the path."""


PUBLIC = {"auth": "public"}
"""The caller need not be known; a token is not looked at."""
DOCS = PUBLIC | {"exposed_by": "expose_docs"}
"""As PUBLIC; nothing is there when EXPOSE_DOCS is off."""
OPTIONAL = {"auth": "optional"}
"""A token is looked at when there is one, and must be a live one."""
SESSION_ONLY = {"session_only": True}
"""API tokens are refused, whatever their scopes, and so are services and admins that act for a user."""
ADMIN_ONLY = {"roles": frozenset({"admin"})}
"""For admins; each request is written to the audit trail."""
SERVICES = {"roles": frozenset({"service", "admin"})}
"""For services and admins; each request is written to the audit trail."""
CONDITIONAL = {"conditional": True}
"""The answer has an ETag; a client that names it in If-None-Match gets 304."""
HASHED_ETAG = {"hashed_etag": True}
"""For addresses that are the same for every user, and for answers that hold more than their row's version tells."""
BATCHED = {"batched": True}
"""POST /v1/batch takes it: all that it does is in the database, and its answer is JSON, if it has one."""
INDEPENDENT = {"independent": True}
"""A create with an `id` that asks for no other row of its kind: several in a row, in a batch, go out as one. The first that
its handler awaits is the statement: those of a run are gathered as they are sent, and what came before would not be."""
FROM_REPLICA = {"from_replica": True}
"""Its reads may be answered by the replica: never those of what is spent, limited or signs in, nor those of admins."""
NO_STORE = {"no_store": True}
"""The answer is a secret, such as a token: no cache may keep it."""
SHARED = {"shared": True}
"""For public addresses, whose answers are the same for everybody."""
OWN_CACHING = {"own_caching": True}
"""The answer is the same for everybody; the handler says by `Cache-Control` how long caches may keep it."""
FOREIGN_QUERY = {"foreign_query": True}
"""Another server makes the query, which has parameters that are not for us: no name is refused."""
BEYOND_QUOTA = {"beyond_quota": True}
"""For who stores as much as they may, too: it deletes, adds nothing, or must not be refused."""
PUT = {"also": {201: "There was none: it is made"}}
"""A put that makes the row where there is none."""


class Route(msgspec.Struct, frozen=True):
    """One method of one path."""

    method: str
    path: str
    """As in the document: /v1/tasks/{id}."""
    parts: tuple[str | None, ...]
    """Between the slashes; None: a parameter."""
    parameters: dict[str, Any]
    """The parameters of the path in their order, and their types."""
    handler: HTTPRouteHandler
    options: Options
    data: Any
    """The type of the body; None: no body is read."""
    filters: Any
    """The struct of the query parameters; None: there are none."""
    answer: Any
    """The type of the answer's content; None: no content."""
    takes_request: bool
    versions: bool
    byte_range: bool

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_list(self) -> bool:
        """Whether it reads a list in pages."""
        return "cursor" in getattr(self.filters, "__struct_fields__", ())

    @property
    def reads_replica(self) -> bool:
        """Whether the replica may answer it."""
        return self.method == "GET" and self.options.from_replica

    @property
    def stores(self) -> bool:
        """Whether what it stores counts against the caller's quota. What admins and services do is not for themselves."""
        options = self.options
        is_own = options.auth == "required" and not options.roles
        return self.method in {"POST", "PUT", "PATCH"} and is_own and not options.beyond_quota


@cache
def routes_of(app: Litestar) -> tuple[Route, ...]:
    """Every route of an application. Raises DeclarationError for what would not be honoured."""
    _check_layer(app, "The app", _OF_THE_APP)
    found = []
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            raise DeclarationError(f"{route.path}: only HTTP routes are served.")
        for method, (handler, _) in route.route_handler_map.items():
            if method != "OPTIONS":
                found.append(_route(method, route, handler))
    return tuple(found)


def _route(method: str, route: HTTPRoute, handler: HTTPRouteHandler) -> Route:
    name = f"{method} {route.path_format}"
    _check_handler(handler, name)
    fields = {each: field.annotation for each, field in handler.parsed_fn_signature.parameters.items()}
    raw = inspect.signature(inspect.unwrap(handler.fn)).parameters
    parameters = {each.name: fields.get(each.name) for each in route.path_parameters.values()}
    for each, kind in parameters.items():
        if kind not in {UUID, date, str} and get_origin(kind) is not Literal:
            raise DeclarationError(f"{name}: the path's {each} must be a parameter of type UUID, date, str or Literal.")
    known = {"request": Request, "versions": get_args(Versions)[0], "byte_range": get_args(ByteRange)[0]}
    for each, kind in fields.items():
        if each in parameters or each in {"data", "filters"}:
            continue
        if each not in known:
            raise DeclarationError(f"{name}: its parameter {each} is not one that routing gives; see app.http.routes.")
        if kind != known[each]:
            raise DeclarationError(f"{name}: its parameter {each} has another type than {known[each]}.")
    if any(parameter.default is not inspect.Parameter.empty for parameter in raw.values()):
        raise DeclarationError(f"{name}: a default of a parameter would never be used.")
    options = _options(handler, name)
    _check_options(options, fields.get("data"), name)
    answer = get_args(handler.parsed_fn_signature.return_type.annotation)
    return Route(
        method=method,
        path=route.path_format,
        parts=tuple(each if isinstance(each, str) else None for each in route.path_components),
        parameters=parameters,
        handler=handler,
        options=options,
        data=fields.get("data"),
        filters=fields.get("filters"),
        answer=None if not answer or answer[0] is type(None) else answer[0],
        takes_request="request" in fields,
        versions="versions" in fields,
        byte_range="byte_range" in fields,
    )


def _check_options(options: Options, data: Any, name: str) -> None:
    if options.batched and (options.auth != "required" or options.session_only or options.roles or options.multipart):
        raise DeclarationError(f"{name}: a batch would ask it past what else its opt says.")
    if options.from_replica and (options.session_only or options.roles):
        raise DeclarationError(f"{name}: the replica would answer what must be exact.")
    if options.independent and "id" not in getattr(data, "__struct_fields__", ()):
        raise DeclarationError(f"{name}: its body has no id, by which a batch tells creates that are independent.")


def _options(handler: HTTPRouteHandler, name: str) -> Options:
    unknown = sorted(handler.opt.keys() - {*Options.__struct_fields__})
    if unknown:
        raise DeclarationError(f"{name}: opt has no {', '.join(unknown)}; it knows {', '.join(Options.__struct_fields__)}.")
    for each in msgspec.structs.fields(Options):
        if each.name in handler.opt and not _fits(handler.opt[each.name], each.type):
            raise DeclarationError(f"{name}: opt's {each.name} must be {each.type}.")
    return Options(**handler.opt)


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind is Any:
        return True
    return isinstance(value, kind if isinstance(kind, UnionType) else get_origin(kind) or kind)


_HONOURED = {"http_method", "include_in_schema", "media_type", "name", "opt", "operation_id", "path", "status_code", "tags"}
"""What a handler may declare; of everything else Litestar's default must stand."""

_ARGUMENTS = tuple(each for each in inspect.signature(HTTPRouteHandler).parameters if each != "kwargs")

_DEFAULTS = HTTPRouteHandler(http_method="GET")


def _check_handler(handler: HTTPRouteHandler, name: str) -> None:
    if not inspect.iscoroutinefunction(inspect.unwrap(handler.fn)):
        raise DeclarationError(f"{name}: its handler must be an async function.")
    for each in _ARGUMENTS:
        if each not in _HONOURED and getattr(handler, each, None) != getattr(_DEFAULTS, each, None):
            raise DeclarationError(f"{name}: {each} would not be honoured.")
    for layer in handler.ownership_layers:
        if not isinstance(layer, HTTPRouteHandler | Litestar):
            _check_layer(layer, f"The router of {name}", _OF_A_ROUTER)


_OF_A_ROUTER = (
    "after_request", "after_response", "before_request", "cache_control", "dependencies", "dto", "etag", "exception_handlers",
    "guards", "middleware", "parameters", "request_class", "request_max_body_size", "response_class", "response_cookies",
    "response_headers", "return_dto", "security", "type_decoders", "type_encoders",
)  # fmt: skip
"""What a router can declare for all handlers below it."""

_OF_THE_APP = (
    "after_exception", "after_request", "after_response", "allowed_hosts", "before_request", "before_send", "cache_control",
    "compression_config", "csrf_config", "dependencies", "dto", "etag", "exception_handlers", "guards", "middleware",
    "openapi_config", "parameters", "response_class", "response_cookies", "response_headers", "return_dto", "security",
)  # fmt: skip
"""What the app can declare; the rest of its arguments are honoured, or are filled in by Litestar itself."""


def _check_layer(layer: Any, name: str, attributes: tuple[str, ...]) -> None:
    for each in attributes:
        value = getattr(layer, each, None)
        if value and value is not Empty:
            raise DeclarationError(f"{name} declares {each}, which would not be honoured.")
