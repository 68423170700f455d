"""Keyset pages: cursors and limits. Never an offset: page 1,000 costs what page 1 costs."""

import base64
import binascii
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar, cast
from uuid import UUID

import msgspec

from app.database.queries import Json
from app.http.fields import FIRST_DAY, LAST_DAY
from app.http.responses import EncodedResponse, encode
from app.problems.problem import Problem, invalid

T = TypeVar("T")


FIRST_NEWEST = UUID("ffffffff-ffff-ffff-ffff-ffffffffffff")


FIRST_OLDEST = UUID("00000000-0000-0000-0000-000000000000")


LAST_NUMBER = 2**31 - 1


PAGE_BYTES = 1024 * 1024
"""A page of a list that may pass it ends at the row that reaches it (docs/decisions/0031)."""


Rows: TypeAlias = Sequence[Json[T] | None]
"""What a page is made of: up to `limit + 1` rows; or fewer and then None, where it ended at PAGE_BYTES; or fewer and then the
key of the last row that was looked at, where filters want few rows of many (docs/decisions/0042)."""


_WALKED = '{"walked":true,'
"""How such a key begins; a row begins with its id."""


Order = Annotated[Literal["newest", "oldest"], msgspec.Meta(title="ListOrder")]


class _Identified(msgspec.Struct):
    """What is read from the last row of a page; a row without an id is the only one of its date."""

    id: UUID = FIRST_OLDEST


class _Dated(_Identified, kw_only=True):
    date: date


class _Numbered(msgspec.Struct):
    seq: int


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The parameters of every list; a slice adds its filters."""

    limit: Annotated[
        int,
        msgspec.Meta(
            title="Limit",
            ge=1,
            le=200,
            description="Items per page at most; a page of long texts ends with the item that reaches 1 MiB, and one whose "
            "filters want few items of many after 10,000 that were looked at: it may be empty, and have a next one.",
        ),
    ] = 50
    cursor: Annotated[str, msgspec.Meta(max_length=200, description="`next_cursor` of the previous page.")] | None = None


class OrderedPageQuery(PageQuery, frozen=True, kw_only=True):
    """The parameters of a list that can be read in both orders."""

    order: Annotated[Order, msgspec.Meta(description="By time of creation.")] = "newest"


class DatedPageQuery(OrderedPageQuery, frozen=True, kw_only=True):
    """The parameters of a list by date; `order` is by date, and by id within a date."""

    from_: Annotated[date, msgspec.Meta(description="The first day, included.")] = msgspec.field(name="from", default=FIRST_DAY)
    to: Annotated[date, msgspec.Meta(description="The last day, included.")] = LAST_DAY


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list."""

    items: Sequence[T]
    next_cursor: Annotated[
        str | None,
        msgspec.Meta(description="Opaque: send it as `cursor` for the next page. Only null means that this is the last one."),
    ]


def after(query: PageQuery, order: Order = "newest") -> UUID:
    """The id after which the page begins. Raises Problem 422 for a cursor of another order or form."""
    if query.cursor is None:
        return FIRST_NEWEST if order == "newest" else FIRST_OLDEST
    return UUID(bytes=opened(query.cursor, order, 16))


def _after_dated(query: DatedPageQuery) -> tuple[date, UUID]:
    """The date and the id after which the page begins: the cursor's, or those at the end of the range where the list begins.

    So a statement needs no condition for that end. With conditions for both ends and the cursor the planner expects a narrow
    range (0.5 %), and prefers to read and sort all of a user's rows to walking the index.

    Raises Problem 422 for a cursor of another order or form, and for a range that ends before it begins.
    """
    check_range(query.from_, query.to)
    start = (query.to, FIRST_NEWEST) if query.order == "newest" else (query.from_, FIRST_OLDEST)
    if query.cursor is None:
        return start
    ordinal, key = _DATED.unpack(opened(query.cursor, query.order, _DATED.size))
    try:
        key_of_last = date.fromordinal(ordinal), UUID(bytes=key)
    except (ValueError, OverflowError):
        raise Problem("invalid_cursor") from None
    return min(key_of_last, start) if query.order == "newest" else max(key_of_last, start)


def check_range(from_: date | None, to: date | None) -> None:
    """Raise Problem 422 for a range that ends before it begins; None: it has no such end."""
    if from_ is not None and to is not None and to < from_:
        raise invalid("to", "before_from", "must not lie before from")


def _after_time(query: PageQuery, order: str) -> tuple[datetime, UUID]:
    """The time and the id after which the page begins, newest first. Raises Problem 422 as `after` does."""
    if query.cursor is None:
        return datetime.max.replace(tzinfo=UTC), FIRST_NEWEST
    microseconds, key = _TIMED.unpack(opened(query.cursor, order, _TIMED.size))
    try:
        return _EPOCH + timedelta(microseconds=microseconds), UUID(bytes=key)
    except OverflowError:
        raise Problem("invalid_cursor") from None


def after_numbered(query: PageQuery, order: Order) -> int:
    """The number after which the page of numbered rows begins. Raises Problem 422 as `after` does."""
    if query.cursor is None:
        return LAST_NUMBER if order == "newest" else 0
    return min(int.from_bytes(opened(query.cursor, order, 4)), LAST_NUMBER)


def numbered_cursor(order: Order, number: int) -> str:
    """The cursor after a number."""
    return _cursor(order, number.to_bytes(4))


def parameters(query: PageQuery) -> dict[str, Any]:
    """The parameters of a list's statement: `after`, `limit`, and the filters under their own names.

    Raises Problem 422 for a cursor of another order or form.
    """
    return {"after": after(query, _order(query)), **limit_and_filters(query)}


