"""What the environment decides: one frozen struct."""

import ipaddress
from pathlib import Path
from typing import Literal

import msgspec

EnvironmentName = Literal["development", "production"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MIB, GIB = 2**20, 2**30


class SettingsError(Exception):
    """A variable that cannot be used. The text names the variable and the rule, never the value: it may be a secret."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else who signs users in, and vouches for who they are."""

    name: str
    kind: Literal["oidc", "github", "firebase"]
    """github: OAuth 2 without ID tokens. firebase: ID tokens that apps send, without a flow in the browser."""
    issuer: str
    """Of ID tokens, to the letter; discovery begins here. github: where its pages are."""
    client_id: str
    """What ID tokens must be for. firebase: the project."""
    client_secret: str | None = None
    """None: a public client, which PKCE alone protects."""
    scopes: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    """Other client ids whose ID tokens POST /v1/auth/id-token takes: those of one's native apps."""
    keys_url: str | None = None
    """firebase: where its certificates are."""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """The server that takes outgoing mail."""

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    username: str | None = None
    password: str | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment decides; the defaults are those of a first `holdfast serve` on a laptop."""

    environment: EnvironmentName = "development"
    database_url: str | None = None
    """None: the embedded server."""
    replica_url: str | None = None
    """A standby, for reads. None: there is none."""
    listen_url: str | None = None
    """A direct connection, where database_url leads to a pooler: for the listener and for commands. None: database_url."""
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
    session_max_days: int = 365
    """After so long a session ends, however much it is used."""
    new_device_mail: bool = False
    """Whether users are told by mail of a sign-in from a device that they have not used before."""
    providers: tuple[Provider, ...] = ()
    sign_in_redirects: tuple[str, ...] = ()
    """Where a sign-in in the browser may end, to the letter; of http://127.0.0.1 and http://[::1] without a port any port."""
    public_url: str | None = None
    """What callbacks and the links in mails begin with: scheme and host, perhaps a port. None: no such flow."""
    secret_keys: tuple[str, ...] = ()
    """What seals secrets that must be read again. The first one seals, all open."""
    smtp: Mail | None = None
    mail_from: str | None = None
    mail_templates: Path | None = None
    """A folder with a folder of templates for each further language."""
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
