"""Typed calls of sql/queries/search.sql."""

from uuid import UUID

from app.database.queries import Executor, load
from app.search.schemas import SearchHit

queries = load("search")


async def hits(database: Executor, user_id: UUID, *, q: str, kind: str | None, limit: int) -> list[SearchHit]:
    """Find up to `limit` rows of this user that match a search, best first."""
    rows = await queries.hits(database, user_id=user_id, q=q, kind=kind, limit=limit)
    return [SearchHit(*row) for row in rows]
