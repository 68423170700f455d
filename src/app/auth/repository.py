"""Typed calls of sql/queries/auth.sql."""

from uuid import UUID

import msgspec
from msgspec.structs import asdict

from app.auth import audit
from app.auth.token_cache import Caller
from app.database.queries import Executor, load

queries = load("auth")


async def caller(database: Executor, token_hash: bytes) -> Caller | None:
    """Read who holds this token; None: it is unknown, or ended. One look-up by primary key."""
    return await queries.caller.one(database, Caller, token_hash=token_hash)


class ActedFor(msgspec.Struct, frozen=True):
    """A user that a service acts for."""

    user_id: UUID
    is_guest: bool
    timezone: str
    is_active: bool
    stored_bytes: int
    is_measured: bool


async def acted_for(database: Executor, user_id: UUID) -> ActedFor | None:
    """Read the user that a service names by id."""
    return await queries.acted_for.one(database, ActedFor, user_id=user_id)


async def acted_for_identity(database: Executor, provider: str, subject: str) -> ActedFor | None:
    """Read the user that a service names by an identity."""
    return await queries.acted_for_identity.one(database, ActedFor, provider=provider, subject=subject)


async def create_external_user(
    database: Executor, provider: str, subject: str, *, is_guest: bool, actor_id: UUID, target: str, request_id: str
) -> ActedFor:
    """Make the user or guest of an identity that is seen for the first time, and the row in the audit trail that says who did.

    Raises UniqueViolationError when a concurrent request has made it.
    """
    return await queries.create_external_user.only(
        database,
        ActedFor,
        provider=provider,
        subject=subject,
        is_guest=is_guest,
        actor_id=actor_id,
        target=audit.target_of(target),
        request_id=request_id,
    )


class SessionUse(msgspec.Struct, frozen=True):
    """Where a session is used, and how long it may go on."""

    ip: str | None
    user_agent: str | None
    session_days: int
    session_max_days: int


async def touch_session(database: Executor, token_hash: bytes, use: SessionUse) -> bool | None:
    """Note where a session is used, and move its end; at most hourly. False: by that it is over. None: nothing was written."""
    return await queries.touch_session.value(database, bool, token_hash=token_hash, **asdict(use))


async def touch_api_token(database: Executor, token_hash: bytes) -> int:
    """Note that an API token is in use. At most hourly."""
    return await queries.touch_api_token.count(database, token_hash=token_hash)
