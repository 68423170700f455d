"""TLS to the database: with verify-full only the right server is talked to, by all three programs that talk to it."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import needs
import pytest
from command import holdfast
from serving import Serving, run, until
from tls_server import Authority, TlsServer

from app.backups.form import BackupFailed
from app.backups.programs import Programs
from app.database import dbmate, package_files
from app.database.dbmate import MigrationError
from app.database.postgres_programs import binaries_folder

pytestmark = needs.postgres_with_tls


class Certified(NamedTuple):
    """A server, who signed its certificate, and somebody who did not."""

    server: TlsServer
    signer: Authority
    stranger: Authority
    present: Callable[..., None]
    """Has the server have a certificate of the signer's for these hosts; for none: no TLS."""
    rows: Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory, runner: asyncio.Runner) -> Iterator[Certified]:
    folder = tmp_path_factory.mktemp("tls")
    server, signer = TlsServer(folder), Authority(folder, "signer")

    def present(*names: str, days: int = 1) -> None:
        runner.run(server.present(*signer.certify(*names, days=days)) if names else server.without_tls())

    async def rows(statement: str) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(server.url())
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    yield Certified(server, signer, Authority(folder, "stranger"), present, lambda statement: runner.run(rows(statement)))
    server.stop()


@pytest.fixture
def good(certified: Certified) -> Certified:
    """The server as it should be."""
    certified.present("localhost", "127.0.0.1")
    return certified


async def with_asyncpg(url: str, _: Path) -> bool:
    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True


async def with_dbmate(url: str, _: Path) -> bool:
    try:
        await dbmate.run("status", url, package_files.folder("db") / "migrations")
    except MigrationError:
        return False
    return True


async def with_pg_dump(url: str, folder: Path) -> bool:
    """As a backup runs it. There is no snapshot of that name: so says only a server that lets it in."""
    with pytest.raises(BackupFailed) as failed:
        await Programs(needs.POSTGRES_WITH_TLS or Path()).dump(url, folder / "dump", "none")
    return "snapshot" in str(failed.value)


GOOD: dict[str, bool] = {
    "": True,
    "sslmode=disable": True,
    "sslmode=prefer": True,
    "sslmode=require": True,
    "sslmode=require&statement_timeout=60000&search_path=public,%20pg_temp&options=-c%20work_mem%3D5MB": True,
    "sslmode=require&sslrootcert={signer}": True,
    "sslmode=require&sslrootcert={stranger}": False,
    "sslmode=verify-ca&sslrootcert={signer}": True,
    "sslmode=verify-ca&sslrootcert={stranger}": False,
    "sslmode=verify-full&sslrootcert={signer}": True,
    "sslmode=verify-full&sslrootcert={stranger}": False,
    "sslmode=verify-full": False,
}
"""Options of a URL, and whether they connect to a server with a certificate for its host; {...}: whose signature counts."""

OTHER_HOST: dict[str, bool] = {
    "sslmode=require": True,
    "sslmode=verify-ca&sslrootcert={signer}": True,
    "sslmode=verify-full&sslrootcert={signer}": False,
}

EXPIRED: dict[str, bool] = {
    "sslmode=require": True,
    "sslmode=require&sslrootcert={signer}": False,
    "sslmode=verify-ca&sslrootcert={signer}": False,
    "sslmode=verify-full&sslrootcert={signer}": False,
}

WITHOUT: dict[str, bool] = {
    "": True,
    "sslmode=prefer": True,
    "sslmode=require": False,
    "sslmode=verify-full&sslrootcert={signer}": False,
}


def verdicts(certified: Certified, runner: asyncio.Runner, options: str, folder: Path) -> set[bool]:
    """Whether each of the three connects by a URL with these options."""
    filled = options.format(signer=certified.signer.file, stranger=certified.stranger.file)
    url = f"{certified.server.url()}{filled}"
    return {runner.run(connects(url, folder)) for connects in (with_asyncpg, with_dbmate, with_pg_dump)}


