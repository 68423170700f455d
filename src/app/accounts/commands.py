"""`holdfast users`: what whoever runs the server may do to accounts, without a token."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg

from app.accounts import repository
from app.accounts.inputs import check_new_password
from app.accounts.schemas import ListedUser
from app.auth.passwords import Passwords
from app.database.queries import Executor
from app.http.pagination import FIRST_NEWEST
from app.problems.catalog import Problem

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


async def set_role(database: Executor, email: str, role: str) -> bool:
    """Give an account another role; every worker knows within 100 ms. False: there is no such account.

    Raises Problem 409 for the last active admin.
    """
    try:
        return await repository.set_role(database, email, role) is not None
    except asyncpg.CheckViolationError:
        raise Problem("last_admin") from None


async def set_password(database: Executor, email: str, password: str) -> bool:
    """Give an account another password and end its sessions and API tokens. False: there is no such account.

    Raises Problem 422 for a password that is none.
    """
    check_new_password("password", password, email)
    passwords = await asyncio.to_thread(Passwords)
    try:
        password_hash = await passwords.hash(password)
    finally:
        passwords.close()
    return await repository.set_password(database, email, password_hash) is not None
