"""What is checked around the files that there are: their lists, their changes, their bytes."""

from uuid import UUID

from app.database.queries import Executor, Json, Transactor
from app.http.conditional import Versions
from app.media import repository
from app.media.schemas import Media, MediaPatch, MediaQuery
from app.problems.problem import Problem, later
from app.tags.targets import check_pair


async def page(database: Executor, user_id: UUID, filters: MediaQuery) -> list[Json[Media] | None]:
    """Read a page of files, all or those of one row. Raises Problem 422, for half of a row's type and id as well."""
    check_pair(filters.taggable_type, filters.taggable_id)
    if filters.taggable_id is None:
        return await repository.page(database, user_id, filters)
    return await repository.page_attached(database, user_id, filters)


async def patch(database: Transactor, user_id: UUID, id: UUID, versions: Versions, changes: MediaPatch) -> Media | None:
    """Change a file, as `repository.patch` does. Raises Problem 422 for half of a row's type and id."""
    check_pair(changes.taggable_type, changes.taggable_id)
    if changes.is_public is not False:
        return await repository.patch(database, user_id, id, versions, changes)

    async def work(transaction: Executor) -> Media | None:
        await repository.lock(transaction, user_id, id)
        return await repository.patch(transaction, user_id, id, versions, changes)

    return await database.transaction(work)


async def absent_object(database: Executor, user_id: UUID, id: UUID) -> Problem:
    """Why the object of a file is not there: 404 when the file was deleted meanwhile, 503 when only the object is gone."""
    if await repository.get(database, user_id, id) is None:
        return Problem("not_found")
    return later("storage_unavailable", 5)
