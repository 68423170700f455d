"""A replica, real and streaming: what it answers, how new that is, and what happens while the primary is away."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec
import pytest
from client import Api, Started, User, assert_problem
from served import PATHS, ROUTES
from standby import Pair

from app.database import replica
from app.database.executor import Database, on_connection
from app.database.queries import Query
from app.server import replica_findings
from app.server.doctor import connections_needed
from app.settings import Settings

PREFERS = {"X-Read-Preference": "replica"}
EXACT = {
    "/v1/consents", "/v1/consents/history", "/v1/credits", "/v1/credits/transactions", "/v1/me/export", "/v1/me/identities",
    "/v1/me/sessions", "/v1/me/tokens", "/v1/public/media/{token}", "/v1/usage",
}  # fmt: skip
"""Besides all of /v1/admin and /v1/auth."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A primary and its standby; each test that stops one starts it again."""
    pair = Pair(tmp_path_factory.mktemp("pair"))
    try:
        pair.make()
        pair.start()
        yield pair
    finally:
        pair.stop()


@pytest.fixture(scope="module")
def api(runner: asyncio.Runner, settings: Any, passwords: Any, pair: Pair) -> Iterator[Api]:
    """The app on both."""
    with Api.started(runner, on(pair, settings), passwords) as api:
        is_in_state(api, "ok")
        yield api


def on(pair: Pair, settings: Any) -> Any:
    urls = {"database_url": pair.primary.url, "replica_url": pair.standby.url}
    return msgspec.structs.replace(settings, pool_size=2, max_overflow=4, **urls)


