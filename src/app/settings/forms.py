"""What the text of a variable may be, and what it becomes. Each raises ValueError with the rule, never with the text."""

import ipaddress
import re
from collections.abc import Callable
from email.utils import getaddresses
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from app.settings.settings import EnvironmentName, Mail, Network


def database_url(text: str) -> str:
    """Bring a PostgreSQL URL into the one form that asyncpg and dbmate both take: postgresql://...

    Raises ValueError with a text that repeats nothing of the URL.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("is not a URL") from None
    schemes = {"postgres", "postgresql", "postgresql+asyncpg"}
    if parts.scheme not in schemes or text[len(parts.scheme) :][:3] != "://":
        raise ValueError("must start with postgresql://, postgres:// or postgresql+asyncpg://")
    if not parts.path.strip("/"):
        raise ValueError("must name a database after the host: postgresql://user:password@host:5432/database")
    return "postgresql" + text[len(parts.scheme) :]


def replica_url(text: str) -> str:
    """As `database_url`, of one server. Raises ValueError."""
    url = database_url(text)
    if len(_hosts(url)) > 1:
        raise ValueError("must name one server: what one standby has replayed says nothing of another")
    return url


def demands_tls(url: str) -> bool:
    """Whether a database URL takes no connection without TLS to a host that is not this machine."""
    mode = dict(parse_qsl(urlsplit(url).query)).get("sslmode")
    return mode in {"require", "verify-ca", "verify-full"} or all(_is_local(host) for host in _hosts(url))


def _hosts(url: str) -> list[str]:
    """The servers that a database URL names, without their ports."""
    parts = urlsplit(url)
    named = parts.netloc.rpartition("@")[2] or dict(parse_qsl(parts.query)).get("host", "")
    return [re.sub(r":\d*$", "", unquote(each)).strip("[]") for each in named.split(",")]


def _is_local(host: str) -> bool:
    """Whether a host is this machine: a socket, by its folder or by none, or a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"} or host.startswith("/")


def store_url(text: str) -> str:
    """Check the URL of an object store: s3://, gs://, az:// or file:///. Raises ValueError."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return text
    if parts.scheme not in {"s3", "gs", "az"} or not parts.netloc:
        raise ValueError("must be s3://bucket, gs://bucket, az://container or file:///folder, with or without a path")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must have neither credentials nor parameters; those are given by variables such as AWS_ACCESS_KEY_ID")
    return text


def environment_name(text: str) -> EnvironmentName:
    if text == "development":
        return "development"
    if text == "production":
        return "production"
    raise ValueError("must be development or production")


def whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) or float(text) <= 0:
        raise ValueError("must be a number of seconds above 0")
    return float(text)


def short(text: str) -> str:
    if len(text) > 100:
        raise ValueError("must have at most 100 characters")
    return text


def token(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,1000}", text):
        raise ValueError("must be letters, digits and signs of ASCII, without blanks: it is sent as a header")
    return text


def boolean(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError("must be on or off (or true, false, yes, no, 1, 0)")
    return words[text.lower()]


def origins(text: str) -> tuple[str, ...]:
    found = tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    for origin in found:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s]+", origin):
            raise ValueError("must be a list of origins such as https://app.example, separated by commas, or *")
    return found


def networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be a list of addresses or networks such as 10.0.0.0/8, separated by commas") from None


def web_url(text: str, *, is_production: bool) -> str:
    """Check an address of the web: https, or http on this machine; in production https alone. Raises ValueError."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    is_local = parts.scheme == "http" and _is_local(host) and not is_production
    if not host or not (parts.scheme == "https" or is_local) or not re.fullmatch(r"[!-~]{1,2000}", text) or "\\" in text:
        raise ValueError("must be an https:// address" + ("" if is_production else ", or an http:// one of this machine"))
    if "@" in parts.netloc or "#" in text:
        raise ValueError("must have neither a user name nor a fragment")
    return text


def origin(text: str, *, is_production: bool) -> str:
    """Check an origin, without a path: https://api.example.com. Raises ValueError."""
    url = web_url(text, is_production=is_production).rstrip("/")
    if urlsplit(url).path or "?" in url:
        raise ValueError("must be scheme and host alone, such as https://api.example.com")
    return url


def redirects(text: str, *, is_production: bool) -> tuple[str, ...]:
    """Check a list of addresses where a sign-in may end. Raises ValueError.

    Those of native apps are http addresses of this machine, where any port will do, or have a scheme that is a domain of their
    maker turned round (RFC 8252, 7).
    """
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    for each in found:
        if re.fullmatch(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/[!\"$-~]{0,1900}", each):
            continue
        is_native = re.fullmatch(r"http://(127\.0\.0\.1|\[::1\])([:/].*)?", each) is not None
        web_url(each, is_production=is_production and not is_native)
    return found


def secret_keys(text: str) -> tuple[str, ...]:
    """Check a list of keys, the newest first. Raises ValueError."""
    keys = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"[!-~]{32,1000}", key) for key in keys):
        raise ValueError("must be keys of at least 32 characters without blanks, separated by commas, the newest first")
    return keys


def mail_server(text: str) -> Mail:
    """Read smtp://user:password@host:port, smtps:// for TLS from the first byte. Raises ValueError.

    smtp:// asks for STARTTLS, and sends nothing without it, but to this machine or with ?tls=none.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in {"smtp", "smtps"} or not host or parts.path.strip("/") or parts.query not in {"", "tls=none"}:
        raise ValueError("must be smtp://user:password@host:587, or smtps:// for TLS from the first byte")
    if parts.scheme == "smtps":
        return _mail(parts, host, port or 465, "implicit")
    return _mail(parts, host, port or 587, "none" if parts.query or _is_local(host) else "starttls")


def _mail(parts: SplitResult, host: str, port: int, tls: Literal["implicit", "starttls", "none"]) -> Mail:
    username = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return Mail(host=host, port=port, tls=tls, username=username, password=password)


def mail_address(text: str) -> str:
    """Check a sender: ada@example.com, or Ada <ada@example.com>. Raises ValueError."""
    addresses = getaddresses([text])
    if len(addresses) != 1 or not re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", addresses[0][1]) or not text.isprintable():
        raise ValueError("must be an e-mail address, with or without a name: Holdfast <holdfast@example.com>")
    return text
