"""Typed calls of sql/queries/confirmations.sql."""

from uuid import UUID

import msgspec

from app.database.queries import Executor, load

queries = load("confirmations")


class Names(msgspec.Struct, frozen=True):
    """What a new password must differ from."""

    email: str | None
    username: str | None


class Reset(msgspec.Struct, frozen=True):
    """Whose password was reset."""

    user_id: UUID
    is_first: bool
    """Whether nobody had confirmed the address before."""


async def confirm_address(database: Executor, token_hash: bytes, *, language: str, tells: bool) -> UUID | None:
    """Spend the token of a verification, or of a change of address. None: it is not (any longer) good.

    tells: whether the address that an account had is told. Raises UniqueViolationError when the new one was taken meanwhile.
    """
    return await queries.confirm_address.value(database, UUID, token_hash=token_hash, language=language, tells=tells)


async def reset_of(database: Executor, token_hash: bytes) -> Names | None:
    """Whose password a token resets. None: it is not (any longer) good."""
    return await queries.reset_of.one(database, Names, token_hash=token_hash)


async def reset(database: Executor, token_hash: bytes, password_hash: str) -> Reset | None:
    """Spend the token of a reset: set the password, end every session and API token. None: it is not (any longer) good."""
    return await queries.reset.one(database, Reset, token_hash=token_hash, password_hash=password_hash)


async def delete_identities(database: Executor, user_id: UUID) -> int:
    """Remove every identity of a user; returns how many those were."""
    return await queries.delete_identities.count(database, user_id=user_id)


async def delete_expired_tokens(database: Executor, limit: int) -> int:
    """Remove up to `limit` tokens of links in mails that have expired; returns how many."""
    return await queries.delete_expired_tokens.count(database, limit=limit)
