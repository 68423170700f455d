"""Fields that many structs share, with what the OpenAPI document says of them."""

from datetime import date, datetime, time
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

# Patterns stand in the OpenAPI document too, so they must mean the same in Python and in ECMA 262, whose \s differ and which
# knows no \Z; Python's $ alone would let a line feed pass after it.
SPACE = r"\s\x1c-\x1f\x85\ufeff"


END = r"$(?!\n)"


NOT_BLANK = f"[^{SPACE}]"


Id = Annotated[
    UUID,
    Meta(
        description="A UUIDv7: it carries the time of creation, and is the order of lists.",
        examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f00"],
    ),
]


Timestamp = Annotated[datetime, Meta(tz=True, description="RFC 3339, in UTC.", examples=["2026-11-21T09:30:00.123456Z"])]


Version = Annotated[int, Meta(description="Counts real changes, from 1 on; the ETag.", examples=[1])]


FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(9999, 12, 31)
"""The days that a row can have."""


Day = Annotated[date, Meta(description="A day of the user's own, in their time zone, from 1900 on.", examples=["2026-11-21"])]


TimeOfDay = Annotated[time, Meta(tz=False, description="A time of day, in the user's time zone.", examples=["07:30:00"])]


Mood = Annotated[int, Meta(ge=1, le=10, description="From 1 to 10.", examples=[7])]


Color = Annotated[str, Meta(pattern=f"^#[0-9A-Fa-f]{{6}}{END}", description="As in CSS.", examples=["#1a2b3c"])]


Notes = Annotated[str, Meta(max_length=10_000, examples=["Slept badly, went anyway"])]


# Numbers are numeric in the database and travel as JSON: exact on both ways. A struct made from a row holds a Decimal, which
# is written as a number; declared as Decimal, a body could send them as text.
Quantity = Annotated[float, Meta(ge=0, le=1_000_000_000, examples=[12.5])]


TagSlug = Annotated[str, Meta(max_length=100, description="Only rows that carry the tag with this slug.", examples=["garden"])]


WeightUnit = Annotated[Literal["kg", "lbs"], Meta(title="WeightUnit", examples=["kg"])]


SearchWords = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=NOT_BLANK,
        description="Whole words, all of which must be there, in any letter case; `or` between two: one of them; "
        '`"..."`: a phrase; `-word`: not this one. Without any word nothing is found.',
        examples=['garden "green house" -snow'],
    ),
]


Snippet = Annotated[
    str,
    Meta(
        description="The part of the text that matches, as HTML: escaped, with what was found between `<mark>` and `</mark>`.",
        examples=["Tom &amp; I in the <mark>garden</mark>"],
    ),
]
