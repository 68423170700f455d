"""Who may know of whose rows: the one place that decides between 403 and 404."""

from uuid import UUID

from app.problems.catalog import Problem


def refusal(user_id: UUID, owner: UUID | None, *, shows_foreign: bool = False) -> Problem:
    """Why a statement on a caller's row found nothing.

    `owner` is whose row it is, None when there is none. A row of the caller's own has moved on from If-Match: 412.
    A foreign row does not exist: 404; tasks alone say 403 (`shows_foreign`), as their app demands.
    """
    if owner == user_id:
        return Problem("version_mismatch")
    if owner is not None and shows_foreign:
        return Problem("forbidden")
    return Problem("not_found")


def missing(row: object | None) -> Problem:
    """Why a statement on a caller's row found nothing, where a foreign row does not exist.

    `row` is what reading it gives: there, it has moved on from If-Match (412); None: 404.
    """
    return Problem("not_found" if row is None else "version_mismatch")
