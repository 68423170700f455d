"""Typed calls of sql/queries/accounts.sql."""

from datetime import datetime
from uuid import UUID

from asyncpg import Record

from app.accounts.schemas import Credentials, Me, MePatch
from app.answers import encode
from app.database import Executor, load

queries = load("accounts")


async def register(
    database: Executor,
    *,
    email: str,
    username: str | None,
    password_hash: str,
    name: str | None,
    timezone: str,
    token_hash: bytes,
    session_days: int,
    user_agent: str | None,
    ip: str | None,
) -> tuple[datetime, Me]:
    """Make a user and the first session. Returns the session's end and the user.

    Raises UniqueViolationError when the e-mail or the user name is taken.
    """
    row = await queries.register(
        database,
        email=email,
        username=username,
        password_hash=password_hash,
        name=name,
        timezone=timezone,
        token_hash=token_hash,
        session_days=session_days,
        user_agent=user_agent,
        ip=ip,
    )
    return _session(row)


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


async def log_in(
    database: Executor, user_id: UUID, *, token_hash: bytes, session_days: int, user_agent: str | None, ip: str | None
) -> tuple[datetime, Me] | None:
    """Open a session. Returns its end and the user; None: the account is gone or disabled by now."""
    row = await queries.log_in(
        database, user_id=user_id, token_hash=token_hash, session_days=session_days, user_agent=user_agent, ip=ip
    )
    return _session(row) if row else None


async def replace_hash(database: Executor, user_id: UUID, old_hash: str, new_hash: str) -> int:
    """Put another hash of the same password in place of the old one."""
    count: int = await queries.replace_hash(database, user_id=user_id, old_hash=old_hash, new_hash=new_hash)
    return count


async def log_out(database: Executor, token_hash: bytes) -> int:
    """End the session of a token."""
    count: int = await queries.log_out(database, token_hash=token_hash)
    return count


async def me(database: Executor, user_id: UUID) -> Me | None:
    """Read one's own account."""
    row = await queries.me(database, user_id=user_id)
    return Me(*row) if row else None


async def patch_me(database: Executor, user_id: UUID, version: int | None, changes: MePatch) -> Me | None:
    """Change one's own account. None: it has moved on from `version`, or is gone."""
    row = await queries.patch_me(database, user_id=user_id, version=version, changes=encode(changes).decode())
    return Me(*row) if row else None


async def delete_me(database: Executor, user_id: UUID, version: int | None) -> int:
    """Delete an account and everything it owns. 0: it has moved on from `version`, or is gone."""
    count: int = await queries.delete_me(database, user_id=user_id, version=version)
    return count


def _session(row: Record) -> tuple[datetime, Me]:
    expires_at, *columns = row
    return expires_at, Me(*columns)
