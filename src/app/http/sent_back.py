"""What GET gave, sent back by a PUT or PATCH of the same address: with the fields that only the server sets.

They are taken when they are equal to what stands, and refused otherwise (422 `read_only`), after the row's 403, 404 and 412.
Those marked MOVES change without a change of the row: they are not looked at. In a list of rows, such as the exercises of a
workout, each is compared with the one whose PLACE it names.

Nothing of this is in the way of other requests: it begins when the strict decoding has refused a body.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import Raw

from app.http.conditional import ABSENT, Versions, fits
from app.http.decoding import decode, decode_unstored
from app.http.read_only import Item, ReadOnlyFields, is_same, lists_of, present
from app.http.responses import EncodedResponse, ReadInterruptedError, StreamingResponse, encode
from app.http.routes import DeclarationError, Route
from app.problems.catalog import FieldError
from app.problems.problem import Problem, later

Call = Callable[..., Awaitable[EncodedResponse[Any]]]
"""A handler, called with its arguments by name."""

ATTEMPTS = 3
"""How often a body is compared at most, when others change the row in between."""

LARGEST = 16 * 1024 * 1024
"""Bytes of what stands, up to which it is read to be compared: twice the largest body."""

ITEMS = 20_000
"""Items of a list, up to which they are looked at."""

PART = 1_000
"""Items that are compared at once."""

ERRORS = 100
"""From how many fields on a refusal names no more."""

_NULL = Raw(b"null")


class Sent(NamedTuple):
    """A body in parts, as JSON."""

    taken: dict[str, Raw | list[Item]]
    """The fields that the body's struct has; in the items of a list others may be left, which are unknown."""
    read_only: dict[str, Raw]
    """The fields that only the server sets."""
    items: dict[str, list[Item]]
    """Those of the items of each list."""


def sent_back_by(routes: Iterable[Route]) -> dict[str, "SentBack"]:
    """What each PUT and PATCH of an address with a GET takes back, by the route's name. A list is not sent back."""
    routes = list(routes)
    reads = {route.path: route for route in routes if route.method == "GET" and not route.is_list}
    return {
        route.name: SentBack(route, reads[route.path])
        for route in routes
        if route.method in {"PUT", "PATCH"} and route.path in reads and route.data is not None
    }


