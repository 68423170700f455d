"""The rules of accounts: who may register, log in and change a password, and how often."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeAlias
from unicodedata import normalize
from uuid import UUID

import structlog
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from app.accounts import mailed, new_devices, repository
from app.accounts.inputs import check_email, check_new_password, check_timezone
from app.accounts.repository import SessionStart
from app.accounts.schemas import (
    AccountDeletion,
    Credentials,
    Login,
    MePatch,
    PasswordChange,
    Registration,
    SignedIn,
    User,
)
from app.accounts.sessions import session_start
from app.auth.authentication import unauthenticated
from app.auth.token_cache import Caller
from app.credits.repository import register_account
from app.database.errors import NodeUnavailable
from app.database.executor import Database
from app.database.queries import Executor
from app.http.clients import Client
from app.http.conditional import Versions
from app.http.rate_limits import hit, hit_with_pauses
from app.http.services import Services
from app.problems.problem import Problem, conflict, invalid, later

log = structlog.get_logger()

ATTEMPTS, HOUR, MINUTE = 3, 3600, 60

LogIn: TypeAlias = Callable[[Executor, UUID, str | None, SessionStart], Awaitable[tuple[datetime, User] | None]]


async def register(services: Services, client: Client, caller: Caller | None, registration: Registration) -> SignedIn:
    """Make an account, or a guest's account a registered one, and sign it in. Raises Problem 409, 422, 429."""
    if caller is not None and not caller.is_guest:
        raise Problem("already_registered")
    await hit(services, "register", client.network, 60, HOUR)
    check_email(registration.email)
    check_timezone(registration.timezone)
    check_new_password("password", registration.password, registration.email, registration.username)
    if caller is not None:
        await _ask_whether_taken(services, caller)
    password_hash = await services.passwords.hash(registration.password)
    token, start = session_start(services, client, registration.device_name)
    if caller is None:
        return SignedIn(token, *await mailed.register(services, client, registration, password_hash, start))
    guest_id, is_welcomed = caller.user_id, await mailed.is_welcomed(services, registration.email)

    async def become_registered(tx: Executor) -> tuple[datetime, User] | None:
        session = await repository.enrol(tx, guest_id, registration, password_hash, start)
        if session is not None:
            await register_account(tx, guest_id, services.settings)
            await mailed.welcome(tx, client, session[1], is_welcomed=is_welcomed)
        return session

    session = await services.database.transaction(become_registered)
    if session is None:
        raise Problem("already_registered")
    services.token_cache.forget()
    services.mail_is_due.set()
    return SignedIn(token, *session)


async def create_guest(services: Services, client: Client) -> SignedIn:
    """Make a guest's account and sign it in. Raises Problem 429."""
    await hit(services, "guest", client.network, 30, HOUR)
    token, start = session_start(services, client)
    return SignedIn(token, *await repository.guest(services.database, start))


async def log_in(services: Services, client: Client, login: Login) -> SignedIn:
    """Check a password and open a session. Raises Problem 401, 403, 422, 429.

    An unknown account costs the same time and gets the same answer as a wrong password. Each attempt is logged, with hashes of
    what was sent.
    """
    if isinstance(login.email, str) == isinstance(login.username, str):
        raise invalid("email", "required", "or username is required, one of the two")
    name = login.email if isinstance(login.email, str) else str(login.username)
    note = log.bind(account=_hashed(normalize("NFC", name).lower()), network=_hashed(client.network))
    credentials = None
    try:
        await _limit_logins(services, client, name)
        # Again only when the password was changed, or its hash renewed, while it was checked.
        for _ in range(ATTEMPTS):
            credentials = await _credentials(services.database, login)
            session = await _open_session(services, client, credentials, login)
            if session is not None:
                note.info("login", outcome="signed_in", user_id=str(session.user.id))
                return session
        raise later("database_busy", 1)
    except Problem as problem:
        note.info("login", outcome=problem.code, user_id=str(credentials.id) if credentials else None)
        raise


