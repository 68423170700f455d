"""Who may learn that a row exists: why a change found no row, 403, 404 or 412. A read that finds none is `responses.found`."""

from uuid import UUID

from app.problems.catalog import Problem


def refusal(user_id: UUID, owner: UUID | None, *, shows_foreign: bool = False) -> Problem:
    """Why a statement on a row of `user_id` found nothing. `owner` is the row's owner, None when there is no such row.

    The user's own row has a version that If-Match or If-None-Match does not allow: 412. Another user's row is a 404 as if it
    did not exist; only tasks answer 403 (`shows_foreign`), as the first client's contract demands.
    """
    if owner == user_id:
        return Problem("version_mismatch")
    if owner is not None and shows_foreign:
        return Problem("forbidden")
    return Problem("not_found")


def missing(row: object | None) -> Problem:
    """Why a statement on a row of the caller found nothing, where a row of another user counts as none.

    `row` is the caller's row as read afterwards: it has a version that the conditions do not allow (412), or is None (404).
    """
    return Problem("not_found" if row is None else "version_mismatch")
