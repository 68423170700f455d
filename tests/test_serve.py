"""`holdfast serve` as it is run: real processes, a real PostgreSQL, real signals."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import needs
import psutil
import pytest
from serving import HOLDFAST, PATIENCE, Serving, alive, free_port, listens, run, until, users_of, variables

import app.server.own_database
from app.database import embedded, package_files
from app.database.postgres_programs import EmbeddedError, binaries_folder

NOBODY = 65534


def new_account(serving: Serving) -> str:
    answer = serving.post(
        "/v1/auth/register", {"email": f"{time.monotonic_ns()}@example.com", "password": "correct horse battery"}
    )
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def store_a_task(serving: Serving) -> tuple[str, str]:
    token = new_account(serving)
    answer = serving.post("/v1/tasks", {"title": "survive"}, token)
    assert answer.status_code == 201, answer.text
    return token, answer.json()["id"]


def begin_a_request(serving: Serving) -> tuple[socket.socket, bytes]:
    """Send a request up to the middle of its body, and wait until the app reads it. Gives the rest of the body too."""
    body = json.dumps({"email": "slow@example.com", "password": "correct horse battery"}).encode()
    connection = socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE)
    connection.sendall(
        b"POST /v1/auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
    connection.sendall(body[:20])
    return connection, body[20:]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One that runs, for the tests that leave it running."""
    folder = tmp_path_factory.mktemp("served")
    with Serving(folder / "var", folder / "said", "--workers", "2") as serving:
        yield serving


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """A PostgreSQL of its own, as someone with DATABASE_URL has."""
    server = embedded.start(tmp_path_factory.mktemp("postgres"), durable=False)
    try:
        yield server
    finally:
        server.stop()


def test_serve_starts_from_nothing_and_says_where_everything_is(served: Serving) -> None:
    assert served.get("/health/live").status_code == 200
    assert served.get("/health/ready").status_code == 200, served.get("/health/ready").text
    words = served.words()
    assert f"http://127.0.0.1:{served.port}/v1" in words
    assert f"http://127.0.0.1:{served.port}/docs" in words
    assert str(served.data) in words


def test_the_first_start_says_in_a_line_each_what_takes_its_time(served: Serving) -> None:
    starting, _, _ = served.words().partition("Holdfast is ready")
    made, migrating, migrated, server = [json.loads(line) for line in starting.splitlines() if line.startswith("{")]
    files = sorted(file.name for file in (package_files.folder("db") / "migrations").glob("*.sql"))
    assert (made["event"], made["folder"]) == ("making_database", str(served.data))
    assert (migrating["event"], migrating["migrations"]) == ("migrating", len(files))
    assert (migrated["event"], migrated["migrations"]) == ("migrated", len(files))
    assert (migrated["from"], migrated["to"]) == ("empty", files[-1].partition("_")[0])
    assert (server["event"], server["workers"]) == ("starting_server", 2)
    assert files[0] not in starting


def test_a_second_serve_on_one_folder_is_refused_with_the_first_ones_process_id(served: Serving) -> None:
    second = run("serve", HOLDFAST_DATA=str(served.data), PORT=str(free_port()))
    assert second.returncode == 1
    assert f"by process {served.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert served.get("/health/live").status_code == 200


def test_a_second_serve_on_one_port_is_refused(served: Serving, tmp_path: Path) -> None:
    second = run("serve", HOLDFAST_DATA=str(tmp_path), PORT=str(served.port))
    assert second.returncode == 1
    assert f"Port {served.port} on 127.0.0.1 is taken" in second.stderr
    assert "Traceback" not in second.stderr


def test_migrate_uses_the_server_that_serve_has_started(served: Serving) -> None:
    answer = run("migrate", "status", HOLDFAST_DATA=str(served.data))
    assert answer.returncode == 0, answer.stderr
    assert "applied" in answer.stdout
    assert "pending" not in answer.stdout
    assert served.get("/health/ready").status_code == 200


def test_a_worker_that_is_killed_is_replaced(served: Serving) -> None:
    before = until(lambda: len(served.workers()) == 2 and served.workers(), "both workers run")
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(served.workers()) == 2 and before[0] not in served.workers(), "another worker is there")
    assert before[1] in served.workers()
    assert served.get("/health/live").status_code == 200


@needs.linux
def test_most_of_what_workers_have_loaded_is_in_memory_once(served: Serving) -> None:
    for worker in served.workers():
        memory = psutil.Process(worker).memory_full_info()
        # What is its own: two thirds, where the collector of each looks through everything.
        assert memory.uss < memory.rss / 2


