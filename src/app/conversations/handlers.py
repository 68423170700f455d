"""/v1/conversations. A handler reads like the route's sentence: decode, call the repository or a rule, answer."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.conversations import repository, rules
from app.conversations.rules import Reading
from app.conversations.schemas import (
    Conversation,
    ConversationBatch,
    ConversationBatchResult,
    ConversationCreate,
    ConversationMessage,
    ConversationMessageCreate,
    ConversationPatch,
    ConversationPut,
    ConversationQuery,
    ConversationWithMessages,
    ExportQuery,
    ListedConversation,
    MessageQuery,
)
from app.http import idempotency, pagination, responses
from app.http.conditional import IfMatch
from app.http.pagination import Page
from app.http.requests import Request
from app.http.responses import EncodedResponse, Headers, StreamingResponse, encode
from app.problems.catalog import invalid
from app.problems.ownership import missing

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes of a whole conversation, and of a message: what can be saved can be added."""

JSON = (b"content-type", b"application/json")
MARKDOWN = (b"content-type", b"text/markdown; charset=utf-8")


@post("/")
async def create(request: Request, data: JSONBody[ConversationCreate]) -> EncodedResponse[Conversation]:
    """Make a conversation. Sent again with the same `id`: 200 with the conversation as it stands, and nothing new."""
    conversation, replayed = await idempotency.create_once(
        repository.create, repository.get, request.database, request.caller.user_id, data, time_ordered=False
    )
    return responses.created(conversation, f"/v1/conversations/{conversation.id}", replayed=replayed)


@get("/")
async def page(request: Request, filters: FromQuery[ConversationQuery]) -> EncodedResponse[Page[ListedConversation]]:
    """List conversations by their newest activity; with `q` those with a message that has these words."""
    after, limit = pagination.after_active(filters), filters.limit + 1
    database, user_id, is_archived, tag = request.database, request.caller.user_id, filters.is_archived, filters.tag
    if filters.q is None:
        rows = await repository.page_active(database, user_id, is_archived=is_archived, tag=tag, after=after, limit=limit)
    else:
        rows = await repository.page_found(
            database, user_id, filters.q, is_archived=is_archived, tag=tag, after=after, limit=limit
        )
    return pagination.answer_active(rows, filters)


@get("/{id:uuid}")
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[ConversationWithMessages]:
    """Read a conversation with all of its messages, oldest first."""
    reading = await rules.begin(request.database, request.caller.user_id, id, "oldest")
    return _whole(request, reading, (JSON,), responses.etag(reading.conversation.version))


@patch("/{id:uuid}")
async def change(
    request: Request, id: FromPath[UUID], data: JSONBody[ConversationPatch], if_match: IfMatch
) -> EncodedResponse[Conversation]:
    """Rename or archive a conversation by a merge patch."""
    user_id = request.caller.user_id
    conversation = await repository.patch(request.database, user_id, id, if_match, data)
    if conversation is None:
        raise missing(await repository.get(request.database, user_id, id))
    return responses.versioned(conversation)


