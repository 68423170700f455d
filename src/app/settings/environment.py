"""Environment -> Settings. Nothing else in the app reads the environment."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.settings.forms import (
    boolean,
    database_url,
    demands_tls,
    environment_name,
    mail_address,
    mail_server,
    networks,
    origin,
    origins,
    redirects,
    replica_url,
    seconds,
    secret_keys,
    short,
    store_url,
    token,
    whole,
)
from app.settings.providers import provider_names, read_provider
from app.settings.settings import GIB, MIB, EnvironmentName, Settings, SettingsError

T = TypeVar("T")

PLATFORMS = (
    *("VERCEL", "DYNO", "RAILWAY_ENVIRONMENT", "FLY_APP_NAME", "RENDER", "K_SERVICE"),
    *("KUBERNETES_SERVICE_HOST", "AWS_LAMBDA_FUNCTION_NAME"),
)
"""Variables by which a platform tells that a process runs there: what it writes on the disk does not last."""


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    An empty variable counts as absent, as shells and container files cannot unset one.
    Raises SettingsError naming the variable, for a value that cannot be used and for production without DATABASE_URL.
    """

    def text_of(name: str) -> str:
        return environment.get(name, "").strip()

    def read(name: str, parse: Callable[[str], T], default: T) -> T:
        text = text_of(name)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from None

    platform = next((name for name in PLATFORMS if environment.get(name, "").strip()), None)
    default: EnvironmentName = "development" if platform is None else "production"
    named = read("APP_ENV", environment_name, default)
    is_production = named == "production"
    names: tuple[str, ...] = read("OIDC_PROVIDERS", provider_names, ())
    settings = Settings(
        environment=named,
        database_url=read("DATABASE_URL", database_url, None),
        replica_url=read("DATABASE_REPLICA_URL", replica_url, None),
        listen_url=read("DATABASE_LISTEN_URL", database_url, None),
        require_tls=read("DB_REQUIRE_TLS", boolean, default=True),
        pool_size=read("DB_POOL_SIZE", whole(1, 1000), 5),
        max_overflow=read("DB_MAX_OVERFLOW", whole(0, 1000), 10),
        pool_timeout=read("DB_POOL_TIMEOUT", seconds, 30.0),
        pool_recycle=read("DB_POOL_RECYCLE", seconds, 3600.0),
        connect_timeout=read("DB_CONNECT_TIMEOUT", seconds, 30.0),
        query_timeout=read("DB_QUERY_TIMEOUT", seconds, 15.0),
        start_retries=read("DB_START_RETRIES", whole(0, 100), 4),
        retries=read("DB_RETRIES", whole(0, 10), 3),
        echo_sql=read("DB_ECHO_SQL", boolean, default=False),
        expose_docs=read("EXPOSE_DOCS", boolean, default=True),
        expose_metrics=read("EXPOSE_METRICS", boolean, default=True),
        metrics_token=read("METRICS_TOKEN", token, None),
        host=read("HOST", str, "127.0.0.1"),
        port=read("PORT", whole(1, 65535), 8000),
        workers=read("WORKERS", whole(1, 128), 1),
        max_connections=read("MAX_CONNECTIONS", whole(1, 1_000_000), 10_000),
        body_timeout=read("BODY_TIMEOUT", seconds, 20.0),
        write_timeout=read("WRITE_TIMEOUT", seconds, 20.0),
        data=read("HOLDFAST_DATA", Path, Path("var")).absolute(),
        session_days=read("SESSION_DAYS", whole(1, 3650), 30),
        session_max_days=read("SESSION_MAX_DAYS", whole(1, 36500), 365),
        new_device_mail=read("NEW_DEVICE_MAIL", boolean, default=False),
        providers=tuple(read_provider(name, text_of, is_production=is_production) for name in names),
        sign_in_redirects=read("SIGN_IN_REDIRECTS", partial(redirects, is_production=is_production), ()),
        public_url=read("PUBLIC_URL", partial(origin, is_production=is_production), None),
        secret_keys=read("SECRET_KEY", secret_keys, ()),
        smtp=read("SMTP_URL", mail_server, None),
        mail_from=read("MAIL_FROM", mail_address, None),
        mail_templates=read("MAIL_TEMPLATES", Path, None),
        cors_origins=read("CORS_ORIGINS", origins, ()),
        trusted_proxies=read("TRUSTED_PROXIES", networks, ()),
        rate_limits=read("RATE_LIMITS", boolean, default=True),
        user_requests_per_minute=read("USER_REQUESTS_PER_MINUTE", whole(1, 1_000_000), 1200),
        guest_requests_per_minute=read("GUEST_REQUESTS_PER_MINUTE", whole(1, 1_000_000), 120),
        user_max_bytes=read("USER_MAX_BYTES", whole(1, 2**60), GIB),
        guest_max_bytes=read("GUEST_MAX_BYTES", whole(1, 2**60), 10 * MIB),
        terms_version=read("TERMS_VERSION", short, "1"),
        credits_guest=read("CREDITS_GUEST", whole(1, 1_000_000), 10),
        credits_registered=read("CREDITS_REGISTERED", whole(1, 1_000_000), 50),
        credits_reset_hours=read("CREDITS_RESET_HOURS", whole(1, 100_000), 24),
        query_cache_ttl_seconds=read("QUERY_CACHE_TTL_SECONDS", whole(1, 31_536_000), 3600),
        media_url=read("MEDIA_URL", store_url, None),
        # S3 takes 10,000 parts of storage.PART_BYTES.
        media_max_bytes=read("MEDIA_MAX_BYTES", whole(1, 40 * GIB), GIB),
        media_quota_bytes=read("MEDIA_QUOTA_BYTES", whole(1, 2**60), 10 * GIB),
        backup_url=read("BACKUP_URL", store_url, None),
        backup_max_age_hours=read("BACKUP_MAX_AGE_HOURS", whole(1, 100_000), None),
        wal_archive_url=read("WAL_ARCHIVE_URL", store_url, None),
    )
    _check_together(settings, platform)
    return settings


