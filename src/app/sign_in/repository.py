"""Typed calls of sql/queries/sign_in.sql."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from app.accounts.repository import SessionStart
from app.accounts.schemas import User
from app.database.queries import Executor, load, to_json
from app.providers.identity import ProvidedIdentity

queries = load("sign_in")


class Linking(msgspec.Struct, frozen=True):
    """Who links another way in to their account: the user, and the session that began it."""

    user_id: UUID
    session_hash: bytes


class TakenState(msgspec.Struct, frozen=True):
    """What was put down at the start for the provider's answer."""

    redirect: str
    sealed: bytes


class SpentCode(msgspec.Struct, frozen=True):
    """What a code stands for."""

    identity: str
    """A ProvidedIdentity, as JSON."""
    challenge: bytes
    user_id: UUID | None
    session_hash: bytes | None

    @property
    def who(self) -> ProvidedIdentity:
        """Who the provider said it is."""
        return msgspec.json.decode(self.identity, type=ProvidedIdentity)

    @property
    def linking(self) -> Linking | None:
        """Who links. None: somebody signs in."""
        if self.user_id is None or self.session_hash is None:
            return None
        return Linking(self.user_id, self.session_hash)


class Account(msgspec.Struct, frozen=True):
    """What decides whether somebody gets into an account. Its row is locked until the end of the transaction."""

    id: UUID
    role: str
    is_guest: bool
    is_active: bool
    is_verified: bool


async def begin(
    database: Executor,
    *,
    state_hash: bytes,
    provider: str,
    redirect: str,
    challenge: bytes,
    sealed: bytes,
    linking: Linking | None,
) -> int:
    """Put down a sign-in that goes to a provider now."""
    return await queries.begin.count(
        database,
        state_hash=state_hash,
        provider=provider,
        redirect=redirect,
        challenge=challenge,
        sealed=sealed,
        user_id=linking.user_id if linking else None,
        session_hash=linking.session_hash if linking else None,
    )


async def take_state(database: Executor, state_hash: bytes, provider: str) -> TakenState | None:
    """Take a state, which can be done once. None: it was, or has expired, or is another provider's or nobody's."""
    return await queries.take_state.one(database, TakenState, state_hash=state_hash, provider=provider)


async def keep_identity(database: Executor, state_hash: bytes, code_hash: bytes, identity: ProvidedIdentity) -> int:
    """Put down who it is, for who has the code. 0: the account that it was to be linked to is gone."""
    return await queries.keep_identity.count(database, state_hash=state_hash, code_hash=code_hash, identity=to_json(identity))


async def spend_code(database: Executor, code_hash: bytes) -> SpentCode | None:
    """Spend a code. None: it was spent, or has expired, or is nobody's."""
    return await queries.spend_code.one(database, SpentCode, code_hash=code_hash)


async def use_id_token(database: Executor, token_hash: bytes) -> int:
    """Put down that an ID token was used. 0: it was before."""
    return await queries.use_id_token.count(database, token_hash=token_hash)


async def sign_in(database: Executor, identity: ProvidedIdentity, session: SessionStart) -> tuple[datetime, User] | None:
    """Open a session for a known identity. Returns its end and the user. None: it is not known, or its user is disabled."""
    return await queries.sign_in.one(
        database,
        _session,
        provider=identity.provider,
        subject=identity.subject,
        email=identity.email,
        **asdict(session),
    )


async def find_by_identity(database: Executor, identity: ProvidedIdentity) -> Account | None:
    """The account that an identity belongs to, locked. None: it is new."""
    return await queries.find_by_identity.one(database, Account, provider=identity.provider, subject=identity.subject)


async def find_by_session(database: Executor, linking: Linking) -> Account | None:
    """The account of who began to link, locked. None: the session has ended."""
    return await queries.find_by_session.one(database, Account, **asdict(linking))


async def find_by_email(database: Executor, email: str) -> Account | None:
    """The account that has this address, in whatever spelling, locked. None: there is none."""
    return await queries.find_by_email.one(database, Account, email=email)


async def link(database: Executor, user_id: UUID, identity: ProvidedIdentity) -> int:
    """Make an identity the user's. Raises UniqueViolationError when a concurrent request has made it somebody's."""
    return await queries.link.count(
        database, user_id=user_id, provider=identity.provider, subject=identity.subject, email=identity.email
    )


async def complete(database: Executor, user_id: UUID, identity: ProvidedIdentity, *, email: str | None) -> int:
    """Give an account what it has not yet: the verified address, the name and the picture; a guest is one no longer.

    Raises UniqueViolationError when a concurrent request has taken the address.
    """
    return await queries.complete.count(
        database, user_id=user_id, email=email, name=identity.name, avatar_url=identity.avatar_url
    )


async def hand_over(database: Executor, user_id: UUID) -> UUID | None:
    """Verify an account's address for who owns it, and take away its password, its sessions, API tokens and identities."""
    return await queries.hand_over.value(database, UUID, user_id=user_id)


async def end_access(database: Executor, user_id: UUID) -> UUID | None:
    """End the sessions and API tokens of a user."""
    return await queries.end_access.value(database, UUID, user_id=user_id)


async def create_user(database: Executor, identity: ProvidedIdentity, *, email: str | None) -> UUID:
    """Make a user who came by a provider, with a verified address or none; returns the id.

    Raises UniqueViolationError when a concurrent request has taken the address.
    """
    return await queries.create_user.only(database, _id, email=email, name=identity.name, avatar_url=identity.avatar_url)


async def delete_expired_sign_ins(database: Executor, limit: int) -> int:
    """Remove up to `limit` sign-ins that nobody has finished in time; returns how many."""
    return await queries.delete_expired_sign_ins.count(database, limit=limit)


async def delete_expired_id_tokens(database: Executor, limit: int) -> int:
    """Remove up to `limit` notes about ID tokens that are too old to be taken; returns how many."""
    return await queries.delete_expired_id_tokens.count(database, limit=limit)


def _id(id: UUID) -> UUID:
    return id


def _session(expires_at: datetime, *user: Any) -> tuple[datetime, User]:
    return expires_at, User(*user)
