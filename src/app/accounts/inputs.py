"""What an e-mail address, a password and a time zone must be, beyond what a schema can say."""

from functools import cache
from unicodedata import category, normalize
from zoneinfo import available_timezones

from msgspec import UNSET, UnsetType

from app.auth.passwords import is_common
from app.problems.problem import invalid

_UNSEEN = {"Cc", "Cf", "Co", "Zl", "Zp"}
"""Categories of characters that no one sees: control, zero-width and bidirectional ones among them."""


_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks that no one sees either."""


@cache
def timezones() -> frozenset[str]:
    """The names that a time zone can have."""
    # Some systems list their own zone under this name; PostgreSQL does not know it.
    return frozenset(available_timezones() - {"localtime"})


def check_timezone(timezone: str | UnsetType) -> None:
    """Raise Problem 422 unless this is the name of a time zone."""
    if timezone is not UNSET and timezone not in timezones():
        raise invalid("timezone", "unknown", "is not the name of a time zone, such as Europe/Berlin")


def check_email(email: str | UnsetType) -> None:
    """Raise Problem 422 for an address with characters that no one sees: two such addresses would look like one.

    Not a constraint of the table: an account that has such an address from before could not even log in.
    """
    if email is not UNSET and any(_is_unseen(character) for character in email):
        raise invalid("email", "form", "must not have invisible characters")


def _is_unseen(character: str) -> bool:
    if category(character) in _UNSEEN or character in _BLANK:
        return True
    # Variation selectors are marks without a category of their own.
    return "\u180b" <= character <= "\u180f" or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def check_new_password(field: str, password: str, *names: str | None) -> None:
    """Raise Problem 422 for a very common password, one of a single letter or of blanks, and for the account's own names."""
    known = {_folded(part) for name in names if name for part in (name, name.partition("@")[0])}
    if is_common(password) or len(set(_folded(password))) < 2 or _folded(password) in known:
        raise invalid(
            field, "too_common", "is too easy to guess: a very common password, one letter, or the account's own name"
        )


def _folded(text: str) -> str:
    """A password or a name without its letter case and its blanks."""
    return "".join(normalize("NFC", text).casefold().split())
