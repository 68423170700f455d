"""The rules of identities: who may link one, and what may be unlinked."""

from uuid import UUID

from app.accounts import repository
from app.accounts.rules import check_fresh_sign_in
from app.auth.authentication import unauthenticated
from app.auth.token_cache import Caller
from app.database.queries import Executor
from app.http.services import Services
from app.problems.problem import Problem


async def check_may_link(services: Services, caller: Caller) -> None:
    """Take a session of the last 15 minutes alone: one that was stolen must add no way in that outlasts it.

    A guest cannot sign in again, and has nothing to outlast. Raises Problem 401, 403.
    """
    credentials = await repository.credentials(services.database, caller.user_id)
    if credentials is None:
        raise unauthenticated()
    if not credentials.is_guest and not await repository.is_fresh(services.database, caller.user_id, caller.token_id):
        raise Problem("fresh_sign_in_required")


async def unlink(services: Services, caller: Caller, id: UUID) -> None:
    """Remove one of the caller's own identities, unless it is the last way in. Raises Problem 401, 403, 404, 409."""
    credentials = await repository.credentials(services.database, caller.user_id)
    if credentials is None:
        raise unauthenticated()
    await check_fresh_sign_in(services, caller, credentials)
    providers = [provider.name for provider in services.settings.providers]

    async def work(transaction: Executor) -> bool | None:
        await repository.lock(transaction, caller.user_id)
        return await repository.unlink_identity(transaction, caller.user_id, id, providers)

    is_unlinked = await services.database.transaction(work)
    if is_unlinked is None:
        raise Problem("not_found")
    if not is_unlinked:
        raise Problem("last_way_in")
    # Who names it on behalf of this user is looked up again.
    services.token_cache.forget()
