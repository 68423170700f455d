"""Settings: what the environment decides, and that a value that cannot be used is named and never shown."""

import ipaddress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.settings import PLATFORMS, Settings, SettingsError, from_environment

DEFAULTS = {
    "environment": "development",
    "database_url": None,
    "replica_url": None,
    "listen_url": None,
    "require_tls": True,
    "pool_size": 5,
    "max_overflow": 10,
    "pool_timeout": 30,
    "pool_recycle": 3600,
    "connect_timeout": 30,
    "query_timeout": 15,
    "start_retries": 4,
    "retries": 3,
    "echo_sql": False,
    "expose_docs": True,
    "expose_metrics": True,
    "metrics_token": None,
    "host": "127.0.0.1",
    "port": 8000,
    "workers": 1,
    "max_connections": 10_000,
    "body_timeout": 20,
    "write_timeout": 20,
    "session_days": 30,
    "session_max_days": 365,
    "new_device_mail": False,
    "providers": (),
    "sign_in_redirects": (),
    "public_url": None,
    "secret_keys": (),
    "smtp": None,
    "mail_from": None,
    "mail_templates": None,
    "cors_origins": (),
    "trusted_proxies": (),
    "rate_limits": True,
    "user_requests_per_minute": 1200,
    "guest_requests_per_minute": 120,
    "user_max_bytes": 1024**3,
    "guest_max_bytes": 10 * 1024**2,
    "terms_version": "1",
    "credits_guest": 10,
    "credits_registered": 50,
    "credits_reset_hours": 24,
    "query_cache_ttl_seconds": 3600,
    "media_url": None,
    "media_max_bytes": 1024**3,
    "media_quota_bytes": 10 * 1024**3,
    "backup_url": None,
    "backup_max_age_hours": None,
    "wal_archive_url": None,
}

