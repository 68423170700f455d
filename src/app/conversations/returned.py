"""What the statements of conversations return, and no route answers as it is."""

from datetime import datetime
from uuid import UUID

import msgspec


class Part(msgspec.Struct, frozen=True):
    """A part of the messages of a conversation, as it leaves the database."""

    saves: int
    """A part with another number is of another save."""
    to_seq: int | None
    """The seq of its last message; None: it has none."""
    items: bytes
    """The messages as JSON, with commas in between."""


class Stored(msgspec.Struct, frozen=True):
    """What the database adds to a message. None: there is none."""

    seq: int | None
    created_at: datetime | None


class Asked(Stored, frozen=True):
    """What became of a user message that was sent."""

    is_next: bool | None
    """Whether its seq is the next one; None: there is no such conversation."""


class FoundMessage(Stored, frozen=True):
    """The message that has a seq already."""

    is_equal: bool


class Changed(msgspec.Struct, frozen=True):
    """The ids that were there, of each list of a batch."""

    archived: list[UUID]
    unarchived: list[UUID]
    deleted: list[UUID]
