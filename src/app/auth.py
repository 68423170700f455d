"""Who is calling: the token of a request -> the caller, once per request, before anything else is looked at."""

import hashlib
import re
import secrets
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

import asyncpg
import msgspec
from litestar.types import HTTPScope, Scope

from app import audit
from app.answers import Ready
from app.callers import Caller, Callers
from app.database import Database, Executor, load
from app.errors import problem_for
from app.problems import Problem, invalid

queries = load("auth")

# Two kinds of routes are not for signed-in callers alone; both are said in the route's `opt`.
PUBLIC = {"auth": "public"}
"""Nobody needs to be known; a token is not looked at."""
OPTIONAL = {"auth": "optional"}
"""A token is looked at when there is one, and must be a live one."""
SESSION_ONLY = {"session_only": True}
"""API tokens are refused, whatever their scopes, and so are services that act for somebody else."""
ADMIN_ONLY = {"roles": {"admin"}}
"""For admins; each request is written to the audit trail."""

SERVICES = {"roles": {"service", "admin"}}
"""For services and admins; each request is written to the audit trail."""

PROVIDERS = ("google", "github", "firebase", "auth0", "legacy")
"""Who may vouch for an identity, as in the table."""

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


def on_behalf_of(scope: Scope) -> bytes | None:
    """Whom the caller says to act for; None: themself."""
    for name, value in scope["headers"]:
        if name == b"x-on-behalf-of":
            return bytes(value)
    return None


async def caller(database: Executor, token_hash: bytes) -> Caller | None:
    """Read who holds this token; None: nobody, or no longer. One look-up by primary key."""
    row = await queries.caller(database, token_hash=token_hash)
    return Caller(*row) if row else None


class ActedFor(msgspec.Struct, frozen=True):
    """A user that a service acts for."""

    user_id: UUID
    is_guest: bool
    timezone: str
    is_active: bool


async def acted_for(database: Executor, user_id: UUID) -> ActedFor | None:
    """Read the user whom a service names by id."""
    row = await queries.acted_for(database, user_id=user_id)
    return ActedFor(*row) if row else None


async def acted_for_identity(database: Executor, provider: str, subject: str) -> ActedFor | None:
    """Read the user whom a service names by who they are elsewhere."""
    row = await queries.acted_for_identity(database, provider=provider, subject=subject)
    return ActedFor(*row) if row else None


async def make_external(database: Executor, provider: str, subject: str) -> ActedFor | None:
    """Make the user of an identity that is seen for the first time. Raises UniqueViolationError when a twin was faster."""
    row = await queries.make_external(database, provider=provider, subject=subject)
    return ActedFor(*row) if row else None


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


async def admit(scope: HTTPScope, actor: Caller, named: bytes | None, roles: set[str] | None) -> None:
    """Let admins and services do what they alone may, and write it down first: so there is no act without its row.

    `named` is whom X-On-Behalf-Of names, `roles` those that the route is for. What a service reads on behalf of a user is
    not written down; what it changes is, and whatever goes through a route that is for a role. Raises as `act_for` does.
    """
    if roles is not None and actor.role not in roles:
        raise Problem("role_required")
    acting_for = None
    if named is not None:
        scope["user"] = caller = await act_for(scope, actor, named)
        acting_for = caller.user_id
    if roles is not None or scope["method"] != "GET":
        action, request_id = f"{scope['method']} {scope['path_template']}", scope["state"]["request_id"]
        database = scope["litestar_app"].state["database"]
        await audit.record(database, actor.user_id, acting_for, action=action, target=scope["path"], request_id=request_id)


async def act_for(scope: Scope, actor: Caller, named: bytes) -> Caller:
    """The user whom a service named in X-On-Behalf-Of, with what the service's token may do.

    `named` is a user's id, or provider:subject; whoever is seen by a subject for the first time is made. Raises Problem 403
    for callers who are no service and for disabled users, 404 for an unknown id, 422 for a name of another form.
    """
    if actor.role != "service":
        raise Problem("role_required", "Only a service may act for somebody else.")
    if scope["route_handler"].opt.get("session_only"):
        raise Problem("session_required")
    state = scope["litestar_app"].state
    callers: Callers = state["callers"]
    key = actor.token_id.bytes + named
    known = callers.get(key)
    if known is not None:
        return known
    notices = callers.notices
    found = await _named(state["database"], named)
    if not found.is_active:
        raise Problem("account_disabled")
    # Whatever role the user has, a service does not get it.
    caller = msgspec.structs.replace(
        actor,
        user_id=found.user_id,
        role="user",
        is_guest=found.is_guest,
        timezone=found.timezone,
        actor_id=actor.user_id,
    )
    callers.keep(key, caller, notices)
    return caller


async def _named(database: Database, named: bytes) -> ActedFor:
    try:
        text = named.decode().strip()
    except UnicodeDecodeError:
        text = ""
    provider, colon, subject = text.partition(":")
    if not colon:
        try:
            found = await acted_for(database, UUID(text))
        except ValueError:
            raise _misnamed() from None
        if found is None:
            raise Problem("not_found", "X-On-Behalf-Of names no user.")
        return found
    if provider not in PROVIDERS or not 0 < len(subject) <= 255 or "\0" in subject:
        raise _misnamed()
    found = await acted_for_identity(database, provider, subject)
    if found is None:
        with suppress(asyncpg.UniqueViolationError):
            found = await make_external(database, provider, subject)
    found = found or await acted_for_identity(database, provider, subject)
    if found is None:
        # Made and deleted again between the statements.
        raise Problem("conflict")
    return found


def _misnamed() -> Problem:
    return invalid("X-On-Behalf-Of", "form", "must be a user's id, or provider:subject with a known provider")


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
