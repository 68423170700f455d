"""The rules of conversations: which messages may be kept, what counts against the quota, what a batch does."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from app.conversations import repository
from app.conversations.returned import Stored
from app.conversations.schemas import (
    DOCUMENTS,
    NO_TITLE,
    TITLE_LENGTH,
    Conversation,
    ConversationBatch,
    ConversationBatchResult,
    ConversationMessage,
    ConversationMessageCreate,
    ConversationMessagePut,
    ConversationPut,
    ConversationQuery,
    ListedConversation,
)
from app.database.queries import Executor, Json, Transactor
from app.http.conditional import ABSENT, Versions, fits
from app.problems.problem import Problem, conflict, invalid
from app.usage import repository as usage
from app.usage import rules as quota

MAX_MESSAGES = 20_000

TITLE_WORDS = 8
"""Of the first user message, which a conversation gets where it is given no title."""

NULL = Raw(b"null")


async def page(database: Executor, user_id: UUID, filters: ConversationQuery) -> Sequence[Json[ListedConversation] | None]:
    """Read a page of conversations, with `q` of those that match.

    Raises Problem 422 for a bad cursor, and for a count with `q`.
    """
    if filters.q is None:
        return await repository.page(database, user_id, filters)
    if filters.count:
        raise invalid("count", "not_with_q", "cannot be sent with q: a search is not counted")
    return await repository.page_found(database, user_id, filters)


async def add_message(
    database: Executor, user_id: UUID, id: UUID, new: ConversationMessageCreate
) -> tuple[ConversationMessage, bool]:
    """Add a message at the end; returns it, and whether it was there before: then it is neither stored nor paid again.

    One statement does it; a second one says why not. Raises Problem 404, 409 when `seq` is not the next one and the message
    that has it is another, 422, 429 when the quota is used up.
    """
    _check_message(new)
    if new.role == "user":
        asked = await repository.append_user_message(database, user_id, id, new, title_of(new.content or ""))
        if (message := _as_stored(new, asked)) is not None:
            return message, False
        if asked.is_next is None:
            raise Problem("not_found")
        if asked.is_next:
            raise quota.exhausted(await usage.get(database, user_id))
    else:
        stored = await repository.append(database, user_id, id, new)
        if stored is not None and (message := _as_stored(new, stored)) is not None:
            return message, False
        if new.seq is None:
            raise Problem("not_found")
    found = await repository.find_message(database, user_id, id, new)
    if found is None:
        raise Problem("not_found")
    message = _as_stored(new, found) if found.is_equal else None
    if message is None:
        raise Problem("seq_conflict")
    return message, True


def _as_stored(new: ConversationMessageCreate, stored: Stored) -> ConversationMessage | None:
    """A message that was sent, to the byte: nothing of it has to come back from the database. None: it is not stored."""
    if stored.seq is None or stored.created_at is None:
        return None
    documents = {name: NULL if isinstance(raw := getattr(new, name), UnsetType) else raw for name in DOCUMENTS}
    return ConversationMessage(seq=stored.seq, role=new.role, content=new.content, created_at=stored.created_at, **documents)


async def save(
    database: Transactor, user_id: UUID, id: UUID, versions: Versions, put: ConversationPut
) -> tuple[Conversation, bool]:
    """Save a whole conversation, all or nothing; returns it, and whether it is new.

    User messages that were not there before count against the quota. Raises Problem 409, 412, 422, 429.
    """
    if len(put.messages) > MAX_MESSAGES:
        raise invalid("messages", "too_many", f"must be at most {MAX_MESSAGES}")
    for place, message in enumerate(put.messages):
        _check_message(message, f"messages[{place}].")
    contents = [message.content for message in put.messages if message.role == "user" and message.content is not None]
    if put.title is UNSET:
        put = replace(put, title=title_of(contents[0]) if contents else NO_TITLE)

    deleted = conflict("id", "is that of a conversation that was deleted at the same time")

    async def work(transaction: Executor) -> tuple[Conversation, bool]:
        is_new = fits(versions, ABSENT) and await repository.place(transaction, user_id, id, put) > 0
        if not is_new and await repository.lock(transaction, user_id, id, versions) is None:
            # Without a condition it was deleted between the two statements.
            raise deleted if versions is None else Problem("version_mismatch")
        await quota.consume(transaction, user_id, await repository.count_new(transaction, user_id, id, contents))
        saved = await repository.save(transaction, user_id, id, put, is_new=is_new)
        if saved is None:
            raise deleted
        return saved, is_new

    return await database.transaction(work)


async def change_many(database: Executor, user_id: UUID, batch: ConversationBatch) -> ConversationBatchResult:
    """Archive, unarchive and delete the conversations of a batch that are there; returns what was done, in its order.

    Raises Problem 422 when an id stands in two of its lists.
    """
    archive, unarchive, delete = (dict.fromkeys(each) for each in (batch.archive, batch.unarchive, batch.delete))
    named = [*archive, *unarchive, *delete]
    if len(named) != len(set(named)):
        raise invalid("", "repeated", "An id must not stand in two of the lists.")
    changed = await repository.change_many(database, user_id, batch)
    there = {*changed.archived, *changed.unarchived, *changed.deleted}
    return ConversationBatchResult(
        archived=[each for each in archive if each in there],
        unarchived=[each for each in unarchive if each in there],
        deleted=[each for each in delete if each in there],
        missing=[each for each in named if each not in there],
    )


def title_of(content: str) -> str:
    """The title that a user message gives: its first eight words, in up to 500 characters."""
    return " ".join(content.replace("\ufeff", " ").split(maxsplit=TITLE_WORDS)[:TITLE_WORDS])[:TITLE_LENGTH].rstrip()


def _check_message(message: ConversationMessagePut, path: str = "") -> None:
    """Raise Problem 422 unless a message has what its role needs."""
    if message.content is not None:
        # Here and not by a pattern in the schema, which takes 40 ms for 8 MiB of blanks.
        if message.content.replace("\ufeff", " ").isspace():
            raise invalid(f"{path}content", "form", "must not be blank")
    elif message.role == "user" or message.stage3 is UNSET or bytes(message.stage3) == b"null":
        also = "" if message.role == "user" else ", or stage3"
        raise invalid(f"{path}content", "required", f"is required{also}")
