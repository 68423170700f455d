"""What the operations of the OpenAPI document share: schemas, parameters, headers, and the responses that tell of problems.

The schemas are those that msgspec makes of the structs, in the form that generators of clients read best: what is said of a
field stands on the field, also where it can be null; an enumeration has a name, the `title` of its type; a default of a body
is told in words, as several generators take a field with a `default` for one that must be sent.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from app.problems.catalog import KINDS
from app.problems.problem import Problem, ProblemDocument

Json = dict[str, Any]

_NULL: Json = {"type": "null"}


def reference(section: str, name: str) -> Json:
    """A reference to a component of the document."""
    return {"$ref": f"#/components/{section}/{name}"}


HEADERS: dict[str, Json] = {
    "X-Request-Id": {"description": "The id of this request in the server's log.", "schema": {"type": "string"}},
    "X-Read-Only": {
        "description": "`replica`: the primary is away, and nothing can be written. What was written last may be missing.",
        "schema": {"type": "string"},
    },
    "ETag": {"description": "The row's version.", "schema": {"type": "string"}},
    "ContentETag": {"description": "The SHA-256 of the content.", "schema": {"type": "string"}},
    "Location": {"description": "Where the row is.", "schema": {"type": "string"}},
    "RedirectLocation": {"description": "Where the browser goes.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer"}},
    "RateLimit-Policy": {
        "description": "How many requests a user may send (`q`) in so many seconds (`w`), as in "
        'draft-ietf-httpapi-ratelimit-headers: `"user";q=1200;w=60`. On every answer to a signed-in caller.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "How many are left now (`r`), and in how many seconds there is one more (`t`): "
        '`"user";r=1199;t=1`. On every answer to a signed-in caller.',
        "schema": {"type": "string"},
    },
}

PARAMETERS: dict[str, Json] = {
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "description": 'A version such as `"1795253400123456"`, several of them with commas, or `*` for any: answers 412 when '
        "the row has none of these, and where a PUT would make it. Without it the last write wins.",
        "schema": {"type": "string"},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": 'A version such as `"1795253400123456"`, several of them with commas, or `*` for any: answers 304 when '
        "the row is still one of these.",
        "schema": {"type": "string"},
    },
    "If-None-Match-Put": {
        "name": "If-None-Match",
        "in": "header",
        "description": "`*` makes the row only where there is none, and answers 412 otherwise; with versions, 412 when the row "
        "has one of these.",
        "schema": {"type": "string"},
    },
    "If-None-Match-Change": {
        "name": "If-None-Match",
        "in": "header",
        "description": "Versions: answers 412 when the row has one of these; `*`: always, where there is one.",
        "schema": {"type": "string"},
    },
    "Range": {
        "name": "Range",
        "in": "header",
        "description": "One range of bytes, such as `bytes=0-1023`: answers 206 with these, or 416. Several: the whole.",
        "schema": {"type": "string"},
    },
    "X-Read-Preference": {
        "name": "X-Read-Preference",
        "in": "header",
        "description": "`replica`: the replica may answer, if it has all that was committed before.",
        "schema": {"type": "string"},
    },
    "X-Read-After": {
        "name": "X-Read-After",
        "in": "header",
        "description": "What a write answered as `X-Read-After`: the replica must have that write, and need not have others.",
        "schema": {"type": "string"},
    },
    "If-Range": {
        "name": "If-Range",
        "in": "header",
        "description": "The ETag that the range belongs to: when the content has another, the whole is answered.",
        "schema": {"type": "string"},
    },
}


class Schemas:
    """The schemas of a document: `components` holds those with a name, by it; `parameters` the parameters with one."""

    def __init__(self, kinds: Iterable[Any], read_only: Mapping[str, Iterable[str]]) -> None:
        """Describe structs that go in and out, each of which `of` then refers to; `read_only` marks fields of some by name."""
        kinds = list(dict.fromkeys([*kinds, ProblemDocument]))
        schemas, described = msgspec.json.schema_components(kinds, ref_template="{name}")
        self._names = {name: _name(schema) for name, schema in described.items()}
        self.components: dict[str, Json] = {}
        self.parameters: dict[str, Json] = {}
        self._references = {kind: self._readable(schema) for kind, schema in zip(kinds, schemas, strict=True)}
        for name, schema in described.items():
            readable = self._readable(schema)
            for field in read_only.get(name, ()):
                readable["properties"][field]["readOnly"] = True
            self._add(self._names[name], readable)

    def of(self, kind: Any) -> Json:
        """A reference to the schema of a struct."""
        return self._references[kind]

    def in_path(self, name: str, kind: Any) -> Json:
        """The parameter that a part of a path is."""
        return _parameter(name, "path", self._readable(msgspec.json.schema(kind)), required=True)

    def in_query(self, query: Any) -> list[Json]:
        """The parameters that the fields of a struct are; one whose type has a title, which many lists have, is shared."""
        _, described = msgspec.json.schema_components([query], ref_template="{name}")
        schema = described[query.__name__]
        parameters = []
        for name, each in schema["properties"].items():
            # Null is "absent" here: a query parameter cannot be null.
            values = [value for value in each.get("anyOf", ()) if value != _NULL]
            readable = self._readable(values[0] if len(values) == 1 else each, keeps_default=True)
            title = readable.pop("title", None)
            parameter = _parameter(name, "query", readable, required=name in schema["required"])
            parameters.append(self._shared(title, parameter) if title else parameter)
        return parameters

    def _shared(self, title: str, parameter: Json) -> Json:
        if self.parameters.setdefault(title, parameter) != parameter:
            raise RuntimeError(f"two parameters are called {title}: name one of them otherwise")
        return reference("parameters", title)

    def _referred(self, schema: Json) -> Json:
        return reference("schemas", self._names[schema["$ref"]])

    def _add(self, name: str, schema: Json) -> None:
        if self.components.setdefault(name, schema) != schema:
            raise RuntimeError(f"two schemas are called {name}: name one of them otherwise")

    def _readable(self, schema: Json, *, keeps_default: bool = False) -> Json:
        """A schema of msgspec's, rewritten as the head of this module says."""
        readable = dict(schema)
        if "$ref" in readable:
            readable |= self._referred(readable)
        if "properties" in readable:
            readable["properties"] = {name: self._readable(each) for name, each in readable["properties"].items()}
        if isinstance(readable.get("items"), dict):
            readable["items"] = self._readable(readable["items"])
        if "anyOf" in readable:
            readable = _nullable(readable, [self._readable(each) for each in readable.pop("anyOf")])
        if len(readable.get("enum", ())) > 1:
            readable = self._enumeration(readable)
        if not keeps_default:
            default = readable.pop("default", None)
            if default is not None:
                text = default if isinstance(default, str) else msgspec.json.encode(default).decode()
                told = f"Default: `{text}`."
                readable["description"] = f"{readable['description']} {told}" if "description" in readable else told
        return readable

    def _enumeration(self, schema: Json) -> Json:
        values, name = schema.pop("enum"), schema.pop("title", None)
        if name is None:
            raise RuntimeError(f"the enumeration of {', '.join(values)} has no name: give its type one, by Meta(title=...)")
        self._add(name, {"title": name, "type": schema.pop("type", "string"), "enum": values})
        return schema | reference("schemas", name)


