"""What goes in and out of /v1/blog-entries."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import (
    END,
    MOVES,
    NOT_BLANK,
    SPACE,
    ChangedSince,
    Counted,
    Id,
    SearchWords,
    Snippet,
    TagSlugs,
    Timestamp,
    Version,
    WithTags,
)
from app.http.idempotency import ChosenId
from app.http.pagination import OrderedPageQuery
from app.problems import constraints
from app.tags.carried import CarriedTags

constraints.owned(
    "blog_entries",
    length={"title": "1 to 500", "content": "1 to 200000", "excerpt": "at most 2000"},
    bounds={"view_count": constraints.NOT_NEGATIVE},
    known=("status",),
    not_blank=("title",),
    unique=("slug",),
)
constraints.declare(
    {
        "blog_entries_slug_form": ("invalid", "slug", "must be 1 to 300 characters without spaces, /, ?, # and %"),
        "blog_entries_published_at_status": ("invalid", "status", "must be published exactly when published_at is set"),
    }
)


Title = Annotated[
    str, Meta(min_length=1, max_length=500, pattern=NOT_BLANK, description="Not blank.", examples=["Über die Brücke"])
]
Content = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200_000,
        description="Kept as it was sent. The first 130,000 characters can be searched.",
        examples=["It rained. I walked all the same."],
    ),
]
Excerpt = Annotated[str, Meta(max_length=2000, examples=["A walk in the rain."])]
Slug = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=300,
        pattern=f"^[^{SPACE}/?#%]+{END}",
        description="Made from the title, unique for the user; it does not change with the title.",
        examples=["über-die-brücke"],
    ),
]
BlogEntryStatus = Annotated[Literal["draft", "published", "archived"], Meta(title="BlogEntryStatus", examples=["published"])]
PublishedAt = Annotated[
    Timestamp,
    Meta(description="When it was published; null while it is not."),
]
IsFeatured = Annotated[bool, Meta(description="Whether to show it first.", examples=[False])]
IsPublic = Annotated[
    bool, Meta(description="Whether anybody may read it, without a token, while it is published.", examples=[False])
]
ViewCount = Annotated[
    int, Meta(description="How often it was read at its public address, up to a minute ago.", examples=[12]), MOVES
]


class BlogEntry(msgspec.Struct, frozen=True):
    """An entry of the journal."""

    id: Id
    title: Title
    content: Content
    excerpt: Excerpt | None
    slug: Slug
    status: BlogEntryStatus
    is_featured: IsFeatured
    is_public: IsPublic
    view_count: ViewCount
    published_at: PublishedAt | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class BlogEntrySummary(msgspec.Struct, frozen=True):
    """An entry without its content."""

    id: Id
    title: Title
    excerpt: Excerpt | None
    content_start: Annotated[
        str, Meta(max_length=200, description="The first 200 characters of the content.", examples=["It rained. I walked"])
    ]
    slug: Slug
    status: BlogEntryStatus
    is_featured: IsFeatured
    is_public: IsPublic
    view_count: ViewCount
    published_at: PublishedAt | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class FoundBlogEntry(BlogEntrySummary, frozen=True):
    """An entry that matches a search, without its content."""

    snippet: Snippet
    rank: Annotated[float, Meta(description="How well it matches: higher is better.", examples=[0.6079271])]


class ListedBlogEntry(BlogEntrySummary, frozen=True, kw_only=True):
    """An entry in a list, without its content; with `q` it also has the fields of a search."""

    tags: CarriedTags | UnsetType = UNSET
    snippet: Snippet | UnsetType = UNSET
    rank: Annotated[float, Meta(description="With `q`: how well it matches.", examples=[0.6079271])] | UnsetType = UNSET


class BlogEntryCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new entry."""

    title: Title
    content: Content
    excerpt: Excerpt | None = None
    status: BlogEntryStatus = "draft"
    is_featured: IsFeatured = False
    is_public: IsPublic = False
    id: ChosenId | None = None


class BlogEntryPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of an entry: an absent field stays, null clears it."""

    title: Title | UnsetType = UNSET
    content: Content | UnsetType = UNSET
    excerpt: Excerpt | None | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    status: BlogEntryStatus | UnsetType = UNSET
    is_featured: IsFeatured | UnsetType = UNSET
    is_public: IsPublic | UnsetType = UNSET


class BlogEntryQuery(OrderedPageQuery, frozen=True, kw_only=True):
    """The filters of the list of entries."""

    status: Annotated[BlogEntryStatus, Meta(description="Only entries of this status.")] | None = None
    tag: TagSlugs = ()
    with_: WithTags | None = msgspec.field(name="with", default=None)
    count: Counted = False
    changed_since: ChangedSince | None = None
    q: SearchWords | None = None
