"""Links: addresses with a random token, at which the content of a file is read by whoever has them, without a header."""

import re
import secrets
from uuid import UUID

from app.auth.tokens import hash_token
from app.database.queries import Executor
from app.media import repository
from app.media.schemas import Linked, MediaLink, MediaLinkCreate
from app.problems.problem import Problem, invalid

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


async def create(database: Executor, user_id: UUID, id: UUID, new: MediaLinkCreate) -> MediaLink:
    """Make a link. Raises Problem 404; 422 when it would have no end and the file is not public."""
    token = secrets.token_urlsafe(32)
    end = await repository.create_link(database, user_id, id, new, hash_token(token.encode()))
    if end is None:
        if await repository.get(database, user_id, id) is None:
            raise Problem("not_found")
        raise invalid("expires_in", "required", "must be given for a file that is not public")
    return MediaLink(f"/v1/public/media/{token}", end.expires_at)


async def follow(database: Executor, token: str) -> Linked:
    """Find the file that a link leads to. Raises Problem 404 for an unknown and for an ended one."""
    file = await repository.linked(database, hash_token(token.encode())) if _TOKEN.fullmatch(token) else None
    if file is None:
        raise Problem("not_found")
    return file


async def end_all(database: Executor, user_id: UUID, id: UUID) -> None:
    """End every link to a file. Raises Problem 404 when there is no such file."""
    if not await repository.delete_links(database, user_id, id) and await repository.get(database, user_id, id) is None:
        raise Problem("not_found")
