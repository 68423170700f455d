"""/v1/query-cache: everybody reads, services and admins write, a hit costs nothing."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from client import Api, Execute, User, assert_problem
from locks import waited_for

from app.accounts.commands import set_role
from app.auth.passwords import Passwords
from app.query_cache.rules import BATCH
from app.settings import Settings


@pytest.fixture(scope="module")
def service(api: Api) -> User:
    user = api.user()
    assert api.runner.run(set_role(api.database, UUID(user.id), "service"))
    return user


def path() -> str:
    return f"/v1/query-cache/{uuid4().hex}"


def test_what_a_service_keeps_everybody_reads_and_it_costs_nothing(api: Api, service: User) -> None:
    key, user = path(), api.user()
    assert_problem(user.get(key), 404, "not_found")
    made = service.put(key, {"result": {"b": [1, 2.5, None], "a": "ä"}, "ttl_seconds": 60})
    assert made.status_code == 201
    hit = user.get(key)
    assert hit.json() == made.json()
    assert hit.json() == hit.json() | {"result": {"a": "ä", "b": [1, 2.5, None]}, "credits_charged": 0}
    assert user.get("/v1/credits").json()["available"] == 50
    replaced = service.put(key, {"result": 7, "ttl_seconds": 120})
    assert (replaced.status_code, replaced.json()["result"]) == (200, 7)
    assert_problem(api.get(key), 401, "unauthenticated")


def test_an_answer_is_kept_to_the_byte(service: User, ada: User) -> None:
    headers = {"Content-Type": "application/json"}
    for result in (b'{ "b": 1e2, "a": -0, "b": [1e-16000, 1e400] }', b"null", b'"\\u00e9\\/"', b"[" * 100 + b"]" * 100):
        key, body = path(), b'{"ttl_seconds": 60, "result": ' + result + b"}"
        for answer in (service.request("PUT", key, content=body, headers=headers), ada.get(key)):
            assert b'"result":' + result + b',"cached_at"' in answer.content


def test_an_answer_holds_for_an_hour_unless_its_writer_or_the_server_says_otherwise(
    service: User, runner: asyncio.Runner, settings: Settings, passwords: Passwords
) -> None:
    def life(user: User, body: Any) -> timedelta:
        kept = user.put(path(), body).json()
        return datetime.fromisoformat(kept["expires_at"]) - datetime.fromisoformat(kept["cached_at"])

    for body, seconds in (
        ({"result": 1}, 3600),
        ({"result": 1, "ttl_seconds": None}, 3600),
        ({"result": 1, "ttl_seconds": 7}, 7),
    ):
        assert life(service, body) == timedelta(seconds=seconds)
    with Api.started(runner, msgspec.structs.replace(settings, query_cache_ttl_seconds=60), passwords) as other:
        assert life(User(other, {"token": service.token, "user": service.me}), {"result": 1}) == timedelta(minutes=1)


def test_what_has_expired_is_not_there_and_can_be_kept_anew(
    service: User, ada: User, runner: asyncio.Runner, database: str
) -> None:
    key = path()
    # What other tests kept for a moment goes first.
    assert service.post("/v1/query-cache/cleanup").status_code == 200
    service.put(key, {"result": 1, "ttl_seconds": 60})

    async def expire() -> None:
        connection = await asyncpg.connect(database)
        sql = "update query_cache set cached_at = now() - $2::interval, expires_at = now() - $3::interval where query_hash = $1"
        await connection.execute(sql, key.rpartition("/")[2], timedelta(hours=2), timedelta(hours=1))
        await connection.close()

    runner.run(expire())
    assert_problem(ada.get(key), 404, "not_found")
    assert_problem(service.delete(key), 404, "not_found")
    assert service.post("/v1/query-cache/cleanup").json() == {"removed": 1}
    service.put(key, {"result": 1, "ttl_seconds": 60})
    runner.run(expire())
    assert service.put(key, {"result": 2, "ttl_seconds": 60}).status_code == 201
    assert ada.get(key).json()["result"] == 2


def test_a_cleanup_removes_more_than_one_batch(service: User, execute: Execute) -> None:
    execute(
        "insert into query_cache (query_hash, result, cached_at, expires_at) "
        "select 'batch-' || n, '1', now() - interval '2 hours', now() - interval '1 hour' from generate_series(1, $1) n",
        2 * BATCH + 1,
    )
    assert service.post("/v1/query-cache/cleanup").json() == {"removed": 2 * BATCH + 1}
    assert execute("select 1 from query_cache where query_hash like 'batch-%'") == []


def test_an_answer_that_is_kept_anew_during_a_cleanup_stays(
    service: User, execute: Execute, runner: asyncio.Runner, database: str
) -> None:
    key = path()
    service.put(key, {"result": 1, "ttl_seconds": 60})
    expire = "update query_cache set cached_at = now() - interval '2 hours', expires_at = now() where query_hash = $1"
    execute(expire, key.rpartition("/")[2])

    async def keep_anew_during_a_cleanup() -> None:
        writer = await asyncpg.connect(database)
        async with writer.transaction():
            await writer.execute(
                "update query_cache set expires_at = now() + interval '1 hour' where query_hash = $1", key.rpartition("/")[2]
            )
            cleanup = asyncio.create_task(service.send("POST", "/v1/query-cache/cleanup"))
            await waited_for(writer)
        await writer.close()
        assert (await cleanup).json() == {"removed": 0}

    runner.run(keep_anew_during_a_cleanup())
    assert service.get(key).json()["result"] == 1


def test_answers_are_removed_one_by_one_or_all(service: User, ada: User) -> None:
    keys = [path() for _ in range(3)]
    for key in keys:
        service.put(key, {"result": 1, "ttl_seconds": 60})
    assert service.delete(keys[0]).status_code == 204
    assert [ada.get(key).status_code for key in keys] == [404, 200, 200]
    assert service.delete("/v1/query-cache").status_code == 204
    assert [ada.get(key).status_code for key in keys] == [404] * 3


def test_a_user_writes_nothing_that_others_would_read(service: User, ada: User) -> None:
    key = path()
    service.put(key, {"result": 1, "ttl_seconds": 60})
    for method, at, body in (
        ("PUT", key, {"result": 2, "ttl_seconds": 60}),
        ("DELETE", key, None),
        ("DELETE", "/v1/query-cache", None),
        ("POST", "/v1/query-cache/cleanup", None),
    ):
        assert_problem(ada.request(method, at, json=body), 403, "role_required")
    assert ada.get(key).json()["result"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "result"),
        ({"result": 1, "ttl_seconds": 0}, "ttl_seconds"),
        ({"result": 1, "ttl_seconds": -5}, "ttl_seconds"),
        ({"result": 1, "ttl_seconds": "60"}, "ttl_seconds"),
        ({"result": 1, "ttl_seconds": 31_536_001}, "ttl_seconds"),
        ({"result": "a\0b", "ttl_seconds": 60}, "result"),
        ({"result": 1, "ttl_seconds": 60, "cost": 1}, "cost"),
    ],
)
def test_what_breaks_a_rule_is_not_kept(service: User, body: Any, field: str) -> None:
    key = path()
    assert_problem(service.put(key, body), 422, "invalid", field)
    assert_problem(service.get(key), 404, "not_found")


def test_an_answer_that_is_too_deep_and_a_key_of_another_form_are_refused(service: User) -> None:
    deep = b'{"ttl_seconds": 60, "result": ' + b"[" * 101 + b"]" * 101 + b"}"
    headers = {"Content-Type": "application/json"}
    assert_problem(service.request("PUT", path(), content=deep, headers=headers), 422, "body_too_complex")
    for key in ("a.b", "x" * 129, "%20"):
        assert_problem(service.put(f"/v1/query-cache/{key}", {"result": 1, "ttl_seconds": 60}), 422, "invalid", "query_hash")
        assert_problem(service.get(f"/v1/query-cache/{key}"), 404, "not_found")


def test_50_writers_of_one_answer_at_once_make_it_once(api: Api, service: User) -> None:
    key = path()
    answers = api.together(*(service.send("PUT", key, json={"result": n, "ttl_seconds": 60}) for n in range(50)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert service.get(key).json()["result"] in range(50)
