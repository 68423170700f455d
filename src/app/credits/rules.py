"""The rules of credits that span several statements: the first use, and why a change did not happen."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import asyncpg
from msgspec.structs import asdict

from app.credits import repository
from app.credits.schemas import CreditAccount, CreditChange, CreditDeduction, CreditGrant, CreditRefund, CreditTransaction
from app.database.queries import Executor
from app.problems.problem import Problem, conflict, invalid, later
from app.settings import Settings

T = TypeVar("T")

ATTEMPTS = 3
"""How often a deduction is tried whose account changes meanwhile."""


async def account(database: Executor, settings: Settings, user_id: UUID) -> CreditAccount:
    """Read an account, made at its first use, with a due reset applied."""
    found = await _opened(database, settings, user_id, lambda: repository.account(database, user_id))
    if found.resets_at is not None and found.resets_at <= datetime.now(UTC):
        # Another request applied the reset while this waited for the row: its snapshot is from before.
        found = await repository.account(database, user_id) or found
    return found


async def deduct(database: Executor, settings: Settings, user_id: UUID, wanted: CreditDeduction) -> tuple[CreditChange, bool]:
    """Take credits, once per key; returns what that changed, and whether the key came before.

    One round trip, or two when nothing was taken; more only for an account's very first use.
    Raises Problem 402, with the account, when there are not enough, 409 when the key came before with other content.
    """
    for _ in range(ATTEMPTS):
        try:
            done = await repository.deduct(database, user_id, wanted)
        except asyncpg.UniqueViolationError:
            done = None
        if done is None:
            outcome = await repository.deduction_outcome(database, user_id, wanted.idempotency_key)
            if outcome is None:
                await repository.open_account(database, user_id, settings)
                continue
            account, first = outcome
            if first is None and account.available < wanted.amount:
                raise Problem("insufficient_credits", extra=asdict(account))
            if first is None:
                # There is enough now: the account was made, or filled up, between the two statements.
                continue
            done = (True, first)
        replayed, transaction = done
        if replayed:
            _check_same(transaction, "deduct", -wanted.amount, wanted.description)
        return _change(transaction), replayed
    raise later("database_busy", 1)


async def reset(database: Executor, settings: Settings, user_id: UUID) -> CreditAccount:
    """Fill an account up before it is due, a guest's too. Raises Problem 404 when there is no such user."""
    return await _opened(database, settings, user_id, lambda: repository.reset(database, user_id))


async def refund(database: Executor, user_id: UUID, wanted: CreditRefund) -> CreditChange:
    """Return a deduction, once, and never more than it took. Raises Problem 404, 409, 422."""
    try:
        done = await repository.refund(database, user_id, wanted)
    except asyncpg.UniqueViolationError:
        raise Problem("already_refunded") from None
    if done is not None:
        return _change(done)
    taken = await repository.taken(database, user_id, wanted.transaction_seq)
    if taken is None:
        raise Problem("not_found", "There is no deduction with this number.")
    if wanted.amount is not None and wanted.amount > taken:
        raise invalid("amount", "out_of_range", "must not be more than the deduction took")
    raise Problem("already_refunded")


async def grant(database: Executor, settings: Settings, user_id: UUID, given: CreditGrant) -> tuple[CreditChange, bool]:
    """Give credits, once per key; returns what that changed, and whether the key came before.

    Raises Problem 404 when there is no such user, 409 when the key came before with other content.
    """
    try:
        done = await _opened(database, settings, user_id, lambda: repository.grant(database, user_id, given))
    except asyncpg.UniqueViolationError:
        outcome = await repository.deduction_outcome(database, user_id, given.idempotency_key)
        if outcome is None or outcome[1] is None:
            raise conflict("idempotency_key", "was used at the same time") from None
        _check_same(outcome[1], "grant", given.amount, given.description)
        return _change(outcome[1]), True
    return _change(done), False


async def _opened(database: Executor, settings: Settings, user_id: UUID, work: Callable[[], Awaitable[T | None]]) -> T:
    """Do what needs an account; made first where there is none. Raises Problem 404 when there is no user."""
    done = await work()
    if done is None:
        await repository.open_account(database, user_id, settings)
        done = await work()
    if done is None:
        raise Problem("not_found", "There is no such user.")
    return done


def _change(transaction: CreditTransaction) -> CreditChange:
    return CreditChange(transaction, transaction.balance_after)


def _check_same(transaction: CreditTransaction, type: str, amount: int, description: str | None) -> None:
    if (transaction.type, transaction.amount, transaction.description) != (type, amount, description):
        raise Problem("idempotency_conflict")
