"""Who a provider says that somebody is, brought into the forms that an account takes."""

import hashlib
import re
from typing import Any
from unicodedata import category

import msgspec

from app.settings.forms import web_url


class ProvidedIdentity(msgspec.Struct, frozen=True):
    """Who somebody is, as a provider says."""

    provider: str
    subject: str
    """1 to 255 characters: the provider gives it to nobody else, and never again."""
    email: str | None
    """Of a form that an account takes."""
    is_email_verified: bool
    """Whether the provider says that it is theirs; False without an address."""
    name: str | None
    avatar_url: str | None


class ProviderRefused(Exception):
    """The provider says no, or what it sent does not prove who somebody is.

    The text is a word of ours, for the log: nothing that a provider or a caller sent.
    """


def signed_part_hash(id_token: str) -> bytes:
    """The SHA-256 by which an ID token is known to be used, of what its signature is about.

    Of the whole it would not do: some signatures have a second form (ECDSA: r and n - s), with which the token could be sent
    again.
    """
    return hashlib.sha256(id_token.rpartition(".")[0].encode()).digest()


_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Letters and marks that no one sees; what is not printable is unseen anyway."""

_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""What turns the words after it round."""


def subject_of(value: Any) -> str:
    """A subject as it is kept. Raises ProviderRefused."""
    if isinstance(value, str) and 1 <= len(value) <= 255 and value.isprintable():
        return value
    raise ProviderRefused("subject")


def email_of(value: Any) -> str | None:
    """An address that an account takes, else None: accounts/inputs.py says which, and a test that this is as strict."""
    if not isinstance(value, str) or not 3 <= len(value) <= 320 or not value.isprintable():
        return None
    return value if re.fullmatch(r"[^@\s]+@[^@\s]+", value) and not _UNSEEN.search(value) else None


def is_true(value: Any) -> bool:
    """Whether a claim such as email_verified says yes: some providers send it as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def name_of(value: Any) -> str | None:
    """A name, without what is no letter of one and what is beyond 100 characters; None where nothing is left."""
    if not isinstance(value, str):
        return None
    seen = "".join(each for each in value[:1000] if category(each) not in {"Cc", "Cs", "Cn", "Co"})
    return " ".join(_BIDIRECTIONAL.sub("", seen).split())[:100].strip() or None


def picture_of(value: Any) -> str | None:
    """The address of a picture; None unless it begins with https and has at most 500 characters."""
    if not isinstance(value, str) or len(value) > 500:
        return None
    try:
        return web_url(value, is_production=True)
    except ValueError:
        return None


def identity(provider: str, *, subject: Any, email: Any, verified: Any, name: Any, picture: Any) -> ProvidedIdentity:
    """Bring what a provider says into form. Raises ProviderRefused for a subject that cannot be kept."""
    address = email_of(email)
    return ProvidedIdentity(
        provider=provider,
        subject=subject_of(subject),
        email=address,
        is_email_verified=address is not None and is_true(verified),
        name=name_of(name),
        avatar_url=picture_of(picture),
    )
