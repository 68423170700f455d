"""What `holdfast doctor` says of mail: whether the server of SMTP_URL takes us, and whether what is to be sent gets away."""

import asyncio

from app.database.queries import Executor
from app.mail import repository, servers
from app.mail.templating import Templates
from app.mail.writing import address_of
from app.server.doctor import Finding
from app.settings import Mail, Settings, SettingsError

LATE = 15 * 60
"""Seconds from which on a mail waits for too long: by then it was tried several times."""

_ADVICE = {
    "certificate": "It is of another name, has expired, or its signer is not trusted here: SSL_CERT_FILE names those that are.",
    "no STARTTLS": "No TLS is offered at this port, or somebody in between takes that away: use smtps://, or another port.",
    "connection": "Is it there, and does a firewall let this machine through to that port?",
    "timeout": "Is it there, and does a firewall let this machine through to that port?",
}


async def examine(database: Executor, settings: Settings) -> list[Finding]:
    """What is found about mail; without SMTP_URL that there is none."""
    if settings.smtp is None:
        text = "none is sent, SMTP_URL is not set" if settings.production else "is shown by serve, SMTP_URL is not set"
        return [Finding("ok", "mail", text)]
    return [await _server(settings, settings.smtp), _templates(settings), await _waiting(database)]


async def _server(settings: Settings, smtp: Mail) -> Finding:
    """Say hello as the sender does: TLS, its certificate, the login."""
    context = await asyncio.to_thread(servers.tls_context)
    tls = {"implicit": "TLS", "starttls": "STARTTLS", "none": "without TLS"}[smtp.tls]
    login = "without a login" if smtp.username is None else "and takes the login"
    try:
        async with servers.connected(smtp, context, address_of(settings)):
            return Finding("ok", "mail", f"the server answers, {tls}, {login}")
    except servers.MailServerUnavailable as error:
        advice = _ADVICE.get(error.code, "It refuses; the code is its own. Are user and password of SMTP_URL right?")
        return Finding("bad", "mail", f"the server of SMTP_URL cannot be used: {error.code}", advice)


def _templates(settings: Settings) -> Finding:
    try:
        templates = Templates(settings)
    except SettingsError as error:
        return Finding("bad", "templates", str(error), "The server does not start with it.")
    text = f"of mails can be read: {', '.join(sorted(templates.languages))}"
    if templates.missing:
        names = ", ".join(f"{path.parent.name}/{path.name}" for path in templates.missing)
        return Finding("mind", "templates", f"{text}; not there: {names}", "Add them; until then these are sent in English.")
    return Finding("ok", "templates", text)


async def _waiting(database: Executor) -> Finding:
    if not await repository.can_be_written(database):
        return Finding("ok", "mails", "there are none before the migrations")
    state = await repository.state(database)
    why = ", ".join(f"{each.mails} times {each.code}" for each in await repository.failures(database, limit=3))
    text = f"{state.waiting} mails wait, {state.given_up} were given up in the last week" + (f" ({why})" if why else "")
    if state.oldest_seconds > LATE:
        text += f"; the oldest waits for {state.oldest_seconds / 3600:,.1f} hours"
        return Finding("mind", "mails", text, "The log says why, as mail_not_sent. Does holdfast serve run?")
    if state.given_up:
        return Finding("mind", "mails", text, "The log says why, as mail_not_sent; they are not tried again.")
    return Finding("ok", "mails", text)
