"""Typed calls of sql/queries/maintenance.sql."""

from app.database.queries import Executor, load

queries = load("maintenance")


LEDGER_DAYS = 90
"""How far back the ledger of an account tells every line."""


async def is_my_turn(database: Executor) -> bool:
    """Take the lock until the end of the transaction. False: another process maintains."""
    return bool(await queries.is_my_turn(database))


async def delete_expired_sessions(database: Executor, limit: int) -> int:
    """Remove up to `limit` sessions whose time is over; returns how many."""
    count: int = await queries.delete_expired_sessions(database, limit=limit)
    return count


async def delete_expired_tokens(database: Executor, limit: int) -> int:
    """Remove up to `limit` API tokens whose time has been over for 90 days; returns how many."""
    count: int = await queries.delete_expired_tokens(database, limit=limit)
    return count


async def delete_past_windows(database: Executor, limit: int) -> int:
    """Remove up to `limit` counts of attempts in windows that are over; returns how many."""
    count: int = await queries.delete_past_windows(database, limit=limit)
    return count


async def delete_expired_answers(database: Executor, limit: int) -> int:
    """Remove up to `limit` answers of the query cache whose time is over; returns how many."""
    count: int = await queries.delete_expired_answers(database, limit=limit)
    return count


async def fold_transactions(database: Executor, limit: int) -> int:
    """Fold credit transactions older than 90 days into checkpoints with the same sum; returns how many were folded."""
    count: int = await queries.fold_transactions(database, days=LEDGER_DAYS, limit=limit)
    return count
