"""What goes in and out of /v1/tags."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import MOVES, NOT_BLANK, Color, Id, Timestamp, Version
from app.http.idempotency import ChosenId
from app.http.pagination import OrderedPageQuery, PageQuery
from app.problems import constraints
from app.tags.targets import KINDS, Kind

constraints.owned(
    "tags",
    length={"name": "1 to 100", "category": "1 to 100", "description": "at most 500"},
    not_blank=("name",),
    unique=("slug",),
)
constraints.declare(
    {
        "tags_slug_form": ("invalid", "name", "must have letters or digits, of which an address can be made"),
        "tags_color_form": ("invalid", "color", constraints.COLOR),
    }
)
constraints.owned("taggings", targets=("tag", *KINDS.values()))
constraints.declare(
    {
        "taggings_one_target": ("invalid", "taggable_id", "must be one row"),
        "taggings_once": ("conflict", "tag_id", "is on this row already"),
    }
)


SLUG_LENGTH = 100
"""Characters that a slug has at most: tags_slug_form."""

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=NOT_BLANK,
        description="With at least one letter or digit: the slug is made of them.",
        examples=["Garden"],
    ),
]
Slug = Annotated[
    str,
    Meta(description="The name in lower case, with hyphens; unique, follows the name. A list's `tag=`.", examples=["garden"]),
]
Category = Annotated[str, Meta(min_length=1, max_length=100, examples=["places"])]
Description = Annotated[str, Meta(max_length=500, description="What it is for.", examples=["The one at the back"])]
TaggableType = Annotated[Kind, Meta(description="The kind of a row, as in the path of its list.", examples=["tasks"])]
TaggableId = Annotated[UUID, Meta(description="The row's id.", examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f00"])]


class Tag(msgspec.Struct, frozen=True):
    """A tag."""

    id: Id
    name: Name
    slug: Slug
    category: Category | None
    color: Color | None
    description: Description | None
    usage_count: Annotated[int, Meta(description="How many rows carry it; counted when asked.", examples=[3]), MOVES]
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class TagCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new tag."""

    name: Name
    category: Category | None = None
    color: Color | None = None
    description: Description | None = None
    id: ChosenId | None = None


class TagPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of a tag: an absent field stays, null clears it."""

    name: Name | UnsetType = UNSET
    category: Category | None | UnsetType = UNSET
    color: Color | None | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET


class TagQuery(OrderedPageQuery, frozen=True, kw_only=True):
    """The filters of the list of tags."""

    taggable_type: (
        Annotated[Kind, Meta(description="With taggable_id: only the tags of one row, which is of this kind.")] | None
    ) = None
    taggable_id: Annotated[UUID, Meta(description="With taggable_type: only the tags of the row with this id.")] | None = None


class Tagging(msgspec.Struct, frozen=True):
    """A row that carries a tag."""

    id: Id
    taggable_type: TaggableType
    taggable_id: TaggableId
    created_at: Timestamp


class TaggingQuery(PageQuery, frozen=True, kw_only=True):
    """The filter of the list of rows that carry a tag."""

    taggable_type: Annotated[Kind, Meta(description="Only rows of this kind.")] | None = None
