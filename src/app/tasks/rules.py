"""The rule of a list of tasks: which filters an order takes."""

from uuid import UUID

from app.database.queries import Executor, Json
from app.http.pagination import check_range
from app.problems.problem import invalid
from app.tasks import repository
from app.tasks.schemas import ORDERS, ListedTask, TaskQuery


async def page(database: Executor, user_id: UUID, filters: TaskQuery) -> list[Json[ListedTask]]:
    """Read a page of tasks, and one task more if there is a next page.

    Raises Problem 422 for a bad cursor, for a range of due dates that ends before it begins, and for done tasks in the order
    of due dates, which has only open ones.
    """
    check_range(filters.due_from, filters.due_to)
    if filters.order not in ORDERS:
        return await repository.page(database, user_id, filters)
    if filters.completed:
        raise invalid("completed", "not_open", "must be false, or absent, where order is due: it lists open tasks")
    return await repository.page_due(database, user_id, filters)
