"""From a request to its handler and back: everything that can be resolved at start is.

Litestar's handlers, routers and `app.routes` declare; the way of a request through Litestar itself would ask again, for each
request, which middleware, dependencies, decoders and exception handlers belong to its route: 20 us more than the table here
(docs/decisions/0011). The function that a route becomes reads like the contract's order of checks: who is calling, may they,
the path, the query, the body, the handler, the condition, the answer.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, Literal, cast, get_args, get_origin
from uuid import UUID

from litestar import Litestar
from litestar.types import HTTPScope, Receive

from app.auth import audit
from app.auth.authentication import authenticate
from app.auth.authorization import check_scopes, impersonate
from app.auth.token_cache import Caller
from app.auth.tokens import token_of
from app.http import conditional
from app.http.caching import PRIVATE, caching_headers
from app.http.decoding import decode_query, read_json, refuse_query
from app.http.exception_handlers import problem_for, problem_response
from app.http.ranges import RequestedRange
from app.http.requests import Request, header_bytes
from app.http.responses import EncodedResponse, not_modified
from app.http.routes import DeclarationError, Route, routes_of
from app.http.sent_back import Call, SentBack, body_decoder, sent_back_by
from app.http.services import Services
from app.problems.catalog import Problem

Handle = Callable[[HTTPScope, Receive, list[str]], Awaitable[EncodedResponse[Any]]]
"""What a route becomes: the scope, the body, and the parts of the path that are parameters -> the answer."""

# What is_valid_host of Litestar's own entry lets through, which requests do not pass here.
_HOST = re.compile(rb"[0-9A-Za-z!$&'()*+,;=\-._~:\[\]@%]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Node:
    """A place in the tree of paths."""

    __slots__ = ("allow", "below", "is_open", "methods", "parameter")

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.methods: dict[str, Handle] = {}
        self.allow = b""
        self.is_open = False
        """Whether a caller without a token may do something here."""


class Routing:
    """The routes of an application, as a tree of the parts of their paths."""

    def __init__(self, app: Litestar, services: Services) -> None:
        """Raise DeclarationError for what a handler declares and nothing would honour."""
        self.routes = routes_of(app)
        self._app = app
        self._services = services
        self._root = _Node()
        self._sent_back = sent_back_by(self.routes)
        for route in self.routes:
            self._add(route)

    async def respond(self, scope: HTTPScope, receive: Receive) -> EncodedResponse[Any]:
        """Find the answer to a request; every error is answered by its problem."""
        try:
            node, arguments = self._find(scope)
            handle = node.methods.get(scope["method"]) if node is not None else None
            if handle is not None:
                answer = await handle(scope, receive, arguments)
            else:
                answer = await self._respond_unrouted(scope, node)
        except Exception as error:  # noqa: BLE001 - every error becomes the problem that answers it
            answer = problem_response(scope, problem_for(error))
            if scope["path"].startswith("/v1/"):
                answer.encoded_headers += PRIVATE
        left = scope["state"].get("requests_left")
        if left is not None:
            answer.encoded_headers += left
        return answer

    def _add(self, route: Route) -> None:
        node = self._root
        for part in route.parts:
            if part is None:
                node.parameter = node = node.parameter or _Node()
            else:
                node = node.below.setdefault(part, _Node())
        if route.method in node.methods:
            raise DeclarationError(f"{route.name} is declared twice.")
        node.methods[route.method] = _compiled(route, self._services, self._app, self._sent_back.get(route.name))
        node.is_open = node.is_open or route.options.auth != "required"
        methods = {*node.methods, "OPTIONS"} | ({"HEAD"} if "GET" in node.methods else set())
        node.allow = ", ".join(sorted(methods)).encode()

    def _find(self, scope: HTTPScope) -> tuple[_Node | None, list[str]]:
        """The node of a request's path, and the values of its parameters."""
        for name, value in scope["headers"]:
            if name == b"host" and not _HOST.fullmatch(value):
                raise Problem("bad_request", "The Host header is malformed.")
        path = scope["path"]
        if root_path := scope.get("root_path"):
            path = path.removeprefix(root_path)
        node, arguments = self._root, []
        for part in path.split("/"):
            if part:
                below = node.below.get(part)
                if below is None:
                    below = node.parameter
                    if below is None:
                        return None, []
                    arguments.append(part)
                node = below
        return (node, arguments) if node.methods else (None, [])

    async def _respond_unrouted(self, scope: HTTPScope, node: _Node | None) -> EncodedResponse[Any]:
        """Answer where no handler is: 401 first below /v1, then 404, 405, or what OPTIONS may know."""
        if not scope["method"]:
            raise Problem("bad_request", "The method is empty.")
        if node is not None and scope["method"] == "OPTIONS":
            return EncodedResponse(b"", 204, ((b"allow", node.allow),))
        if scope["path"].startswith("/v1/") and not (node is not None and node.is_open):
            services = self._services
            token, days = token_of(scope), services.settings.session_days
            _count(scope, await authenticate(services.database, services.token_cache, token, days), services)
        if node is None:
            raise Problem("not_found")
        raise Problem("method_not_allowed", headers=((b"allow", node.allow),))