def dated_parameters(query: DatedPageQuery) -> dict[str, Any]:
    """The parameters of a list by date: `after_date` and `after_id`, `from_date` or `to_date`, `limit`, and the filters.

    Of the range's ends only the one where the list ends is passed; `_after_dated` covers the other one, and says why.
    Raises Problem 422 as `_after_dated` does.
    """
    after_date, after_id = _after_dated(query)
    bound = {"from_date": query.from_} if query.order == "newest" else {"to_date": query.to}
    return {"after_date": after_date, "after_id": after_id, **bound, **limit_and_filters(query)}


def days_parameters(query: DatedPageQuery) -> dict[str, Any]:
    """The parameters of a list with at most one row a day: `from_date` and `to_date`, `limit`, and the filters.

    The cursor only shortens the range. Raises Problem 422 as `_after_dated` does.
    """
    from_date, to_date = query.from_, query.to
    after_date, _ = _after_dated(query)
    if query.cursor is not None and from_date <= after_date <= to_date:
        if query.order == "newest":
            to_date = after_date - timedelta(days=after_date > date.min)
        else:
            from_date = after_date + timedelta(days=after_date < LAST_DAY)
    return {"from_date": from_date, "to_date": to_date, **limit_and_filters(query)}


def timed_parameters(query: PageQuery, order: str) -> dict[str, Any]:
    """The parameters of a list by a time, as `parameters` returns them. Raises Problem 422 as `after` does."""
    after_at, after_id = _after_time(query, order)
    return {"after_at": after_at, "after_id": after_id, **limit_and_filters(query)}


def limit_and_filters(query: PageQuery) -> dict[str, Any]:
    """What every list's statement takes: `limit`, and the filters under their own names."""
    filters = msgspec.structs.asdict(query)
    for name in ("limit", "cursor", "order", "from_", "to", "count"):
        filters.pop(name, None)
    if "tag" in filters:
        filters |= {"tags": sorted({*filters.pop("tag")}) or None, "with_tags": filters.pop("with_") is not None}
        filters["since"] = filters.pop("changed_since")
    # One row more than the page has: if it is there, there is a next page.
    return filters | {"limit": query.limit + 1}


def _order(query: PageQuery) -> Order:
    return cast("Order", getattr(query, "order", "newest"))


def answer(rows: Rows[T], query: PageQuery) -> EncodedResponse[Page[T]]:
    """Answer with a page in the order of creation, as `page_of` does."""
    return page_of(rows, query, _order(query), lambda row: msgspec.json.decode(row, type=_Identified).id.bytes)


def answer_dated(rows: Rows[T], query: DatedPageQuery) -> EncodedResponse[Page[T]]:
    """Answer with a page of rows that are ordered by (date, id), as `page_of` does."""

    def key(row: Json[T]) -> bytes:
        last = msgspec.json.decode(row, type=_Dated)
        return _DATED.pack(last.date.toordinal(), last.id.bytes)

    return page_of(rows, query, query.order, key)


def answer_numbered(rows: Rows[T], query: PageQuery) -> EncodedResponse[Page[T]]:
    """Answer with a page of rows that are ordered by `seq`, newest first, as `page_of` does."""
    return page_of(rows, query, "newest", lambda row: msgspec.json.decode(row, type=_Numbered).seq.to_bytes(4))


def answer_timed(rows: Rows[T], query: PageQuery, order: str, column: str) -> EncodedResponse[Page[T]]:
    """Answer with a page of rows that are ordered by (`column`, id), a time, newest first, as `page_of` does."""

    def key(row: Json[T]) -> bytes:
        last: dict[str, Any] = msgspec.json.decode(row)
        microseconds = (msgspec.convert(last[column], datetime) - _EPOCH) // timedelta(microseconds=1)
        return _TIMED.pack(microseconds, UUID(last["id"]).bytes)

    return page_of(rows, query, order, key)


def page_of(rows: Rows[T], query: PageQuery, order: str, key: Callable[[Json[T]], bytes]) -> EncodedResponse[Page[T]]:
    """Answer with a page: a row more than `limit`, or None or a key at the end, says that there is a next one.

    `key` packs what the statement of the next page finds the last row by.
    """
    items = list(rows[: query.limit])
    if items and items[-1] is None:
        items.pop()
    shown = cast("list[Json[T]]", items)
    last = shown[-1] if shown else None
    if last is not None and last.startswith(_WALKED):
        shown.pop()
    next_cursor = b'"%b"' % _cursor(order, key(last)).encode() if last is not None and len(shown) < len(rows) else b"null"
    return EncodedResponse(b'{"items":[%b],"next_cursor":%b}' % (",".join(shown).encode(), next_cursor))


def with_members(page: EncodedResponse[Any], **members: Any) -> EncodedResponse[Any]:
    """A page that says more than its items, in the order given."""
    return EncodedResponse(page.body[:-1] + b"," + encode(members)[1:])


_DATED = struct.Struct(">I16s")


_TIMED = struct.Struct(">q16s")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _cursor(order: str, key: bytes) -> str:
    """The cursor after a key."""
    return base64.urlsafe_b64encode(order[:1].encode() + key).rstrip(b"=").decode()


def opened(cursor: str, order: str, size: int) -> bytes:
    """The key in a cursor. Raises Problem 422 when it has another form, order or size."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Problem("invalid_cursor") from None
    # The text is compared too: base64 can write the same bytes in several ways, a cursor has one.
    if len(raw) != size + 1 or _cursor(order, raw[1:]) != cursor:
        raise Problem("invalid_cursor")
    return raw[1:]
