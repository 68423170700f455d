"""Firebase Authentication: apps that sign in there send the ID tokens that they get."""

from app.providers import id_tokens
from app.providers.asking import Asking, Line
from app.providers.identity import ProvidedIdentity
from app.providers.kept import Kept
from app.providers.keys import Keys, published_keys
from app.settings import Provider


class Firebase:
    """One project. What its method raises is in clients.py."""

    def __init__(self, settings: Provider, line: Line) -> None:
        self._settings = settings
        self._line = line
        self._keys = Kept(self._fetch_keys)

    async def identity_of_id_token(self, id_token: str, nonce: str | None) -> ProvidedIdentity:
        async with self._line.asking() as asking:
            claims = await id_tokens.signed_claims(asking, id_token, self._keys, {"RS256"})
        audiences = {self._settings.client_id}
        id_tokens.check(claims, issuer=self._settings.issuer, audiences=audiences, nonce=nonce, oldest=id_tokens.OLDEST)
        return id_tokens.identity_of(self._settings.name, claims)

    async def _fetch_keys(self, asking: Asking) -> tuple[Keys, int | None]:
        answer = await asking.published(self._settings.keys_url or "")
        return published_keys(answer.object()), answer.max_age
