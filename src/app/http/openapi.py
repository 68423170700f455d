"""The OpenAPI 3.1 document and the page that shows it.

The document is made from the routes and from the same msgspec structs that decode and encode: so it cannot say anything
else than what the server does. Problems follow from a route's shape (a body: 400, 413, 415, 422; an id in the path: 404;
a signed-in caller: 401, ...); what a route adds to them stands in its `opt["problems"]`.
"""

import inspect
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, cast, get_args

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from app import __version__
from app.http.idempotency import ChosenId
from app.problems.catalog import KINDS, Problem, ProblemDocument

Json = dict[str, Any]


_REFERENCE = "#/components/schemas/{name}"


DESCRIPTION = """\
One durable JSON API for small apps, on PostgreSQL: what its users do, write, eat, train, plan, ask and spend.

**To try it here**: `POST /v1/auth/register`, copy the `token` of the answer, press *Authorize*, paste it.

Services act for a user with `X-On-Behalf-Of: <user id>` or `<provider>:<subject>`; whoever is named by a subject for the first
time is made.

Times are RFC 3339 in UTC. Unknown fields and parameters are refused. Every error is an `application/problem+json`
(RFC 9457) with a stable `code`; `GET /problems/{code}` explains it. Every answer carries `X-Request-Id`: name it when you
report a fault. `HEAD` works where `GET` does.
"""


TAGS = (
    "Accounts",
    "Tasks",
    "Habits",
    "Goals",
    "Nutrition",
    "Workouts",
    "Journal",
    "Tags",
    "Media",
    "Progress",
    "Search",
    "Conversations",
    "Usage",
    "Credits",
    "Consents",
    "Query cache",
    "Admin",
    "Operation",
)
"""The groups of the reference page, in its order."""


_IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": 'A version such as `"3"`, or `*`: answers 412 when the row has moved on. Without it the last write wins.',
    "schema": {"type": "string"},
}


_IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "description": 'A version such as `"3"`: answers 304 when the row is still that one.',
    "schema": {"type": "string"},
}


_RANGE: Json = {
    "name": "Range",
    "in": "header",
    "description": "One range of bytes, such as `bytes=0-1023`: answers 206 with these, or 416. Several: the whole.",
    "schema": {"type": "string"},
}


_IF_RANGE: Json = {
    "name": "If-Range",
    "in": "header",
    "description": "The ETag that the range belongs to: when the content has another, the whole is answered.",
    "schema": {"type": "string"},
}


_BINARY: Json = {"type": "string", "format": "binary"}


_ETAG = {"description": "The row's version.", "schema": {"type": "string"}}


_CONTENT_ETAG = {"description": "The SHA-256 of the content.", "schema": {"type": "string"}}


_LOCATION = {"description": "Where the row is.", "schema": {"type": "string"}}


_REQUEST_ID = {"description": "The id of this request in the server's log.", "schema": {"type": "string"}}


def document(app: Litestar) -> bytes:
    """The OpenAPI document of an application, as JSON."""
    operations = sorted(_operations(app), key=lambda each: (each[0], each[1]))
    kinds: dict[Any, None] = {ProblemDocument: None}
    for _, _, handler in operations:
        kinds |= dict.fromkeys(
            kind for kind in (_data(handler), _form(handler), _query(handler), _answer(handler)) if kind is not None
        )
    schemas, components = msgspec.json.schema_components(list(kinds), ref_template=_REFERENCE)
    references = dict(zip(kinds, schemas, strict=True))
    paths: Json = {}
    for path, method, handler in operations:
        paths.setdefault(path, {})[method] = _operation(path, method, handler, references, components)
    for query in {_query(handler) for _, _, handler in operations} - {None}:
        components.pop(cast("Any", query).__name__)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Holdfast", "version": __version__, "description": DESCRIPTION},
            "servers": [{"url": "/"}],
            "tags": [{"name": name} for name in TAGS],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "The token of an answer to signing in.",
                    }
                },
            },
            "security": [{"token": []}],
        }
    )


