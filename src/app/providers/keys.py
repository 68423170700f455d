"""The public keys of a provider: which key, and which algorithm, an ID token may be signed with."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, RSAKey
from joserfc.jws import JWSRegistry

from app.providers.asking import Unusable

ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448"),
]
"""Asymmetric ones alone: neither `none`, nor HS256, for which the public key would be the secret."""

_KINDS = {"RSA", "EC", "OKP"}

_RSA_BITS = range(2048, 8193)


class Keys:
    """What a provider signs with, by their ids."""

    def __init__(self, keys: list[Key]) -> None:
        """Raise Unusable where there is none."""
        if not keys:
            raise Unusable("no keys")
        self._keys = [(key, _algorithms(key)) for key in keys]

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key of an id for an algorithm; without an id the only key."""
        if kid is None and len(self._keys) > 1:
            return None
        return next((key for key, its in self._keys if kid in {None, key.kid} and algorithm in its), None)


def _algorithms(key: Key) -> set[str]:
    """The algorithms of a key: the one that it says, or all that its kind can be used with."""
    return {algorithm.name for algorithm in JWSRegistry.filter_algorithms(key, ALGORITHMS)}


def published_keys(document: dict[str, Any]) -> Keys:
    """Read a JWK set, or certificates by the ids of their keys, as Firebase has them. Raises Unusable where no key can be used.

    A key that cannot be used is left out, as RFC 7517 says: another kind, too short, not for signatures, or no secret any more.
    """
    listed = document.get("keys")
    if isinstance(listed, list):
        found = [_from_jwk(each) for each in listed if isinstance(each, dict)]
    else:
        found = [_from_certificate(kid, pem) for kid, pem in document.items() if isinstance(pem, str)]
    return Keys([key for key in found if key is not None])


def _from_jwk(jwk: dict[str, Any]) -> Key | None:
    if jwk.get("kty") not in _KINDS or jwk.get("use", "sig") != "sig" or "d" in jwk:
        return None
    try:
        # Before it is made: the library warns of a short one, and a very long one takes its time.
        if jwk["kty"] == "RSA" and not _RSA_BITS.start <= len(jwk["n"]) * 6 <= _RSA_BITS.stop + 16:
            return None
        key = JWKRegistry.import_key(jwk)
    except (JoseError, ValueError, TypeError, LookupError, AttributeError):
        return None
    return key if _is_strong(key) else None


def _from_certificate(kid: str, pem: str) -> Key | None:
    try:
        key = load_pem_x509_certificate(pem.encode()).public_key()
    except ValueError:
        return None
    if not isinstance(key, RSAPublicKey) or key.key_size not in _RSA_BITS:
        return None
    return RSAKey.import_key(key, {"kid": kid, "use": "sig"})


def _is_strong(key: Key) -> bool:
    return not isinstance(key, RSAKey) or key.raw_value.key_size in _RSA_BITS
