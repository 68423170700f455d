"""Pages in the order of a column that rows may share, and may not have: a due date, a priority. Among equals the id decides."""

import struct
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from app.database.queries import Json
from app.http import pagination
from app.http.fields import FIRST_DAY
from app.http.pagination import FIRST_NEWEST, FIRST_OLDEST, LAST_NUMBER, Page, PageQuery, Rows, opened, page_of
from app.http.responses import EncodedResponse
from app.problems.problem import Problem

T = TypeVar("T")


_KEY = struct.Struct(">I16s")


_NO_DAY = 0
"""In a cursor, of a row without a date; days are counted from 1."""


def after_day(query: PageQuery, order: str, first: date | None) -> tuple[date | None, UUID]:
    """The date and the id after which the page begins, earliest date first; None: among the rows without one, the last ones.

    `first` is the first day of the list. Raises Problem 422 for a cursor of another order or form.
    """
    start = first or FIRST_DAY, FIRST_OLDEST
    if query.cursor is None:
        return start
    ordinal, key = _KEY.unpack(opened(query.cursor, order, _KEY.size))
    if ordinal == _NO_DAY:
        return None, UUID(bytes=key)
    try:
        return max(start, (date.fromordinal(ordinal), UUID(bytes=key)))
    except (ValueError, OverflowError):
        raise Problem("invalid_cursor") from None


def after_number(query: PageQuery, order: str) -> tuple[int, UUID]:
    """The number and the id after which the page begins, greatest first. Raises Problem 422 as `after_day` does."""
    if query.cursor is None:
        return LAST_NUMBER, FIRST_NEWEST
    number, key = _KEY.unpack(opened(query.cursor, order, _KEY.size))
    return min(number, LAST_NUMBER), UUID(bytes=key)


def answer(rows: Rows[T], query: PageQuery, order: str, column: str | None) -> EncodedResponse[Page[T]]:
    """Answer with a page in the order of `column`; None: in that of creation."""
    if column is None:
        return pagination.answer(rows, query)

    def key(row: Json[T]) -> bytes:
        last: dict[str, Any] = msgspec.json.decode(row)
        return _KEY.pack(_number(last[column]), UUID(last["id"]).bytes)

    return page_of(rows, query, order, key)


def _number(value: str | int | None) -> int:
    """A date or a number, as a cursor has it."""
    if value is None:
        return _NO_DAY
    return value if isinstance(value, int) else date.fromisoformat(value).toordinal()
