"""Typed calls of sql/queries/conversations.sql."""

from typing import Any
from uuid import UUID

from msgspec.structs import asdict

from app.conversations.returned import Asked, Changed, FoundMessage, Part, Stored
from app.conversations.schemas import (
    DOCUMENTS,
    NO_TITLE,
    Conversation,
    ConversationBatch,
    ConversationCreate,
    ConversationMessageCreate,
    ConversationPatch,
    ConversationPut,
    ConversationQuery,
    ListedConversation,
)
from app.database.queries import Executor, Json, load, to_json
from app.http import raw_json, totals
from app.http.conditional import Versions
from app.http.pagination import PAGE_BYTES, Order, timed_parameters
from app.http.totals import Total
from app.usage.schemas import LIMITS

queries = load("conversations")


async def create(database: Executor, user_id: UUID, new: ConversationCreate) -> Conversation | None:
    """Make a conversation. None: this user has one with the chosen id."""
    return await queries.create.created(database, Conversation, user_id=user_id, **asdict(new))


async def get(database: Executor, user_id: UUID, id: UUID) -> Conversation | None:
    """Read a conversation of this user, without its messages."""
    return await queries.get.coalesced(database, Conversation, user_id=user_id, id=id)


async def page(database: Executor, user_id: UUID, filters: ConversationQuery) -> list[Json[ListedConversation]]:
    """Read a page of conversations, and one more if there is a next page; `q` is left out.

    Raises Problem 422 for a bad cursor.
    """
    parameters = timed_parameters(filters, filters.order)
    del parameters["q"]
    return await queries.ordered("page", filters.order).values(database, user_id=user_id, **parameters)


async def page_found(database: Executor, user_id: UUID, filters: ConversationQuery) -> list[Json[ListedConversation] | None]:
    """Read a page of the conversations whose title or one of whose messages matches `q`, as `page` does."""
    parameters = timed_parameters(filters, filters.order)
    return await queries.page_found.values(database, user_id=user_id, order=filters.order, bytes=PAGE_BYTES, **parameters)


async def total(database: Executor, user_id: UUID, filters: ConversationQuery) -> Total:
    """Count the conversations of a list over all of its pages; `filters.q` is ignored."""
    values = totals.parameters(filters)
    del values["q"]
    return await queries.total.only(database, Total, user_id=user_id, **values)


async def patch(
    database: Executor, user_id: UUID, id: UUID, versions: Versions, changes: ConversationPatch
) -> Conversation | None:
    """Change a conversation. None: not this user's, or not at one of `versions`."""
    return await queries.patch.one(database, Conversation, user_id=user_id, id=id, versions=versions, changes=to_json(changes))


async def delete(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> int:
    """Delete a conversation and its messages. 0: not this user's, or not at one of `versions`."""
    return await queries.delete.count(database, user_id=user_id, id=id, versions=versions)


async def change_many(database: Executor, user_id: UUID, batch: ConversationBatch) -> Changed:
    """Archive, unarchive and delete many conversations, all or nothing. Returns the ids that were there."""
    return await queries.change_many.only(database, Changed, user_id=user_id, **asdict(batch))


async def read(
    database: Executor, user_id: UUID, id: UUID, order: Order, *, after: int, limit: int, bytes: int
) -> tuple[Conversation, Part] | None:
    """Read a conversation and up to `limit` messages after seq `after`, fewer once they have so many bytes.

    None: this user has no such conversation.
    """
    row = await queries.ordered("read", order).row(database, user_id=user_id, id=id, after=after, limit=limit, bytes=bytes)
    if row is None:
        return None
    *columns, saves, to_seq, items = row
    return Conversation(*columns), Part(saves, to_seq, items)


async def append_user_message(database: Executor, user_id: UUID, id: UUID, new: ConversationMessageCreate, title: str) -> Asked:
    """Add a user message and take it from the quota, both or neither.

    The first one gives a conversation without a title this one.
    """
    columns = _message(new)
    del columns["role"]
    free = LIMITS["free"]
    return await queries.append_user_message.only(
        database,
        Asked,
        user_id=user_id,
        id=id,
        no_title=NO_TITLE,
        title=title,
        daily=free.daily,
        monthly=free.monthly,
        **columns,
    )


async def append(database: Executor, user_id: UUID, id: UUID, new: ConversationMessageCreate) -> Stored | None:
    """Add an assistant message. None: no such conversation, or `seq` is not the next one."""
    columns = _message(new)
    del columns["role"]
    return await queries.append.one(database, Stored, user_id=user_id, id=id, **columns)


async def find_message(database: Executor, user_id: UUID, id: UUID, sent: ConversationMessageCreate) -> FoundMessage | None:
    """Compare a message that was sent with the one that has its seq. None: no such conversation."""
    return await queries.find_message.one(database, FoundMessage, user_id=user_id, id=id, **_message(sent))


async def place(database: Executor, user_id: UUID, id: UUID, put: ConversationPut) -> int:
    """Make the row of a conversation that is saved as a whole. 0: it is there."""
    return await queries.place.count(database, user_id=user_id, id=id, last_seq=len(put.messages), **_columns(put))


async def lock(database: Executor, user_id: UUID, id: UUID, versions: Versions) -> UUID | None:
    """Keep others from changing a conversation until the transaction ends. None: not there, or not at one of `versions`."""
    return await queries.lock.value(database, UUID, user_id=user_id, id=id, versions=versions)


async def count_new(database: Executor, user_id: UUID, id: UUID, contents: list[str]) -> int:
    """Count the user messages of a save that were not there before."""
    return await queries.count_new.value(database, int, user_id=user_id, id=id, contents=contents) or 0


async def save(database: Executor, user_id: UUID, id: UUID, put: ConversationPut, *, is_new: bool) -> Conversation | None:
    """Make a locked conversation what was sent. None: not there."""
    return await queries.save.one(
        database,
        Conversation,
        user_id=user_id,
        id=id,
        roles=[message.role for message in put.messages],
        contents=[message.content for message in put.messages],
        stages1=[raw_json.text_or_none(message.stage1) for message in put.messages],
        stages2=[raw_json.text_or_none(message.stage2) for message in put.messages],
        stages3=[raw_json.text_or_none(message.stage3) for message in put.messages],
        metadata=[raw_json.text_or_none(message.metadata) for message in put.messages],
        is_new=is_new,
        **_columns(put),
    )


def _columns(put: ConversationPut) -> dict[str, Any]:
    """The columns of a conversation that is saved as a whole: its fields without its messages."""
    columns = asdict(put)
    del columns["messages"]
    return columns


def _message(sent: ConversationMessageCreate) -> dict[str, Any]:
    """A message as statements take it: its documents as texts."""
    documents = {name: raw_json.text_or_none(getattr(sent, name)) for name in DOCUMENTS}
    return asdict(sent) | documents
