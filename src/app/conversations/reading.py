"""Messages of a conversation: a page, and all of them part by part, as JSON and as Markdown.

One part is held at a time, and no connection in between.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeAlias
from uuid import UUID

import msgspec

from app.conversations import repository
from app.conversations.markdown import date, section
from app.conversations.returned import Part
from app.conversations.schemas import Conversation, ConversationMessage, MessageQuery
from app.database.queries import Executor
from app.http.pagination import PAGE_BYTES, after_numbered, numbered_cursor
from app.http.responses import ReadInterruptedError, encode
from app.problems.problem import Problem

PART = 500
"""Messages that are read at once at most."""

PART_BYTES = 256 * 1024
"""Length of their texts, after which no further message is read at once."""

Content: TypeAlias = bytes | AsyncIterator[bytes]
"""What was read: at once when the first part is all, or else part by part."""


class Reading(msgspec.Struct):
    """A conversation that is read part by part."""

    user_id: UUID
    conversation: Conversation
    part: Part
    """The part that was read last; the one before it is not kept, because a reader may be slow."""

    @property
    def is_whole(self) -> bool:
        """Whether no message comes after the part; those that were added meanwhile do not count."""
        return self.part.to_seq in {None, self.conversation.message_count}


class SavedMeanwhileError(ReadInterruptedError):
    """A conversation was saved as a whole, or deleted, while it was sent: what follows belongs to another one."""


async def begin(database: Executor, user_id: UUID, id: UUID) -> Reading:
    """Begin to read all messages, oldest first. Raises Problem 404."""
    found = await repository.read(database, user_id, id, "oldest", after=0, limit=PART, bytes=PART_BYTES)
    if found is None:
        raise Problem("not_found")
    conversation, part = found
    return Reading(user_id, conversation, part)


async def page(database: Executor, user_id: UUID, id: UUID, filters: MessageQuery) -> bytes:
    """Read a page of messages, with the cursor of the next one. Raises Problem 404, and 422 for a bad cursor."""
    order = filters.order
    after = after_numbered(filters, order)
    if filters.from_ is not None:
        after = max(after, filters.from_ - 1) if order == "oldest" else min(after, filters.from_ + 1)
    found = await repository.read(database, user_id, id, order, after=after, limit=filters.limit, bytes=PAGE_BYTES)
    if found is None:
        raise Problem("not_found")
    conversation, part = found
    last = conversation.message_count if order == "oldest" else 1
    cursor = "null" if part.to_seq is None or part.to_seq == last else f'"{numbered_cursor(order, part.to_seq)}"'
    return b'{"items":[%b],"next_cursor":%b}' % (part.items, cursor.encode())


async def parts(database: Executor, reading: Reading) -> AsyncIterator[bytes]:
    """Read part by part: each as the inside of a JSON array.

    Raises SavedMeanwhileError when the rest is no longer the conversation that was begun.
    """
    yield reading.part.items
    while not reading.is_whole:
        conversation, saves, after = reading.conversation, reading.part.saves, reading.part.to_seq or 0
        limit = min(conversation.message_count - after, PART)
        found = await repository.read(
            database, reading.user_id, conversation.id, "oldest", after=after, limit=limit, bytes=PART_BYTES
        )
        if found is None or found[1].saves != saves or found[1].to_seq is None:
            raise SavedMeanwhileError
        reading.part = found[1]
        yield reading.part.items


def whole(database: Executor, reading: Reading) -> Content:
    """A conversation with its messages, as a struct of both would be encoded."""
    head = encode(reading.conversation)[:-1] + b',"messages":['
    return b"%b%b]}" % (head, reading.part.items) if reading.is_whole else _chunks(database, reading, head)


async def markdown(database: Executor, reading: Reading) -> AsyncIterator[bytes]:
    """A conversation for reading: who said what and when, and the stages of each answer."""
    title, begun = " ".join(reading.conversation.title.split()), date(reading.conversation.created_at)
    yield f"# {title}\n\n{begun}\n".encode()
    async for items in parts(database, reading):
        messages = msgspec.json.decode(b"[%b]" % items, type=list[ConversationMessage])
        sections = []
        for message in messages:
            sections.append(section(message))
            # Other requests come in between: stages may have been made to take long.
            await asyncio.sleep(0)
        yield "".join(sections).encode()


async def _chunks(database: Executor, reading: Reading, head: bytes) -> AsyncIterator[bytes]:
    async for items in parts(database, reading):
        # By itself, because a part may have megabytes.
        yield head
        yield items
        head = b","
    yield b"]}"