def _check_sign_in(settings: Settings) -> None:
    """Raise SettingsError for what signing in by a provider and mail cannot do without."""
    has_flow = any(provider.kind != "firebase" for provider in settings.providers)
    if settings.smtp is not None and settings.mail_from is None:
        raise SettingsError("MAIL_FROM: must be set when SMTP_URL is")
    if settings.production and settings.public_url is None and (has_flow or settings.smtp is not None):
        why = "OIDC_PROVIDERS" if has_flow else "SMTP_URL"
        raise SettingsError(f"PUBLIC_URL: must be set when {why} is: links and callbacks never come from a request's Host")
    if settings.production and has_flow and not settings.secret_keys:
        raise SettingsError("SECRET_KEY: must be set when OIDC_PROVIDERS is; make one with: openssl rand -base64 32")


def _check_together(settings: Settings, platform: str | None) -> None:
    """Raise SettingsError for what each variable may say, but not together with another."""
    if settings.production and settings.database_url is None:
        why = "APP_ENV is production" if platform is None else f"APP_ENV is production, as it is where {platform} is set"
        last = "" if platform is None else ", and what it writes to the disk of such a platform does not last"
        raise SettingsError(f"DATABASE_URL: must be set when {why}; the embedded PostgreSQL is for development only{last}")
    if settings.replica_url is not None and settings.database_url is None:
        raise SettingsError("DATABASE_REPLICA_URL: is a standby of the server of DATABASE_URL, which must be set, too")
    urls = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_REPLICA_URL": settings.replica_url,
        "DATABASE_LISTEN_URL": settings.listen_url,
    }
    for name, url in urls.items():
        if settings.production and settings.require_tls and url is not None and not demands_tls(url):
            raise SettingsError(
                f"{name}: must demand TLS of a database on another host when APP_ENV is production: add ?sslmode=verify-full"
                "&sslrootcert=FILE, or set DB_REQUIRE_TLS=off where nobody else is on the network between"
            )
    _check_sign_in(settings)
    if settings.database_url is not None and settings.wal_archive_url is not None:
        raise SettingsError(
            "WAL_ARCHIVE_URL: is for the PostgreSQL that comes along; that of DATABASE_URL archives its log by its own settings"
        )