@put(
    "/{id:uuid}",
    opt={
        "body_limit": BODY_LIMIT,
        "problems": ["conflict", "quota_exhausted"],
        "also": {201: "There was none: it is made"},
    },
)
async def save(
    request: Request, id: FromPath[UUID], data: JSONBody[ConversationPut], if_match: IfMatch
) -> EncodedResponse[Conversation]:
    """Save a whole conversation: its messages become those that are sent, or nothing changes.

    User messages that were not there before count against the quota. The answer has no messages.
    """
    conversation, is_new = await rules.save(request.database, request.caller.user_id, id, if_match, data)
    return responses.row(conversation, 201 if is_new else 200, etag=responses.etag(conversation.version))


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], if_match: IfMatch) -> EncodedResponse[None]:
    """Delete a conversation and its messages for good."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, id, if_match):
        raise missing(await repository.get(request.database, user_id, id))
    return responses.no_content()


@post("/batch", status_code=200)
async def change_many(request: Request, data: JSONBody[ConversationBatch]) -> EncodedResponse[ConversationBatchResult]:
    """Archive, unarchive and delete many conversations: all that are there, in one transaction."""
    lists = [dict.fromkeys(each) for each in (data.archive, data.unarchive, data.delete)]
    named = [each for ids_of_one in lists for each in ids_of_one]
    if len(named) != len(set(named)):
        raise invalid("", "repeated", "An id must not stand in two of the lists.")
    changed = await repository.change_many(request.database, request.caller.user_id, data)
    there = {*changed.archived, *changed.unarchived, *changed.deleted}
    archived, unarchived, deleted = ([each for each in ids_of_one if each in there] for ids_of_one in lists)
    return responses.row(
        ConversationBatchResult(archived, unarchived, deleted, missing=[each for each in named if each not in there])
    )


@get("/{id:uuid}/export", opt={"also_text": "text/markdown"})
async def export(
    request: Request, id: FromPath[UUID], filters: FromQuery[ExportQuery]
) -> EncodedResponse[ConversationWithMessages]:
    """Download a conversation: everything as JSON, or its texts as Markdown."""
    reading = await rules.begin(request.database, request.caller.user_id, id, "oldest")
    suffix = "json" if filters.format == "json" else "md"
    attachment = (b"content-disposition", f'attachment; filename="conversation-{id}.{suffix}"'.encode())
    if filters.format == "json":
        return _whole(request, reading, (JSON, attachment))
    download: EncodedResponse[Any] = StreamingResponse(_markdown(request, reading), headers=(MARKDOWN, attachment))
    return download


@get("/{id:uuid}/messages")
async def page_messages(
    request: Request, id: FromPath[UUID], filters: FromQuery[MessageQuery]
) -> EncodedResponse[Page[ConversationMessage]]:
    """List the messages of a conversation, oldest first or newest first, from any seq on."""
    after = pagination.after_numbered(filters, filters.order)
    if filters.from_ is not None:
        after = max(after, filters.from_ - 1) if filters.order == "oldest" else min(after, filters.from_ + 1)
    reading = await rules.begin(request.database, request.caller.user_id, id, filters.order, after=after, limit=filters.limit)
    cursor = f'"{pagination.numbered_cursor(filters.order, reading.end)}"' if reading.has_more else "null"
    return _answer(request, reading, (b'{"items":[', f'],"next_cursor":{cursor}}}'.encode()), (JSON,))


@post(
    "/{id:uuid}/messages",
    opt={
        "body_limit": BODY_LIMIT,
        "problems": ["seq_conflict", "quota_exhausted"],
        "also": {200: "The same message came before: as it stands"},
    },
)
async def add_message(
    request: Request, id: FromPath[UUID], data: JSONBody[ConversationMessageCreate]
) -> EncodedResponse[ConversationMessage]:
    """Add a message to a conversation. A user message takes one from the quota; sent again with its `seq`, it costs nothing."""
    message, replayed = await rules.add_message(request.database, request.caller.user_id, id, data)
    return EncodedResponse(message.encode(), 200 if replayed else 201)


def _whole(
    request: Request, reading: Reading, headers: Headers, etag: bytes = b""
) -> EncodedResponse[ConversationWithMessages]:
    """A conversation with its messages, as a struct of both would be encoded."""
    return _answer(request, reading, (encode(reading.conversation)[:-1] + b',"messages":[', b"]}"), headers, etag)


def _answer(
    request: Request, reading: Reading, enclosing: tuple[bytes, bytes], headers: Headers, etag: bytes = b""
) -> EncodedResponse[Any]:
    """What is read, between head and tail: at once when the first part is all, or else part by part."""
    head, tail = enclosing
    if reading.is_whole:
        return EncodedResponse(head + reading.first.items.encode() + tail, headers=headers, etag=etag)
    return StreamingResponse(_json(request, reading, head, tail), headers=headers, etag=etag)


async def _json(request: Request, reading: Reading, head: bytes, tail: bytes) -> AsyncIterator[bytes]:
    comma = b""
    yield head
    async for items in rules.parts(request.database, request.caller.user_id, reading):
        yield comma + items.encode()
        comma = b","
    yield tail


async def _markdown(request: Request, reading: Reading) -> AsyncIterator[bytes]:
    yield f"# {' '.join(reading.conversation.title.split())}\n".encode()
    async for items in rules.parts(request.database, request.caller.user_id, reading):
        yield rules.markdown(msgspec.json.decode(f"[{items}]", type=list[ConversationMessage])).encode()


router = Router(
    "/v1/conversations",
    route_handlers=[create, page, read, change, save, remove, change_many, export, page_messages, add_message],
    tags=["Conversations"],
)
