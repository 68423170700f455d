"""Who is calling, and passwords."""

import asyncio
import hashlib
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Annotated
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import Depends, HTTPException, Request
from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from bench.peer.database import Session, User, UserSession

CACHE_SECONDS = float(os.environ.get("PEER_SESSION_CACHE", "0"))
"""How long a looked-up session is kept; 0: not at all."""
CACHE_SIZE = 10_000
SESSION_DAYS = 30

_HOUR = text("interval '1 hour'")
_cache: dict[bytes, tuple[float, "Caller"]] = {}


@dataclass(frozen=True, slots=True)
class Caller:
    user_id: UUID
    session_id: UUID
    role: str
    is_guest: bool
    timezone: str
    stale: bool


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def new_token() -> tuple[str, bytes]:
    token = "hf_" + secrets.token_urlsafe(32)
    return token, hash_token(token)


def unauthenticated() -> HTTPException:
    return HTTPException(401, "unauthenticated", {"WWW-Authenticate": "Bearer"})


_CALLER = (
    select(
        UserSession.user_id,
        UserSession.id,
        User.role,
        User.is_guest,
        User.timezone,
        (UserSession.last_seen_at < func.now() - _HOUR).label("stale"),
    )
    .join(User, User.id == UserSession.user_id)
    .where(UserSession.token_hash == bindparam("token_hash"), UserSession.expires_at > func.now(), User.is_active)
)


async def _look_up(session: AsyncSession, token_hash: bytes) -> Caller | None:
    row = (await session.execute(_CALLER, {"token_hash": token_hash})).one_or_none()
    return Caller(*row) if row else None


async def _see(session: AsyncSession, token_hash: bytes) -> None:
    await session.execute(
        update(UserSession)
        .where(UserSession.token_hash == token_hash, UserSession.last_seen_at < func.now() - _HOUR)
        .values(last_seen_at=func.now(), expires_at=func.now() + func.make_interval(0, 0, 0, SESSION_DAYS)),
        execution_options={"synchronize_session": False},
    )
    await session.commit()


async def _caller(request: Request, session: Session) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise unauthenticated()
    token_hash = hash_token(token)
    now = monotonic()
    if (kept := _cache.get(token_hash)) and kept[0] > now:
        return kept[1]
    caller = await _look_up(session, token_hash)
    if caller is None:
        raise unauthenticated()
    if caller.stale:
        await _see(session, token_hash)
    elif CACHE_SECONDS:
        if len(_cache) >= CACHE_SIZE:
            _cache.clear()
        _cache[token_hash] = (now + CACHE_SECONDS, caller)
    return caller


CurrentCaller = Annotated[Caller, Depends(_caller)]

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")
_dummy = _hasher.hash("a password that nobody has")


async def verify(password: str, password_hash: str | None) -> bool:
    """Whether this is the password; for an unknown user the answer is no, after the same time."""

    def matches() -> bool:
        try:
            return _hasher.verify(password_hash or _dummy, password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False

    return await asyncio.get_running_loop().run_in_executor(_threads, matches)


def is_outdated(password_hash: str) -> bool:
    return _hasher.check_needs_rehash(password_hash)
