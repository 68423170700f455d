"""What accounts do by mail: what follows a registration, and another address, which changes when its reader confirms it."""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace

from app.accounts import repository
from app.accounts.repository import SessionStart
from app.accounts.schemas import MePatch, Registration, User
from app.database.queries import Executor
from app.http.clients import Client
from app.http.conditional import Versions
from app.http.rate_limits import hit, is_allowed
from app.http.services import Services
from app.mail.repository import enqueue
from app.problems.problem import Problem
from app.settings import Settings

HOUR = 3600

MAILS_OF_AN_ADDRESS = 3
"""An hour, of each kind: nobody's mailbox is filled by what strangers type."""


async def is_welcomed(services: Services, email: str) -> bool:
    """Whether who registers with this address is asked by mail to confirm it."""
    return services.settings.smtp is not None and await is_allowed(
        services, services.database, "mail-welcome", email, maximum=MAILS_OF_AN_ADDRESS, seconds=HOUR
    )


async def welcome(tx: Executor, client: Client, user: User, *, is_welcomed: bool) -> None:
    """Write down the mail that asks a new user to confirm their address, in the transaction that makes them."""
    if is_welcomed and user.email is not None:
        await enqueue(tx, "verification", user_id=user.id, address=user.email, language=client.languages, detail={})


async def register(
    services: Services, client: Client, new: Registration, password_hash: str, session: SessionStart
) -> tuple[datetime, User]:
    """Make a user and the first session, and have them asked by mail to confirm their address. As repository.register does."""
    if not await is_welcomed(services, new.email):
        return await repository.register(services.database, new, password_hash, session)

    async def work(tx: Executor) -> tuple[datetime, User]:
        made = await repository.register(tx, new, password_hash, session)
        await welcome(tx, client, made[1], is_welcomed=True)
        return made

    made = await services.database.transaction(work)
    services.mail_is_due.set()
    return made


async def patch_me(
    services: Services, client: Client, user_id: UUID, changes: MePatch, *, versions: Versions, password_hash: str | None
) -> User | None:
    """Change an account; where mail is sent, but for its address: the new one gets a link, and the old one is told.

    As repository.patch_me does. Raises Problem 409 for an address that another account has, 429.
    """
    address = changes.email
    if services.settings.smtp is None or address is UNSET:
        return await repository.patch_me(services.database, user_id, versions, password_hash, changes)
    await hit(services, "mail-change", address, MAILS_OF_AN_ADDRESS, HOUR)

    async def work(tx: Executor) -> User | None:
        me = await repository.patch_me(tx, user_id, versions, password_hash, replace(changes, email=UNSET))
        if me is None:
            return None
        if await repository.is_email_taken(tx, user_id, address):
            raise Problem("email_taken")
        await enqueue(tx, "email_change", user_id=user_id, address=address, language=client.languages, detail={})
        if me.email is not None:
            await enqueue(tx, "email_change_asked", user_id=user_id, address=me.email, language=client.languages, detail={})
        return me

    me = await services.database.transaction(work)
    services.mail_is_due.set()
    return me


def is_pending(settings: Settings, changes: MePatch, me: User) -> bool:
    """Whether an address was asked for that the account gets when its reader has confirmed it."""
    return settings.smtp is not None and changes.email is not UNSET and changes.email != me.email
