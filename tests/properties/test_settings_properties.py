"""Properties of the settings: where the database is, and what is said when it cannot be used."""

import asyncio
import os
import socket
import string
from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import quote, urlencode, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.database.errors import DatabaseRefused, DatabaseUnavailable
from app.database.executor import Database
from app.settings import PLATFORMS, Settings, SettingsError, from_environment

secrets = st.text("qxzvjkw0123456789'\"\\@:/?#[]%&=+ é$;,", min_size=9, max_size=24).filter(
    lambda text: sum(character.isalnum() for character in text) >= 6 and text == text.strip()
)
"""Long and odd enough that they stand in no message by chance."""

quoted = secrets.map(lambda text: quote(text, safe=""))
hosts = st.one_of(
    st.from_regex(r"[a-z]{6,12}\.(internal|example)", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
hosts_and_ports = st.builds(
    lambda host, port: host if port is None else f"{host}:{port}", hosts, st.none() | st.integers(min_value=1, max_value=65535)
)
parameters = st.dictionaries(
    st.sampled_from(["sslmode", "application_name", "connect_timeout", "target_session_attrs"]), quoted, max_size=2
)


@st.composite
def urls(draw: st.DrawFn) -> tuple[str, str]:
    """What follows the scheme, and a scheme."""
    scheme = draw(st.sampled_from(["postgres", "postgresql", "postgresql+asyncpg"]))
    user, password = draw(st.none() | quoted), draw(st.none() | quoted)
    login = "" if user is None else f"{user}@" if password is None else f"{user}:{password}@"
    where = ",".join(draw(st.lists(hosts_and_ports, min_size=1, max_size=3)))
    query = "&".join(f"{name}={value}" for name, value in draw(parameters).items())
    return scheme, f"://{login}{where}/{draw(quoted)}" + (f"?{query}" if query else "")


def anything_but(*names: str) -> st.SearchStrategy[dict[str, str]]:
    """Environments in which these variables are not set, but others that look like them are."""
    known = [
        "PGHOST", "PGUSER", "PGPASSWORD", "PGDATABASE", "POSTGRES_URL", "DATABASE", "DB_URL", "DATABASE_URI", "SQLALCHEMY_URL",
        "database_url", "DATABASE_URL_", "DATABASE_REPLICA", "TEST_DATABASE_URL", "FLASK_ENV", "ENV", "NODE_ENV", "DEBUG",
    ]  # fmt: skip
    odd = st.text(string.ascii_letters + "_", min_size=1, max_size=20).filter(lambda name: name not in TAKEN | set(names))
    return st.dictionaries(st.sampled_from(known) | odd, st.text(st.characters(codec="utf-8", exclude_characters="\0")))


TAKEN = {
    "APP_ENV", "DATABASE_URL", "DATABASE_LISTEN_URL", "DATABASE_REPLICA_URL", "DB_POOL_SIZE", "DB_MAX_OVERFLOW",
    "DB_POOL_TIMEOUT", "DB_POOL_RECYCLE", "DB_CONNECT_TIMEOUT", "DB_QUERY_TIMEOUT", "DB_START_RETRIES", "DB_RETRIES",
    "DB_ECHO_SQL", "HOST", "PORT", "WORKERS",
    "HOLDFAST_DATA", "SESSION_DAYS", "CORS_ORIGINS", "TRUSTED_PROXIES", "RATE_LIMITS", "TERMS_VERSION", "MEDIA_MAX_BYTES",
    "MEDIA_QUOTA_BYTES", "USER_REQUESTS_PER_MINUTE", "GUEST_REQUESTS_PER_MINUTE", "USER_MAX_BYTES", "GUEST_MAX_BYTES",
    "CREDITS_GUEST", "CREDITS_REGISTERED", "CREDITS_RESET_HOURS", "QUERY_CACHE_TTL_SECONDS", "MEDIA_URL", "DB_REQUIRE_TLS",
    "EXPOSE_DOCS", "EXPOSE_METRICS", "METRICS_TOKEN", *PLATFORMS,
}  # fmt: skip


@given(
    url=st.none() | urls(),
    environment=st.sampled_from([None, "", "development", "production"]),
    others=anything_but("APP_ENV", "DATABASE_URL"),
    decoy=urls(),
)
def test_the_environment_alone_selects_the_database(
    url: tuple[str, str] | None, environment: str | None, others: dict[str, str], decoy: tuple[str, str]
) -> None:
    """DATABASE_URL and APP_ENV decide, and nothing beside them: no other variable, no other environment.

    Feature: database-persistence-fix, Property 4: the environment alone selects the database URI
    """
    # Which URLs production takes is another question.
    variables = others | {"DB_REQUIRE_TLS": "off"}
    if url is not None:
        variables["DATABASE_URL"] = "".join(url)
    if environment is not None:
        variables["APP_ENV"] = environment
    # What this process was started with must not shine through.
    with mock.patch.dict(os.environ, {"DATABASE_URL": "".join(decoy), "APP_ENV": "production", "PGHOST": "decoy"}):
        if url is None and environment == "production":
            with pytest.raises(SettingsError, match=r"^DATABASE_URL: "):
                from_environment(variables)
            return
        settings = from_environment(variables)
    assert settings.database_url == (None if url is None else "postgresql" + url[1])
    assert settings.production == (environment == "production")
    assert settings == from_environment(variables)


@pytest.fixture(scope="module")
def closed_port() -> Iterator[int]:
    """A port that is bound, so that nobody else takes it, and on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


PARAMETERS = [
    {},
    {"sslmode": "nonsense"},
    {"sslmode": "verify-full", "sslrootcert": "/no/such/file.pem"},
    {"port": "nonsense"},
    {"target_session_attrs": "nonsense"},
    {"no_such_parameter": "nonsense"},
    {"statement_timeout": "nonsense"},
    {"search_path": "nonsense"},
    {"client_encoding": "nonsense"},
    {"default_transaction_read_only": "nonsense"},
    {"work_mem": "-1"},
    {"options": "-c no_such_parameter=1"},
    {"passfile": "/no/such/file"},
]


class Wrong(NamedTuple):
    """A URL in which something is wrong."""

    what: str
    user: str
    password: str
    name: str
    parameters: dict[str, str]

    def url(self, good: str, closed_port: int) -> str:
        """The URL, made from one that works and from a port on which nobody listens."""
        parts = urlsplit(good)
        user, password, name = (quote(part, safe="") for part in (self.user, self.password, self.name))
        query = "&".join(filter(None, [parts.query, urlencode(self.parameters)]))
        nowhere = urlencode({"host": f"/no/such/{user}"} | self.parameters)
        return {
            "server": f"postgresql://{user}:{password}@127.0.0.1:{closed_port}/{name}?{urlencode(self.parameters)}",
            "user": parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}", query=query).geturl(),
            "database": parts._replace(path=f"/{name}", query=query).geturl(),
            "folder": f"postgresql://{user}:{password}@/{name}?{nowhere}",
            "parameters alone": parts._replace(query=query).geturl(),
        }[self.what]


wrongs = st.builds(
    Wrong,
    st.sampled_from(["server", "user", "database", "folder", "parameters alone"]),
    secrets,
    secrets,
    secrets,
    st.sampled_from(PARAMETERS),
)


@given(wrong=wrongs)
@example(wrong=Wrong("parameters alone", "qxzqxzqxz", "vjkvjkvjk", "0123456789", {"no_such_parameter": "nonsense"}))
@example(wrong=Wrong("parameters alone", "qxzqxzqxz", "vjkvjkvjk", "0123456789", {"statement_timeout": "nonsense"}))
@example(wrong=Wrong("server", "qxzqxzqxz", "vjkvjkvjk", "0123456789", {"sslmode": "nonsense"}))
def test_bad_credentials_and_parameters_give_a_message_that_exposes_nothing(
    runner: asyncio.Runner, database: str, closed_port: int, wrong: Wrong
) -> None:
    """Whatever is wrong with the connection, the message says what to check, and shows no part of it; the log, where to.

    Feature: database-persistence-fix, Property 5: bad credentials or parameters give a clear message that exposes nothing
    """
    url = wrong.url(database, closed_port)
    settings = from_environment({"DATABASE_URL": url, "DB_POOL_SIZE": "1", "DB_CONNECT_TIMEOUT": "5", "DB_START_RETRIES": "0"})
    said = ""
    with capture_logs() as events:
        try:
            connected = runner.run(Database.connect(settings))
        except (DatabaseRefused, DatabaseUnavailable) as error:
            said = str(error)
            assert "DATABASE_URL" in said
            assert "heck" in said
        else:
            # Not every parameter is wrong for every server.
            runner.run(connected.close())
            assert wrong.what == "parameters alone"
    for text in (said, str([{**event, "servers": None} for event in events])):
        hidden = [
            *wrong.parameters.values(),
            urlsplit(database).hostname or "/socket",
            "127.0.0.1",
            "/no/such",
            str(closed_port),
        ]
        for part in (wrong.user, wrong.password, wrong.name, *hidden):
            for form in (part, quote(part, safe="")):
                assert form not in text


malformed = st.builds(
    lambda scheme, user, password, host, rest: f"{scheme}{quote(user, safe='')}:{quote(password, safe='')}@{host}{rest}",
    st.sampled_from(["mysql://", "postgresql:/", "sqlite:///", "http://", "", "postgresql+psycopg://", "pg://", "://"]),
    secrets,
    secrets,
    hosts_and_ports,
    st.sampled_from(["", "/", "/holdfast", "?sslmode=require"]),
)


@given(
    text=malformed | secrets,
    variable=st.sampled_from(
        ["DATABASE_URL", "DATABASE_LISTEN_URL", "PORT", "DB_POOL_SIZE", "APP_ENV", "MEDIA_URL", "BACKUP_URL", "WAL_ARCHIVE_URL"]
    ),
)
def test_a_variable_that_cannot_be_used_is_named_and_its_value_is_not(text: str, variable: str) -> None:
    """The message names the variable and the rule; the value, which may be a secret in the wrong place, is not in it.

    Feature: database-persistence-fix, Property 5: bad credentials or parameters give a clear message that exposes nothing
    """
    with pytest.raises(SettingsError) as raised:
        from_environment({variable: text})
    said = str(raised.value)
    assert said.startswith(f"{variable}: ")
    assert text not in said
    for part in urlsplit_or_nothing(text):
        assert part not in said
    assert raised.value.__suppress_context__


def urlsplit_or_nothing(text: str) -> list[Any]:
    """User, password and host of a URL, as far as it is one."""
    try:
        parts = urlsplit(text)
        found = [parts.username, parts.password, parts.hostname]
    except ValueError:
        return []
    return [part for part in found if part and len(part) > 5]


def test_settings_hold_no_other_secret() -> None:
    # A reminder for whoever adds one: property 5 must know of it.
    known = {"database_url", "replica_url", "listen_url", "media_url", "backup_url", "wal_archive_url", "public_url"}
    assert {field for field in Settings.__struct_fields__ if "url" in field} == known
