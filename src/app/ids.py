"""Ids that clients choose: a create can be sent again, and a row made offline sorts where it was made."""

from time import time
from typing import Annotated
from uuid import RFC_4122, UUID

from msgspec import Meta

from app.problems import FieldError, Problem

MAX_AHEAD = 24 * 3600
"""Seconds that the time inside a chosen id may lie ahead: clocks of phones are wrong, but not by more than a day."""

ChosenId = Annotated[
    UUID,
    Meta(description="A UUIDv7 made by the client: sending the same create again answers 200 and makes nothing new."),
]


def check(id: UUID | None) -> None:
    """Raise Problem 422 unless a chosen id is a UUIDv7 (RFC 9562) whose time lies at most a day ahead."""
    if id is None:
        return
    if id.variant != RFC_4122 or id.version != 7:
        raise Problem("id_not_time_ordered", errors=(FieldError("id", "id_not_time_ordered", "must be a UUID of version 7"),))
    if (id.int >> 80) / 1000 > time() + MAX_AHEAD:
        raise Problem("id_in_future", errors=(FieldError("id", "id_in_future", "lies more than 24 hours ahead"),))
