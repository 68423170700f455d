"""Secrets that must be read again, sealed with SECRET_KEY: a verifier of a sign-in that is under way, and the like.

What need not be read again is hashed instead (tokens.py, passwords.py).
"""

import base64
from functools import cached_property
from typing import TYPE_CHECKING

from app.settings import Settings

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_INFO = b"holdfast: sealing of rows, 1"
"""Binds the derived keys to this use (RFC 5869, 3.2). Another text, and nothing opens that was sealed before."""

_DEVELOPMENT = "everybody knows this key, which is for development"


class SealError(Exception):
    """What was to be opened is damaged, or was sealed with a key that SECRET_KEY no longer has."""


class Keys:
    """Seals with the first key of SECRET_KEY, and opens with each of them: so the keys are rotated.

    Without SECRET_KEY, development uses a key that stands in this file and is no secret: all workers must have the same one,
    and what is under way should outlast a restart. Production has no such key, and nothing is sealed there.
    """

    def __init__(self, settings: Settings) -> None:
        self._keys = settings.secret_keys or (() if settings.production else (_DEVELOPMENT,))

    def seal(self, secret: bytes) -> bytes:
        """Encrypt and sign: AES-128-CBC with HMAC-SHA256, as Fernet does. Raises SealError when there is no key."""
        return self._fernet.encrypt(secret)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises SealError."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see _fernet

        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SealError("was not sealed with a key of SECRET_KEY, or is damaged") from None

    @cached_property
    def _fernet(self) -> "MultiFernet":
        # The library takes a while to load, which a server without providers need not wait for.
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415

        if not self._keys:
            raise SealError("SECRET_KEY must be set to seal anything in production")
        return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key))) for key in self._keys])


def _derived(key: str) -> bytes:
    """32 bytes of a key of SECRET_KEY, by HKDF-SHA256 (RFC 5869). A key of that variable is random: it is no password (4)."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - see _fernet
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(key.encode())
