"""The rule of daily reviews: which day an id is of."""

import datetime as dt
from uuid import UUID

from app.daily_reviews import repository
from app.database.queries import Executor
from app.problems.catalog import Problem


async def date_of(database: Executor, user_id: UUID, id: UUID) -> dt.date:
    """The day of the review that has an id, which is its address. Raises Problem 404."""
    review = await repository.get_by_id(database, user_id, id)
    if review is None:
        raise Problem("not_found")
    return review.date
