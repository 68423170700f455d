"""`holdfast demo`: makes the account, and says how to sign in."""

from datetime import UTC, datetime
from secrets import token_urlsafe
from uuid import UUID

import asyncpg
import msgspec

from app.accounts.commands import hash_password, registration
from app.database.ids import new_id
from app.database.queries import Executor
from app.demo import repository, year
from app.problems.problem import Problem


class DemoAccount(msgspec.Struct, frozen=True):
    """What was made. The password is kept nowhere else."""

    id: UUID
    email: str
    password: str
    rows: dict[str, int]


async def make(database: Executor, email: str, seed: int) -> DemoAccount:
    """Make an account with the year that a seed gives, in one statement. Raises Problem 409 for a taken e-mail, 422."""
    password, user_id = token_urlsafe(12), new_id()
    registration(email, password, None, None)
    rows = year.rows(seed, user_id, datetime.now(UTC).date())
    try:
        await repository.make(database, user_id, email, await hash_password(password), rows)
    except asyncpg.UniqueViolationError:
        raise Problem(
            "email_taken", "There is an account with this e-mail address already: delete it, or name another by --email."
        ) from None
    return DemoAccount(user_id, email, password, {table: len(made) for table, made in rows.items()})
