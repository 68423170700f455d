"""The code flow of OAuth 2 with PKCE, which OpenID Connect and GitHub share."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus

import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from app.providers.asking import Asking
from app.providers.identity import ProviderRefused
from app.settings import Provider

_ERRORS = {
    *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"),
    *("bad_verification_code", "incorrect_client_credentials", "redirect_uri_mismatch", "unverified_user_email"),
}
"""What the log repeats of a provider's error: RFC 6749, 5.2, and GitHub's own."""


def authorization_url(
    provider: Provider, endpoint: str, callback: str, *, state: str, verifier: str, nonce: str | None = None
) -> str:
    """Where the browser goes to sign in."""
    challenge = create_s256_code_challenge(verifier)
    url: str = prepare_grant_uri(
        endpoint,
        client_id=provider.client_id,
        response_type="code",
        redirect_uri=callback,
        scope=list(provider.scopes),
        state=state,
        nonce=nonce,
        code_challenge=challenge,
        code_challenge_method="S256",
    )
    return url


async def exchange(
    asking: Asking, provider: Provider, endpoint: str, callback: str, *, code: str, verifier: str, methods: Sequence[str]
) -> dict[str, Any]:
    """Exchange a code for what the token endpoint gives. `methods` are those by which a client may say who it is there.

    Raises ProviderRefused, Unusable, Problem 503.
    """
    # RFC 6749, A.11
    if not re.fullmatch(r"[ -~]{1,4096}", code):
        raise ProviderRefused("code")
    body = prepare_token_request("authorization_code", redirect_uri=callback, code=code, code_verifier=verifier)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    endpoint, headers, body = _client_auth(provider, methods).prepare("POST", endpoint, headers, body)
    answer = await asking.send("POST", endpoint, headers, body)
    if answer.status != 200:
        raise ProviderRefused(_error(answer.body))
    granted = answer.object()
    if "error" in granted:
        raise ProviderRefused(_error(answer.body))
    return granted


def _client_auth(provider: Provider, methods: Sequence[str]) -> ClientAuth:
    if provider.client_secret is None:
        return ClientAuth(provider.client_id, None, "none")
    if "client_secret_basic" not in methods and "client_secret_post" in methods:
        return ClientAuth(provider.client_id, provider.client_secret, "client_secret_post")
    # RFC 6749, 2.3.1: both are encoded as in a form, which the library leaves to its caller.
    return ClientAuth(quote_plus(provider.client_id), quote_plus(provider.client_secret), "client_secret_basic")


def _error(body: bytes) -> str:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return "exchange"
    error = said.get("error") if isinstance(said, dict) else None
    return error if isinstance(error, str) and error in _ERRORS else "exchange"


def bearer(granted: dict[str, Any]) -> dict[str, str] | None:
    """The header that an access token makes; None where there is none that can be used."""
    token, kind = granted.get("access_token"), granted.get("token_type")
    if not isinstance(token, str) or not isinstance(kind, str) or kind.lower() != "bearer":
        return None
    return {"Authorization": f"Bearer {token}"} if re.fullmatch(r"[!-~]{1,8192}", token) else None
