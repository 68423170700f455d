"""Who may learn that a row exists: why a change found no row, 403, 404 or 412. A read that finds none is `responses.found`."""

from uuid import UUID

from app.problems.problem import Problem


def refusal(user_id: UUID, owner: UUID | None) -> Problem:
    """Why a statement on a task of `user_id` found nothing. `owner` is the task's owner, None when there is no such task.

    The user's own task has a version that If-Match or If-None-Match does not allow: 412. Another user's is a 403, as the first
    client's contract demands; no other slice tells that a foreign row exists, see `missing`.
    """
    if owner == user_id:
        return Problem("version_mismatch")
    return Problem("forbidden") if owner is not None else Problem("not_found")


def missing(row: object | None) -> Problem:
    """Why a statement on a row of the caller found nothing, where a row of another user counts as none.

    `row` is the caller's row as read afterwards: it has a version that the conditions do not allow (412), or is None (404).
    """
    return Problem("not_found" if row is None else "version_mismatch")
