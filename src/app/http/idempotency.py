"""Ids chosen by clients: a create can be sent again, and what was made offline sorts by the time when it was made."""

from collections.abc import Awaitable, Callable
from time import time
from typing import Annotated, Protocol, TypeVar
from uuid import RFC_4122, UUID

import asyncpg
from msgspec import Meta

from app.database.queries import Executor
from app.problems.catalog import FieldError, Problem, conflict

MAX_AHEAD = 24 * 3600
"""Seconds by which the time inside a chosen id may lie ahead: clocks of phones are wrong, but not by more than a day."""


ChosenId = Annotated[
    UUID,
    Meta(
        description="A UUIDv7 made by the client: sending the same create again answers 200 and makes nothing new.",
        # What the reference page offers to send, again and again; an id would make nothing new the second time.
        examples=[None],
    ),
]


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


N = TypeVar("N", bound=New)


R = TypeVar("R")


async def create_once(
    create: Callable[[Executor, UUID, N], Awaitable[R | None]],
    get: Callable[[Executor, UUID, UUID], Awaitable[R | None]],
    database: Executor,
    user_id: UUID,
    new: N,
    *,
    time_ordered: bool = True,
) -> tuple[R, bool]:
    """Make a row, or find the one that the same create made before; returns it, and whether it was there before.

    `create` returns None when the chosen id is taken; then `get` reads that row with a second statement: merged into one, a
    create that collides with a concurrent duplicate would see neither row. Where a table has another unique key, the
    duplicate may collide there first. Raises Problem 422 for an id that may not be chosen: any UUID may where ids are not
    the order of a list (not `time_ordered`). Raises Problem 409 when the row was deleted between the two statements.
    """
    if time_ordered:
        check(new.id)
    try:
        row = await create(database, user_id, new)
    except asyncpg.UniqueViolationError:
        if new.id is None or (row := await get(database, user_id, new.id)) is None:
            raise
        return row, True
    if row is not None:
        return row, False
    if new.id is not None and (row := await get(database, user_id, new.id)) is not None:
        return row, True
    raise conflict("id", "is taken")
