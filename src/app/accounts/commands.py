"""`holdfast users`: what whoever runs the server may do to accounts, without a token."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import msgspec

from app.accounts import repository
from app.accounts.inputs import check_email, check_new_password
from app.accounts.schemas import ListedUser, Registration, User
from app.auth.passwords import Passwords
from app.database.queries import Executor
from app.http.decoding import problem_for_validation
from app.http.exception_handlers import problem_for
from app.http.pagination import FIRST_NEWEST
from app.problems.problem import Problem

ROLES = ("user", "service", "admin")

_PAGE = 500


async def users(database: Executor) -> AsyncIterator[ListedUser]:
    """Every account, newest first."""
    after: UUID | None = FIRST_NEWEST
    while after is not None:
        page = await repository.page_users(database, after=after, limit=_PAGE)
        for user in page:
            yield user
        after = page[-1].id if len(page) == _PAGE else None


async def id_of(database: Executor, name: str) -> UUID | None:
    """Find an account by its e-mail address, its user name or its id. None: there is none."""
    if "@" in name:
        found = await repository.credentials_by_email(database, name)
        return found.id if found else None
    try:
        user = await repository.me(database, msgspec.convert(name, UUID))
    except msgspec.ValidationError:
        user = None
    if user is not None:
        return user.id
    found = await repository.credentials_by_username(database, name)
    return found.id if found else None


def registration(email: str, password: str, username: str | None, name: str | None) -> Registration:
    """A new account, by the rules of registering. Raises Problem 422."""
    try:
        new = msgspec.convert({"email": email, "password": password, "username": username, "name": name}, Registration)
    except msgspec.ValidationError as error:
        raise problem_for_validation(error) from None
    check_email(new.email)
    check_new_password("password", new.password, new.email, new.username)
    return new


async def create(database: Executor, new: Registration, role: str) -> User:
    """Make an account without a session. Raises Problem 409 for an e-mail address or a user name that is taken."""
    password_hash = await hash_password(new.password)
    try:
        return await repository.create_user(database, new, password_hash, role)
    except asyncpg.UniqueViolationError as error:
        raise problem_for(error) from None


async def disable(database: Executor, user_id: UUID) -> int | None:
    """Let an account sign in no more, and end its sessions; returns how many. None: there is no such account.

    Every worker knows within 100 ms. Raises Problem 409 for the last active admin.
    """
    try:
        return await repository.disable(database, user_id)
    except asyncpg.CheckViolationError:
        raise Problem("last_admin") from None


async def set_role(database: Executor, user_id: UUID, role: str) -> UUID | None:
    """Give an account another role; every worker knows within 100 ms. None: there is no such account.

    Raises Problem 409 for the last active admin, 422 for a guest.
    """
    try:
        return await repository.set_role(database, user_id, role)
    except asyncpg.CheckViolationError as error:
        raise problem_for(error) from None


async def set_password(database: Executor, user_id: UUID, password: str) -> UUID | None:
    """Give an account another password and end its sessions and API tokens. None: there is no such account.

    Raises Problem 422 for a password that is none.
    """
    user = await repository.me(database, user_id)
    if user is None:
        return None
    check_new_password("password", password, user.email, user.username)
    return await repository.set_password(database, user_id, await hash_password(password))


async def hash_password(password: str) -> str:
    """Hash a password as the API does."""
    passwords = await asyncio.to_thread(Passwords)
    try:
        return await passwords.hash(password)
    finally:
        passwords.close()
