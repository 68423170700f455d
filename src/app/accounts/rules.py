"""The rules of accounts that span several statements."""

from datetime import UTC, datetime

import msgspec
from msgspec import UnsetType

from app.accounts import repository
from app.accounts.repository import SessionStart
from app.accounts.schemas import (
    AccountDeletion,
    ApiTokenCreate,
    Credentials,
    Login,
    NewApiToken,
    PasswordChange,
    Registration,
    SignedIn,
    User,
    check_timezone,
)
from app.auth.authentication import unauthenticated
from app.auth.passwords import Passwords, is_common
from app.auth.token_cache import Caller
from app.auth.tokens import hash_token, new_token, token_of
from app.credits.repository import register_account
from app.database.queries import Executor
from app.http.rate_limits import address, hit, limited_address
from app.http.requests import Request
from app.problems.catalog import Problem, invalid

HOUR, MINUTE = 3600, 60


async def register(request: Request, passwords: Passwords, registration: Registration) -> SignedIn:
    """Make an account, or a guest's account a registered one, and sign it in. Raises Problem 409, 422, 429."""
    caller: Caller | None = request.scope.get("user")
    if caller is not None and not caller.is_guest:
        raise Problem("already_registered")
    await hit(request, "register", limited_address(request), 60, HOUR)
    check_timezone(registration.timezone)
    check_new_password("password", registration.password, registration.email, registration.username)
    password_hash = await passwords.hash(registration.password)
    token, start = _session_start(request)
    if caller is None:
        return SignedIn(token, *await repository.register(request.database, registration, password_hash, start))
    guest_id, database = caller.user_id, request.database

    async def become_registered(tx: Executor) -> tuple[datetime, User] | None:
        session = await repository.register_guest(tx, guest_id, registration, password_hash, start)
        if session is not None:
            await register_account(tx, guest_id, request.settings)
        return session

    session = await database.transaction(become_registered)
    if session is None:
        raise Problem("already_registered")
    request.token_cache.forget()
    return SignedIn(token, *session)


async def create_guest(request: Request) -> SignedIn:
    """Make an account for somebody who wants to look around first. Raises Problem 429."""
    await hit(request, "guest", limited_address(request), 30, HOUR)
    token, start = _session_start(request)
    return SignedIn(token, *await repository.guest(request.database, start))


def _session_start(request: Request) -> tuple[str, SessionStart]:
    """A token, and the session that it will open."""
    token, token_hash = new_token()
    user_agent = request.header(b"user-agent")
    start = SessionStart(
        token_hash=token_hash,
        session_days=request.settings.session_days,
        user_agent=user_agent[:500].replace("\0", "") if user_agent else None,
        ip=address(request) or None,
    )
    return token, start


def check_new_password(field: str, password: str, *names: str | None) -> None:
    """Raise Problem 422 for a password that everybody tries first, or that is the user's own name."""
    if is_common(password) or password.lower() in {name.lower() for name in names if name}:
        raise invalid(field, "too_common", "is one of those that everybody tries first")


async def log_in(request: Request, passwords: Passwords, login: Login) -> SignedIn:
    """Check a password and open a session. Raises Problem 401, 403, 422, 429.

    An unknown account costs the same time and gets the same answer as a wrong password.
    """
    if isinstance(login.email, str) == isinstance(login.username, str):
        raise invalid("email", "required", "or username is required, one of the two")
    await hit(request, "login-address", limited_address(request), 10, MINUTE)
    credentials = None
    if isinstance(login.email, str):
        await hit(request, "login-account", login.email, 10, 15 * MINUTE)
        credentials = await repository.credentials_by_email(request.database, login.email)
    elif isinstance(login.username, str):
        await hit(request, "login-account", login.username, 10, 15 * MINUTE)
        credentials = await repository.credentials_by_username(request.database, login.username)
    if not await passwords.verify(login.password, credentials.password_hash if credentials else None) or not credentials:
        raise Problem("invalid_credentials", headers=((b"www-authenticate", b"Bearer"),))
    if not credentials.is_active:
        raise Problem("account_disabled")
    await _renew_hash(request, passwords, credentials, login.password)
    token, start = _session_start(request)
    session = await repository.log_in(request.database, credentials.id, start)
    if session is None:
        raise Problem("account_disabled")
    return SignedIn(token, *session)


async def _renew_hash(request: Request, passwords: Passwords, credentials: Credentials, password: str) -> None:
    """The password is at hand only now: bring its hash up to today's parameters."""
    if credentials.password_hash and passwords.is_outdated(credentials.password_hash):
        new_hash = await passwords.hash(password)
        await repository.replace_hash(request.database, credentials.id, credentials.password_hash, new_hash)


async def check_password(request: Request, passwords: Passwords, password: str | UnsetType, field: str) -> Credentials:
    """Have a signed-in user show the password, where there is one. Raises Problem 403, 422, 429."""
    caller = request.caller
    await hit(request, "password-check", str(caller.user_id), 10, 15 * MINUTE)
    credentials = await repository.credentials(request.database, caller.user_id)
    if credentials is None:
        raise unauthenticated()
    if credentials.password_hash is not None:
        if not isinstance(password, str):
            raise invalid(field, "required", "is required")
        if not await passwords.verify(password, credentials.password_hash):
            raise Problem("wrong_password")
    return credentials


async def delete_me(request: Request, passwords: Passwords, deletion: AccountDeletion, version: int | None) -> None:
    """Delete one's own account, after a look at the password. Raises Problem 403, 412, 422, 429."""
    await check_password(request, passwords, deletion.password, "password")
    if not await repository.delete_me(request.database, request.caller.user_id, version):
        raise Problem("version_mismatch")
    request.token_cache.forget()


async def change_password(request: Request, passwords: Passwords, change: PasswordChange) -> None:
    """Set a new password, after a look at the current one; the other sessions end. Raises Problem 403, 409, 422, 429."""
    credentials = await check_password(request, passwords, change.current, "current")
    check_new_password("new", change.new)
    changed = await repository.change_password(
        request.database,
        credentials.id,
        credentials.password_hash,
        await passwords.hash(change.new),
        hash_token(token_of(request.scope) or b""),
    )
    if changed is None:
        raise Problem("conflict", "The password was changed by another request at the same time.")
    request.token_cache.forget()


async def create_token(request: Request, new: ApiTokenCreate) -> NewApiToken:
    """Make an API token. Raises Problem 422."""
    if new.expires_at is not None and new.expires_at <= datetime.now(UTC):
        raise invalid("expires_at", "past", "must lie in the future")
    token, token_hash = new_token()
    made = await repository.create_token(request.database, request.caller.user_id, new, token_hash, token[-8:])
    return NewApiToken(**msgspec.structs.asdict(made), token=token)
