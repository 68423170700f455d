"""The fields that only the server sets, told by types: those of an answer that the bodies of its address have not."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, cast

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.inspect import ListType, Metadata, StructType, Type, UnionType

from app.http.fields import MOVES, PLACE, itself

LARGEST = 1024 * 1024
"""Bytes of a value: the messages of a conversation, which a PATCH does not set, can be more than should be decoded at once."""

_NUMBERS = b"-0123456789"
"""What a number begins with."""

Item = dict[str, Raw]
"""An item of a list as it was sent: its fields as JSON."""


class ReadOnlyFields:
    """The fields of the struct of an answer that the struct of a body has not."""

    def __init__(self, answer: type[Struct], body: type[Struct]) -> None:
        self.answer = answer
        self.types: dict[str, Any] = {field.encode_name: field.type for field in msgspec.structs.fields(answer)}
        self.taken = {field.encode_name: field for field in msgspec.structs.fields(body)}
        self.all = frozenset(self.types.keys() - self.taken.keys())
        infos = _infos(answer)
        self.compared = [name for name in self.types if name in self.all and not _is_marked(infos[name], MOVES)]
        self.of_path: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
            name: _extra(infos[name]).get("of_path", (itself, (name,))) for name in self.compared
        }
        """What makes a field of parameters of the path, if it has these: as it is, the one of the field's name."""
        self.place = next((name for name in self.types if name in self.all and _is_marked(infos[name], PLACE)), None)

    def struct_of_bodies(self, lists: Iterable[str]) -> type[Struct]:
        """A struct of all fields, each as its JSON, but `lists` of objects as these; no other field is taken."""
        names = sorted({*self.taken, *self.all})
        fields: list[Any] = [(name, list[Item] | UnsetType if name in lists else Raw | UnsetType, UNSET) for name in names]
        return msgspec.defstruct("Sent", fields, forbid_unknown_fields=True)

    def struct_of_what_stands(self, more: Iterable[str], lists: Mapping[str, "ReadOnlyFields"]) -> type[Struct]:
        """A struct of the fields that are compared, and of `more`, each as its JSON, but `lists` as structs of theirs."""
        names = {*self.compared, *more} - lists.keys()
        fields: list[Any] = [(name, Raw | UnsetType, UNSET) for name in sorted(names)]
        for name, own in lists.items():
            item = own.struct_of_what_stands((), {})
            fields.append((name, list[item] | UnsetType, UNSET))  # type: ignore[valid-type]
        return msgspec.defstruct("Standing", fields)


def lists_of(answer: type[Struct], body: type[Struct]) -> Iterator[tuple[str, ReadOnlyFields]]:
    """The lists of rows in both, whose rows in the answer have fields that those in the body have not."""
    given, taken = _infos(answer), _infos(body)
    for name in given.keys() & taken.keys():
        one, other = _items(given[name]), _items(taken[name])
        if one is not None and other is not None and (fields := ReadOnlyFields(one, other)).all:
            yield name, fields


def present(struct: Struct) -> dict[str, Any]:
    """The fields of a struct that are there."""
    return {name: value for name in struct.__struct_fields__ if (value := getattr(struct, name)) is not UNSET}


def is_same(sent: bytes | Raw, stands: bytes | Raw, kind: Any) -> bool:
    """Whether two texts of JSON say the same: byte for byte, as numbers, or as a `kind`, as two forms of one time do.

    Of what stands no more than LARGEST bytes are decoded, and no document that is kept as it was sent.
    """
    one, other = bytes(sent), bytes(stands)
    if one == other:
        return True
    if len(other) > LARGEST:
        return False
    if one[0] in _NUMBERS and other[0] in _NUMBERS:
        return float(one) == float(other)
    try:
        return bool(msgspec.json.decode(one, type=kind) == msgspec.json.decode(other, type=kind))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


@cache
def _infos(kind: type[Struct]) -> dict[str, Type]:
    return {field.encode_name: field.type for field in cast("StructType", msgspec.inspect.type_info(kind)).fields}


def _is_marked(info: Type, mark: msgspec.Meta) -> bool:
    return (mark.extra or {}).items() <= _extra(info).items()


def _extra(info: Type) -> Mapping[str, Any]:
    """What a field's type is marked with."""
    if isinstance(info, Metadata):
        return {**_extra(info.type), **(info.extra or {})}
    if isinstance(info, UnionType):
        return {key: value for each in info.types for key, value in _extra(each).items()}
    return {}


def _items(info: Type) -> type[Struct] | None:
    """The struct of a list's items; None: it is no list of structs."""
    if isinstance(info, Metadata):
        return _items(info.type)
    if isinstance(info, UnionType):
        return next((found for each in info.types if (found := _items(each))), None)
    if isinstance(info, ListType) and isinstance(info.item_type, StructType):
        return info.item_type.cls
    return None
