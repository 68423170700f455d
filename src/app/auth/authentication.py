"""Who is calling: the token of a request -> its caller, once per request, before anything else is looked at."""

from collections.abc import Callable

from app.auth import repository
from app.auth.repository import SessionUse
from app.auth.token_cache import Caller, TokenCache
from app.auth.tokens import hash_token
from app.database.not_vital import if_possible
from app.database.queries import Executor
from app.problems.problem import Problem


async def authenticate(
    database: Executor, token_cache: TokenCache, token: bytes | None, use: Callable[[], SessionUse]
) -> Caller:
    """Find the caller of a token: in memory, or else in the database. Raises Problem 401 when there is none.

    A session that was not seen for an hour is touched, if the database takes that: `use` is asked only then.
    """
    if not token:
        raise unauthenticated()
    token_hash = hash_token(token)
    known = token_cache.get(token_hash)
    if known is not None:
        return known
    notices = token_cache.notices
    found = await repository.caller(database, token_hash)
    if found is None:
        raise unauthenticated()
    if found.stale and found.scopes is None:
        if await if_possible(repository.touch_session(database, token_hash, use()), None) is False:
            raise unauthenticated()
    elif found.stale:
        await if_possible(repository.touch_api_token(database, token_hash), 0)
    token_cache.keep(token_hash, found, notices)
    return found


def unauthenticated() -> Problem:
    """The 401 of a missing, malformed, unknown or expired token: one answer for all four."""
    return Problem("unauthenticated", headers=((b"www-authenticate", b"Bearer"),))
