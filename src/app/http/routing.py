"""From a request to its handler and back: everything that can be resolved at start is.

Litestar's handlers, routers and `app.routes` declare; the way of a request through Litestar itself would ask again, for each
request, which middleware, dependencies, decoders and exception handlers belong to its route: 20 us more than the table here
(docs/decisions/0011). `Endpoint` reads like the contract's order of checks: who is calling, may they, the path, the query, the
body, the handler, the condition, the answer.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, Literal, cast, get_args, get_origin
from uuid import UUID

from litestar import Litestar
from litestar.types import HTTPScope, Receive

from app.auth.authentication import authenticate
from app.auth.tokens import token_of
from app.database.replica import Replica
from app.http import conditional, replica_reads
from app.http.admission import admit, admit_parts, admit_storing, count, take_back
from app.http.caching import PRIVATE, caching_headers
from app.http.clients import session_use
from app.http.decoding import decode_query, read_json, refuse_query
from app.http.exception_handlers import problem_for, problem_response
from app.http.ranges import RequestedRange
from app.http.requests import Request
from app.http.responses import EncodedResponse, not_modified
from app.http.routes import DeclarationError, Route, routes_of
from app.http.sent_back import Call, SentBack, body_decoder, sent_back_by
from app.http.services import Services
from app.problems.problem import Problem
from app.settings import Settings

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
        self.methods: dict[str, Endpoint] = {}
        self.allow = b""
        self.is_open = False
        """Whether a caller without a token may do something here."""


class Routing:
    """The routes of an application, as a tree of the parts of their paths."""

    def __init__(self, app: Litestar, services: Services) -> None:
        """Raise DeclarationError for what a handler declares and nothing would honour."""
        self.routes = [route for route in routes_of(app) if _is_exposed(route, services.settings)]
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
            endpoint = node.methods.get(scope["method"]) if node is not None else None
            if endpoint is not None:
                answer = await endpoint.respond(scope, receive, arguments)
            else:
                answer = await self._respond_unrouted(scope, node)
        except Exception as error:  # noqa: BLE001 - every error becomes the problem that answers it
            problem = problem_for(error)
            if problem.kind.status < 500:
                # After a lost connection nobody knows what was stored.
                take_back(scope)
            answer = problem_response(scope, problem)
            if scope["path"].startswith("/v1/"):
                answer.encoded_headers += PRIVATE
            # The problem knows this frame by its traceback, and this frame the problem: the body of a refused request, which
            # another frame has, would stay until the collector comes by.
            del problem
        reading = scope["state"].get("reading")
        if reading is not None:
            answer.encoded_headers += replica_reads.said(reading)
        left = scope["state"].get("requests_left")
        if left is not None:
            answer.encoded_headers += left
        return answer

    def endpoint(self, scope: HTTPScope) -> tuple["Endpoint", list[str]]:
        """Find what a request asks for, and the values of its path's parameters. Raises Problem 404, 405."""
        node, arguments = self._find(scope)
        if node is None:
            raise Problem("not_found")
        if scope["method"] not in node.methods:
            raise Problem("method_not_allowed", headers=((b"allow", node.allow),))
        return node.methods[scope["method"]], arguments

    def _add(self, route: Route) -> None:
        node = self._root
        for part in route.parts:
            if part is None:
                node.parameter = node = node.parameter or _Node()
            else:
                node = node.below.setdefault(part, _Node())
        if route.method in node.methods:
            raise DeclarationError(f"{route.name} is declared twice.")
        node.methods[route.method] = Endpoint(route, self._services, self._app, self._sent_back.get(route.name))
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
            use = partial(session_use, scope, services.settings)
            count(scope, await authenticate(services.database, services.token_cache, token_of(scope), use), services)
        if node is None:
            raise Problem("not_found")
        raise Problem("method_not_allowed", headers=((b"allow", node.allow),))


