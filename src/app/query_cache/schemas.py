"""What goes in and out of /v1/query-cache."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw

from app.http.fields import END, Timestamp
from app.problems import constraints

constraints.declare(
    {
        "query_cache_pkey": ("conflict", "query_hash", "is taken"),
        "query_cache_query_hash_form": ("invalid", "query_hash", "must be 1 to 128 letters, digits, _ or -"),
        "query_cache_expires_later": ("invalid", "ttl_seconds", "must be more than 0"),
    }
)


QueryHash = Annotated[
    str,
    Meta(
        pattern=f"^[A-Za-z0-9_-]{{1,128}}{END}",
        description="What the writer made of the question, such as its SHA-256.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]
Result = Annotated[
    Raw, Meta(description="Any JSON, kept as sent, to the byte; at most 100 levels deep.", examples=[{"best": "A bike"}])
]


class QueryCacheEntry(msgspec.Struct, frozen=True):
    """An answer that was found before."""

    query_hash: QueryHash
    result: Result
    cached_at: Timestamp
    expires_at: Timestamp
    credits_charged: Annotated[Literal[0], Meta(description="A hit never costs a credit.", examples=[0])]


class Kept(msgspec.Struct, frozen=True):
    """What the database adds to an answer that is kept."""

    cached_at: datetime
    expires_at: datetime
    is_new: bool
    """Whether there was none, or one that had expired."""


class QueryCachePut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer to keep."""

    result: Result
    ttl_seconds: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=31_536_000,
                description="How long it holds, a year at most. Without it: an hour, unless the server is set to another time.",
                examples=[3600],
            ),
        ]
        | None
    ) = None


class QueryCacheCleanup(msgspec.Struct, frozen=True):
    """How many expired answers were removed."""

    removed: Annotated[int, Meta(examples=[12])]