GOOD: list[tuple[str, str, str, Any]] = [
    ("APP_ENV", "development", "environment", "development"),
    ("DATABASE_LISTEN_URL", "postgres://u@h/d", "listen_url", "postgresql://u@h/d"),
    ("DB_REQUIRE_TLS", "off", "require_tls", False),
    ("DB_POOL_SIZE", "1", "pool_size", 1),
    ("DB_POOL_SIZE", "1000", "pool_size", 1000),
    ("DB_MAX_OVERFLOW", "0", "max_overflow", 0),
    ("DB_MAX_OVERFLOW", "20", "max_overflow", 20),
    ("DB_POOL_TIMEOUT", "0.25", "pool_timeout", 0.25),
    ("DB_POOL_RECYCLE", "86400", "pool_recycle", 86400),
    ("DB_CONNECT_TIMEOUT", "5", "connect_timeout", 5),
    ("DB_QUERY_TIMEOUT", "0.001", "query_timeout", 0.001),
    ("DB_START_RETRIES", "0", "start_retries", 0),
    ("DB_START_RETRIES", "100", "start_retries", 100),
    ("DB_RETRIES", "0", "retries", 0),
    ("DB_RETRIES", "10", "retries", 10),
    *(("DB_ECHO_SQL", word, "echo_sql", True) for word in ("1", "true", "True", "YES", "on")),
    *(("DB_ECHO_SQL", word, "echo_sql", False) for word in ("0", "false", "No", "OFF")),
    ("EXPOSE_DOCS", "off", "expose_docs", False),
    ("EXPOSE_METRICS", "off", "expose_metrics", False),
    ("METRICS_TOKEN", "k2~Zx/+=.-_!{}", "metrics_token", "k2~Zx/+=.-_!{}"),
    ("HOST", "::", "host", "::"),
    ("PORT", "1", "port", 1),
    ("PORT", "65535", "port", 65535),
    ("WORKERS", "8", "workers", 8),
    ("MAX_CONNECTIONS", "1", "max_connections", 1),
    ("MAX_CONNECTIONS", "1000000", "max_connections", 1_000_000),
    ("BODY_TIMEOUT", "0.5", "body_timeout", 0.5),
    ("WRITE_TIMEOUT", "60", "write_timeout", 60),
    ("HOLDFAST_DATA", "/srv/holdfast", "data", Path("/srv/holdfast")),
    ("HOLDFAST_DATA", "/srv/with a blank/é", "data", Path("/srv/with a blank/é")),
    ("SESSION_DAYS", "1", "session_days", 1),
    ("SESSION_MAX_DAYS", "1", "session_max_days", 1),
    ("NEW_DEVICE_MAIL", "on", "new_device_mail", True),
    (
        "SIGN_IN_REDIRECTS",
        "https://app.example/cb, http://127.0.0.1/cb,http://[::1]/cb,http://localhost:3000/,com.example.app:/cb",
        "sign_in_redirects",
        ("https://app.example/cb", "http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost:3000/", "com.example.app:/cb"),
    ),
    ("PUBLIC_URL", "https://api.example/", "public_url", "https://api.example"),
    ("PUBLIC_URL", "http://localhost:8000", "public_url", "http://localhost:8000"),
    ("SECRET_KEY", f"{'a' * 32}, {'b' * 44}", "secret_keys", ("a" * 32, "b" * 44)),
    ("MAIL_FROM", "Holdfast <holdfast@example.com>", "mail_from", "Holdfast <holdfast@example.com>"),
    ("MAIL_TEMPLATES", "/srv/templates", "mail_templates", Path("/srv/templates")),
    ("CORS_ORIGINS", "https://app.example", "cors_origins", ("https://app.example",)),
    (
        "CORS_ORIGINS",
        " https://a.example/ ,http://localhost:3000,",
        "cors_origins",
        ("https://a.example", "http://localhost:3000"),
    ),
    ("CORS_ORIGINS", "*", "cors_origins", ("*",)),
    (
        "TRUSTED_PROXIES",
        "10.0.0.0/8, 192.0.2.7,2001:db8::/32",
        "trusted_proxies",
        tuple(ipaddress.ip_network(network) for network in ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")),
    ),
    ("RATE_LIMITS", "off", "rate_limits", False),
    ("USER_REQUESTS_PER_MINUTE", "1", "user_requests_per_minute", 1),
    ("GUEST_REQUESTS_PER_MINUTE", "1000000", "guest_requests_per_minute", 1_000_000),
    ("USER_MAX_BYTES", "1", "user_max_bytes", 1),
    ("GUEST_MAX_BYTES", "1125899906842624", "guest_max_bytes", 1024**5),
    ("TERMS_VERSION", "2026-11", "terms_version", "2026-11"),
    ("CREDITS_GUEST", "1", "credits_guest", 1),
    ("CREDITS_REGISTERED", "1000000", "credits_registered", 1_000_000),
    ("CREDITS_RESET_HOURS", "168", "credits_reset_hours", 168),
    ("QUERY_CACHE_TTL_SECONDS", "31536000", "query_cache_ttl_seconds", 31_536_000),
    *(
        ("MEDIA_URL", url, "media_url", url)
        for url in ("s3://bucket", "s3://bucket/a/path", "gs://bucket/", "az://container/path", "file:///srv/media")
    ),
    ("WAL_ARCHIVE_URL", "s3://bucket/log", "wal_archive_url", "s3://bucket/log"),
    ("MEDIA_MAX_BYTES", "1", "media_max_bytes", 1),
    ("MEDIA_MAX_BYTES", "42949672960", "media_max_bytes", 40 * 1024**3),
    ("MEDIA_QUOTA_BYTES", "1125899906842624", "media_quota_bytes", 1024**5),
]

SECONDS = ["0", "-1", "0.0", "7s", "1e3", "inf", "nan", "1,5", "0.0001", "9999999", "\u0667", "0x7"]
WHOLE = ["-7", "7.0", "7e1", "0x7", "+7", "\u0667\u0667", "7 7", "1_0", "99999999999999999999", "nine"]

BAD: dict[str, list[str]] = {
    "APP_ENV": ["prod", "Production", "staging", "test"],
    "DATABASE_URL": [
        "mysql://u:pw-of-mine@h.internal/d", "sqlite:///file.db", "u:pw-of-mine@h.internal/d", "h.internal", "postgresql:",
        "postgresql://", "postgresql://h.internal", "postgresql://h.internal/", "postgresql://u:pw-of-mine@h.internal:5432",
        "postgresql://[h.internal/d", "postgresql+psycopg://h.internal/d", "http://h.internal/d", "://h.internal/d",
        "postgresql://u:pw#of-mine@h.internal/d", "postgresql://u:pw?of-mine@h.internal/d",
    ],
    "DATABASE_REPLICA_URL": ["mysql://u:pw-of-mine@h.internal/d", "postgresql://u:pw-of-mine@h.internal"],
    "DATABASE_LISTEN_URL": ["mysql://u:pw-of-mine@h.internal/d", "postgresql://u:pw-of-mine@h.internal"],
    "DB_REQUIRE_TLS": ["2", "maybe", "verify-full"],
    "DB_POOL_SIZE": ["0", "1001", *WHOLE],
    "DB_MAX_OVERFLOW": ["1001", *WHOLE],
    "DB_POOL_TIMEOUT": SECONDS,
    "DB_POOL_RECYCLE": SECONDS,
    "DB_CONNECT_TIMEOUT": SECONDS,
    "DB_QUERY_TIMEOUT": SECONDS,
    "DB_START_RETRIES": ["101", *WHOLE],
    "DB_RETRIES": ["11", *WHOLE],
    "DB_ECHO_SQL": ["2", "maybe", "t", "truee", "-1"],
    "EXPOSE_DOCS": ["2", "maybe"],
    "EXPOSE_METRICS": ["2", "maybe"],
    "METRICS_TOKEN": ["a secret of-mine", "tokén-of-mine", "of-mine" * 200],
    "PORT": ["0", "65536", *WHOLE],
    "WORKERS": ["0", "129", *WHOLE],
    "MAX_CONNECTIONS": ["0", "1000001", *WHOLE],
    "BODY_TIMEOUT": SECONDS,
    "WRITE_TIMEOUT": SECONDS,
    "SESSION_DAYS": ["0", "3651", *WHOLE],
    "SESSION_MAX_DAYS": ["0", "36501", *WHOLE],
    "NEW_DEVICE_MAIL": ["2", "maybe"],
    "OIDC_PROVIDERS": ["Google", "go ogle", "legacy", "password", "google,google", "of-mine", "x" * 31],
    "SIGN_IN_REDIRECTS": [
        "app.example/cb", "http://app.example/of-mine", "https://u:of-mine@app.example/", "https://app.example/#of-mine",
        "https:app.example", "javascript:of-mine", "data:text/html,of-mine", "app:/of-mine", "https://app.example\\@of-mine",
        "http://127.0.0.1.of-mine.example/", "https://app.example/ of-mine", "https://[of-mine",
    ],
    "PUBLIC_URL": ["api.example", "http://api.example", "https://api.example/of-mine", "https://u@api.example", "ftp://of-mine"],
    "SECRET_KEY": ["of-mine", "a" * 31, f"{'a' * 32},of-mine", "of mine" * 6],
    "SMTP_URL": ["mail.of-mine", "http://of-mine", "smtp:of-mine", "smtp://h.internal/of-mine", "smtp://h.internal:of-mine"],
    "MAIL_FROM": ["of-mine", "a@b, c@of-mine", "a b@c of-mine", "A <>"],
    "CORS_ORIGINS": ["shop.example", "https://", "ftp://a.example", "https://a.example/path", "null", "https://a b.example"],
    "TRUSTED_PROXIES": ["localhost", "10.0.0.1/8", "10.0.0.0/33", "10.77.0", "999.1.1.1", "10.0.0.0/8;10.1.0.0/16", "::/129"],
    "RATE_LIMITS": ["2", "maybe", "none"],
    "USER_REQUESTS_PER_MINUTE": ["0", "1000001", *WHOLE],
    "GUEST_REQUESTS_PER_MINUTE": ["0", "1000001", *WHOLE],
    "USER_MAX_BYTES": ["0", "1152921504606846977", *WHOLE],
    "GUEST_MAX_BYTES": ["0", "1152921504606846977", *WHOLE],
    "TERMS_VERSION": ["x" * 101],
    "CREDITS_GUEST": ["0", "1000001", *WHOLE],
    "CREDITS_REGISTERED": ["0", "1000001", *WHOLE],
    "CREDITS_RESET_HOURS": ["0", "100001", *WHOLE],
    "QUERY_CACHE_TTL_SECONDS": ["0", "31536001", *WHOLE],
    "MEDIA_URL": [
        "/srv/media", "file://srv/media", "file:srv", "s3:bucket", "s3:///path", "http://bucket.example", "memory:///",
        "no-bucket-of-mine",
        "s3://key:secret-of-mine@bucket", "s3://bucket?secret=of-mine", "s3://bucket#secret-of-mine", "s3://[bucket",
    ],
    "WAL_ARCHIVE_URL": ["/srv/log", "s3:///path", "s3://key:secret-of-mine@bucket"],
    "MEDIA_MAX_BYTES": ["0", "42949672961", *WHOLE],
    "MEDIA_QUOTA_BYTES": ["0", "9999999999999999999", *WHOLE],
}  # fmt: skip


def test_every_variable_has_a_default() -> None:
    assert msgspec.structs.asdict(from_environment({})) == DEFAULTS | {"data": Path("var").absolute()}
    assert msgspec.structs.asdict(Settings()) == DEFAULTS | {"data": Path("var")}


def test_nothing_but_the_variables_of_the_list_is_read() -> None:
    others = {"PGPASSWORD": "x", "PGHOST": "x", "DATABASE": "x", "DB_URL": "x", "database_url": "x", "POSTGRES_URL": "x"}
    assert from_environment(others) == from_environment({})


@pytest.mark.parametrize(("variable", "text", "field", "value"), GOOD, ids=[f"{each[0]}={each[1][:20]}" for each in GOOD])
def test_a_good_value_is_taken_and_changes_nothing_else(variable: str, text: str, field: str, value: object) -> None:
    settings = msgspec.structs.asdict(from_environment({variable: text}))
    assert settings == DEFAULTS | {"data": Path("var").absolute()} | {field: value}
    assert type(settings[field]) is type(msgspec.structs.asdict(from_environment({}))[field]) or settings[field] == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [(variable, text) for variable, texts in BAD.items() for text in texts],
    ids=[f"{variable}={text[:20]!a}-{n}" for variable, texts in BAD.items() for n, text in enumerate(texts)],
)
def test_a_bad_value_is_refused_with_the_variables_name_and_without_the_value(variable: str, text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        from_environment({variable: text})
    said = str(raised.value)
    assert said.startswith(f"{variable}: ")
    assert len(said) > len(variable) + 10
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    # The rule itself shows small numbers and schemes.
    assert text not in said or len(text) < 5 or text.rstrip("/") in {"postgresql:", "https:"}
    for secret in ("pw-of-mine", "of-mine", "h.internal"):
        assert secret not in said


@pytest.mark.parametrize("variable", [*BAD, "HOST", "HOLDFAST_DATA"])
def test_an_empty_variable_counts_as_absent(variable: str) -> None:
    for text in ("", " ", "\t\n"):
        assert from_environment({variable: text}) == from_environment({})


def test_blanks_around_a_value_do_not_count() -> None:
    assert from_environment({"PORT": " 8001\n", "DATABASE_URL": " postgres://h/d "}) == from_environment(
        {"PORT": "8001", "DATABASE_URL": "postgres://h/d"}
    )


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgres://u:p@h:5433/d", "postgresql://u:p@h:5433/d"),
        ("postgresql://u:p@h:5433/d", "postgresql://u:p@h:5433/d"),
        ("postgresql+asyncpg://u:p@h:5433/d", "postgresql://u:p@h:5433/d"),
        ("POSTGRES://h/d", "postgresql://h/d"),
        ("postgres://h/d", "postgresql://h/d"),
        ("postgres://u:p%40ss%2Fword@h/d", "postgresql://u:p%40ss%2Fword@h/d"),
        ("postgres://u:p@a:1,b:2,c/d", "postgresql://u:p@a:1,b:2,c/d"),
        ("postgres://u@[2001:db8::1]:5432/d", "postgresql://u@[2001:db8::1]:5432/d"),
        ("postgres://h/d?sslmode=verify-full&sslrootcert=/ca.pem", "postgresql://h/d?sslmode=verify-full&sslrootcert=/ca.pem"),
        ("postgresql://u@/d?host=/run/postgresql&port=5433", "postgresql://u@/d?host=/run/postgresql&port=5433"),
        ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
        ("postgres://h/d?target_session_attrs=read-write", "postgresql://h/d?target_session_attrs=read-write"),
    ],
)
def test_a_database_url_takes_every_common_form_and_keeps_all_of_it(text: str, url: str) -> None:
    assert from_environment({"DATABASE_URL": text}).database_url == url
    variables = {"DATABASE_URL": text, "APP_ENV": "production", "DB_REQUIRE_TLS": "off"}
    assert from_environment(variables).database_url == url


