"""The providers of the settings: where a sign-in goes, and who came back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from app.problems.problem import Problem
from app.providers.identity import ProvidedIdentity, ProviderRefused
from app.settings import Settings

if TYPE_CHECKING:
    import httpx

    from app.providers.firebase import Firebase
    from app.providers.github import GitHub
    from app.providers.open_id import OpenIdProvider

log = structlog.get_logger()


def callback_url(settings: Settings, name: str) -> str:
    """Where a provider sends the browser back to: what is to be registered there, to the letter."""
    if settings.public_url is not None:
        return f"{settings.public_url}/v1/auth/{name}/callback"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}/v1/auth/{name}/callback"


class Providers:
    """The providers of one worker, closed at its end. Without any there is nothing to load and nothing to close."""

    def __init__(self, settings: Settings) -> None:
        self._client: httpx.AsyncClient | None = None
        self._flows: dict[str, OpenIdProvider | GitHub] = {}
        self._tokens: dict[str, OpenIdProvider | Firebase] = {}
        self._names = frozenset(provider.name for provider in settings.providers)
        if self._names:
            self._open(settings)

    def _open(self, settings: Settings) -> None:
        # 0.15 s and 17 MB, which a server without providers does without.
        from app.providers.asking import Line, open_client  # noqa: PLC0415
        from app.providers.firebase import Firebase  # noqa: PLC0415
        from app.providers.github import GitHub  # noqa: PLC0415
        from app.providers.open_id import OpenIdProvider  # noqa: PLC0415

        self._client = open_client()
        for provider in settings.providers:
            name, callback, line = provider.name, callback_url(settings, provider.name), Line(provider.name, self._client)
            if provider.kind == "firebase":
                self._tokens[name] = Firebase(provider, line)
            elif provider.kind == "github":
                self._flows[name] = GitHub(provider, callback, line)
            else:
                self._flows[name] = self._tokens[name] = OpenIdProvider(provider, callback, line)

    @property
    def names(self) -> frozenset[str]:
        """Those that the settings have."""
        return self._names

    async def authorization_url(self, name: str, *, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in: with the S256 challenge of `verifier`, which stays here.

        Raises Problem 404 for a provider that is not there or has no flow in the browser, 503 `provider_unavailable`.
        """
        if name not in self._flows:
            raise Problem("not_found")
        return await self._flows[name].authorization_url(state=state, nonce=nonce, verifier=verifier)

    async def identity_of_code(
        self, name: str, *, code: str, verifier: str, nonce: str, issuer: str | None
    ) -> ProvidedIdentity:
        """Exchange the code of a callback for who signed in; `issuer` is its parameter `iss`.

        Raises ProviderRefused, Problem 404 and 503 `provider_unavailable`.
        """
        if name not in self._flows:
            raise Problem("not_found")
        with _noting(name):
            return await self._flows[name].identity_of_code(code=code, verifier=verifier, nonce=nonce, issuer=issuer)

    async def identity_of_id_token(self, name: str, id_token: str, nonce: str | None) -> ProvidedIdentity:
        """Who an ID token of the last ten minutes is about. That it counts once is the caller's to see to: signed_part_hash.

        Raises Problem 401 `invalid_id_token`, 404 for a provider that is not there or has none, 503 `provider_unavailable`.
        """
        if name not in self._tokens:
            raise Problem("not_found")
        try:
            with _noting(name):
                return await self._tokens[name].identity_of_id_token(id_token, nonce)
        except ProviderRefused:
            raise Problem("invalid_id_token", headers=((b"www-authenticate", b"Bearer"),)) from None

    async def close(self) -> None:
        """End the connections."""
        if self._client is not None:
            await self._client.aclose()


@contextmanager
def _noting(name: str) -> Iterator[None]:
    """Log why somebody was not signed in: a wrong client id looks to users like a wrong user."""
    try:
        yield
    except ProviderRefused as refusal:
        log.info("provider_refused", provider=name, reason=str(refusal))
        raise
