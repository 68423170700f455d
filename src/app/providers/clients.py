"""The providers of the settings: where a sign-in goes, and who came back."""

from app.problems.catalog import Problem
from app.providers.identity import ProvidedIdentity
from app.settings import Settings


def callback_url(settings: Settings, name: str) -> str:
    """Where a provider sends the browser back to: what is to be registered there, to the letter."""
    if settings.public_url is not None:
        return f"{settings.public_url}/v1/auth/{name}/callback"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}/v1/auth/{name}/callback"


class Providers:
    """The providers of one worker, closed at its end. Without any there is nothing to load and nothing to close."""

    def __init__(self, settings: Settings) -> None:
        self._names = frozenset(provider.name for provider in settings.providers)

    @property
    def names(self) -> frozenset[str]:
        """Those that the settings have."""
        return self._names

    async def authorization_url(self, name: str, *, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in: with the S256 challenge of `verifier`, which stays here.

        Raises Problem 404 for a provider that is not there or has no flow in the browser, 503 `provider_unavailable`.
        """
        raise Problem("not_found")

    async def identity_of_code(
        self, name: str, *, code: str, verifier: str, nonce: str, issuer: str | None
    ) -> ProvidedIdentity:
        """Exchange the code of a callback for who signed in; `issuer` is its parameter `iss`.

        Raises ProviderRefused, Problem 404 and 503 `provider_unavailable`.
        """
        raise Problem("not_found")

    async def identity_of_id_token(self, name: str, id_token: str, nonce: str | None) -> ProvidedIdentity:
        """Who an ID token of the last ten minutes is about. That it counts once is the caller's to see to: signed_part_hash.

        Raises Problem 401 `invalid_id_token`, 404 for a provider that is not there or has none, 503 `provider_unavailable`.
        """
        raise Problem("not_found")

    async def close(self) -> None:
        """End the connections."""