def test_a_replica_is_one_server_and_belongs_to_a_database_url() -> None:
    primary = {"DATABASE_URL": "postgres://u@h/d"}
    for url in ("postgres://u@a,b/d", "postgres://u@a:1,b:2/d", "postgres://u@/d?host=a,b"):
        with pytest.raises(SettingsError, match=r"^DATABASE_REPLICA_URL: must name one server"):
            from_environment(primary | {"DATABASE_REPLICA_URL": url})
    with pytest.raises(SettingsError, match=r"^DATABASE_REPLICA_URL: .*DATABASE_URL, which must be set"):
        from_environment({"DATABASE_REPLICA_URL": "postgres://u@a/d"})
    found = from_environment(primary | {"DATABASE_REPLICA_URL": "postgres://u@a/d"})
    assert found.replica_url == "postgresql://u@a/d"


def test_production_without_a_database_url_is_refused() -> None:
    for environment in ({"APP_ENV": "production"}, {"APP_ENV": "production", "DATABASE_URL": " "}):
        with pytest.raises(SettingsError, match=r"^DATABASE_URL: .*production.*embedded"):
            from_environment(environment)
    settings = from_environment({"APP_ENV": "production", "DATABASE_URL": "postgres://localhost/d"})
    assert (settings.production, settings.environment) == (True, "production")
    assert not from_environment({}).production


