"""The rules of admin: what changes a user also ends what the workers know of their tokens; how the trail is looked through."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec

from app.accounts import repository as accounts
from app.accounts.inputs import check_new_password
from app.accounts.schemas import User, UserIdentity
from app.admin import repository
from app.admin.schemas import AuditEvent, AuditEventQuery, IdentityPut, UserPasswordPut, UserPatch
from app.auth.token_cache import Caller
from app.credits.repository import register_account
from app.database.ids import first_id
from app.database.queries import Executor, Json
from app.http import pagination
from app.http.conditional import Versions
from app.http.fields import LAST_DAY
from app.http.services import Services
from app.problems.ownership import missing
from app.problems.problem import Problem, invalid

GUESTS_PROVIDER = "legacy"
"""An app's own names of its users and guests: one more of these does not make a guest a user."""


async def change_user(services: Services, user_id: UUID, versions: Versions, changes: UserPatch) -> User:
    """Change a user; their tokens are looked up again. Raises Problem 404, 409, 412, 422."""
    user = await repository.patch_user(services.database, user_id, versions, changes)
    if user is None:
        raise missing(await accounts.me(services.database, user_id))
    services.token_cache.forget()
    return user


async def link_identity(services: Services, actor: Caller, user_id: UUID, new: IdentityPut) -> tuple[UserIdentity, bool]:
    """Give a user one more identity; returns it, and whether it is new to them. A guest becomes a user, in one transaction.

    A service does so for users only: an identity of an admin would be a way to sign in as one.
    Raises Problem 403, 404, 409, 422.
    """
    if new.provider not in services.identity_providers:
        raise invalid("provider", "unknown", "must be a provider of this server, google, github, firebase, auth0 or legacy")
    any_role = actor.role == "admin"

    async def work(transaction: Executor) -> tuple[UserIdentity | None, bool, bool]:
        found = await repository.identity(transaction, user_id, new, any_role=any_role)
        identity = found or await repository.link_identity(transaction, user_id, new, any_role=any_role)
        was_guest = (
            identity is not None and new.provider != GUESTS_PROVIDER and await repository.end_guest(transaction, user_id) > 0
        )
        if was_guest:
            await register_account(transaction, user_id, services.settings)
        return identity, found is None, was_guest

    try:
        identity, is_new, was_guest = await services.database.transaction(work)
    except asyncpg.UniqueViolationError:
        # An equal request was faster: the identity is found now. Or it is another user's.
        identity, is_new, was_guest = await services.database.transaction(work)
    if identity is None:
        if await accounts.me(services.database, user_id) is None:
            raise Problem("not_found")
        raise Problem("role_required", "Only an admin links an identity to an admin or a service.")
    if was_guest:
        services.token_cache.forget()
    return identity, is_new


async def set_password(services: Services, user_id: UUID, new: UserPasswordPut) -> None:
    """Give a user another password; all of their sessions and API tokens end. Raises Problem 404, 422."""
    user = await accounts.me(services.database, user_id)
    if user is None:
        raise Problem("not_found")
    check_new_password("password", new.password, user.email, user.username)
    password_hash = await services.passwords.hash(new.password)
    if await accounts.set_password(services.database, user_id, password_hash) is None:
        raise Problem("not_found")
    services.token_cache.forget()


async def end_sessions(services: Services, user_id: UUID) -> None:
    """End every session of a user; API tokens go on, as where a user ends one. Raises Problem 404."""
    if await accounts.end_sessions(services.database, user_id) is None:
        raise Problem("not_found")
    services.token_cache.forget()


async def page_audit_events(database: Executor, filters: AuditEventQuery) -> list[Json[AuditEvent]]:
    """Read a page of the audit trail, newest first, by the statement that has an index for the filters. Raises Problem 422."""
    pagination.check_range(filters.from_, filters.to)
    after = pagination.after(filters)
    if filters.to < LAST_DAY:
        after = min(after, first_id(filters.to + timedelta(days=1)))
    from_id, limit, actor = first_id(filters.from_), filters.limit + 1, filters.actor
    if filters.target is not None:
        user_id = _id_in(filters.target)
        if user_id is not None:
            return await repository.page_audit_events_about(database, user_id, actor, from_id=from_id, after=after, limit=limit)
        return await repository.page_audit_events_at(database, filters.target, actor, from_id=from_id, after=after, limit=limit)
    if actor is not None:
        return await repository.page_audit_events_by(database, actor, from_id=from_id, after=after, limit=limit)
    return await repository.page_audit_events(database, from_id=from_id, after=after, limit=limit)


def _id_in(target: str) -> UUID | None:
    """The id that a target is, unless it is a path."""
    try:
        return msgspec.convert(target, UUID)
    except msgspec.ValidationError:
        return None
