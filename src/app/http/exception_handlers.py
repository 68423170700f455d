"""What was raised -> the problem that answers it."""

from typing import Any

import asyncpg
import structlog
from litestar.types import HTTPScope

from app.database.errors import DatabaseUnavailable, QueryTimeout, name_of
from app.http.responses import EncodedResponse
from app.problems import constraints
from app.problems.catalog import KINDS, FieldError
from app.problems.problem import Problem, invalid, later

log = structlog.get_logger()


def problem_response(scope: HTTPScope, problem: Problem) -> EncodedResponse[Any]:
    """A problem as an answer to this request."""
    return EncodedResponse(
        problem.document(scope["state"]["request_id"]),
        problem.kind.status,
        ((b"content-type", b"application/problem+json"), *problem.headers),
    )


def problem_for(error: Exception) -> Problem:
    """Translate whatever a handler or the database raised. Anything unknown is a 500, and logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, DatabaseUnavailable):
        return later(error.code, 1)
    if isinstance(error, QueryTimeout):
        return Problem("query_timeout")
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return _for_constraint(error)
    if isinstance(error, asyncpg.DataError):
        return invalid("", "out_of_range", "A value cannot be stored: it is out of range or of another form.")
    return unexpected(error)


def unexpected(error: BaseException) -> Problem:
    """The last resort: a 500 that shows nothing. The log gets the place in the code, not the text: it may carry a row."""
    trace, places = error.__traceback__, []
    while trace:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_qualname}")
        trace = trace.tb_next
    log.error("unexpected_error", error=type(error).__name__, places=places[-12:])
    return Problem("internal_error")


def _for_constraint(error: asyncpg.IntegrityConstraintViolationError) -> Problem:
    if isinstance(error, asyncpg.NotNullViolationError):
        return invalid(name_of(error, "column") or "", "required", "must not be null")
    rule = constraints.rules().get(name_of(error, "constraint") or "")
    if rule is None:
        return unexpected(error)
    code, field, message = rule
    if code == "invalid":
        return invalid(field, "invalid", message)
    if KINDS[code].status == 401:
        return Problem(code, headers=((b"www-authenticate", b"Bearer"),))
    return Problem(code, errors=(FieldError(field, {404: "missing", 409: "taken"}.get(KINDS[code].status, code), message),))
