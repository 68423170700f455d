"""The rules of admin: what changes a user also ends what the workers know of their tokens."""

from uuid import UUID

import asyncpg

from app.accounts import repository as accounts
from app.accounts.inputs import check_new_password
from app.accounts.schemas import User, UserIdentity
from app.admin import repository
from app.admin.schemas import IdentityPut, UserPasswordPut, UserPatch
from app.auth.token_cache import Caller
from app.database.queries import Executor
from app.http.conditional import Versions
from app.http.services import Services
from app.problems.catalog import Problem
from app.problems.ownership import missing


async def change_user(services: Services, user_id: UUID, versions: Versions, changes: UserPatch) -> User:
    """CreditChange a user; their tokens are looked up again. Raises Problem 404, 409, 412."""
    user = await repository.patch_user(services.database, user_id, versions, changes)
    if user is None:
        raise missing(await accounts.me(services.database, user_id))
    services.token_cache.forget()
    return user


async def link_identity(database: Executor, actor: Caller, user_id: UUID, new: IdentityPut) -> tuple[UserIdentity, bool]:
    """Give a user one more identity; returns it, and whether it is new to them.

    A service does so for users only: an identity of an admin would be a way to sign in as one. Raises Problem 403, 404, 409.
    """
    try:
        linked = await repository.link_identity(database, user_id, new, any_role=actor.role == "admin")
    except asyncpg.UniqueViolationError:
        found = await repository.identity(database, user_id, new.provider, new.subject)
        if found is None:
            raise
        return found, False
    if linked is not None:
        return linked, True
    if await accounts.me(database, user_id) is None:
        raise Problem("not_found")
    raise Problem("role_required", "Only an admin links an identity to an admin or a service.")


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
