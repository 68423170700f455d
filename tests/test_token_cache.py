"""The callers that a worker keeps in memory: never longer than the database knows them."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from client import PASSWORD, Api, User, soon_refused
from structlog.testing import capture_logs

from app.auth.passwords import Passwords
from app.auth.token_cache import LIFE, SIZE, Caller, TokenCache
from app.auth.tokens import hash_token
from app.settings import Settings


@pytest.fixture(scope="module")
def here(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> Iterator[Api]:
    with Api.started(runner, settings, passwords) as api:
        yield api


@pytest.fixture(scope="module")
def there(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> Iterator[Api]:
    """Another worker on the same database."""
    with Api.started(runner, settings, passwords) as api:
        yield api


def execute(runner: asyncio.Runner, url: str, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()

    return runner.run(run())


def knows(api: Api, user: User) -> bool:
    """Whether a worker has the caller of a token in memory."""
    return api.token_cache.get(hash_token(user.token.encode())) is not None


def listen(api: Api) -> None:
    """Wait until a worker keeps callers: right after its start, or after its listener was ended."""
    user = api.user()
    deadline = time.monotonic() + 5
    while not knows(api, user):
        assert time.monotonic() < deadline, "the listener did not come back"
        assert user.get("/v1/me").status_code == 200
        api.runner.run(asyncio.sleep(0.01))


def known_in_both(here: Api, there: Api) -> User:
    """Somebody whom both workers have in memory."""
    listen(here)
    listen(there)
    user = here.user()
    for worker in (here, there):
        worker.get("/v1/me", token=user.token)
        assert knows(worker, user)
    return user


def test_a_known_caller_costs_no_query(here: Api, there: Api) -> None:
    user = known_in_both(here, there)
    before = here.get("/metrics").text
    for _ in range(3):
        assert here.get("/v1/me", token=user.token).status_code == 200
    counted = 'holdfast_query_seconds_count{query="auth.caller"}'
    after = here.get("/metrics").text
    assert [line for line in before.splitlines() if counted in line] == [line for line in after.splitlines() if counted in line]


@pytest.mark.parametrize("way", ["logout", "password", "deletion", "session", "disabled", "by hand", "expired"])
def test_a_token_that_ended_in_one_worker_is_refused_in_another(
    here: Api, there: Api, runner: asyncio.Runner, database: str, way: str
) -> None:
    user = known_in_both(here, there)
    other = here.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).json()["token"]
    hashed = hash_token(user.token.encode())
    if way == "logout":
        assert here.post("/v1/auth/logout", token=user.token).status_code == 204
    elif way == "password":
        change = {"current": PASSWORD, "new": "another horse battery"}
        assert here.request("PUT", "/v1/me/password", json=change, token=other).status_code == 204
    elif way == "deletion":
        assert here.request("DELETE", "/v1/me", json={"password": PASSWORD}, token=other).status_code == 204
    elif way == "session":
        [session] = [s for s in here.get("/v1/me/sessions", token=other).json()["items"] if not s["is_current"]]
        assert here.delete(f"/v1/me/sessions/{session['id']}", token=other).status_code == 204
    elif way == "disabled":
        execute(runner, database, "update users set is_active = false where email = $1", user.email)
    elif way == "by hand":
        execute(runner, database, "delete from sessions where token_hash = $1", hashed)
    else:
        execute(
            runner,
            database,
            "update sessions set created_at = now() - interval '1 day', expires_at = now() where token_hash = $1",
            hashed,
        )
    if way not in {"disabled", "by hand", "expired"}:
        assert here.get("/v1/me", token=user.token).status_code == 401, "at once where it was ended"
    soon_refused(lambda: there.get("/v1/me", token=user.token))
    soon_refused(lambda: here.get("/v1/me", token=user.token))


def test_an_api_token_that_ended_is_refused_in_another_worker(here: Api, there: Api) -> None:
    user = known_in_both(here, there)
    made = user.post("/v1/me/tokens", {"name": "Script", "scopes": ["read"]}).json()
    for worker in (here, there):
        assert worker.get("/v1/tasks", token=made["token"]).status_code == 200
    assert user.delete(f"/v1/me/tokens/{made['id']}").status_code == 204
    assert here.get("/v1/tasks", token=made["token"]).status_code == 401
    soon_refused(lambda: there.get("/v1/tasks", token=made["token"]))


def test_a_changed_role_reaches_every_worker(here: Api, there: Api, runner: asyncio.Runner, database: str) -> None:
    user = known_in_both(here, there)
    execute(runner, database, "update users set role = 'admin' where email = $1", user.email)
    deadline = time.monotonic() + 0.1
    for worker in (here, there):
        while knows(worker, user):
            assert time.monotonic() < deadline
            runner.run(asyncio.sleep(0.001))


def test_a_token_is_refused_also_right_after_the_listener_was_ended(
    here: Api, there: Api, runner: asyncio.Runner, database: str
) -> None:
    user = known_in_both(here, there)
    listeners = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    execute(runner, database, listeners + " and application_name = 'holdfast listener'")
    assert here.post("/v1/auth/logout", token=user.token).status_code == 204
    soon_refused(lambda: there.get("/v1/me", token=user.token))
    # It comes back, and the cache with it.
    again = known_in_both(here, there)
    here.post("/v1/auth/logout", token=again.token)
    soon_refused(lambda: there.get("/v1/me", token=again.token))


def test_without_a_listener_nothing_is_kept(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> None:
    nowhere = msgspec.structs.replace(settings, listen_url="postgresql://nobody@127.0.0.1:1/nothing")
    with capture_logs() as lines, Api.started(runner, nowhere, passwords) as api:
        user = api.user()
        for _ in range(5):
            assert user.get("/v1/me").status_code == 200
        assert len(api.token_cache) == 0
        # Long enough for two more tries, which the log would be full of while the database is away.
        runner.run(asyncio.sleep(1.2))
    assert [line["event"] for line in lines].count("listener_failed") == 1


def test_a_storm_of_logins_and_logouts_never_leaves_a_dead_token_alive(here: Api, there: Api) -> None:
    user = known_in_both(here, there)

    async def life(number: int) -> None:
        worker, other = (here, there) if number % 2 else (there, here)
        login = {"email": user.email, "password": PASSWORD}
        token = (await worker.send("POST", "/v1/auth/login", json=login)).json()["token"]
        readers = [asyncio.create_task(other.send("GET", "/v1/me", token=token)) for _ in range(5)]
        assert (await worker.send("POST", "/v1/auth/logout", token=token)).status_code == 204
        assert (await worker.send("GET", "/v1/me", token=token)).status_code == 401
        await asyncio.gather(*readers)
        await asyncio.sleep(0.1)
        assert (await other.send("GET", "/v1/me", token=token)).status_code == 401

    here.together(*(life(number) for number in range(40)))


def caller(fresh_for: float | None = None) -> Caller:
    return Caller(
        uuid4(), uuid4(), None, "user", is_guest=False, timezone="UTC", stale=False, fresh_for=fresh_for, actor_id=None
    )


def test_a_lookup_is_not_kept_when_a_notice_came_since_it_began() -> None:
    token_cache = TokenCache()
    token_cache.listen(listening=True)
    before = token_cache.notices
    token_cache.forget(b"somebody else")
    token_cache.keep(b"token", caller(), before)
    assert token_cache.get(b"token") is None
    token_cache.keep(b"token", caller(), token_cache.notices)
    assert token_cache.get(b"token") is not None


def test_an_entry_lives_no_longer_than_its_token_and_five_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("app.auth.token_cache.monotonic", lambda: now)
    token_cache = TokenCache()
    token_cache.listen(listening=True)
    token_cache.keep(b"long", caller(), token_cache.notices)
    token_cache.keep(b"short", caller(fresh_for=0.5), token_cache.notices)
    now += 0.6
    assert token_cache.get(b"short") is None
    assert token_cache.get(b"long") is not None
    now += LIFE
    assert token_cache.get(b"long") is None


def test_losing_the_listener_drops_everything_and_a_full_cache_starts_anew() -> None:
    token_cache = TokenCache()
    token_cache.listen(listening=True)
    for number in range(SIZE + 1):
        token_cache.keep(str(number).encode(), caller(), token_cache.notices)
    assert len(token_cache) == 1
    token_cache.listen(listening=False)
    assert len(token_cache) == 0