def test_a_request_in_flight_gets_its_answer_when_told_to_stop(data: Path, tmp_path: Path) -> None:
    with Serving(data, tmp_path / "said") as serving:
        started = serving.processes()
        # A connection that idles, as browsers keep them, must not hold up the end.
        with socket.create_connection(("127.0.0.1", serving.port)), httpx.Client(trust_env=False) as browser:
            assert browser.get(serving.url + "/health/live").status_code == 200
            connection, rest = begin_a_request(serving)
            with connection:
                serving.process.send_signal(signal.SIGTERM)
                # Signals come in twos when a service manager signals the group and its wrapper passes them on.
                serving.process.send_signal(signal.SIGTERM)
                until(lambda: not listens(serving.port), "no new connection is taken")
                connection.sendall(rest)
                assert connection.recv(1000).startswith(b"HTTP/1.1 201 ")
            assert serving.process.wait(10) == 0, serving.words()
        assert not [process for process in started if alive(process.pid)]
        assert "Traceback" not in serving.words()


@needs.linux
def test_a_supervisor_killed_while_it_restarts_leaves_nothing_that_serves_and_loses_nothing(data: Path, tmp_path: Path) -> None:
    with Serving(data, tmp_path / "said") as serving:
        token, task = store_a_task(serving)
        serving.hang_up()
        until(lambda: len(serving.granians()) == 2, "another granian was begun")
        started = serving.processes()
        serving.process.kill()
        serving.process.wait(PATIENCE)
        # Not waited for: the next start has to cope with what is still about to stop.
        with Serving(data, tmp_path / "said again") as again:
            until(lambda: not any(alive(process.pid) for process in started), "granian, worker and PostgreSQL are gone")
            assert not listens(serving.port)
            assert again.get(f"/v1/tasks/{task}", token).status_code == 200
            assert again.stop() == 0


def test_a_backend_of_a_dead_postgresql_that_never_ends_does_not_keep_it_from_starting(data: Path, tmp_path: Path) -> None:
    with Serving(data, tmp_path / "said") as serving:
        token, task = store_a_task(serving)
        serving.kill_everything()
    # As one that waits for a lock in shared memory, it hears of nothing.
    postgres = tmp_path / "postgres"
    postgres.symlink_to("/bin/sleep")
    with subprocess.Popen([postgres, "600"], cwd=data / "postgres") as backend:
        with Serving(data, tmp_path / "said again") as again:
            assert again.get(f"/v1/tasks/{task}", token).status_code == 200
            assert again.stop() == 0
        assert backend.wait(PATIENCE) == -signal.SIGKILL


def test_after_a_kill_of_everything_the_next_start_has_all_data(data: Path, tmp_path: Path) -> None:
    with Serving(data, tmp_path / "said") as serving:
        token, task = store_a_task(serving)
        serving.kill_everything()
    assert (data / "postgres/postmaster.pid").exists()
    with Serving(data, tmp_path / "said again") as again:
        assert "was not properly shut down" in (data / "postgres.log").read_text()
        assert again.get(f"/v1/tasks/{task}", token).status_code == 200
        assert '"starting_database"' in again.words()
        assert "migrat" not in again.words()
        assert again.stop() == 0


def postmaster(serving: Serving, *, but: int = 0) -> int:
    """The process id of the PostgreSQL that comes along, once there is one, other than this."""

    def find() -> int:
        try:
            pid = int((serving.data / "postgres/postmaster.pid").read_text().partition("\n")[0])
        except (OSError, ValueError):
            return 0
        return pid if pid != but and alive(pid) else 0

    found: int = until(find, lambda: f"PostgreSQL runs: {serving.words()}")
    return found


def test_a_postgresql_that_dies_is_started_again_but_not_for_ever(data: Path, tmp_path: Path) -> None:
    assert app.server.own_database.RESTARTS == 5
    once = "import sys, app.server.own_database as it, app.server.cli; it.RESTARTS = 1; app.server.cli.main(sys.argv[2:])"
    with Serving(data, tmp_path / "said", before=(sys.executable, "-c", once)) as serving:
        token, task = store_a_task(serving)
        workers, pid = serving.workers(), postmaster(serving)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid), "PostgreSQL is gone")
        statuses = set()
        while (status := serving.get(f"/v1/tasks/{task}", token).status_code) != 200:
            statuses.add(status)
            # It replays its log: what asks now takes time from that.
            time.sleep(0.1)
        # On a busy machine it may be there again before the first of them.
        assert statuses <= {503}
        assert serving.workers() == workers
        os.kill(postmaster(serving, but=pid), signal.SIGKILL)
        assert serving.process.wait(PATIENCE) == 1
        assert "The embedded PostgreSQL ended too often" in serving.words()
        assert "Traceback" not in serving.words()


