"""The tags of a row, as a list gives them with `with=tags`."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from app.http.fields import Color, Id
from app.tags.schemas import Category, Name, Slug


class CarriedTag(msgspec.Struct, frozen=True):
    """A tag of a row."""

    id: Id
    name: Name
    slug: Slug
    category: Category | None
    color: Color | None


CarriedTags = Annotated[Sequence[CarriedTag], Meta(description="With `with=tags`: its tags, by name; the first 100 of them.")]
