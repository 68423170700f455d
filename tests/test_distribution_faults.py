"""A cluster in trouble: a worker that is away, shards that are moved under load, many at one ledger."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import asyncpg
import clustered
import pytest
from client import PASSWORD, Api, Started, User, assert_problem
from databases import as_app
from test_distribution import answered

pytestmark = clustered.cluster

NOWHERE = 1
"""A port at which nobody listens."""


@pytest.fixture
def api(started: Started, own_database: str, template: str) -> Api:
    return started(database_url=as_app(own_database, template), pool_size=2, max_overflow=2)


@pytest.fixture
def neighbours(api: Api, own_database: str) -> dict[int, User]:
    """A user on each worker, by the worker's node id."""
    found: dict[int, User] = {}
    workers = answered(own_database, "select nodeid from pg_dist_node where groupid > 0")
    while len(found) < len(workers):
        user = api.user()
        found.setdefault(node_of(own_database, user), user)
    return found


def node_of(url: str, user: User) -> int:
    """The worker that a user's rows are on."""
    where = """
        select n.nodeid
        from pg_dist_placement p
        join pg_dist_node n using (groupid)
        where p.shardid = get_shard_id_for_distribution_column('tasks', $1::text::uuid)"""
    return int(answered(url, where, user.id)[0]["nodeid"])


class Away:
    """Takes a worker away from a database alone: the coordinator is told another port, as if nothing answered there."""

    def __init__(self, url: str, node: int) -> None:
        self.url, self.node = url, node
        self.port = answered(url, "select nodeport from pg_dist_node where nodeid = $1", node)[0]["nodeport"]

    def set(self, port: int) -> None:
        # What it knows of its servers is sent to the workers, which need not hear of this.
        answered(self.url, "update pg_dist_node set nodeport = $2 where nodeid = $1 returning nodeid", self.node, port)


@pytest.fixture
def away(own_database: str, neighbours: dict[int, User]) -> Iterator[Away]:
    worker = Away(own_database, max(neighbours))
    worker.set(NOWHERE)
    yield worker
    worker.set(worker.port)


def test_while_a_worker_is_away_the_users_of_the_others_go_on(api: Api, neighbours: dict[int, User], away: Away) -> None:
    """What writes a user's row waits, even for users of the others. tests/test_worker_away.py asks every route."""
    for _ in range(10):
        for node, user in neighbours.items():
            answers = [user.post("/v1/tasks", {"title": "T"}), user.get("/v1/tasks"), user.get("/v1/habits")]
            if node == away.node:
                for answer in answers:
                    assert_problem(answer, 503, "database_unavailable")
                    assert answer.headers["Retry-After"] == "1"
                    assert answer.elapsed.total_seconds() < api.settings.query_timeout
            else:
                assert [answer.status_code for answer in answers] == [201, 200, 200]
            assert user.get("/v1/me").status_code == 200
    assert api.database.pool.breaker_state == "closed"
    assert api.get("/health/ready").status_code == 200
    assert_problem(
        api.post("/v1/auth/register", {"email": "new@example.com", "password": PASSWORD}), 503, "database_unavailable"
    )


def test_while_a_worker_is_away_everybody_signs_in_by_password(api: Api, neighbours: dict[int, User], away: Away) -> None:
    for node, user in neighbours.items():
        credentials = {"email": user.email, "password": PASSWORD}
        signed_in = api.post("/v1/auth/login", credentials)
        assert signed_in.status_code == 200, signed_in.text
        assert signed_in.json()["user"]["id"] == user.id
        again = User(api, signed_in.json())
        assert again.get("/v1/tasks").status_code == (503 if node == away.node else 200)
        assert_problem(api.post("/v1/auth/login", credentials | {"password": "something else"}), 401, "invalid_credentials")
        before = user.me["last_login_at"]
        assert signed_in.json()["user"]["last_login_at"] == before


def test_when_a_worker_is_back_so_are_its_users(api: Api, neighbours: dict[int, User], away: Away) -> None:
    user = neighbours[away.node]
    assert user.post("/v1/tasks", {"title": "T"}).status_code == 503
    away.set(away.port)
    assert user.post("/v1/tasks", {"title": "T"}).status_code == 201
    assert [task["title"] for task in user.get("/v1/tasks").json()["items"]] == ["T"]
    assert api.user().get("/v1/tasks").status_code == 200


def test_shards_are_moved_under_load_and_nothing_is_lost(api: Api, neighbours: dict[int, User], own_database: str) -> None:
    node, user = next(iter(neighbours.items()))
    other = next(each for each in neighbours if each != node)
    moved = False
    acknowledged: list[str] = []
    codes: Counter[int] = Counter()

    async def write() -> None:
        while not moved:
            answer = await user.send("POST", "/v1/tasks", json={"title": "T"})
            codes[answer.status_code] += 1
            if answer.status_code == 201:
                acknowledged.append(answer.json()["id"])
            codes[(await user.send("GET", "/v1/tasks?limit=1")).status_code] += 1

    async def move() -> None:
        nonlocal moved
        connection = await asyncpg.connect(own_database)
        try:
            await asyncio.sleep(0.2)
            await connection.execute(
                """
                select citus_move_shard_placement(get_shard_id_for_distribution_column('tasks', $1::text::uuid), $2, $3,
                    case current_setting('wal_level') when 'logical' then 'force_logical' else 'block_writes' end::
                        citus.shard_transfer_mode)""",
                user.id,
                node,
                other,
            )
            await asyncio.sleep(0.2)
        finally:
            moved = True
            await connection.close()

    api.together(move(), write(), write())
    assert node_of(own_database, user) == other
    assert codes.keys() <= {200, 201}, codes
    rows = answered(own_database, "select id::text from tasks where user_id = $1::text::uuid", user.id)
    assert sorted(row["id"] for row in rows) == sorted(acknowledged)
    # And it goes on there: triggers, foreign keys and functions have moved along.
    task = user.post("/v1/tasks", {"title": "T"}).json()
    changed = user.patch(f"/v1/tasks/{task['id']}", {"title": "Changed"}).json()
    assert changed["version"] > task["version"]


def test_the_ledger_adds_up_whoever_takes_from_it_at_the_same_time(
    api: Api, neighbours: dict[int, User], own_database: str
) -> None:
    users = list(neighbours.values())
    accounts = {user.id: user.get("/v1/credits").json()["available"] for user in users}

    async def take(user: User, key: int) -> tuple[str, int]:
        body: dict[str, Any] = {"amount": 3, "idempotency_key": f"key {key}"}
        return user.id, (await user.send("POST", "/v1/credits/deductions", json=body)).status_code

    # Each key twice, and more than there is.
    outcomes = Counter(api.together(*(take(user, key) for user in users for key in range(20) for _ in range(2))))
    for user in users:
        taken = outcomes[(user.id, 201)]
        assert taken == accounts[user.id] // 3, outcomes
        assert outcomes.keys() <= {(each.id, status) for each in users for status in (200, 201, 402)}, outcomes
        assert user.get("/v1/credits").json()["available"] == accounts[user.id] - 3 * taken
    sums = """
        select a.user_id
        from credit_accounts a
        join credit_transactions t using (user_id)
        group by a.user_id, a.available
        having sum(t.amount) <> a.available"""
    assert not answered(own_database, sums)
