"""Typed calls of sql/queries/credits.sql."""

from uuid import UUID

from app.credits.schemas import CreditAccount, CreditTransaction
from app.database.queries import Executor, Json, load
from app.settings import Settings

queries = load("credits")


async def account(database: Executor, user_id: UUID) -> CreditAccount | None:
    """Read an account; a due reset is applied. None: there is no account yet."""
    row = await queries.account(database, user_id=user_id)
    return CreditAccount(*row) if row else None


async def open_account(database: Executor, user_id: UUID, settings: Settings) -> int:
    """Make the account of a user. 0: it was there, or the user is not."""
    count: int = await queries.open_account(
        database,
        user_id=user_id,
        guest_credits=settings.credits_guest,
        registered_credits=settings.credits_registered,
        reset_hours=settings.credits_reset_hours,
    )
    return count


async def register_account(database: Executor, user_id: UUID, settings: Settings) -> int:
    """Turn a guest's account into a registered user's, filled up. 0: nothing was missing, or there is no account yet."""
    count: int = await queries.register_account(
        database, user_id=user_id, registered_credits=settings.credits_registered, reset_hours=settings.credits_reset_hours
    )
    return count


async def deduct(
    database: Executor, user_id: UUID, amount: int, description: str | None, key: str | None
) -> tuple[bool, CreditTransaction] | None:
    """Take credits; returns whether the key came before, and the transaction. None: ask `deduction_outcome` why not.

    Raises asyncpg.UniqueViolationError when a twin with the same key was faster; ask `deduction_outcome` then, too.
    """
    row = await queries.deduct(database, user_id=user_id, amount=amount, description=description, key=key)
    return (row[0], CreditTransaction(*row[1:])) if row else None


async def deduction_outcome(database: Executor, user_id: UUID, key: str | None) -> tuple[int, CreditTransaction | None] | None:
    """What is available, and what the key did first, if it came before. None: there is no account yet."""
    row = await queries.deduction_outcome(database, user_id=user_id, key=key)
    return (row[0], CreditTransaction(*row[1:]) if row[1] is not None else None) if row else None


async def refund(
    database: Executor, user_id: UUID, transaction_seq: int, amount: int | None, description: str | None
) -> CreditTransaction | None:
    """Give a deduction back, once, all of it or a part. None: see `taken` for why not.

    Raises asyncpg.UniqueViolationError when another refund of it was faster.
    """
    row = await queries.refund(
        database, user_id=user_id, transaction_seq=transaction_seq, amount=amount, description=description
    )
    return CreditTransaction(*row) if row else None


async def taken(database: Executor, user_id: UUID, transaction_seq: int) -> int | None:
    """What a deduction took; None: there is no such deduction."""
    amount: int | None = await queries.taken(database, user_id=user_id, transaction_seq=transaction_seq)
    return amount


async def grant(
    database: Executor, user_id: UUID, amount: int, description: str | None, key: str | None
) -> CreditTransaction | None:
    """Give credits. None: there is no account yet. Raises asyncpg.UniqueViolationError for a key that came before."""
    row = await queries.grant(database, user_id=user_id, amount=amount, description=description, key=key)
    return CreditTransaction(*row) if row else None


async def page_transactions(database: Executor, user_id: UUID, *, after_seq: int, limit: int) -> list[Json[CreditTransaction]]:
    """Read up to `limit` transactions, newest first, that come behind `after_seq`."""
    rows = await queries.page_transactions(database, user_id=user_id, after_seq=after_seq, limit=limit)
    return [row[0] for row in rows]


async def broken_accounts(database: Executor) -> list[UUID]:
    """Whose ledger does not add up; an empty list is the only right answer."""
    rows = await queries.broken_accounts(database)
    return [row[0] for row in rows]
