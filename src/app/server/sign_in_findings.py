"""What `holdfast doctor` says of signing in: SECRET_KEY, PUBLIC_URL, where a sign-in may end, and each identity provider."""

import asyncio
import json
import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec

from app.providers.clients import callback_url
from app.server.doctor import Finding
from app.settings import Provider, Settings

if TYPE_CHECKING:
    import httpx

PATIENCE = 5.0
"""Seconds for everything that one provider is asked."""

DRIFT = 60
"""Seconds that two clocks may differ, the leeway for the times in ID tokens."""

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

_ANY_PORT = re.compile(r"http://(127\.0\.0\.1|\[::1\])(/.*)?")
"""Native apps listen where there is room (RFC 8252, 7.3)."""

_MAKE_ONE = "Make one with: openssl rand -base64 32"


class Fault(Exception):
    """What is wrong with a provider, as a half sentence that begins after its address."""


class Answer(msgspec.Struct, frozen=True):
    """What a provider said."""

    status: int
    body: bytes
    drift: float | None
    """By how many seconds its clock is ahead of ours. None: it does not say what time it is."""


async def examine(settings: Settings) -> list[Finding]:
    """Look at what the settings say, and ask all providers at once."""
    has_flow = any(provider.kind != "firebase" for provider in settings.providers)
    findings = [_secret_key(settings, is_needed=has_flow)]
    if has_flow or settings.smtp is not None:
        findings.append(_public_url(settings))
    if has_flow:
        findings.append(_redirects(settings))
    if settings.providers:
        # The library takes a while to load, which the doctor of a server without providers need not wait for.
        from app.providers.asking import open_client  # noqa: PLC0415

        # As the server asks them: trusting the same certificates, through no proxy, following no redirect.
        async with open_client() as client:
            findings += await asyncio.gather(*(_provider(client, provider, settings) for provider in settings.providers))
    return findings


def _secret_key(settings: Settings, *, is_needed: bool) -> Finding:
    count = len(settings.secret_keys)
    if count == 1:
        return Finding("ok", "secret key", "there is one")
    if count:
        advice = "An older one can go an hour after the one in front of it came: what it sealed has run out."
        return Finding("ok", "secret key", f"there are {count}: the first one seals, all open", advice)
    if is_needed:
        return Finding("mind", "secret key", "is not set: development uses one that everybody knows", _MAKE_ONE)
    return Finding("ok", "secret key", "is not set, and nothing needs it")


def _public_url(settings: Settings) -> Finding:
    if settings.public_url is None:
        text = "is not set: callbacks and links lead to this machine"
        return Finding("mind", "public url", text, "Set PUBLIC_URL to the address of this server as users see it.")
    return Finding("ok", "public url", settings.public_url)


def _redirects(settings: Settings) -> Finding:
    if not settings.sign_in_redirects:
        text = "there is no address where a sign-in in the browser may end"
        return Finding("mind", "redirects", text, "Set SIGN_IN_REDIRECTS to the pages of your apps that take the code.")
    shown = [f"{each} (any port)" if _ANY_PORT.fullmatch(each) else each for each in settings.sign_in_redirects]
    return Finding("ok", "redirects", f"a sign-in may end at {', '.join(shown)}")


async def _provider(client: "httpx.AsyncClient", provider: Provider, settings: Settings) -> Finding:
    enter = f"Enter there as the callback: {callback_url(settings, provider.name)}"
    callback = "" if provider.kind == "firebase" else enter
    try:
        async with asyncio.timeout(PATIENCE):
            text, drift = await _ASKED[provider.kind](client, provider)
    except (Fault, TimeoutError) as error:
        said = str(error) or f"did not answer within {PATIENCE:.0f} s"
        advice = "Nobody signs in by it until this is right; everything else goes on."
        return Finding("mind", provider.name, said, " ".join(filter(None, (advice, callback))))
    if drift is None:
        return Finding("ok", provider.name, f"{text}; it does not say what time it is", callback)
    if abs(drift) > DRIFT:
        later = "behind" if drift > 0 else "ahead"
        advice = "Its ID tokens will be refused: set this machine's clock by NTP."
        return Finding("mind", provider.name, f"{text}, but our clock is {abs(drift):,.0f} s {later}", f"{advice} {callback}")
    return Finding("ok", provider.name, f"{text}; the clocks agree", callback)


async def _ask_oidc(client: "httpx.AsyncClient", provider: Provider) -> tuple[str, float | None]:
    url = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
    answer = await _get(client, url, url)
    found = _object(url, answer)
    if found.get("issuer") != provider.issuer:
        # As JSON: what somebody else sends must not reach a terminal as it is.
        said, variable = json.dumps(found.get("issuer"))[:200], f"OIDC_{provider.name.upper()}_ISSUER"
        raise Fault(f"{url} calls its issuer {said}, which {variable} must be to the letter")
    if lacking := [name for name in _ENDPOINTS if not isinstance(found.get(name), str)]:
        raise Fault(f"{url} lacks {', '.join(lacking)}")
    called = f"the jwks_uri of {url}"
    keys = _object(called, await _get(client, found["jwks_uri"], called)).get("keys")
    if not isinstance(keys, list) or not keys:
        raise Fault(f"{called} has no keys")
    count = "1 key" if len(keys) == 1 else f"{len(keys)} keys"
    return f"answers as {provider.issuer}, and has {count}", answer.drift


async def _ask_github(client: "httpx.AsyncClient", provider: Provider) -> tuple[str, float | None]:
    url = f"{provider.issuer}/login/oauth/authorize"
    answer = await _get(client, url, url)
    if answer.status >= 500:
        raise Fault(f"{url} answers {answer.status}")
    return f"answers at {provider.issuer}", answer.drift


async def _ask_firebase(client: "httpx.AsyncClient", provider: Provider) -> tuple[str, float | None]:
    url = provider.keys_url or ""
    answer = await _get(client, url, url)
    found = _object(url, answer)
    if not found:
        raise Fault(f"{url} has no certificates")
    return f"its {len(found)} certificates can be read, for ID tokens of {provider.client_id}", answer.drift


_ASKED = {"oidc": _ask_oidc, "github": _ask_github, "firebase": _ask_firebase}


async def _get(client: "httpx.AsyncClient", url: str, called: str) -> Answer:
    """Ask an address of the settings, or of a provider's discovery; a Fault names it as it is called."""
    import httpx  # noqa: PLC0415 - it is loaded by now

    from app.providers.asking import BODY_LIMIT  # noqa: PLC0415

    body = b""
    try:
        async with client.stream("GET", url, headers={"Accept": "application/json"}) as response:
            # As it comes: we ask for nothing packed, and small things can be packed that are large.
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise Fault(f"{called} sends more than {BODY_LIMIT // 1024} KiB")
            return Answer(response.status_code, body, _drift(response.headers.get("Date")))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # On one line, and nothing in it that a terminal obeys.
        said = ascii(str(error) or type(error).__name__)[1:-1][:200]
        raise Fault(f"{called} cannot be reached: {said}") from None


def _drift(date: str | None) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp() - time.time()
    except ValueError:
        return None


def _object(called: str, answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer. Raises Fault."""
    if answer.status != 200:
        raise Fault(f"{called} answers {answer.status}")
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Fault(f"{called} is no JSON object")
    return found
