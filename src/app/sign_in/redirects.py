"""Where a sign-in may end: at the addresses of SIGN_IN_REDIRECTS, compared to the letter (RFC 9700, 4.1.3)."""

import re
from urllib.parse import quote

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))((?:/.*)?)", re.DOTALL)
_WITH_PORT = re.compile(r":([1-9][0-9]{0,4})")


def is_allowed(redirect: str, allowed: tuple[str, ...]) -> bool:
    """Whether a sign-in may end there. A native app listens on this machine, on whatever port it gets (RFC 8252, 7.3)."""
    return any(redirect == each or _is_on_another_port(redirect, each) for each in allowed)


def _is_on_another_port(redirect: str, allowed: str) -> bool:
    parts = _LOOPBACK.fullmatch(allowed)
    if parts is None or not redirect.startswith(parts[1]) or not redirect.endswith(parts[2]):
        return False
    between = _WITH_PORT.fullmatch(redirect[len(parts[1]) : len(redirect) - len(parts[2])])
    return between is not None and int(between[1]) < 65536


def with_parameter(redirect: str, name: str, value: str) -> str:
    """An address with one parameter more. It has no fragment: the settings take none."""
    return f"{redirect}{'&' if '?' in redirect else '?'}{name}={quote(value, safe='')}"
