"""What goes in and out of /v1/conversations."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from app.http.fields import MOVES, NOT_BLANK, PLACE, ChangedSince, Counted, TagSlugs, Timestamp, Version, WithTags
from app.http.pagination import Order, PageQuery
from app.problems import constraints
from app.tags.carried import CarriedTags

constraints.owned(
    "conversations",
    length={"title": "1 to 500"},
    bounds={"last_seq": constraints.NOT_NEGATIVE, "saves": constraints.NOT_NEGATIVE},
    not_blank=("title",),
)
constraints.owned(
    "messages", length={"content": "at most 8388608"}, bounds={"seq": "1 or more"}, known=("role",), targets=("conversation",)
)
constraints.declare(
    {"messages_content_needed": ("invalid", "content", "is required; an assistant message may have stage3 instead")}
)


ConversationId = Annotated[
    UUID,
    Meta(
        description="Any UUID: conversations are listed by times, not by their ids.",
        examples=["7d1f0f0e-3f5b-4c6e-9c57-6f0a3d1c2b4a"],
    ),
]
TITLE_LENGTH = 500
"""Characters of a title at most."""

NO_TITLE = "New Conversation"
"""The title of a conversation that was given none, until it gets one by its first user message."""

Title = Annotated[
    str,
    Meta(min_length=1, max_length=TITLE_LENGTH, pattern=NOT_BLANK, description="Not blank.", examples=["Which bike to buy"]),
]
IsArchived = Annotated[bool, Meta(description="Put away, but not deleted.", examples=[False])]
Seq = Annotated[
    int, Meta(ge=1, le=1_000_000_000, description="The place in the conversation: 1, 2, 3 and so on.", examples=[1])
]
ConversationMessageRole = Annotated[Literal["user", "assistant"], Meta(title="ConversationMessageRole", examples=["user"])]
Content = Annotated[
    str,
    Meta(
        min_length=1,
        description="The text, not blank. A user message has one; an assistant message has one, or stage3.",
        examples=["Which bike for a hilly town?"],
        # The rules check it: as a pattern of msgspec it would take too long for 8 MiB.
        extra_json_schema={"pattern": NOT_BLANK},
    ),
]
Stage1 = Annotated[
    Raw,
    Meta(
        description="The answers of the council's models. Any JSON, kept as sent, to the byte; at most 100 levels deep.",
        examples=[[{"model": "a", "response": "A light one."}]],
    ),
]
Stage2 = Annotated[
    Raw,
    Meta(
        description="The models' rankings of each other. Any JSON, kept as sent, to the byte; at most 100 levels deep.",
        examples=[[{"model": "a", "ranking": ["b", "a"]}]],
    ),
]
Stage3 = Annotated[
    Raw,
    Meta(
        description="The final answer: its `response` is shown in lists. Any JSON, kept as sent, to the byte; at most 100 "
        "levels deep.",
        examples=[{"model": "a", "response": "A light one, with low gears."}],
    ),
]
Metadata = Annotated[
    Raw,
    Meta(
        description="Any JSON, kept as sent, to the byte; at most 100 levels deep.", examples=[{"label_to_model": {"A": "a"}}]
    ),
]


DOCUMENTS = ("stage1", "stage2", "stage3", "metadata")
"""The fields of a message that are kept as they were sent."""


class Conversation(msgspec.Struct, frozen=True):
    """A conversation, without its messages."""

    id: ConversationId
    title: Title
    is_archived: IsArchived
    message_count: Annotated[
        int, Meta(description="How many messages it has, which is the seq of the last.", examples=[2]), MOVES
    ]
    last_activity_at: Annotated[
        Timestamp, Meta(description="When the last message came: lists go by it unless another order is asked for."), MOVES
    ]
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class ConversationMessageStart(msgspec.Struct, frozen=True):
    """How a message begins."""

    role: ConversationMessageRole
    content: Annotated[
        str | None,
        Meta(description="The first 200 characters of the content, or of the response in stage3.", examples=["A light one"]),
    ]


class ListedConversation(Conversation, frozen=True):
    """A conversation as a list shows it."""

    last_message: ConversationMessageStart | None
    snippet: Annotated[
        str | None,
        Meta(
            description="With `q`: where its newest matching message matches, or else its title, as HTML whose only tags are "
            "`<mark>`.",
            examples=["Which <mark>bike</mark> for a hilly town?"],
        ),
    ]
    tags: CarriedTags | UnsetType = UNSET


class ConversationMessage(msgspec.Struct, frozen=True):
    """A message of a conversation."""

    seq: Annotated[Seq, PLACE]
    role: ConversationMessageRole
    content: Content | None
    stage1: Stage1
    stage2: Stage2
    stage3: Stage3
    metadata: Metadata
    created_at: Timestamp


class ConversationWithMessages(Conversation, frozen=True):
    """A conversation with its messages, oldest first."""

    messages: list[ConversationMessage]


class ConversationCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new conversation."""

    title: Annotated[
        Title,
        Meta(
            description=f"Not blank. While it is `{NO_TITLE}`, the first user message gives the conversation another one: its "
            "first eight words."
        ),
    ] = NO_TITLE
    id: (
        Annotated[
            UUID,
            Meta(description="Any UUID: sending the same create again answers 200 and makes nothing new.", examples=[None]),
        ]
        | None
    ) = None


class ConversationPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of a conversation: an absent field stays."""

    title: Title | UnsetType = UNSET
    is_archived: IsArchived | UnsetType = UNSET


class ConversationMessagePut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message of a conversation that is saved as a whole: its place in the list is its seq."""

    role: ConversationMessageRole
    content: Content | None = None
    stage1: Stage1 | UnsetType = UNSET
    stage2: Stage2 | UnsetType = UNSET
    stage3: Stage3 | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class ConversationMessageCreate(ConversationMessagePut, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new message at the end of a conversation."""

    seq: (
        Annotated[
            Seq,
            Meta(
                description="The seq that the message should get: sending the same message again answers 200, makes nothing "
                "new and costs nothing. Without it the message gets the next one.",
                examples=[None],
            ),
        ]
        | None
    ) = None


class ConversationPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole conversation. An omitted is_archived gets its default."""

    messages: Annotated[
        list[ConversationMessagePut],
        Meta(description="At most 20,000, oldest first.", examples=[[{"role": "user", "content": "Which bike?"}]]),
    ]
    title: (
        Annotated[
            Title,
            Meta(
                description="Not blank. When omitted: the first eight words of the first user message, or without one "
                f"`{NO_TITLE}`."
            ),
        ]
        | UnsetType
    ) = UNSET
    is_archived: IsArchived = False


Ids = Annotated[list[ConversationId], Meta(max_length=500, examples=[[]])]


class ConversationBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to do with many conversations; no id may stand in two of the lists."""

    archive: Ids = []
    unarchive: Ids = []
    delete: Ids = []


class ConversationBatchResult(msgspec.Struct, frozen=True):
    """What was done, in the order of the request."""

    archived: list[ConversationId]
    unarchived: list[ConversationId]
    deleted: list[ConversationId]
    missing: Annotated[list[ConversationId], Meta(description="There is no such conversation (any more).")]


class ConversationQuery(PageQuery, frozen=True, kw_only=True):
    """The filters of the list of conversations."""

    order: Annotated[
        Literal["activity", "created"],
        Meta(title="ConversationOrder", description="By the last message, or by time of creation: newest first."),
    ] = "activity"
    is_archived: Annotated[bool, Meta(description="Only archived conversations, or only others.")] | None = None
    tag: TagSlugs = ()
    with_: WithTags | None = msgspec.field(name="with", default=None)
    count: Counted = False
    changed_since: ChangedSince | None = None
    q: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=200,
                description="Only conversations whose title or one of whose messages has these words, the texts of its stages "
                'included; words of three characters and more also by their beginnings. `-word`, `or` and `"a phrase"` work.',
            ),
        ]
        | None
    ) = None


class MessageQuery(PageQuery, frozen=True, kw_only=True):
    """Which messages of a conversation are read."""

    order: Annotated[Order, Meta(description="By seq.")] = "oldest"
    from_: Annotated[Seq, Meta(description="The seq to begin with, included.")] | None = msgspec.field(
        name="from", default=None
    )


class ExportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The form of an export."""

    format: Annotated[
        Literal["json", "markdown"],
        Meta(
            title="ConversationExportFormat",
            description="JSON has everything; Markdown is for reading: contents, stages, dates.",
        ),
    ] = "json"