@needs.root
def test_an_ordinary_user_can_serve() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = Path(folder, "home")
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        with Serving(home / "var", Path(folder, "said"), before=as_nobody()) as serving:
            assert psutil.Process(serving.process.pid).uids().effective == NOBODY
            assert users_of(serving.processes()) == {NOBODY}
            assert serving.get("/health/ready").status_code == 200
            assert stat.S_IMODE((home / "var").stat().st_mode) == 0o700
            assert serving.stop() == 0


@needs.root
def test_an_ordinary_user_is_refused_the_data_of_another(tmp_path: Path) -> None:
    refused = subprocess.run(
        [*as_nobody(), HOLDFAST, "serve"],
        env=variables(HOLDFAST_DATA=str(tmp_path), PORT=str(free_port())),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert refused.returncode == 1
    assert f"The data folder {tmp_path} belongs to another user" in refused.stderr


@needs.root
def test_root_can_serve_from_a_folder_that_is_closed_to_others() -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        with Serving(Path(folder, "deep/var"), Path(folder, "said")) as serving:
            assert serving.get("/health/ready").status_code == 200
            granian = serving.granian()
            assert granian is not None
            ours = {granian.pid, *serving.workers()}
            users = users_of([process for process in serving.processes() if process.pid not in ours])
            assert users
            assert 0 not in users
            assert serving.stop() == 0
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700


def test_production_without_a_database_url_is_refused(tmp_path: Path) -> None:
    refused = run("serve", APP_ENV="production", HOLDFAST_DATA=str(tmp_path))
    assert refused.returncode == 2
    assert "DATABASE_URL" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_a_bad_value_stops_the_start_with_the_variables_name_and_never_the_value(tmp_path: Path) -> None:
    refused = run("serve", DATABASE_URL="mysql://bob:hunter2@db.internal/x", HOLDFAST_DATA=str(tmp_path))
    assert refused.returncode == 2
    assert "DATABASE_URL" in refused.stderr
    assert not {"bob", "hunter2", "db.internal"} & set(refused.stderr.replace("@", " ").replace(":", " ").split())
    assert "Traceback" not in refused.stderr


def test_an_option_goes_before_its_variable(tmp_path: Path) -> None:
    refused = run("serve", "--port", "0", PORT="8000", HOLDFAST_DATA=str(tmp_path))
    assert refused.returncode == 2
    assert "PORT" in refused.stderr


def test_a_database_that_cannot_be_reached_is_retried_and_then_named_without_a_secret() -> None:
    # The waits of a real start, made short; nobody asked for an option.
    program = (
        "import app.database.startup; app.database.startup.FIRST_WAIT = 0.01\n"
        f"from app.server.cli import main; main(['serve', '--port', '{free_port()}'])"
    )
    gone = subprocess.run(
        [sys.executable, "-c", program],
        env=variables(DATABASE_URL="postgresql://bob:hunter2@127.0.0.1:1/secretdb"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert gone.returncode == 1
    assert gone.stderr.count("database_not_there") == 5
    assert "DATABASE_URL" in gone.stderr
    assert gone.stderr.count('"servers": ["127.0.0.1:1"]') == 5
    for secret in ("bob", "hunter2", "secretdb", "Traceback"):
        assert secret not in gone.stderr + gone.stdout


def test_a_database_that_lacks_migrations_is_told_in_the_place_of_ready_and_ready_once_they_ran(
    postgres: embedded.Server, tmp_path: Path
) -> None:
    url = new_database(postgres, "behind")
    names = sorted(file.name for file in (package_files.folder("db") / "migrations").glob("*.sql"))
    with Serving(tmp_path / "var", tmp_path / "said", DATABASE_URL=url) as serving:
        words = serving.words()
        assert "Holdfast is ready" not in words
        assert f"lacks {len(names)} migrations" in words
        assert [name in words for name in names[:12]] == [True] * 10 + [False] * 2
        assert f"and {len(names) - 10} more" in words
        assert "holdfast migrate up" in words
        ready = serving.get("/health/ready")
        assert (ready.status_code, ready.json()["schema"]) == (503, "unexpected")
        migrated = run("migrate", "up", DATABASE_URL=url)
        assert migrated.returncode == 0, migrated.stderr
        assert serving.get("/health/ready").status_code == 200
        token, task = store_a_task(serving)
        assert serving.get(f"/v1/tasks/{task}", token).status_code == 200


def test_a_worker_that_cannot_start_ends_the_serve_with_its_message(postgres: embedded.Server, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "from multiprocessing.process import BaseProcess\n"
        "BaseProcess.run = lambda process: sys.exit('broken on purpose')\n"
    )
    ended = run("serve", DATABASE_URL=postgres.url, PORT=str(free_port()), PYTHONPATH=str(tmp_path))
    assert ended.returncode == 1
    [pending] = [line for line in ended.stderr.splitlines() if "migrations_pending" in line]
    assert json.loads(pending)["migrations"] == len([*(package_files.folder("db") / "migrations").glob("*.sql")])
    assert ".sql" not in pending
    assert ended.stderr.count("broken on purpose") == 1
    assert "The server ended by itself" in ended.stderr


def test_a_stop_in_the_middle_of_the_start_leaves_nothing(tmp_path: Path) -> None:
    serving = Serving(tmp_path / "var", tmp_path / "said")
    try:
        until(serving.granian, "granian has been started")
        assert serving.stop() == 0, serving.words()
    finally:
        serving.kill_everything()


def test_five_migrations_at_once_all_come_up_and_each_file_is_applied_once(postgres: embedded.Server) -> None:
    url = new_database(postgres, "five")
    racing = [
        subprocess.Popen(
            [HOLDFAST, "migrate", "up"],
            env=variables(DATABASE_URL=url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]
    words = [process.communicate(timeout=PATIENCE) for process in racing]
    assert [process.returncode for process in racing] == [0] * 5, words
    applied = [line for output, _ in words for line in output.splitlines() if line.startswith("applied")]
    assert applied
    assert len(applied) == len(set(applied))
    assert "pending" not in run("migrate", "status", DATABASE_URL=url).stdout


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a cluster that nobody serves; beside it, what a first start left that was killed half-way."""
    data = tmp_path_factory.mktemp("cluster")
    (data / "postgres.partial").mkdir()
    (data / "postgres.partial/PG_VERSION").write_text("1")
    embedded.start(data, durable=False).stop()
    assert not (data / "postgres.partial").exists()
    return data


def test_a_server_that_still_runs_is_taken_over(cluster: Path) -> None:
    first = embedded.start(cluster, durable=False)
    try:
        again = embedded.start(cluster, durable=False)
        assert again.pid == first.pid
        assert again.url == first.url == embedded.running(cluster)
        again.stop()
        assert not first.running()
        assert embedded.running(cluster) is None
    finally:
        first.stop()


def test_the_process_id_of_something_else_does_not_keep_the_server_from_starting(cluster: Path) -> None:
    left = cluster / "postgres/postmaster.pid"
    left.write_text(f"{os.getpid()}\n{cluster / 'postgres'}\n0\n5432\n{cluster / 'socket'}\n\n\n")
    server = embedded.start(cluster, durable=False)
    try:
        assert server.pid != os.getpid()
        assert server.running()
    finally:
        server.stop()


def test_a_path_that_is_too_long_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    server = embedded.start(tmp_path / ("x" * 100), durable=False)
    try:
        sockets = Path(httpx.URL(server.url).params["host"])
        assert not sockets.is_relative_to(tmp_path)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    finally:
        server.stop()
    assert not sockets.exists()


def test_a_socket_folder_that_is_open_to_others_is_refused(cluster: Path) -> None:
    (cluster / "socket").chmod(0o755)
    try:
        with pytest.raises(EmbeddedError, match="closed to others"):
            embedded.start(cluster, durable=False)
    finally:
        (cluster / "socket").chmod(0o700)


def as_nobody() -> tuple[str, ...]:
    """Run as an ordinary user. The interpreter may lie where only root gets: reading is the one right that is kept."""
    return (
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        "--securebits=+no_setuid_fixup",
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=-all,+dac_read_search",
        "--",
    )


def new_database(server: embedded.Server, name: str) -> str:
    sockets = httpx.URL(server.url).params["host"]
    binaries = binaries_folder()
    subprocess.run([str(binaries / "createdb"), f"--host={sockets}", "--port=5432", "--username=holdfast", name], check=True)
    return server.url.replace("/holdfast?", f"/{name}?")
