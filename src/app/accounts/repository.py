"""Typed calls of sql/queries/accounts.sql."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from app.accounts.schemas import (
    Credentials,
    ListedUser,
    MePatch,
    Registration,
    User,
    UserIdentity,
)
from app.accounts.session_schemas import ApiToken, ApiTokenCreate, SessionPatch, UserSession
from app.database.queries import Executor, Json, load, to_json
from app.http.conditional import Versions
from app.http.pagination import PageQuery, parameters

queries = load("accounts")


class SessionStart(msgspec.Struct, frozen=True):
    """What a new session is made of."""

    token_hash: bytes
    session_days: int
    user_agent: str | None
    ip: str | None
    device_name: str | None


async def register(database: Executor, new: Registration, password_hash: str, session: SessionStart) -> tuple[datetime, User]:
    """Make a user and the first session. Returns the session's end and the user.

    Raises UniqueViolationError when the e-mail or the user name is taken.
    """
    return await queries.register.only(database, _session, **_columns(new, password_hash), **asdict(session))


async def guest(database: Executor, session: SessionStart) -> tuple[datetime, User]:
    """Make a guest and its session. Returns the session's end and the guest."""
    return await queries.guest.only(database, _session, **asdict(session))


async def enrol(
    database: Executor, user_id: UUID, new: Registration, password_hash: str, session: SessionStart
) -> tuple[datetime, User] | None:
    """Make a guest a registered user, with a new session in place of the old ones. None: it is no guest any more.

    Raises UniqueViolationError when the e-mail or the user name is taken; then nothing has changed.
    """
    return await queries.enrol.one(database, _session, user_id=user_id, **_columns(new, password_hash), **asdict(session))


async def credentials_by_email(database: Executor, email: str) -> Credentials | None:
    """What a login by e-mail is checked against; letter case does not matter."""
    return await queries.credentials_by_email.one(database, Credentials, email=email)


async def credentials_by_username(database: Executor, username: str) -> Credentials | None:
    """What a login by user name is checked against; letter case does not matter."""
    return await queries.credentials_by_username.one(database, Credentials, username=username)


async def id_of_username(database: Executor, username: str) -> UUID | None:
    """The user of this name; letter case does not matter. None: there is none, or they are disabled."""
    return await queries.id_of_username.value(database, UUID, username=username)


async def lock(database: Executor, user_id: UUID) -> UUID | None:
    """Lock a user until the transaction ends: others that lock them wait. None: there is no such user (any more)."""
    return await queries.lock.value(database, UUID, user_id=user_id)


async def credentials(database: Executor, user_id: UUID) -> Credentials | None:
    """What a signed-in user's password is checked against."""
    return await queries.credentials.one(database, Credentials, user_id=user_id)


async def log_in(
    database: Executor, user_id: UUID, password_hash: str | None, session: SessionStart
) -> tuple[datetime, User] | None:
    """Open a session for the password of this hash. Returns its end and the user.

    None: by now the account is gone, disabled, or has another password.
    """
    return await queries.log_in.one(database, _session, user_id=user_id, password_hash=password_hash, **asdict(session))


async def log_in_unnoted(
    database: Executor, user_id: UUID, password_hash: str | None, session: SessionStart
) -> tuple[datetime, User] | None:
    """As `log_in`, but when the user was last here is not written: what raises NodeUnavailable there works here."""
    expires_at = await queries.log_in_unnoted.value(
        database, datetime, user_id=user_id, password_hash=password_hash, **asdict(session)
    )
    user = await me(database, user_id) if expires_at is not None else None
    return (expires_at, user) if expires_at is not None and user is not None else None


async def replace_hash(database: Executor, user_id: UUID, old_hash: str, new_hash: str) -> int:
    """Put another hash of the same password in place of the old one."""
    return await queries.replace_hash.count(database, user_id=user_id, old_hash=old_hash, new_hash=new_hash)


async def log_out(database: Executor, token_hash: bytes) -> int:
    """End the session of a token."""
    return await queries.log_out.count(database, token_hash=token_hash)


async def me(database: Executor, user_id: UUID) -> User | None:
    """Read an account."""
    return await queries.me.one(database, User, user_id=user_id)


async def patch_me(
    database: Executor, user_id: UUID, versions: Versions, password_hash: str | None, changes: MePatch
) -> User | None:
    """Change an account. None: not at one of `versions`, or with another password than `password_hash` has, or gone."""
    return await queries.patch_me.one(
        database, User, user_id=user_id, versions=versions, password_hash=password_hash, changes=to_json(changes)
    )


async def is_email_taken(database: Executor, user_id: UUID, email: str) -> bool:
    """Whether another account has this address; letter case does not matter."""
    return bool(await queries.is_email_taken.value(database, bool, user_id=user_id, email=email))


async def delete_me(database: Executor, user_id: UUID, versions: Versions) -> int:
    """Delete an account and everything it owns. 0: it is not at one of `versions`, or is gone.

    Raises CheckViolationError for the last active admin.
    """
    return await queries.delete_me.count(database, user_id=user_id, versions=versions)


async def change_password(
    database: Executor, user_id: UUID, old_hash: str | None, new_hash: str, *, token_hash: bytes, keep_tokens: list[UUID]
) -> UUID | None:
    """Set a new password; end the sessions but that of the token, and the API tokens but those to keep.

    None: the password was changed meanwhile.
    """
    return await queries.change_password.value(
        database,
        UUID,
        user_id=user_id,
        old_hash=old_hash,
        new_hash=new_hash,
        token_hash=token_hash,
        keep_tokens=keep_tokens,
    )


