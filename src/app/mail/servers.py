"""The server that takes our mail: a connection to it, with TLS that is verified, and what its refusals mean."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import aiosmtplib
import msgspec

from app.settings import Mail

CONNECT_WITHIN = 10.0
"""Seconds for a connection, TLS and its greeting."""

SEND_WITHIN = 30.0
"""Seconds for one mail; and for a login, with what comes before it."""

LEAVE_WITHIN = 2.0


class MailRefused(Exception):
    """A mail was not taken. `code` says why, and has nothing of what the server said: there are addresses in that."""

    def __init__(self, code: str, *, is_final: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.is_final = is_final
        """Whether it makes no sense to try again."""


class MailServerUnavailable(Exception):
    """There is no connection by which anything could be sent. `code` says why, as that of MailRefused does."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Envelope(msgspec.Struct, frozen=True):
    """A mail as a server takes it."""

    sender: str
    recipient: str
    content: bytes


class MailServer:
    """A connection that is there, and logged in."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    async def send(self, mail: Envelope) -> None:
        """Have a mail taken. Raises MailRefused; MailServerUnavailable when no other can be sent by this connection either."""
        options = [] if (mail.sender + mail.recipient).isascii() else ["SMTPUTF8"]
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await self._client.sendmail(mail.sender, [mail.recipient], mail.content, mail_options=options)
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = error.recipients[0].code
            raise MailRefused(str(code), is_final=code >= 500) from None
        except aiosmtplib.SMTPSenderRefused as error:
            # Of MAIL_FROM: as with a login, it is the operator's to mend, and every mail's fault.
            raise MailServerUnavailable(f"sender {error.code}") from None
        except aiosmtplib.SMTPResponseException as error:
            raise MailRefused(str(error.code), is_final=error.code >= 500) from None
        except aiosmtplib.SMTPNotSupported:
            raise MailRefused("smtputf8", is_final=True) from None
        except ValueError:
            raise MailRefused("address", is_final=True) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailServerUnavailable(_why(error)) from None


def tls_context() -> ssl.SSLContext:
    """What verifies certificates: against the system's authorities, or those of SSL_CERT_FILE. Takes 20 ms: not in the loop."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@asynccontextmanager
async def connected(mail: Mail, context: ssl.SSLContext, ours: str) -> AsyncIterator[MailServer]:
    """Connect to the server of SMTP_URL, with TLS as it says, and log in. Raises MailServerUnavailable.

    `ours` is the address of this server, whose name is said at EHLO.

    With STARTTLS nothing is sent, no password either, to a server that does not offer it or shows another certificate.
    """
    host = urlsplit(ours).hostname or ""
    client = aiosmtplib.SMTP(
        hostname=mail.host,
        port=mail.port,
        timeout=CONNECT_WITHIN,
        use_tls=mail.tls == "implicit",
        start_tls=mail.tls == "starttls",
        tls_context=context,
        local_hostname="localhost" if not host or ":" in host else host,
    )
    try:
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await client.connect()
                client.timeout = SEND_WITHIN
                await client.ehlo()
                if mail.username is not None:
                    await client.login(mail.username, mail.password or "")
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailServerUnavailable(_why(error)) from None
        yield MailServer(client)
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=LEAVE_WITHIN)
    finally:
        client.close()


def _why(error: BaseException) -> str:
    """What a failure of a connection is called in the log, in the table and by doctor."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return "certificate"
        if isinstance(seen, ssl.SSLError):
            return "tls"
        seen = seen.__cause__
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"login {error.code}"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return str(error.code)
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, OSError):
        return "connection"
    return "no STARTTLS" if "STARTTLS" in str(error) else "protocol"
