"""The audit trail as admins read it, and the sessions that they end."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from client import PASSWORD, Api, Execute, User, assert_problem, soon_refused

from app.database.ids import first_id, new_id

Row = dict[str, Any]


def with_role(api: Api, execute: Execute, role: str) -> User:
    user = api.user()
    execute("update users set role = $2 where id = $1::text::uuid", user.id, role)
    return user


@pytest.fixture(scope="module")
def admin(api: Api, execute: Execute) -> User:
    return with_role(api, execute, "admin")


def events(admin: User, **filters: str) -> list[Row]:
    words = "&".join(f"{name.rstrip('_')}={value}" for name, value in filters.items())
    return admin.walk(f"/v1/admin/audit-events?{words}&limit=200")


def done(rows: list[Row]) -> list[str]:
    return [row["action"] for row in rows]


def test_an_admin_reads_what_an_actor_did_newest_first_and_page_by_page(api: Api, admin: User, execute: Execute) -> None:
    actor, user = with_role(api, execute, "admin"), api.user()
    path = f"/v1/admin/users/{user.id}"
    actor.get(path)
    actor.patch(path, {"is_verified": True}, headers={"X-Request-Id": "trace-me"})
    actor.get("/v1/admin/users")
    found = events(admin, actor=actor.id)
    assert done(found) == ["GET /v1/admin/users", "PATCH /v1/admin/users/{id}", "GET /v1/admin/users/{id}"]
    assert found[1].keys() == {"id", "actor_id", "acting_for", "action", "target", "detail", "created_at"}
    assert (found[1]["actor_id"], found[1]["acting_for"], found[1]["target"]) == (actor.id, None, path)
    assert found[1]["detail"] == {"request_id": "trace-me"}
    assert admin.walk(f"/v1/admin/audit-events?actor={actor.id}&limit=1") == found
    assert events(admin, actor=str(uuid4())) == []


def test_the_trail_without_a_filter_begins_with_the_request_that_reads_it(admin: User) -> None:
    [newest] = admin.get("/v1/admin/audit-events?limit=1", headers={"X-Request-Id": "reads-it"}).json()["items"]
    assert (newest["action"], newest["actor_id"]) == ("GET /v1/admin/audit-events", admin.id)
    assert newest["detail"] == {"request_id": "reads-it"}


def test_a_user_is_the_target_of_what_was_done_to_their_account_and_on_behalf_of_them(
    api: Api, admin: User, execute: Execute
) -> None:
    service, user, other = with_role(api, execute, "service"), api.user(), api.user()
    service.post("/v1/tasks", {"title": "For somebody"}, headers={"X-On-Behalf-Of": user.id})
    service.post("/v1/tasks", {"title": "For somebody else"}, headers={"X-On-Behalf-Of": other.id})
    admin.get(f"/v1/admin/users/{user.id.upper()}/credits")
    admin.put(f"/v1/admin/users/{user.id}/usage", {"tier": "pro"})
    about = events(admin, target=user.id)
    assert done(about) == ["PUT /v1/admin/users/{id}/usage", "GET /v1/admin/users/{id}/credits", "POST /v1/tasks"]
    assert events(admin, target=user.id.upper()) == about
    assert events(admin, target=user.id, actor=service.id) == about[2:]
    assert events(admin, target=about[0]["target"]) == about[:1]
    at_tasks = events(admin, target="/v1/tasks", actor=service.id)
    assert [row["acting_for"] for row in at_tasks] == [other.id, user.id]
    assert events(admin, target="/v1/task", actor=service.id) == []
    # The trail outlives the account.
    assert user.request("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204
    assert events(admin, target=user.id) == about


def test_events_are_found_by_their_days_in_utc_both_included(api: Api, admin: User, execute: Execute) -> None:
    actor = uuid4()
    days = [datetime(2020, 2, 27, 23, 59, 59, 999_999, tzinfo=UTC) + timedelta(days=each) for each in range(4)]
    for at in (moment for day in days for moment in (day, day + timedelta(microseconds=1))):
        execute(
            "insert into audit_events (id, actor_id, action, target, created_at) values (new_id($2), $1, 'GET /', '/', $2)",
            actor,
            at,
        )
    everything = events(admin, actor=str(actor))
    assert len(everything) == 8
    for from_ in range(4):
        for to in range(from_, 4):
            first, last = (days[each].date().isoformat() for each in (from_, to))
            expected = [row for row in everything if first <= row["created_at"][:10] <= last]
            assert events(admin, actor=str(actor), from_=first, to=last) == expected
            assert admin.walk(f"/v1/admin/audit-events?actor={actor}&from={first}&to={last}&limit=1") == expected
    assert events(admin, actor=str(actor), from_="1900-01-01", to="9999-12-31") == everything
    assert events(admin, actor=str(actor), to="1969-12-31") == []
    assert everything[-1]["detail"] is None


def test_the_first_id_of_a_day_lies_between_the_days() -> None:
    now = new_id()
    today = datetime.now(UTC).date()
    assert first_id(today) < now < first_id(today + timedelta(days=1))
    assert first_id(datetime(1900, 1, 1, tzinfo=UTC).date()) == UUID(int=0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("actor=ada", "actor"),
        ("actor=", "actor"),
        ("target=", "target"),
        ("target=%00", "target"),
        ("from=yesterday", "from"),
        ("from=2026-01-02&to=2026-01-01", "to"),
        ("limit=0", "limit"),
        ("order=newest", "order"),
        ("who=ada", "who"),
        ("actor=019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f00&actor=019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f00", "actor"),
    ],
)
def test_a_query_that_breaks_a_rule_is_refused(admin: User, query: str, field: str) -> None:
    assert_problem(admin.get(f"/v1/admin/audit-events?{query}"), 422, "invalid", field)


def test_a_cursor_of_nowhere_is_refused(admin: User) -> None:
    assert_problem(admin.get("/v1/admin/audit-events?cursor=nonsense"), 422, "invalid_cursor")


def test_nobody_reads_the_trail_without_a_token(api: Api) -> None:
    assert_problem(api.get("/v1/admin/audit-events"), 401, "unauthenticated")
    assert_problem(api.delete(f"/v1/admin/users/{uuid4()}/sessions"), 401, "unauthenticated")


# Sessions


def test_an_admin_ends_every_session_of_a_user_and_no_api_token(api: Api, admin: User) -> None:
    user, other = api.user(), api.user()
    second = api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).json()["token"]
    token = user.made("/v1/me/tokens", {"name": "Script", "scopes": ["read"]})["token"]
    path = f"/v1/admin/users/{user.id}/sessions"
    assert admin.delete(path).status_code == 204
    soon_refused(lambda: user.get("/v1/me"))
    soon_refused(lambda: api.get("/v1/me", token=second))
    assert api.get("/v1/tasks", token=token).status_code == 200
    assert other.get("/v1/me").status_code == 200
    assert api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).status_code == 200
    assert admin.delete(path).status_code == 204
    assert admin.delete(path).status_code == 204
    assert done(events(admin, target=user.id)) == ["DELETE /v1/admin/users/{id}/sessions"] * 3
    assert_problem(admin.delete(f"/v1/admin/users/{uuid4()}/sessions"), 404, "not_found")


@pytest.fixture
def in_flight(runner: asyncio.Runner, database: str) -> Iterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = runner.run(asyncpg.connect(database))
    yield connection
    runner.run(connection.close())


def test_a_login_in_flight_does_not_outlive_the_end_of_all_sessions(
    api: Api, admin: User, execute: Execute, in_flight: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    user = api.user()

    async def race() -> int:
        await in_flight.execute("begin")
        await in_flight.execute("update users set last_login_at = now() where id = $1::text::uuid", user.id)
        ending = asyncio.create_task(admin.send("DELETE", f"/v1/admin/users/{user.id}/sessions"))
        await asyncio.sleep(0.2)
        assert not ending.done()
        await in_flight.execute(
            "insert into sessions (token_hash, user_id, expires_at) values ($2, $1::text::uuid, now() + interval '1 day')",
            user.id,
            uuid4().bytes * 2,
        )
        await in_flight.execute("commit")
        return (await ending).status_code

    assert api.runner.run(race()) == 204
    assert execute("select id from sessions where user_id = $1::text::uuid", user.id) == []
