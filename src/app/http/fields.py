"""Fields that many structs share, with their text in the OpenAPI document."""

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

# Patterns are in the OpenAPI document too, so they must mean the same in Python and in ECMA 262, whose \s differ; ECMA 262
# has no \Z, and a plain $ of Python matches before a line feed at the end.
SPACE = r"\s\x1c-\x1f\x85\ufeff"


END = r"$(?!\n)"


NOT_BLANK = f"[^{SPACE}]"


MOVES = Meta(extra={"moves": True})
"""Marks a field of an answer that changes without a change of its row: sent back, it is not looked at."""


def of_path(make: Callable[..., Any], *parameters: str) -> Meta:
    """Mark a field of an answer that is made of parameters of its path: the first day of the period of a date."""
    return Meta(extra={"of_path": (make, parameters)})


def in_path(parameter: str) -> Meta:
    """Mark a field of an answer that a parameter of its path gives, where its name is another."""
    return of_path(itself, parameter)


def itself(value: Any) -> Any:
    """What was passed: what a field is made of that a parameter of its path gives."""
    return value


PLACE = Meta(extra={"place": True})
"""Marks a field of an item of a list that is its place in the list, from 1 on."""


Id = Annotated[
    UUID,
    Meta(
        description="A UUIDv7: it carries the time of creation, and is the order of lists.",
        examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f00"],
    ),
]


OwnerId = Annotated[
    UUID, Meta(description="Whose it is: the caller, or whom they act for.", examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f01"])
]


Timestamp = Annotated[datetime, Meta(tz=True, description="RFC 3339, in UTC.", examples=["2026-11-21T09:30:00.123456Z"])]


Version = Annotated[
    int,
    Meta(
        description="The time of the last real change in microseconds since 1970, always greater than before: a version never "
        "repeats, not after a delete either. Below 2^53. The ETag is made of it.",
        examples=[1_795_253_400_123_456],
        extra_json_schema={"format": "int64"},
    ),
]


FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(9999, 12, 31)
"""The first and the last date that is accepted."""


Day = Annotated[date, Meta(description="A date in the user's time zone, from 1900 on.", examples=["2026-11-21"])]


TimeOfDay = Annotated[time, Meta(tz=False, description="A time of day, in the user's time zone.", examples=["07:30:00"])]


SentTimeOfDay = Annotated[
    str,
    Meta(
        pattern=rf"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{{1,6}})?)?{END}",
        description="A time of day, in the user's time zone; the seconds may be left out.",
        examples=["07:30:00"],
    ),
]
"""A time of day as a body has it: msgspec's own takes none without seconds. The database makes a time of it."""


Mood = Annotated[int, Meta(ge=1, le=10, description="From 1 to 10.", examples=[7])]


Feeling = Annotated[str, Meta(min_length=1, max_length=50, description="In the user's words.", examples=["proud"])]


Color = Annotated[str, Meta(pattern=f"^#[0-9A-Fa-f]{{6}}{END}", description="As in CSS.", examples=["#1a2b3c"])]


Notes = Annotated[str, Meta(max_length=10_000, examples=["Slept badly, went anyway"])]


# Numbers are numeric in the database and are sent as JSON numbers: exact in both directions. A struct made from a row holds
# a Decimal, which is encoded as a number; with the type Decimal, a body could send the number as a string.
Quantity = Annotated[float, Meta(ge=0, le=1_000_000_000, examples=[12.5])]


TagSlugs = Annotated[
    tuple[Annotated[str, Meta(max_length=100, examples=["garden"])], ...],
    Meta(
        max_length=10,
        description="Only items that have the tag with this slug; given several times: all of these tags. Takes longer the "
        "more items have it. An API token needs the scope of tags, too.",
    ),
]


Counted = Annotated[
    bool,
    Meta(description="`true`: the answer has the `total` of all pages: exact up to 10,000, unless filters want few of many."),
]


ChangedSince = Annotated[
    int,
    Meta(
        title="ChangedSince",
        ge=0,
        le=2**53,
        description="Only items whose `version` is greater. It does not tell of items that were deleted, nor of what is read "
        "beside an item's own fields: its tags, a goal's `current_value` and `percentage`. It may miss one that was just being "
        "written: ask from a minute, 60,000,000, before the greatest version that you have.",
        examples=[1796042625000000],
    ),
]


WithTags = Annotated[
    Literal["tags"],
    Meta(description="Each item gets its `tags`, by name; the first 100 of them. An API token needs the scope of tags, too."),
]


WeightUnit = Annotated[Literal["kg", "lbs"], Meta(title="WeightUnit", examples=["kg"])]


SearchWords = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=NOT_BLANK,
        description="Words, all of which must match, in any letter case; one of three characters and more also by its "
        'beginning: `plant` finds plants. `or` between two: one of them; `"..."`: a phrase, of whole words; `-word`: not this '
        "whole word. A search without any word finds nothing.",
        examples=['garden "green house" -snow'],
    ),
]


Snippet = Annotated[
    str,
    Meta(
        description="The part of the text that matches, as escaped HTML; matching words are between `<mark>` and `</mark>`.",
        examples=["Tom &amp; I in the <mark>garden</mark>"],
    ),
]
