"""Which client sends a request, as far as the connection and trusted proxies tell."""

import ipaddress

import msgspec
from litestar.types import HTTPScope, Scope

from app.auth.repository import SessionUse
from app.http.requests import Request, header
from app.mail.languages import preferred
from app.settings import Network, Settings


class Client(msgspec.Struct, frozen=True):
    """The sender of a request."""

    address: str
    """The peer's, or that of the last hop in X-Forwarded-For that is no trusted proxy; "": a Unix socket has none."""
    network: str
    """What counts as one address for limits: an IPv6 client has a whole /64."""
    subnet: str
    """What counts as one place for limits on an account: a /24 of IPv4, a /64 of IPv6."""
    user_agent: str | None
    languages: str
    """Which ones it prefers, as a mail's row keeps them."""


def client_of(request: Request) -> Client:
    """Read the client off a request."""
    address = _address(request.scope, request.settings.trusted_proxies)
    languages = preferred(request.header(b"accept-language"))
    return Client(address, _network(address, 32), _network(address, 24), request.header(b"user-agent"), languages)


def session_use(scope: HTTPScope, settings: Settings) -> SessionUse:
    """Where the session of a request is used, and how long it may go on."""
    agent = header(scope, b"user-agent")
    return SessionUse(
        ip=_address(scope, settings.trusted_proxies) or None,
        user_agent=agent_kept(agent),
        session_days=settings.session_days,
        session_max_days=settings.session_max_days,
    )


def agent_kept(user_agent: str | None) -> str | None:
    """A user agent as a session's row keeps it."""
    return user_agent[:500].replace("\0", "") if user_agent else None


def _address(scope: Scope, trusted: tuple[Network, ...]) -> str:
    peer = (scope.get("client") or ("", 0))[0]
    if not trusted or not _within(peer, trusted):
        return peer
    for hop in reversed(_forwarded_for(scope)):
        if not _within(hop, trusted):
            return hop if _parsed(hop) else peer
    return peer


def _network(address: str, bits: int) -> str:
    """The network of an address: of so many bits for IPv4, of 64 for IPv6."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    return str(ipaddress.ip_network((parsed, 64 if parsed.version == 6 else bits), strict=False))


def _forwarded_for(scope: Scope) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for hop in ",".join(values).split(",") if hop.strip()]


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    # On a server that listens on IPv6, an IPv4 client looks like ::ffff:192.0.2.7.
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _within(text: str, networks: tuple[Network, ...]) -> bool:
    parsed = _parsed(text)
    return parsed is not None and any(parsed in network for network in networks)
