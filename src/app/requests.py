"""The request as handlers see it: bodies and queries decoded strictly, before the handler runs.

A handler declares `data: JSONBody[T]` for the body and `filters: FromQuery[Q]` for the query parameters, both structs that
forbid unknown fields; app.dispatch decodes them with what stands here. A handler without `filters` takes no parameters.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache, lru_cache
from typing import Any, NoReturn, cast
from urllib.parse import parse_qsl

import litestar
import msgspec
from litestar.connection.base import empty_receive, empty_send
from litestar.datastructures.state import State
from litestar.types import HTTPRequestEvent, HTTPScope, Receive, Scope, Send

from app.callers import Caller, Callers
from app.database import Database
from app.errors import problem_for_validation
from app.problems import Problem, invalid
from app.settings import Settings
from app.storage import Storage

BODY_LIMIT = 256 * 1024
"""Bytes; a handler with a limit of its own says so by `opt["body_limit"]`."""

_JSON_TYPES = {"application/json", "application/merge-patch+json"}


class Request(litestar.Request[Caller, None, State]):
    """A request with short ways to what handlers need. Its input was decoded before, by app.dispatch."""

    def __init__(self, scope: Scope, receive: Receive = empty_receive, send: Send = empty_send) -> None:
        # Not the framework's own: what it sets up is for bodies, forms and cookies, which are not read through it here.
        self.scope = cast("HTTPScope", scope)
        self.receive = receive
        self.send = send

    def header(self, name: bytes) -> str | None:
        """The first header of a name in lower case."""
        for each, value in self.scope["headers"]:
            if each == name:
                return str(value, "latin-1")
        return None

    @property
    def caller(self) -> Caller:
        """Who is calling; only on routes that are not public."""
        caller: Caller = self.scope["user"]
        return caller

    @property
    def database(self) -> Database:
        database: Database = self.scope["litestar_app"].state["database"]
        return database

    @property
    def callers(self) -> Callers:
        """The callers that this worker knows: what ends a token says so here."""
        callers: Callers = self.scope["litestar_app"].state["callers"]
        return callers

    @property
    def storage(self) -> Storage:
        return cast("Storage", self.scope["litestar_app"].state.storage)

    @property
    def settings(self) -> Settings:
        settings: Settings = self.scope["litestar_app"].state["settings"]
        return settings


async def decode_body(scope: HTTPScope, receive: Receive, kind: Any, limit: int = BODY_LIMIT) -> Any:
    """Read the body as a `kind`. Raises the problems of size (413), type (415), form (400) and rules (422), in this order."""
    content_type, announced = b"", b"0"
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value
        elif name == b"content-length":
            announced = value
    if not announced.isdigit():
        raise Problem("bad_request", "Content-Length is not a number.")
    if int(announced[:20]) > limit:
        raise Problem("body_too_large")
    body = await _read_body(receive, limit)
    if not _is_json(content_type):
        raise Problem("unsupported_media_type")
    if not body:
        raise Problem("malformed_json", "The body is empty; a JSON object is expected.")
    return decode(body, kind)


def announced_length(scope: HTTPScope) -> int:
    """The Content-Length of a body that is read in pieces; 0 when there is none. Raises Problem 400."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit():
                raise Problem("bad_request", "Content-Length is not a number.")
            return int(value[:20])
    return 0


async def body_chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Read a body in pieces, none of them empty. Raises Problem 400 when it does not arrive whole."""
    more = True
    while more:
        event = await _next_event(receive)
        if event["body"]:
            yield event["body"]
        more = event["more_body"]


async def _next_event(receive: Receive) -> HTTPRequestEvent:
    try:
        event = await receive()
    except (OSError, RuntimeError):
        # The server's own words for a broken chunk and for a caller who went away.
        raise Problem("bad_request", "The body did not arrive whole.") from None
    if event["type"] != "http.request":
        raise Problem("bad_request", "The body did not arrive whole.")
    return event


async def _read_body(receive: Receive, limit: int) -> bytes:
    body, more = b"", True
    while more:
        event = await _next_event(receive)
        body = body + event["body"] if body else event["body"]
        if len(body) > limit:
            raise Problem("body_too_large")
        more = event["more_body"]
    return body


@lru_cache(64)
def _is_json(content_type: bytes) -> bool:
    kind, *parameters = content_type.decode("latin-1").lower().split(";")
    charsets = [part.strip() for part in parameters if part.strip().startswith("charset=")]
    return kind.strip() in _JSON_TYPES and all(part in {"charset=utf-8", 'charset="utf-8"'} for part in charsets)


@cache
def _decoder(kind: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(kind, strict=True).decode


def decode(body: bytes, kind: Any) -> Any:
    """Decode JSON into `kind`, without any coercion.

    Raises Problem: 400 for what is not JSON, 422 with the field for what breaks a rule, U+0000 included, which
    PostgreSQL cannot store.
    """
    try:
        decoded = _decoder(kind)(body)
    except msgspec.ValidationError as error:
        raise problem_for_validation(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem("malformed_json") from None
    # A pre-filter only: "\\u0000" is also how a backslash before u0000 looks, which is legal.
    if rb"\u0000" in body:
        for field, text in _texts(msgspec.to_builtins(decoded, enc_hook=_unwrapped)):
            if "\0" in text:
                raise invalid(field, "nul_character", "must not contain U+0000")
    return decoded


def _unwrapped(raw: msgspec.Raw) -> Any:
    """What is inside of JSON that is kept as it was sent; None where its own check will refuse it."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield path, str(key)
            yield from _texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{index}]")


