"""Whose account it is that a provider signs somebody in to: the five cases, in one transaction (docs/decisions/0054)."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from app.accounts import new_devices
from app.accounts.repository import SessionStart
from app.accounts.schemas import User
from app.auth.authentication import unauthenticated
from app.credits.repository import register_account
from app.database.queries import Executor
from app.http.clients import Client
from app.http.services import Services
from app.mail.repository import enqueue
from app.problems.problem import Problem, later
from app.providers.identity import ProvidedIdentity
from app.settings import Settings
from app.sign_in import repository
from app.sign_in.repository import Account, Linking

ATTEMPTS = 3

HOW_TO_LINK = (
    "An account has this e-mail address. Sign in to it as you did before, and link the provider from within: "
    "POST /v1/auth/{provider}/start with the token of that session."
)


class Admission(NamedTuple):
    """Somebody who is let in."""

    outcome: str
    """signed_in, linked, handed_over or created: what it took."""
    expires_at: datetime
    user: User


async def admit(
    services: Services,
    client: Client,
    identity: ProvidedIdentity,
    linking: Linking | None,
    session: SessionStart,
    *,
    id_token_hash: bytes | None = None,
) -> Admission:
    """Sign in whoever a provider says it is, or make them somebody. Raises Problem 401, 403, 409, and then nothing has changed.

    With the hash of an ID token, the token is used up.
    """
    if linking is None and id_token_hash is None and not services.settings.new_device_mail:
        found = await repository.sign_in(services.database, identity, session)
        if found is not None:
            return Admission("signed_in", *found)

    async def work(tx: Executor) -> Admission:
        if id_token_hash is not None and not await repository.use_id_token(tx, id_token_hash):
            raise Problem("invalid_id_token", headers=((b"www-authenticate", b"Bearer"),))
        outcome, user_id = await _match(tx, identity, linking, services.settings)
        address = await new_devices.to_be_told(services, tx, user_id, client)
        opened = await repository.sign_in(tx, identity, session)
        if opened is None:
            raise LookupError("an identity that was locked or made is not known")
        await new_devices.tell(tx, user_id, address, client)
        if outcome == "linked":
            await _tell_of_link(services, tx, client, opened[1], identity.provider)
        return Admission(outcome, *opened)

    # Again when a concurrent request was faster to take the identity or the address: now they are somebody's, and are found.
    for _ in range(ATTEMPTS):
        try:
            admission = await services.database.transaction(work)
        except asyncpg.UniqueViolationError:
            continue
        services.mail_is_due.set()
        if admission.outcome != "signed_in":
            # Sessions and API tokens may have ended, and a guest may be none any more.
            services.token_cache.forget()
        return admission
    raise later("database_busy", 1)


async def _match(tx: Executor, identity: ProvidedIdentity, linking: Linking | None, settings: Settings) -> tuple[str, UUID]:
    """Find or make the user whose identity it is from now on; returns both. Raises Problem 401, 403, 409."""
    linker = None if linking is None else await _find_linker(tx, linking)
    known = await repository.find_by_identity(tx, identity)
    if known is not None:
        if linker is not None and known.id != linker.id:
            raise Problem("identity_taken")
        _check_active(known)
        return "signed_in", known.id
    address = None if identity.email is None else await repository.find_by_email(tx, identity.email)
    if linker is not None:
        await _link_to(tx, linker, identity, settings, is_address_free=address is None)
        return "linked", linker.id
    if address is not None:
        return await _link_by_address(tx, address, identity), address.id
    user_id = await repository.create_user(tx, identity, email=_verified_email(identity))
    await repository.link(tx, user_id, identity)
    return "created", user_id


async def _find_linker(tx: Executor, linking: Linking) -> Account:
    """Who began to link. Raises Problem 401, 403."""
    linker = await repository.find_by_session(tx, linking)
    if linker is None:
        raise unauthenticated()
    _check_active(linker)
    return linker


async def _link_to(
    tx: Executor, account: Account, identity: ProvidedIdentity, settings: Settings, *, is_address_free: bool
) -> None:
    """Make an identity that of who links. A guest becomes a user and keeps everything, as by registering."""
    await repository.link(tx, account.id, identity)
    await repository.complete(tx, account.id, identity, email=_verified_email(identity) if is_address_free else None)
    if account.is_guest:
        await register_account(tx, account.id, settings)
        await repository.end_access(tx, account.id)


async def _link_by_address(tx: Executor, account: Account, identity: ProvidedIdentity) -> str:
    """Let the owner of an address into the account that has it. Raises Problem 403, 409.

    Only where the address is verified on both sides do both mean the same person. Where nobody has verified it here, whoever
    made the account may have done so in the owner's name: it goes to the owner, and nothing that the other has opens it.
    """
    if not identity.is_email_verified or account.role != "user":
        raise Problem("email_taken", HOW_TO_LINK)
    _check_active(account)
    if not account.is_verified:
        await repository.hand_over(tx, account.id)
    await repository.link(tx, account.id, identity)
    await repository.complete(tx, account.id, identity, email=None)
    return "linked" if account.is_verified else "handed_over"


async def _tell_of_link(services: Services, tx: Executor, client: Client, user: User, provider: str) -> None:
    """Write the mail down that tells of a link, to a confirmed address alone: one that somebody else made would go unseen."""
    if services.settings.smtp is None or user.email is None or not user.is_verified:
        return
    detail = {"provider": provider}
    await enqueue(tx, "identity_linked", user_id=user.id, address=user.email, language=client.languages, detail=detail)


def _check_active(account: Account) -> None:
    if not account.is_active:
        raise Problem("account_disabled")


def _verified_email(identity: ProvidedIdentity) -> str | None:
    return identity.email if identity.is_email_verified else None