def readiness(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/health/ready").json()
    return found


def is_in_state(api: Api, state: str, status: str = "ok") -> None:
    """Wait until the worker has seen that the replica is so."""
    end = time.monotonic() + 10
    while (found := readiness(api))["replica"] != state or found["status"] != status:
        assert time.monotonic() < end, found
        api.runner.run(asyncio.sleep(0.1))


@contextmanager
def away(api: Api, pair: Pair) -> Iterator[None]:
    """Kill the primary, and start it again in the end."""
    pair.primary.stop(signal.SIGKILL)
    try:
        yield
    finally:
        pair.primary.start()
        is_in_state(api, "ok")


@contextmanager
def not_replaying(api: Api, pair: Pair) -> Iterator[None]:
    """The standby receives everything and replays nothing: whatever is committed meanwhile, it does not show."""
    api.runner.run(pair.standby.ask("select pg_wal_replay_pause()"))
    while api.runner.run(pair.standby.ask("select pg_get_wal_replay_pause_state()")) != "paused":
        # It pauses where it comes by, which is when something comes.
        api.runner.run(pair.primary.ask("select pg_logical_emit_message(false, 'pause', '')"))
    try:
        yield
    finally:
        api.runner.run(pair.standby.ask("select pg_wal_replay_resume()"))


def caught_up(api: Api, pair: Pair) -> None:
    """Wait until the standby shows all that is committed."""
    # By something that is written now: the position itself may lie behind the head of a page that nobody has begun.
    written = api.runner.run(pair.primary.ask("select pg_logical_emit_message(true, 'mark', '')::text"))
    end = time.monotonic() + 10
    while not api.runner.run(pair.standby.ask("select pg_last_wal_replay_lsn() >= $1::text::pg_lsn", written)):
        assert time.monotonic() < end
        time.sleep(0.01)


def came_from_replica(answer: httpx.Response) -> bool:
    assert answer.headers.get("x-read-from") in {None, "replica"}
    return "x-read-from" in answer.headers


# While the primary is away


def test_reads_go_on_within_five_seconds_of_a_crash_and_say_so(api: Api, pair: Pair) -> None:
    user = api.user()
    task = user.task()
    assert not came_from_replica(user.get(f"/v1/tasks/{task['id']}"))
    caught_up(api, pair)
    begun = time.monotonic()
    with away(api, pair):
        for path in (f"/v1/tasks/{task['id']}", "/v1/tasks", "/v1/me", "/v1/search?q=plants", "/v1/habits/today"):
            answer = user.get(path)
            assert (answer.status_code, answer.headers.get("x-read-only")) == (200, "replica"), (path, answer.text)
        assert time.monotonic() - begun < 5
        assert user.get(f"/v1/tasks/{task['id']}").json() == task
        assert_problem(user.get("/v1/tasks/01980000-0000-7000-8000-000000000000"), 404, "not_found")
        assert_problem(api.get("/v1/tasks", token="hf_" + "a" * 43), 401, "unauthenticated")
        refused = user.patch(f"/v1/tasks/{task['id']}", {"title": "Lost"})
        assert_problem(refused, 503, "database_unavailable")
        assert refused.headers["retry-after"] == "1"
        for path in ("/v1/credits", "/v1/usage", "/v1/me?with=credits", "/v1/me/sessions", "/v1/me/tokens", "/v1/consents"):
            assert_problem(user.get(path), 503, "database_unavailable")
        is_in_state(api, "ok", "read_only")
        ready = api.get("/health/ready")
        assert (ready.status_code, ready.json()["database"]) == (200, "unreachable")
    answer = user.patch(f"/v1/tasks/{task['id']}", {"title": "Back"})
    assert (answer.status_code, answer.json()["title"]) == (200, "Back")
    assert "x-read-only" not in user.get(f"/v1/tasks/{task['id']}").headers


def test_reads_go_on_within_five_seconds_of_a_primary_that_hangs(api: Api, pair: Pair) -> None:
    user = api.user()
    task = user.task()
    caught_up(api, pair)

    async def read() -> None:
        begun = time.monotonic()
        answer = await user.send("GET", f"/v1/tasks/{task['id']}")
        assert (answer.status_code, answer.headers.get("x-read-only")) == (200, "replica"), answer.text
        assert answer.json() == task
        assert time.monotonic() - begun < 5

    async def ask() -> None:
        # More than there are connections, and one that comes when all of them wait.
        early = [asyncio.create_task(read()) for _ in range(12)]
        await asyncio.sleep(0.5)
        await asyncio.gather(*early, read())

    with pair.primary.frozen():
        api.runner.run(ask())
    begun = time.monotonic()
    while (answer := user.patch(f"/v1/tasks/{task['id']}", {"title": "Back"})).status_code != 200:
        assert time.monotonic() - begun < 5, answer.text
    # From then on nothing is read that is older, whatever the last question to the primary came to.
    answer = user.get(f"/v1/tasks/{task['id']}")
    assert (answer.json()["title"], came_from_replica(answer)) == ("Back", False)
    is_in_state(api, "ok")


def test_a_session_that_was_ended_where_the_replica_has_not_seen_it_reads_until_the_primary_is_back(
    api: Api, pair: Pair
) -> None:
    """The limit: with a replica that lags, and a primary that dies in that moment, reads only."""
    user = api.user()
    seen, late = user, User(api, api.post("/v1/auth/login", {"email": user.email, "password": "correct horse battery"}).json())
    assert seen.post("/v1/auth/logout").status_code == 204
    caught_up(api, pair)
    with not_replaying(api, pair):
        assert late.post("/v1/auth/logout").status_code == 204
        assert_problem(late.get("/v1/tasks"), 401, "unauthenticated")
        with away(api, pair):
            assert_problem(seen.get("/v1/tasks"), 401, "unauthenticated")
            answer = late.get("/v1/tasks")
            assert (answer.status_code, answer.headers.get("x-read-only")) == (200, "replica")
            assert_problem(late.post("/v1/tasks", {"title": "No"}), 503, "database_unavailable")
            assert_problem(late.get("/v1/me/sessions"), 503, "database_unavailable")
        assert_problem(late.get("/v1/tasks"), 401, "unauthenticated")


def test_whom_the_replica_knew_is_not_kept_in_memory(api: Api, pair: Pair) -> None:
    user = api.user()
    caught_up(api, pair)
    with not_replaying(api, pair):
        assert user.post("/v1/auth/logout").status_code == 204
        # The listener hears nothing of it: its connection is there.
        with pair.primary.frozen():
            assert user.get("/v1/tasks").headers.get("x-read-only") == "replica"
        begun = time.monotonic()
        while (answer := user.post("/v1/tasks", {"title": "No"})).status_code != 401:
            assert (answer.status_code, time.monotonic() - begun < 4) == (503, True), answer.text
    is_in_state(api, "ok")


def test_a_read_that_would_write_does_so_on_the_primary_or_leaves_it_out(
    api: Api, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, admin = api.user(), api.user()
    ask = api.runner.run
    ask(pair.primary.ask("update users set role = 'admin' where id = $1::text::uuid", admin.id))
    stale = "update sessions set last_seen_at = now() - interval '2 hours' where user_id = $1::text::uuid"
    ask(pair.primary.ask(stale, user.id))
    caught_up(api, pair)
    api.token_cache.forget()
    run = Database.run

    async def watched(database: Database, query: Query, values: list[Any]) -> Any:
        # One that was promoted meanwhile would do what the primary may have done.
        assert query.reads_only or database is api.database, query.name
        return await run(database, query, values)

    monkeypatch.setattr(Database, "run", watched)
    with away(api, pair):
        # When a session was seen is not vital.
        assert user.get("/v1/tasks").headers.get("x-read-only") == "replica"
        # What an admin reads is written down first.
        answer = admin.get("/v1/tasks", headers={"X-On-Behalf-Of": user.id} | PREFERS)
        assert_problem(answer, 503, "database_unavailable")
    # The standby asks for the log again when it gets round to it.
    caught_up(api, pair)
    answer = admin.get("/v1/tasks", headers={"X-On-Behalf-Of": user.id} | PREFERS)
    assert (answer.status_code, came_from_replica(answer)) == (200, True)
    sql = "select count(*) from audit_events where acting_for = $1::text::uuid"
    assert ask(pair.primary.ask(sql, user.id)) == 1
    assert user.get("/v1/tasks", headers=PREFERS).status_code == 200
    seen = "select bool_and(last_seen_at > now() - interval '1 hour') from sessions where user_id = $1::text::uuid"
    assert ask(pair.primary.ask(seen, user.id))


# While it is there


def test_what_a_caller_prefers_to_read_from_the_replica_has_what_they_wrote(api: Api, pair: Pair) -> None:
    user = api.user()
    task = user.task()
    path = f"/v1/tasks/{task['id']}"
    with not_replaying(api, pair):
        user.patch(path, {"title": "New"})
        answer = user.get(path, headers=PREFERS)
        assert (answer.json()["title"], came_from_replica(answer)) == ("New", False)
    caught_up(api, pair)
    answer = user.get(path, headers=PREFERS)
    assert (answer.json()["title"], came_from_replica(answer), "x-read-only" in answer.headers) == ("New", True, False)
    assert not came_from_replica(user.get(path))
    assert not came_from_replica(user.get(path, headers={"X-Read-Preference": "primary"}))
    assert_problem(user.get("/v1/tasks/01980000-0000-7000-8000-000000000000", headers=PREFERS), 404, "not_found")


def test_of_many_writes_each_is_read_at_once_from_either(api: Api, pair: Pair) -> None:
    async def write_and_read(user: User, path: str) -> int:
        count = 0
        for number in range(25):
            headers = PREFERS if number % 2 else {}
            written = await user.send("PATCH", path, json={"title": f"Title {number}"}, headers=headers)
            assert ("x-read-after" in written.headers) is bool(headers)
            after = {"X-Read-After": written.headers["x-read-after"]} if headers else {}
            answer = await user.send("GET", path, headers=PREFERS | after)
            assert answer.json() == written.json()
            count += came_from_replica(answer)
        return count

    users = [api.user() for _ in range(4)]
    work = [write_and_read(user, f"/v1/tasks/{user.task()['id']}") for user in users]
    assert sum(api.together(*work)) > 10


def test_a_position_that_is_sent_back_holds_while_the_primary_is_away_too(api: Api, pair: Pair) -> None:
    user = api.user()
    task = user.task()
    path = f"/v1/tasks/{task['id']}"
    caught_up(api, pair)
    before = user.patch(path, {"title": "Before"}, headers=PREFERS)
    caught_up(api, pair)
    with not_replaying(api, pair):
        after = user.patch(path, {"title": "After"}, headers=PREFERS)
        with away(api, pair):
            old = user.get(path, headers={"X-Read-After": before.headers["x-read-after"]})
            assert (old.json()["title"], old.headers["x-read-only"]) == ("Before", "replica")
            missing = {"X-Read-After": after.headers["x-read-after"]}
            assert_problem(user.get(path, headers=missing), 503, "database_unavailable")
            assert_problem(user.get(path, headers=missing | PREFERS), 503, "database_unavailable")
            assert user.get(path).json()["title"] == "Before"
    assert user.get(path, headers=missing | PREFERS).json()["title"] == "After"
    for bad in ("", "x", "-1", "0/16B3748", "f" * 16, "1" * 5000):
        assert_problem(user.get(path, headers={"X-Read-After": bad}), 422, "invalid", "X-Read-After")


def test_a_position_that_is_sent_back_saves_the_question_to_the_primary(
    api: Api, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = api.user()
    task = user.task()
    written = user.patch(f"/v1/tasks/{task['id']}", {"title": "New"}, headers=PREFERS)
    caught_up(api, pair)

    async def asked(_: replica.Replica) -> int:
        raise AssertionError("the primary was asked")

    monkeypatch.setattr(replica.Replica, "written", asked)
    after = {"X-Read-After": written.headers["x-read-after"]}
    assert came_from_replica(user.get(f"/v1/tasks/{task['id']}", headers=PREFERS | after))
    # Nor is it by who does not use the replica.
    assert user.get("/v1/tasks").status_code == 200
    assert user.post("/v1/tasks", {"title": "One more"}).status_code == 201


def test_what_must_be_exact_never_comes_from_the_replica(api: Api, pair: Pair) -> None:
    reads = {route.path: route for route in ROUTES if route.method == "GET" and route.path.startswith("/v1/")}
    elsewhere = {path for path, route in reads.items() if not route.reads_replica}
    assert {path for path in elsewhere if not path.startswith(("/v1/admin", "/v1/auth"))} == EXACT
    assert {path for path in reads if path.startswith(("/v1/admin", "/v1/auth"))} <= elsewhere
    user = api.user()
    caught_up(api, pair)
    for path in (*sorted(EXACT - {"/v1/public/media/{token}"}), "/v1/me?with=credits", "/v1/me?with=usage,consents"):
        answer = user.get(path, headers=PREFERS)
        assert (answer.status_code, came_from_replica(answer)) == (200, False), path
    caught_up(api, pair)
    assert came_from_replica(user.get("/v1/me", headers=PREFERS))


def test_a_token_that_was_ended_is_refused_whatever_the_replica_says(api: Api, pair: Pair) -> None:
    user = api.user()
    caught_up(api, pair)
    with not_replaying(api, pair):
        assert user.post("/v1/auth/logout").status_code == 204
        assert_problem(user.get("/v1/tasks", headers=PREFERS | {"X-Read-After": "1"}), 401, "unauthenticated")


# How it stands


def test_lag_is_told_and_a_replica_that_is_far_behind_is_not_read(
    api: Api, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = api.user()
    task = user.task()

    def metric(name: str) -> float:
        lines = api.get("/metrics").text.splitlines()
        return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(name)))

    assert metric('holdfast_replica_state{state="ok"}') == 1
    with not_replaying(api, pair):
        user.patch(f"/v1/tasks/{task['id']}", {"title": "New"})
        api.runner.run(asyncio.sleep(2.5))
        assert metric("holdfast_replica_lag_bytes") > 0
        assert 1 <= metric("holdfast_replica_lag_seconds") < 10
        monkeypatch.setattr(replica, "MOST_BEHIND", 1.0)
        is_in_state(api, "behind")
        assert metric('holdfast_replica_state{state="behind"}') == 1
        pair.primary.stop(signal.SIGKILL)
        try:
            assert_problem(user.get("/v1/tasks"), 503, "database_unavailable")
            # However long that takes: what it lacks does not grow meanwhile.
            is_in_state(api, "behind", "unavailable")
        finally:
            pair.primary.start()
    is_in_state(api, "ok")
    end = time.monotonic() + 10
    # What a primary writes by itself after its start may be on the way.
    while metric("holdfast_replica_lag_bytes") > 0:
        assert time.monotonic() < end
        api.runner.run(asyncio.sleep(0.1))


def test_a_replica_that_is_down_is_told_and_is_missed_by_nobody(api: Api, pair: Pair, started: Started) -> None:
    user = api.user()
    pair.standby.stop(signal.SIGKILL)
    try:
        is_in_state(api, "unreachable")
        assert api.get("/health/ready").status_code == 200
        answer = user.get("/v1/tasks", headers=PREFERS)
        assert (answer.status_code, came_from_replica(answer)) == (200, False)
        written = user.post("/v1/tasks", {"title": "New"}, headers=PREFERS)
        assert (written.status_code, "x-read-after" in written.headers) == (201, True)
        another = started(database_url=pair.primary.url, replica_url=pair.standby.url)
        assert user.at(another).get("/v1/tasks").status_code == 200
    finally:
        pair.follow()
    is_in_state(api, "ok")
    caught_up(api, pair)
    assert came_from_replica(user.get("/v1/tasks", headers=PREFERS))


def test_a_replica_that_hangs_holds_up_nobody_for_long(api: Api, pair: Pair) -> None:
    user = api.user()
    task = user.task()
    written = user.patch(f"/v1/tasks/{task['id']}", {"title": "New"}, headers=PREFERS)
    caught_up(api, pair)
    after = {"X-Read-After": written.headers["x-read-after"]}
    assert came_from_replica(user.get("/v1/tasks", headers=PREFERS | after))

    async def read(headers: dict[str, str]) -> None:
        begun = time.monotonic()
        answer = await user.send("GET", f"/v1/tasks/{task['id']}", headers=PREFERS | headers)
        assert (answer.json(), came_from_replica(answer)) == (written.json(), False)
        assert time.monotonic() - begun < 5

    async def ask() -> None:
        early = [asyncio.create_task(read(headers)) for headers in (after, {}) for _ in range(6)]
        await asyncio.sleep(0.5)
        await asyncio.gather(*early, read(after), read({}))

    with pair.standby.frozen():
        api.runner.run(ask())
        is_in_state(api, "unreachable")
    is_in_state(api, "ok")


def test_without_a_replica_nothing_of_it_is_looked_at(pair: Pair, started: Started) -> None:
    alone = started(database_url=pair.primary.url)
    user = alone.user()
    assert readiness(alone)["replica"] == "none"
    answer = user.get("/v1/tasks", headers=PREFERS | {"X-Read-After": "nonsense"})
    assert (answer.status_code, came_from_replica(answer)) == (200, False)
    assert "x-read-after" not in user.post("/v1/tasks", {"title": "New"}, headers=PREFERS).headers


def test_the_document_names_the_headers_where_they_count() -> None:
    for route in ROUTES:
        if route.path not in PATHS or route.method.lower() not in PATHS[route.path]:
            continue
        operation = PATHS[route.path][route.method.lower()]
        sent = {each["$ref"].rpartition("/")[2] for each in operation["parameters"] if "$ref" in each}
        success = operation["responses"].get("200", {"headers": {}})
        assert ({"X-Read-Preference", "X-Read-After"} <= sent) is route.reads_replica, route.name
        assert ("X-Read-Only" in success["headers"]) is route.reads_replica, route.name


# What the doctor says


def test_the_doctor_knows_a_replica_from_what_is_none(pair: Pair, runner: asyncio.Runner, database: str, settings: Any) -> None:
    def found(url: str, **changes: Any) -> Any:
        changed = msgspec.structs.replace(settings, database_url=pair.primary.url, replica_url=url, **changes)
        return runner.run(on_connection(pair.primary.url, lambda on: replica_findings.examine(on, changed)))

    state, room = found(pair.standby.url)
    assert (state.state, state.text) == ("ok", "follows; a failover loses what it has not received")
    assert (room.state, room.subject) == ("ok", "replica pool")
    assert found(pair.standby.url, workers=100)[1].state == "bad"
    for url, words in (
        (pair.primary.url, "is no standby"),
        (database, "is of another server"),
        ("postgresql://nobody@127.0.0.1:1/holdfast", "cannot be reached"),
    ):
        finding = found(url)[0]
        assert (finding.state, finding.advice != "") == ("bad", True)
        assert words in finding.text
        assert "nobody" not in finding.text + finding.advice
    assert runner.run(on_connection(pair.primary.url, lambda on: replica_findings.examine(on, settings))) == []


def test_each_worker_watches_the_primary_on_a_connection_that_is_counted() -> None:
    alone, with_replica = Settings(database_url="postgresql://a/d"), Settings(database_url="postgresql://a/d", replica_url="x")
    assert connections_needed(with_replica) - connections_needed(alone) == 1
    assert connections_needed(Settings(database_url="postgresql://a,b/d", workers=3)) == 3 * 17 + 2
