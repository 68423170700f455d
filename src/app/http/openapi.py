"""The OpenAPI 3.1 document: its paths, and what the routes say about each operation.

The document is made from the routes and from the same msgspec structs that decode and encode: so it cannot say anything
else than what the server does. Problems follow from a route's shape (a body: 400, 408, 413, 415, 422; an id in the path: 404;
a signed-in caller: 401, ...); what a route adds to them stands in its `opt["problems"]`.
"""

import inspect
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Any, get_args

import msgspec
from litestar import Litestar

from app import __version__
from app.http.idempotency import ChosenFormId, ChosenId
from app.http.openapi_components import HEADERS, PARAMETERS, UNAVAILABLE, Json, ProblemResponses, Schemas, reference
from app.http.routes import Route, routes_of
from app.http.sent_back import SentBack, sent_back_by

DESCRIPTION = """\
One durable JSON API for small apps, on PostgreSQL: what its users do, write, eat, train, plan, ask and spend.

**To try it here**: `POST /v1/auth/register`, copy the `token` of the answer, press *Authorize*, paste it.

Services and admins act for a user with `X-On-Behalf-Of: <user id>` or `<provider>:<subject>`; whoever is named by a subject
for the first time is made, as a guest with `X-On-Behalf-Of-Guest: true`.

What `GET` gave can be sent back by `PUT` and `PATCH` of the same address. Fields marked `readOnly` are then taken when they
are equal to what stands (422 `read_only` otherwise), or need not be sent; the places in a list of rows are those of its order.

Times are RFC 3339 in UTC. Unknown fields and parameters are refused. A body has at most 100,000 values and is at most 100
levels deep; 256 KiB, where nothing else is said (whole conversations, messages, cached answers and batches 8 MiB, daily reviews
and blog entries 1 MiB). Every error is an `application/problem+json`
(RFC 9457) with a stable `code`; `GET /problems/{code}` explains it. Every answer carries `X-Request-Id`: name it when you
report a fault. `HEAD` works where `GET` does.

While the database is away, its replica answers what it may, with `X-Read-Only: replica`. To `X-Read-Preference: replica` it
does so at other times, too, with `X-Read-From: replica`, if it has all that was committed before the request. A write with that
header answers `X-Read-After`; for a read that sends it back, that write is enough.

Requests are counted for each signed-in user. Every answer to one says in `RateLimit` and `RateLimit-Policy` how many are left.
"""

TAGS = {
    "Accounts": "Registering, signing in, guests; one's own account, its sessions, identities and API tokens.",
    "Sign-in": "Signing in by Google, GitHub, Firebase or any OIDC provider.",
    "Tasks": "What is to be done.",
    "Habits": "What is done again and again: entries by day, streaks and rates.",
    "Goals": "Where one wants to be, in trees of sub-goals, with progress by day.",
    "Nutrition": "What was eaten and drunk, and its totals per day and week.",
    "Workouts": "Training with its exercises, and its totals per day and week.",
    "Journal": "Reviews of days, and blog entries.",
    "Tags": "Words of one's own on rows of eight kinds.",
    "Media": "Files, and the rows that they are attached to.",
    "Progress": "Snapshots of a day, week, month or year across all of the above.",
    "Search": "One question to all that has text.",
    "Batch": "Several requests in one: all of them are done, or none.",
    "Conversations": "Talks with models, message by message.",
    "Usage": "How many messages the tier allows, and how many are left.",
    "Credits": "What may be spent, and the ledger of what was.",
    "Consents": "Which terms were accepted, and when.",
    "Query cache": "Answers that services keep for everybody.",
    "Admin": "Looking after accounts, credits, tiers and consents. For admins.",
    "Operation": "For those who run the server, and what the `type` of a problem leads to.",
}
"""The groups of the reference page, in its order."""

_BINARY: Json = {"type": "string", "format": "binary"}


