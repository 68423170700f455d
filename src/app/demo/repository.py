"""The typed call of sql/queries/demo.sql."""

from uuid import UUID

from app.database.queries import Executor, load, to_json
from app.demo.draw import Row

queries = load("demo")


async def make(database: Executor, user_id: UUID, email: str, password_hash: str, rows: dict[str, list[Row]]) -> UUID | None:
    """Make an account with all of its rows, which are given by the names of their tables, or nothing. Returns its id.

    Raises asyncpg.UniqueViolationError when the e-mail address is taken.
    """
    return await queries.make.value(
        database, UUID, user_id=user_id, email=email, password_hash=password_hash, rows=to_json(rows)
    )
