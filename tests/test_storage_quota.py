"""How much a user may store in rows: USER_MAX_BYTES and GUEST_MAX_BYTES."""

import asyncio
import os
from typing import Any
from uuid import uuid4

import httpx
import pytest
from client import PASSWORD, Api, Execute, Started, User, assert_problem, new_email
from seeds import SEEDS
from serving import until

from app.maintenance import jobs

MIB = 2**20


class Clock:
    """The time of what is known of users, which a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("app.http.storage_quota.monotonic", clock)
    return clock


@pytest.fixture
def start(started: Started) -> Started:
    """Start a worker with bounds; users come from the one without, so that registering is not limited."""
    # How often they may ask is for test_request_limits.py.
    often = {"user_requests_per_minute": 1_000_000, "guest_requests_per_minute": 1_000_000}
    return lambda **changes: started(rate_limits=True, **(often | changes))


def guest_of(api: Api) -> User:
    return User(api, api.post("/v1/auth/guest").json())


def text(length: int) -> str:
    """Text that cannot be made shorter."""
    return os.urandom(length // 2).hex()


def write(user: User, length: int = 200_000) -> httpx.Response:
    return user.post("/v1/blog-entries", {"title": "A day", "content": text(length)})


def write_all(user: User, length: int = 200_000, times: int = 100) -> int:
    """Write until it is refused; how many times that went well."""
    for n in range(times):
        answer = write(user, length)
        if answer.status_code != 201:
            assert_problem(answer, 403, "storage_quota_exceeded")
            return n
    return times


def stored_by(execute: Execute, user: User) -> int:
    [row] = execute("select stored_bytes from stored_bytes($1::text::uuid, 1000000)", user.id)
    return int(row["stored_bytes"])


def written_down(execute: Execute, user: User) -> int | None:
    rows = execute("select stored_bytes from storage_use where user_id = $1::text::uuid", user.id)
    return rows[0]["stored_bytes"] if rows else None


def settle(api: Api) -> int:
    """What maintenance does in this worker."""
    assert api.app.services.storage_quota is not None
    return api.runner.run(api.app.services.storage_quota.settle(api.database))


def test_a_guest_stores_ten_mebibytes_and_not_more(start: Started, api: Api, execute: Execute) -> None:
    """94 MB in 5.5 seconds, before."""
    guest = guest_of(api).at(start(guest_requests_per_minute=120))
    answers = [write(guest) for _ in range(300)]
    made = [answer.status_code for answer in answers].count(201)
    assert {answer.status_code for answer in answers} == {201, 403, 429}
    assert 20 < made < 60
    assert 5 * MIB < stored_by(execute, guest) < 10.5 * MIB


def test_a_whole_conversation_at_a_time_is_bounded_too(start: Started, api: Api, execute: Execute) -> None:
    guest = guest_of(api).at(start())
    body = {"messages": [{"role": "assistant", "content": text(80_000)} for _ in range(50)]}
    answers = [guest.put(f"/v1/conversations/{uuid4()}", body) for _ in range(12)]
    # One body over the bound, at most.
    assert [answer.status_code for answer in answers][:3] == [201] * 3
    assert answers[-1].status_code == 403
    assert stored_by(execute, guest) < 18 * MIB


def test_what_was_refused_is_not_counted(start: Started, api: Api, clock: Clock) -> None:
    user = api.user().at(start(user_max_bytes=100_000))
    entry = {"title": "A day", "content": text(1500)}
    assert write(user, 40_000).status_code == 201
    for _ in range(60):
        assert_problem(user.post("/v1/blog-entries", entry | {"status": "lost"}), 422, "invalid", "status")
        assert_problem(user.patch(f"/v1/blog-entries/{uuid4()}", entry), 404, "not_found")
    operations = [{"method": "POST", "path": "/v1/blog-entries", "body": entry}] * 15
    operations.append({"method": "GET", "path": f"/v1/blog-entries/{uuid4()}"})
    for _ in range(5):
        assert_problem(user.post("/v1/batch", {"operations": operations}), 404, "not_found")
    # What was stored is counted as before.
    assert 5 < write_all(user, 1500) < 40
    clock.sleep(1000)


def test_rows_that_take_more_than_their_json_are_bounded(start: Started, api: Api, execute: Execute) -> None:
    guest = guest_of(api).at(start(guest_max_bytes=MIB))
    exercises = [{"name": "x"} for _ in range(100)]
    workout = {"date": "2026-01-01", "type": "x", "exercises": exercises}
    statuses = [guest.post("/v1/workouts", workout).status_code for _ in range(200)]
    assert statuses[-1] == 403
    assert stored_by(execute, guest) < 2.5 * MIB


def test_creates_puts_patches_and_uploads_are_refused_and_everything_else_goes_on(
    start: Started, api: Api, execute: Execute
) -> None:
    user = api.user().at(start(user_max_bytes=MIB))
    task, tag = user.task(), user.made("/v1/tags", {"name": "Garden"})
    conversation = user.made("/v1/conversations", {})
    assert write_all(user) < 10
    for method, path, options in (
        ("POST", "/v1/tasks", {"json": {"title": "One more"}}),
        ("PATCH", f"/v1/tasks/{task['id']}", {"json": {"completed": True}}),
        ("PUT", "/v1/daily-reviews/2026-01-01", {"json": {"mood": 7}}),
        ("PUT", f"/v1/tags/{tag['id']}/tasks/{task['id']}", {}),
        ("POST", "/v1/media", {"files": {"file": ("a.txt", b"Hello", "text/plain")}}),
        ("POST", "/v1/me/tokens", {"json": {"name": "T", "scopes": ["read"]}}),
        ("POST", "/v1/credits/deductions", {"json": {"amount": 1}}),
        # Before what is wrong with the request is looked at.
        ("POST", "/v1/tasks", {"json": {"title": 7}}),
        ("PATCH", f"/v1/tasks/{uuid4()}", {"json": {"completed": True}}),
    ):
        answer = user.request(method, path, **options)
        assert_problem(answer, 403, "storage_quota_exceeded")
        assert answer.json()["max_bytes"] == MIB <= answer.json()["stored_bytes"]
    for method, path, body, status in (
        ("GET", "/v1/tasks", None, 200),
        ("PATCH", "/v1/me", {"name": "Ada"}, 200),
        ("PUT", "/v1/consents", {"terms_accepted": False, "marketing_consent": False}, 201),
        ("PUT", "/v1/me/password", {"current": PASSWORD, "new": "another horse battery"}, 204),
        ("POST", "/v1/conversations/batch", {"delete": [conversation["id"]]}, 200),
        ("DELETE", f"/v1/tasks/{task['id']}", None, 204),
        ("POST", "/v1/auth/logout", None, 204),
    ):
        assert user.request(method, path, json=body).status_code == status, path


def test_who_deletes_is_let_in_again_at_the_next_try(start: Started, api: Api, execute: Execute, clock: Clock) -> None:
    user = api.user().at(start(user_max_bytes=MIB))
    assert 3 <= write_all(user) <= 6
    clock.sleep(60)
    assert write_all(user) == 0
    for entry in user.get("/v1/blog-entries").json()["items"]:
        assert user.delete(f"/v1/blog-entries/{entry['id']}").status_code == 204
    # Not sooner than measuring has a rest from this user.
    assert write_all(user) == 0
    clock.sleep(1)
    assert 3 <= write_all(user) <= 6


def test_refusals_do_not_measure_again_and_again(start: Started, api: Api, clock: Clock) -> None:
    worker = start(user_max_bytes=MIB)
    user = api.user().at(worker)
    write_all(user)

    def measures() -> float:
        lines = worker.get("/metrics").text.splitlines()
        counted = 'holdfast_query_seconds_count{query="storage_use.measure"}'
        return sum(float(line.split()[-1]) for line in lines if line.startswith(counted))

    before = measures()
    assert [write(user, 100).status_code for _ in range(20)] == [403] * 20
    assert measures() == before
    clock.sleep(1)
    assert [write(user, 100).status_code for _ in range(20)] == [403] * 20
    assert measures() == before + 1


def test_who_writes_the_same_again_and_again_stores_it_once(start: Started, api: Api, clock: Clock) -> None:
    user = api.user().at(start(user_max_bytes=MIB))
    entry = user.made("/v1/blog-entries", {"title": "A day", "content": "It rained."})
    for _ in range(30):
        clock.sleep(1)
        assert user.patch(f"/v1/blog-entries/{entry['id']}", {"content": text(200_000)}).status_code == 200


def test_a_guest_who_registers_has_the_larger_bound(start: Started, api: Api, clock: Clock) -> None:
    worker = start(guest_max_bytes=MIB, user_max_bytes=3 * MIB)
    guest = guest_of(api).at(worker)
    assert write_all(guest) <= 6
    signed_in = guest.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD})
    assert signed_in.status_code == 201
    clock.sleep(1)
    assert 8 <= write_all(User(worker, signed_in.json())) <= 14


def test_what_a_service_writes_for_a_user_is_the_users(start: Started, api: Api, execute: Execute, clock: Clock) -> None:
    worker = start(user_max_bytes=MIB)
    service, user, other = api.user().at(worker), api.user().at(worker), api.user()
    execute("update users set role = 'service' where id = $1::text::uuid", service.id)

    def acting(user: User) -> httpx.Response:
        body = {"title": "A day", "content": text(200_000)}
        return service.post("/v1/blog-entries", body, headers={"X-On-Behalf-Of": user.id})

    answers = [acting(user) for _ in range(12)]
    assert answers[0].status_code == 201
    assert_problem(answers[-1], 403, "storage_quota_exceeded")
    assert write_all(user, 100) == 0
    assert acting(other).status_code == 201
    # What another worker learns of the user it learns about who is acted for, not about the service.
    clock.sleep(1)
    assert write_all(user, 100) == 0
    service.api = start(user_max_bytes=MIB)
    assert_problem(acting(user), 403, "storage_quota_exceeded")


def test_what_one_worker_has_measured_another_knows(start: Started, api: Api, execute: Execute, clock: Clock) -> None:
    here, there = start(user_max_bytes=MIB), start(user_max_bytes=MIB)
    user = api.user()
    write_all(user.at(here))
    clock.sleep(1)
    assert write_all(user.at(here)) == 0
    assert write_all(user.at(there)) == 0
    assert stored_by(execute, user) < 1.3 * MIB


def test_several_workers_let_in_no_more_than_what_each_has_not_heard_of(start: Started, api: Api, execute: Execute) -> None:
    workers = [start(user_max_bytes=2 * MIB) for _ in range(2)]
    user = api.user()
    for _ in range(60):
        for worker in workers:
            write(user.at(worker), 100_000)
    assert stored_by(execute, user) < 3.5 * MIB


def test_maintenance_measures_who_wrote_once_a_day_and_adds_up_in_between(start: Started, api: Api, execute: Execute) -> None:
    worker = start()
    user, idle = api.user().at(worker), api.user().at(worker)
    idle.get("/v1/tasks")
    user.task()
    assert settle(worker) == 1
    first = written_down(execute, user)
    assert first is not None
    assert abs(first - stored_by(execute, user)) < 500
    assert written_down(execute, idle) is None
    assert settle(worker) == 0
    # A caller is kept in memory for some seconds.
    worker.token_cache.forget()
    write(user, 10_000)
    assert settle(worker) == 0
    added = written_down(execute, user)
    assert added is not None
    assert 10_000 < added - first < 12_000
    execute("update storage_use set measured_at = now() - interval '25 hours' where user_id = $1::text::uuid", user.id)
    worker.token_cache.forget()
    user.task()
    assert settle(worker) == 1
    assert written_down(execute, user) == stored_by(execute, user)


def test_a_server_that_serves_settles_by_itself(start: Started, api: Api, execute: Execute, monkeypatch: Any) -> None:
    monkeypatch.setattr(jobs, "EVERY", 0.05)
    worker = start()
    user = api.user().at(worker)
    user.task()

    async def a_while() -> bool:
        await asyncio.sleep(0.05)
        return True

    until(lambda: worker.runner.run(a_while()) and written_down(execute, user), "what was stored is written down")


def test_a_user_with_more_rows_than_are_looked_at_goes_by_what_was_sent(
    start: Started, api: Api, execute: Execute, clock: Clock, monkeypatch: Any
) -> None:
    monkeypatch.setattr("app.http.storage_quota.MAX_ROWS", 3)
    user = api.user().at(start(user_max_bytes=MIB))
    assert 3 <= write_all(user) <= 6
    for _ in range(5):
        clock.sleep(60)
        assert write_all(user) == 0


def test_every_table_of_a_user_is_counted_a_new_one_too(execute: Execute, api: Api) -> None:
    tables = """
        select table_name from information_schema.columns join information_schema.tables using (table_schema, table_name)
        where table_schema = 'public' and column_name = 'user_id' and table_type = 'BASE TABLE'"""
    # What an import remembers of an account is not what its user has stored.
    of_imports = {"import_items", "import_changes", "import_reports", "deleted_objects"}
    assert {row["table_name"] for row in execute(tables)} == SEEDS.keys()
    seeded = "create temp table seed as select $1::text::uuid as user_id, new_id() as id, 0 as place, now()::date as date"
    for table, seed in SEEDS.items():
        if table in of_imports:
            continue
        user = api.user()
        execute(seeded, user.id)
        others = ("tasks", "habits", "goals", "workouts", "conversations", "tags", "media")
        for other in (each for each in SEEDS if each in others and each != table):
            execute(SEEDS[other])
        before = stored_by(execute, user)
        execute(seed)
        assert stored_by(execute, user) > before, table
        execute("drop table seed")
        # Credits without their ledger are broken ones to whoever looks at all of them.
        execute("delete from users where id = $1::text::uuid", user.id)


def test_files_of_a_guest_are_bounded_as_their_rows_are(start: Started, api: Api, execute: Execute) -> None:
    worker = start(guest_max_bytes=100_000, media_quota_bytes=200_000)
    guest, user = guest_of(api).at(worker), api.user().at(worker)

    def upload(someone: User) -> httpx.Response:
        return someone.post("/v1/media", files={"file": ("a.txt", b"x" * 60_000, "text/plain")})

    assert [upload(guest).status_code for _ in range(2)] == [201, 413]
    assert [upload(user).status_code for _ in range(4)] == [201, 201, 201, 413]
    # Their bytes are not those of rows.
    assert stored_by(execute, user) < 5000


def test_without_rate_limits_no_one_is_refused_or_measured(api: Api, execute: Execute) -> None:
    guest = guest_of(api)
    assert write_all(guest, times=60) == 60
    assert written_down(execute, guest) is None
