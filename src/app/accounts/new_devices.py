"""Telling users by mail of a sign-in from a device that they have not used before, where NEW_DEVICE_MAIL says so.

Whatever signs in asks `to_be_told` before it opens the session, and then calls `tell` in the transaction that opens it.
"""

import re
from uuid import UUID

from app.accounts import repository
from app.database.queries import Executor
from app.http.clients import Client, agent_kept
from app.http.rate_limits import is_allowed
from app.http.services import Services
from app.mail.repository import enqueue

HOURLY = 5
"""Mails to one account at most: whoever signs in to their own must not flood the address that they gave it."""

_PROGRAMS = (
    (re.compile(r"\b(?:Edg|EdgA|EdgiOS)/"), "Edge"),
    (re.compile(r"\b(?:OPR|Opera)/"), "Opera"),
    (re.compile(r"\bSamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"\b(?:Firefox|FxiOS)\b"), "Firefox"),
    (re.compile(r"\b(?:Chrome|Chromium|CriOS)/"), "Chrome"),
    (re.compile(r"\bSafari/"), "Safari"),
)
_SYSTEMS = (
    (re.compile(r"\b(?:iPhone|iPad|iOS)\b"), "iOS"),
    (re.compile(r"\bAndroid\b"), "Android"),
    (re.compile(r"\bWindows\b"), "Windows"),
    (re.compile(r"\b(?:Macintosh|Mac OS X|macOS)\b"), "macOS"),
    (re.compile(r"\bCrOS\b"), "ChromeOS"),
    (re.compile(r"\bLinux\b"), "Linux"),
)
"""The first that is found: browsers name their ancestors, too, and Android says Linux."""


async def to_be_told(services: Services, database: Executor, user_id: UUID, client: Client) -> str | None:
    """The address that is to be told of this sign-in; None: nobody is. To be asked before the session is opened.

    Told is who has signed in before, but in no session that is left with this user agent. Without the setting nothing is asked.
    """
    if not services.settings.new_device_mail or services.settings.smtp is None:
        return None
    address = await repository.new_device(database, user_id, agent_kept(client.user_agent))
    if address is None:
        return None
    is_told = await is_allowed(services, database, "new-device-mail", str(user_id), maximum=HOURLY, seconds=3600)
    return address if is_told else None


async def tell(transaction: Executor, user_id: UUID, address: str | None, client: Client) -> None:
    """Write the mail of a sign-in down, in the transaction that opens its session. Nothing, where the address is None."""
    if address is None:
        return
    detail = {"device": described(client.user_agent), "place": client.subnet or "unknown"}
    await enqueue(transaction, "new_device", user_id=user_id, address=address, language=client.languages, detail=detail)


def described(user_agent: str | None) -> str:
    """A device in known words alone: whoever signs in writes the header, and no one has to have confirmed the address."""
    program = next((name for pattern, name in _PROGRAMS if pattern.search(user_agent or "")), "another program")
    system = next((name for pattern, name in _SYSTEMS if pattern.search(user_agent or "")), None)
    return f"{program} on {system}" if system else program
