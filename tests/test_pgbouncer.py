"""PgBouncer in its mode `transaction` between the app and PostgreSQL, as ops/pgbouncer.ini sets it up.

Twice, where it can track prepared statements: with and without.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import clustered
import needs
import pytest
from client import Api, Started
from command import holdfast
from crowded import CONDITIONS, crowd, send_for
from databases import as_app
from pooled import Pooler
from serving import Serving, run, until
from structlog.testing import capture_logs

from app.database.executor import Database, on_connection
from app.database.migrations import expected_version
from app.database.pooler import probing
from app.database.queries import load
from app.settings import Settings

pytestmark = needs.pgbouncer

SESSIONS = 3

TRACKING = ";max_prepared_statements = 1000"


@pytest.fixture(scope="module")
def direct(shared_database: str, template: str) -> str:
    return as_app(shared_database, template)


@pytest.fixture(scope="module", params=["not tracked", "tracked"] if needs.PGBOUNCER_TRACKS else ["not tracked"])
def pooler(request: pytest.FixtureRequest, direct: str) -> Iterator[Pooler]:
    tracks = request.param == "tracked"
    changes = {TRACKING: f"max_prepared_statements = {1000 * tracks}"} if needs.PGBOUNCER_TRACKS else {}
    with Pooler(direct, SESSIONS, changes) as pooler:
        pooler.tracks = tracks
        yield pooler


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everybody's files lie."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture
def pooled(started: Started, pooler: Pooler, direct: str) -> Api:
    """A worker behind the pooler, with more connections than there are sessions."""
    # On a cluster the first statement of a session meets other servers, and each is planned there anew.
    most = 5 if clustered.URL else 1
    return started(database_url=pooler.url, listen_url=direct, pool_size=SESSIONS + 1, max_overflow=0, query_timeout=most)


@pytest.fixture
def beside(runner: asyncio.Runner, shared_database: str) -> "Iterator[asyncpg.Connection[asyncpg.Record]]":
    """A connection to the database that no pooler knows of."""
    connection = runner.run(asyncpg.connect(shared_database))
    yield connection
    runner.run(connection.close())


@clustered.plain("three sessions are too few for fifty clients: without prepared statements each is planned anew, and slowly")
def test_what_fifty_clients_do_through_three_sessions_is_all_there_and_nobody_elses(
    pooler: Pooler, direct: str, shared_database: str, files: Path, tmp_path: Path
) -> None:
    given = CONDITIONS | {"DATABASE_URL": pooler.url, "DATABASE_LISTEN_URL": direct, "WORKERS": "2", "DB_POOL_SIZE": "20"}
    serving = Serving(files, tmp_path / "said", **given)
    with serving, crowd(shared_database, [serving], 14, guests=36) as everybody:
        counts, wrong = send_for(everybody, 1.5)
    assert wrong == []
    assert counts["errors"] == counts["lost"] == 0
    assert counts["acknowledged"] > 100


def test_a_token_that_was_ended_elsewhere_is_refused_before_its_caller_is_too_old(
    pooled: Api, runner: asyncio.Runner, beside: Any
) -> None:
    user = pooled.user()
    # Once the worker listens.
    until(lambda: user.get("/v1/me").status_code == 200 and len(pooled.token_cache) == 1, "the caller is kept")
    runner.run(beside.execute("delete from sessions where user_id = $1::text::uuid", user.id))
    # The worker would keep the caller for five seconds.
    deadline = time.monotonic() + 2
    while user.get("/v1/me").status_code != 401:
        assert time.monotonic() < deadline


def test_a_statement_that_takes_too_long_is_cancelled_and_gives_its_session_back(
    pooled: Api, runner: asyncio.Runner, beside: Any
) -> None:
    user = pooled.user()
    tasks = [user.post("/v1/tasks", {"title": str(number)}).json()["id"] for number in range(SESSIONS)]
    transaction = beside.transaction()
    runner.run(transaction.start())
    runner.run(beside.execute("select from tasks where user_id = $1::text::uuid for update", user.id))
    answers = pooled.together(
        *(pooled.send("DELETE", f"/v1/tasks/{task}", token=user.token) for task in tasks),
    )
    assert [answer.status_code for answer in answers] == [504] * SESSIONS
    # Every session was waiting. None does now, though the rows are still locked.
    assert user.get("/v1/tasks").json()["items"]
    runner.run(transaction.rollback())
    assert [user.delete(f"/v1/tasks/{task}").status_code for task in tasks] == [204] * SESSIONS


def test_a_value_that_the_driver_refuses_keeps_no_session(pooled: Api, pooler: Pooler, runner: asyncio.Runner) -> None:
    arguments = {"name": "n", "subject": "s", "maximum": 2**40, "seconds": 1}

    async def refused() -> None:
        with pytest.raises(asyncpg.DataError):
            await load("rate_limits").hit.value(pooled.database, int, **arguments)

    pooled.together(*(refused() for _ in range(SESSIONS)))

    async def somebody_else() -> Any:
        async with probing(pooler.url) as other:
            return await other.fetchval("select 1", timeout=5)

    assert runner.run(somebody_else()) == 1


def test_sessions_that_end_are_replaced(pooled: Api, runner: asyncio.Runner, beside: Any) -> None:
    user = pooled.user()
    ended = runner.run(
        beside.fetchval(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where datname = current_database() and application_name = 'holdfast'"
        )
    )
    assert 0 < ended <= SESSIONS
    assert user.get("/v1/tasks").status_code == 200
    assert user.post("/v1/tasks", {"title": "after"}).status_code == 201


@needs.pgbouncer_that_tracks
def test_prepared_statements_follow_their_client(pooler: Pooler) -> None:
    assert needs.PGBOUNCER_TRACKS, "so that a run on an older one says what was not tried"


def test_a_worker_prepares_statements_only_where_they_follow_it(pooler: Pooler, direct: str, runner: asyncio.Runner) -> None:
    settings = Settings(database_url=pooler.url, listen_url=direct, pool_size=1, query_timeout=15)
    with capture_logs() as lines:
        database = runner.run(Database.connect(settings))
    runner.run(database.close())
    assert [line["event"] for line in lines] == ([] if pooler.tracks else ["pooler_without_prepared_statements"])


def test_a_pooler_that_refuses_our_settings_is_served_through_and_they_are_missed(direct: str, runner: asyncio.Runner) -> None:
    ignored = "ignore_startup_parameters = statement_timeout,plan_cache_mode,random_page_cost,jit"
    with Pooler(direct, SESSIONS, {ignored: "", "set jit = off": "set jit = on"}) as strict, capture_logs() as lines:
        database = runner.run(Database.connect(Settings(database_url=strict.url, pool_size=1)))
        assert runner.run(load("maintenance").database_size.value(database, int))
        runner.run(database.close())
    [missed] = [line for line in lines if line["event"] == "pooler_without_settings"]
    assert missed["missing"] == ["jit"]


def test_a_pooler_that_leaves_each_client_its_session_is_as_good_as_none(direct: str, runner: asyncio.Runner) -> None:
    with Pooler(direct, SESSIONS, {"pool_mode = transaction": "pool_mode = session"}) as of_sessions:
        assert runner.run(on_connection(of_sessions.url, load("backups").server.row))
        assert holdfast(of_sessions.url, "migrate", "status").returncode == 0


def test_a_worker_whose_listener_comes_to_the_pooler_keeps_no_callers(started: Started, pooler: Pooler) -> None:
    with capture_logs() as lines:
        deaf = started(database_url=pooler.url)
        user = deaf.user()
        deadline = time.monotonic() + 20
        while not any(line["event"] == "listener_failed" for line in lines):
            assert time.monotonic() < deadline
            assert user.get("/v1/me").status_code == 200
    assert len(deaf.token_cache) == 0
    assert [line["error"] for line in lines if line["event"] == "listener_failed"] == ["DatabaseRefused"]


def commands(folder: Path) -> list[list[str]]:
    """One of each family that needs a session."""
    export, backup = ["export", "--to", str(folder / "all.zip")], ["backup", "--no-verify", str(folder / "backups")]
    return [["migrate", "up"], ["users", "list"], ["imports"], export, backup]


def test_commands_are_refused_where_they_would_share_a_session(pooler: Pooler, tmp_path: Path) -> None:
    for words in commands(tmp_path):
        refused = holdfast(pooler.url, *words)
        assert refused.returncode == 1
        assert "DATABASE_LISTEN_URL" in refused.stderr


def test_commands_go_past_the_pooler(pooler: Pooler, shared_database: str, files: Path, tmp_path: Path) -> None:
    past = {"DATABASE_LISTEN_URL": shared_database, "HOLDFAST_DATA": str(files)}
    assert expected_version() in holdfast(pooler.url, "migrate", "status", **past).stdout
    for words in (*commands(tmp_path), ["maintain"]):
        done = holdfast(pooler.url, *words, **past)
        assert done.returncode == 0, done.stderr


def test_serve_is_refused_without_a_direct_connection(pooler: Pooler, tmp_path: Path) -> None:
    served = run("serve", DATABASE_URL=pooler.url, HOLDFAST_DATA=str(tmp_path))
    assert served.returncode == 1
    assert "set DATABASE_LISTEN_URL" in served.stderr


def findings(url: str, **variables: str) -> dict[str, tuple[str, str]]:
    found = json.loads(holdfast(url, "doctor", "--json", **variables).stdout)
    return {each["subject"]: (each["state"], each["text"] + each["advice"]) for each in found}


def test_the_doctor_recognises_the_pooler_and_says_what_it_lacks(pooler: Pooler, direct: str, database: str) -> None:
    assert findings(pooler.url)["pooler"][0] == "bad"
    assert findings(pooler.url, DATABASE_LISTEN_URL=pooler.url.replace("127.0.0.1", "localhost"))["pooler"][0] == "bad"
    found = findings(pooler.url, DATABASE_LISTEN_URL=direct)
    assert found["pooler"][0] == found["session"][0] == "ok"
    assert found["statements"][0] == ("ok" if pooler.tracks else "mind")
    # max_client_conn is the pooler's, however few connections the server has.
    assert findings(pooler.url, DATABASE_LISTEN_URL=direct, WORKERS="20")["pool"][0] == "ok"
    state, text = findings(pooler.url, DATABASE_LISTEN_URL=direct, DB_QUERY_TIMEOUT="5")["session"]
    assert (state, "statement_timeout = 5000" in text) == ("mind", True)
    assert "pooler" not in findings(database)
