"""Messages of a conversation, read part by part: as JSON and as Markdown. No part is kept, nor a connection in between."""

from collections.abc import AsyncIterator
from typing import TypeAlias
from uuid import UUID

import msgspec
from msgspec import Raw

from app.conversations import repository
from app.conversations.schemas import Conversation, ConversationMessage, MessageQuery, Part
from app.database.executor import Database
from app.http import raw_json
from app.http.pagination import Order, after_numbered, numbered_cursor
from app.http.responses import encode
from app.problems.catalog import Problem

PART = 500
"""Messages that are read at once at most."""

PART_BYTES = 1_000_000
"""Length of their texts, after which no further message is read at once."""

Content: TypeAlias = bytes | AsyncIterator[bytes]
"""What was read: at once when the first part is all, or else part by part."""


class Reading(msgspec.Struct, frozen=True):
    """Messages of a conversation that are read part by part, of which the first is there."""

    user_id: UUID
    conversation: Conversation
    order: Order
    first: Part
    end: int
    """The seq of the last message that is wanted."""

    @property
    def is_whole(self) -> bool:
        """Whether the first part is all."""
        return self.first.to_seq in {None, self.end}

    @property
    def has_more(self) -> bool:
        """Whether the conversation goes on after the last message that is wanted."""
        last = self.conversation.message_count if self.order == "oldest" else 1
        return self.first.to_seq is not None and self.end != last


class SavedMeanwhileError(Exception):
    """A conversation was saved as a whole, or deleted, while it was sent: what follows belongs to another one."""


async def begin(database: Database, user_id: UUID, id: UUID) -> Reading:
    """Begin to read all messages, oldest first. Raises Problem 404."""
    found = await repository.read(database, user_id, id, "oldest", after=0, limit=PART, bytes=PART_BYTES)
    if found is None:
        raise Problem("not_found")
    conversation, first = found
    return Reading(user_id, conversation, "oldest", first, end=conversation.message_count)


async def begin_page(database: Database, user_id: UUID, id: UUID, filters: MessageQuery) -> Reading:
    """Begin to read a page of messages. Raises Problem 404, and 422 for a bad cursor."""
    order, wanted = filters.order, filters.limit
    after = after_numbered(filters, order)
    if filters.from_ is not None:
        after = max(after, filters.from_ - 1) if order == "oldest" else min(after, filters.from_ + 1)
    limit = min(wanted, PART)
    found = await repository.read(database, user_id, id, order, after=after, limit=limit, bytes=PART_BYTES)
    if found is None:
        raise Problem("not_found")
    conversation, first = found
    count = conversation.message_count
    end = min(count, after + wanted) if order == "oldest" else max(1, min(after, count + 1) - wanted)
    return Reading(user_id, conversation, order, first, end)


async def parts(database: Database, reading: Reading) -> AsyncIterator[str]:
    """Read part by part: each as the inside of a JSON array.

    Raises SavedMeanwhileError when the rest is no longer the conversation that was begun.
    """
    part = reading.first
    yield part.items
    while part.to_seq not in {None, reading.end}:
        limit = min(abs(reading.end - part.to_seq), PART)
        found = await repository.read(
            database,
            reading.user_id,
            reading.conversation.id,
            reading.order,
            after=part.to_seq,
            limit=limit,
            bytes=PART_BYTES,
        )
        if found is None or found[1].saves != part.saves or found[1].to_seq is None:
            raise SavedMeanwhileError
        part = found[1]
        yield part.items


def whole(database: Database, reading: Reading) -> Content:
    """A conversation with its messages, as a struct of both would be encoded."""
    return _enclosed(database, reading, encode(reading.conversation)[:-1] + b',"messages":[', b"]}")


def page(database: Database, reading: Reading) -> Content:
    """A page of messages, with the cursor of the next one."""
    cursor = f'"{numbered_cursor(reading.order, reading.end)}"' if reading.has_more else "null"
    return _enclosed(database, reading, b'{"items":[', f'],"next_cursor":{cursor}}}'.encode())


async def markdown(database: Database, reading: Reading) -> AsyncIterator[bytes]:
    """A conversation for reading: who said what. Of an assistant message the content, or else the final answer."""
    yield f"# {' '.join(reading.conversation.title.split())}\n".encode()
    async for items in parts(database, reading):
        messages = msgspec.json.decode(f"[{items}]", type=list[ConversationMessage])
        yield "".join(f"\n## {message.role.capitalize()}\n\n{_said(message)}\n" for message in messages).encode()


class _FinalAnswer(msgspec.Struct):
    """What is shown of stage3; the rest is not decoded."""

    response: Raw = Raw(b"null")


def _said(message: ConversationMessage) -> str:
    if message.content is not None:
        return message.content
    shown = message.stage3
    if bytes(shown).startswith(b"{"):
        shown = msgspec.json.decode(shown, type=_FinalAnswer).response
    if bytes(shown).startswith(b'"'):
        return msgspec.json.decode(shown, type=str)
    return f"```json\n{raw_json.text(message.stage3)}\n```"


def _enclosed(database: Database, reading: Reading, head: bytes, tail: bytes) -> Content:
    if reading.is_whole:
        return head + reading.first.items.encode() + tail
    return _chunks(database, reading, head, tail)


async def _chunks(database: Database, reading: Reading, head: bytes, tail: bytes) -> AsyncIterator[bytes]:
    comma = b""
    yield head
    async for items in parts(database, reading):
        yield comma + items.encode()
        comma = b","
    yield tail
