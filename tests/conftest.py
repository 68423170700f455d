"""One database server for the whole run, one database per worker, no clean-up between tests: each makes its own users.

The controller of pytest-xdist finds or starts the server and migrates a template; each worker clones the template.
CITUS_URL names the coordinator of a cluster to use, whose databases are distributed (tests/clustered.py); TEST_DATABASE_URL
names a server. Without them `--database=container` starts one in a container, and otherwise the embedded one is started on a
temporary folder: in memory where there is room, unless TMPDIR says else.
"""

import asyncio
import fcntl
import gc
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg
import httpx
import msgspec
import psutil
import pytest
import structlog

pytest.register_assert_rewrite("client")

import clustered  # noqa: E402 - it imports the app, as what follows does
from client import Api, Execute, Started, User  # noqa: E402 - its assertions are shown in full only when it comes after the line above
from databases import APP_PASSWORD, as_app, execute_about, in_database  # noqa: E402

from app.auth.passwords import Passwords  # noqa: E402
from app.backups import watching  # noqa: E402
from app.database import embedded, migrations  # noqa: E402
from app.database.postgres_programs import binaries_folder  # noqa: E402
from app.http import view_counts  # noqa: E402
from app.maintenance import sizes  # noqa: E402
from app.settings import PLATFORMS, Provider, Settings, database_url  # noqa: E402

_SERVER = pytest.StashKey[embedded.Server]()
_FOLDER = pytest.StashKey[Path]()
_STOP = pytest.StashKey[Callable[[], None]]()
_TEMPLATE = pytest.StashKey[str]()
_IN_MEMORY = Path("/dev/shm")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Hook of pytest: a worker loads a hundred modules and makes 5,700 tests, which all stay. The collector would only look."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("embedded", "container"),
        default="embedded",
        help="without TEST_DATABASE_URL: test on the PostgreSQL that comes along, or on postgres:18 in a container",
    )


def pytest_configure(config: pytest.Config) -> None:
    # What a failed test shows of the log; structlog's own default takes 0.3 ms for each request's line.
    structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()])
    for name in PLATFORMS:
        # Where the tests run says nothing about what they start.
        os.environ.pop(name, None)
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    if "TMPDIR" not in os.environ and _has_room(_IN_MEMORY):
        # Workers, and the processes that tests start, hear of it, too.
        os.environ["TMPDIR"] = tempfile.tempdir = str(_IN_MEMORY)
    url = clustered.URL or os.environ.get("TEST_DATABASE_URL")
    if not url and config.getoption("database") == "container":
        import containers  # noqa: PLC0415 - a second of imports that other runs do without

        url, config.stash[_STOP] = containers.start()
    if not url:
        config.stash[_FOLDER] = folder = Path(tempfile.mkdtemp(prefix="holdfast-test-"))
        config.stash[_SERVER] = embedded.start(folder, durable=False, max_connections=300)
        url = config.stash[_SERVER].url
    config.stash[_TEMPLATE] = template = in_database(database_url(url), f"holdfast_test_{os.getpid()}")
    servers = clustered.servers(template)
    for server in servers:
        asyncio.run(execute_about(server, "create database {name}" + (clustered.LOCALE if clustered.URL else "")))
    if clustered.URL:
        asyncio.run(clustered.distribute(servers))
        make_app_role(template)
        asyncio.run(clustered.close(servers))
    else:
        asyncio.run(migrations.up(template))
        make_app_role(template)


def _has_room(folder: Path) -> bool:
    """Whether a run's folders fit there, and into memory: a database has 400 files, and a disk takes its time for each."""
    return folder.is_dir() and shutil.disk_usage(folder).free > 4 * 2**30 and psutil.virtual_memory().available > 8 * 2**30


def pytest_xdist_auto_num_workers() -> int:
    """Hook of pytest-xdist: two workers more than there are cores, because for a third of the time a test only waits."""
    return (os.cpu_count() or 1) + 2


def pytest_configure_node(node: pytest.Item) -> None:
    """Hook of pytest-xdist: what a worker is told."""
    node.workerinput["template"] = node.config.stash[_TEMPLATE]  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    if _TEMPLATE in config.stash:
        drops = ("drop database if exists {name} with (force)", "drop role if exists {name}_app")
        for server in clustered.servers(config.stash[_TEMPLATE]):
            asyncio.run(execute_about(server, *drops))
    if _STOP in config.stash:
        config.stash[_STOP]()
    if _SERVER in config.stash:
        config.stash[_SERVER].stop()
        shutil.rmtree(config.stash[_FOLDER])


def make_app_role(template: str) -> None:
    """Make the role that the app connects as, as an operator does: it can read and write rows, and nothing else."""
    from app.server.roles_command import script  # noqa: PLC0415 - what commands show things with, in one process instead of all

    name = urlsplit(template).path[1:]
    subprocess.run(
        [binaries_folder() / "psql", "--no-psqlrc", "--quiet", template],
        input=script(unquote(urlsplit(template).username or "postgres"), f"{name}_app", name),
        env=os.environ | {"HOLDFAST_APP_PASSWORD": APP_PASSWORD},
        text=True,
        check=True,
    )


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database that nobody is connected to."""
    config = request.config
    return str(config.workerinput["template"]) if hasattr(config, "workerinput") else config.stash[_TEMPLATE]


@pytest.fixture(scope="session")
def database(template: str, worker_id: str) -> Iterator[str]:
    """The URL of this worker's own database."""
    yield from _clone(template, f"{urlsplit(template).path[1:]}_{worker_id}")


@pytest.fixture
def own_database(template: str, worker_id: str) -> Iterator[str]:
    """The URL of a database for one test alone."""
    yield from _clone(template, f"{urlsplit(template).path[1:]}_{worker_id}_own")


