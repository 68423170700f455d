"""The request as handlers see it: bodies and queries decoded strictly, before the handler runs.

A handler declares `data: JSONBody[T]` for the body and `filters: FromQuery[Q]` for the query parameters, both structs that
forbid unknown fields; app.http.routing decodes them with what stands here. A handler without `filters` takes no parameters.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from functools import cache, lru_cache
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import msgspec
from litestar.types import HTTPRequestEvent, HTTPScope, Receive

from app.http import json_limits, raw_json
from app.http.fields import NOT_BLANK
from app.http.routes import BODY_LIMIT
from app.problems.problem import Problem, invalid

_JSON_TYPES = {"application/json", "application/merge-patch+json"}


async def read_json(scope: HTTPScope, receive: Receive, kind: Any, limit: int = BODY_LIMIT) -> bytes:
    """Read what `decode` makes a `kind` of. Raises the problems of size (413), type (415) and form (400), in this order.

    What it may hold is counted before it is decoded, and so comes before the form: 422.
    """
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
    if json_limits.may_exceed(body):
        await json_limits.check(body, json_limits.MAX_DEPTH + raw_json.levels_around(kind))
    return body


def announced_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """The Content-Length of a body that is read in pieces; 0 when there is none. Raises Problem 400."""
    for name, value in headers:
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
    event = await _next_event(receive)
    if not event["more_body"] and len(event["body"]) <= limit:
        return event["body"]
    # Not by adding bytes to bytes: that would copy 8 MiB for every piece.
    body = bytearray(event["body"])
    while event["more_body"] and len(body) <= limit:
        event = await _next_event(receive)
        body += event["body"]
    if len(body) > limit:
        raise Problem("body_too_large")
    return bytes(body)


@lru_cache(64)
def _is_json(content_type: bytes) -> bool:
    kind, *parameters = content_type.decode("latin-1").lower().split(";")
    charsets = [part.strip() for part in parameters if part.strip().startswith("charset=")]
    return kind.strip() in _JSON_TYPES and all(part in {"charset=utf-8", 'charset="utf-8"'} for part in charsets)


@cache
def _decoder(kind: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(kind, strict=True).decode


async def decode(body: bytes, kind: Any) -> Any:
    """Decode JSON into `kind`, without any coercion. Raises Problem: 400 for what is not JSON, 422 for what breaks a rule."""
    decoded = decode_unstored(body, kind)
    # A pre-filter only: "\\u0000" is also how a backslash before u0000 looks, which is legal.
    if rb"\u0000" in body:
        await _refuse_nul(body, decoded)
    return decoded


def decode_unstored(body: bytes, kind: Any) -> Any:
    """Decode as `decode` does what the database does not get: U+0000 is not refused."""
    try:
        # Of what is kept as it was sent msgspec does not look whether it is UTF-8.
        if not body.isascii():
            body.decode()
        return _decoder(kind)(body)
    except msgspec.ValidationError as error:
        raise problem_for_validation(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem("malformed_json") from None


async def _refuse_nul(body: bytes, decoded: Any) -> None:
    """Raise Problem 422 for U+0000 in a body, which PostgreSQL cannot store."""
    await asyncio.sleep(0)
    if rb"\u0000" in body.replace(rb"\\", b""):
        await asyncio.sleep(0)
        raise invalid(_place_of_nul(decoded), "nul_character", "must not contain U+0000")


def _place_of_nul(decoded: Any) -> str:
    """The first field that has a U+0000."""
    places = [("", msgspec.to_builtins(decoded, enc_hook=_nul_of_document))]
    # The list grows while it is walked: no level of the body is a call.
    for path, value in places:
        if isinstance(value, dict):
            places += [(f"{path}.{key}" if path else key, inner) for key, inner in value.items()]
        elif isinstance(value, list):
            places += [(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
        elif isinstance(value, str) and "\0" in value:
            return path
    return ""


def _nul_of_document(raw: msgspec.Raw) -> str:
    """A text that has U+0000 where a document has it, which is not decoded."""
    return "\0" if rb"\u0000" in bytes(raw).replace(rb"\\", b"") else ""


def refuse_query(query_string: bytes) -> NoReturn:
    """Raise Problem 422: the route takes no parameters, and a misspelt filter must not pass in silence."""
    name = query_string.partition(b"&")[0].partition(b"=")[0].decode("latin-1")[:100]
    raise invalid(name, "unknown_field", "is not a parameter of this request")


def _whole_number(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text) else text


def _boolean(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text, text)


def _words(text: str) -> list[str] | str:
    """What a set is made of; a text that says one of them twice stays a text."""
    words = text.split(",")
    return words if len({*words}) == len(words) else text


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
        if isinstance(info, msgspec.inspect.FrozenSetType):
            return _words
        return _boolean if isinstance(info, msgspec.inspect.BoolType) else str

    info = msgspec.inspect.type_info(kind)
    if not isinstance(info, msgspec.inspect.StructType):
        raise TypeError(kind)
    return {field.encode_name: parser(field.type) for field in info.fields}


@cache
def _repeatable(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The names that may be given several times: those of lists."""

    def is_list(info: msgspec.inspect.Type) -> bool:
        return isinstance(info.type if isinstance(info, msgspec.inspect.Metadata) else info, msgspec.inspect.VarTupleType)

    info = msgspec.inspect.type_info(kind)
    fields = info.fields if isinstance(info, msgspec.inspect.StructType) else ()
    return frozenset(field.encode_name for field in fields if is_list(field.type))


