"""Typed calls of sql/queries/consents.sql."""

from uuid import UUID

from app.consents.schemas import ConsentEvent, ConsentPut, UserConsent
from app.database.queries import Executor, Json, load

queries = load("consents")


async def current(database: Executor, user_id: UUID) -> ConsentEvent | None:
    """Read what a user said last. None: nothing yet."""
    row = await queries.current(database, user_id=user_id)
    return ConsentEvent(*row) if row else None


async def record(
    database: Executor, user_id: UUID, said: ConsentPut, terms_version: str | None
) -> tuple[bool, ConsentEvent] | None:
    """Add what a user says now; returns whether it is the first of all, and the event.

    None: they said the same last time, and nothing was added.
    """
    row = await queries.record(
        database,
        user_id=user_id,
        terms_accepted=said.terms_accepted,
        terms_version=terms_version,
        marketing_consent=said.marketing_consent,
        source=said.source,
    )
    return (row[0], ConsentEvent(*row[1:])) if row else None


async def page_history(database: Executor, user_id: UUID, *, after: UUID, limit: int) -> list[Json[ConsentEvent]]:
    """Read up to `limit` events of a user, newest first, that come behind `after`."""
    rows = await queries.page_history(database, user_id=user_id, after=after, limit=limit)
    return [row[0] for row in rows]


async def page_current(database: Executor, *, after: UUID, limit: int) -> list[Json[UserConsent]]:
    """Read the current consents of up to `limit` users, newest user first, behind the user `after`."""
    rows = await queries.page_current(database, after=after, limit=limit)
    return [row[0] for row in rows]