def test_a_url_means_the_same_to_the_server_to_migrations_and_to_backups(
    certified: Certified, runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where they would look for ~/.postgresql/root.crt.
    monkeypatch.setenv("HOME", str(tmp_path))
    servers: dict[str, tuple[dict[str, bool], Callable[[], None]]] = {
        "good": (GOOD, lambda: certified.present("localhost")),
        "another host": (OTHER_HOST, lambda: certified.present("db.example")),
        "expired": (EXPIRED, lambda: certified.present("localhost", days=-1)),
        "none": (WITHOUT, certified.present),
    }
    for name, (expected, begin) in servers.items():
        begin()
        found = {options: verdicts(certified, runner, options, tmp_path) for options in expected}
        assert found == {options: {connects} for options, connects in expected.items()}, name


def test_with_verify_full_all_goes_through_tls(good: Certified, tmp_path: Path) -> None:
    url = good.server.url("127.0.0.1", sslmode="verify-full", sslrootcert=good.signer.file)
    variables = {"APP_ENV": "production", "BACKUP_URL": (tmp_path / "backups").as_uri(), "HOLDFAST_DATA": str(tmp_path)}
    migrated = holdfast(url, "migrate", "up", **variables)
    assert migrated.returncode == 0, migrated.stderr
    assert "ok    tls         the connection is encrypted" in holdfast(url, "doctor", **variables).stdout
    backed_up = holdfast(url, "backup", "--no-verify", **variables)
    assert backed_up.returncode == 0, backed_up.stderr
    with Serving(tmp_path / "var", tmp_path / "said", DATABASE_URL=url) as serving:
        assert serving.get("/health/ready").json()["database"] == "ok"
        encrypted = "select application_name, bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) group by 1"
        ours = {"holdfast", "holdfast listener"}
        until(
            lambda: ours <= {name for name, is_encrypted in good.rows(encrypted) if is_encrypted},
            "the pool and the listener are there",
        )


@pytest.mark.parametrize(
    ("trusted", "names", "said"),
    [
        ("stranger", ("localhost",), "is not signed by one that DATABASE_URL trusts"),
        ("signer", ("db.example", "10.1.2.3"), "is for another host than DATABASE_URL names"),
        ("signer", ("localhost", "yesterday"), "has expired"),
        ("signer", (), "has no TLS, which the sslmode of DATABASE_URL demands"),
    ],
)
def test_another_server_is_refused_at_once_with_the_reason(
    certified: Certified, tmp_path: Path, trusted: str, names: tuple[str, ...], said: str
) -> None:
    certified.present(*names, days=-1 if "yesterday" in names else 1)
    url = certified.server.url(sslmode="verify-full", sslrootcert=getattr(certified, trusted).file)
    for command in (("doctor",), ("migrate", "up"), ("backup", str(tmp_path), "--no-verify")):
        refused = holdfast(url, *command)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert said in refused.stderr
        assert refused.stderr.count("\n") == 1
        assert "localhost" not in refused.stderr
    if trusted == "stranger":
        refused = run("serve", DATABASE_URL=url, HOLDFAST_DATA=str(tmp_path))
        assert refused.returncode == 1
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sslmode": "verify-full", "sslrootcert": "/no/such/file"}, "The file of sslrootcert in DATABASE_URL cannot be read"),
        ({"sslmode": "verify-full", "sslrootcert": "system"}, "The file of sslrootcert in DATABASE_URL cannot be read"),
        ({"sslmode": "require", "sslcert": "/no/such/file"}, "The file of sslcert in DATABASE_URL cannot be read"),
        ({"sslmode": "verify-full", "sslrootcert": __file__}, "TLS with the server of DATABASE_URL comes to nothing"),
        ({"sslmode": "verify-full"}, "The sslmode of DATABASE_URL needs sslrootcert=FILE"),
    ],
)
def test_options_that_cannot_be_used_are_named(good: Certified, tmp_path: Path, options: dict[str, str], said: str) -> None:
    refused = holdfast(good.server.url(**options), "doctor", HOME=str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"holdfast: {said}")


def test_a_pg_dump_without_tls_says_that_it_has_none(good: Certified, runner: asyncio.Runner, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="is built without TLS, which DATABASE_URL demands"):
        runner.run(Programs(binaries_folder()).dump(good.server.url(sslmode="require"), tmp_path / "dump", "none"))
