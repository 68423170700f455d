"""Typed calls of sql/queries/admin.sql."""

from uuid import UUID

from app.accounts.schemas import User
from app.admin.schemas import UserPatch, UserQuery
from app.database.queries import Executor, Json, load, to_json
from app.http.conditional import Versions
from app.http.pagination import PAGE_BYTES, parameters

queries = load("admin")


async def page_users(database: Executor, filters: UserQuery) -> list[Json[User] | None]:
    """Read a page of users, newest first. Raises Problem 422 for a bad cursor."""
    return await queries.page_users.values(database, bytes=PAGE_BYTES, **parameters(filters))


async def patch_user(database: Executor, user_id: UUID, versions: Versions, changes: UserPatch) -> User | None:
    """CreditChange a user. None: there is no such user, or not at one of `versions`."""
    return await queries.patch_user.one(database, User, user_id=user_id, versions=versions, changes=to_json(changes))


async def set_password(database: Executor, user_id: UUID, password_hash: str) -> UUID | None:
    """Give a user another password and end all sessions and API tokens. None: there is no such user."""
    return await queries.set_password.value(database, UUID, user_id=user_id, password_hash=password_hash)