@pytest.fixture
def plain_database(request: pytest.FixtureRequest) -> str:
    """As `own_database`, also where CITUS_URL names a cluster: there nothing of it is distributed."""
    if not clustered.URL:
        return str(request.getfixturevalue("own_database"))
    url = str(request.getfixturevalue("empty_database"))
    asyncio.run(migrations.up(url))
    return url


@pytest.fixture(scope="module")
def shared_database(template: str, worker_id: str) -> Iterator[str]:
    """The URL of a database that the tests of one module fill once, and only read."""
    yield from _clone(template, f"{urlsplit(template).path[1:]}_{worker_id}_shared")


@pytest.fixture
def empty_database(template: str, worker_id: str) -> Iterator[str]:
    """The URL of a database without tables, where a test puts what another app had."""
    url = in_database(template, f"{urlsplit(template).path[1:]}_{worker_id}_empty")
    asyncio.run(execute_about(url, "create database {name} template template0"))
    yield url
    clustered.remove([url])


def _clone(template: str, name: str) -> Iterator[str]:
    url = in_database(template, name)
    source = urlsplit(template).path[1:]
    # By its files it takes half of the time that it takes by its pages, which go through the log. The rights on the database
    # itself are not cloned.
    create = f"create database {{name}} template {source} strategy file_copy"
    rights = ("revoke all on database {name} from public", f"grant connect on database {{name}} to {source}_app")
    servers = clustered.servers(url)
    for server in servers:
        asyncio.run(execute_about(server, create, *rights, *(clustered.SETTINGS if clustered.URL else ())))
    yield url
    clustered.remove(servers)


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop per worker: the pool lives in it."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def settings(database: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the app under test, which may do no more than it must; tests of limits and faults make others."""
    data = tmp_path_factory.mktemp("data")
    return Settings(
        database_url=as_app(database, template),
        pool_size=2,
        max_overflow=8,
        rate_limits=False,
        data=data,
        # One that is asked nothing before somebody comes back from it.
        providers=(
            Provider(name="github", kind="github", issuer="https://github.com", client_id="holdfast", client_secret="secret"),
        ),
        sign_in_redirects=("https://app.example/signed-in",),
    )


@pytest.fixture(scope="session")
def passwords() -> Iterator[Passwords]:
    """Argon2id with the cheapest parameters: the tests make hundreds of accounts."""
    yield (passwords := Passwords(memory_kib=8, passes=1))
    passwords.close()


@pytest.fixture(scope="session", autouse=True)
def _undisturbed() -> Iterator[None]:
    """What a worker does by itself now and then, a test has done when it wants to: nobody's statements come in between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view_counts, "EVERY", 86_400.0)
        patch.setattr(watching, "FIRST", 86_400.0)
        patch.setattr(sizes, "FIRST", 86_400.0)
        yield


@pytest.fixture(scope="session")
def api(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> Iterator[Api]:
    """The app, spoken to over HTTP."""
    with Api.started(runner, settings, passwords) as api:
        yield api


@pytest.fixture
def started(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> Iterator[Started]:
    """Start the app with other settings, as another worker; it is stopped at the end of the test."""
    with ExitStack() as ending:

        def start(**changes: Any) -> Api:
            changed = msgspec.structs.replace(settings, **changes)
            return ending.enter_context(Api.started(runner, changed, passwords))

        yield start


@pytest.fixture(scope="module")
def ada(api: Api) -> User:
    """Somebody."""
    return api.user()


@pytest.fixture(scope="module")
def bob(api: Api) -> User:
    """Somebody else."""
    return api.user()


@pytest.fixture(scope="module")
def connection(runner: asyncio.Runner, database: str) -> "Iterator[asyncpg.Connection[asyncpg.Record]]":
    """A connection to this worker's database, beside the app."""
    connection = runner.run(asyncpg.connect(database))
    yield connection
    runner.run(connection.close())


@pytest.fixture(scope="module")
def execute(runner: asyncio.Runner, connection: "asyncpg.Connection[asyncpg.Record]") -> Execute:
    """Sends statements past the app: what time does, a test has to do by itself."""
    return lambda sql, *values: [dict(row) for row in runner.run(connection.fetch(sql, *values))]


@pytest.fixture
def own_execute(runner: asyncio.Runner, own_database: str) -> Iterator[Execute]:
    """Sends statements to the database of the test's own; JSON comes as Python has it."""
    connection = runner.run(asyncpg.connect(own_database))
    runner.run(connection.set_type_codec("json", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"))
    yield lambda sql, *values: [dict(row) for row in runner.run(connection.fetch(sql, *values))]
    runner.run(connection.close())


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """S3 as moto plays it; its address and credentials are given as they are to every tool of S3."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - half a second, in one worker instead of all

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    # What another module has put there is still in the memory of this process.
    assert httpx.post(f"http://{host}:{port}/moto-api/reset").status_code == 200
    given = {
        "AWS_ENDPOINT": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in given.items():
            environment.setenv(name, value)
        assert httpx.put(f"http://{host}:{port}/files").status_code == 200
        yield f"http://{host}:{port}/files"
    server.stop()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A data folder whose PostgreSQL is made, migrated and stopped; by whichever worker of the run needs it first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "made"
    with folder.with_suffix(".turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not folder.exists():
            server = embedded.start(folder, durable=False)
            try:
                asyncio.run(migrations.up(server.url))
            finally:
                server.stop()
    return folder


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """A data folder of the test's own: a copy takes a tenth of the time of a `holdfast serve` that starts from nothing."""
    # Whom its files belong to is kept.
    subprocess.run(["cp", "-a", str(made), str(tmp_path / "var")], check=True)
    return tmp_path / "var"
