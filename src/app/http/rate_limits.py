"""Limits on attempts that hold across workers: counted in the database, one upsert each."""

import hashlib
import ipaddress

from litestar.types import Scope

from app.database.queries import Executor, load
from app.http.requests import Request
from app.problems import constraints
from app.problems.catalog import later
from app.settings import Network

constraints.declare(
    {
        "rate_limits_pkey": ("conflict", "bucket", "is taken"),
        "rate_limits_bucket_length": constraints.has_length("bucket", "1 to 200"),
    }
)


queries = load("rate_limits")


async def hit(request: Request, name: str, subject: str, maximum: int, seconds: int) -> None:
    """Count one attempt of `subject` at `name`; at most `maximum` per window of `seconds`.

    Raises Problem 429 with Retry-After. Does nothing when RATE_LIMITS is off.
    """
    if not request.settings.rate_limits:
        return
    # A hash: e-mail addresses do not belong in a table that is not treated as personal data.
    bucket = f"{name}:{hashlib.sha256(subject.lower().encode()).hexdigest()[:32]}"
    retry_after = await _hit(request.database, bucket, maximum, seconds)
    if retry_after:
        raise later("rate_limited", retry_after)


async def _hit(database: Executor, bucket: str, maximum: int, seconds: int) -> int:
    """Count; 0 when allowed, else the seconds to wait."""
    row = await queries.hit(database, bucket=bucket, maximum=maximum, seconds=seconds)
    return 0 if row["allowed"] else int(row["retry_after"])


def address(request: Request) -> str:
    """The caller's address: the peer's, or behind a trusted proxy the last one in X-Forwarded-For that is no proxy."""
    peer = (request.scope.get("client") or ("", 0))[0]
    trusted = request.settings.trusted_proxies
    if not trusted or not _within(peer, trusted):
        return peer
    for hop in reversed(_forwarded_for(request.scope)):
        if not _within(hop, trusted):
            return hop if _parsed(hop) else peer
    return peer


def limited_address(request: Request) -> str:
    """What counts as one address: an IPv6 caller owns a whole /64."""
    text = address(request)
    parsed = _parsed(text)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed or text)


def _forwarded_for(scope: Scope) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for hop in ",".join(values).split(",") if hop.strip()]


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    # On a server that listens on IPv6, an IPv4 caller looks like ::ffff:192.0.2.7.
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _within(text: str, networks: tuple[Network, ...]) -> bool:
    parsed = _parsed(text)
    return parsed is not None and any(parsed in network for network in networks)
