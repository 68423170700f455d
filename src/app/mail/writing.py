"""From a row of the table to what a mail says: its reader, its link, its template."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC

import msgspec

from app.database.queries import Executor
from app.mail import repository
from app.mail.repository import ClaimedMail, MailKind, Reader
from app.mail.templating import Rendered, Templates
from app.settings import Settings

HOUR = 3600

PAGES: Mapping[MailKind, tuple[str, int]] = {
    "verification": ("/account/verification", 24 * HOUR),
    "email_change": ("/account/verification", 24 * HOUR),
    "password_reset": ("/account/password-reset", HOUR),
}
"""Where the link of a mail leads, and for how many seconds."""


class Written(msgspec.Struct, frozen=True):
    """A mail that is ready to be sent."""

    mail: ClaimedMail
    address: str
    said: Rendered


async def write(database: Executor, settings: Settings, templates: Templates, mail: ClaimedMail) -> Written | None:
    """Find out who gets a mail, make its token, fill in its template. None: nobody is to get it (any more).

    The token is made here, and only its hash is stored: so no secret waits in the table.
    """
    token, link, seconds = "", "", 0
    if mail.kind in PAGES:
        page, seconds = PAGES[mail.kind]
        token = secrets.token_urlsafe(32)
        # In the fragment, which no browser sends: neither a log nor a Referer has it.
        link = f"{address_of(settings)}{page}#token={token}"
    reader = await _reader(database, mail, token, seconds)
    if reader is None:
        return None
    detail = msgspec.json.decode(mail.detail, type=dict[str, str])
    values = {
        "link": link,
        "hours": str(seconds // HOUR),
        "minutes": str(seconds // 60),
        "address": reader.address,
        "name": reader.name,
        "server": address_of(settings),
        "time": f"{mail.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        "device": detail.get("device", "unknown"),
        "provider": detail.get("provider", "unknown"),
        "place": detail.get("place", "unknown"),
    }
    return Written(mail, reader.address, templates.render(mail.kind, mail.language, values))


async def _reader(database: Executor, mail: ClaimedMail, token: str, seconds: int) -> Reader | None:
    if not token:
        return await repository.reader(database, mail.id)
    token_hash = hashlib.sha256(token.encode()).digest()
    make_link = repository.link_for_address if mail.kind == "password_reset" else repository.link_for_user
    return await make_link(database, mail.id, token_hash, seconds)


def address_of(settings: Settings) -> str:
    """What links begin with: PUBLIC_URL, never a request's Host. In development without it, this server on this machine."""
    if settings.public_url is not None:
        return settings.public_url
    host = "localhost" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - nothing is bound here
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