async def owned_tokens(database: Executor, user_id: UUID, ids: list[UUID]) -> int:
    """How many of these API tokens are this user's."""
    return await queries.owned_tokens.value(database, int, user_id=user_id, ids=ids) or 0


async def page_sessions(database: Executor, user_id: UUID, token_id: UUID, filters: PageQuery) -> list[Json[UserSession]]:
    """Read a page of the live sessions of a user, newest first; `token_id` is the caller's. Raises Problem 422."""
    return await queries.page_sessions.values(database, user_id=user_id, token_id=token_id, **parameters(filters))


async def patch_session(
    database: Executor, user_id: UUID, id: UUID, token_id: UUID, changes: SessionPatch
) -> UserSession | None:
    """Change a live session of this user; `token_id` is the caller's. None: there is none with this id."""
    return await queries.patch_session.one(
        database, UserSession, user_id=user_id, id=id, token_id=token_id, changes=to_json(changes)
    )


async def end_session(database: Executor, user_id: UUID, id: UUID) -> int:
    """End a session of this user. 0: there is none with this id."""
    return await queries.end_session.count(database, user_id=user_id, id=id)


async def end_sessions(database: Executor, user_id: UUID) -> int | None:
    """End every session of a user, whose API tokens go on; returns how many those were. None: there is no such user."""
    return await queries.end_sessions.value(database, int, user_id=user_id)


async def page_identities(database: Executor, user_id: UUID, filters: PageQuery) -> list[Json[UserIdentity]]:
    """Read a page of the identities of a user, newest first. Raises Problem 422 for a bad cursor."""
    return await queries.page_identities.values(database, user_id=user_id, **parameters(filters))


async def is_fresh(database: Executor, user_id: UUID, token_id: UUID) -> bool | None:
    """Whether a session of this user was made in the last 15 minutes. None: there is none with this id."""
    return await queries.is_fresh.value(database, bool, user_id=user_id, token_id=token_id)


async def unlink_identity(database: Executor, user_id: UUID, id: UUID, providers: list[str]) -> bool | None:
    """Remove an identity of a user who was locked, if they can still sign in then; returns whether.

    None: there is none with this id.
    """
    return await queries.unlink_identity.value(database, bool, user_id=user_id, id=id, providers=providers)


async def new_device(database: Executor, user_id: UUID, user_agent: str | None) -> str | None:
    """The address of a user who has signed in before, but not with this user agent. None: anybody else."""
    return await queries.new_device.value(database, str, user_id=user_id, user_agent=user_agent)


async def create_token(
    database: Executor, user_id: UUID, session_hash: bytes, new: ApiTokenCreate, *, token_hash: bytes, last_characters: str
) -> ApiToken | None:
    """Make an API token. None: the session that asks has ended."""
    return await queries.create_token.one(
        database,
        ApiToken,
        user_id=user_id,
        session_hash=session_hash,
        token_hash=token_hash,
        last_characters=last_characters,
        **asdict(new),
    )


async def page_tokens(database: Executor, user_id: UUID, filters: PageQuery) -> list[Json[ApiToken]]:
    """Read a page of the API tokens of a user, newest first. Raises Problem 422 for a bad cursor."""
    return await queries.page_tokens.values(database, user_id=user_id, **parameters(filters))


async def end_token(database: Executor, user_id: UUID, id: UUID) -> int:
    """End an API token of this user. 0: there is none with this id."""
    return await queries.end_token.count(database, user_id=user_id, id=id)


async def page_users(database: Executor, *, after: UUID, limit: int) -> list[ListedUser]:
    """Read up to `limit` accounts of the server, newest first, that come after the id `after`."""
    return await queries.page_users.many(database, ListedUser, after=after, limit=limit)


async def create_user(database: Executor, new: Registration, password_hash: str, role: str) -> User:
    """Make an account without a session. Raises asyncpg.UniqueViolationError for a taken e-mail or user name."""
    return await queries.create_user.only(database, User, role=role, **_columns(new, password_hash))


async def disable(database: Executor, user_id: UUID) -> int | None:
    """Let an account sign in no more, and end its sessions; returns how many. None: there is no such account.

    Raises CheckViolationError for the last active admin.
    """
    return await queries.disable.value(database, int, user_id=user_id)


async def enable(database: Executor, user_id: UUID) -> UUID | None:
    """Let a disabled account sign in again. None: there is no such account."""
    return await queries.enable.value(database, UUID, user_id=user_id)


async def set_role(database: Executor, user_id: UUID, role: str) -> UUID | None:
    """Give an account another role. None: there is no such account.

    Raises CheckViolationError for the last active admin and for a guest.
    """
    return await queries.set_role.value(database, UUID, user_id=user_id, role=role)


async def set_password(database: Executor, user_id: UUID, password_hash: str) -> UUID | None:
    """Give an account another password and end all of its sessions and API tokens. None: there is no such account."""
    return await queries.set_password.value(database, UUID, user_id=user_id, password_hash=password_hash)


async def delete_expired_sessions(database: Executor, limit: int) -> int:
    """Remove up to `limit` sessions that have expired; returns how many."""
    return await queries.delete_expired_sessions.count(database, limit=limit)


async def delete_expired_tokens(database: Executor, limit: int) -> int:
    """Remove up to `limit` API tokens that expired 90 days ago or earlier; returns how many."""
    return await queries.delete_expired_tokens.count(database, limit=limit)


def _columns(new: Registration, password_hash: str) -> dict[str, Any]:
    """The columns of a registration's account: the hash in place of the password, and nothing of the session."""
    columns = asdict(new) | {"password_hash": password_hash}
    del columns["password"], columns["device_name"]
    return columns


def _session(expires_at: datetime, *user: Any) -> tuple[datetime, User]:
    return expires_at, User(*user)
