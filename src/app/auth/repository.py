"""Typed calls of sql/queries/auth.sql."""

from uuid import UUID

import msgspec

from app.auth.token_cache import Caller
from app.database.queries import Executor, load

queries = load("auth")


async def caller(database: Executor, token_hash: bytes) -> Caller | None:
    """Read who holds this token; None: nobody, or no longer. One look-up by primary key."""
    row = await queries.caller(database, token_hash=token_hash)
    return Caller(*row) if row else None


class ActedFor(msgspec.Struct, frozen=True):
    """A user that a service acts for."""

    user_id: UUID
    is_guest: bool
    timezone: str
    is_active: bool


async def acted_for(database: Executor, user_id: UUID) -> ActedFor | None:
    """Read the user whom a service names by id."""
    row = await queries.acted_for(database, user_id=user_id)
    return ActedFor(*row) if row else None


async def acted_for_identity(database: Executor, provider: str, subject: str) -> ActedFor | None:
    """Read the user whom a service names by who they are elsewhere."""
    row = await queries.acted_for_identity(database, provider=provider, subject=subject)
    return ActedFor(*row) if row else None


async def create_external_user(database: Executor, provider: str, subject: str) -> ActedFor | None:
    """Make the user of an identity that is seen for the first time. Raises UniqueViolationError when a twin was faster."""
    row = await queries.create_external_user(database, provider=provider, subject=subject)
    return ActedFor(*row) if row else None


async def touch_session(database: Executor, token_hash: bytes, session_days: int) -> int:
    """Note that a session is in use, and move its end. At most hourly."""
    count: int = await queries.touch_session(database, token_hash=token_hash, session_days=session_days)
    return count


async def touch_api_token(database: Executor, token_hash: bytes) -> int:
    """Note that an API token is in use. At most hourly."""
    count: int = await queries.touch_api_token(database, token_hash=token_hash)
    return count