@pytest.mark.parametrize("variable", PLATFORMS)
def test_a_platform_is_production_and_has_no_disk_for_the_embedded_server(variable: str) -> None:
    with pytest.raises(SettingsError, match=rf"^DATABASE_URL: .*{variable}.*embedded.*does not last"):
        from_environment({variable: "1"})
    assert from_environment({variable: "1", "DATABASE_URL": "postgres://localhost/d"}).production
    assert not from_environment({variable: " "}).production
    # Who says so knows better: a development machine may be a container of a cluster.
    assert not from_environment({variable: "1", "APP_ENV": "development"}).production


LOCAL = [
    "postgres://localhost/d", "postgres://u:p@127.0.0.1:5433/d", "postgres://u@[::1]:5432/d", "postgres://u@[::1]/d",
    "postgres:///d", "postgres://u@/d?host=/run/postgresql", "postgres://u@%2Frun%2Fpostgresql/d",
    "postgres://u@localhost,127.0.0.9:5433/d",
]  # fmt: skip
REMOTE = [
    "postgres://u:p@db.example/d", "postgres://u:p@10.0.0.7/d", "postgres://u@[2001:db8::1]:5432/d",
    "postgres://u@localhost,b/d", "postgres://u@/d?host=/run/postgresql,b", "postgres://u@localhost.example/d",
    "postgres://localhost@db.example/d", "postgres://db.example/d?host=localhost",
]  # fmt: skip


