"""A mail server on a real socket, in a thread of its own: it takes mail, refuses it, is slow, or says nothing at all."""

import asyncio
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from client import Api

from app.mail.sender import Sender
from app.mail.servers import MailServerUnavailable
from app.settings import Mail


class Mailbox:
    """What arrived, and what the server answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.arrived: list[tuple[str, EmailMessage]] = []
        """By the address in the envelope."""
        self.raw: list[bytes] = []
        self.refusals: dict[str, str] = {}
        """What is said to who wants to send to this address, instead of yes."""
        self.seconds = 0.0
        """How long it takes to take a mail."""
        self.logins: list[bytes] = []
        self.connections = 0

    async def handle_EHLO(self, _: SMTP, session: Session, __: Envelope, host: str, responses: list[str]) -> list[str]:  # noqa: N802
        self.connections += 1
        session.host_name = host
        return responses

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:  # noqa: N802
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.seconds)
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        message = message_from_bytes(envelope.content, policy=default)
        self.arrived.append((envelope.rcpt_tos[0], message))
        return "250 OK"

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, ____: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.password)
        return AuthResult(success=data.password == b"secret", handled=False)

    def to(self, address: str) -> list[EmailMessage]:
        """The mails that an address has got."""
        return [message for recipient, message in self.arrived if recipient == address]

    def settings(self, tls: str = "none", host: str = "127.0.0.1", **changes: str) -> dict[str, Any]:
        """The settings of an app that sends to here."""
        mail = Mail(host=host, port=self.port, tls=cast("Any", tls), **changes)
        return {"smtp": mail, "mail_from": "Holdfast <holdfast@example.com>", "public_url": "https://api.example.com"}


@contextmanager
def mailbox(context: ssl.SSLContext | None = None, *, implicit: bool = False, **options: Any) -> Iterator[Mailbox]:
    """A server for as long as the block runs. With a context it has STARTTLS, or TLS from the first byte."""
    loop, ready, stopped = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    box = Mailbox(0)

    def make() -> SMTP:
        if context is not None and not implicit:
            options["tls_context"] = context
        return SMTP(box, loop=loop, authenticator=box.authenticate, enable_SMTPUTF8=True, **options)

    async def serve() -> None:
        server = await loop.create_server(make, "127.0.0.1", 0, ssl=context if implicit else None)
        box.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stopped.wait()
        server.close()
        # What it is in the middle of, and its side of connections.
        others = asyncio.all_tasks(loop) - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.01)

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(5)


def deliver(api: Api) -> str | None:
    """Send what is due, as a worker does with its next look. Returns why no server took it; None: one did."""

    async def send() -> str | None:
        sender = Sender(api.database, api.settings)
        # The app's own loop may have taken some of it in hand just now.
        await asyncio.sleep(0.01)
        try:
            while await sender.send_due():
                pass
        except MailServerUnavailable as error:
            return error.code
        return None

    return api.runner.run(send())


def wait_for(api: Api, box: Mailbox, address: str, count: int = 1) -> EmailMessage:
    """The newest of so many mails to an address, when it has arrived."""
    deadline = time.monotonic() + 10
    while len(box.to(address)) < count and time.monotonic() < deadline:
        deliver(api)
        api.runner.run(asyncio.sleep(0.02))
    found = box.to(address)
    assert len(found) == count, len(found)
    return found[-1]


def text_of(mail: EmailMessage, form: str = "plain") -> str:
    """What a mail says."""
    part = mail.get_body((form,))
    assert part is not None
    text = part.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")


def token_of(mail: EmailMessage) -> str:
    """The token in the link of a mail, which is the same in both of its forms."""
    found = re.findall(r"^https://api\.example\.com/account/[a-z-]+#token=([A-Za-z0-9_-]{43})$", text_of(mail), re.MULTILINE)
    assert len(found) == 1, text_of(mail)
    assert f"#token={found[0]}" in text_of(mail, "html")
    return str(found[0])