def _operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if method != "OPTIONS" and handler.resolve_include_in_schema():
                    yield route.path_format, method.lower(), handler


def _annotation(handler: HTTPRouteHandler, name: str) -> Any:
    field = handler.parsed_fn_signature.parameters.get(name)
    return field.annotation if field else None


def _data(handler: HTTPRouteHandler) -> Any:
    return _annotation(handler, "data")


def _form(handler: HTTPRouteHandler) -> Any:
    """The form of a handler that reads its body by itself, as `multipart/form-data`."""
    return handler.opt.get("multipart")


def _query(handler: HTTPRouteHandler) -> Any:
    return _annotation(handler, "filters")


def _answer(handler: HTTPRouteHandler) -> Any:
    answer = get_args(handler.parsed_fn_signature.return_type.annotation)[0]
    return None if answer is type(None) else answer


def _operation(path: str, method: str, handler: HTTPRouteHandler, references: Json, components: Json) -> Json:
    doc = inspect.cleandoc(handler.fn.__doc__ or "")
    responses = _successes(method, handler, references) | _problem_responses(_problems(path, handler))
    operation: Json = {
        "operationId": _operation_id(path, handler),
        "tags": sorted(handler.resolve_tags()),
        "summary": doc.partition(".")[0].partition(":")[0],
        "description": doc,
        "parameters": _parameters(path, handler, references, components),
        "responses": dict(sorted(responses.items())),
    }
    if data := _data(handler):
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": references[data]}}}
    if form := _form(handler):
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": references[form]}}}
    if handler.opt.get("auth") == "public":
        operation["security"] = []
    elif handler.opt.get("auth") == "optional":
        operation["security"] = [{}, {"token": []}]
    return operation


def _operation_id(path: str, handler: HTTPRouteHandler) -> str:
    """What generated clients call an operation: `<resource>_<function>`, whatever module the function is in.

    The resource is the path's, or what the router says by `opt["operations"]`. A function that gets another name keeps its
    operation's by `operation_id`.
    """
    if isinstance(handler.operation_id, str):
        return handler.operation_id
    resource = handler.opt.get("operations") or path.removeprefix("/v1").split("/")[1].replace("-", "_")
    return f"{resource}_{handler.fn.__name__}"


def _takes(handler: HTTPRouteHandler, name: str) -> bool:
    return name in handler.parsed_fn_signature.parameters


def _is_conditional(handler: HTTPRouteHandler) -> bool:
    return bool(handler.opt.get("conditional"))


def _has_field(struct: Any, name: str) -> bool:
    return name in getattr(struct, "__struct_fields__", ())


def _parameters(path: str, handler: HTTPRouteHandler, references: Json, components: Json) -> list[Json]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": msgspec.json.schema(definition.annotation)}
        for name, definition in handler.parsed_fn_signature.parameters.items()
        if f"{{{name}}}" in path
    ]
    if query := _query(handler):
        described = components[references[query]["$ref"].rpartition("/")[2]]
        for name, schema in described["properties"].items():
            parameters.append(_query_parameter(name, schema, required=name in described.get("required", ())))
    if _takes(handler, "if_match"):
        parameters.append(_IF_MATCH)
    if _is_conditional(handler):
        parameters.append(_IF_NONE_MATCH)
    if _takes(handler, "byte_range"):
        parameters += [_RANGE, _IF_RANGE]
    return parameters


