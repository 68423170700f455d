"""What goes in and out of /v1/search."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.http.fields import Id, SearchWords, Snippet

SearchKind = Annotated[
    Literal["tasks", "goals", "habits", "daily-reviews", "blog-entries", "conversations"],
    Meta(title="SearchKind", description="What it is: the word of its path.", examples=["tasks"]),
]


class SearchHit(msgspec.Struct, frozen=True):
    """Something that matches a search."""

    kind: SearchKind
    id: Id
    title: Annotated[str, Meta(description="Its title or name; of a daily review its date.", examples=["Water the plants"])]
    snippet: Snippet
    rank: Annotated[float, Meta(description="How well it matches: more is better.", examples=[0.6079271])]


class SearchHits(msgspec.Struct, frozen=True):
    """What was found, best first."""

    items: Sequence[SearchHit]


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to search for."""

    q: SearchWords
    kind: Annotated[SearchKind, Meta(description="Only this kind.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=50, description="Hits to return.")] = 20