async def _limit_logins(services: Services, client: Client, name: str) -> None:
    """Raise Problem 429 when an address, or one network at this account, has tried too often.

    From all networks together an account takes ten times as many, and then single attempts with growing pauses: a limit
    that anyone can use up must not lock the owner out. An attempt that its network may not make does not count there.
    """
    await hit(services, "login-address", client.network, 10, MINUTE)
    await hit(services, "login-account-network", f"{client.subnet}\n{name}", 10, 15 * MINUTE)
    await hit_with_pauses(services, "login-account", name, 100, 15 * MINUTE)


async def _credentials(database: Database, login: Login) -> Credentials | None:
    if isinstance(login.email, str):
        return await repository.credentials_by_email(database, login.email)
    return await repository.credentials_by_username(database, str(login.username))


async def _open_session(services: Services, client: Client, credentials: Credentials | None, login: Login) -> SignedIn | None:
    """Check a password and open a session. None: the account was changed meanwhile. Raises Problem 401, 403."""
    password_hash = credentials.password_hash if credentials else None
    if not await services.passwords.verify(login.password, password_hash) or not credentials:
        raise Problem("invalid_credentials", headers=((b"www-authenticate", b"Bearer"),))
    if not credentials.is_active:
        raise Problem("account_disabled")
    password_hash = await _renewed_hash(services, credentials, login.password)
    token, start = session_start(services, client, login.device_name)
    address = await new_devices.to_be_told(services, services.database, credentials.id, client)
    user_id = credentials.id

    async def open_and_tell(log_in: LogIn) -> tuple[datetime, User] | None:
        if address is None:
            return await log_in(services.database, user_id, password_hash, start)

        async def work(transaction: Executor) -> tuple[datetime, User] | None:
            session = await log_in(transaction, user_id, password_hash, start)
            if session is not None:
                await new_devices.tell(transaction, user_id, address, client)
            return session

        session = await services.database.transaction(work)
        services.mail_is_due.set()
        return session

    try:
        session = await open_and_tell(repository.log_in)
    except NodeUnavailable:
        session = await open_and_tell(repository.log_in_unnoted)
    return SignedIn(token, *session) if session else None


async def _renewed_hash(services: Services, credentials: Credentials, password: str) -> str | None:
    """Bring a hash up to today's parameters; only a login has the password for it. Returns the hash that should stand now."""
    if credentials.password_hash is None or not services.passwords.is_outdated(credentials.password_hash):
        return credentials.password_hash
    new_hash = await services.passwords.hash(password)
    if await repository.replace_hash(services.database, credentials.id, credentials.password_hash, new_hash):
        return new_hash
    return credentials.password_hash


