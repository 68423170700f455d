"""Typed calls of sql/queries/credits.sql."""

from typing import Any
from uuid import UUID

from msgspec.structs import asdict

from app.credits.schemas import CreditAccount, CreditDeduction, CreditGrant, CreditRefund, CreditTransaction
from app.database.queries import Executor, Json, load
from app.http import pagination
from app.http.pagination import PageQuery
from app.settings import Settings

queries = load("credits")

LEDGER_DAYS = 90
"""How far back the ledger of an account shows every line."""


async def account(database: Executor, user_id: UUID) -> CreditAccount | None:
    """Read an account; a due reset is applied. None: there is no account yet."""
    return await queries.account.one(database, CreditAccount, user_id=user_id)


async def reset(database: Executor, user_id: UUID) -> CreditAccount | None:
    """Fill an account up before it is due. None: there is no account yet."""
    return await queries.reset.one(database, CreditAccount, user_id=user_id)


async def open_account(database: Executor, user_id: UUID, settings: Settings) -> int:
    """Make the account of a user. 0: it was there, or there is no such user."""
    return await queries.open_account.count(
        database,
        user_id=user_id,
        guest_credits=settings.credits_guest,
        registered_credits=settings.credits_registered,
        reset_hours=settings.credits_reset_hours,
    )


async def register_account(database: Executor, user_id: UUID, settings: Settings) -> int:
    """Turn a guest's account into a registered user's, filled up. 0: nothing was missing, or there is no account yet."""
    return await queries.register_account.count(
        database, user_id=user_id, registered_credits=settings.credits_registered, reset_hours=settings.credits_reset_hours
    )


async def deduct(database: Executor, user_id: UUID, wanted: CreditDeduction) -> tuple[bool, CreditTransaction] | None:
    """Take credits; returns whether the key came before, and the transaction. None: `deduction_outcome` says why not.

    Raises asyncpg.UniqueViolationError when a concurrent duplicate with the same key was faster; `deduction_outcome` then
    says what it did.
    """
    return await queries.deduct.one(database, _deducted, user_id=user_id, **asdict(wanted))


async def deduction_outcome(
    database: Executor, user_id: UUID, idempotency_key: str | None
) -> tuple[CreditAccount, CreditTransaction | None] | None:
    """The account as it is, and what the key did first, if it came before. None: there is no account yet."""
    return await queries.deduction_outcome.one(database, _outcome, user_id=user_id, idempotency_key=idempotency_key)


async def refund(database: Executor, user_id: UUID, wanted: CreditRefund) -> CreditTransaction | None:
    """Return a deduction, once, all of it or a part. None: see `taken` for why not.

    Raises asyncpg.UniqueViolationError when another refund of it was faster.
    """
    return await queries.refund.one(database, CreditTransaction, user_id=user_id, **asdict(wanted))


async def taken(database: Executor, user_id: UUID, transaction_seq: int) -> int | None:
    """What a deduction took; None: there is no such deduction."""
    return await queries.taken.value(database, int, user_id=user_id, transaction_seq=transaction_seq)


async def grant(database: Executor, user_id: UUID, given: CreditGrant) -> CreditTransaction | None:
    """Give credits. None: there is no account yet. Raises asyncpg.UniqueViolationError for a key that came before."""
    return await queries.grant.one(database, CreditTransaction, user_id=user_id, **asdict(given))


async def page_transactions(database: Executor, user_id: UUID, filters: PageQuery) -> list[Json[CreditTransaction]]:
    """Read a page of the ledger, newest first. Raises Problem 422 for a bad cursor."""
    after_seq = pagination.after_numbered(filters, "newest")
    return await queries.page_transactions.values(database, user_id=user_id, after_seq=after_seq, limit=filters.limit + 1)


async def broken_accounts(database: Executor) -> list[UUID]:
    """The users whose ledgers do not add up; an empty list is the only right answer."""
    return await queries.broken_accounts.values(database)


async def fold_transactions(database: Executor, limit: int) -> int:
    """Fold transactions older than LEDGER_DAYS into checkpoints with the same sum; returns how many were folded."""
    return await queries.fold_transactions.value(database, int, days=LEDGER_DAYS, limit=limit) or 0


def _deducted(replayed: bool, *transaction: Any) -> tuple[bool, CreditTransaction]:  # noqa: FBT001 - a column
    return replayed, CreditTransaction(*transaction)


def _outcome(*columns: Any) -> tuple[CreditAccount, CreditTransaction | None]:
    account, transaction = columns[:4], columns[4:]
    return CreditAccount(*account), None if transaction[0] is None else CreditTransaction(*transaction)
