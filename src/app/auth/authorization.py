"""What a caller may do: scopes of API tokens, and acting for a user."""

from uuid import UUID

import asyncpg
import msgspec

from app.auth import repository
from app.auth.repository import ActedFor
from app.auth.token_cache import Caller, TokenCache
from app.database.queries import Executor
from app.problems.problem import Problem, conflict, invalid
from app.settings import Settings

_OF_SERVICES = {"google", "github", "firebase", "auth0", "legacy"}
"""Who signs users in for a service, and needs no settings here; legacy: an app's own names."""


def identity_providers(settings: Settings) -> frozenset[str]:
    """Who may vouch for an identity that is named or linked. Identities of others stay: settings come and go."""
    return frozenset(_OF_SERVICES | {provider.name for provider in settings.providers})


def check_scopes(scopes: list[str] | None, method: str, path: str, *, session_only: bool) -> None:
    """Raise Problem 403 when an API token may not do this; `scopes` None is a session, which may do everything.

    `read` and `write` reach every resource, `tasks:read` one. What would widen a token's own reach is for sessions only.
    """
    if scopes is None:
        return
    if session_only:
        raise Problem("session_required")
    resource = path.split("/", 3)[2]
    action = "read" if method == "GET" else "write"
    if action not in scopes and f"{resource}:{action}" not in scopes:
        raise Problem("insufficient_scope")


async def impersonate(
    database: Executor,
    token_cache: TokenCache,
    actor: Caller,
    named: bytes,
    *,
    providers: frozenset[str],
    as_guest: bytes,
    target: str,
    request_id: str,
) -> Caller:
    """The user that a service or an admin names in X-On-Behalf-Of, with what the caller's token may do.

    `named` is a user's id, or provider:subject with one of the `providers`. A subject that is seen for the first time becomes
    a user, or a guest where `as_guest` is true, and leaves a row in the audit trail, with `target`, the path that was asked
    for, and the request's id. Raises Problem 403 for other callers and for disabled users, 404 for an unknown id, 422 for a
    name or an `as_guest` of another form.
    """
    if actor.role not in {"service", "admin"}:
        raise Problem("role_required", "Only a service or an admin may act for a user.")
    if as_guest not in {b"", b"true", b"false"}:
        raise invalid("X-On-Behalf-Of-Guest", "form", "must be true or false")
    key = actor.token_id.bytes + named
    known = token_cache.get(key)
    if known is not None:
        return known
    notices = token_cache.notices
    found = await _find_named(database, named, providers)
    if found is None:
        provider, subject = _identity(_text(named), providers)
        found = await _make_named(
            database,
            provider,
            subject,
            is_guest=as_guest == b"true",
            actor_id=actor.user_id,
            target=target,
            request_id=request_id,
        )
    if not found.is_active:
        raise Problem("account_disabled")
    # Whatever role the user has, who acts for them does not get it.
    caller = msgspec.structs.replace(
        actor,
        user_id=found.user_id,
        role="user",
        is_guest=found.is_guest,
        timezone=found.timezone,
        actor_id=actor.user_id,
        stored_bytes=found.stored_bytes,
        is_measured=found.is_measured,
    )
    token_cache.keep(key, caller, notices)
    return caller


async def _find_named(database: Executor, named: bytes, providers: frozenset[str]) -> ActedFor | None:
    """The user of a name. None: it names an identity that is not known yet. Raises Problem 404, 422."""
    text = _text(named)
    if ":" in text:
        return await repository.acted_for_identity(database, *_identity(text, providers))
    try:
        found = await repository.acted_for(database, UUID(text))
    except ValueError:
        raise _misnamed() from None
    if found is None:
        raise Problem("not_found", "X-On-Behalf-Of names no user.")
    return found


async def _make_named(
    database: Executor, provider: str, subject: str, *, is_guest: bool, actor_id: UUID, target: str, request_id: str
) -> ActedFor:
    """Make the user or guest of an identity. Raises Problem 409."""
    try:
        return await repository.create_external_user(
            database, provider, subject, is_guest=is_guest, actor_id=actor_id, target=target, request_id=request_id
        )
    except asyncpg.UniqueViolationError:
        found = await repository.acted_for_identity(database, provider, subject)
    if found is None:
        # Made and deleted again between the statements.
        raise conflict("X-On-Behalf-Of", "names a user who was deleted at the same time")
    return found


def _text(named: bytes) -> str:
    try:
        return named.decode().strip()
    except UnicodeDecodeError:
        raise _misnamed() from None


def _identity(text: str, providers: frozenset[str]) -> tuple[str, str]:
    provider, _, subject = text.partition(":")
    if provider not in providers or not 0 < len(subject) <= 255 or "\0" in subject:
        raise _misnamed()
    return provider, subject


def _misnamed() -> Problem:
    return invalid("X-On-Behalf-Of", "form", "must be a user's id, or provider:subject with a known provider")
