"""Typed calls of sql/queries/admin.sql."""

from uuid import UUID

from app.accounts.schemas import User
from app.admin.schemas import UserPatch
from app.database.queries import Executor, Json, load
from app.http.responses import encode

queries = load("admin")


async def page_users(database: Executor, query: str | None, *, after: UUID, limit: int) -> list[Json[User]]:
    """Read up to `limit` users, newest first, that come behind `after`; those alone that `query` is a part of."""
    rows = await queries.page_users(database, query=query.lower() if query else None, after=after, limit=limit)
    return [row[0] for row in rows]


async def patch_user(database: Executor, user_id: UUID, version: int | None, changes: UserPatch) -> User | None:
    """Change a user. None: there is none, or it has moved on from `version`."""
    row = await queries.patch_user(database, user_id=user_id, version=version, changes=encode(changes).decode())
    return User(*row) if row else None


async def set_password(database: Executor, user_id: UUID, password_hash: str) -> UUID | None:
    """Give a user another password and end all sessions. None: there is no such user."""
    found: UUID | None = await queries.set_password(database, user_id=user_id, password_hash=password_hash)
    return found
