"""The rules of admin: what changes a user also ends what the workers know of their tokens."""

from uuid import UUID

import asyncpg

from app.accounts import repository as accounts
from app.accounts.inputs import check_new_password
from app.accounts.schemas import User, UserIdentity
from app.admin import repository
from app.admin.schemas import IdentityPut, UserPasswordPut, UserPatch
from app.auth.token_cache import Caller
from app.credits.repository import register_account
from app.database.queries import Executor
from app.http.conditional import Versions
from app.http.services import Services
from app.problems.catalog import Problem
from app.problems.ownership import missing

GUESTS_PROVIDER = "legacy"
"""An app's own names of its users and guests: one more of these does not make a guest a user."""


async def change_user(services: Services, user_id: UUID, versions: Versions, changes: UserPatch) -> User:
    """Change a user; their tokens are looked up again. Raises Problem 404, 409, 412."""
    user = await repository.patch_user(services.database, user_id, versions, changes)
    if user is None:
        raise missing(await accounts.me(services.database, user_id))
    services.token_cache.forget()
    return user


async def link_identity(services: Services, actor: Caller, user_id: UUID, new: IdentityPut) -> tuple[UserIdentity, bool]:
    """Give a user one more identity; returns it, and whether it is new to them. A guest becomes a user, in one transaction.

    A service does so for users only: an identity of an admin would be a way to sign in as one. Raises Problem 403, 404, 409.
    """
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
    if await repository.set_password(services.database, user_id, password_hash) is None:
        raise Problem("not_found")
    services.token_cache.forget()
