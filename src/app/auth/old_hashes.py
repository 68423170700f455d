"""Password hashes as other libraries write them: who was imported logs in with the old one, and has a new one from then on.

A hash comes out of a file that somebody brought, and its parameters say what it costs to check. They are bounded, or one row
would take the memory of a worker, or one of its two threads for minutes. Each ceiling leaves room for what the libraries chose
over the years: 64 MiB (Argon2's own default; Werkzeug's and Better Auth's scrypt take 32), and a second or two of one core
(Werkzeug's PBKDF2 has 1,000,000 rounds at most, bcrypt's usual costs are 10 to 12). The patterns bound lengths and digits.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from functools import partial
from unicodedata import normalize

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError, VerifyMismatchError

Check = Callable[[str], bool]
"""Whether a password is the one; raises what the library raises when the hash is none after all."""

MEMORY = 64 * 2**20
SCRYPT_WORK = 2**20
"""n * r * p: four times what Werkzeug and Better Auth take."""
PBKDF2_ROUNDS = 2_000_000
ARGON2_WORK = 2**20
"""KiB times passes: 64 MiB in 16 passes. Each pass starts four threads a lane: both have two digits at most."""

_ARGON2 = PasswordHasher()

# What Werkzeug took when a hash did not say how many, from 0.9 to 3.1. It always writes them, and reads a hash without them.
_WERKZEUGS_ROUNDS = (1_000_000, 600_000, 260_000, 150_000, 50_000, 1_000)


def is_known(password_hash: str) -> bool:
    """Whether somebody can log in with this hash. Otherwise its kind is unknown, or its parameters are beyond a ceiling."""
    return _check(password_hash) is not None


def matches(password_hash: str, password: str) -> bool | None:
    """Whether this is the password; takes up to seconds of a core. None: nothing can be told from such a hash."""
    check = _check(password_hash)
    if check is None:
        return None
    try:
        return check(password)
    except VerifyMismatchError:
        return False
    except (VerificationError, ValueError):
        return None


def _check(password_hash: str) -> Check | None:
    for pattern, read in _KINDS:
        if found := pattern.fullmatch(password_hash):
            return read(found)
    return None


def _argon2(found: re.Match[str]) -> Check | None:
    memory, passes = int(found["memory"]), int(found["passes"])
    if memory > MEMORY // 1024 or memory * passes > ARGON2_WORK:
        return None
    return partial(_ARGON2.verify, found.string)


def _werkzeugs_scrypt(found: re.Match[str]) -> Check | None:
    n, r, p = map(int, (found["costs"] or "32768:8:1").split(":"))
    if n < 2 or n & (n - 1) or not r * p or 128 * n * r > MEMORY or n * r * p > SCRYPT_WORK:
        return None
    return lambda password: hmac.compare_digest(_scrypt(password, found["salt"], n, r, p), found["key"])


def _werkzeugs_pbkdf2(found: re.Match[str]) -> Check | None:
    digest = found["digest"] or "sha256"
    tried = (int(found["rounds"]),) if found["rounds"] else _WERKZEUGS_ROUNDS
    if len(found["key"]) != 2 * hashlib.new(digest).digest_size or not all(1 <= rounds <= PBKDF2_ROUNDS for rounds in tried):
        return None

    def key(password: str, rounds: int) -> str:
        return hashlib.pbkdf2_hmac(digest, password.encode(), found["salt"].encode(), rounds).hex()

    return lambda password: any(hmac.compare_digest(key(password, rounds), found["key"]) for rounds in tried)


def _better_auths(found: re.Match[str]) -> Check:
    def check(password: str) -> bool:
        return hmac.compare_digest(_scrypt(normalize("NFKC", password), found["salt"], 16384, 16, 1), found["key"])

    return check


def _bcrypt(found: re.Match[str]) -> Check:
    # Everything else has always cut at 72 bytes by itself; this package leaves it to its caller, and raises.
    return lambda password: bcrypt.checkpw(password.encode()[:72], found.string.encode())


def _scrypt(password: str, salt: str, n: int, r: int, p: int) -> str:
    # The salt is a text to both libraries, where it looks like hexadecimal too. OpenSSL counts some more than 128 * n * r.
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=2 * MEMORY).hex()


_KINDS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Check | None]], ...] = (
    (
        re.compile(
            r"\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?m=(?P<memory>[0-9]{1,7}),t=(?P<passes>[0-9]{1,2}),p=[0-9]{1,2}"
            r"(?:\$[A-Za-z0-9+/]{4,1000}){2}"
        ),
        _argon2,
    ),
    (
        re.compile(
            r"scrypt(?::(?P<costs>[0-9]{1,7}:[0-9]{1,2}:[0-9]{1,2}))?\$(?P<salt>[A-Za-z0-9]{1,1000})\$(?P<key>[0-9a-f]{128})"
        ),
        _werkzeugs_scrypt,
    ),
    (
        re.compile(
            r"pbkdf2(?::(?P<digest>sha1|sha224|sha256|sha384|sha512)(?::(?P<rounds>[0-9]{1,7}))?)?"
            r"\$(?P<salt>[A-Za-z0-9]{1,1000})\$(?P<key>[0-9a-f]{40,128})"
        ),
        _werkzeugs_pbkdf2,
    ),
    # A cost of 15 takes two seconds. Of the salt's last letter two bits count.
    (re.compile(r"\$2[aby]\$(?:0[4-9]|1[0-5])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"), _bcrypt),
    (re.compile(r"(?P<salt>[0-9a-f]{32}):(?P<key>[0-9a-f]{128})"), _better_auths),
)
