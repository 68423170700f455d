"""An account, and what other slices know of it."""

from collections.abc import Set as AbstractSet

from msgspec import UNSET
from msgspec.structs import asdict

from app.accounts import repository as accounts
from app.auth.authorization import check_scopes
from app.auth.token_cache import Caller
from app.consents import rules as consents
from app.credits import rules as credits_of
from app.database.queries import Executor
from app.profile.schemas import Profile
from app.settings import Settings
from app.usage import repository as usage


async def read(database: Executor, settings: Settings, caller: Caller, parts: AbstractSet[str]) -> Profile | None:
    """Read the caller's account with these parts. None: it does not exist any more.

    Raises Problem 403 for a part that the scopes of the caller's token do not reach.
    """
    for part in parts:
        check_scopes(caller.scopes, "GET", f"/v1/{part}", session_only=False)
    user_id = caller.user_id
    me = await accounts.me(database, user_id)
    if me is None:
        return None
    return Profile(
        **asdict(me),
        credits=await credits_of.account(database, settings, user_id) if "credits" in parts else UNSET,
        consents=await consents.current(database, settings.terms_version, user_id) if "consents" in parts else UNSET,
        usage=await usage.get(database, user_id) if "usage" in parts else UNSET,
    )