def _compiled(route: Route, services: Services, app: Litestar, sent_back: SentBack | None) -> Handle:
    """The function that answers the requests of a route."""
    call = cast("Call", route.handler.fn)
    parsers = [(name, _parser(kind)) for name, kind in route.parameters.items()]
    filters, kind, limit = route.filters, route.data, route.options.body_limit
    take = body_decoder(kind, call, sent_back) if kind is not None else None
    takes_request, versions, byte_range = route.takes_request, route.versions, route.byte_range
    is_conditional, hashed = route.options.conditional, route.options.hashed_etag
    caching = caching_headers(route)
    admit = _admit_storing if route.stores else _admit
    refuses_query = filters is None and route.path.startswith("/v1/")

    async def handle(scope: HTTPScope, receive: Receive, values: list[str]) -> EncodedResponse[Any]:
        scope["path_template"], scope["route_handler"], scope["litestar_app"] = route.path, route.handler, app
        await admit(scope, route, services)
        arguments: dict[str, Any] = {name: parse(value) for (name, parse), value in zip(parsers, values, strict=True)}
        if filters is not None:
            arguments["filters"] = decode_query(scope["query_string"], filters)
        elif refuses_query and scope["query_string"]:
            refuse_query(scope["query_string"])
        work = call
        if take is not None:
            arguments["data"], work = await take(await read_json(scope, receive, kind, limit))
        if takes_request:
            arguments["request"] = Request(scope, receive, services)
        if versions:
            arguments["versions"] = conditional.expected_versions(scope)
        if byte_range:
            arguments["byte_range"] = RequestedRange(scope)
        answer = await work(**arguments)
        if answer.etag and hashed:
            answer.etag = conditional.hashed(answer.etag, scope["user"].user_id, answer.body)
        if is_conditional and answer.status_code in {200, 206} and conditional.names_tag(scope, answer.etag):
            answer = not_modified(answer)
        answer.encoded_headers += caching
        return answer

    return handle


async def _admit(scope: HTTPScope, route: Route, services: Services) -> None:
    """Find out who is calling, and whether they may. Raises Problem 401, 429, 403, and those of acting for a user.

    What admins and services do is written down before it is done: so there is no act without its row in the audit trail.
    What a service only reads on behalf of a user is not, unless it makes the user; what an admin reads is.
    """
    options = route.options
    if options.auth == "public":
        return
    token = token_of(scope)
    if token is None and options.auth == "optional":
        return
    database, token_cache = services.database, services.token_cache
    caller = await authenticate(database, token_cache, token, services.settings.session_days)
    scope["user"] = caller
    _count(scope, caller, services)
    check_scopes(caller.scopes, route.method, scope["path"], session_only=options.session_only)
    named = header_bytes(scope, b"x-on-behalf-of")
    if named is None and not options.roles:
        return
    if options.roles and caller.role not in options.roles:
        raise Problem("role_required")
    actor, acting_for = caller, None
    if named is not None:
        if actor.role != "user" and options.session_only:
            raise Problem("session_required")
        if options.roles == {"admin"}:
            raise Problem("role_required", "What is for admins alone cannot be done on behalf of a user.")
        scope["user"] = caller = await impersonate(
            database,
            token_cache,
            actor,
            named,
            as_guest=header_bytes(scope, b"x-on-behalf-of-guest") or b"",
            target=scope["path"],
            request_id=scope["state"]["request_id"],
        )
        acting_for = caller.user_id
        _count(scope, caller, services)
    if options.roles or route.method != "GET" or actor.role == "admin":
        await audit.record(
            database,
            actor.user_id,
            acting_for,
            action=route.name,
            target=scope["path"],
            request_id=scope["state"]["request_id"],
        )


async def _admit_storing(scope: HTTPScope, route: Route, services: Services) -> None:
    """As `_admit`; and find out whether they may store more. Raises Problem 403 for that, too."""
    await _admit(scope, route, services)
    if services.storage_quota is not None:
        await services.storage_quota.admit(services.database, scope["user"], _announced_bytes(scope, route))


def _count(scope: HTTPScope, caller: Caller, services: Services) -> None:
    """Count a request of a caller; the answer says what is left. Raises Problem 429."""
    if services.request_limits is not None:
        scope["state"]["requests_left"] = services.request_limits.take(caller)


def _announced_bytes(scope: HTTPScope, route: Route) -> int:
    """How long the body of what becomes rows will be at most, as far as the head tells; a file does not become rows."""
    if route.data is None:
        return 0
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return min(int(value[:20]), route.options.body_limit)
    return route.options.body_limit


def _parser(kind: Any) -> Callable[[str], Any]:
    """How a part of a path becomes a parameter of this type; an address has one form, any other is a 404."""
    if kind is UUID:
        return _uuid
    if kind is date:
        return _date
    if get_origin(kind) is Literal:
        words = frozenset(get_args(kind))

        def word(text: str) -> str:
            if text not in words:
                raise Problem("not_found")
            return text

        return word
    return str


def _uuid(text: str) -> UUID:
    if not _UUID.fullmatch(text):
        raise Problem("not_found")
    return UUID(text)


def _date(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Problem("not_found")