def _successes(method: str, handler: HTTPRouteHandler, references: Json) -> Json:
    """What a handler answers when nothing goes wrong."""
    can_be_replayed = method == "post" and _has_field(_data(handler), "id")
    headers: Json = {"X-Request-Id": _REQUEST_ID}
    if _is_conditional(handler) and _answer(handler) is bytes:
        headers["ETag"] = _CONTENT_ETAG
    elif _has_field(_answer(handler), "version"):
        headers["ETag"] = _ETAG
    if can_be_replayed or _form(handler):
        headers["Location"] = _LOCATION
    success: Json = {"description": HTTPStatus(handler.status_code).phrase, "headers": headers} | _content(handler, references)
    responses: Json = {str(handler.status_code): success}
    if can_be_replayed:
        responses["200"] = success | {"description": "The same create came before: the row as it stands"}
    if _takes(handler, "byte_range"):
        responses["206"] = success | {"description": "The range that was asked for"}
    if _is_conditional(handler):
        responses["304"] = {"description": "The client has this version already", "headers": headers}
    for status, words in handler.opt.get("also", {}).items():
        responses[str(status)] = success | {"description": words}
    return responses


def _content(handler: HTTPRouteHandler, references: Json) -> Json:
    answer = _answer(handler)
    if answer is None:
        return {}
    media_type = str(getattr(handler.media_type, "value", handler.media_type) or "application/json")
    content: Json = {media_type: {"schema": _BINARY if answer is bytes else references[answer]}}
    if also := handler.opt.get("also_text"):
        content[also] = {"schema": {"type": "string"}}
    return {"content": content}


def _query_parameter(name: str, schema: Json, *, required: bool) -> Json:
    parameter: Json = {"name": name, "in": "query", "schema": schema} | ({"required": True} if required else {})
    alternatives = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(alternatives) == 1:
        # Null is "absent" here: a query parameter cannot be null.
        parameter["schema"] = schema = alternatives[0]
    if "description" in schema:
        parameter["description"] = schema["description"]
    return parameter


def _problems(path: str, handler: HTTPRouteHandler) -> list[str]:
    """The codes of everything that can go wrong, from the shape of a route."""
    if not path.startswith("/v1/"):
        return [*handler.opt.get("problems", ())]
    codes = ["invalid", "internal_error", "database_unavailable", "pool_exhausted", "database_busy", "query_timeout"]
    if handler.opt.get("auth", "required") != "public":
        codes.append("unauthenticated")
        codes.append("session_required" if handler.opt.get("session_only") else "insufficient_scope")
    if "{" in path:
        codes.append("not_found")
    codes += _body_problems(handler)
    if "cursor" in getattr(_query(handler), "__struct_fields__", ()):
        codes.append("invalid_cursor")
    if _takes(handler, "if_match"):
        codes.append("version_mismatch")
    if handler.http_methods & {"POST", "PATCH", "PUT", "DELETE"}:
        codes.append("database_read_only")
    if handler.opt.get("roles"):
        codes.append("role_required")
    return [*codes, *handler.opt.get("problems", ())]


def _body_problems(handler: HTTPRouteHandler) -> list[str]:
    if _form(handler):
        return ["malformed_multipart", "bad_request", "body_too_large", "unsupported_media_type"]
    if not _data(handler):
        return []
    codes = ["malformed_json", "body_too_large", "unsupported_media_type"]
    if "id" in _data(handler).__struct_fields__:
        codes.append("conflict")
    if any(ChosenId in get_args(field.type) for field in msgspec.structs.fields(_data(handler))):
        codes += ["id_not_time_ordered", "id_in_future"]
    return codes


def _problem_responses(codes: list[str]) -> Json:
    responses: Json = {}
    for code in sorted(set(codes)):
        kind = KINDS[code]
        response = responses.setdefault(
            str(kind.status),
            {
                "description": "",
                "headers": {"X-Request-Id": _REQUEST_ID},
                "content": {
                    "application/problem+json": {
                        "schema": {"$ref": _REFERENCE.format(name="ProblemDocument")},
                        "examples": {},
                    }
                },
            },
        )
        response["description"] += f"{' ' if response['description'] else ''}`{code}`: {kind.explanation}"
        response["content"]["application/problem+json"]["examples"][code] = {
            "summary": kind.title,
            "value": msgspec.json.decode(Problem(code).document("5f0c9a1b2d3e-1")),
        }
    return responses
