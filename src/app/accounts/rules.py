"""The rules of accounts that span several statements."""

from app.accounts import repository
from app.accounts.passwords import Passwords, is_common
from app.accounts.schemas import Credentials, Deletion, Login, Registration, SignedIn, check_timezone
from app.auth import new_token, unauthenticated
from app.problems import Problem, invalid
from app.rate_limits import address, limited_address, take
from app.requests import Request

HOUR, MINUTE = 3600, 60


async def register(request: Request, passwords: Passwords, registration: Registration) -> SignedIn:
    """Make an account and sign it in. Raises Problem 409, 422, 429."""
    await take(request, "register", limited_address(request), 60, HOUR)
    check_timezone(registration.timezone)
    check_new_password(registration.password, registration.email, registration.username)
    token, token_hash = new_token()
    expires_at, user = await repository.register(
        request.database,
        email=registration.email,
        username=registration.username,
        password_hash=await passwords.hash(registration.password),
        name=registration.name,
        timezone=registration.timezone,
        token_hash=token_hash,
        session_days=request.settings.session_days,
        user_agent=_user_agent(request),
        ip=address(request) or None,
    )
    return SignedIn(token, expires_at, user)


def check_new_password(password: str, *names: str | None) -> None:
    """Raise Problem 422 for a password that everybody tries first, or that is the user's own name."""
    if is_common(password) or password.lower() in {name.lower() for name in names if name}:
        raise invalid("password", "too_common", "is one of those that everybody tries first")


async def log_in(request: Request, passwords: Passwords, login: Login) -> SignedIn:
    """Check a password and open a session. Raises Problem 401, 403, 422, 429.

    An unknown account costs the same time and gets the same answer as a wrong password.
    """
    if isinstance(login.email, str) == isinstance(login.username, str):
        raise invalid("email", "required", "or username is required, one of the two")
    await take(request, "login-address", limited_address(request), 10, MINUTE)
    credentials = None
    if isinstance(login.email, str):
        await take(request, "login-account", login.email, 10, 15 * MINUTE)
        credentials = await repository.credentials_by_email(request.database, login.email)
    elif isinstance(login.username, str):
        await take(request, "login-account", login.username, 10, 15 * MINUTE)
        credentials = await repository.credentials_by_username(request.database, login.username)
    if not await passwords.verify(login.password, credentials.password_hash if credentials else None) or not credentials:
        raise Problem("invalid_credentials", headers=((b"www-authenticate", b"Bearer"),))
    if not credentials.is_active:
        raise Problem("account_disabled")
    await _renew_hash(request, passwords, credentials, login.password)
    token, token_hash = new_token()
    session = await repository.log_in(
        request.database,
        credentials.id,
        token_hash=token_hash,
        session_days=request.settings.session_days,
        user_agent=_user_agent(request),
        ip=address(request) or None,
    )
    if session is None:
        raise Problem("account_disabled")
    return SignedIn(token, *session)


async def _renew_hash(request: Request, passwords: Passwords, credentials: Credentials, password: str) -> None:
    """The password is at hand only now: bring its hash up to today's parameters."""
    if credentials.password_hash and passwords.is_outdated(credentials.password_hash):
        new_hash = await passwords.hash(password)
        await repository.replace_hash(request.database, credentials.id, credentials.password_hash, new_hash)


async def delete_me(request: Request, passwords: Passwords, deletion: Deletion, version: int | None) -> None:
    """Delete one's own account, after a look at the password. Raises Problem 403, 412, 422, 429."""
    caller = request.caller
    await take(request, "password-check", str(caller.user_id), 10, 15 * MINUTE)
    credentials = await repository.credentials(request.database, caller.user_id)
    if credentials is None:
        raise unauthenticated()
    if credentials.password_hash is not None:
        if not isinstance(deletion.password, str):
            raise invalid("password", "required", "is required")
        if not await passwords.verify(deletion.password, credentials.password_hash):
            raise Problem("wrong_password")
    if not await repository.delete_me(request.database, caller.user_id, version):
        raise Problem("version_mismatch")


def _user_agent(request: Request) -> str | None:
    text = request.headers.get("user-agent")
    return text[:500].replace("\0", "") if text else None