@cache
def document(app: Litestar) -> bytes:
    """The OpenAPI document of what an application's handlers declare, as JSON."""
    shown = [route for route in routes_of(app) if route.handler.resolve_include_in_schema()]
    shown.sort(key=lambda route: (route.path, route.method))
    kinds = (kind for route in shown for kind in (route.data, route.options.multipart, route.answer) if kind is not None)
    taken_back = sent_back_by(shown)
    schemas = Schemas(kinds, _read_only(taken_back.values()))
    problems = ProblemResponses()
    paths: Json = {}
    for route in shown:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, schemas, problems, takes_back=route.name in taken_back
        )
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Holdfast",
                "version": __version__,
                "description": DESCRIPTION,
                "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
            "paths": paths,
            "components": {
                "schemas": dict(sorted(schemas.components.items())),
                "responses": dict(sorted(problems.components.items())),
                "parameters": PARAMETERS | dict(sorted(schemas.parameters.items())),
                "headers": HEADERS,
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


def _read_only(taken_back: Iterable[SentBack]) -> dict[str, frozenset[str]]:
    """By the names of structs the fields that only the server sets: those that no body of their addresses has."""
    found: dict[str, frozenset[str]] = {}
    for fields in (each for plan in taken_back for each in (plan.fields, *plan.lists.values())):
        for kind in _related(fields.answer):
            names = fields.all.intersection(kind.__struct_fields__)
            found[kind.__name__] = found.get(kind.__name__, names) & names
    return found


def _related(kind: type[msgspec.Struct]) -> set[type[msgspec.Struct]]:
    """A struct, those that it is made from, and those that are made from these: a row as it is listed."""
    bases = [each for each in kind.__mro__ if issubclass(each, msgspec.Struct) and each is not msgspec.Struct]
    return {*bases, *(each for base in bases for each in base.__subclasses__())}


def _operation(route: Route, schemas: Schemas, problems: ProblemResponses, *, takes_back: bool) -> Json:
    doc = inspect.cleandoc(route.handler.fn.__doc__ or "")
    summary = doc.partition(".")[0].partition(":")[0]
    answers = _successes(route, schemas) | problems.of([*_problems(route), *(["read_only"] if takes_back else [])])
    operation: Json = {
        "operationId": _operation_id(route),
        "tags": sorted(route.handler.resolve_tags()),
        "summary": summary,
        **({"description": doc} if doc.removesuffix(".") != summary else {}),
        "parameters": _parameters(route, schemas),
        "responses": dict(sorted(answers.items())),
    }
    if body := _body(route, schemas):
        operation["requestBody"] = {"required": True, "content": body}
    if route.options.auth == "public":
        operation["security"] = []
    elif route.options.auth == "optional":
        operation["security"] = [{}, {"token": []}]
    return operation


def _operation_id(route: Route) -> str:
    """What generated clients call an operation: `<resource>_<function>`, whatever module the function is in.

    The resource is the path's, or what the router says by `opt["operations"]`. A function that gets another name keeps its
    operation's by `operation_id`.
    """
    if isinstance(route.handler.operation_id, str):
        return route.handler.operation_id
    resource = route.options.operations or route.path.removeprefix("/v1").split("/")[1].replace("-", "_")
    return f"{resource}_{route.handler.fn.__name__}"


def _body(route: Route, schemas: Schemas) -> Json:
    """What a handler takes as a body, by content type."""
    if route.options.multipart:
        return {"multipart/form-data": {"schema": schemas.of(route.options.multipart)}}
    if route.data is None:
        return {}
    types = ["application/json", *(["application/merge-patch+json"] if route.method == "PATCH" else [])]
    return {each: {"schema": schemas.of(route.data)} for each in types}


def _has_field(struct: Any, name: str) -> bool:
    return name in getattr(struct, "__struct_fields__", ())


def _parameters(route: Route, schemas: Schemas) -> list[Json]:
    fields = route.handler.parsed_fn_signature.parameters
    parameters = [schemas.in_path(name, fields[name].raw) for name in route.parameters]
    if route.filters:
        parameters += schemas.in_query(route.filters)
    if route.versions:
        unless = "If-None-Match-Put" if route.method == "PUT" else "If-None-Match-Change"
        parameters += [reference("parameters", "If-Match"), reference("parameters", unless)]
    if route.options.conditional:
        parameters.append(reference("parameters", "If-None-Match"))
    if route.byte_range:
        parameters += [reference("parameters", "Range"), reference("parameters", "If-Range")]
    if route.reads_replica:
        parameters += [reference("parameters", "X-Read-Preference"), reference("parameters", "X-Read-After")]
    return parameters


def _successes(route: Route, schemas: Schemas) -> Json:
    """What a handler answers when nothing goes wrong."""
    can_be_replayed = route.method == "POST" and _has_field(route.options.multipart or route.data, "id")
    headers: Json = {"X-Request-Id": reference("headers", "X-Request-Id")}
    if route.options.conditional and route.answer is bytes:
        headers["ETag"] = reference("headers", "ContentETag")
    elif _has_field(route.answer, "version"):
        headers["ETag"] = reference("headers", "ETag")
    if can_be_replayed:
        headers["Location"] = reference("headers", "Location")
    status = route.handler.status_code
    if status == HTTPStatus.FOUND:
        headers["Location"] = reference("headers", "RedirectLocation")
    success: Json = {"description": HTTPStatus(status).phrase, "headers": headers} | _content(route, schemas)
    answers: Json = {str(status): success}
    if route.reads_replica:
        answers[str(status)] = success | {"headers": headers | {"X-Read-Only": reference("headers", "X-Read-Only")}}
    if can_be_replayed:
        answers["200"] = success | {"description": "The same create came before: the row as it stands"}
    if route.byte_range:
        answers["206"] = success | {"description": "The range that was asked for"}
    if route.options.conditional:
        answers["304"] = {"description": "The client has this version already", "headers": headers}
    for also, words in route.options.also.items():
        answers[str(also)] = success | {"description": words}
    return answers


def _content(route: Route, schemas: Schemas) -> Json:
    if route.answer is None:
        return {}
    media_type = str(getattr(route.handler.media_type, "value", route.handler.media_type) or "application/json")
    content: Json = {media_type: {"schema": _BINARY if route.answer is bytes else schemas.of(route.answer)}}
    if route.options.also_text:
        content[route.options.also_text] = {"schema": {"type": "string"}}
    return {"content": content}


def _problems(route: Route) -> list[str]:
    """The codes of everything that can go wrong, from the shape of a route."""
    if not route.path.startswith("/v1/"):
        return route.options.problems
    codes = ["invalid", "internal_error", *UNAVAILABLE, "query_timeout"]
    if route.options.auth != "public":
        codes += ["unauthenticated", "rate_limited"]
        codes.append("session_required" if route.options.session_only else "insufficient_scope")
    if route.parameters:
        codes.append("not_found")
    codes += _body_problems(route)
    if _has_field(route.filters, "cursor"):
        codes.append("invalid_cursor")
    if route.versions:
        codes.append("version_mismatch")
    if route.method != "GET":
        codes.append("database_read_only")
    if route.stores:
        codes.append("storage_quota_exceeded")
    if route.options.roles:
        codes.append("role_required")
    return [*codes, *route.options.problems]


def _body_problems(route: Route) -> list[str]:
    body = route.options.multipart or route.data
    if body is None:
        return []
    codes = ["request_timeout", "body_too_large", "unsupported_media_type"]
    codes += ["malformed_multipart", "bad_request"] if route.options.multipart else ["malformed_json", "body_too_complex"]
    if _has_field(body, "id"):
        codes += ["conflict", "id_taken"]
    kinds = [kind for field in msgspec.structs.fields(body) for kind in get_args(field.type)]
    if ChosenId in kinds or ChosenFormId in kinds:
        codes += ["id_not_time_ordered", "id_in_future"]
    return codes
