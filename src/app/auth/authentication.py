"""Who is calling: the token of a request -> the caller, once per request, before anything else is looked at."""

from contextlib import suppress
from typing import cast
from uuid import UUID

import asyncpg
import msgspec
from litestar.types import HTTPScope, Scope

from app.auth import audit
from app.auth.repository import (
    ActedFor,
    acted_for,
    acted_for_identity,
    caller,
    create_external_user,
    touch_api_token,
    touch_session,
)
from app.auth.token_cache import Caller, TokenCache
from app.auth.tokens import hash_token
from app.database.executor import Database
from app.problems.catalog import Problem, invalid

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


def on_behalf_of(scope: Scope) -> bytes | None:
    """Whom the caller says to act for; None: themself."""
    for name, value in scope["headers"]:
        if name == b"x-on-behalf-of":
            return bytes(value)
    return None


async def authenticate(scope: Scope, token: bytes | None) -> Caller:
    """Find the caller of a request: in memory, or else in the database. Raises Problem 401 when there is none."""
    if not token:
        raise unauthenticated()
    state = scope["litestar_app"].state
    # By key: as an attribute each of them would cost eight times as much.
    token_cache: TokenCache = state["token_cache"]
    token_hash = hash_token(token)
    known = token_cache.get(token_hash)
    if known is not None:
        return known
    database: Database = state["database"]
    notices = token_cache.notices
    found = await caller(database, token_hash)
    if found is None:
        raise unauthenticated()
    if found.stale and found.scopes is None:
        await touch_session(database, token_hash, state["settings"].session_days)
    elif found.stale:
        await touch_api_token(database, token_hash)
    token_cache.keep(token_hash, found, notices)
    return found


async def admit(scope: HTTPScope, actor: Caller, named: bytes | None, roles: set[str] | None) -> None:
    """Let admins and services do what they alone may, and write it down first: so there is no act without its row.

    `named` is whom X-On-Behalf-Of names, `roles` those that the route is for. What a service reads on behalf of a user is
    not written down; what it changes is, and whatever goes through a route that is for a role. Raises as `impersonate` does.
    """
    if roles is not None and actor.role not in roles:
        raise Problem("role_required")
    acting_for = None
    if named is not None:
        scope["user"] = caller = await impersonate(scope, actor, named)
        acting_for = caller.user_id
    if roles is not None or scope["method"] != "GET":
        action, request_id = f"{scope['method']} {scope['path_template']}", scope["state"]["request_id"]
        database = scope["litestar_app"].state["database"]
        await audit.record(database, actor.user_id, acting_for, action=action, target=scope["path"], request_id=request_id)


async def impersonate(scope: Scope, actor: Caller, named: bytes) -> Caller:
    """The user whom a service named in X-On-Behalf-Of, with what the service's token may do.

    `named` is a user's id, or provider:subject; whoever is seen by a subject for the first time is made. Raises Problem 403
    for callers who are no service and for disabled users, 404 for an unknown id, 422 for a name of another form.
    """
    if actor.role != "service":
        raise Problem("role_required", "Only a service may act for somebody else.")
    if scope["route_handler"].opt.get("session_only"):
        raise Problem("session_required")
    state = scope["litestar_app"].state
    token_cache: TokenCache = state["token_cache"]
    key = actor.token_id.bytes + named
    known = token_cache.get(key)
    if known is not None:
        return known
    notices = token_cache.notices
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
    token_cache.keep(key, caller, notices)
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
            found = await create_external_user(database, provider, subject)
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