class SentBack:
    """What a PUT or PATCH does with a body that has fields which only the server sets."""

    def __init__(self, route: Route, read: Route) -> None:
        if read.takes_request and not route.takes_request:
            raise DeclarationError(f"{route.name} must take the request, as {read.name} does.")
        self._call = cast("Call", route.handler.fn)
        self._read = cast("Call", read.handler.fn)
        self._read_by = [*read.parameters, *(["request"] if read.takes_request else [])]
        self._read_with = {"filters": read.filters()} if read.filters else {}
        self._body = route.data
        self._merges = route.method == "PATCH"
        self._makes = 201 in route.options.also
        self.fields = fields = ReadOnlyFields(read.answer, route.data)
        self._of_path = {name: each for name, each in fields.of_path.items() if route.parameters.keys() >= {*each[1]}}
        self.lists = dict(lists_of(read.answer, route.data))
        self._is_versioned = route.versions and "version" in fields.types
        self._sent = fields.struct_of_bodies(self.lists)
        more = fields.types.keys() & fields.taken.keys() if self._merges else set()
        self._standing = msgspec.json.Decoder(fields.struct_of_what_stands(more, self.lists))

    def parse(self, body: bytes) -> Sent | None:
        """Take a refused body apart; None: it has no field that only the server sets. Raises Problem 400, 422."""
        fields = present(decode_unstored(body, self._sent))
        items: dict[str, list[Item]] = {name: fields.pop(name) for name in self.lists if name in fields}
        if any(len(each) > ITEMS for each in items.values()):
            return None
        read_only = {name: fields.pop(name) for name in self.fields.all if name in fields}
        own = {name: [_taken_out(item, self.lists[name].all) for item in each] for name, each in items.items()}
        if not read_only and not any(map(any, own.values())):
            return None
        return Sent(fields | items, read_only, own)

    async def change(self, sent: Sent, /, **arguments: Any) -> EncodedResponse[Any]:
        """Compare, then do what the route does, if the row is still the one that was compared. `arguments`: its handler's.

        Raises Problem 422 for a field that differs, 503 when others change the row again and again; and all of the route's.
        """
        if sent.items:
            # To take a long list apart took a while; to decode it takes another.
            await asyncio.sleep(0)
        if not self._merges:
            arguments["data"] = await decode(msgspec.json.encode(sent.taken), self._body)
        for _ in range(ATTEMPTS):
            answer = await self._attempt(sent, dict(arguments))
            if answer is not None:
                return answer
        raise later("database_busy", 1)

    async def _attempt(self, sent: Sent, arguments: dict[str, Any]) -> EncodedResponse[Any] | None:
        """Compare and do it; None: the row was changed in between."""
        try:
            standing = await self._find(sent, arguments)
        except ReadInterruptedError:
            return None
        if standing is None:
            return await self._make(sent, arguments)
        if self._merges:
            arguments["data"] = await self._changes(sent, standing)
        if self._is_versioned:
            arguments["versions"] = _narrowed(arguments["versions"], int(bytes(standing["version"])))
        if errors := await self._errors(sent, standing):
            raise _refusal(errors)
        return await self._call_unless_changed(arguments)

    async def _call_unless_changed(self, arguments: Mapping[str, Any]) -> EncodedResponse[Any] | None:
        try:
            return await self._call(**arguments)
        except Problem as problem:
            if self._is_versioned and problem.code == "version_mismatch":
                return None
            raise

    async def _find(self, sent: Sent, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """What stands; None: nothing does, and the route would make it. Raises Problem 403, 404."""
        try:
            answer = await self._read(**{name: arguments[name] for name in self._read_by}, **self._read_with)
        except Problem as problem:
            if self._makes and problem.code == "not_found":
                return None
            if self._merges:
                # What is wrong with the body comes before what is wrong with the row.
                await decode(msgspec.json.encode(sent.taken), self._body)
            raise
        body = await _whole(answer)
        if body is None:
            names = [*sent.read_only, *sent.items]
            raise _refusal([_error(name, "cannot be compared: what stands is too large. Leave it out") for name in names])
        return present(self._standing.decode(body))

    async def _make(self, sent: Sent, arguments: dict[str, Any]) -> EncodedResponse[Any] | None:
        """Make what is not there: besides what the path says only null is equal to it. None: it was made in between."""
        said = {name: make(*(arguments[each] for each in names)) for name, (make, names) in self._of_path.items()}
        errors = await self._errors(sent, {name: encode(value) for name, value in said.items()})
        if self._is_versioned:
            may_make = fits(arguments["versions"], ABSENT)
            if errors or not may_make:
                # With no version that it may find it does nothing but raise what comes first, such as 404 for a foreign habit.
                await self._call_unless_changed(arguments | {"versions": []})
            if not may_make:
                raise Problem("version_mismatch")
            arguments["versions"] = [(ABSENT, ABSENT)]
        if errors:
            raise _refusal(errors)
        return await self._call_unless_changed(arguments)

    async def _changes(self, sent: Sent, standing: Mapping[str, Any]) -> Any:
        """The patch, for what stands. Raises Problem 422.

        What stands need not follow the rules of bodies, as the e-mail of a guest, which is null: where the patch breaks one,
        what it repeats is left out.
        """
        try:
            return await decode(msgspec.json.encode(sent.taken), self._body)
        except Problem:
            changed = {name: value for name, value in sent.taken.items() if not self._stands(name, value, standing)}
            return await decode(msgspec.json.encode(changed), self._body)

    def _stands(self, name: str, value: Raw | list[Item], standing: Mapping[str, Any]) -> bool:
        return isinstance(value, Raw) and name in standing and is_same(value, standing[name], self.fields.types[name])

    async def _errors(self, sent: Sent, standing: Mapping[str, Any]) -> list[FieldError]:
        """What was sent and differs from what stands. Other requests have their turn between the parts of a long list."""
        errors = [*_differences(self.fields, sent.read_only, standing)]
        for name, items in sent.items.items():
            fields, by_place = self.lists[name], dict[float | None, Item]()
            for number, each in enumerate(standing.get(name, ()), 1):
                stands = present(each)
                by_place[_place(fields, stands, number)] = stands
                if number % PART == 0:
                    await asyncio.sleep(0)
            for number, item in enumerate(items, 1):
                if item and len(errors) < ERRORS:
                    errors += _differences_of_item(fields, f"{name}[{number - 1}].", item, by_place, number)
                if number % PART == 0:
                    await asyncio.sleep(0)
        return errors


def body_decoder(kind: Any, call: Call, sent_back: SentBack | None) -> Callable[[bytes], Awaitable[tuple[Any, Call]]]:
    """A function that makes of a body what the handler takes, and returns what is to be called with it.

    That is the handler, unless the body was refused and may be what a GET gave.
    """

    async def take(body: bytes) -> tuple[Any, Call]:
        try:
            return await decode(body, kind), call
        except Problem as problem:
            sent = sent_back.parse(body) if sent_back is not None and problem.code == "invalid" else None
            if sent_back is None or sent is None:
                raise
            return None, partial(sent_back.change, sent)

    return take


def _differences(
    fields: ReadOnlyFields, sent: Mapping[str, Raw], standing: Mapping[str, Any], path: str = ""
) -> Iterator[FieldError]:
    for name in fields.compared:
        if name in sent and name != fields.place and not is_same(sent[name], standing.get(name, _NULL), fields.types[name]):
            yield _error(f"{path}{name}")


def _differences_of_item(
    fields: ReadOnlyFields, path: str, item: Item, by_place: Mapping[float | None, Item], number: int
) -> Iterator[FieldError]:
    """Compare an item with the one whose place it names, or else with that of its own place; a new one has only nulls."""
    place = _place(fields, item, number)
    if place != number and place not in by_place:
        yield _error(f"{path}{fields.place}")
    yield from _differences(fields, item, by_place.get(place, {}), path)


def _place(fields: ReadOnlyFields, item: Item, number: int) -> float | None:
    """The place that an item names, or its own where it names none; None: what it names is no place."""
    text = bytes(item.get(fields.place, _NULL)) if fields.place else b"null"
    try:
        return number if text == b"null" else float(text)
    except ValueError:
        return None


def _narrowed(versions: Versions, version: int) -> Versions:
    """The versions that a change may find: the one that was compared. Raises Problem 412 when it may not be found."""
    if not fits(versions, version):
        raise Problem("version_mismatch")
    return [(version, version)]


def _refusal(errors: list[FieldError]) -> Problem:
    return Problem("read_only", f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))


def _error(field: str, message: str = "is set by the server, and differs from what stands") -> FieldError:
    return FieldError(field, "read_only", message)


async def _whole(answer: EncodedResponse[Any]) -> bytes | None:
    """The body of an answer; None: it is too large."""
    if not isinstance(answer, StreamingResponse):
        return answer.body
    chunks, size = [], 0
    async for chunk in answer.chunks:
        size += len(chunk)
        if size > LARGEST:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _taken_out(item: Item, names: frozenset[str]) -> Item:
    """Take these fields out of an item; returns them."""
    return {name: item.pop(name) for name in names if name in item}
