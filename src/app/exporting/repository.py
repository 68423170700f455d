"""The statements of exports, with types."""

from collections.abc import Sequence
from uuid import UUID

from app.database.queries import Executor, load

queries = load("exporting")


async def begin(on: Executor, seconds: int) -> None:
    """Set up a transaction for exporting. seconds: how long a table may take; 0: any time."""
    await queries.begin.value(on, bool, seconds=seconds)


async def statements(on: Executor, entities: Sequence[str], owner: UUID | None, *, is_own: bool) -> list[str]:
    """The texts of the statements that give the rows of tables, in their order: those of a user, or everybody's."""
    return await queries.statements.values(on, entities=entities, owner=owner, is_own=is_own)


async def files_statement(on: Executor, owner: UUID | None) -> str:
    """The text of the statement that says where files lie."""
    text = await queries.files_statement.value(on, str, owner=owner)
    if text is None:
        raise LookupError
    return text


async def user_named(on: Executor, email: str) -> UUID | None:
    """The account of an e-mail address."""
    found = await queries.user_named.value(on, UUID, email=email)
    return None if found is None else UUID(bytes=found.bytes)