class Endpoint:
    """A route, with everything about it that can be resolved at start."""

    __slots__ = (
        "_app", "_byte_range", "_caching", "_call", "_filters", "_from_replica", "_has_parts", "_hashed", "_is_conditional",
        "_kind", "_let_in", "_limit", "_parsers", "_refuses_query", "_services", "_take", "_takes_request", "_tells_position",
        "_versions", "route",
    )  # fmt: skip

    def __init__(self, route: Route, services: Services, app: Litestar, sent_back: SentBack | None) -> None:
        self.route = route
        self._services = services
        self._app = app
        self._call = cast("Call", route.handler.fn)
        self._parsers = [(name, _parser(kind)) for name, kind in route.parameters.items()]
        self._filters, self._kind, self._limit = route.filters, route.data, route.options.body_limit
        self._take = body_decoder(route.data, self._call, sent_back) if route.data is not None else None
        self._has_parts = "with_" in getattr(route.filters, "__struct_fields__", ())
        self._takes_request, self._versions, self._byte_range = route.takes_request, route.versions, route.byte_range
        self._is_conditional, self._hashed = route.options.conditional, route.options.hashed_etag
        self._caching = caching_headers(route)
        self._let_in = admit_storing if route.stores else admit
        has_replica = services.settings.replica_url is not None
        self._from_replica = has_replica and route.reads_replica
        self._tells_position = has_replica and replica_reads.tells_position(route)
        self._refuses_query = route.filters is None and route.path.startswith("/v1/")

    async def respond(self, scope: HTTPScope, receive: Receive, values: list[str]) -> EncodedResponse[Any]:
        """Answer a request; `values` are the parts of its path that are parameters."""
        route = self.route
        scope["path_template"], scope["route_handler"], scope["litestar_app"] = route.path, route.handler, self._app
        if self._from_replica and (replica := self._services.replica):
            return await self._respond_from(replica, scope, receive, values)
        await self._let_in(scope, route, self._services)
        call, arguments = await self.read(scope, receive, values)
        answer = self.finish(scope, await call(**arguments))
        if self._tells_position and (replica := self._services.replica) and replica_reads.is_preferred(scope):
            answer.encoded_headers += await replica_reads.position(replica)
        return answer

    async def _respond_from(
        self, replica: Replica, scope: HTTPScope, receive: Receive, values: list[str]
    ) -> EncodedResponse[Any]:
        """Answer a read that the replica may answer."""
        reading = replica_reads.begin(scope, replica)
        await self._let_in(scope, self.route, self._services)
        if reading.why is not None:
            # Whom a replica knows may have been signed out before the primary went.
            self._services.token_cache.forget()
        call, arguments = await self.read(scope, receive, values)
        if replica_reads.is_preferred(scope):
            await reading.prefer_replica()
        return self.finish(scope, await call(**arguments))

    async def read(self, scope: HTTPScope, receive: Receive, values: list[str]) -> tuple[Call, dict[str, Any]]:
        """Read a request of who was let in: what is to be called for it, and the arguments by name."""
        arguments: dict[str, Any] = {name: parse(value) for (name, parse), value in zip(self._parsers, values, strict=True)}
        if self._filters is not None:
            filters = decode_query(scope["query_string"], self._filters, is_foreign=self.route.options.foreign_query)
            arguments["filters"] = filters
            if self._has_parts:
                admit_parts(scope["user"], filters)
        elif self._refuses_query and scope["query_string"]:
            refuse_query(scope["query_string"])
        call = self._call
        if self._take is not None:
            arguments["data"], call = await self._take(await read_json(scope, receive, self._kind, self._limit))
        if self._takes_request:
            arguments["request"] = Request(scope, receive, self._services)
        if self._versions:
            arguments["versions"] = conditional.expected_versions(scope)
        if self._byte_range:
            arguments["byte_range"] = RequestedRange(scope)
        return call, arguments

    def finish(self, scope: HTTPScope, answer: EncodedResponse[Any]) -> EncodedResponse[Any]:
        """Complete what the handler answered: its ETag, 304, its caching."""
        if answer.etag and self._hashed:
            answer.etag = conditional.hashed(answer.etag, scope["user"].user_id, answer.body)
        if self._is_conditional and answer.status_code in {200, 206} and conditional.names_tag(scope, answer.etag):
            answer = not_modified(answer)
        answer.encoded_headers += self._caching
        return answer


def _is_exposed(route: Route, settings: Settings) -> bool:
    setting = route.options.exposed_by
    return setting is None or bool(getattr(settings, setting))


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
