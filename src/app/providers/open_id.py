"""A provider of OpenID Connect: everything about it comes from its issuer, by discovery."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from app.providers import id_tokens, oauth
from app.providers.asking import Asking, Line, Unusable
from app.providers.identity import ProvidedIdentity, ProviderRefused
from app.providers.kept import Kept
from app.providers.keys import Keys, published_keys
from app.settings import Provider
from app.settings.forms import web_url


class Metadata(msgspec.Struct, frozen=True):
    """The part of a discovery document that is used (OpenID Connect Discovery, 3; RFC 9207, 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class OpenIdProvider:
    """One provider. What its methods raise is in clients.py."""

    def __init__(self, settings: Provider, callback: str, line: Line) -> None:
        self._settings = settings
        self._callback = callback
        self._line = line
        self._metadata = Kept(self._discover)
        self._keys = Kept(self._fetch_keys)

    async def authorization_url(self, *, state: str, nonce: str, verifier: str) -> str:
        async with self._line.asking() as asking:
            endpoint = (await self._metadata.get(asking)).authorization_endpoint
        return oauth.authorization_url(self._settings, endpoint, self._callback, state=state, verifier=verifier, nonce=nonce)

    async def identity_of_code(self, *, code: str, verifier: str, nonce: str, issuer: str | None) -> ProvidedIdentity:
        async with self._line.asking() as asking:
            metadata = await self._metadata.get(asking)
            # RFC 9207: else a code of one provider could be brought to the token endpoint of another.
            if issuer != self._settings.issuer and (
                issuer is not None or metadata.authorization_response_iss_parameter_supported
            ):
                raise ProviderRefused("iss of the callback")
            methods = metadata.token_endpoint_auth_methods_supported
            granted = await oauth.exchange(
                asking, self._settings, metadata.token_endpoint, self._callback, code=code, verifier=verifier, methods=methods
            )
            token = granted.get("id_token")
            if not isinstance(token, str):
                raise ProviderRefused("no ID token")
            claims = await id_tokens.signed_claims(asking, token, self._keys)
            audiences = {self._settings.client_id}
            id_tokens.check(claims, issuer=self._settings.issuer, audiences=audiences, nonce=nonce)
            if claims.get("azp", self._settings.client_id) != self._settings.client_id:
                raise ProviderRefused("azp")
            return id_tokens.identity_of(self._settings.name, claims | await self._userinfo(asking, metadata, claims, granted))

    async def identity_of_id_token(self, id_token: str, nonce: str | None) -> ProvidedIdentity:
        async with self._line.asking() as asking:
            claims = await id_tokens.signed_claims(asking, id_token, self._keys)
        audiences = {self._settings.client_id, *self._settings.audiences}
        id_tokens.check(claims, issuer=self._settings.issuer, audiences=audiences, nonce=nonce, oldest=id_tokens.OLDEST)
        return id_tokens.identity_of(self._settings.name, claims)

    async def _userinfo(
        self, asking: Asking, metadata: Metadata, claims: dict[str, Any], granted: dict[str, Any]
    ) -> dict[str, Any]:
        """What the provider says beside an ID token that has no address: some keep their ID tokens short."""
        headers = oauth.bearer(granted)
        if "email" in claims or metadata.userinfo_endpoint is None or headers is None:
            return {}
        answer = await asking.get(metadata.userinfo_endpoint, headers)
        if answer.status != 200:
            raise ProviderRefused("userinfo")
        found = answer.object()
        # OpenID Connect Core, 5.3.2
        if found.get("sub") != claims.get("sub"):
            raise ProviderRefused("sub of userinfo")
        # The address and whether it is verified are of one place: never half of each.
        about = {name: found[name] for name in ("name", "picture") if name in found}
        return about | {name: found.get(name) for name in ("email", "email_verified")}

    async def _discover(self, asking: Asking) -> tuple[Metadata, int | None]:
        issuer = self._settings.issuer
        answer = await asking.published(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            metadata = msgspec.convert(answer.object(), Metadata)
        except msgspec.ValidationError:
            raise Unusable("discovery") from None
        if metadata.issuer != issuer:
            raise Unusable("issuer")
        for endpoint in (
            metadata.authorization_endpoint,
            metadata.token_endpoint,
            metadata.jwks_uri,
            metadata.userinfo_endpoint,
        ):
            if endpoint is not None:
                _check_endpoint(endpoint, issuer)
        return metadata, answer.max_age

    async def _fetch_keys(self, asking: Asking) -> tuple[Keys, int | None]:
        answer = await asking.published((await self._metadata.get(asking)).jwks_uri)
        return published_keys(answer.object()), answer.max_age


def _check_endpoint(endpoint: str, issuer: str) -> None:
    """Check that an endpoint is https, or http on the loopback host of its issuer, which production does not have.

    Raises Unusable.
    """
    try:
        web_url(endpoint, is_production=urlsplit(issuer).scheme == "https")
    except ValueError:
        raise Unusable("endpoint") from None
    if urlsplit(endpoint).scheme == "http" and urlsplit(endpoint).hostname != urlsplit(issuer).hostname:
        raise Unusable("endpoint")
