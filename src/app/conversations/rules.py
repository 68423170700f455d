"""The rules of conversations that span several statements."""

from collections.abc import AsyncIterator
from uuid import UUID

import msgspec

from app.conversations import repository
from app.conversations.schemas import (
    MAX_MESSAGES,
    Conversation,
    ConversationMessage,
    ConversationMessageCreate,
    ConversationPut,
    Part,
    check_message,
    text_of,
)
from app.database.executor import Database, Transaction
from app.database.queries import Json
from app.http.pagination import Order
from app.http.responses import encode
from app.problems.catalog import Problem, invalid
from app.usage import repository as usage
from app.usage import rules as quota

PART = 500
"""Messages that are read at once at most."""

PART_BYTES = 1_000_000
"""Length of their texts, after which no further message is read at once."""


async def add_message(
    database: Database, user_id: UUID, id: UUID, new: ConversationMessageCreate
) -> tuple[Json[ConversationMessage], bool]:
    """Add a message at the end; returns it, and whether it was there before: then it is neither stored nor paid again.

    One statement does it; a second one says why not. Raises Problem 404, 409 when `seq` is not the next one and the message
    that has it is another, 422, 429 when the quota is used up.
    """
    check_message(new)
    if new.role == "user":
        asked = await repository.append_user_message(database, user_id, id, new)
        if asked.message is not None:
            return asked.message, False
        if asked.is_next is None:
            raise Problem("not_found")
        if asked.is_next:
            raise quota.exhausted(await usage.get(database, user_id))
    else:
        message = await repository.append(database, user_id, id, new)
        if message is not None:
            return message, False
        if new.seq is None:
            raise Problem("not_found")
    found = await repository.find_message(database, user_id, id, new)
    if found is None:
        raise Problem("not_found")
    if found.message is None or not found.is_equal:
        raise Problem("seq_conflict")
    return found.message, True


async def save(
    database: Database, user_id: UUID, id: UUID, version: int | None, put: ConversationPut
) -> tuple[Conversation, bool]:
    """Save a whole conversation, all or nothing; returns it, and whether it is new.

    User messages that were not there before count against the quota. Raises Problem 409, 412, 422, 429.
    """
    if len(put.messages) > MAX_MESSAGES:
        raise invalid("messages", "too_many", f"must be at most {MAX_MESSAGES}")
    for place, message in enumerate(put.messages):
        check_message(message, f"messages[{place}].")
    messages = encode(put.messages).decode()
    contents = [message.content for message in put.messages if message.role == "user" and message.content is not None]

    async def work(transaction: Transaction) -> tuple[Conversation, bool]:
        is_new = version is None and await repository.place(transaction, user_id, id, put) > 0
        if not is_new and await repository.lock(transaction, user_id, id, version) is None:
            # Without If-Match it was deleted between the two statements.
            raise Problem("conflict" if version is None else "version_mismatch")
        await quota.consume(transaction, user_id, await repository.count_new(transaction, user_id, id, contents))
        saved = await repository.save(transaction, user_id, id, put, messages, is_new=is_new)
        if saved is None:
            raise Problem("conflict")
        return saved, is_new

    return await database.transaction(work)


class Reading(msgspec.Struct, frozen=True):
    """Messages of a conversation that are read part by part, of which the first is there."""

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
        """Whether the conversation goes on behind the last message that is wanted."""
        last = self.conversation.message_count if self.order == "oldest" else 1
        return self.first.to_seq is not None and self.end != last


class SavedMeanwhileError(Exception):
    """A conversation was saved as a whole, or deleted, while it was sent: what follows belongs to another one."""


async def begin(
    database: Database, user_id: UUID, id: UUID, order: Order, *, after: int = 0, limit: int | None = None
) -> Reading:
    """Begin to read `limit` messages (None: all) behind seq `after`. Raises Problem 404."""
    read = repository.read_oldest if order == "oldest" else repository.read_newest
    found = await read(database, user_id, id, after=after, limit=min(limit or PART, PART), bytes=PART_BYTES)
    if found is None:
        raise Problem("not_found")
    conversation, first = found
    count = conversation.message_count
    wanted = count if limit is None else limit
    end = min(count, after + wanted) if order == "oldest" else max(1, min(after, count + 1) - wanted)
    return Reading(conversation, order, first, end)


async def parts(database: Database, user_id: UUID, reading: Reading) -> AsyncIterator[str]:
    """Read part by part: each as the inside of a JSON array. No part is kept, nor a connection in between.

    Raises SavedMeanwhileError when the rest is no longer the conversation that was begun.
    """
    read = repository.read_oldest if reading.order == "oldest" else repository.read_newest
    part: Part | None = reading.first
    while part is not None:
        yield part.items
        if part.to_seq in {None, reading.end}:
            return
        left = abs(reading.end - part.to_seq)
        found = await read(
            database, user_id, reading.conversation.id, after=part.to_seq, limit=min(left, PART), bytes=PART_BYTES
        )
        part = found[1] if found else None
        if part is None or part.saves != reading.first.saves or part.to_seq is None:
            raise SavedMeanwhileError


def markdown(messages: list[ConversationMessage]) -> str:
    """Messages for reading: who said what. Of an assistant message the content, or else the final answer."""
    return "".join(f"\n## {message.role.capitalize()}\n\n{_said(message)}\n" for message in messages)


def _said(message: ConversationMessage) -> str:
    if message.content is not None:
        return message.content
    answer = msgspec.json.decode(message.stage3)
    response = answer.get("response") if isinstance(answer, dict) else answer
    return response if isinstance(response, str) else f"```json\n{text_of(message.stage3)}\n```"