@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_REPLICA_URL", "DATABASE_LISTEN_URL"])
def test_production_wants_tls_to_another_host(variable: str) -> None:
    production = {"APP_ENV": "production", "DATABASE_URL": "postgres://localhost/d"}

    def read(url: str, mode: str | None = None, **others: str) -> Settings:
        text = url if mode is None else f"{url}{'&' if '?' in url else '?'}sslmode={mode}"
        return from_environment(production | {variable: text} | others)

    # A replica is one server.
    local, remote = ([url for url in urls if "," not in url or "REPLICA" not in variable] for urls in (LOCAL, REMOTE))
    for url in local:
        read(url)
        read(url, "disable")
    for url in remote:
        for mode in (None, "disable", "allow", "prefer", ""):
            with pytest.raises(SettingsError, match=rf"^{variable}: .*TLS.*sslmode=verify-full.*DB_REQUIRE_TLS=off"):
                read(url, mode)
            read(url, mode, DB_REQUIRE_TLS="off")
            read(url, mode, APP_ENV="development")
        for mode in ("require", "verify-ca", "verify-full"):
            read(url, mode)


def test_an_archive_of_the_log_is_refused_for_a_server_that_is_not_ours_to_start() -> None:
    with pytest.raises(SettingsError, match=r"^WAL_ARCHIVE_URL: .*comes along"):
        from_environment({"DATABASE_URL": "postgresql://u@h/d", "WAL_ARCHIVE_URL": "file:///srv/log"})


