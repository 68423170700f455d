"""From a route to its handler, with everything resolved at start that can be.

Litestar declares the handlers, checks them and routes to them. Between its router and a handler it would ask again for every
request which middleware, dependencies, decoders and exception handlers belong to the route: a third of what reading one task
costs (bench/README.md). `dispatcher` asks once, and puts in that place one function per route that reads like the
contract's order of checks: who is calling, may they, the query, the body, the handler, the answer.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any, Literal, cast, get_args, get_origin

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPScope, Receive
from litestar.utils import normalize_path

from app.auth.authentication import admit, authenticate, check_scopes, on_behalf_of
from app.auth.tokens import token_of
from app.http.decoding import decode_body, decode_query, refuse_query
from app.http.exception_handlers import allow, problem_answer, problem_for
from app.http.requests import BODY_LIMIT, Request
from app.http.responses import EncodedResponse
from app.problems.catalog import Problem


async def answer_unrouted(scope: HTTPScope, problem: Problem) -> EncodedResponse[Any]:
    """Answer what the router itself refuses (404, 405): below /v1 a 401 first for those who are nobody."""
    path = scope["path"]
    if path.startswith("/v1/") and path.rstrip("/") not in scope["litestar_app"].state.public_paths:
        try:
            await authenticate(scope, token_of(scope))
        except Exception as error:  # noqa: BLE001 - every error becomes the problem that answers it
            problem = problem_for(error)
    return problem_answer(scope, problem)


Handler = Callable[..., Awaitable[EncodedResponse[Any]]]


Dispatch = Callable[[HTTPScope, Receive], Awaitable[EncodedResponse[Any]]]


def dispatcher(app: Litestar) -> Dispatch:
    """What finds the answer to a request of this app; every error is answered by its problem.

    Raises RuntimeError when the router is built otherwise than expected: a route left out would be open to everybody.
    """
    compiled = _compile_node(app.asgi_router.root_route_map_node)
    expected = sum(len(handler.http_methods - {"OPTIONS"}) for route in app.routes for handler in _handlers(route))
    if compiled != expected:
        raise RuntimeError(f"{compiled} of {expected} routes were compiled: this Litestar is not one that Holdfast knows")
    find: Callable[..., tuple[Dispatch, Any, str, dict[str, Any], str]] = cast("Any", app.asgi_router.handle_routing)

    async def dispatch(scope: HTTPScope, receive: Receive) -> EncodedResponse[Any]:
        scope["litestar_app"] = app
        path = scope["path"]
        if path.endswith("/") or "//" in path:
            path = normalize_path(path)
        try:
            answer, handler, _, scope["path_params"], template = find(path=path, method=scope["method"])
            scope["path_template"], scope["route_handler"] = template, handler
            return await answer(scope, receive)
        except HTTPException as error:
            return await answer_unrouted(scope, problem_for(error))
        except Exception as error:  # noqa: BLE001 - every error becomes the problem that answers it
            return problem_answer(scope, problem_for(error))

    return dispatch


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


def _options(allowed: str) -> Dispatch:
    answer: EncodedResponse[None] = EncodedResponse(b"", 204, ((b"allow", allowed.encode()),))

    async def handle(_: HTTPScope, __: Receive) -> EncodedResponse[Any]:
        return answer

    return handle


def _compiled(handler: HTTPRouteHandler, path: str) -> Dispatch:
    fields = handler.parsed_fn_signature.parameters
    call = cast("Handler", handler.fn)
    access = handler.opt.get("auth", "required")
    data = fields["data"].annotation if "data" in fields else None
    filters = fields["filters"].annotation if "filters" in fields else None
    parts = _parts(fields)
    limit = handler.opt.get("body_limit", BODY_LIMIT)
    takes_request = "request" in fields
    roles = handler.opt.get("roles")
    refuses_query = filters is None and path.startswith("/v1/")

    async def handle(scope: HTTPScope, receive: Receive) -> EncodedResponse[Any]:
        if access != "public":
            token = token_of(scope)
            if token is not None or access == "required":
                scope["user"] = caller = await authenticate(scope, token)
                check_scopes(caller, scope)
                named = on_behalf_of(scope)
                if named is not None or roles is not None:
                    await admit(scope, caller, named, roles)
        arguments: dict[str, Any] = dict(scope["path_params"])
        if parts:
            _check_parts(arguments, parts, scope["path"])
        if filters is not None:
            arguments["filters"] = decode_query(scope["query_string"], filters)
        elif refuses_query and scope["query_string"]:
            refuse_query(scope["query_string"])
        if data is not None:
            arguments["data"] = await decode_body(scope, receive, data, limit)
        if takes_request:
            arguments["request"] = Request(scope, receive)
        return await call(**arguments)

    return handle


def _parts(fields: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The parts of a path that the router takes too easily: those that are one of a few words, and days (no words)."""
    return {
        name: get_args(field.annotation) if field.annotation is not date else ()
        for name, field in fields.items()
        if field.annotation is date or get_origin(field.annotation) is Literal
    }


def _check_parts(arguments: Mapping[str, Any], parts: Mapping[str, tuple[str, ...]], path: str) -> None:
    """Raise Problem 404 for another word, and for a day in another form of ISO 8601: an address has one."""
    for name, words in parts.items():
        part = arguments[name]
        if part not in words if words else f"/{part.isoformat()}" not in path:
            raise Problem("not_found")
