"""Who is let in: what is checked of every request, and of every operation of a batch, before it is read."""

from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID

from litestar.types import HTTPScope

from app.auth import audit
from app.auth.authentication import authenticate
from app.auth.authorization import check_scopes, impersonate
from app.auth.token_cache import Caller
from app.auth.tokens import token_of
from app.database.queries import Executor
from app.http.clients import session_use
from app.http.requests import database_of, header_bytes
from app.http.routes import Route
from app.http.services import Services
from app.problems.problem import Problem


async def admit(scope: HTTPScope, route: Route, services: Services) -> None:
    """Find out who is calling, and whether they may. Raises Problem 401, 429, 403, and those of acting for a user.

    What admins and services do is written down before it is done: so there is no act without its row in the audit trail.
    What a service only reads on behalf of a user is not, unless it makes the user; what an admin reads is.
    """
    options = route.options
    if options.auth == "public":
        return
    token = token_of(scope)
    if token is None and options.auth == "optional":
        return
    database, token_cache = database_of(scope, services), services.token_cache
    caller = await authenticate(database, token_cache, token, partial(session_use, scope, services.settings))
    scope["user"] = caller
    count(scope, caller, services)
    if not options.runs_batch:
        check_scopes(caller.scopes, route.method, scope["path"], session_only=options.session_only)
    named = header_bytes(scope, b"x-on-behalf-of")
    if named is None and not options.roles:
        return
    if options.roles and caller.role not in options.roles:
        raise Problem("role_required")
    actor, acting_for = caller, None
    if named is not None:
        acting_for = await _act_for(scope, route, services, actor, named)
    if options.runs_batch:
        return
    if options.roles or route.method != "GET" or actor.role == "admin":
        await audit.record(
            database,
            actor.user_id,
            acting_for,
            action=route.name,
            target=scope["path"],
            request_id=scope["state"]["request_id"],
        )


async def _act_for(scope: HTTPScope, route: Route, services: Services, actor: Caller, named: bytes) -> UUID:
    """Make the user who is named the request's caller; returns their id."""
    if actor.role != "user" and route.options.session_only:
        raise Problem("session_required")
    if route.options.roles == {"admin"}:
        raise Problem("role_required", "What is for admins alone cannot be done on behalf of a user.")
    scope["user"] = caller = await impersonate(
        database_of(scope, services),
        services.token_cache,
        actor,
        named,
        providers=services.identity_providers,
        as_guest=header_bytes(scope, b"x-on-behalf-of-guest") or b"",
        target=scope["path"],
        request_id=scope["state"]["request_id"],
    )
    scope["state"]["actor"] = actor
    count(scope, caller, services)
    return caller.user_id


async def admit_storing(scope: HTTPScope, route: Route, services: Services) -> None:
    """As `admit`; and find out whether they may store more. Raises Problem 403 for that, too."""
    await admit(scope, route, services)
    await _admit_bytes(scope, route, services)


async def admit_operation(scope: HTTPScope, route: Route, services: Services) -> None:
    """Find out whether those who were let in with a batch may do an operation of it. Raises Problem 403."""
    check_scopes(scope["user"].scopes, route.method, scope["path"], session_only=False)
    if route.stores:
        await _admit_bytes(scope, route, services)


def admit_parts(caller: Caller, filters: Any) -> None:
    """Find out whether a caller may read what a query asks for besides its address: each part of `with`, and by `tag` the tags.

    As if each were asked for at its own address: a slug that finds rows tells that the tag is there. Raises Problem 403.
    """
    asked = filters.with_ or ()
    parts = {asked} if isinstance(asked, str) else {*asked}
    if getattr(filters, "tag", ()):
        parts.add("tags")
    for part in parts:
        check_scopes(caller.scopes, "GET", f"/v1/{part}", session_only=False)


def count_operation(scope: HTTPScope, services: Services) -> None:
    """Count an operation of a batch as `admit` counts a request. Raises Problem 429."""
    actor = _actor(scope)
    if actor is not None:
        count(scope, actor, services)
    count(scope, scope["user"], services)


async def record_operations(operations: Iterable[tuple[HTTPScope, Route]], services: Services) -> None:
    """Write down the operations of a batch before they are done, as `admit` does with a request: all at once."""
    acts = [
        (actor, scope, route)
        for scope, route in operations
        if (actor := _actor(scope)) is not None and (route.method != "GET" or actor.role == "admin")
    ]

    async def work(transaction: Executor) -> None:
        for actor, scope, route in acts:
            request_id = scope["state"]["request_id"]
            acting_for = scope["user"].user_id
            await audit.record(
                transaction, actor.user_id, acting_for, action=route.name, target=scope["path"], request_id=request_id
            )

    if acts:
        await services.database.transaction(work)


def _actor(scope: HTTPScope) -> Caller | None:
    """The service or admin that acts for a user."""
    actor: Caller | None = scope["state"].get("actor")
    return actor


async def _admit_bytes(scope: HTTPScope, route: Route, services: Services) -> None:
    if services.storage_quota is not None:
        counted = await services.storage_quota.admit(services.database, scope["user"], _announced_bytes(scope, route))
        scope["state"].setdefault("counted", []).append(counted)


def take_back(scope: HTTPScope) -> None:
    """Count nothing as stored of a request that was refused, or of the operations of a batch that was."""
    for counted in scope["state"].pop("counted", ()):
        counted.take_back()


def count(scope: HTTPScope, caller: Caller, services: Services) -> None:
    """Count a request of a caller; the answer says what is left. Raises Problem 429."""
    if services.request_limits is not None:
        scope["state"]["requests_left"] = services.request_limits.take(caller)


def _announced_bytes(scope: HTTPScope, route: Route) -> int:
    """How long the body of what becomes rows will be at most, as far as the head tells; a file does not become rows."""
    if route.data is None:
        return 0
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return min(int(value[:20]), route.options.body_limit)
    return route.options.body_limit
