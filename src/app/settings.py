"""Environment -> one frozen struct. Nothing else in the app reads the environment."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

T = TypeVar("T")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


MIB, GIB = 2**20, 2**30

PLATFORMS = (
    *("VERCEL", "DYNO", "RAILWAY_ENVIRONMENT", "FLY_APP_NAME", "RENDER", "K_SERVICE"),
    *("KUBERNETES_SERVICE_HOST", "AWS_LAMBDA_FUNCTION_NAME"),
)
"""Variables by which a platform tells that a process runs there: what it writes on the disk does not last."""


class SettingsError(Exception):
    """A variable that cannot be used. The text names the variable and the rule, never the value: it may be a secret."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment decides; the defaults are those of a first `holdfast serve` on a laptop."""

    environment: Literal["development", "production"] = "development"
    database_url: str | None = None
    """None: the embedded server."""
    listen_url: str | None = None
    """Where to listen for ended tokens: behind a transaction pooler a direct connection. None: database_url."""
    require_tls: bool = True
    """In production, of every database on another host."""
    pool_size: int = 5
    max_overflow: int = 10
    pool_timeout: float = 30.0
    pool_recycle: float = 3600.0
    connect_timeout: float = 30.0
    query_timeout: float = 15.0
    start_retries: int = 4
    """How often a database that is not there at start is tried again: after 1, 2, 4, ... seconds."""
    retries: int = 3
    """How often a transaction is run again after a deadlock or a serialization failure."""
    echo_sql: bool = False
    expose_docs: bool = True
    """The reference page, and the document that it shows."""
    expose_metrics: bool = True
    metrics_token: str | None = None
    """What /metrics asks for. None: nothing."""
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    max_connections: int = 10_000
    """Sockets per worker; fewer where the limit of open files is lower and cannot be raised."""
    body_timeout: float = 20.0
    """Seconds without a byte of a request's body."""
    write_timeout: float = 20.0
    """Seconds in which the reader of a large answer takes nothing."""
    data: Path = Path("var")
    session_days: int = 30
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    rate_limits: bool = True
    """False: no attempts and no requests are counted, and no one's rows are measured."""
    user_requests_per_minute: int = 1200
    """For each user and worker; guests have the next."""
    guest_requests_per_minute: int = 120
    user_max_bytes: int = GIB
    """Of a user's rows, as they are stored; files have a quota of their own. Guests: the next, for rows and for files."""
    guest_max_bytes: int = 10 * MIB
    terms_version: str = "1"
    """Which terms a consent is about; one of another version is stale."""
    credits_guest: int = 10
    credits_registered: int = 50
    credits_reset_hours: int = 24
    query_cache_ttl_seconds: int = 3600
    """How long an answer of the query cache holds whose writer does not say."""
    media_url: str | None = None
    """None: a folder below `data`. Credentials are never in it."""
    media_max_bytes: int = GIB
    media_quota_bytes: int = 10 * GIB
    wal_archive_url: str | None = None
    """Where the embedded server archives its write-ahead log: as media_url. None: nowhere."""

    backup_url: str | None = None
    """Where `holdfast backup` puts backups unless it is told: a folder, or a bucket as in media_url."""

    backup_max_age_hours: int | None = None
    """After so long without a new backup there is a warning; None: never."""

    @property
    def production(self) -> bool:
        return self.environment == "production"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    An empty variable counts as absent, as shells and container files cannot unset one.
    Raises SettingsError naming the variable, for a value that cannot be used and for production without DATABASE_URL.
    """

    def read(name: str, parse: Callable[[str], T], default: T) -> T:
        text = environment.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from None

    platform = next((name for name in PLATFORMS if environment.get(name, "").strip()), None)
    settings = Settings(
        environment=read("APP_ENV", _environment, "development" if platform is None else "production"),
        database_url=read("DATABASE_URL", database_url, None),
        listen_url=read("DATABASE_LISTEN_URL", database_url, None),
        require_tls=read("DB_REQUIRE_TLS", _boolean, default=True),
        pool_size=read("DB_POOL_SIZE", _whole(1, 1000), 5),
        max_overflow=read("DB_MAX_OVERFLOW", _whole(0, 1000), 10),
        pool_timeout=read("DB_POOL_TIMEOUT", _seconds, 30.0),
        pool_recycle=read("DB_POOL_RECYCLE", _seconds, 3600.0),
        connect_timeout=read("DB_CONNECT_TIMEOUT", _seconds, 30.0),
        query_timeout=read("DB_QUERY_TIMEOUT", _seconds, 15.0),
        start_retries=read("DB_START_RETRIES", _whole(0, 100), 4),
        retries=read("DB_RETRIES", _whole(0, 10), 3),
        echo_sql=read("DB_ECHO_SQL", _boolean, default=False),
        expose_docs=read("EXPOSE_DOCS", _boolean, default=True),
        expose_metrics=read("EXPOSE_METRICS", _boolean, default=True),
        metrics_token=read("METRICS_TOKEN", _token, None),
        host=read("HOST", str, "127.0.0.1"),
        port=read("PORT", _whole(1, 65535), 8000),
        workers=read("WORKERS", _whole(1, 128), 1),
        max_connections=read("MAX_CONNECTIONS", _whole(1, 1_000_000), 10_000),
        body_timeout=read("BODY_TIMEOUT", _seconds, 20.0),
        write_timeout=read("WRITE_TIMEOUT", _seconds, 20.0),
        data=read("HOLDFAST_DATA", Path, Path("var")).absolute(),
        session_days=read("SESSION_DAYS", _whole(1, 3650), 30),
        cors_origins=read("CORS_ORIGINS", _origins, ()),
        trusted_proxies=read("TRUSTED_PROXIES", _networks, ()),
        rate_limits=read("RATE_LIMITS", _boolean, default=True),
        user_requests_per_minute=read("USER_REQUESTS_PER_MINUTE", _whole(1, 1_000_000), 1200),
        guest_requests_per_minute=read("GUEST_REQUESTS_PER_MINUTE", _whole(1, 1_000_000), 120),
        user_max_bytes=read("USER_MAX_BYTES", _whole(1, 2**60), GIB),
        guest_max_bytes=read("GUEST_MAX_BYTES", _whole(1, 2**60), 10 * MIB),
        terms_version=read("TERMS_VERSION", _short, "1"),
        credits_guest=read("CREDITS_GUEST", _whole(1, 1_000_000), 10),
        credits_registered=read("CREDITS_REGISTERED", _whole(1, 1_000_000), 50),
        credits_reset_hours=read("CREDITS_RESET_HOURS", _whole(1, 100_000), 24),
        query_cache_ttl_seconds=read("QUERY_CACHE_TTL_SECONDS", _whole(1, 31_536_000), 3600),
        media_url=read("MEDIA_URL", store_url, None),
        # S3 takes 10,000 parts of storage.PART_BYTES.
        media_max_bytes=read("MEDIA_MAX_BYTES", _whole(1, 40 * GIB), GIB),
        media_quota_bytes=read("MEDIA_QUOTA_BYTES", _whole(1, 2**60), 10 * GIB),
        backup_url=read("BACKUP_URL", store_url, None),
        backup_max_age_hours=read("BACKUP_MAX_AGE_HOURS", _whole(1, 100_000), None),
        wal_archive_url=read("WAL_ARCHIVE_URL", store_url, None),
    )
    _check_together(settings, platform)
    return settings


def _check_together(settings: Settings, platform: str | None) -> None:
    """Raise SettingsError for what each variable may say, but not together with another."""
    if settings.production and settings.database_url is None:
        why = "APP_ENV is production" if platform is None else f"APP_ENV is production, as it is where {platform} is set"
        last = "" if platform is None else ", and what it writes to the disk of such a platform does not last"
        raise SettingsError(f"DATABASE_URL: must be set when {why}; the embedded PostgreSQL is for development only{last}")
    urls = {"DATABASE_URL": settings.database_url, "DATABASE_LISTEN_URL": settings.listen_url}
    for name, url in urls.items():
        if settings.production and settings.require_tls and url is not None and not demands_tls(url):
            raise SettingsError(
                f"{name}: must demand TLS of a database on another host when APP_ENV is production: add ?sslmode=verify-full"
                "&sslrootcert=FILE, or set DB_REQUIRE_TLS=off where nobody else is on the network between"
            )
    if settings.database_url is not None and settings.wal_archive_url is not None:
        raise SettingsError(
            "WAL_ARCHIVE_URL: is for the PostgreSQL that comes along; that of DATABASE_URL archives its log by its own settings"
        )


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


def demands_tls(url: str) -> bool:
    """Whether a database URL takes no connection without TLS to a host that is not this machine."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    named = parts.netloc.rpartition("@")[2] or options.get("host", "")
    hosts = [re.sub(r":\d*$", "", unquote(each)).strip("[]") for each in named.split(",")]
    return options.get("sslmode") in {"require", "verify-ca", "verify-full"} or all(_is_local(host) for host in hosts)


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


def _environment(text: str) -> Literal["development", "production"]:
    if text == "development":
        return "development"
    if text == "production":
        return "production"
    raise ValueError("must be development or production")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) or float(text) <= 0:
        raise ValueError("must be a number of seconds above 0")
    return float(text)


def _short(text: str) -> str:
    if len(text) > 100:
        raise ValueError("must have at most 100 characters")
    return text


def _token(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,1000}", text):
        raise ValueError("must be letters, digits and signs of ASCII, without blanks: it is sent as a header")
    return text


def _boolean(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError("must be on or off (or true, false, yes, no, 1, 0)")
    return words[text.lower()]


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s]+", origin):
            raise ValueError("must be a list of origins such as https://app.example, separated by commas, or *")
    return origins


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be a list of addresses or networks such as 10.0.0.0/8, separated by commas") from None
