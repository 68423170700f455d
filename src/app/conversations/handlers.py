"""/v1/conversations. A handler reads like the route's sentence: decode, call the repository or a rule, answer."""

from typing import Any
from uuid import UUID

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.conversations import reading, repository, rules
from app.conversations.reading import Content
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
from app.http import idempotency, pagination, responses, totals
from app.http.conditional import Versions
from app.http.pagination import Page
from app.http.requests import Request
from app.http.responses import EncodedResponse, Headers, StreamingResponse
from app.http.routes import BEYOND_QUOTA, CONDITIONAL, FROM_REPLICA, PUT
from app.http.totals import CountedPage
from app.problems.ownership import missing

LARGE_BODY = {"body_limit": 8 * 1024 * 1024}
"""For a whole conversation, and for a message: what can be saved can be added."""

ORDERS = {"activity": "last_activity_at", "created": "created_at"}
"""The orders of the list, and the times that they go by."""

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
async def page(request: Request, filters: FromQuery[ConversationQuery]) -> EncodedResponse[CountedPage[ListedConversation]]:
    """List conversations, by their newest activity or by creation; with `q` those that match."""
    rows = await rules.page(request.database, request.caller.user_id, filters)
    page = pagination.answer_timed(rows, filters, filters.order, ORDERS[filters.order])
    return await totals.counted(page, repository.total, request.database, request.caller.user_id, filters)


@get("/{id:uuid}", opt=CONDITIONAL)
async def read(request: Request, id: FromPath[UUID]) -> EncodedResponse[ConversationWithMessages]:
    """Read a conversation with all of its messages, oldest first."""
    begun = await reading.begin(request.database, request.caller.user_id, id)
    content = reading.whole(request.database, begun)
    return _answer(content, (JSON,), responses.etag(begun.conversation.version))


@patch("/{id:uuid}")
async def change(
    request: Request, id: FromPath[UUID], data: JSONBody[ConversationPatch], versions: Versions
) -> EncodedResponse[Conversation]:
    """Rename or archive a conversation by a merge patch."""
    user_id = request.caller.user_id
    conversation = await repository.patch(request.database, user_id, id, versions, data)
    if conversation is None:
        raise missing(await repository.get(request.database, user_id, id))
    return responses.versioned(conversation)


@put("/{id:uuid}", opt=PUT | LARGE_BODY | {"problems": ["conflict", "quota_exhausted"]})
async def save(
    request: Request, id: FromPath[UUID], data: JSONBody[ConversationPut], versions: Versions
) -> EncodedResponse[Conversation]:
    """Save a whole conversation: its messages become those that are sent, or nothing changes.

    User messages that were not there before count against the quota. The answer has no messages.
    """
    conversation, is_new = await rules.save(request.database, request.caller.user_id, id, versions, data)
    return responses.replaced(conversation, made=is_new)


@delete("/{id:uuid}", status_code=204)
async def remove(request: Request, id: FromPath[UUID], versions: Versions) -> EncodedResponse[None]:
    """Delete a conversation and its messages for good."""
    user_id = request.caller.user_id
    if not await repository.delete(request.database, user_id, id, versions):
        raise missing(await repository.get(request.database, user_id, id))
    return responses.no_content()


@post("/batch", status_code=200, opt=BEYOND_QUOTA)
async def change_many(request: Request, data: JSONBody[ConversationBatch]) -> EncodedResponse[ConversationBatchResult]:
    """Archive, unarchive and delete many conversations: all that are there, in one transaction."""
    done = await rules.change_many(request.database, request.caller.user_id, data)
    return responses.row(done)


@get("/{id:uuid}/export", opt={"also_text": "text/markdown"})
async def export(
    request: Request, id: FromPath[UUID], filters: FromQuery[ExportQuery]
) -> EncodedResponse[ConversationWithMessages]:
    """Download a conversation: everything as JSON, or its contents, stages and dates as Markdown."""
    begun = await reading.begin(request.database, request.caller.user_id, id)
    if filters.format == "json":
        return _answer(reading.whole(request.database, begun), (JSON, _attachment(id, "json")))
    return _answer(reading.markdown(request.database, begun), (MARKDOWN, _attachment(id, "md")))


@get("/{id:uuid}/messages")
async def page_messages(
    request: Request, id: FromPath[UUID], filters: FromQuery[MessageQuery]
) -> EncodedResponse[Page[ConversationMessage]]:
    """List the messages of a conversation, oldest first or newest first, from any seq on."""
    return EncodedResponse(await reading.page(request.database, request.caller.user_id, id, filters))


@post(
    "/{id:uuid}/messages",
    opt=LARGE_BODY
    | {
        "problems": ["seq_conflict", "quota_exhausted"],
        "also": {200: "The same message came before: as it stands"},
    },
)
async def add_message(
    request: Request, id: FromPath[UUID], data: JSONBody[ConversationMessageCreate]
) -> EncodedResponse[ConversationMessage]:
    """Add a message to a conversation. A user message takes one from the quota; sent again with its `seq`, it costs nothing."""
    message, replayed = await rules.add_message(request.database, request.caller.user_id, id, data)
    return responses.row(message, 200 if replayed else 201)


def _answer(content: Content, headers: Headers, etag: bytes = b"") -> EncodedResponse[Any]:
    """Answer with messages that are there, or that are read while they are sent."""
    if isinstance(content, bytes):
        return EncodedResponse(content, headers=headers, etag=etag)
    return StreamingResponse(content, headers=headers, etag=etag)


def _attachment(id: UUID, suffix: str) -> tuple[bytes, bytes]:
    return (b"content-disposition", f'attachment; filename="conversation-{id}.{suffix}"'.encode())


router = Router(
    "/v1/conversations",
    route_handlers=[create, page, read, change, save, remove, change_many, export, page_messages, add_message],
    tags=["Conversations"],
    opt=FROM_REPLICA,
)