def test_the_first_bad_value_is_told_even_in_production() -> None:
    with pytest.raises(SettingsError, match=r"^PORT: "):
        from_environment({"APP_ENV": "production", "PORT": "none"})


def test_the_data_folder_is_absolute_wherever_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_environment({}).data == tmp_path / "var"
    assert from_environment({"HOLDFAST_DATA": "here"}).data == tmp_path / "here"


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        from_environment({}).port = 7  # type: ignore[misc]


PROVIDERS = {
    "OIDC_PROVIDERS": "google,github,acme,firebase",
    "OIDC_GOOGLE_CLIENT_ID": "g",
    "OIDC_GOOGLE_CLIENT_SECRET": "secret",
    "OIDC_GOOGLE_AUDIENCES": "ios, android",
    "OIDC_GITHUB_CLIENT_ID": "h",
    "OIDC_GITHUB_CLIENT_SECRET": "secret",
    "OIDC_ACME_CLIENT_ID": "a",
    "OIDC_ACME_ISSUER": "https://id.acme.example/",
    "OIDC_ACME_SCOPES": "openid groups",
    "OIDC_FIREBASE_PROJECT": "my-app-1a2b",
}


def test_each_provider_has_variables_of_its_own() -> None:
    google, github, acme, firebase = from_environment(PROVIDERS).providers
    assert (google.issuer, google.client_id, google.client_secret) == ("https://accounts.google.com", "g", "secret")
    assert google.audiences == ("ios", "android")
    assert (github.kind, github.issuer) == ("github", "https://github.com")
    # A slash at its end belongs to the issuer: it is compared to the letter.
    assert (acme.issuer, acme.client_secret, acme.scopes) == ("https://id.acme.example/", None, ("openid", "groups"))
    assert firebase.issuer == "https://securetoken.google.com/my-app-1a2b"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"OIDC_GOOGLE_CLIENT_ID": ""}, "OIDC_GOOGLE_CLIENT_ID"),
        ({"OIDC_GITHUB_CLIENT_SECRET": ""}, "OIDC_GITHUB_CLIENT_SECRET"),
        ({"OIDC_ACME_ISSUER": ""}, "OIDC_ACME_ISSUER"),
        ({"OIDC_ACME_ISSUER": "http://id.of-mine.example"}, "OIDC_ACME_ISSUER"),
        ({"OIDC_ACME_SCOPES": "of-mine"}, "OIDC_ACME_SCOPES"),
        ({"OIDC_FIREBASE_PROJECT": "Of Mine"}, "OIDC_FIREBASE_PROJECT"),
        ({"OIDC_FIREBASE_KEYS_URL": "ftp://of-mine"}, "OIDC_FIREBASE_KEYS_URL"),
        ({"SMTP_URL": "smtp://of-mine.example"}, "MAIL_FROM"),
        ({"APP_ENV": "production", "DATABASE_URL": "postgres://localhost/d"}, "PUBLIC_URL"),
        (
            {"APP_ENV": "production", "DATABASE_URL": "postgres://localhost/d", "PUBLIC_URL": "https://api.example"},
            "SECRET_KEY",
        ),
    ],
)
def test_a_sign_in_that_lacks_something_names_what(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=f"^{named}: ") as caught:
        from_environment(PROVIDERS | changes)
    assert "of-mine" not in str(caught.value).lower()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ("mail.example", 587, "starttls", None, None)),
        ("smtp://ada:p%40ss@mail.example:25", ("mail.example", 25, "starttls", "ada", "p@ss")),
        ("smtps://mail.example", ("mail.example", 465, "implicit", None, None)),
        ("smtp://mail.example?tls=none", ("mail.example", 587, "none", None, None)),
        ("smtp://localhost:1025", ("localhost", 1025, "none", None, None)),
    ],
)
def test_a_mail_server_is_spoken_to_in_plain_text_on_this_machine_alone_unless_it_is_said(
    url: str, expected: tuple[str, int, str, str | None, str | None]
) -> None:
    smtp = from_environment({"SMTP_URL": url, "MAIL_FROM": "holdfast@example.com"}).smtp
    assert smtp is not None
    assert msgspec.structs.astuple(smtp) == expected
