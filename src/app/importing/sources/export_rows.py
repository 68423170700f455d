"""Rows of an export as rows of a table here: each value by the type of its column."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from app.archives import media_entry
from app.importing.schemas import Column
from app.importing.values import Refused

TYPES: dict[str, Any] = {
    "uuid": UUID,
    "text": str,
    "boolean": bool,
    "integer": Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)],
    "bigint": Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)],
    "numeric": Decimal,
    "date": date,
    "time without time zone": time,
    "timestamp with time zone": Annotated[datetime, Meta(tz=True)],
    "json": msgspec.Raw,
    "integer[]": list[Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]],
}
"""What JSON is read as, by the types of columns. A column of another type needs a word here."""

_NO_VALUE = b"null"


class Staged(msgspec.Struct, frozen=True):
    """A row on its way in: its key in the source, the key of its user, and its values."""

    key: str
    owner: str | None
    values: list[Any]


class Rows:
    """The rows of a table."""

    def __init__(self, entity: str, columns: Sequence[Column], first_line: bytes) -> None:
        """`columns`: those that may be filled. Raises Refused when the first line is no row."""
        try:
            found = msgspec.json.decode(first_line, type=dict[str, msgspec.Raw])
        except msgspec.MsgspecError:
            raise Refused("row_form") from None
        self.is_owned = "user_id" in found
        self.has_files = entity == "media"
        known = [column for column in columns if column.name in found or column.name == "storage_key"]
        names = {column.name for column in known}
        self.columns = [column.name for column in known]
        self.others = sorted(found.keys() - names - {"user_id"})
        """What has no place here."""
        fields: list[tuple[str, Any, Any]] = [
            (column.name, TYPES[column.type] | None, None) for column in known if column.type != "json"
        ]
        fields += [(column.name, msgspec.Raw, msgspec.Raw(_NO_VALUE)) for column in known if column.type == "json"]
        fields += [(name, msgspec.Raw, msgspec.Raw(_NO_VALUE)) for name in self.others]
        kind = msgspec.defstruct(entity, [("user_id", UUID | None, None), *fields], forbid_unknown_fields=True)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(kind).decode
        self._is_user = entity == "users"
        self._keys = [column.name for column in columns if column.is_key]
        self._texts = [column.name for column in known if column.type == "text"]
        self._taken = [(column.name, self._conversion(column)) for column in known]

    def row(self, line: bytes) -> Staged:
        """Read a line. Raises Refused."""
        try:
            row = self._decode(line)
        except msgspec.ValidationError as error:
            # "Expected `int`, got `str` - at `$.priority`"
            raise Refused(f"{str(error).rpartition('$.')[2].strip('`') or 'row'}_form") from None
        except msgspec.DecodeError:
            raise Refused("row_form") from None
        if b"\\u0000" in line and any("\0" in (getattr(row, name) or "") for name in self._texts):
            raise Refused("text_characters")
        user = str(row.id if self._is_user else row.user_id) if self.is_owned or self._is_user else None
        if user == "None":
            raise Refused("user_id_needed")
        keys = [] if self._is_user else [str(getattr(row, name)) for name in self._keys]
        key = "/".join(keys if user is None else [user, *keys])
        values = [getattr(row, name) if take is None else take(user, getattr(row, name)) for name, take in self._taken]
        if self.has_files:
            values[self.columns.index("storage_key")] = media_entry(user or "", row.id)
        return Staged(key, user, values)

    def _conversion(self, column: Column) -> Callable[[str | None, Any], Any] | None:
        """What becomes of a value, given the key of its user."""
        if column.is_reference or column.name == "taggable_id":
            return lambda user, value: None if value is None else f"{user}/{value}"
        if column.type == "json":
            # Null is a document where there must be one, and none elsewhere.
            return lambda _, raw: None if raw == _NO_VALUE and not column.is_needed else bytes(raw).decode()
        if column.type == "numeric":
            return _number
        return None


def _number(_: str | None, value: Decimal | None) -> Decimal | None:
    if value is not None and (not value.is_finite() or not -40 <= value.adjusted() <= 40):
        raise Refused("number_range")
    return value
