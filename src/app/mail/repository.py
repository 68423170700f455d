"""Typed calls of sql/queries/mail.sql."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.database.queries import Executor, load, to_json
from app.problems import constraints

constraints.declare(
    {
        "outgoing_mails_pkey": ("conflict", "id", "is taken"),
        "outgoing_mails_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "outgoing_mails_kind_known": ("invalid", "kind", constraints.ONE_OF),
        "outgoing_mails_address_length": constraints.has_length("email", "3 to 320"),
        "outgoing_mails_language_length": constraints.has_length("language", "at most 100"),
        "outgoing_mails_detail_length": ("invalid", "detail", "must be at most 4000 bytes of JSON"),
        "outgoing_mails_failure_length": constraints.has_length("failure", "at most 100"),
        "mail_tokens_pkey": ("conflict", "token", "is taken"),
        "mail_tokens_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "mail_tokens_purpose_known": ("invalid", "purpose", constraints.ONE_OF),
        "mail_tokens_token_hash_unique": ("conflict", "token", "is taken"),
        "mail_tokens_token_hash_length": ("invalid", "token", "must be a hash of 32 bytes"),
        "mail_tokens_email_length": constraints.has_length("email", "3 to 320"),
    }
)

MailKind = Literal[
    "verification", "password_reset", "email_change", "email_change_asked", "email_changed", "identity_linked", "new_device"
]

queries = load("mail")


async def enqueue(
    executor: Executor, kind: MailKind, *, user_id: UUID | None, address: str, language: str, detail: Mapping[str, str]
) -> None:
    """Write a mail down that is to be sent, within the transaction of what it is about.

    user_id: None for a reset, when nobody knows yet whose the address is. language: what `Client.languages` says.
    detail: for a new device {"device": ..., "place": ...}, else nothing; never a token.
    Afterwards `services.mail_is_due.set()` has it sent at once; without that it goes out within some seconds.
    """
    await queries.enqueue.count(
        executor, user_id=user_id, kind=kind, address=address, language=language, detail=to_json(dict(detail))
    )


class ClaimedMail(msgspec.Struct, frozen=True):
    """A mail that this sender has for now."""

    id: UUID
    kind: MailKind
    address: str
    language: str
    detail: str
    """JSON: an object of texts."""
    attempts: int
    """This one among them."""
    created_at: datetime
    is_old: bool
    """Whether it has been tried for a day: when it fails once more, it is given up."""


class Reader(msgspec.Struct, frozen=True):
    """Who gets a mail."""

    address: str
    name: str
    """The address, where its reader has not confirmed it: a name is a text that whoever made the account has chosen."""


class MailState(msgspec.Struct, frozen=True):
    """What lies in the table."""

    waiting: int
    given_up: int
    oldest_seconds: float
    """Since the oldest that waits was written; 0: none does."""


class Failure(msgspec.Struct, frozen=True):
    """Why mails were not taken at their last attempt."""

    code: str
    mails: int


async def claim(database: Executor, *, limit: int, lease_seconds: float) -> list[ClaimedMail]:
    """Take up to `limit` mails that are due; nobody else gets them while the lease lasts."""
    return await queries.claim.many(database, ClaimedMail, limit=limit, lease_seconds=lease_seconds)


async def link_for_user(database: Executor, id: UUID, token_hash: bytes, seconds: float) -> Reader | None:
    """Make the token of a verification or of a change of address. None: nobody is to get the mail any more."""
    return await queries.link_for_user.one(database, Reader, id=id, token_hash=token_hash, seconds=seconds)


async def link_for_address(database: Executor, id: UUID, token_hash: bytes, seconds: float) -> Reader | None:
    """Make the token of a reset, for who has the mail's address by now. None: nobody does who could sign in."""
    return await queries.link_for_address.one(database, Reader, id=id, token_hash=token_hash, seconds=seconds)


async def reader(database: Executor, id: UUID) -> Reader | None:
    """Who gets a mail without a link. None: the account is gone, or disabled."""
    return await queries.reader.one(database, Reader, id=id)


async def delete_sent(database: Executor, id: UUID) -> int:
    """Remove a mail that a server has taken, or that nobody is to get."""
    return await queries.delete_sent.count(database, id=id)


async def postpone(database: Executor, id: UUID, *, seconds: float, failure: str) -> int:
    """Have a mail tried again after so many seconds."""
    return await queries.postpone.count(database, id=id, seconds=seconds, failure=failure)


async def give_back(database: Executor, ids: list[UUID]) -> int:
    """Let go of mails that were claimed and not tried."""
    return await queries.give_back.count(database, ids=ids)


async def give_up(database: Executor, id: UUID, *, failure: str) -> int:
    """Try a mail no more; it is kept for a while, so that the operator sees it."""
    return await queries.give_up.count(database, id=id, failure=failure)


async def can_be_written(database: Executor) -> bool:
    """Whether the table is there: it is not before its migration."""
    return bool(await queries.can_be_written.value(database, bool))


async def state(database: Executor) -> MailState:
    """Count what waits, and what was given up."""
    return await queries.state.only(database, MailState)


async def failures(database: Executor, *, limit: int) -> list[Failure]:
    """Why mails that are there were not taken, the most frequent reason first."""
    return await queries.failures.many(database, Failure, limit=limit)


async def delete_old(database: Executor, limit: int) -> int:
    """Remove up to `limit` mails that were given up a week ago or earlier; returns how many."""
    return await queries.delete_old.count(database, limit=limit)
