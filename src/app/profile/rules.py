"""An account, and what other slices know of it."""

from collections.abc import Set as AbstractSet
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import asdict

from app.accounts import repository as accounts
from app.consents import rules as consents
from app.credits import rules as credits_of
from app.database.queries import Executor
from app.profile.schemas import Profile
from app.settings import Settings
from app.usage import repository as usage


async def read(database: Executor, settings: Settings, user_id: UUID, parts: AbstractSet[str]) -> Profile | None:
    """Read an account with these parts. None: it does not exist any more."""
    me = await accounts.me(database, user_id)
    if me is None:
        return None
    return Profile(
        **asdict(me),
        credits=await credits_of.account(database, settings, user_id) if "credits" in parts else UNSET,
        consents=await consents.current(database, settings.terms_version, user_id) if "consents" in parts else UNSET,
        usage=await usage.get(database, user_id) if "usage" in parts else UNSET,
    )
