"""Typed calls of sql/queries/accounts.sql."""

from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Record

from app.accounts.schemas import (
    ApiToken,
    ApiTokenCreate,
    Credentials,
    ListedUser,
    MePatch,
    Registration,
    User,
    UserIdentity,
    UserSession,
)
from app.database.queries import Executor, Json, load
from app.http.responses import encode

queries = load("accounts")


class SessionStart(msgspec.Struct, frozen=True):
    """What a new session is made of."""

    token_hash: bytes
    session_days: int
    user_agent: str | None
    ip: str | None


async def register(database: Executor, new: Registration, password_hash: str, session: SessionStart) -> tuple[datetime, User]:
    """Make a user and the first session. Returns the session's end and the user.

    Raises UniqueViolationError when the e-mail or the user name is taken.
    """
    row = await queries.register(
        database,
        email=new.email,
        username=new.username,
        password_hash=password_hash,
        name=new.name,
        timezone=new.timezone,
        **msgspec.structs.asdict(session),
    )
    return _session(row)


async def guest(database: Executor, session: SessionStart) -> tuple[datetime, User]:
    """Make a guest and its session. Returns the session's end and the guest."""
    return _session(await queries.guest(database, **msgspec.structs.asdict(session)))


async def register_guest(
    database: Executor, user_id: UUID, new: Registration, password_hash: str, session: SessionStart
) -> tuple[datetime, User] | None:
    """Make a guest a registered user, with a new session in place of the old ones. None: it is no guest any more.

    Raises UniqueViolationError when the e-mail or the user name is taken; then nothing has changed.
    """
    row = await queries.register_guest(
        database,
        user_id=user_id,
        email=new.email,
        username=new.username,
        password_hash=password_hash,
        name=new.name,
        timezone=new.timezone,
        **msgspec.structs.asdict(session),
    )
    return _session(row) if row else None


async def credentials_by_email(database: Executor, email: str) -> Credentials | None:
    """What a login by e-mail is checked against; letter case does not matter."""
    row = await queries.credentials_by_email(database, email=email)
    return Credentials(*row) if row else None


async def credentials_by_username(database: Executor, username: str) -> Credentials | None:
    """What a login by user name is checked against; letter case does not matter."""
    row = await queries.credentials_by_username(database, username=username)
    return Credentials(*row) if row else None


async def credentials(database: Executor, user_id: UUID) -> Credentials | None:
    """What a signed-in user's password is checked against."""
    row = await queries.credentials(database, user_id=user_id)
    return Credentials(*row) if row else None


async def log_in(database: Executor, user_id: UUID, session: SessionStart) -> tuple[datetime, User] | None:
    """Open a session. Returns its end and the user; None: the account is gone or disabled by now."""
    row = await queries.log_in(database, user_id=user_id, **msgspec.structs.asdict(session))
    return _session(row) if row else None


async def replace_hash(database: Executor, user_id: UUID, old_hash: str, new_hash: str) -> int:
    """Put another hash of the same password in place of the old one."""
    count: int = await queries.replace_hash(database, user_id=user_id, old_hash=old_hash, new_hash=new_hash)
    return count


async def log_out(database: Executor, token_hash: bytes) -> int:
    """End the session of a token."""
    count: int = await queries.log_out(database, token_hash=token_hash)
    return count


async def me(database: Executor, user_id: UUID) -> User | None:
    """Read one's own account."""
    row = await queries.me(database, user_id=user_id)
    return User(*row) if row else None


async def patch_me(database: Executor, user_id: UUID, version: int | None, changes: MePatch) -> User | None:
    """Change one's own account. None: it has moved on from `version`, or is gone."""
    row = await queries.patch_me(database, user_id=user_id, version=version, changes=encode(changes).decode())
    return User(*row) if row else None


async def delete_me(database: Executor, user_id: UUID, version: int | None) -> int:
    """Delete an account and everything it owns. 0: it has moved on from `version`, or is gone."""
    count: int = await queries.delete_me(database, user_id=user_id, version=version)
    return count


async def change_password(
    database: Executor, user_id: UUID, old_hash: str | None, new_hash: str, token_hash: bytes
) -> UUID | None:
    """Set a new password and end the other sessions. None: the password was changed meanwhile."""
    row = await queries.change_password(database, user_id=user_id, old_hash=old_hash, new_hash=new_hash, token_hash=token_hash)
    return row["id"] if row else None


async def page_sessions(
    database: Executor, user_id: UUID, token_id: UUID, *, after: UUID, limit: int
) -> list[Json[UserSession]]:
    """Read up to `limit` of one's own sessions, newest first, that come behind `after`."""
    rows = await queries.page_sessions(database, user_id=user_id, token_id=token_id, after=after, limit=limit)
    return [row[0] for row in rows]


async def end_session(database: Executor, user_id: UUID, id: UUID) -> int:
    """End one of one's own sessions. 0: there is none of this id."""
    count: int = await queries.end_session(database, user_id=user_id, id=id)
    return count


async def page_identities(database: Executor, user_id: UUID, *, after: UUID, limit: int) -> list[Json[UserIdentity]]:
    """Read up to `limit` of one's own identities, newest first, that come behind `after`."""
    rows = await queries.page_identities(database, user_id=user_id, after=after, limit=limit)
    return [row[0] for row in rows]


async def create_token(
    database: Executor, user_id: UUID, new: ApiTokenCreate, token_hash: bytes, last_characters: str
) -> ApiToken:
    """Make an API token."""
    row = await queries.create_token(
        database,
        user_id=user_id,
        token_hash=token_hash,
        name=new.name,
        scopes=new.scopes,
        expires_at=new.expires_at,
        last_characters=last_characters,
    )
    return ApiToken(*row)


async def page_tokens(database: Executor, user_id: UUID, *, after: UUID, limit: int) -> list[Json[ApiToken]]:
    """Read up to `limit` of one's own API tokens, newest first, that come behind `after`."""
    rows = await queries.page_tokens(database, user_id=user_id, after=after, limit=limit)
    return [row[0] for row in rows]


async def end_token(database: Executor, user_id: UUID, id: UUID) -> int:
    """End one of one's own API tokens. 0: there is none of this id."""
    count: int = await queries.end_token(database, user_id=user_id, id=id)
    return count


async def page_users(database: Executor, *, after: UUID, limit: int) -> list[ListedUser]:
    """Read up to `limit` accounts of everybody, newest first, that come behind `after`."""
    rows = await queries.page_users(database, after=after, limit=limit)
    return [ListedUser(*row) for row in rows]


async def set_role(database: Executor, email: str, role: str) -> UUID | None:
    """Give an account another role. None: there is no such account."""
    row = await queries.set_role(database, email=email, role=role)
    return row["id"] if row else None


async def set_password(database: Executor, email: str, password_hash: str) -> UUID | None:
    """Give an account another password and end all of its sessions. None: there is no such account."""
    row = await queries.set_password(database, email=email, password_hash=password_hash)
    return row["id"] if row else None


def _session(row: Record) -> tuple[datetime, User]:
    expires_at, *columns = row
    return expires_at, User(*columns)
