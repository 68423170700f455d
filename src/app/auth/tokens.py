"""Bearer tokens: made, hashed, and read off a request."""

import hashlib
import re
import secrets

from litestar.types import Scope

_BEARER = re.compile(rb"(?i:bearer) +(hf_[A-Za-z0-9_-]{43})")


def new_token() -> tuple[str, bytes]:
    """A token of 256 random bits, and the hash that the database keeps of it."""
    token = "hf_" + secrets.token_urlsafe(32)
    return token, hash_token(token.encode())


def hash_token(token: bytes) -> bytes:
    """SHA-256: enough for 256 random bits, which cannot be guessed one by one."""
    return hashlib.sha256(token).digest()


def token_of(scope: Scope) -> bytes | None:
    """The bearer token of a request. None: there is no Authorization header. b"": there is one, of another make."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            found = _BEARER.fullmatch(value.strip())
            return found[1] if found else b""
    return None
