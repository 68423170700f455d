"""From a route to its handler, with everything resolved at start that can be.

Litestar declares the handlers, checks them and routes to them. Between its router and a handler it would ask again for every
request which middleware, dependencies, decoders and exception handlers belong to the route: a third of what reading one task
costs (bench/README.md). `dispatcher` asks once, and puts in that place one function per route that reads like the
contract's order of checks: who is calling, may they, the query, the body, the handler, the answer.
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.middleware._internal.cors import CORSMiddleware
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from litestar.utils import normalize_path

from app.answers import Ready
from app.auth import authenticate, check_scopes, problem_answer, token_of, unrouted
from app.errors import allow, problem_for
from app.requests import Request, decode_body, decode_query, refuse_query

Handler = Callable[..., Awaitable[Ready[Any]]]


def dispatcher(app: Litestar) -> ASGIApp:
    """The ASGI application that routes a request of this app to its handler.

    Raises RuntimeError when the router is built otherwise than expected: a route left out would be open to everybody.
    """
    compiled = _compile_node(app.asgi_router.root_route_map_node)
    expected = sum(len(handler.http_methods - {"OPTIONS"}) for route in app.routes for handler in _handlers(route))
    if compiled != expected:
        raise RuntimeError(f"{compiled} of {expected} routes were compiled: this Litestar is not one that Holdfast knows")
    find = app.asgi_router.handle_routing

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        scope["litestar_app"] = app
        path = scope["path"]
        if path.endswith("/") or "//" in path:
            path = normalize_path(path)
        try:
            handle, handler, _, scope["path_params"], scope["path_template"] = find(
                path=path, method=cast("HTTPScope", scope)["method"]
            )
        except HTTPException as error:
            handle = unrouted(problem_for(error))
        else:
            scope["route_handler"] = handler
        await handle(scope, receive, send)

    return CORSMiddleware(dispatch, app.cors_config) if app.cors_config else dispatch


def _handlers(route: Any) -> list[HTTPRouteHandler]:
    return [handler for handler in route.route_handlers if isinstance(handler, HTTPRouteHandler)]


def _compile_node(node: Any) -> int:
    compiled = 0
    for method, entry in node.asgi_handlers.items():
        if method == "OPTIONS":
            # The framework's own names only the methods that were there when it was made.
            node.asgi_handlers[method] = entry._replace(asgi_app=_options(allow(node.asgi_handlers)))
        else:
            node.asgi_handlers[method] = entry._replace(asgi_app=_compiled(entry.handler, node.path_template))
            compiled += 1
    return compiled + sum(_compile_node(child) for child in node.children.values())


def _options(allowed: str) -> ASGIApp:
    answer: Ready[None] = Ready(b"", 204, ((b"allow", allowed.encode()),))

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, send)

    return handle


def _compiled(handler: HTTPRouteHandler, path: str) -> ASGIApp:
    fields = handler.parsed_fn_signature.parameters
    call = cast("Handler", handler.fn)
    access = handler.opt.get("auth", "required")
    data = fields["data"].annotation if "data" in fields else None
    filters = fields["filters"].annotation if "filters" in fields else None
    takes_request = "request" in fields
    refuses_query = filters is None and path.startswith("/v1/")

    async def answer(scope: HTTPScope, request: Request) -> Ready[Any]:
        if access != "public":
            token = token_of(scope)
            if token is not None or access == "required":
                scope["user"] = caller = await authenticate(scope, token)
                check_scopes(caller, scope)
        arguments: dict[str, Any] = dict(scope["path_params"])
        if takes_request:
            arguments["request"] = request
        if filters is not None:
            arguments["filters"] = decode_query(scope["query_string"], filters)
        elif refuses_query and scope["query_string"]:
            refuse_query(scope["query_string"])
        if data is not None:
            arguments["data"] = await decode_body(request, data)
        return await call(**arguments)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            ready = await answer(cast("HTTPScope", scope), Request(scope, receive, send))
        except Exception as error:  # noqa: BLE001 - every error becomes the problem that answers it
            ready = problem_answer(scope, problem_for(error))
        await ready(scope, receive, send)

    return handle