@cache
def _defaults(kind: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        return msgspec.convert({}, kind)
    except msgspec.ValidationError as error:
        raise problem_for_validation(error) from None


def decode_query(query_string: bytes, kind: type[msgspec.Struct], *, is_foreign: bool = False) -> msgspec.Struct:
    """Decode a query string into `kind`, as strictly as a body: `7.0` is not 7, `1` is not true.

    is_foreign: another server made it, and unknown names are left out.
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
        if name not in parsers and is_foreign:
            continue
        if name not in parsers:
            raise invalid(name[:100], "unknown_field", "is not a parameter of this request")
        if "\0" in text:
            raise invalid(name, "nul_character", "must not contain U+0000")
        if name in _repeatable(kind):
            values.setdefault(name, []).append(text)
        elif name in values:
            raise invalid(name, "repeated", "is given more than once")
        else:
            values[name] = parsers[name](text)
    try:
        return msgspec.convert(values, kind, strict=True)
    except msgspec.ValidationError as error:
        # Of several values under a name it is the name that is told.
        raise problem_for_validation(msgspec.ValidationError(_PLACE.sub("`", str(error)))) from None


_PLACE = re.compile(r"\[(\d+|\.\.\.)\]`$")


_VALIDATION = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)


_NAMED = re.compile(r"^Object (?P<kind>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)


def problem_for_validation(error: msgspec.ValidationError) -> Problem:
    """Turn msgspec's sentence ("Expected `int`, got `str` - at `$.a.b`") into a 422 that names the field."""
    text = str(error)
    if text.startswith("Invalid enum value "):
        # It repeats the value, which may be as long as the body, and look like a path.
        field = text.rpartition(" - at `$.")[2].removesuffix("`")
        return invalid(field, "out_of_range", "must be one of the values that are allowed")
    parts = _VALIDATION.match(text)
    message, path = (parts["message"], parts["path"] or "$") if parts else (text, "$")
    field = path.removeprefix("$").lstrip(".")
    if named := _NAMED.match(message):
        name = f"{field}.{named['name']}" if field else named["name"]
        if named["kind"] == "missing required":
            return invalid(name, "required", "is required")
        return invalid(name[:200], "unknown_field", "is not a field of this request")
    if message.startswith("Expected `str` matching regex"):
        return invalid(field, "form", "must not be blank" if repr(NOT_BLANK) in message else "has not the required form")
    code = "type" if ", got " in message else "out_of_range"
    if "got `null`" in message:
        code = "null"
    return invalid(field, code, message.replace("`", ""))
