"""Fields that many structs share, with what the OpenAPI document says of them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

Id = Annotated[
    UUID,
    Meta(
        description="A UUIDv7: it carries the time of creation, and is the order of lists.",
        examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f00"],
    ),
]
Timestamp = Annotated[datetime, Meta(tz=True, description="RFC 3339, in UTC.", examples=["2026-11-21T09:30:00.123456Z"])]
Version = Annotated[int, Meta(description="Counts real changes, from 1 on; the ETag.", examples=[1])]
