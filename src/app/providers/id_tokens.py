"""ID tokens: who signed one, and whether it is for us, for this sign-in, and of now (OpenID Connect Core, 3.1.3.7)."""

import re
import time
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import ClaimError, JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from app.providers.asking import Asking
from app.providers.identity import ProvidedIdentity, ProviderRefused, identity
from app.providers.kept import Kept
from app.providers.keys import Keys

SKEW = 60
"""Seconds by which the clocks of this machine and of a provider may differ."""

OLDEST = 600
"""Seconds after which an ID token that an app sends is too old."""

LONGEST = 16_384


class _Header(msgspec.Struct):
    """What is looked at before there is a key. Keys that a header brings along (jwk, jku, x5u, x5c) nobody looks at."""

    alg: str
    kid: str | None = None
    typ: str | None = None
    crit: Any = msgspec.UNSET
    b64: Any = msgspec.UNSET


class _OneAlgorithm(JWSRegistry):
    """The algorithm that was found for the key, and no other."""

    max_header_length = 4096

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithms=[algorithm], strict_check_header=False)
        self._algorithm = algorithm

    def get_alg(self, name: str) -> Any:
        # The library's own warns of EdDSA, which got a new name and no fault.
        return self.algorithms[name] if name == self._algorithm else super().get_alg(name)


async def signed_claims(
    asking: Asking, token: str, keys: Kept[Keys], algorithms: AbstractSet[str] | None = None
) -> dict[str, Any]:
    """The claims of an ID token, once a key of the provider has verified its signature.

    Keys are asked for again where there is none of its id. `algorithms` are those that it may have; None: all of the keys.
    Raises ProviderRefused, and what asking raises.
    """
    header = _header(token)
    if algorithms is not None and header.alg not in algorithms:
        raise ProviderRefused("algorithm")
    known = await keys.get(asking)
    found = known.find(header.kid, header.alg)
    if found is None:
        newer = await keys.newer(asking, known)
        found = newer.find(header.kid, header.alg) if newer else None
    if found is None:
        raise ProviderRefused("key")
    return _verified(token, found, header.alg)


def _header(token: str) -> _Header:
    encoded, _, rest = token.partition(".")
    if len(token) > LONGEST or rest.count(".") != 1 or not re.fullmatch(r"[A-Za-z0-9_.-]+", token):
        raise ProviderRefused("form")
    try:
        header = msgspec.json.decode(urlsafe_b64decode(encoded.encode()), type=_Header)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise ProviderRefused("form") from None
    # Of the other kinds of tokens that a provider may sign with the same key, such as those of a sign-out, some say so.
    is_other = (header.typ or "").lower().endswith("+jwt")
    if is_other or header.crit is not msgspec.UNSET or header.b64 is not msgspec.UNSET:
        raise ProviderRefused("form")
    return header


def _verified(token: str, key: Key, algorithm: str) -> dict[str, Any]:
    # On the event loop: RS256 takes 0.1 ms, and the way to a thread and back as long.
    try:
        return jwt.decode(token, key, registry=_OneAlgorithm(algorithm)).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        raise ProviderRefused("signature") from None


def check(
    claims: dict[str, Any], *, issuer: str, audiences: AbstractSet[str], nonce: str | None, oldest: int | None = None
) -> None:
    """Check what verified claims say, `sub` left out. Raises ProviderRefused.

    `nonce`: the claim must be the same; None: it is not looked at. `oldest`: of how many seconds ago it may be.
    """
    now = int(time.time())
    rules = jwt.JWTClaimsRegistry(
        now, SKEW, iss={"essential": True, "value": issuer}, exp={"essential": True}, iat={"essential": True}
    )
    try:
        rules.validate(claims)
    except ClaimError as error:
        raise ProviderRefused(error.claim if error.claim in {"iss", "exp", "iat", "nbf", "aud", "sub"} else "claims") from None
    if oldest is not None and claims["iat"] < now - oldest:
        raise ProviderRefused("iat")
    _check_audience(claims, audiences)
    if nonce is not None and claims.get("nonce") != nonce:
        raise ProviderRefused("nonce")


def _check_audience(claims: dict[str, Any], audiences: AbstractSet[str]) -> None:
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(each, str) for each in several) or audiences.isdisjoint(several):
        raise ProviderRefused("aud")
    # Of one for several apps only the one that it was made for may be ours.
    if len(several) > 1 and claims.get("azp") not in audiences:
        raise ProviderRefused("azp")


def identity_of(provider: str, claims: dict[str, Any]) -> ProvidedIdentity:
    """Who checked claims are about (OpenID Connect Core, 5.1). Raises ProviderRefused."""
    return identity(
        provider,
        subject=claims.get("sub"),
        email=claims.get("email"),
        verified=claims.get("email_verified"),
        name=claims.get("name"),
        picture=claims.get("picture"),
    )
