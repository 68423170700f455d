"""A mail as RFC 5322 has it, out of what its template says."""

import re
import secrets
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

from app.mail.servers import Envelope, MailRefused
from app.mail.templating import Rendered

_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f.:]+\]")


def envelope(sender: str, address: str, said: Rendered) -> Envelope:
    """Put a mail together. `sender` is MAIL_FROM, `address` an account's. Raises MailRefused for what no server would take."""
    name, from_address = parseaddr(sender)
    ours, theirs = _mailbox(from_address, name), _mailbox(address)
    is_ascii = (ours.addr_spec + theirs.addr_spec).isascii()
    message = EmailMessage(policy=SMTP if is_ascii else SMTPUTF8)
    message["From"], message["To"] = ours, theirs
    message["Subject"] = said.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    # Another one each time that it is tried: each has a link of its own, and who drops doubles would keep the wrong one.
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{ours.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(said.text)
    message.add_alternative(said.html, subtype="html")
    return Envelope(ours.addr_spec, theirs.addr_spec, message.as_bytes())


def _mailbox(address: str, name: str = "") -> Address:
    """An address in the form that a server takes: its domain in ASCII; what is before it is quoted where it needs that."""
    local, _, domain = address.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise MailRefused("address", is_final=True) from None
    if not local or not local.isprintable() or not _DOMAIN.fullmatch(domain) or len(domain) > 255:
        raise MailRefused("address", is_final=True)
    return Address(name, username=local, domain=domain)
