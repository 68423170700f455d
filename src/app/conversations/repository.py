"""Typed calls of sql/queries/conversations.sql."""

from datetime import datetime
from uuid import UUID

from asyncpg import Record

from app.conversations.schemas import (
    Asked,
    Changed,
    Conversation,
    ConversationBatch,
    ConversationCreate,
    ConversationMessage,
    ConversationMessageCreate,
    ConversationPatch,
    ConversationPut,
    FoundMessage,
    ListedConversation,
    Part,
    text_of,
)
from app.database.queries import Executor, Json, load
from app.http.responses import encode
from app.usage.schemas import LIMITS

queries = load("conversations")


async def create(database: Executor, user_id: UUID, new: ConversationCreate) -> Conversation | None:
    """Make a conversation. None: this user has one with the chosen id."""
    row = await queries.create(database, user_id=user_id, id=new.id, title=new.title)
    return Conversation(*row) if row else None


async def get(database: Executor, user_id: UUID, id: UUID) -> Conversation | None:
    """Read a conversation of this user, without its messages."""
    row = await queries.get(database, user_id=user_id, id=id)
    return Conversation(*row) if row else None


async def page_active(
    database: Executor, user_id: UUID, *, is_archived: bool | None, tag: str | None, after: tuple[datetime, UUID], limit: int
) -> list[Json[ListedConversation]]:
    """Read up to `limit` conversations, newest activity first, that come behind `after`."""
    rows = await queries.page_active(
        database, user_id=user_id, is_archived=is_archived, tag=tag, after_at=after[0], after_id=after[1], limit=limit
    )
    return [row[0] for row in rows]


async def page_found(
    database: Executor,
    user_id: UUID,
    q: str,
    *,
    is_archived: bool | None,
    tag: str | None,
    after: tuple[datetime, UUID],
    limit: int,
) -> list[Json[ListedConversation]]:
    """Read up to `limit` conversations with a message that matches `q`, in the order of `page_active`."""
    rows = await queries.page_found(
        database, user_id=user_id, q=q, is_archived=is_archived, tag=tag, after_at=after[0], after_id=after[1], limit=limit
    )
    return [row[0] for row in rows]


async def patch(
    database: Executor, user_id: UUID, id: UUID, version: int | None, changes: ConversationPatch
) -> Conversation | None:
    """Change a conversation. None: not this user's, or it has moved on from `version`."""
    row = await queries.patch(database, user_id=user_id, id=id, version=version, changes=encode(changes).decode())
    return Conversation(*row) if row else None


async def delete(database: Executor, user_id: UUID, id: UUID, version: int | None) -> int:
    """Delete a conversation and its messages. 0: not this user's, or it has moved on from `version`."""
    count: int = await queries.delete(database, user_id=user_id, id=id, version=version)
    return count


async def change_many(database: Executor, user_id: UUID, batch: ConversationBatch) -> Changed:
    """Archive, unarchive and delete many conversations, all or nothing. Returns the ids that were there."""
    row = await queries.change_many(
        database, user_id=user_id, archive=batch.archive, unarchive=batch.unarchive, delete=batch.delete
    )
    return Changed(*row)


async def read_oldest(
    database: Executor, user_id: UUID, id: UUID, *, after: int, limit: int, bytes: int
) -> tuple[Conversation, Part] | None:
    """Read a conversation and up to `limit` messages behind `after`, fewer once they have so many bytes. None: no such one."""
    row = await queries.read_oldest(database, user_id=user_id, id=id, after=after, limit=limit, bytes=bytes)
    return _read(row) if row else None


async def read_newest(
    database: Executor, user_id: UUID, id: UUID, *, after: int, limit: int, bytes: int
) -> tuple[Conversation, Part] | None:
    """Do as `read_oldest`, backwards from before `after`."""
    row = await queries.read_newest(database, user_id=user_id, id=id, after=after, limit=limit, bytes=bytes)
    return _read(row) if row else None


async def append_user_message(database: Executor, user_id: UUID, id: UUID, new: ConversationMessageCreate) -> Asked:
    """Add a user message and take it from the quota, both or neither."""
    free = LIMITS["free"]
    row = await queries.append_user_message(
        database,
        user_id=user_id,
        id=id,
        seq=new.seq,
        daily_limit=free.daily,
        monthly_limit=free.monthly,
        **_texts(new),
    )
    return Asked(*row)


async def append(
    database: Executor, user_id: UUID, id: UUID, new: ConversationMessageCreate
) -> Json[ConversationMessage] | None:
    """Add an assistant message. None: no such conversation, or `seq` is not the next one."""
    row = await queries.append(database, user_id=user_id, id=id, seq=new.seq, **_texts(new))
    return row[0] if row else None


async def find_message(database: Executor, user_id: UUID, id: UUID, sent: ConversationMessageCreate) -> FoundMessage | None:
    """Read the message that has the seq of one that was sent, and compare. None: no such conversation."""
    row = await queries.find_message(database, user_id=user_id, id=id, seq=sent.seq, role=sent.role, **_texts(sent))
    return FoundMessage(*row) if row else None


async def place(database: Executor, user_id: UUID, id: UUID, put: ConversationPut) -> int:
    """Make the row of a conversation that is saved as a whole. 0: it is there."""
    count: int = await queries.place(
        database, user_id=user_id, id=id, title=put.title, is_archived=put.is_archived, last_seq=len(put.messages)
    )
    return count


async def lock(database: Executor, user_id: UUID, id: UUID, version: int | None) -> UUID | None:
    """Keep others from changing a conversation until the transaction ends. None: not there, or it has moved on."""
    locked: UUID | None = await queries.lock(database, user_id=user_id, id=id, version=version)
    return locked


async def count_new(database: Executor, user_id: UUID, id: UUID, contents: list[str]) -> int:
    """Count the user messages of a save that were not there before."""
    count: int = await queries.count_new(database, user_id=user_id, id=id, contents=contents)
    return count


async def save(
    database: Executor, user_id: UUID, id: UUID, put: ConversationPut, messages: str, *, is_new: bool
) -> Conversation | None:
    """Make a locked conversation what was sent; `messages` is the JSON of its list. None: not there."""
    row = await queries.save(
        database, user_id=user_id, id=id, title=put.title, is_archived=put.is_archived, messages=messages, is_new=is_new
    )
    return Conversation(*row) if row else None


def _read(row: Record) -> tuple[Conversation, Part]:
    *columns, saves, to_seq, items = row
    return Conversation(*columns), Part(saves, to_seq, items)


def _texts(message: ConversationMessageCreate) -> dict[str, str | None]:
    return {
        "content": message.content,
        "stage1": text_of(message.stage1),
        "stage2": text_of(message.stage2),
        "stage3": text_of(message.stage3),
        "metadata": text_of(message.metadata),
    }
