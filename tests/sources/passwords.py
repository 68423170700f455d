"""Old hashes for accounts: few, made once and cheaply, with the salt always the same."""

import hashlib
import unicodedata
from functools import cache

import bcrypt

PASSWORDS = ("correct horse battery", "пароль для входа", "p" * 80, "cafe\N{COMBINING ACUTE ACCENT} au lait")
"""One is longer than the 72 bytes that bcrypt looks at, one changes when it is normalised."""

_SALT = b"abcdefghijklmnopqrstuu"


@cache
def bcrypt_hash(password: str, prefix: str = "2b") -> str:
    """A bcrypt hash, the password cut at 72 bytes as the older versions of the library did. Prefix: 2a, 2b, 2y."""
    made = bcrypt.hashpw(password.encode()[:72], b"$2b$04$" + _SALT).decode()
    return f"${prefix}${made.removeprefix('$2b$')}"


@cache
def better_auth_hash(password: str) -> str:
    """A hash as Better Auth makes it: the salt is the text of its hex digits."""
    salt = hashlib.sha256(password.encode()).hexdigest()[:32]
    normal = unicodedata.normalize("NFKC", password).encode()
    key = hashlib.scrypt(normal, salt=salt.encode(), n=16384, r=16, p=1, dklen=64, maxmem=1 << 26)
    return f"{salt}:{key.hex()}"
