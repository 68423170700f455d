"""Fields that many structs share, with what the OpenAPI document says of them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

# Patterns stand in the OpenAPI document too, so they must mean the same in Python and in ECMA 262, whose \s differ and which
# knows no \Z; Python's $ alone would let a line feed pass behind it.
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
