"""GitHub, which has OAuth 2 and no ID tokens: who signed in is what its API says to their access token."""

from typing import Any

from app.providers import oauth
from app.providers.asking import Answer, Line, Unusable
from app.providers.identity import ProvidedIdentity, ProviderRefused, identity
from app.settings import Provider

_API = {"https://github.com": "https://api.github.com"}
"""Those of another host, GitHub Enterprise Server, are below /api/v3 of it."""


class GitHub:
    """GitHub, or one's own server of it. What its methods raise is in clients.py."""

    def __init__(self, settings: Provider, callback: str, line: Line) -> None:
        self._settings = settings
        self._callback = callback
        self._line = line
        self._api = _API.get(settings.issuer, f"{settings.issuer}/api/v3")

    async def authorization_url(self, *, state: str, nonce: str, verifier: str) -> str:
        del nonce  # There is no ID token that it could come back in: state and PKCE bind the flow.
        endpoint = f"{self._settings.issuer}/login/oauth/authorize"
        return oauth.authorization_url(self._settings, endpoint, self._callback, state=state, verifier=verifier)

    async def identity_of_code(self, *, code: str, verifier: str, nonce: str, issuer: str | None) -> ProvidedIdentity:
        del nonce
        if issuer not in {None, self._settings.issuer, f"{self._settings.issuer}/login/oauth"}:
            raise ProviderRefused("iss of the callback")
        async with self._line.asking() as asking:
            granted = await oauth.exchange(
                asking,
                self._settings,
                f"{self._settings.issuer}/login/oauth/access_token",
                self._callback,
                code=code,
                verifier=verifier,
                methods=("client_secret_post",),
            )
            headers = oauth.bearer(granted)
            if headers is None:
                raise ProviderRefused("no access token")
            headers |= {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
            answer = await asking.get(f"{self._api}/user", headers)
            if answer.status != 200:
                raise ProviderRefused("user")
            user = answer.object()
            email = _primary(await asking.get(f"{self._api}/user/emails?per_page=100", headers))
            number = user.get("id")
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise Unusable("no id")
        return identity(
            self._settings.name,
            subject=str(number),
            email=email,
            verified=True,
            name=user.get("name"),
            picture=user.get("avatar_url"),
        )


def _primary(answer: Answer) -> Any:
    """The primary address, if it is verified; None where the user or the app's owner did not let us see addresses."""
    if answer.status != 200:
        return None
    listed = answer.decoded()
    if not isinstance(listed, list):
        raise Unusable("no list")
    addresses = (each for each in listed if isinstance(each, dict))
    return next((each.get("email") for each in addresses if each.get("primary") is True and each.get("verified") is True), None)