def _parameter(name: str, place: str, schema: Json, *, required: bool) -> Json:
    """A parameter; what is said of its type is said of the parameter."""
    parameter: Json = {"name": name, "in": place, "required": True} if required else {"name": name, "in": place}
    if description := schema.pop("description", None):
        parameter["description"] = description
    if schema.get("uniqueItems"):
        # A set: its members stand in one value, between commas.
        parameter |= {"style": "form", "explode": False}
    return parameter | {"schema": schema}


def _nullable(outer: Json, alternatives: list[Json]) -> Json:
    """A schema of alternatives, one of which is null as a rule: what is said of the other is said of the whole."""
    values = [each for each in alternatives if each != _NULL]
    if len(values) != 1 or len(alternatives) != 2:
        return outer | {"anyOf": alternatives}
    [value] = values
    if "$ref" in value:
        named = {"$ref": value.pop("$ref")}
        return value | outer | {"anyOf": [named, _NULL]}
    return value | outer | {"type": [value["type"], "null"]}


def _name(schema: Json) -> str:
    """What a struct is called; a page of tasks is a TaskPage, where msgspec says CountedPage[ListedTask]."""
    title: str = schema["title"]
    generic = re.fullmatch(r"(?:Counted)?(\w+)\[(?:Listed)?(\w+)\]", title)
    schema["title"] = name = f"{generic[2]}{generic[1]}" if generic else title
    return name


UNAVAILABLE = frozenset({"overloaded", "database_unavailable", "pool_exhausted", "database_busy"})
"""What every operation below /v1 may answer: its response has a name of its own."""


class ProblemResponses:
    """The responses that tell of problems: `components` holds each set of problems with one status once, by its name."""

    def __init__(self) -> None:
        self.components: dict[str, Json] = {}

    def of(self, codes: Iterable[str]) -> Json:
        """References to the responses for these problems, by status."""
        by_status: dict[int, list[str]] = {}
        wanted = set(codes)
        for code in (each for each in KINDS if each in wanted):
            by_status.setdefault(KINDS[code].status, []).append(code)
        return {str(status): self._shared(codes) for status, codes in by_status.items()}

    def _shared(self, codes: list[str]) -> Json:
        names = [_camel(code) for code in codes if code not in UNAVAILABLE or not UNAVAILABLE.issubset(codes)]
        if UNAVAILABLE.issubset(codes):
            names.insert(0, "Unavailable")
        name = "Or".join(names)
        self.components.setdefault(name, _problem_response(codes))
        return reference("responses", name)


def _camel(code: str) -> str:
    return "".join(word.capitalize() for word in code.split("_"))


_OF_A_REFUSAL = ("Retry-After", "RateLimit-Policy", "RateLimit")


def _example(code: str) -> Problem:
    error = KINDS[code].example
    return Problem(code, errors=(error,) if error else ())


def _problem_response(codes: list[str]) -> Json:
    """A response that tells of one of some problems."""
    headers = ["X-Request-Id", *(_OF_A_REFUSAL if "rate_limited" in codes else ())]
    return {
        "description": " ".join(f"`{code}`: {KINDS[code].explanation}" for code in codes),
        "headers": {name: reference("headers", name) for name in headers},
        "content": {
            "application/problem+json": {
                "schema": reference("schemas", "ProblemDocument"),
                "examples": {
                    code: {
                        "summary": KINDS[code].title,
                        "value": msgspec.json.decode(_example(code).document("5f0c9a1b2d3e-1")),
                    }
                    for code in codes
                },
            }
        },
    }
