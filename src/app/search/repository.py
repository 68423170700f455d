"""Typed calls of sql/queries/search.sql."""

from uuid import UUID

from msgspec.structs import asdict

from app.database.queries import Executor, load
from app.search.schemas import SearchHit, SearchQuery

queries = load("search")


async def hits(database: Executor, user_id: UUID, filters: SearchQuery) -> list[SearchHit]:
    """Find rows of this user that match a search, best first."""
    return await queries.hits.many(database, SearchHit, user_id=user_id, **asdict(filters))
