"""What is checked around the lists of tags."""

from uuid import UUID

from app.database.queries import Executor, Json
from app.problems.problem import Problem
from app.tags import repository
from app.tags.schemas import Tag, Tagging, TaggingQuery, TagQuery
from app.tags.targets import check_pair


async def page(database: Executor, user_id: UUID, filters: TagQuery) -> list[Json[Tag]]:
    """Read a page of tags, all or those of one row. Raises Problem 422, for half of a row's type and id as well."""
    check_pair(filters.taggable_type, filters.taggable_id)
    return await repository.page(database, user_id, filters)


async def page_taggings(database: Executor, user_id: UUID, tag_id: UUID, filters: TaggingQuery) -> list[Json[Tagging]]:
    """Read a page of the rows that carry a tag. Raises Problem 404 when there is no such tag, 422 for a bad cursor."""
    taggings = await repository.page_taggings(database, user_id, tag_id, filters)
    if not taggings and await repository.get(database, user_id, tag_id) is None:
        raise Problem("not_found")
    return taggings
