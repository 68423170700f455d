"""Keyset pages: cursors and limits. Never an offset: page 1,000 costs what page 1 costs."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

import msgspec

from app.answers import Json, Ready
from app.problems import Problem

T = TypeVar("T")

FIRST_NEWEST = UUID("ffffffff-ffff-ffff-ffff-ffffffffffff")
FIRST_OLDEST = UUID("00000000-0000-0000-0000-000000000000")

Order = Literal["newest", "oldest"]


class _Identified(msgspec.Struct):
    """What is read off the last row of a page."""

    id: UUID


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every list takes; a slice adds its filters."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200, description="Rows per page.")] = 50
    cursor: Annotated[str, msgspec.Meta(max_length=200, description="next_cursor of the page before.")] | None = None


class OrderedPageQuery(PageQuery, frozen=True, kw_only=True):
    """What a list takes that goes both ways."""

    order: Annotated[Order, msgspec.Meta(description="By time of creation.")] = "newest"


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list."""

    items: Sequence[T]
    next_cursor: Annotated[
        str | None, msgspec.Meta(description="Opaque: send it as `cursor` for the next page. Null: this was the last.")
    ]


def after(query: PageQuery, order: Order = "newest") -> UUID:
    """The id that the page begins behind. Raises Problem 422 for a cursor of another order or another make."""
    if query.cursor is None:
        return FIRST_NEWEST if order == "newest" else FIRST_OLDEST
    try:
        raw = base64.b64decode(query.cursor + "=" * (-len(query.cursor) % 4), altchars=b"-_", validate=True)
        key = UUID(bytes=raw[1:])
    except (ValueError, binascii.Error):
        raise Problem("invalid_cursor") from None
    # The exact text: base64 has several spellings of the same bytes, a cursor has one.
    if _cursor(order, key) != query.cursor:
        raise Problem("invalid_cursor")
    return key


def answer(rows: list[Json[T]], query: PageQuery, order: Order = "newest") -> Ready[Page[T]]:
    """Answer with a page, made out of `limit + 1` rows: the extra one, if there, says that there is a next page."""
    if len(rows) <= query.limit:
        return Ready(b'{"items":[%b],"next_cursor":null}' % ",".join(rows).encode())
    items = rows[: query.limit]
    cursor = _cursor(order, msgspec.json.decode(items[-1], type=_Identified).id)
    return Ready(b'{"items":[%b],"next_cursor":"%b"}' % (",".join(items).encode(), cursor.encode()))


def _cursor(order: Order, key: UUID) -> str:
    return base64.urlsafe_b64encode(order[:1].encode() + key.bytes).rstrip(b"=").decode()
