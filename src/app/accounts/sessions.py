"""The rules of sessions and API tokens: what opens them, and what ends them."""

from datetime import UTC, datetime
from uuid import UUID

from msgspec.structs import asdict

from app.accounts import repository
from app.accounts.repository import SessionStart
from app.accounts.session_schemas import ApiTokenCreate, NewApiToken, SessionPatch, UserSession
from app.auth.authentication import unauthenticated
from app.auth.token_cache import Caller
from app.auth.tokens import new_token
from app.database.queries import Executor
from app.http.clients import Client, agent_kept
from app.http.services import Services
from app.problems.problem import Problem, invalid


def session_start(services: Services, client: Client, device_name: str | None = None) -> tuple[str, SessionStart]:
    """A token, and the session that it will open."""
    token, token_hash = new_token()
    start = SessionStart(
        token_hash=token_hash,
        session_days=min(services.settings.session_days, services.settings.session_max_days),
        user_agent=agent_kept(client.user_agent),
        ip=client.address or None,
        device_name=device_name,
    )
    return token, start


async def log_out(services: Services, token_hash: bytes) -> None:
    """End the session of a token."""
    await repository.log_out(services.database, token_hash)
    services.token_cache.forget(token_hash)


async def patch_session(database: Executor, caller: Caller, id: UUID, changes: SessionPatch) -> UserSession:
    """Change one of the caller's own sessions. Raises Problem 404."""
    session = await repository.patch_session(database, caller.user_id, id, caller.token_id, changes)
    if session is None:
        raise Problem("not_found")
    return session


async def end_session(services: Services, user_id: UUID, id: UUID) -> None:
    """End a session of a user. Raises Problem 404."""
    if not await repository.end_session(services.database, user_id, id):
        raise Problem("not_found")
    services.token_cache.forget()


async def end_sessions(services: Services, user_id: UUID) -> None:
    """End every session of a user, whose API tokens go on."""
    await repository.end_sessions(services.database, user_id)
    services.token_cache.forget()


async def create_token(database: Executor, user_id: UUID, session_hash: bytes, new: ApiTokenCreate) -> NewApiToken:
    """Make an API token. Raises Problem 401 when the session that asks ends meanwhile, 422."""
    if new.expires_at is not None and new.expires_at <= datetime.now(UTC):
        raise invalid("expires_at", "past", "must lie in the future")
    if new.expires_at is not None and new.expires_at >= datetime.max.replace(tzinfo=UTC):  # asyncpg: infinity
        raise invalid("expires_at", "out_of_range", "must lie before the end of the year 9999")
    token, token_hash = new_token()
    made = await repository.create_token(
        database, user_id, session_hash, new, token_hash=token_hash, last_characters=token[-8:]
    )
    if made is None:
        raise unauthenticated()
    return NewApiToken(**asdict(made), token=token)


async def end_token(services: Services, user_id: UUID, id: UUID) -> None:
    """End an API token of a user. Raises Problem 404."""
    if not await repository.end_token(services.database, user_id, id):
        raise Problem("not_found")
    services.token_cache.forget()