def refuse_query(query_string: bytes) -> NoReturn:
    """Raise Problem 422: the route takes no parameters, and a misspelt filter must not pass in silence."""
    name = query_string.partition(b"&")[0].partition(b"=")[0].decode("latin-1")[:100]
    raise invalid(name, "unknown_field", "is not a parameter of this request")


def _whole_number(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text) else text


def _boolean(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text, text)


@cache
def _parsers(kind: type[msgspec.Struct]) -> dict[str, Callable[[str], Any]]:
    """How each parameter's text becomes what msgspec then checks strictly; a text that does not fit stays a text."""

    def parser(info: msgspec.inspect.Type) -> Callable[[str], Any]:
        if isinstance(info, msgspec.inspect.Metadata):
            return parser(info.type)
        if isinstance(info, msgspec.inspect.UnionType):
            return next((parser(each) for each in info.types if not isinstance(each, msgspec.inspect.NoneType)), str)
        if isinstance(info, msgspec.inspect.IntType):
            return _whole_number
        return _boolean if isinstance(info, msgspec.inspect.BoolType) else str

    info = msgspec.inspect.type_info(kind)
    if not isinstance(info, msgspec.inspect.StructType):
        raise TypeError(kind)
    return {field.encode_name: parser(field.type) for field in info.fields}


@cache
def _defaults(kind: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        return msgspec.convert({}, kind)
    except msgspec.ValidationError as error:
        raise problem_for_validation(error) from None


def decode_query(query_string: bytes, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """Decode a query string into `kind`, as strictly as a body: `7.0` is not 7, `1` is not true.

    Raises Problem 422 for unknown and repeated names, for what is not UTF-8, and for values that break a rule.
    """
    if not query_string:
        return _defaults(kind)
    parsers = _parsers(kind)
    values: dict[str, Any] = {}
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100, separator="&"
        )
    except ValueError:
        raise invalid("", "form", "The query string is not percent-encoded UTF-8.") from None
    for name, text in pairs:
        if name not in parsers:
            raise invalid(name[:100], "unknown_field", "is not a parameter of this request")
        if name in values:
            raise invalid(name, "repeated", "is given more than once")
        if "\0" in text:
            raise invalid(name, "nul_character", "must not contain U+0000")
        values[name] = parsers[name](text)
    try:
        return msgspec.convert(values, kind, strict=True)
    except msgspec.ValidationError as error:
        raise problem_for_validation(error) from None


def expected_version(request: Request) -> int | None:
    """Read the version that If-Match asks for; None: any.

    A weak or malformed header gives -1, which no row ever has, so that the row's own 403 and 404 come before the 412.
    """
    for name, value in request.scope["headers"]:
        if name == b"if-match":
            if value.strip() == b"*":
                return None
            found = re.fullmatch(rb'"(0|[1-9][0-9]{0,8})"', value.strip())
            return int(found[1]) if found else -1
    return None


def has_version(request: Request, version: int) -> bool:
    """Whether If-None-Match names this version: the client has the row already."""
    return has_tag(request, f'"{version}"')


def has_tag(request: Request, tag: str) -> bool:
    """Whether If-None-Match names this ETag. Weak tags count (RFC 9110, 13.1.2)."""
    for name, value in request.scope["headers"]:
        if name == b"if-none-match":
            tags = [each.strip().removeprefix(b"W/") for each in value.split(b",")]
            return b"*" in tags or tag.encode() in tags
    return False
