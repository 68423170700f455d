"""Ids chosen by clients: a create can be sent again, and what was made offline sorts by the time when it was made."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from datetime import time as time_of_day
from decimal import Decimal
from functools import cache
from time import time
from types import NoneType
from typing import Annotated, Any, Protocol, TypeVar, get_args
from uuid import RFC_4122, UUID

import asyncpg
import msgspec
from msgspec import UNSET, Meta

from app.database.queries import Executor
from app.problems.catalog import FieldError
from app.problems.problem import Problem, conflict

MAX_AHEAD = 24 * 3600
"""Seconds by which the time inside a chosen id may lie ahead: clocks of phones are wrong, but not by more than a day."""


_CHOSEN_ID = "A UUIDv7 made by the client: sending the same create again answers 200 and makes nothing new."
ChosenId = Annotated[
    UUID,
    # What the reference page offers to send, again and again; an id would make nothing new the second time.
    Meta(description=_CHOSEN_ID, examples=[None]),
]
ChosenFormId = Annotated[UUID, Meta(description=_CHOSEN_ID, examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f00"])]
"""As ChosenId, of a form, which knows no null."""


def check(id: UUID | None) -> None:
    """Raise Problem 422 unless a chosen id is a UUIDv7 (RFC 9562) whose time lies at most a day ahead."""
    if id is None:
        return
    if id.variant != RFC_4122 or id.version != 7:
        raise Problem("id_not_time_ordered", errors=(FieldError("id", "id_not_time_ordered", "must be a UUID of version 7"),))
    if (id.int >> 80) / 1000 > time() + MAX_AHEAD:
        raise Problem("id_in_future", errors=(FieldError("id", "id_in_future", "lies more than 24 hours ahead"),))


class New(Protocol):
    """The body of a create."""

    @property
    def id(self) -> UUID | None: ...


class Row(Protocol):
    """What a create makes."""

    @property
    def created_at(self) -> datetime: ...

    @property
    def updated_at(self) -> datetime: ...


N = TypeVar("N", bound=New)


R = TypeVar("R", bound=Row)


async def create_once(
    create: Callable[[Executor, UUID, N], Awaitable[R | None]],
    get: Callable[[Executor, UUID, UUID], Awaitable[R | None]],
    database: Executor,
    user_id: UUID,
    new: N,
    *,
    time_ordered: bool = True,
    get_parent: Callable[[], Awaitable[object]] | None = None,
) -> tuple[R, bool]:
    """Make a row, or find the one that the same create made before; returns it, and whether it was there before.

    `create` returns None when the chosen id is taken; then `get` reads that row with a second statement: merged into one, a
    create that collides with a concurrent duplicate would see neither row. Where a table has another unique key, the
    duplicate may collide there first. Raises Problem 422 for an id that may not be chosen: any UUID may where ids are not
    the order of a list (not `time_ordered`). Raises Problem 409 when the row stands as another body made it, and when it was
    deleted between the two statements; before that 404 where `get_parent` finds nothing, which reads what the row belongs to.
    """
    if time_ordered:
        check(new.id)
    try:
        row = await create(database, user_id, new)
    except asyncpg.UniqueViolationError:
        if new.id is None or (row := await get(database, user_id, new.id)) is None:
            raise
        return _replayed(new, row), True
    if row is not None:
        return row, False
    if new.id is not None and (row := await get(database, user_id, new.id)) is not None:
        return _replayed(new, row), True
    if get_parent is not None and await get_parent() is None:
        raise Problem("not_found")
    raise conflict("id", "is taken")


def _replayed(new: New, row: R) -> R:
    """The row that has the id of a create. Raises Problem 409 when another create made it.

    Of a row that was changed since, no one can tell what made it: it is taken for that of the same create.
    """
    if row.updated_at == row.created_at and not _may_have_made(new, row):
        raise taken()
    return row


def taken() -> Problem:
    """What is answered to a create whose id is that of a row which another create made."""
    return Problem("id_taken", errors=(FieldError("id", "id_taken", "is that of a row which another body made"),))


def _is_item(sent: Any, stands: Any) -> bool:
    """Whether an item of a list that was sent became the one in a row: a row of its own, or a plain value."""
    return _may_have_made(sent, stands) if isinstance(sent, msgspec.Struct) else bool(sent == stands)


def _may_have_made(new: Any, row: Any) -> bool:
    """Whether no field that was sent says anything else than the field of its name in the row."""
    kind: Any = type(row)
    types = _types(kind)
    return all(_says(getattr(new, name), getattr(row, name), *types[name]) for name in new.__struct_fields__ if name in types)


@cache
def _types(kind: Any) -> dict[str, tuple[Any, bool]]:
    """The type of each field of a row, and whether it can be null."""
    return {field.name: (field.type, NoneType in get_args(field.type)) for field in msgspec.structs.fields(kind)}


def _says(sent: Any, stands: Any, kind: Any, can_be_null: bool) -> bool:  # noqa: FBT001
    """Whether a value became the one in a row. One that is absent, or null where a row has no null, got its default."""
    if sent is UNSET or (sent is None and not can_be_null):
        return True
    if isinstance(stands, msgspec.Raw):
        stands = msgspec.json.decode(stands, type=kind)
    if isinstance(stands, time_of_day) and isinstance(sent, str):
        sent = time_of_day.fromisoformat(sent)
    if isinstance(sent, Sequence) and not isinstance(sent, str):
        return stands is not None and len(sent) == len(stands) and all(map(_is_item, sent, stands))
    return bool(sent == (float(stands) if isinstance(stands, Decimal) else stands))