def _hashed(text: str) -> str:
    """What stands for an address or an account in the log: equal ones can be counted, and none is read."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def patch_me(services: Services, client: Client, caller: Caller, versions: Versions, changes: MePatch) -> User:
    """Change an account. Raises Problem 401, 403, 409, 412, 422, 429.

    Whoever has the e-mail or the user name has the account in the end: they are for sessions, and the e-mail for who knows
    the password.
    """
    check_timezone(changes.timezone)
    changes, credentials = await _check_login_change(services, caller, changes)
    password_hash = credentials.password_hash if credentials else None
    me = await mailed.patch_me(services, client, caller.user_id, changes, versions=versions, password_hash=password_hash)
    if me is None and password_hash is not None:
        now = await repository.credentials(services.database, caller.user_id)
        if now is not None and now.password_hash != password_hash:
            raise Problem("wrong_password")
    if me is None:
        gone = await repository.me(services.database, caller.user_id) is None
        raise unauthenticated() if gone else Problem("version_mismatch")
    return me


async def _check_login_change(services: Services, caller: Caller, changes: MePatch) -> tuple[MePatch, Credentials | None]:
    """Check who changes an e-mail or a user name; what stands already is no change, and may be sent back by anyone.

    Returns the changes to write, and the credentials whose password was checked. Raises Problem 401, 403, 422, 429.
    """
    password = changes.current_password
    changes = replace(changes, current_password=UNSET)
    if changes.email is UNSET and changes.username is UNSET:
        return changes, None
    now = await repository.credentials(services.database, caller.user_id)
    if now is None:
        raise unauthenticated()
    if changes.email == now.email:
        changes = replace(changes, email=UNSET)
    if changes.username == now.username:
        changes = replace(changes, username=UNSET)
    if changes.email is UNSET and changes.username is UNSET:
        return changes, None
    if caller.scopes is not None or caller.actor_id is not None:
        raise Problem("session_required")
    if changes.email is UNSET:
        return changes, None
    if now.is_guest:
        raise invalid("email", "guest", "is set by registering: POST /v1/auth/register with the guest's token")
    check_email(changes.email)
    now = await check_password(services, caller, password, "current_password")
    await _ask_whether_taken(services, caller)
    return changes, now


async def _ask_whether_taken(services: Services, caller: Caller) -> None:
    """Count a request whose answer tells whether an e-mail address is taken. Raises Problem 429."""
    await hit(services, "email-look-up", str(caller.user_id), 10, HOUR)


async def check_password(services: Services, caller: Caller, password: str | UnsetType, field: str) -> Credentials:
    """Have a signed-in user show the password, or a fresh sign-in where there is none. Raises Problem 401, 403, 422, 429."""
    await hit(services, "password-check", str(caller.user_id), 10, 15 * MINUTE)
    credentials = await repository.credentials(services.database, caller.user_id)
    if credentials is None:
        raise unauthenticated()
    if credentials.password_hash is not None:
        if not isinstance(password, str):
            raise invalid(field, "required", "is required")
        if not await services.passwords.verify(password, credentials.password_hash):
            raise Problem("wrong_password")
    await check_fresh_sign_in(services, caller, credentials)
    return credentials


async def check_fresh_sign_in(services: Services, caller: Caller, credentials: Credentials) -> None:
    """Of an account without a password to ask for, take a session of the last 15 minutes alone. Raises Problem 403.

    A guest cannot sign in again.
    """
    if credentials.password_hash is not None or credentials.is_guest:
        return
    if not await repository.is_fresh(services.database, caller.user_id, caller.token_id):
        raise Problem("fresh_sign_in_required")


async def delete_me(services: Services, caller: Caller, deletion: AccountDeletion, versions: Versions) -> None:
    """Delete an account, after a check of the password. Raises Problem 401, 403, 412, 422, 429, and as the repository does."""
    await check_password(services, caller, deletion.password, "password")
    if not await repository.delete_me(services.database, caller.user_id, versions):
        gone = await repository.me(services.database, caller.user_id) is None
        raise unauthenticated() if gone else Problem("version_mismatch")
    services.token_cache.forget()


async def change_password(services: Services, caller: Caller, token_hash: bytes, change: PasswordChange) -> None:
    """Set a new password, after a check of the current one; sessions end but that of the token, API tokens but those to keep.

    Raises Problem 401, 403, 409, 422, 429.
    """
    credentials = await check_password(services, caller, change.current, "current")
    if credentials.is_guest:
        raise invalid("new", "guest", "is set by registering: POST /v1/auth/register with the guest's token")
    check_new_password("new", change.new, credentials.email, credentials.username)
    keep_tokens = [] if change.keep_tokens is UNSET else list(set(change.keep_tokens))
    if keep_tokens and await repository.owned_tokens(services.database, credentials.id, keep_tokens) < len(keep_tokens):
        raise invalid("keep_tokens", "unknown", "must be ids of the account's own API tokens")
    new_hash = await services.passwords.hash(change.new)
    changed = await repository.change_password(
        services.database,
        credentials.id,
        credentials.password_hash,
        new_hash,
        token_hash=token_hash,
        keep_tokens=keep_tokens,
    )
    if changed is None:
        raise conflict("current", "was changed", "The password was changed by another request at the same time.")
    services.token_cache.forget()
