"""Data for tests."""

import secrets
import time
from typing import Any, cast
from uuid import UUID

import asyncpg
from client import User

DIGITS = b"0123456789"


def new_uuid7(at: float | None = None) -> UUID:
    """A UUIDv7 as a client makes one; `at` is in seconds since 1970."""
    milliseconds = int((time.time() if at is None else at) * 1000)
    random = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1)


def upload(user: User, content: bytes = DIGITS, name: str = "a.bin", **fields: str) -> dict[str, Any]:
    """Make a file."""
    answer = user.request("POST", "/v1/media", files={"file": (name, content)}, data=fields)
    assert answer.status_code == 201, answer.text
    return cast("dict[str, Any]", answer.json())


async def tag(database: str, user_id: str, kind: str, id: str) -> None:
    """Put the tag `keto` on a row."""
    connection = await asyncpg.connect(database)
    await connection.execute(
        """
        with tag as (insert into tags (user_id, name, slug) values ($1::text::uuid, 'Keto', 'keto') returning user_id, id)
        insert into taggings (user_id, tag_id, taggable_type, taggable_id)
        select user_id, id, $2, $3::text::uuid from tag""",
        user_id,
        kind,
        id,
    )
    await connection.close()
