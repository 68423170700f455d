"""Typed calls of sql/queries/admin.sql."""

from uuid import UUID

from msgspec.structs import asdict

from app.accounts.schemas import User, UserIdentity
from app.admin.schemas import AccountCounts, AuditEvent, IdentityPut, UserPatch, UserQuery
from app.database.queries import Executor, Json, load, to_json
from app.http.conditional import Versions
from app.http.pagination import PAGE_BYTES, parameters

queries = load("admin")


async def page_users(database: Executor, filters: UserQuery) -> list[Json[User] | None]:
    """Read a page of users, newest first. Raises Problem 422 for a bad cursor."""
    return await queries.page_users.values(database, bytes=PAGE_BYTES, **parameters(filters))


async def patch_user(database: Executor, user_id: UUID, versions: Versions, changes: UserPatch) -> User | None:
    """Change a user; of one who is not active all sessions end. None: there is no such user, or not at one of `versions`."""
    return await queries.patch_user.one(database, User, user_id=user_id, versions=versions, changes=to_json(changes))


async def link_identity(database: Executor, user_id: UUID, new: IdentityPut, *, any_role: bool) -> UserIdentity | None:
    """Give a user an identity. None: there is no such user, or they have a role and `any_role` is false.

    Raises asyncpg.UniqueViolationError when it is somebody's already, maybe this user's.
    """
    return await queries.link_identity.one(database, UserIdentity, user_id=user_id, any_role=any_role, **asdict(new))


async def identity(database: Executor, user_id: UUID, new: IdentityPut, *, any_role: bool) -> UserIdentity | None:
    """Read an identity that a user has already. None: it is not theirs, or they have a role and `any_role` is false."""
    return await queries.identity.one(database, UserIdentity, user_id=user_id, any_role=any_role, **asdict(new))


async def end_guest(database: Executor, user_id: UUID) -> int:
    """Make a guest who got an identity a user. 0: not a guest."""
    return await queries.end_guest.count(database, user_id=user_id)


async def counts(database: Executor, user_id: UUID) -> AccountCounts | None:
    """Count the live sessions and API tokens of a user, and what they said of consents. None: there is no such user."""
    return await queries.counts.one(database, AccountCounts, user_id=user_id)


async def page_audit_events(database: Executor, *, from_id: UUID, after: UUID, limit: int) -> list[Json[AuditEvent]]:
    """Read a page of the audit trail, newest first: the events before the id `after`, down to `from_id`."""
    return await queries.page_audit_events.values(database, from_id=from_id, after=after, limit=limit)


async def page_audit_events_by(
    database: Executor, actor: UUID, *, from_id: UUID, after: UUID, limit: int
) -> list[Json[AuditEvent]]:
    """Read a page of what an actor did, as `page_audit_events` does."""
    return await queries.page_audit_events_by.values(database, actor=actor, from_id=from_id, after=after, limit=limit)


async def page_audit_events_at(
    database: Executor, target: str, actor: UUID | None, *, from_id: UUID, after: UUID, limit: int
) -> list[Json[AuditEvent]]:
    """Read a page of what was asked for at a path, as `page_audit_events` does; None: by whomever."""
    return await queries.page_audit_events_at.values(
        database, target=target, actor=actor, from_id=from_id, after=after, limit=limit
    )


async def page_audit_events_about(
    database: Executor, user_id: UUID, actor: UUID | None, *, from_id: UUID, after: UUID, limit: int
) -> list[Json[AuditEvent]]:
    """Read a page of what was done to or for a user, as `page_audit_events_at` does."""
    return await queries.page_audit_events_about.values(
        database, user_id=user_id, actor=actor, from_id=from_id, after=after, limit=limit
    )
