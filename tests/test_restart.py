"""SIGHUP to `holdfast serve`: newer code follows, and no request is lost. Real processes, real signals, a real nginx."""

import asyncio
import http.client
import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import needs
import psutil
import pytest
from proxy import Proxy
from serving import PATIENCE, Serving, alive, until
from steady_load import SteadyLoad, titles

BROKEN = """
import sys
if "run_granian" in " ".join(sys.orig_argv):
    sys.exit("broken on purpose")
"""

SLOW = """
import sys
if "run_granian" in " ".join(sys.orig_argv):
    import time; time.sleep(4)
"""

UNLIMITED = {"rate=50r/s": "rate=1000000r/s", "burst=200": "burst=100000"}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose sitecustomize.py every Python of the server runs first: code that can be changed meanwhile."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "sitecustomize.py").write_text("")
    return folder


@pytest.fixture(scope="module")
def served(shared_database: str, code: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("served")
    with Serving(
        folder / "var", folder / "said", "--workers", "2", DATABASE_URL=shared_database, PYTHONPATH=str(code)
    ) as serving:
        yield serving


@pytest.fixture(scope="module")
def token(served: Serving) -> str:
    answer = served.post("/v1/auth/register", {"email": "ada@example.com", "password": "correct horse battery"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def restart(serving: Serving) -> psutil.Process:
    """Restart, and wait until it is done, the old granian's end included; the new one."""
    [before] = serving.granians()
    done = serving.said_times("drained")
    serving.hang_up()
    until(lambda: serving.said_times("drained") > done, serving.words)
    [granian] = serving.granians()
    assert granian.pid != before.pid
    return granian


@needs.nginx
def test_a_restart_loses_no_request_and_no_acknowledged_write_behind_the_proxy_and_without_it(
    served: Serving, token: str, tmp_path: Path
) -> None:
    workers = until(lambda: len(served.workers()) == 2 and served.workers(), "both workers run")
    with (
        Proxy(tmp_path, served.port, UNLIMITED) as proxy,
        SteadyLoad(proxy.port, token, "proxied") as proxied,
        SteadyLoad(served.port, token, "bare") as bare,
    ):
        until(lambda: min(proxied.answered, bare.answered) > 300, "requests are answered")
        restart(served)
        before = proxied.answered, bare.answered
        until(lambda: proxied.answered > before[0] + 200 and bare.answered > before[1] + 200, "requests are answered")
    assert (proxied.lost, bare.lost) == ([], [])
    assert not {*workers} & {*served.workers()}
    acknowledged = [*proxied.acknowledged, *bare.acknowledged]
    assert len(acknowledged) > 450
    assert titles(served.port, token) == dict.fromkeys(acknowledged, 1)


def begin_to_register(port: int, body: bytes) -> socket.socket:
    """Send a request as far as its body, and wait until the server wants that."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(
        b"POST /v1/auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
    return connection


def test_the_old_workers_finish_what_is_in_flight_and_a_second_restart_comes_after_that(served: Serving) -> None:
    idle = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
    idle.request("GET", "/health/ready")
    assert idle.getresponse().read()
    body = json.dumps({"email": "slow@example.com", "password": "correct horse battery"}).encode()
    [old] = served.granians()
    done, begun = served.said_times("restarted"), served.said_times("restarting")
    with begin_to_register(served.port, body) as slow:
        served.hang_up()
        until(lambda: len(served.granians()) == 2, "another granian was begun")
        served.hang_up()
        until(lambda: served.said_times("restarted") == done + 1, served.words)
        # New connections lead to the new workers, what is open to the old ones.
        until(lambda: all(served.get("/health/ready").status_code == 200 for _ in range(8)), "new workers answer")
        idle.request("GET", "/health/ready")
        answer = idle.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (503, "close")
        state = json.loads(answer.read())
        assert (state["status"], state["server"], state["schema"]) == ("unavailable", "draining", "ok")
        assert alive(old.pid)
        assert served.said_times("restarting") == begun + 1
        slow.sendall(body)
        assert slow.recv(1000).startswith(b"HTTP/1.1 201 ")
    idle.close()
    until(lambda: not alive(old.pid), "the old granian has ended, which has no connection any more")
    until(lambda: served.said_times("restarted") == done + 2, served.words)
    until(lambda: len(served.granians()) == 1, "one granian is left")


def test_code_that_cannot_begin_leaves_the_old_one_serving_and_its_workers_replaced(served: Serving, code: Path) -> None:
    [old] = served.granians()
    failed = served.said_times("restart_failed")
    killed = until(lambda: len(served.workers()) == 2 and served.workers(), "both workers run")
    (code / "sitecustomize.py").write_text(BROKEN)
    served.hang_up()
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    # Whoever connects now waits for the next ones, and is not refused.
    assert served.get("/health/ready").status_code == 200
    until(lambda: len({*served.workers()} - {*killed}) == 2, "other workers are there")
    until(lambda: served.said_times("restart_failed") > failed, served.words)
    (code / "sitecustomize.py").write_text("")
    assert "broken on purpose" in served.words()
    until(lambda: [each.pid for each in served.granians()] == [old.pid], "only the old one is left")
    assert served.get("/health/ready").status_code == 200


def test_code_that_expects_another_schema_leaves_the_old_one_serving(served: Serving, shared_database: str) -> None:
    def execute(statement: str) -> None:
        async def work() -> None:
            connection = await asyncpg.connect(shared_database)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(work())

    [old] = served.granians()
    failed = served.said_times("restart_failed")
    execute("insert into schema_migrations (version) values ('99990101000000')")
    served.hang_up()
    until(lambda: served.said_times("restart_failed") > failed, served.words)
    assert "another schema than the database has" in served.words()
    execute("delete from schema_migrations where version = '99990101000000'")
    until(lambda: [each.pid for each in served.granians()] == [old.pid], "only the old one is left")
    assert served.get("/health/ready").status_code == 200


def test_a_stop_in_the_middle_of_a_restart_ends_both(database: str, code: Path, tmp_path: Path) -> None:
    with Serving(tmp_path / "var", tmp_path / "said", DATABASE_URL=database, PYTHONPATH=str(code)) as serving:
        (code / "sitecustomize.py").write_text(SLOW)
        serving.hang_up()
        until(lambda: len(serving.granians()) == 2, "another granian was begun")
        (code / "sitecustomize.py").write_text("")
        assert serving.stop() == 0, serving.words()


WAITS_FOR_A_SIGNAL = """
import fcntl, termios
from app.server.signals import Signals
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signals = Signals()
signals.listen()
print("listens", flush=True)
while not signals.asked:
    signals.wait([], None)
    print("restart" if signals.restart_asked else "stop", flush=True)
"""


def test_a_terminal_that_is_closed_stops_it_as_ever() -> None:
    terminal, its_end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", WAITS_FOR_A_SIGNAL],
        stdin=its_end,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        assert process.stdout is not None
        os.close(its_end)
        assert process.stdout.readline() == "listens\n"
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "restart\n"
        os.close(terminal)
        assert process.wait(PATIENCE) == 0
