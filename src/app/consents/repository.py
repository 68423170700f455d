"""Typed calls of sql/queries/consents.sql."""

from typing import Any
from uuid import UUID

from msgspec.structs import asdict

from app.consents.schemas import ConsentEvent, ConsentPut, UserConsent
from app.database.queries import Executor, Json, load
from app.http.pagination import PageQuery, parameters

queries = load("consents")


async def current(database: Executor, user_id: UUID) -> ConsentEvent | None:
    """Read what a user said last. None: nothing yet."""
    return await queries.current.one(database, ConsentEvent, user_id=user_id)


async def record(database: Executor, user_id: UUID, said: ConsentPut) -> tuple[ConsentEvent, bool] | None:
    """Add what a user says now; returns the event, and whether it is the user's first.

    None: they said the same last time, and nothing was added.
    """
    return await queries.record.one(database, _recorded, user_id=user_id, **asdict(said))


async def page_history(database: Executor, user_id: UUID, filters: PageQuery) -> list[Json[ConsentEvent]]:
    """Read a page of a user's events, newest first. Raises Problem 422 for a bad cursor."""
    return await queries.page_history.values(database, user_id=user_id, **parameters(filters))


async def page_current(database: Executor, filters: PageQuery) -> list[Json[UserConsent]]:
    """Read a page of the current consents of all users, newest user first. Raises Problem 422 for a bad cursor."""
    return await queries.page_current.values(database, **parameters(filters))


def _recorded(*columns: Any) -> tuple[ConsentEvent, bool]:
    *event, is_first = columns
    return ConsentEvent(*event), is_first
