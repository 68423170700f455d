"""Who is calling: the token of a request -> the caller, once per request, before anything else is looked at."""

import hashlib
import re
import secrets
from typing import Any, cast

from litestar.types import HTTPScope, Scope

from app.answers import Ready
from app.callers import Caller, Callers
from app.database import Database, Executor, load
from app.errors import problem_for
from app.problems import Problem

queries = load("auth")

# Two kinds of routes are not for signed-in callers alone; both are said in the route's `opt`.
PUBLIC = {"auth": "public"}
"""Nobody needs to be known; a token is not looked at."""
OPTIONAL = {"auth": "optional"}
"""A token is looked at when there is one, and must be a live one."""
SESSION_ONLY = {"session_only": True}
"""API tokens are refused, whatever their scopes."""

_BEARER = re.compile(rb"(?i:bearer) +(hf_[A-Za-z0-9_-]{43})")


def new_token() -> tuple[str, bytes]:
    """A token of 256 random bits, and the hash that the database keeps of it."""
    token = "hf_" + secrets.token_urlsafe(32)
    return token, hash_token(token.encode())


def hash_token(token: bytes) -> bytes:
    """SHA-256: enough for 256 random bits, which nobody can guess one by one."""
    return hashlib.sha256(token).digest()


def token_of(scope: Scope) -> bytes | None:
    """The bearer token of a request. None: there is no Authorization header. b"": there is one, of another make."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            found = _BEARER.fullmatch(value.strip())
            return found[1] if found else b""
    return None


async def caller(database: Executor, token_hash: bytes) -> Caller | None:
    """Read who holds this token; None: nobody, or no longer. One look-up by primary key."""
    row = await queries.caller(database, token_hash=token_hash)
    return Caller(*row) if row else None


async def see_session(database: Executor, token_hash: bytes, session_days: int) -> int:
    """Note that a session is in use, and move its end. At most hourly."""
    count: int = await queries.see_session(database, token_hash=token_hash, session_days=session_days)
    return count


async def see_api_token(database: Executor, token_hash: bytes) -> int:
    """Note that an API token is in use. At most hourly."""
    count: int = await queries.see_api_token(database, token_hash=token_hash)
    return count


async def authenticate(scope: Scope, token: bytes | None) -> Caller:
    """Find the caller of a request: in memory, or else in the database. Raises Problem 401 when there is none."""
    if not token:
        raise unauthenticated()
    state = scope["litestar_app"].state
    # By key: as an attribute each of them would cost eight times as much.
    callers: Callers = state["callers"]
    token_hash = hash_token(token)
    known = callers.get(token_hash)
    if known is not None:
        return known
    database: Database = state["database"]
    notices = callers.notices
    found = await caller(database, token_hash)
    if found is None:
        raise unauthenticated()
    if found.stale and found.scopes is None:
        await see_session(database, token_hash, state["settings"].session_days)
    elif found.stale:
        await see_api_token(database, token_hash)
    callers.keep(token_hash, found, notices)
    return found


def check_scopes(found: Caller, scope: Scope) -> None:
    """Raise Problem 403 when an API token may not do this.

    `read` and `write` reach every resource, `tasks:read` one. What would widen a token's own reach is for sessions alone.
    """
    if found.scopes is None:
        return
    if scope["route_handler"].opt.get("session_only"):
        raise Problem("session_required")
    resource = scope["path"].split("/", 3)[2]
    action = "read" if cast("HTTPScope", scope)["method"] == "GET" else "write"
    if action not in found.scopes and f"{resource}:{action}" not in found.scopes:
        raise Problem("insufficient_scope")


def unauthenticated() -> Problem:
    """The 401 of a missing, malformed, unknown or expired token: one answer for all four."""
    return Problem("unauthenticated", headers=((b"www-authenticate", b"Bearer"),))


def problem_answer(scope: Scope, problem: Problem) -> Ready[Any]:
    """A problem as an answer to this request."""
    return Ready(
        problem.document(scope["state"]["request_id"]),
        problem.kind.status,
        ((b"content-type", b"application/problem+json"), *problem.headers),
    )


async def answer_unrouted(scope: HTTPScope, problem: Problem) -> Ready[Any]:
    """Answer what the router itself refuses (404, 405): below /v1 a 401 first for those who are nobody."""
    path = scope["path"]
    if path.startswith("/v1/") and path.rstrip("/") not in scope["litestar_app"].state.public_paths:
        try:
            await authenticate(scope, token_of(scope))
        except Exception as error:  # noqa: BLE001 - every error becomes the problem that answers it
            problem = problem_for(error)
    return problem_answer(scope, problem)
